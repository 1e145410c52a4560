/* xattr.h - options of an object as extended attributes. */
#ifndef FS_MOUNT_XATTR_H
#define FS_MOUNT_XATTR_H

#include "node.h"

/** Append the names, each with its NUL. */
int xattr_list(struct place *place, struct text *out);

/** Append the value. Returns 0, -ENODATA, ... */
int xattr_get(struct place *place, const char *name, struct text *out);

#endif
