/*
 * main.c - the command line, becoming a daemon, the end.
 */
#include "events.h"
#include "loop.h"
#include "object.h"
#include "ops.h"
#include "park.h"
#include "point.h"
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse_log.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct server server;

struct arguments {
	const char *space;
	const char *point;
	char *options; /* for the mount, or NULL */
	bool foreground;
};

static const char usage[] =
	"usage: agora-mount [--space DIR] [--foreground] [-o OPTION,...] "
	"MOUNTPOINT\n"
	"\n"
	"Show a space as a tree of files.\n"
	"\n"
	"  -s, --space DIR    the space (default: $AGORA_SPACE, else\n"
	"                     /dev/shm/agora-UID)\n"
	"  -f, --foreground   stay in the foreground\n"
	"  -o OPTION,...      options of the mount, such as allow_other, "
	"which\n"
	"                     is the default for root\n"
	"\n"
	"umount MOUNTPOINT, or SIGTERM, ends it.\n";

static bool parse(int argc, char **argv, struct arguments *args)
{
	static const struct option longs[] = {
		{"space", required_argument, NULL, 's'},
		{"foreground", no_argument, NULL, 'f'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int c;

	/* No thread was started yet. NOLINTBEGIN(concurrency-mt-unsafe) */
	while ((c = getopt_long(argc, argv, "s:fo:h", longs, NULL)) >= 0) {
		switch (c) {
		case 's':
			args->space = optarg;
			break;
		case 'f':
			args->foreground = true;
			break;
		case 'o':
			if (fuse_opt_add_opt(&args->options, optarg) < 0)
				return false;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			return false;
		}
	}
	/* NOLINTEND(concurrency-mt-unsafe) */
	if (argc - optind != 1)
		return false;
	args->point = argv[optind];
	return true;
}

/* ---- beginning -------------------------------------------------------- */

static bool complain(const char *what, int r)
{
	fprintf(stderr, "agora-mount: %s: %s\n", what, agora_strerror(r));
	return false;
}

/* What libfuse says, which may come in pieces, is kept until we know whether
 * it is why we fail. */
static char fuse_said[256];

static void log_fuse(enum fuse_log_level level, const char *format, va_list ap)
{
	size_t size = strlen(fuse_said);

	(void)level;
	if (server.mounted)
		vfprintf(stderr, format, ap);
	else if (!strchr(fuse_said, '\n')) /* the first line tells */
		vsnprintf(
			fuse_said + size, sizeof(fuse_said) - size, format, ap);
}

static bool open_space(const char *path)
{
	struct stat st;
	int r = agora_space_open(path, &server.space);

	if (r < 0)
		return complain(path ? path : "default space", r);
	server.space_fd = agora_space_fd(server.space);
	if (fstat(server.space_fd, &st) < 0)
		return complain(agora_space_path(server.space), -errno);
	server.space_dev = st.st_dev;
	return true;
}

static bool make_session(const char *options)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	bool ok;

	ok = !fuse_opt_add_arg(&args, "agora-mount") &&
	     !fuse_opt_add_arg(
		     &args, "-odefault_permissions,fsname=agora,subtype=agora");
	if (ok && server.act_as_caller)
		ok = !fuse_opt_add_arg(&args, "-oallow_other");
	if (ok && options)
		ok = !fuse_opt_add_arg(&args, "-o") &&
		     !fuse_opt_add_arg(&args, options);
	if (ok)
		server.session = fuse_session_new(
			&args, &ops_table, sizeof(ops_table), NULL);
	fuse_opt_free_args(&args);
	return server.session != NULL;
}

static bool mount_at(const char *point, const char *options)
{
	fuse_set_log_func(log_fuse);
	server.mounted = make_session(options) &&
			 !fuse_session_mount(server.session, point);
	if (server.mounted)
		return true;
	fuse_said[strcspn(fuse_said, "\n")] = '\0';
	fprintf(stderr, "agora-mount: %s: cannot mount there%s%s\n", point,
		fuse_said[0] ? ": " : "", fuse_said);
	return false;
}

static void block_signals(sigset_t *ret_set)
{
	sigemptyset(ret_set);
	sigaddset(ret_set, SIGTERM);
	sigaddset(ret_set, SIGINT);
	sigaddset(ret_set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, ret_set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static void set_limits(void)
{
	struct rlimit limit;

	if (!getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	/* a dump would be written while requests hang */
	limit.rlim_cur = limit.rlim_max = 0;
	setrlimit(RLIMIT_CORE, &limit);
	umask(0); /* the kernel has applied that of the caller */
}

static bool start(void)
{
	int r = events_start();

	if (r < 0)
		return complain("cannot watch the space", r);
	r = park_start();
	if (!r)
		r = loop_start();
	return r < 0 ? complain("cannot start", r) : true;
}

/* Tell who started us that the tree is there, and let go of his files. */
static void tell_ready(int ready_fd)
{
	int null;

	if (ready_fd < 0)
		return;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; null >= 0 && fd < 3; fd++)
		dup2(null, fd);
	close(null);
	if (write(ready_fd, "", 1) < 0)
		fuse_session_exit(server.session);
	close(ready_fd);
}

/* ---- running ---------------------------------------------------------- */

static void finish(void)
{
	loop_stop();
	events_stop();
	park_stop();
	file_end_all();
	fuse_session_unmount(server.session);
	object_expire(true);
	tree_close_idle();
	fuse_session_destroy(server.session);
	agora_space_close(server.space);
}

static int serve(const struct arguments *args, int ready_fd)
{
	char *point = NULL;
	sigset_t signals;
	int signo;
	bool ok;

	server.act_as_caller = geteuid() == 0;
	ok = open_space(args->space) && point_check(args->point, &point) &&
	     mount_at(point, args->options);
	free(point);
	if (!ok)
		return 1;
	set_limits();
	block_signals(&signals);
	if (chdir("/") < 0 || !start()) {
		fuse_session_unmount(server.session);
		return 1;
	}
	tell_ready(ready_fd);
	sigwait(&signals, &signo);
	finish();
	return 0;
}

/* Wait until the daemon says that it is ready, or ends. */
static int await(pid_t pid, int fd)
{
	char byte;
	int status;

	if (read(fd, &byte, 1) == 1)
		return 0;
	if (waitpid(pid, &status, 0) == pid && WIFSIGNALED(status))
		fprintf(stderr, "agora-mount: killed by signal %d\n",
			WTERMSIG(status));
	return 1;
}

int main(int argc, char **argv)
{
	struct arguments args = {0};
	int fds[2];
	pid_t pid;

	if (!parse(argc, argv, &args)) {
		fputs(usage, stderr);
		return 2;
	}
	if (args.foreground)
		return serve(&args, -1);
	if (pipe2(fds, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
		complain("cannot become a daemon", -errno);
		return 1;
	}
	if (pid == 0) {
		close(fds[0]);
		setsid();
		return serve(&args, fds[1]);
	}
	close(fds[1]);
	return await(pid, fds[0]);
}
