/* names.h - mkdir, create, unlink, rmdir, rename. */
#ifndef FS_MOUNT_NAMES_H
#define FS_MOUNT_NAMES_H

#include "node.h"

/**
 * Make what a name in a directory stands for: a program, an object, a key.
 * ret_place: what was made. A key is not stored before it is written.
 * Returns 0, -EEXIST, -EPERM (no such thing is made here, or the name has no
 * known kind), -EINVAL (not a name), -ENAMETOOLONG, ...
 */
int names_mkdir(fuse_req_t req, struct place *parent, const char *name,
	mode_t mode, struct place *ret_place);
int names_create(fuse_req_t req, struct place *parent, const char *name,
	mode_t mode, struct place *ret_place);

int names_unlink(fuse_req_t req, struct place *parent, const char *name);
int names_rmdir(fuse_req_t req, struct place *parent, const char *name);

/** Nothing is ever replaced: -EEXIST. Keys have no rename: -EOPNOTSUPP. */
int names_rename(fuse_req_t req, struct place *parent, const char *name,
	struct place *new_parent, const char *new_name);

#endif
