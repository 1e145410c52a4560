/* frame.h - what is written to an object becomes messages or entries. */
#ifndef FS_MOUNT_FRAME_H
#define FS_MOUNT_FRAME_H

#include "file.h"

int frame_open(struct file *file, bool created);
void frame_write(fuse_req_t req, struct file *file, const char *data,
	size_t size, off_t off);
void frame_flush(fuse_req_t req, struct file *file);
void frame_end(struct file *file);

#endif
