/*
 * loop.c - threads that take requests from the kernel.
 *
 * One thread at a time leads: it takes a request, answers it and takes the
 * next. Were several to wait for requests, the kernel would wake another one
 * for each while the last one has yet to go to sleep again. Who is about to
 * do what may take long hands the lead over first. For where nobody could
 * know that, another thread watches while requests come: one that is worked
 * on for a few milliseconds loses the lead to it.
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

/* For so long a request may hold up others. */
#define PATIENCE_NSEC 5000000

static pthread_t threads[THREADS];
static int thread_count;

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t turn; /* counts requests, and changes of the lead */
	bool taken;    /* somebody leads */
	bool busy;     /* and is working on a request */
	bool active;   /* requests come: somebody shall watch */
	bool watched;  /* somebody does */
} lead = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.changed = PTHREAD_COND_INITIALIZER,
};

/* That of the request; 0: does not lead, or not as far as it knows. */
static _Thread_local uint64_t my_turn;

static void on_wake(int signo)
{
	(void)signo; /* that the system call returns is all that is needed */
}

/* ---- the lead --------------------------------------------------------- */

/* Called with the lock, as is watch(). */
static void lead_give(void)
{
	lead.taken = false;
	pthread_cond_signal(&lead.changed);
}

/* Wait, and look whether the one who leads gets on. */
static void watch(void)
{
	const struct timespec until = agora_deadline(PATIENCE_NSEC);
	uint64_t seen = lead.turn;
	int r;

	lead.watched = true;
	r = pthread_cond_clockwait(
		&lead.changed, &lead.lock, CLOCK_MONOTONIC, &until);
	lead.watched = false;
	if (r != ETIMEDOUT || lead.turn != seen)
		return;
	if (lead.busy)
		lead_give();
	else
		lead.active = false;
}

static void lead_take(void)
{
	pthread_mutex_lock(&lead.lock);
	while (lead.taken && !fuse_session_exited(server.session)) {
		if (lead.active && !lead.watched)
			watch();
		else
			pthread_cond_wait(&lead.changed, &lead.lock);
	}
	lead.taken = true;
	lead.busy = false;
	lead.active = false; /* this thread watches no more */
	my_turn = ++lead.turn;
	pthread_mutex_unlock(&lead.lock);
}

/* Who leads has got a request. */
static void lead_begin(void)
{
	pthread_mutex_lock(&lead.lock);
	lead.busy = true;
	my_turn = ++lead.turn;
	if (!lead.active)
		pthread_cond_signal(&lead.changed);
	lead.active = true;
	pthread_mutex_unlock(&lead.lock);
}

/* It is done with it. Returns whether it still leads. */
static bool lead_end(void)
{
	bool mine;

	pthread_mutex_lock(&lead.lock);
	mine = lead.taken && lead.turn == my_turn;
	if (mine)
		lead.busy = false;
	else
		my_turn = 0;
	pthread_mutex_unlock(&lead.lock);
	return mine;
}

void loop_hand_over(void)
{
	if (!my_turn)
		return;
	pthread_mutex_lock(&lead.lock);
	if (lead.taken && lead.turn == my_turn)
		lead_give();
	pthread_mutex_unlock(&lead.lock);
	my_turn = 0;
}

/* ---- the threads ------------------------------------------------------ */

/* Take and answer requests while this thread leads. Returns whether there may
 * be more of them. */
static bool serve(struct fuse_session *session, struct fuse_buf *buf)
{
	int r;

	do {
		r = fuse_session_receive_buf(session, buf);
		if (r == -EINTR || r == -EAGAIN)
			continue;
		if (r <= 0)
			return false;
		lead_begin();
		fuse_session_process_buf(session, buf);
	} while (lead_end() && !fuse_session_exited(session));
	return true;
}

static void *run(void *arg)
{
	struct fuse_session *session = server.session;
	struct fuse_buf buf = {.mem = NULL};

	(void)arg;
	do
		lead_take();
	while (!fuse_session_exited(session) && serve(session, &buf));
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
	pthread_mutex_lock(&lead.lock);
	pthread_cond_broadcast(&lead.changed);
	pthread_mutex_unlock(&lead.lock);
	for (int i = 0; i < thread_count; i++) {
		while (pthread_tryjoin_np(threads[i], NULL) == EBUSY) {
			pthread_kill(threads[i], SIGUSR1);
			nanosleep(&pause, NULL);
		}
	}
	thread_count = 0;
}
