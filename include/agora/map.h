/*
 * agora/map.h - ordered map from byte strings to byte strings.
 *
 * Keys are in the order of their bytes, as memcmp(3) compares them; of two
 * that begin alike the shorter one comes first, and the empty key, which is a
 * key, before all. Any client may write, lock-free. Readers need only
 * AGORA_READ, write nothing, and are never in anybody's way.
 *
 * A value is replaced by a whole new one. No read returns torn bytes, a
 * value under another key, or a deleted value. Each stored value has a
 * version: an opaque number, different for every value that was ever stored
 * in the map; 0 is never one.
 *
 * What a death leaves. Each write takes effect at one atomic step: killed
 * before it, nothing happened; killed after it, the value stands, and what
 * it replaced is freed by whoever recovers the dead client. Searches may take
 * a few steps more by keys whose writer died, until they are written again or
 * agora_object_check() repairs that.
 *
 * Caveats. A walk or a range is not a snapshot: each entry is what it was at
 * some moment while it was passed. Who needs several keys of one moment
 * stores them as one value.
 *
 * All functions return -ECHILD on a handle inherited by fork and -EUCLEAN
 * when they meet damage; those that write return -EACCES on a handle opened
 * with AGORA_READ.
 */
#ifndef AGORA_MAP_H
#define AGORA_MAP_H

#include <agora/object.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct agora_map;

/**
 * Open a map: as agora_object_open() for a path that ends in ".map".
 *
 * Options. capacity: keys for which there is room at least, 1 to 2^26, default
 * 65536; searches are fastest when it is about what will be there. key_size:
 * limit of a key, 1 to 4096, default 512. message_size: limit of a value, up
 * to 2^30, default 1 MiB. inline_size: bytes of key and value that share the
 * entry's block, default 88; longer ones cost a step for each further part.
 * memory: ceiling for those parts, by default 1 GiB or four values, whichever
 * is more. Memory is taken as it fills.
 *
 * Returns as agora_object_open(). Since: 0.1
 */
int agora_map_open(struct agora_space *space, const char *path, uint32_t flags,
	const struct agora_options *options, struct agora_map **ret_map);

/** Close the handle. NULL is accepted. */
void agora_map_close(struct agora_map *map);

/** Return the same handle for agora/object.h. Do not close both. */
struct agora_object *agora_map_object(struct agora_map *map);

/**
 * Copy the value of a key.
 *
 * Returns 0, -ENOENT, -EMSGSIZE (buffer too small; size tells), -EINVAL
 * (key longer than key_size). Ordering: what happened before the put that
 * stored the value happens before what follows get. Progress: lock-free; it
 * retries only when a writer changed something near the key. Since: 0.1
 */
int agora_map_get(struct agora_map *map, const void *key, size_t key_size,
	struct agora_buffer *ret_value);

/**
 * Store a value, whether or not the key has one.
 *
 * Returns 0, -EMSGSIZE (value too large), -EINVAL (key), -ENOSPC (no room:
 * capacity, memory or file system), -EBADMSG (AGORA_CHECK).
 * Progress: lock-free. Crash: stored whole or not at all. Since: 0.1
 */
int agora_map_put(struct agora_map *map, const void *key, size_t key_size,
	const void *value, size_t value_size);

/**
 * Store a value and copy the one it replaced.
 *
 * value: data and size are used. ret_old: as for get.
 * Returns as put, with -ENOENT (nothing was there and nothing is stored) and
 * -EMSGSIZE also when ret_old is too small (nothing is stored).
 */
int agora_map_swap(struct agora_map *map, const void *key, size_t key_size,
	const struct agora_buffer *value, struct agora_buffer *ret_old);

/**
 * Store a value only if the present one has value->version; a version of 0
 * means: only if there is none.
 *
 * ret_version: the new version; may be NULL. On -ESTALE it is set to the
 * present version, 0 for none.
 * Returns as put, and -ESTALE.
 */
