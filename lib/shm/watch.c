/*
 * watch.c - learn when programs and objects come and go: see agora/watch.h.
 *
 * What: inotify on the space directory and on each program's directory. Who
 * reads the events also keeps what they add up to: the programs, their
 * objects, who is alive. An event that says nothing new is dropped.
 *
 * The kernel drops events when its queue is full, and says so. All watches
 * and all that is known are then made anew, silently, and one OVERFLOW tells
 * the caller to list again. The same, once in a while until it succeeds,
 * when a limit of the kernel left a program without a watch.
 *
 * The descriptor is an epoll instance of the inotify instance and a timer,
 * the bell, which rings at once while events are pending in this process.
 */
#include "shm/watch.h"

#include "base/futex.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* Reads of the kernel's queue in one call, so that it ends under any load. */
#define READS 16

/* An event that waits to be taken. */
struct pending {
	STAILQ_ENTRY(pending) link;
	enum agora_event_type type;
	size_t object; /* where it begins in names */
	char names[];  /* program, object */
};

/* Nanoseconds. Doubt ends for good after about a minute. */
static const uint64_t doubt_first = 1000000, doubt_last = 32768000000;
static const uint64_t retry_first = 1000000000, retry_last = 32000000000;

/* ---- pending events ------------------------------------------------- */

void watch_emit(struct agora_watch *watch, enum agora_event_type type,
	const char *program, const char *object)
{
	size_t program_size = strlen(program) + 1;
	size_t object_size = strlen(object) + 1;
	struct pending *p;

	if (watch->silent)
		return;
	p = malloc(sizeof(*p) + program_size + object_size);
	if (!p) {
		watch->lost = true;
		return;
	}
	p->type = type;
	p->object = program_size;
	memcpy(p->names, program, program_size);
	memcpy(p->names + program_size, object, object_size);
	STAILQ_INSERT_TAIL(&watch->queue, p, link);
}

static bool is_empty(const struct agora_watch *watch)
{
	return STAILQ_EMPTY(&watch->queue) && !watch->lost;
}

static int take(struct agora_watch *watch, struct agora_event *ret_event)
{
	struct pending *p = STAILQ_FIRST(&watch->queue);

	if (!p && !watch->lost)
		return -EAGAIN;
	memset(ret_event, 0, sizeof(*ret_event));
	if (!p) {
		watch->lost = false;
		ret_event->type = AGORA_EVENT_OVERFLOW;
		return 0;
	}
	STAILQ_REMOVE_HEAD(&watch->queue, link);
	ret_event->type = p->type;
	strncat(ret_event->program, p->names, NAME_MAX);
	strncat(ret_event->object, p->names + p->object, NAME_MAX);
	free(p);
	return 0;
}

/* ---- alarms and the bell -------------------------------------------- */

static void alarm_set(struct alarm *alarm, uint64_t delay)
{
	alarm->delay = delay;
	alarm->due = time_after(delay);
}

/* Set it for the next time, or not at all after the last. */
static void alarm_again(struct alarm *alarm, uint64_t last)
{
	if (alarm->delay < last)
		alarm_set(alarm, alarm->delay * 2);
	else
		alarm->delay = 0;
}

static bool alarm_is_due(const struct alarm *alarm)
{
	return alarm->delay && time_passed(&alarm->due);
}

void watch_set_doubt(struct agora_watch *watch)
{
	watch->doubtful++;
	alarm_set(&watch->doubt, doubt_first);
}

/* Later and later, until nothing is in doubt or the last delay is over. */
static void look_again(struct agora_watch *watch)
{
	watch_look_again(watch);
	if (watch->doubtful)
		alarm_again(&watch->doubt, doubt_last);
	else
		watch->doubt.delay = 0;
}

/* Let the descriptor poll readable when there is something to do. */
static void set_bell(struct agora_watch *watch)
{
	struct itimerspec timer = {.it_value = {0, 0}};
	const struct timespec *at = &timer.it_value;

	if (!is_empty(watch))
		timer.it_value.tv_nsec = 1;
	else if (watch->doubt.delay)
		timer.it_value = watch->doubt.due;
	if (watch->retry.delay && is_empty(watch) &&
		(!watch->doubt.delay || time_before(&watch->retry.due, at)))
		timer.it_value = watch->retry.due;
	if (at->tv_sec == watch->rings.tv_sec &&
		at->tv_nsec == watch->rings.tv_nsec)
		return;
	timerfd_settime(watch->bell, TFD_TIMER_ABSTIME, &timer, NULL);
	watch->rings = *at;
}

