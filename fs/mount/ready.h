/* ready.h - poll handles: whom to tell when a file becomes ready. */
#ifndef FS_MOUNT_READY_H
#define FS_MOUNT_READY_H

#include "file.h"

/** What an open file would wait for: AGORA_READABLE..., 0 if it never waits. */
uint32_t ready_events(const struct file *file);

/** What poll(2) is told when ready of these events have come. */
unsigned int ready_bits(const struct file *file, uint32_t ready);

/**
 * Tell what is ready now, and keep handle (may be NULL) to tell what comes.
 * events: what the file would wait for.
 */
uint32_t ready_now(
	struct file *file, uint32_t events, struct fuse_pollhandle *handle);

/** A read or write of the file found nothing: its handle is to be told when
 * there is something. */
void ready_arm(struct file *file);

/** The file is closed: forget its handle. */
void ready_forget(struct file *file);

/** Add what the armed handles of an object wait for. */
void ready_gather(struct object *o, struct agora_wait *item);

/** Tell those that wait for what is ready; o: NULL for .follow.
 * Returns how many were told. */
unsigned int ready_notify(struct object *o, uint32_t ready);

int ready_start(void);
void ready_stop(void);

#endif
