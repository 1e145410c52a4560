/*
 * main.c - the agora command: finds the subcommand and runs it.
 */
#include "tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct command {
	const char *name;
	int (*main)(int argc, char **argv);
	const char *help;
};

static const struct command commands[] = {
	{"mount", mount_main, "show the space as a tree of files"},
	{"umount", umount_main, "take the tree away"},
	{"ls", ls_main, "list programs, objects, or keys"},
	{"register", register_main, "stand behind a program, or run one"},
	{"create", create_main, "make an object, or a program"},
	{"rm", rm_main, "remove objects and programs"},
	{"stat", stat_main, "describe an object or a program"},
	{"push", push_main, "append messages"},
	{"pop", pop_main, "take messages"},
	{"peek", peek_main, "show the next message"},
	{"tail", tail_main, "show the last messages, and follow"},
	{"follow", follow_main, "print the value that a reference names"},
	{"get", get_main, "print a value, that of a key or the only one"},
	{"put", put_main, "store a value, under a key or as the only one"},
	{"del", del_main, "remove a key"},
	{"range", range_main, "print what is between two keys"},
	{"watch", watch_main, "print what comes and goes"},
	{"doctor", doctor_main, "check a space and repair it"}, {0}};

static char *help(int key, const char *text, void *input)
{
	const struct command *command;
	struct text out = {0};

	(void)input;
	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)text;
	text_print(&out, "Commands:\n");
	for (command = commands; command->name; command++)
		text_print(&out, "  %-10s %s\n", command->name, command->help);
	text_print(&out, "\n%s", text ? text : "");
	text_append(&out, "", 1); /* argp wants a string and frees it */
	return out.data;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	int *ret_first = state->input;

	(void)arg;
	switch (key) {
	case ARGP_KEY_ARG:
		*ret_first = state->next - 1;
		state->next = state->argc; /* the rest is the command's */
		return 0;
	case ARGP_KEY_NO_ARGS:
		tool_wrong(state, "a command is missing; see agora --help");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {.parser = parse,
	.args_doc = "COMMAND [ARGUMENT...]",
	.doc = "Look into, feed and steer the programs and shared objects of "
	       "an agora space."
	       "\v"
	       "agora COMMAND --help tells more about each, with examples.\n"
	       "Exit status: 0 done, 1 said no, 2 wrong use.",
	.children = tool_children,
	.help_filter = help};

static const struct command *find(const char *name)
{
	const struct command *command = commands;

	while (command->name && strcmp(command->name, name) != 0)
		command++;
	return command->name ? command : NULL;
}

int main(int argc, char **argv)
{
	const struct command *command;
	static char version[32];
	char name[64];
	int first = 0;

	tool_ignore_pipe();
	snprintf(version, sizeof(version), "agora %s", agora_version());
	argp_program_version = version;
	argp_err_exit_status = TOOL_WRONG;
	if (argc)
		argv[0] = (char *)"agora";
	if (argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &first) != 0)
		return TOOL_WRONG;
	command = find(argv[first]);
	if (!command) {
		tool_say(argv[first], "no such command; see agora --help");
		return TOOL_WRONG;
	}
	snprintf(name, sizeof(name), "agora %s", command->name);
	argv[first] = name;
	return command->main(argc - first, argv + first);
}
