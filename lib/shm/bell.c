/* bell.c - a descriptor for an object: see bell.h for the argument. */
#include "shm/bell.h"

#include "base/crash.h"
#include "shm/client.h"
#include "shm/event.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define WATCHED    (IN_MODIFY | IN_CLOSE_WRITE)
#define BELL_BYTE  (OFFSET_ROOTS + (off_t)offsetof(struct roots_shm, bell))
#define READS      16 /* of a full buffer, so that it ends under any load */
#define DEATHS     4  /* sweeps in one call, as more may die meanwhile */
#define DELAY_STEP 10 /* from one look at the dead to the next */

static const long delay_first = 1000000, delay_last = 1000000000;

/* What belongs to a handle; one thread arms at a time. */
struct bell {
	int epoll, inotify, timer;
	long delay;     /* that the timer was set to, 0: it is not set */
	bool looked;    /* for who died before we watched */
	bool quiet;     /* the last arm 1 found no event of the file, ... */
	bool due;       /* ... and that the timer had run out */
	uint32_t armed; /* when bell_doubt() last set the timer */
};

/* ---- open and close ---- */

static int watch(struct bell *bell, int fd)
{
	char self[32];

	/* Not by its name, which may be of something else by now. */
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	bell->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (bell->inotify < 0 ||
		inotify_add_watch(bell->inotify, self, WATCHED) < 0)
		return -errno;
	return 0;
}

static int fill(struct bell *bell, int fd)
{
	struct epoll_event readable = {.events = EPOLLIN};
	int error = watch(bell, fd);

	if (error)
		return error;
	bell->timer =
		timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	bell->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (bell->timer < 0 || bell->epoll < 0 ||
		epoll_ctl(
			bell->epoll, EPOLL_CTL_ADD, bell->inotify, &readable) ||
		epoll_ctl(bell->epoll, EPOLL_CTL_ADD, bell->timer, &readable))
		return -errno;
	return 0;
}

static void close_all(const struct bell *bell)
{
	if (bell->epoll >= 0)
		close(bell->epoll);
	if (bell->timer >= 0)
		close(bell->timer);
	if (bell->inotify >= 0)
		close(bell->inotify);
}

static int make(struct segment *segment)
{
	struct bell *bell = malloc(sizeof(*bell));
	int error;

	if (!bell)
		return -ENOMEM;
	*bell = (struct bell){.epoll = -1, .inotify = -1, .timer = -1};
	error = fill(bell, segment->fd);
	if (error) {
		close_all(bell);
		free(bell);
		return error;
	}
	guard_keep(segment->guard,
		(int[GUARD_KEPT]){bell->epoll, bell->inotify, bell->timer});
	segment->bell = bell;
	return 0;
}

int bell_open(struct segment *segment)
{
	int error = 0;

	pthread_mutex_lock(&segment->control);
	if (!segment->bell) {
		guard_enter();
		error = make(segment);
		guard_leave();
	}
	pthread_mutex_unlock(&segment->control);
	return error ? error : segment->bell->epoll;
}

void bell_close(struct segment *segment, bool inherited)
{
	/* In a child the fork handler closed them. */
	if (segment->bell && !inherited)
		close_all(segment->bell);
	free(segment->bell);
	segment->bell = NULL;
}

/* ---- arm ---- */

/* What the events in a buffer tell, all together. */
static uint32_t sum_up(const char *buffer, ssize_t size)
{
	const struct inotify_event *event;
	uint32_t all = 0;

	for (ssize_t at = 0; at < size; at += sizeof(*event) + event->len) {
		event = (const void *)(buffer + at);
		all |= event->mask;
	}
	return all;
}

/* Read what inotify holds, and say what that was. */
static uint32_t drain(const struct bell *bell)
{
	_Alignas(struct inotify_event) char buffer[2048];
	uint32_t all = 0;
	ssize_t size;

	for (int reads = 0; reads < READS; reads++) {
		size = read(bell->inotify, buffer, sizeof(buffer));
		if (size <= 0)
			break;
		all |= sum_up(buffer, size);
	}
	return all;
}

static void set_timer(struct bell *bell, long delay)
{
	struct itimerspec timer = {.it_value = {.tv_sec = delay / 1000000000,
					   .tv_nsec = delay % 1000000000}};

	bell->delay = delay;
	timerfd_settime(bell->timer, 0, &timer, NULL);
}

/* Take what the descriptor shows; true when the dead are to be looked for. */
static bool take(struct bell *bell)
{
	uint64_t times;
	uint32_t events = drain(bell);
	bool due = read(bell->timer, &times, sizeof(times)) > 0;
	/* Somebody may have died. */
	bool closed = events & (IN_CLOSE_WRITE | IN_Q_OVERFLOW);

	closed |= !bell->looked;
	bell->looked = true;
	bell->quiet &= !events;
	bell->due |= due;
	if (closed)
		set_timer(bell, delay_first);
	else if (due)
		set_timer(bell, bell->delay < delay_last
					? bell->delay * DELAY_STEP
					: 0);
	return closed || due;
}

int bell_take(struct segment *segment)
{
	struct bell *bell = segment->bell;

	if (!bell)
		return -EINVAL;
	bell->quiet = true;
	bell->due = false;
	/* What is not taken after the last sweep wakes us for nothing. */
	for (int deaths = 0; deaths < DEATHS && take(bell); deaths++)
		client_sweep(segment);
	if (bell->delay && client_is_alone(segment))
		set_timer(bell, 0);
	return 0;
}

void bell_doubt(struct segment *segment, uint32_t events)
{
	struct bell *bell = segment->bell;

	if (!atomic_load_explicit(&segment->blind, memory_order_relaxed))
		return;
	if (bell->quiet && bell->due && !(events & ~bell->armed))
		return;
	bell->armed = events;
	set_timer(bell, delay_first);
}

/* ---- ring ---- */

void bell_ring(struct segment *segment, uint32_t word, uint32_t bits)
{
	_Atomic uint32_t *armed = &segment->roots->armed;
	uint32_t now = word;

	crash_point(bell_unrung);
	if (pwrite(segment->fd, "", 1, BELL_BYTE) != 1)
		return; /* the flag stays: the next one tries again */
	crash_point(bell_rung);
	while (now & bits && !((now ^ word) & EVENT_ROUNDS)) {
		/* [E] after the write */
		if (atomic_compare_exchange_weak_explicit(armed, &now,
			    now & ~bits, memory_order_seq_cst,
			    memory_order_relaxed))
			return;
	}
}
