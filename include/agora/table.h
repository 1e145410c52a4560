/*
 * agora/table.h - hash table from byte strings to byte strings.
 *
 * With AGORA_WRITERS_MANY any client may write, lock-free. With
 * AGORA_WRITERS_ONE one handle at a time may, and all is faster: it takes
 * the writer's role with its first write and keeps it until it is closed or
 * dies; others get -EBUSY. Threads that share that handle take turns to
 * write; they may not write from signal handlers. Readers of either need
 * only AGORA_READ, write nothing, and are never in anybody's way.
 *
 * A value is replaced by a whole new one. No read returns torn bytes, a
 * value under another key, or a deleted value. Each stored value has a
 * version: an opaque number, different for every value that was ever stored
 * in the table; 0 is never one.
 *
 * What a death leaves. Each write takes effect at one atomic step: killed
 * before it, nothing happened; killed after it, the value stands, and what
 * it replaced is freed by whoever recovers the dead client.
 *
 * All functions return -ECHILD on a handle inherited by fork and -EUCLEAN
 * when they meet damage; those that write return -EACCES on a handle opened
 * with AGORA_READ and -EBUSY when another handle is the only writer.
 */
#ifndef AGORA_TABLE_H
#define AGORA_TABLE_H

#include <agora/object.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct agora_table;

/**
 * Open a table: as agora_object_open() for a path that ends in ".table".
 *
 * Options. capacity: keys for which there is room at least, 1 to 2^26, default
 * 65536. key_size: limit of a key, 1 to 4096, default 512 (the empty key is a
 * key). message_size: limit of a value, up to 2^30, default 1 MiB.
 * inline_size: bytes of key and value that share the entry's block, default
 * 88; longer ones cost a step for each further part. memory: ceiling for those
 * parts, by default 1 GiB or four values, whichever is more. writers:
 * AGORA_WRITERS_MANY (default) or _ONE. Memory is taken as it fills.
 *
 * Returns as agora_object_open(). Since: 0.1
 */
int agora_table_open(struct agora_space *space, const char *path,
	uint32_t flags, const struct agora_options *options,
	struct agora_table **ret_table);

/** Close the handle. NULL is accepted. */
void agora_table_close(struct agora_table *table);

/** Return the same handle for agora/object.h. Do not close both. */
struct agora_object *agora_table_object(struct agora_table *table);

/**
 * Copy the value of a key.
 *
 * Returns 0, -ENOENT, -EMSGSIZE (buffer too small; size tells), -EINVAL
 * (key longer than key_size). Ordering: what happened before the put that
 * stored the value happens before what follows get. Progress: lock-free; it
 * retries only when a writer changed the same chain. With one writer it reads
 * a value within inline_size a second time only when 64 writes were done in
 * the time of a copy, and a longer one when it was replaced. Since: 0.1
 */
int agora_table_get(struct agora_table *table, const void *key, size_t key_size,
	struct agora_buffer *ret_value);

/**
 * Store a value, whether or not the key has one.
 *
 * Returns 0, -EMSGSIZE (value too large), -EINVAL (key), -ENOSPC (no room:
 * capacity, memory or file system), -EBADMSG (AGORA_CHECK).
 * Progress: lock-free; with one writer wait-free, beside his own threads.
 * Crash: stored whole or not at all. Since: 0.1
 */
int agora_table_put(struct agora_table *table, const void *key, size_t key_size,
	const void *value, size_t value_size);

/**
 * Store a value and copy the one it replaced.
 *
 * value: data and size are used. ret_old: as for get.
 * Returns as put, with -ENOENT (nothing was there and nothing is stored) and
 * -EMSGSIZE also when ret_old is too small (nothing is stored).
 */
int agora_table_swap(struct agora_table *table, const void *key,
	size_t key_size, const struct agora_buffer *value,
	struct agora_buffer *ret_old);

/**
 * Store a value only if the present one has value->version; a version of 0
 * means: only if there is none.
 *
 * ret_version: the new version; may be NULL. On -ESTALE it is set to the
 * present version, 0 for none.
 * Returns as put, and -ESTALE.
 */
int agora_table_compare(struct agora_table *table, const void *key,
	size_t key_size, const struct agora_buffer *value,
	uint64_t *ret_version);

/**
 * Add to a counter: a value of exactly 8 bytes, a native int64_t. A missing
 * key counts as 0. Wraps on overflow.
 *
 * ret_sum: the sum; may be NULL.
 * Returns as put, and -EPROTOTYPE (the value has not 8 bytes).
 */
int agora_table_add(struct agora_table *table, const void *key, size_t key_size,
	int64_t delta, int64_t *ret_sum);

/**
 * Remove a key. Returns 0, -ENOENT, -EINVAL.
 * Progress: lock-free. Crash: removed or not. Since: 0.1
 */
int agora_table_delete(
	struct agora_table *table, const void *key, size_t key_size);

/**
 * Copy the entry that follows a key in the table's own order.
 *
 * key: data, capacity and size are read and written: holds the key to start
 * after and receives the next key. A size of SIZE_MAX starts at the
 * beginning. The key need not exist any more. Its capacity must be at least
 * the table's key_size (-EINVAL). ret_value: may be NULL.
 * A walk sees every key that is there from its beginning to its end exactly
 * once, each with a value it had within the walk.
 *
 * Returns 0, -ENOENT (no more), -EMSGSIZE (ret_value is too small: its size
 * tells what is needed, key is unchanged), -EINVAL. Since: 0.1
 */
int agora_table_next(struct agora_table *table, struct agora_buffer *key,
	struct agora_buffer *ret_value);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
