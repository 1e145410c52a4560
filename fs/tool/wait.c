/*
 * wait.c - waiting for an object, for input, and for the signal to stop.
 *
 * A signal is noted and ends the wait it finds. One that comes just before
 * a wait begins would not end that wait: therefore the waiter is kicked,
 * and an alarm follows each second until the process has ended.
 */
#include "tool.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static volatile sig_atomic_t stopped;
static struct agora_waiter *waiter;
static struct sigaction old_pipe;

static void note(int signal)
{
	int saved = errno;

	if (signal != SIGALRM)
		stopped = signal;
	alarm(1);
	if (waiter)
		agora_waiter_kick(waiter);
	errno = saved;
}

void tool_catch(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGALRM};
	struct sigaction action = {.sa_handler = note}; /* no SA_RESTART */
	struct sigaction old;
	size_t i;
	int r = agora_waiter_open(&waiter);

	if (r < 0)
		exit(tool_error("waiting", r));
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		sigaction(signals[i], NULL, &old);
		if (old.sa_handler != SIG_IGN || signals[i] == SIGALRM)
			sigaction(signals[i], &action, NULL);
	}
}

int tool_stopped(void)
{
	return stopped ? 128 + stopped : 0;
}

ssize_t tool_read(void *data, size_t size)
{
	ssize_t n;

	do {
		if (stopped)
			return -EINTR;
		n = read(STDIN_FILENO, data, size);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

int tool_read_all(struct text *ret_text)
{
	static char part[65536];
	ssize_t n;
	int r = 0;

	while (r == 0) {
		n = tool_read(part, sizeof(part));
		if (n <= 0)
			return (int)n;
		r = text_append(ret_text, part, (size_t)n);
	}
	return r;
}

int tool_wait(struct agora_object *object, uint32_t events, uint64_t cursor)
{
	struct agora_wait item = {
		.object = object, .events = events, .cursor = cursor};
	int r;

	do {
		if (stopped)
			return -EINTR;
		r = agora_waiter_wait(waiter, &item, 1, NULL);
	} while (r == -EINTR || r == -ECANCELED);
	return r < 0 ? r : 0;
}

void tool_sleep(unsigned int milliseconds)
{
	struct timespec time = {.tv_sec = milliseconds / 1000,
		.tv_nsec = (long)(milliseconds % 1000) * 1000000};

	if (!stopped)
		nanosleep(&time, NULL);
}

void tool_ignore_pipe(void)
{
	struct sigaction action = {.sa_handler = SIG_IGN};

	sigaction(SIGPIPE, &action, &old_pipe);
}

void tool_restore_pipe(void)
{
	sigaction(SIGPIPE, &old_pipe, NULL);
}
