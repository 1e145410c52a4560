/* take.h - pop and pipe: reading that takes, or waits. */
#ifndef FS_MOUNT_TAKE_H
#define FS_MOUNT_TAKE_H

#include "park.h"

void take_pop(fuse_req_t req, struct file *file, size_t size, off_t off);
void take_pipe(fuse_req_t req, struct file *file, size_t size, off_t off);

/* ---- a batch that is being delivered: see struct take ----------------- */

/** Whether the byte at an offset of the file is one of the batch. */
bool take_holds(const struct take *t, uint64_t off);

/** Answer a read from the batch that holds its offset. */
void take_deliver(struct want *w);

/** Forget the bytes. */
void take_drop(struct take *t);

/** Put back what was not delivered whole. */
void take_end(struct file *file);

#endif
