/* attr.h - owner, mode, size and times of a node; changing them. */
#ifndef FS_MOUNT_ATTR_H
#define FS_MOUNT_ATTR_H

#include "file.h"

/** Whether attr_get() tells the size without delay. */
bool attr_is_brief(const struct place *place);

/** How long the kernel may keep what attr_get() said, in seconds. */
double attr_timeout(const struct place *place);

/**
 * Get the attributes. source: what tree_lookup_stat() found just now, or
 * NULL. sized: also the size of what reading shows, else 0.
 * Corrects the names in place. Returns 0, -ESTALE, ...
 */
int attr_get(struct place *place, const struct stat *source, bool sized,
	struct stat *ret_stat);

/**
 * Change attributes. to_set: FUSE_SET_ATTR_...; file: open file or NULL.
 * Returns 0, -EPERM (not of this node), and what the system says.
 */
int attr_set(fuse_req_t req, struct place *place, const struct stat *st,
	int to_set, struct file *file);

#endif
