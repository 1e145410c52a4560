/* ops.h - the table of operations. */
#ifndef FS_MOUNT_OPS_H
#define FS_MOUNT_OPS_H

#include "server.h"

extern const struct fuse_lowlevel_ops ops_table;

#endif
