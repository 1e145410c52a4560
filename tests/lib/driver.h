/*
 * driver.h - what every C driver of the tests includes, once. It brings main.
 *
 *	#include "driver.h"
 *
 *	TEST(pop_from_empty_returns_eagain)
 *	{
 *		CHECK_ERROR(-EAGAIN, agora_queue_pop(queue, &message));
 *	}
 *
 * "driver --list" prints the names of the tests, "driver NAME" runs one of
 * them in a process of its own, in a private space that is removed at the
 * end. It exits with 0 (passed), 1 (failed: file, line and values are on
 * standard error) or 77 (SKIP: a feature is missing).
 *
 * A failed check ends the process at once, also a child's; the parent sees
 * it as status 1: see driver_join().
 */
#ifndef TESTS_LIB_DRIVER_H
#define TESTS_LIB_DRIVER_H

#include <agora/agora.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* The private space of the test. */
__attribute__((unused)) static struct agora_space *space;
__attribute__((unused)) static char space_dir[256];

/* ---- tests ---------------------------------------------------------- */

struct driver_test {
	const char *name;
	void (*run)(void);
	struct driver_test *next;
};

static struct driver_test *driver_tests, **driver_last = &driver_tests;

#define TEST(sentence)                                                       \
	static void test_##sentence(void);                                   \
	__attribute__((constructor)) static void driver_add_##sentence(void) \
	{                                                                    \
		static struct driver_test test = {                           \
			#sentence, test_##sentence, NULL};                   \
		*driver_last = &test;                                        \
		driver_last = &test.next;                                    \
	}                                                                    \
	static void test_##sentence(void)

/* ---- checks --------------------------------------------------------- */

#define driver_fail(...)                                        \
	do {                                                    \
		fprintf(stderr, "%s:%d: ", __FILE__, __LINE__); \
		fprintf(stderr, __VA_ARGS__);                   \
		fputc('\n', stderr);                            \
		_exit(1);                                       \
	} while (0)

#define SKIP(why)                                      \
	do {                                           \
		fprintf(stderr, "skipped: %s\n", why); \
		_exit(77);                             \
	} while (0)

#define CHECK(expr)                                         \
	do {                                                \
		if (!(expr))                                \
			driver_fail("not true: %s", #expr); \
	} while (0)

/* Integers. */
#define CHECK_EQ(expected, actual)                                        \
	do {                                                              \
		long long driver_a = (long long)(expected);               \
		long long driver_b = (long long)(actual);                 \
		if (driver_a != driver_b)                                 \
			driver_fail("%s is %lld, not %s = %lld", #actual, \
				driver_b, #expected, driver_a);           \
	} while (0)

#define CHECK_STR(expected, actual)                                        \
	do {                                                               \
		const char *driver_a = (expected), *driver_b = (actual);   \
		if (!driver_b || strcmp(driver_a, driver_b))               \
			driver_fail("%s is \"%s\", not \"%s\"", #actual,   \
				driver_b ? driver_b : "(null)", driver_a); \
	} while (0)

/* A call that must not fail. */
#define CHECK_OK(call)                                                \
	do {                                                          \
		long long driver_r = (long long)(call);               \
		if (driver_r < 0)                                     \
			driver_fail("%s: %lld (%s)", #call, driver_r, \
				agora_strerror((int)driver_r));       \
	} while (0)

/* A call that must fail, with a negative errno. */
#define CHECK_ERROR(expected, call)                                           \
	do {                                                                  \
		long long driver_r = (long long)(call);                       \
		if (driver_r != (expected))                                   \
			driver_fail("%s: %lld (%s), not %s", #call, driver_r, \
				agora_strerror((int)driver_r), #expected);    \
	} while (0)

/* A call of the C library that must not fail. */
#define CHECK_SYS(call)                                                \
	do {                                                           \
		if ((call) < 0)                                        \
			driver_fail("%s: %s", #call, strerror(errno)); \
	} while (0)

/* ---- other processes ------------------------------------------------ */

/* Fork; returns 0 in the child, which dies with its parent at the latest. */
__attribute__((unused)) static pid_t driver_fork(void)
{
	pid_t parent = getpid(), pid;

	fflush(NULL);
	pid = fork();
	CHECK_SYS(pid);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	return 0;
}

/* Wait for a child. Returns its exit status, or minus the signal. */
__attribute__((unused)) static int driver_wait(pid_t pid)
{
	int status;

	CHECK_SYS(waitpid(pid, &status, 0));
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* Wait for a child that must have passed all of its checks. */
__attribute__((unused)) static void driver_join(pid_t pid)
{
	CHECK_EQ(0, driver_wait(pid));
}

/* Kill a child at once, and wait until it is gone. */
__attribute__((unused)) static void driver_kill(pid_t pid)
{
	kill(pid, SIGKILL);
	CHECK_EQ(-SIGKILL, driver_wait(pid));
}

/*
 * A signal from one process to another, to be made before the fork: any of
 * them posts, any waits. Waiting ends with the test when nobody is left.
 */
struct driver_signal {
	int fd[2];
};

__attribute__((unused)) static struct driver_signal driver_signal(void)
{
	struct driver_signal s;

	CHECK_SYS(pipe2(s.fd, O_CLOEXEC));
	return s;
}

__attribute__((unused)) static void driver_post(const struct driver_signal *s)
{
	CHECK_EQ(1, write(s->fd[1], "", 1));
}

__attribute__((unused)) static void driver_await(const struct driver_signal *s)
{
	char byte;

	CHECK_EQ(1, read(s->fd[0], &byte, 1));
}

#ifdef AGORA_CRASH_POINTS
#include "base/crash.h"

/*
 * Run work in a child that kills itself at the count-th pass of a step.
 * Returns true when it did, false when work ended before, without a failure.
 */
__attribute__((unused)) static bool driver_crash(const char *step, long count,
	void (*work)(void *context), void *context)
{
	pid_t pid = driver_fork();
	int status;

	if (!pid) {
		crash_arm(step, count);
		work(context);
		_exit(0);
	}
	status = driver_wait(pid);
	if (status != -SIGKILL)
		CHECK_EQ(0, status);
	return status;
}
#endif

/* ---- main ----------------------------------------------------------- */

static int driver_unlink(
	const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static void driver_run(const struct driver_test *test)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	CHECK_OK(agora_space_open(space_dir, &space));
	test->run();
	agora_space_close(space);
	/* Not _exit: a leak checker looks at the end. */
	exit(0);
}

static int driver_supervise(const struct driver_test *test)
{
	const char *root = getenv("AGORA_TEST_ROOT");
	int status;
	pid_t pid;

	snprintf(space_dir, sizeof(space_dir), "%s/agora-test-XXXXXX",
		root ? root : "/dev/shm");
	if (!mkdtemp(space_dir)) {
		fprintf(stderr, "%s: %s\n", space_dir, strerror(errno));
		return 1;
	}
	pid = fork();
	if (!pid)
		driver_run(test);
	waitpid(pid, &status, 0);
	nftw(space_dir, driver_unlink, 16, FTW_DEPTH | FTW_PHYS);
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	fprintf(stderr, "%s: killed by signal %d (%s)\n", test->name,
		WTERMSIG(status), strsignal(WTERMSIG(status)));
	return 1;
}

int main(int argc, char **argv)
{
	bool list = argc == 2 && !strcmp(argv[1], "--list");

	for (struct driver_test *t = driver_tests; t; t = t->next) {
		if (list)
			puts(t->name);
		else if (argc == 2 && !strcmp(argv[1], t->name))
			return driver_supervise(t);
	}
	if (list)
		return 0;
	fprintf(stderr, "usage: %s --list | NAME\n", argv[0]);
	return 2;
}

#endif