/* ---- start, and start again ----------------------------------------- */

/* A limit of the kernel or of memory: try everything again later. */
void watch_give_up(struct agora_watch *watch, int error)
{
	watch->trouble = error;
	if (!watch->retry.delay)
		alarm_set(&watch->retry, retry_first);
}

int watch_directory(const struct agora_watch *watch, int dir, uint32_t events)
{
	char path[SPACE_PROC_PATH];
	int added;

	space_proc_path(dir, path);
	added = inotify_add_watch(watch->inotify, path, events);
	return added < 0 ? -errno : added;
}

static int make_inotify(struct agora_watch *watch)
{
	struct epoll_event readable = {.events = EPOLLIN};

	if (watch->inotify >= 0)
		close(watch->inotify);
	watch->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (watch->inotify < 0)
		return -errno;
	if (epoll_ctl(watch->epoll, EPOLL_CTL_ADD, watch->inotify, &readable))
		return -errno;
	watch->root =
		watch_directory(watch, watch->space.fd, WATCH_SPACE_EVENTS);
	return watch->root < 0 ? watch->root : 0;
}

static int see_all(struct agora_watch *watch)
{
	char **names;
	int count = agora_space_list(&watch->space, NULL, &names);

	if (count < 0)
		return count;
	for (int i = 0; i < count; i++)
		if (!watch->only || !strcmp(watch->only, names[i]))
			watch_see(watch, names[i]);
	agora_list_free(names);
	return watch->trouble;
}

/* Make all watches, and know what is there, as from before the watch. */
static int start(struct agora_watch *watch)
{
	int error;

	watch->trouble = 0;
	watch->retry.delay = watch->doubt.delay = 0;
	roster_clear(&watch->roster);
	watch->silent = true;
	error = make_inotify(watch);
	if (!error)
		error = see_all(watch);
	watch->silent = false;
	return error;
}

/* Events were lost, whatever comes of it. */
static void restart(struct agora_watch *watch)
{
	uint64_t delay = watch->retry.delay;

	if (start(watch)) {
		delay = delay ? delay * 2 : retry_first;
		alarm_set(
			&watch->retry, delay < retry_last ? delay : retry_last);
	}
	watch_emit(watch, AGORA_EVENT_OVERFLOW, "", "");
}

/* ---- open, take, close ---------------------------------------------- */

static int make_bell(struct agora_watch *watch)
{
	struct epoll_event readable = {.events = EPOLLIN};

	watch->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (watch->epoll < 0)
		return -errno;
	watch->bell =
		timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (watch->bell < 0)
		return -errno;
	if (epoll_ctl(watch->epoll, EPOLL_CTL_ADD, watch->bell, &readable))
		return -errno;
	return 0;
}

/* The caller's space may be closed before the watch. */
static int copy_space(struct agora_watch *watch,
	const struct agora_space *space, const char *program)
{
	watch->space.fd = fcntl(space->fd, F_DUPFD_CLOEXEC, 0);
	if (watch->space.fd < 0)
		return -errno;
	if (!program)
		return 0;
	watch->only = strdup(program);
	return watch->only ? 0 : -ENOMEM;
}

static int check_only(const struct agora_watch *watch)
{
	const struct known *known;

	if (!watch->only)
		return 0;
	known = roster_find(&watch->roster, watch->only);
	if (!known)
		return -ENOENT;
	return known->watch < 0 ? -EACCES : 0;
}

int agora_watch_open(struct agora_space *space, const char *program,
	struct agora_watch **ret_watch)
{
	struct agora_watch *watch;
	int error = program ? agora_name_check(program) : 0;

