/*
 * loop.c - threads that take requests from the kernel.
 *
 * The library's own loops do not end reliably: a thread that waits for a
 * request does not see that the session is over. These are sent a signal
 * until they have ended, since one that comes just before the thread begins
 * to wait is lost.
 */
#include "loop.h"

#include "server.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* More than there are processors: one may have a large object to show. */
#define THREADS 4

static pthread_t threads[THREADS];
static int thread_count;

static void on_wake(int signo)
{
	(void)signo; /* that the system call returns is all that is needed */
}

static void *run(void *arg)
{
	struct fuse_session *session = server.session;
	struct fuse_buf buf = {.mem = NULL};
	int r;

	(void)arg;
	while (!fuse_session_exited(session)) {
		r = fuse_session_receive_buf(session, &buf);
		if (r == -EINTR || r == -EAGAIN)
			continue;
		if (r <= 0)
			break;
		fuse_session_process_buf(session, &buf);
	}
	free(buf.mem);
	if (!fuse_session_exited(session))
		fuse_session_exit(session);
	kill(getpid(), SIGTERM); /* the first thread waits for this one */
	return NULL;
}

int loop_start(void)
{
	struct sigaction action = {.sa_handler = on_wake}; /* no SA_RESTART */
	int r = 0;

	sigaction(SIGUSR1, &action, NULL);
	while (!r && thread_count < THREADS) {
		r = -pthread_create(&threads[thread_count], NULL, run, NULL);
		if (!r)
			thread_count++;
	}
	return thread_count ? 0 : r;
}

void loop_stop(void)
{
	const struct timespec pause = {.tv_nsec = 5000000};

	fuse_session_exit(server.session);
	for (int i = 0; i < thread_count; i++) {
		while (pthread_tryjoin_np(threads[i], NULL) == EBUSY) {
			pthread_kill(threads[i], SIGUSR1);
			nanosleep(&pause, NULL);
		}
	}
	thread_count = 0;
}
