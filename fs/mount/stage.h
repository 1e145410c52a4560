/* stage.h - what is written as one piece: put, a value, that of a key. */
#ifndef FS_MOUNT_STAGE_H
#define FS_MOUNT_STAGE_H

#include "file.h"

int stage_open(struct file *file, bool created);
void stage_write(fuse_req_t req, struct file *file, const char *data,
	size_t size, off_t off);
void stage_flush(fuse_req_t req, struct file *file);
void stage_end(struct file *file);

/** ftruncate(2) of a file that is being written. Returns 0, -EFBIG, ... */
int stage_truncate(struct file *file, uint64_t size);

/** truncate(2), mknod(2): replace a value by one of this size. */
int stage_resize(struct place *place, uint64_t size);

/** Store an empty value where a new file of a key was not written yet. */
int stage_touch(struct file *file);

#endif