	if (error)
		return error;
	watch = calloc(1, sizeof(*watch));
	if (!watch)
		return -ENOMEM;
	watch->space.fd = watch->epoll = watch->inotify = watch->bell = -1;
	watch->process = getpid();
	pthread_mutex_init(&watch->mutex, NULL);
	STAILQ_INIT(&watch->queue);
	error = copy_space(watch, space, program);
	if (!error)
		error = make_bell(watch);
	if (!error)
		error = start(watch);
	if (!error)
		error = check_only(watch);
	if (error)
		agora_watch_close(watch);
	else
		*ret_watch = watch;
	return error;
}

void agora_watch_close(struct agora_watch *watch)
{
	struct agora_event event;

	if (!watch)
		return;
	while (!take(watch, &event))
		;
	roster_clear(&watch->roster);
	close(watch->inotify);
	close(watch->bell);
	close(watch->epoll);
	close(watch->space.fd);
	pthread_mutex_destroy(&watch->mutex);
	free(watch->only);
	free(watch);
}

int agora_watch_fd(const struct agora_watch *watch)
{
	return watch->epoll;
}

static bool read_some(struct agora_watch *watch)
{
	char buffer[4096]
		__attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t size = read(watch->inotify, buffer, sizeof(buffer));
	bool lost = false;

	for (ssize_t at = 0; at < size && !lost;) {
		const struct inotify_event *event =
			(const struct inotify_event *)(buffer + at);

		lost = event->mask & IN_Q_OVERFLOW;
		if (!lost)
			watch_take_in(watch, event);
		at += (ssize_t)(sizeof(*event) + event->len);
	}
	if (lost)
		restart(watch);
	return size > 0;
}

static void look(struct agora_watch *watch)
{
	if (alarm_is_due(&watch->retry))
		restart(watch);
	if (alarm_is_due(&watch->doubt))
		look_again(watch);
	for (int i = 0; i < READS && is_empty(watch); i++)
		if (!read_some(watch))
			break;
}

int agora_watch_next(struct agora_watch *watch, struct agora_event *ret_event)
{
	int error;

	if (watch->process != getpid())
		return -ECHILD;
	pthread_mutex_lock(&watch->mutex);
	if (is_empty(watch))
		look(watch);
	error = take(watch, ret_event);
	set_bell(watch);
	pthread_mutex_unlock(&watch->mutex);
	return error;
}

/* Returns 0 also when nothing came until the deadline. */
static int sleep_until(
	const struct agora_watch *watch, const struct timespec *deadline)
{
	struct pollfd readable = {.fd = watch->epoll, .events = POLLIN};
	struct timespec left = {0, 0};
	struct timespec now = time_after(0);
	int result;

	if (deadline && time_before(&now, deadline)) {
		left.tv_sec = deadline->tv_sec - now.tv_sec;
		left.tv_nsec = deadline->tv_nsec - now.tv_nsec;
	}
	if (left.tv_nsec < 0) {
		left.tv_nsec += 1000000000;
		left.tv_sec--;
	}
	result = ppoll(&readable, 1, deadline ? &left : NULL, NULL);
	return result < 0 ? -errno : 0;
}

int agora_watch_next_wait(struct agora_watch *watch,
	const struct timespec *deadline, struct agora_event *ret_event)
{
	for (;;) {
		int error = agora_watch_next(watch, ret_event);

		if (error != -EAGAIN)
			return error;
		if (deadline && time_passed(deadline))
			return -ETIMEDOUT;
		error = sleep_until(watch, deadline);
		if (error)
			return error;
	}
}

const char *agora_event_name(enum agora_event_type type)
{
	static const char *const names[] = {
		[AGORA_PROGRAM_ADDED] = "program-added",
		[AGORA_PROGRAM_REMOVED] = "program-removed",
		[AGORA_PROGRAM_ALIVE] = "program-alive",
		[AGORA_PROGRAM_DEAD] = "program-dead",
		[AGORA_PROGRAM_CHANGED] = "program-changed",
		[AGORA_OBJECT_ADDED] = "object-added",
		[AGORA_OBJECT_REMOVED] = "object-removed",
		[AGORA_OBJECT_CHANGED] = "object-changed",
		[AGORA_EVENT_OVERFLOW] = "overflow",
	};
	size_t count = sizeof(names) / sizeof(*names);

	return type > 0 && type < count ? names[type] : "unknown";
}
