/*
 * register.c - agora register: stand behind a program, or run one.
 *
 * The registration's lock belongs to this process and is closed in the
 * child when it becomes the command: the name is alive as long as we are.
 */
#include "tool.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CANNOT_RUN 126
#define NO_COMMAND 127

static const char doc[] =
	"Register a program and keep it alive until a signal ends this "
	"command, or as long as COMMAND runs."
	"\v"
	"COMMAND finds the name in $AGORA_PROGRAM and the space in "
	"$AGORA_SPACE, gets the signals INT, TERM and HUP, and gives the exit "
	"status.\n\n"
	"Examples:\n"
	"  agora register weather --doc 'Storm warnings' &\n"
	"  agora register weather --tag city=Bern --tag live -- ./station "
	"--fast\n";

struct arguments {
	const char *name;
	char **command; /* NULL-terminated */
	int count;
	const char **tags; /* NULL-terminated */
	int tag_count;
	const char *doc;
};

static const struct argp_option options[] = {
	{"tag", 't', "KEY[=VALUE]", 0, "What it is; may be given again", 0},
	{"doc", 'd', "TEXT", 0, "One line about it", 0}, {0}};

static error_t take_word(
	struct arguments *a, char *arg, const struct argp_state *state)
{
	if (!a->name) {
		a->name = arg;
		return 0;
	}
	if (!state->quoted)
		tool_wrong(state,
			"'%s' is one argument too many (a command "
			"follows --)",
			arg);
	a->command[a->count++] = arg;
	return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case 't':
		a->tags[a->tag_count++] = arg;
		return 0;
	case 'd':
		a->doc = arg;
		return 0;
	case ARGP_KEY_ARG:
		return take_word(a, arg, state);
	case ARGP_KEY_NO_ARGS:
		tool_wrong(state, "NAME is missing");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {.options = options,
	.parser = parse,
	.args_doc = "NAME [-- COMMAND...]",
	.doc = doc,
	.children = tool_children};

/* ---- registering ------------------------------------------------------ */

/* Tell who has the name. */
static int taken(const char *name)
{
	struct agora_program_info *info;
	int pid;

	if (agora_program_info(tool_space(), name, &info) < 0)
		return tool_error(name, -EEXIST);
	pid = (int)info->pid;
	agora_program_info_free(info);
	return tool_say(name, "process %d has registered it and is alive", pid);
}

/* What of the registration is not as it must be. */
static int invalid(const struct arguments *a, int error)
{
	if (tool_check_program(a->name) == 0)
		tool_say(a->name, "a tag or the doc line is not accepted: %s",
			agora_strerror(error));
	return TOOL_WRONG;
}

/* Returns 0 or, after a line, an exit status. */
static int enroll(const struct arguments *a, struct agora_program **ret_program)
{
	struct agora_program_options made = {
		.doc = a->doc, .tags = (const char *const *)a->tags};
	int r = agora_program_register(
		tool_space(), a->name, &made, ret_program);

	if (r == -EEXIST)
		return taken(a->name);
	if (r == -EINVAL || r == -ENAMETOOLONG)
		return invalid(a, r);
	return r < 0 ? tool_error(a->name, r) : 0;
}

/* ---- running ---------------------------------------------------------- */

static void choose_signals(sigset_t *ret_set)
{
	sigemptyset(ret_set);
	sigaddset(ret_set, SIGINT);
	sigaddset(ret_set, SIGTERM);
	sigaddset(ret_set, SIGHUP);
	sigaddset(ret_set, SIGCHLD);
}

static void become(const struct arguments *a, const sigset_t *signals)
{
	int error;

	setenv("AGORA_PROGRAM", a->name, 1);
	setenv("AGORA_SPACE", agora_space_path(tool_space()), 1);
	tool_restore_pipe();
	sigprocmask(SIG_SETMASK, signals, NULL);
	execvp(a->command[0], a->command);
	error = errno;
	tool_say(a->command[0], "%s", strerror(error));
	_exit(error == ENOENT ? NO_COMMAND : CANNOT_RUN);
}

/* Returns an exit status once the command has ended, else -1. */
static int reap(pid_t child)
{
	int status;

	if (waitpid(child, &status, WNOHANG) != child)
		return -1;
	if (WIFSIGNALED(status))
		return 128 + WTERMSIG(status);
	return WEXITSTATUS(status);
}

/* A terminal sends its signals to the command, too: only others go on. */
static void forward(pid_t child, const siginfo_t *info)
{
	if (info->si_signo != SIGCHLD && info->si_code != SI_KERNEL)
		kill(child, info->si_signo);
}

static int run(
	const struct arguments *a, const sigset_t *signals, const sigset_t *old)
{
	siginfo_t info;
	pid_t child = fork();
	int status = -1;

	if (child < 0)
		return tool_say(a->command[0], "%s", strerror(errno));
	if (child == 0)
		become(a, old);
	while (status < 0) {
		if (sigwaitinfo(signals, &info) > 0)
			forward(child, &info);
		status = reap(child);
	}
	return status;
}

/* No command: stay until a signal comes. */
static int stay(const struct arguments *a, const sigset_t *signals)
{
	struct text out = {0};
	int r = text_print(&out, "registered\t%s\n", a->name);
	int signal;

	r = tool_print(&out, r);
	if (r)
		return r;
	do {
		signal = sigwaitinfo(signals, NULL);
	} while (signal < 0 || signal == SIGCHLD);
	return TOOL_DONE;
}

static int serve(const struct arguments *a)
{
	struct agora_program *program;
	sigset_t signals, old;
	int r;

	choose_signals(&signals); /* from here on none is lost */
	sigprocmask(SIG_BLOCK, &signals, &old);
	signal(SIGCHLD, SIG_DFL);
	r = enroll(a, &program);
	if (r)
		return r;
	r = a->count ? run(a, &signals, &old) : stay(a, &signals);
	agora_program_unregister(program);
	return r;
}

int register_main(int argc, char **argv)
{
	struct arguments a = {0};
	int r;

	a.command = calloc((size_t)argc + 1, sizeof(*a.command));
	a.tags = calloc((size_t)argc + 1, sizeof(*a.tags));
	if (a.command && a.tags) {
		tool_parse(&argp, argc, argv, &a);
		r = serve(&a);
	} else {
		r = tool_error("arguments", -ENOMEM);
	}
	free(a.command);
	free(a.tags);
	return r;
}
