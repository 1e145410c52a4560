/*
 * agora/log.h - records that many read, each at a place of its own.
 *
 * Whoever appends adds a record behind all others; nobody takes any. Records
 * have sequence numbers 0, 1, 2 and so on, in one order for all. The newest
 * ones are kept: capacity of them (fewer when memory is short: see options),
 * and older ones go to make room.
 *
 * A cursor is the sequence number of the record that is to be read next: a
 * plain integer of the reader's. 0 is the first record that ever was;
 * agora_log_oldest(), agora_log_end() and agora_log_back() give others.
 * Readers write nothing, so there may be any number of them, a handle opened
 * with AGORA_READ will do, and a dead or stopped one is in nobody's way. One
 * that is lapped, whose record is gone, goes on with the oldest that is there
 * and is told how many it missed; it never gets anything else instead.
 *
 * A reliable log (AGORA_RELIABLE) waits for those who ask for it: a record
 * that a registered reader has not read is not given up, and whoever appends
 * finds the log full instead. Readers that die are dropped at once. All
 * others may read it as they read any log.
 *
 * With AGORA_WRITERS_ONE there is one writer at a time and appending is
 * wait-free, several times as fast. A handle takes the writer's role with its
 * first append or reserve and keeps it until it is closed, yields
 * (agora_object_yield()) or dies; meanwhile that of another handle is -EBUSY.
 * Threads that share a handle are one party: only one may append at a time.
 * Such a log keeps some more than capacity records, and whoever is behind may
 * still get those.
 *
 * What a death leaves. A record is in the log from one atomic step on; killed
 * before it, it never was. The next writer goes on behind it.
 *
 * All functions return -ECHILD on a handle inherited by fork, -EACCES on a
 * handle opened with AGORA_READ when they would write, and -EUCLEAN when
 * they meet damage.
 */
#ifndef AGORA_LOG_H
#define AGORA_LOG_H

#include <agora/object.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct agora_log;

/**
 * Open a log: as agora_object_open() for a path that ends in ".log".
 *
 * Options. capacity: records to keep, 1 to 2^24, default 1024. message_size:
 * limit of a record, 1 to 2^30, default 64 KiB; with AGORA_FIXED the size of
 * each. writers: AGORA_WRITERS_MANY (default) or _ONE. flags: AGORA_FIXED,
 * AGORA_RELIABLE. memory: ceiling for the bytes of records, or of their parts
 * beyond inline_size; when it is reached, old records go sooner. By default
 * it is that of a queue. With one writer all lie in one ring of this size
 * (rounded up to a power of two; at least two of the largest).
 *
 * Returns as agora_object_open(). Since: 0.1
 */
int agora_log_open(struct agora_space *space, const char *path, uint32_t flags,
	const struct agora_options *options, struct agora_log **ret_log);

/** Close the handle. NULL is accepted. */
void agora_log_close(struct agora_log *log);

/** Return the same handle for agora/object.h. Do not close both. */
struct agora_object *agora_log_object(struct agora_log *log);

/* ---- append ---------------------------------------------------------- */

/**
 * Append a record.
 *
 * Returns 0, -EAGAIN (a registered reader is a whole log behind; or all of
 * the memory is in hands of others), -EMSGSIZE (larger than message_size, or
 * not equal to it with AGORA_FIXED), -ENOSPC (the file system has no memory
 * left), -EBADMSG (AGORA_CHECK: not of the type), -EBUSY (another handle has
 * the role of the only writer).
 * Ordering: what happened before append happens before what follows each
 * read of the record. Progress: lock-free; wait-free with one writer. Crash:
 * appended whole or not. Since: 0.1
 */
int agora_log_append(struct agora_log *log, const void *data, size_t size);

/**
 * Append a record, waiting for registered readers.
 * Returns as append, with -ETIMEDOUT and -EINTR instead of -EAGAIN.
 */
int agora_log_append_wait(struct agora_log *log, const void *data, size_t size,
	const struct timespec *deadline);

/**
 * Append several records, in order, waking who waits but once.
 *
 * Returns how many were appended (1 to count; fewer when the next one is
 * refused), or the error of the first as append; 0 only when count is 0.
 * Crash: those appended are a beginning of the row. Since: 0.1
 */
int agora_log_append_batch(
	struct agora_log *log, const struct iovec *records, size_t count);

/** As append_batch, waiting until one at least is appended;
 * -ETIMEDOUT and -EINTR instead of -EAGAIN. */
int agora_log_append_batch_wait(struct agora_log *log,
	const struct iovec *records, size_t count,
	const struct timespec *deadline);

