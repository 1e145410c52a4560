/*
 * agora/watch.h - learn when programs and objects come, go and change.
 */
#ifndef AGORA_WATCH_H
#define AGORA_WATCH_H

#include <agora/space.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct agora_watch;

enum agora_event_type {
	AGORA_PROGRAM_ADDED = 1, /* the directory appeared */
	AGORA_PROGRAM_REMOVED,   /* with all that was in it */
	AGORA_PROGRAM_ALIVE,     /* a process registered */
	AGORA_PROGRAM_DEAD,      /* its registration ended, however */
	AGORA_PROGRAM_CHANGED,   /* owner, mode or manifest */
	AGORA_OBJECT_ADDED,
	AGORA_OBJECT_REMOVED,
	AGORA_OBJECT_CHANGED, /* owner or mode; never its contents */
	AGORA_EVENT_OVERFLOW  /* events were lost: list again */
};

/** One event. A rename is a removal followed by an addition. */
struct agora_event {
	enum agora_event_type type;
	char program[256];
	char object[256]; /* "" for events of the program itself */
};

/**
 * Start to watch a space: events after this call are reported.
 *
 * program: watch only this one, or NULL for all programs. When it is removed
 * the watch goes on, and sees one that is created under the same name.
 * Events are delivered in the order in which the kernel saw them; an
 * addition may be followed by events of what was in it already.
 *
 * Returns 0, -ENOENT (no such space or program), -EINVAL or -ENAMETOOLONG
 * (program), -EACCES, -EMFILE or -ENOSPC (the kernel's limits on inotify),
 * -ENOMEM. Of a program in the space that may not be read only coming and
 * going are seen. Since: 0.1
 */
int agora_watch_open(struct agora_space *space, const char *program,
	struct agora_watch **ret_watch);

/** Stop watching. NULL is accepted. */
void agora_watch_close(struct agora_watch *watch);

/** Return a descriptor that polls readable when an event may be there. */
int agora_watch_fd(const struct agora_watch *watch);

/**
 * Take the next event.
 *
 * Returns 0, -EAGAIN (none now; the descriptor may have polled readable for
 * something that is no event), -ECHILD. Since: 0.1
 */
int agora_watch_next(struct agora_watch *watch, struct agora_event *ret_event);

/**
 * Take the next event, waiting for it.
 *
 * Returns 0, -ETIMEDOUT, -EINTR, -ECHILD. Since: 0.1
 */
int agora_watch_next_wait(struct agora_watch *watch,
	const struct timespec *deadline, struct agora_event *ret_event);

/** Return the name of an event type, such as "program-added". */
const char *agora_event_name(enum agora_event_type type);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
