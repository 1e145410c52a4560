/* keys.h - the keys of a keyed object, and the folders they are in. */
#ifndef FS_MOUNT_KEYS_H
#define FS_MOUNT_KEYS_H

#include "file.h"

/** Called for each key; an answer other than 0 ends it. */
typedef int keys_fn(const struct agora_buffer *key, void *arg);

/**
 * Go through the keys that begin with what a folder stands for.
 * Returns 0, what fn answered, -ENOMEM, and what the object says.
 */
int keys_each(
	struct object *o, const struct place *folder, keys_fn *fn, void *arg);

/** Add the names of a folder to its list with add. Returns 0 or less. */
int keys_list(struct file *file,
	int (*add)(struct file *, const char *name, const struct place *));

/** Whether no key is in a folder. Returns 1, 0, or what the object says. */
int keys_are_none(struct place *folder);

#endif
