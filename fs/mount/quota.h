/* quota.h - what one user may make the server hold. */
#ifndef FS_MOUNT_QUOTA_H
#define FS_MOUNT_QUOTA_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * Count requests that wait and bytes that are buffered for a user.
 * Returns 0, or -ENOBUFS: nothing is counted then.
 */
int quota_take(uid_t uid, uint64_t requests, uint64_t bytes);

/** Give back what was counted. */
void quota_give(uid_t uid, uint64_t requests, uint64_t bytes);

#endif
