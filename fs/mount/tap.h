/* tap.h - a stream of what is new, which takes nothing. */
#ifndef FS_MOUNT_TAP_H
#define FS_MOUNT_TAP_H

#include "file.h"

int tap_open(struct file *file, bool created);
void tap_read(fuse_req_t req, struct file *file, size_t size, off_t off);

#endif
