/*
 * agora/set.h - ordered set of byte strings, its members.
 *
 * A map without values: the order, who may write, and what a death leaves are
 * as agora/map.h says. To agora/object.h a member is a key whose value is
 * empty: put adds one, get tells whether it is there.
 *
 * All functions return -ECHILD on a handle inherited by fork, -EUCLEAN when
 * they meet damage and -EINVAL for members longer than key_size; those that
 * write return -EACCES on a handle opened with AGORA_READ.
 */
#ifndef AGORA_SET_H
#define AGORA_SET_H

#include <agora/map.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct agora_set;

/**
 * Open a set: as agora_object_open() for a path that ends in ".set".
 *
 * Options. capacity: members for which there is room at least, 1 to 2^26,
 * default 65536. key_size: limit of a member, 1 to 4096, default 512.
 * inline_size: bytes of a member that share its block, default 24. memory:
 * ceiling for longer ones. The declared type is that of members.
 *
 * Returns as agora_object_open(). Since: 0.1
 */
int agora_set_open(struct agora_space *space, const char *path, uint32_t flags,
	const struct agora_options *options, struct agora_set **ret_set);

/** Close the handle. NULL is accepted. */
void agora_set_close(struct agora_set *set);

/** Return the same handle for agora/object.h. Do not close both. */
struct agora_object *agora_set_object(struct agora_set *set);

/**
 * Add a member.
 *
 * Returns 1 (it is new), 0 (it was there), -EINVAL, -ENOSPC (no room:
 * capacity, memory or file system), -EBADMSG (AGORA_CHECK).
 * Ordering: what happened before an add that returned 1 happens before what
 * follows a call that finds the member. Progress: lock-free.
 * Crash: added or not. Since: 0.1
 */
int agora_set_add(struct agora_set *set, const void *member, size_t size);

/**
 * Remove a member. Returns 0, -ENOENT, -EINVAL.
 * Progress: lock-free. Crash: removed or not. Since: 0.1
 */
int agora_set_delete(struct agora_set *set, const void *member, size_t size);

/** Tell whether it is a member. Returns 1, 0, -EINVAL. Progress: lock-free. */
int agora_set_has(struct agora_set *set, const void *member, size_t size);

/**
 * Copy the least member that is greater than a given one: as
 * agora_map_next(). Returns 0, -ENOENT (no more), -EINVAL. Since: 0.1
 */
int agora_set_next(struct agora_set *set, struct agora_buffer *member);

/** Copy the greatest member that is less: as agora_map_previous(). */
int agora_set_previous(struct agora_set *set, struct agora_buffer *member);

/** Copy the least member. Returns 0, -ENOENT (there is none), -EINVAL. */
int agora_set_first(struct agora_set *set, struct agora_buffer *ret_member);

/** Copy the greatest member. Returns 0, -ENOENT (there is none), -EINVAL. */
int agora_set_last(struct agora_set *set, struct agora_buffer *ret_member);

/** Call a function with each member of a range: as agora_map_range(). */
int agora_set_range(struct agora_set *set, const struct agora_range *range,
	int (*visit)(void *argument, const struct agora_entry *entry),
	void *argument);

/** Count the members of a range: as agora_map_count(). */
int agora_set_count(struct agora_set *set, const struct agora_range *range,
	uint64_t *ret_count);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
