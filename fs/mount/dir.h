/* dir.h - listing a directory. */
#ifndef FS_MOUNT_DIR_H
#define FS_MOUNT_DIR_H

#include "file.h"

int dir_open(struct file *file, bool created);
void dir_read(fuse_req_t req, struct file *file, size_t size, off_t off);

#endif
