/* take.h - pop, pipe and tap: reading that takes, or waits. */
#ifndef FS_MOUNT_TAKE_H
#define FS_MOUNT_TAKE_H

#include "file.h"

void take_pop(fuse_req_t req, struct file *file, size_t size, off_t off);
void take_pipe(fuse_req_t req, struct file *file, size_t size, off_t off);

int tap_open(struct file *file, bool created);
void tap_read(fuse_req_t req, struct file *file, size_t size, off_t off);

/** Put back what was not delivered whole. */
void take_end(struct file *file);

#endif
