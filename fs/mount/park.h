/* park.h - requests that wait for an object. */
#ifndef FS_MOUNT_PARK_H
#define FS_MOUNT_PARK_H

#include "file.h"

/*
 * What somebody wants from an object. attempt answers the request and
 * returns 0, or returns -EAGAIN: nothing happened, try again later.
 */
struct want {
	fuse_req_t req; /* NULL: nobody waits for the answer */
	struct file *file;
	int (*attempt)(struct want *want);
	void (*cancel)(struct want *want); /* or NULL: it will not be */
	uint32_t events; /* what it waits for: AGORA_READABLE... */
	pid_t pid;       /* who asks */
	size_t size;
	off_t off;
	const char *data; /* of a write */

	TAILQ_ENTRY(want) link; /* park's, as are: */
	LIST_ENTRY(want) hash;
	uint64_t cursor;
	uint64_t round;
	uid_t uid;
	char copy[]; /* of data */
};

/**
 * Attempt what is wanted, and where that must wait, let it wait: a copy of
 * want answers the request later. With O_NONBLOCK the answer is EAGAIN.
 * Nothing is locked when this is called.
 */
void park_or_answer(const struct want *want, bool nonblock);

/** Wait with a request whose attempt said -EAGAIN. */
void park(const struct want *want);

/** Serve those who wait for no object (.follow): something happened. */
void park_follow(void);

/** The object has been removed: nobody waits for it any longer. */
void park_gone(struct object *o);

/** Somebody polls the object: wait for it as for one with wants. */
void park_watch(struct object *o);

int park_start(void);
void park_stop(void);

#endif