/* ---- read ------------------------------------------------------------ */

/**
 * Copy the record at *cursor, or when that is gone the oldest, and advance
 * *cursor past it.
 *
 * ret_record->version is its sequence number. *ret_missed is how many records
 * from *cursor on were gone: mostly 0. It may be NULL.
 *
 * When the oldest goes again and again while it is copied, reading goes on
 * with one behind it; the count tells.
 *
 * Returns 0, -EAGAIN (not appended yet), -EMSGSIZE (buffer too small: size
 * tells what is needed, the cursor stays). Progress: lock-free: it starts
 * again only when others appended a whole log meanwhile. Crash: nothing.
 * Since: 0.1
 */
int agora_log_read(struct agora_log *log, uint64_t *cursor,
	struct agora_buffer *ret_record, uint64_t *ret_missed);

/**
 * As read, waiting for the record; -ETIMEDOUT and -EINTR instead of -EAGAIN.
 *
 * A handle opened with AGORA_READ cannot ask to be woken: it looks again
 * after sleeping for a fifth of the time it has waited, 10 milliseconds at
 * most.
 */
int agora_log_read_wait(struct agora_log *log, uint64_t *cursor,
	const struct timespec *deadline, struct agora_buffer *ret_record,
	uint64_t *ret_missed);

/**
 * Copy up to count records from *cursor on, in order.
 *
 * Records that were gone are counted in *ret_missed, which may be NULL; they
 * are only ever missed before the first one. Each of ret_records is a buffer
 * with data and capacity set.
 *
 * Returns how many were copied (1 to count), or the error of the first as
 * read; 0 only when count is 0. Since: 0.1
 */
int agora_log_read_batch(struct agora_log *log, uint64_t *cursor,
	struct agora_buffer *ret_records, size_t count, uint64_t *ret_missed);

/**
 * Copy the newest record. Its number is ret_record->version.
 * Returns 0, -EAGAIN (there is none), -EMSGSIZE. Since: 0.1
 */
int agora_log_newest(struct agora_log *log, struct agora_buffer *ret_record);

/** Get the cursor of the oldest record that is kept. Returns 0. */
int agora_log_oldest(struct agora_log *log, uint64_t *ret_cursor);

/** Get the cursor behind the newest record: that of the next. Returns 0. */
int agora_log_end(struct agora_log *log, uint64_t *ret_cursor);

/**
 * Get the cursor with count records between it and the end, or that of the
 * oldest when there are fewer. Returns 0.
 */
int agora_log_back(struct agora_log *log, uint64_t count, uint64_t *ret_cursor);

/* ---- registered readers ---------------------------------------------- */

/**
 * Register this handle as a reader of a reliable log.
 *
 * *cursor: where it is to begin; if that is gone, *cursor becomes that of the
 * oldest. From then on every record at or behind it is kept until this handle
 * has read it, or one behind it. A handle has one such place; registering
 * again moves it. It ends with agora_log_unregister(), with close, and with
 * the death of the process.
 *
 * Returns 0, -EOPNOTSUPP (not a reliable log), -EACCES (opened with
 * AGORA_READ). Since: 0.1
 */
int agora_log_register(struct agora_log *log, uint64_t *cursor);

/** Hold nobody back any longer. Returns 0 (also when not registered). */
int agora_log_unregister(struct agora_log *log);

/* ---- appending without a copy ---------------------------------------- */

/** Get room for a record: as agora_queue_reserve(), and -EBUSY as append.
 * With one writer one can be reserved at a time. */
int agora_log_reserve(struct agora_log *log, size_t size,
	struct agora_reservation *ret_reservation);

/** As reserve, waiting; -ETIMEDOUT and -EINTR instead of -EAGAIN. */
int agora_log_reserve_wait(struct agora_log *log, size_t size,
	const struct timespec *deadline,
	struct agora_reservation *ret_reservation);

/** Copy bytes into what was reserved: as agora_queue_write(). */
int agora_log_write(struct agora_log *log,
	const struct agora_reservation *reservation, size_t offset,
	const void *data, size_t size);

/** Append what was reserved: as agora_queue_commit(). */
int agora_log_commit(
	struct agora_log *log, const struct agora_reservation *reservation);

/** As commit, waiting; -ETIMEDOUT and -EINTR instead of -EAGAIN. */
int agora_log_commit_wait(struct agora_log *log,
	const struct agora_reservation *reservation,
	const struct timespec *deadline);

/** Give reserved room back: the record never was. Returns 0, -EINVAL. */
int agora_log_abort(
	struct agora_log *log, const struct agora_reservation *reservation);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
