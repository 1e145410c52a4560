/*
 * watch.h - the inside of a watch. watch.c reads from the kernel and answers
 * the caller; watch_state.c knows what the events mean.
 */
#ifndef LIB_SHM_WATCH_H
#define LIB_SHM_WATCH_H

#include "shm/roster.h"
#include "shm/space.h"

#include <agora/watch.h>

#include <pthread.h>
#include <stdint.h>
#include <sys/inotify.h>
#include <sys/queue.h>

#define WATCH_SPACE_EVENTS                                                 \
	(IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB | \
		IN_ONLYDIR)
#define WATCH_PROGRAM_EVENTS (WATCH_SPACE_EVENTS | IN_CLOSE_WRITE)

struct pending; /* an event that waits to be taken */

/* Something to do again, later and later. */
struct alarm {
	struct timespec due;
	uint64_t delay; /* nanoseconds; 0: not set */
};

struct agora_watch {
	struct agora_space space; /* of its own */
	char *only;               /* this program, or NULL */
	pid_t process;
	pthread_mutex_t mutex; /* over all that follows */
	int epoll, inotify, bell;
	int root; /* inotify's watch of the space */
	struct roster roster;
	bool silent;       /* making known what was there before */
	bool lost;         /* an event could not be kept */
	int trouble;       /* why a program has no watch; 0: all have */
	unsigned doubtful; /* programs that may have died */
	struct alarm doubt, retry;
	struct timespec rings; /* what the bell is set to; 0: nothing */
	STAILQ_HEAD(, pending) queue;
};

/* Let the caller know. */
void watch_emit(struct agora_watch *watch, enum agora_event_type type,
	const char *program, const char *object);

/* Look again at what was left in doubt, after a while. */
void watch_set_doubt(struct agora_watch *watch);

/* Start again after a while: a program has no watch because of error. */
void watch_give_up(struct agora_watch *watch, int error);

/* Returns inotify's watch of a directory or a negative errno. */
int watch_directory(const struct agora_watch *watch, int dir, uint32_t events);

/* ---- watch_state.c ---- */

/* A program is there: know it, watch it, see what is in it. */
void watch_see(struct agora_watch *watch, const char *name);

/* Take in what the kernel says. */
void watch_take_in(
	struct agora_watch *watch, const struct inotify_event *event);

/* Look again at those in doubt, and count those that still are. */
void watch_look_again(struct agora_watch *watch);

#endif
