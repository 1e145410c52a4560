/* show.h - what an object and its keys show when they are read. */
#ifndef FS_MOUNT_SHOW_H
#define FS_MOUNT_SHOW_H

#include "object.h"

/** Append all that is in the object, in its order. */
int show_object(struct object *o, struct text *out);

/** Append the value of a key. Returns -ENOENT when there is none. */
int show_key(struct object *o, const struct place *key, struct text *out);

/**
 * Copy a single value and its version; scratch becomes its bytes.
 * Returns 0, and what the object says.
 */
int show_load(struct object *o, struct text *scratch, uint64_t *ret_version);

/**
 * Tell the size of what show_object() would append: real, or 0 where finding
 * it out would take long.
 */
uint64_t show_size(struct object *o);

/** Something that copies into a buffer, and may say -EMSGSIZE. */
typedef int show_copy_fn(void *from, struct agora_buffer *ret_copy);

/**
 * Let scratch hold all that copy gives, however large it is, and grows.
 * Returns what copy does, -EFBIG, -ENOMEM, -EUCLEAN (it never fits).
 */
int show_copy(show_copy_fn *copy, void *from, struct text *scratch,
	struct agora_buffer *ret_copy);

/** Make room for so many bytes in all. Returns 0, -EFBIG, -ENOMEM. */
int show_grow(struct text *t, size_t capacity);

/** More steps than a walk through a sound object takes, while its messages
 * or keys come and go. */
uint64_t show_bound(const struct object *o);

#endif