int agora_map_compare(struct agora_map *map, const void *key, size_t key_size,
	const struct agora_buffer *value, uint64_t *ret_version);

/**
 * Add to a counter: a value of exactly 8 bytes, a native int64_t. A missing
 * key counts as 0. Wraps on overflow.
 *
 * ret_sum: the sum; may be NULL.
 * Returns as put, and -EPROTOTYPE (the value has not 8 bytes).
 */
int agora_map_add(struct agora_map *map, const void *key, size_t key_size,
	int64_t delta, int64_t *ret_sum);

/**
 * Remove a key. Returns 0, -ENOENT, -EINVAL.
 * Progress: lock-free. Crash: removed or not. Since: 0.1
 */
int agora_map_delete(struct agora_map *map, const void *key, size_t key_size);

/* ---- in the order of keys ------------------------------------------- */

/**
 * Copy the entry with the least key that is greater than a given one.
 *
 * key: data, capacity and size are read and written: holds the key to start
 * after and receives the next key. A size of SIZE_MAX starts at the
 * beginning. The key need not exist. Its capacity must be at least the map's
 * key_size (-EINVAL). ret_value: may be NULL.
 * A walk sees every key that is there from its beginning to its end exactly
 * once, in order, each with a value it had within the walk.
 *
 * Returns 0, -ENOENT (no more), -EMSGSIZE (ret_value is too small: its size
 * tells what is needed, key is unchanged), -EINVAL. Linearizable.
 * Since: 0.1
 */
int agora_map_next(struct agora_map *map, struct agora_buffer *key,
	struct agora_buffer *ret_value);

/**
 * Copy the entry with the greatest key that is less than a given one.
 *
 * key, ret_value: as for agora_map_next(); a size of SIZE_MAX starts at the
 * end. Returns as agora_map_next(), -ENOENT when there is none before.
 */
int agora_map_previous(struct agora_map *map, struct agora_buffer *key,
	struct agora_buffer *ret_value);

/**
 * Copy the entry with the least key: agora_map_next() from the beginning.
 * ret_key: data and capacity are used; receives the key.
 * Returns as agora_map_next(), -ENOENT when the map is empty.
 */
int agora_map_first(struct agora_map *map, struct agora_buffer *ret_key,
	struct agora_buffer *ret_value);

/** Copy the entry with the greatest key. Returns as agora_map_first(). */
int agora_map_last(struct agora_map *map, struct agora_buffer *ret_key,
	struct agora_buffer *ret_value);

/** Keys from one on, up to and without another; all-zero: all. */
struct agora_range {
	const void *from; /* NULL: from the least on */
	size_t from_size;
	const void *to; /* NULL: to the greatest */
	size_t to_size;
	uint64_t limit;       /* how many at most; 0: all */
	uint64_t reserved[3]; /* must be zero */
};

/** An entry of a range: a private copy, until visit returns. */
struct agora_entry {
	const void *key;
	size_t key_size;
	const void *value; /* NULL in a set */
	size_t value_size;
	uint64_t version;
};

/**
 * Call a function with each entry of a range, in order.
 *
 * Bounds may be longer than key_size. visit: returns 0 to go on; may call any
 * function on the same map, and what it changes behind the entry it was
 * called with is seen. Faster by far than agora_map_next() for each.
 * Every key of the range that is there all the time is visited once.
 *
 * Returns 0, what visit returned if not 0, -EINVAL (reserved), -ENOMEM (a
 * large value). Progress: lock-free. Since: 0.1
 */
int agora_map_range(struct agora_map *map, const struct agora_range *range,
	int (*visit)(void *argument, const struct agora_entry *entry),
	void *argument);

/**
 * Count the keys of a range, which takes as long as passing them.
 * range: may be NULL: all. Returns 0, -EINVAL.
 */
int agora_map_count(struct agora_map *map, const struct agora_range *range,
	uint64_t *ret_count);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
