/*
 * agora/string.h - one value of any size, replaced as a whole.
 *
 * Anybody may load the value at any time; it is never seen half written.
 * Each change gives the string the next version: 1 is the first value, and
 * versions only grow. Clearing is a change too, after which there is no value.
 *
 * With AGORA_WRITERS_MANY any client may write, lock-free. With
 * AGORA_WRITERS_ONE one handle at a time may: it takes the writer's role with
 * its first write and keeps it until it is closed or dies; others get -EBUSY.
 * Threads that share that handle take turns to write; they may not write from
 * signal handlers. Storing up to 128 bytes is then wait-free, and who loads
 * has to look again only when two changes began while it copied. Readers of
 * either need only AGORA_READ, write nothing, and are in nobody's way.
 *
 * What a death leaves. Each change takes effect at one atomic step: killed
 * before it, nothing happened; killed after it, the value stands, and what it
 * replaced is freed by whoever comes next.
 *
 * All functions return -ECHILD on a handle inherited by fork and -EUCLEAN
 * when they meet damage; those that write return -EACCES on a handle opened
 * with AGORA_READ and -EBUSY when another handle is the only writer.
 */
#ifndef AGORA_STRING_H
#define AGORA_STRING_H

#include <agora/object.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct agora_string;

/**
 * Open a string: as agora_object_open() for a path that ends in ".string".
 *
 * Options. message_size: limit of the value, 1 to 2^30, default 1 MiB.
 * inline_size: bytes of a value that lie in one block, default 232; longer
 * values cost a step for each further part. memory: ceiling for those parts,
 * by default 1 GiB or four values, whichever is more; at least two values.
 * writers: AGORA_WRITERS_MANY (default) or _ONE. Memory is taken as needed.
 *
 * Returns as agora_object_open(). Since: 0.1
 */
int agora_string_open(struct agora_space *space, const char *path,
	uint32_t flags, const struct agora_options *options,
	struct agora_string **ret_string);

/** Close the handle. NULL is accepted. */
void agora_string_close(struct agora_string *string);

/** Return the same handle for agora/object.h. Do not close both. */
struct agora_object *agora_string_object(struct agora_string *string);

/**
 * Copy the value.
 *
 * ret_value: also its version is set, even when there is no value: to that of
 * the clearing, or 0 when nothing was ever stored.
 * Returns 0, -ENOENT (no value), -EMSGSIZE (buffer too small; size tells).
 * Ordering: what happened before the change that made the value happens before
 * what follows load. Progress: lock-free. Since: 0.1
 */
int agora_string_load(
	struct agora_string *string, struct agora_buffer *ret_value);

/**
 * Replace the value, or store the first one.
 *
 * Returns 0, -EMSGSIZE (value too large), -ENOSPC (no room: memory or file
 * system), -EBADMSG (AGORA_CHECK). Progress: lock-free; with one writer and
 * up to 128 bytes wait-free, beside his own threads.
 * Crash: stored whole or not at all. Since: 0.1
 */
int agora_string_store(
	struct agora_string *string, const void *data, size_t size);

/**
 * Replace the value and copy the one that was there.
 *
 * value: data and size are used. ret_old: as for load.
 * Returns as store, with -ENOENT (there was none, and nothing is stored) and
 * -EMSGSIZE also when ret_old is too small (nothing is stored). Since: 0.1
 */
int agora_string_swap(struct agora_string *string,
	const struct agora_buffer *value, struct agora_buffer *ret_old);

/**
 * Store a value only if the present one has value->version; a version of 0
 * means: only if there is none.
 *
 * ret_version: the new version; may be NULL. On -ESTALE it is set to the
 * present version, 0 for none.
 * Returns as store, and -ESTALE. Since: 0.1
 */
int agora_string_compare(struct agora_string *string,
	const struct agora_buffer *value, uint64_t *ret_version);

/**
 * Add bytes to the end of the value; without one they become it.
 *
 * As many may do it at one time as may write, and no bytes are lost. It takes
 * time proportional to what is there: for much data use a log or a queue.
 * Returns as store, -EMSGSIZE also when the value would grow too large
 * (nothing is stored), and -ENOMEM. Progress: lock-free. Since: 0.1
 */
int agora_string_append(
	struct agora_string *string, const void *data, size_t size);

/** Remove the value. Returns 0, -ENOENT, -ENOSPC. Since: 0.1 */
int agora_string_clear(struct agora_string *string);

/**
 * Tell the version of the last change, without looking at the value; 0 when
 * there was none. Returns 0. Progress: wait-free. Since: 0.1
 */
int agora_string_version(struct agora_string *string, uint64_t *ret_version);

/**
 * Wait for a change after version, and load the value then.
 *
 * Versions that were replaced meanwhile are passed over. A handle opened with
 * AGORA_WRITE is woken at once; one with AGORA_READ can tell nobody that it
 * waits: it looks again after sleeping for a fifth of the time it has waited,
 * 10 milliseconds at most.
 *
 *     struct agora_buffer b = {.data = bytes, .capacity = sizeof(bytes)};
 *     while (!agora_string_wait(mode, b.version, NULL, &b))
 *             act_on(bytes, b.size);
 *
 * Returns as load (-ENOENT: it was cleared; ret_value->version is set), and
 * -ETIMEDOUT, -EINTR. Since: 0.1
 */
int agora_string_wait(struct agora_string *string, uint64_t version,
	const struct timespec *deadline, struct agora_buffer *ret_value);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
