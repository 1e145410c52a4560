/* point.h - the mount point. */
#ifndef FS_MOUNT_POINT_H
#define FS_MOUNT_POINT_H

#include <stdbool.h>

/**
 * Check that something can be mounted there. What the mount of a server that
 * was killed left behind is taken away first.
 *
 * ret_path: the absolute path, to be freed. Prints one line on failure.
 */
bool point_check(const char *path, char **ret_path);

#endif
