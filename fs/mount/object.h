/* object.h - the segments that the server has open. */
#ifndef FS_MOUNT_OBJECT_H
#define FS_MOUNT_OBJECT_H

#include "node.h"

#include <pthread.h>
#include <sys/queue.h>
#include <sys/stat.h>

#define ERRORS_MAX 64

/* A write that was rejected, or -EPIPE: a read that came too late. */
struct rejection {
	struct timespec when;
	pid_t pid;
	uint64_t offset; /* in what was written; or how many were missed */
	int error;
};

struct file;
struct want;
TAILQ_HEAD(want_list, want);
LIST_HEAD(poll_list, file);

/*
 * One segment, shared by all open files on it. What is constant is set
 * before anybody else sees it.
 */
struct object {
	LIST_ENTRY(object) link; /* under the lock of the table, as are: */
	unsigned int refs;
	time_t idle_since;

	uint64_t ino; /* constant */

	pthread_mutex_t lock; /* guards what follows, and opening */
	const struct agora_kind *kind;
	char type[AGORA_TYPE_MAX];
	struct agora_type *parsed; /* the same, to check by */
	bool lines;                /* text views have a message on each line */
	uint64_t capacity, message_size, key_size;
	struct agora_stat made;      /* only what was chosen when it was made */
	struct agora_object *reader; /* never closed before the object is */
	struct agora_object *writer;
	pthread_mutex_t acting; /* one thread at a time has a role */
	_Atomic bool slow;      /* counting took long: sizes are not shown */
	_Atomic bool brief;     /* it took next to no time */
	struct rejection errors[ERRORS_MAX];
	_Atomic unsigned int
		rejected; /* ever; the last is errors[(n - 1) % MAX] */

	struct { /* park's, under its lock */
		LIST_ENTRY(object) link;
		bool busy;                   /* is in park's list */
		struct agora_object *handle; /* to wait with, or NULL */
		bool gone; /* removed: nobody shall wait for it */
		unsigned int futile;
		uint32_t ready;
		struct want_list wants;
		struct poll_list polls;
	} park;
};

/**
 * Get the object of a place with a handle for flags (AGORA_READ, _WRITE).
 * Corrects the names in place. Returns 0, -ESTALE (it is gone), and those of
 * agora_object_open().
 */
int object_get(struct place *place, uint32_t flags, struct object **ret_object);

/**
 * Check that bytes are of the object's type.
 * Returns as agora_type_check(), whose ret_offset it is.
 */
int object_check(const struct object *o, const void *data, size_t size,
	size_t *ret_offset);

/** One more reference. */
void object_ref(struct object *o);

/** Give a reference back. NULL is accepted. */
void object_put(struct object *o);

/** Status of a segment that is open, even if it has no name any more. */
int object_fstat(uint64_t ino, struct stat *ret_stat);

/** The handle to look with, and the one to change with. */
struct agora_object *object_reader(struct object *o);
struct agora_object *object_writer(struct object *o);

/**
 * Around each change of an object: threads of ours take turns where it has
 * roles, and behind it a native program can have them.
 */
void object_begin(struct object *o);
void object_end(struct object *o);

/**
 * Push what was written as one message, if it fits the type.
 * Returns as agora_object_push(); -EBADMSG: *ret_offset tells where.
 */
int object_push(
	struct object *o, const char *data, size_t size, size_t *ret_offset);

/** Remember why a write was rejected: see struct rejection. */
void object_reject(struct object *o, pid_t pid, uint64_t offset, int error);

/** Whether telling the object's size took next to no time, last time. */
bool object_is_brief(uint64_t ino);

/** Get the object's state, and notice whether that takes long. */
int object_count(struct object *o, struct agora_object *handle,
	struct agora_stat *ret_stat);

/** Tell the size of a key's value as shown. ret_size may be NULL.
 * Returns 0, -ENOENT, -ESTALE, ... */
int object_key_size(struct place *place, uint64_t *ret_size);

/** Close what was idle for a while, or all that is idle now. */
void object_expire(bool all);

/** Tell park about the objects in use that have been removed. */
void object_find_gone(void);

#endif
