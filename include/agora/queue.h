/*
 * agora/queue.h - FIFO of messages, many producers and many consumers.
 *
 * Messages of one producer are taken in the order in which it pushed them;
 * all messages are taken in one total order. Full and empty are exact: both
 * are true at some instant within the call.
 *
 * What a death leaves. A message is in the queue from one atomic step of
 * push on; killed before it, the message never was. Killed inside pop, the
 * message is either delivered to somebody else or had been taken. A message
 * acquired and not released is delivered again, before all others, in the
 * order in which it was pushed. Blocks of the dead come back when anybody
 * attaches, waits or runs short, or agora_object_check() repairs.
 *
 * Messages that were given back, or claimed by the dead, count beside the
 * capacity: the queue may for a while hold more than that.
 *
 * With AGORA_SPSC there is one producer and one consumer at a time, and
 * pushing and popping are wait-free. A handle takes the role of the producer
 * with its first push or reserve, that of the consumer with its first pop or
 * acquire, and keeps it until it is closed, yields (agora_object_yield()) or
 * dies; meanwhile the same call of another handle is -EBUSY. Threads that
 * share a handle are one party: only one may push, one pop, at a time. The
 * messages lie in one ring, and take room until they are released; with those
 * of any size it has options.memory bytes (rounded up to a power of two; at
 * least two of the largest), and a push is also refused with -EAGAIN when
 * there is no room in it.
 *
 * All functions return -ECHILD on a handle inherited by fork, -EACCES on a
 * handle opened with AGORA_READ when they would write, and -EUCLEAN when
 * they meet damage. A message whose bytes are damaged stays the next one;
 * agora_queue_acquire() and release get past it.
 */
#ifndef AGORA_QUEUE_H
#define AGORA_QUEUE_H

#include <agora/object.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct agora_queue;

/**
 * Open a queue: as agora_object_open() for a path that ends in ".queue".
 *
 * Options. capacity: messages, 1 to 2^24, default 1024. message_size: limit
 * of a message, 1 to 2^30, default 64 KiB; with AGORA_FIXED the size of each
 * message. flags: AGORA_FIXED, AGORA_SPSC. memory: ceiling for the parts of
 * long messages. By default there is room for capacity messages of
 * message_size, but never more than 1 GiB or four messages, whichever is more;
 * it is taken as it fills.
 *
 * Returns as agora_object_open(). Since: 0.1
 */
int agora_queue_open(struct agora_space *space, const char *path,
	uint32_t flags, const struct agora_options *options,
	struct agora_queue **ret_queue);

/** Close the handle. NULL is accepted. */
void agora_queue_close(struct agora_queue *queue);

/** Return the same handle for agora/object.h. Do not close both. */
struct agora_object *agora_queue_object(struct agora_queue *queue);

/**
 * Append a message.
 *
 * Returns 0, -EAGAIN (full: capacity or memory), -EMSGSIZE (larger than
 * message_size, or not equal to it with AGORA_FIXED), -ENOSPC (the file
 * system has no memory left), -EBADMSG (AGORA_CHECK: not of the type).
 * Ordering: what happened before push happens before what follows the pop
 * that takes the message. Progress: lock-free. Crash: pushed whole or not.
 * Since: 0.1
 */
int agora_queue_push(struct agora_queue *queue, const void *data, size_t size);

/**
 * Append a message, waiting for room.
 * Returns as push, with -ETIMEDOUT and -EINTR instead of -EAGAIN.
 */
int agora_queue_push_wait(struct agora_queue *queue, const void *data,
	size_t size, const struct timespec *deadline);

/**
 * Append several messages, in order, for little more than the price of one.
 *
 * Returns how many were appended (1 to count; fewer when there was no room
 * for more, or the next one is refused), or the error of the first as push;
 * 0 only when count is 0. Progress: lock-free. Crash: those appended are a
 * beginning of the row. Since: 0.1
 */
int agora_queue_push_batch(
	struct agora_queue *queue, const struct iovec *messages, size_t count);

/**
 * As push_batch, waiting until there is room for one at least;
 * -ETIMEDOUT and -EINTR instead of -EAGAIN.
 */
int agora_queue_push_batch_wait(struct agora_queue *queue,
	const struct iovec *messages, size_t count,
	const struct timespec *deadline);

/**
 * Get room for a message of size bytes, to be written without a copy.
 *
 * Nobody sees it until it is committed. ret_reservation->data points to the
 * room, or is NULL when that is not in one piece (longer than inline_size,
 * without AGORA_FIXED or AGORA_SPSC): then agora_queue_write() fills it. With
 * AGORA_SPSC one message can be reserved at a time.
 *
 * Returns 0, -EAGAIN (full), -EMSGSIZE, -ENOSPC as push, -EBUSY (AGORA_SPSC:
 * one is reserved already). Progress: lock-free. Crash: what the dead had
 * reserved comes back (agora_stat.reclaimed). Since: 0.1
 */
int agora_queue_reserve(struct agora_queue *queue, size_t size,
	struct agora_reservation *ret_reservation);

/** As reserve, waiting for room; -ETIMEDOUT and -EINTR instead of -EAGAIN. */
int agora_queue_reserve_wait(struct agora_queue *queue, size_t size,
	const struct timespec *deadline,
	struct agora_reservation *ret_reservation);

/**
 * Copy size bytes to offset of a reserved message.
 * Returns 0, -EINVAL (not reserved, or beyond its end).
 */
int agora_queue_write(struct agora_queue *queue,
	const struct agora_reservation *reservation, size_t offset,
	const void *data, size_t size);

/**
 * Append a reserved message. reservation->size may have been made smaller.
 *
 * Returns 0, -EAGAIN (full: it is still reserved), -EBADMSG (AGORA_CHECK:
 * not of the type; still reserved), -EMSGSIZE (AGORA_FIXED: size was
 * changed; still reserved), -EINVAL (not reserved by this handle, or
 * committed already). Ordering, progress, crash: as push. Since: 0.1
 */
int agora_queue_commit(
	struct agora_queue *queue, const struct agora_reservation *reservation);

/** As commit, waiting for room; -ETIMEDOUT and -EINTR instead of -EAGAIN. */
int agora_queue_commit_wait(struct agora_queue *queue,
	const struct agora_reservation *reservation,
	const struct timespec *deadline);

/** Give reserved room back: the message never was. Returns 0, -EINVAL. */
int agora_queue_abort(
	struct agora_queue *queue, const struct agora_reservation *reservation);

/**
 * Take the oldest message.
 *
 * ret_message->version is its sequence number. Returns 0, -EAGAIN (empty),
 * -EMSGSIZE (buffer too small: nothing is taken, size tells what is needed),
 * -ENOSPC (somebody began to take a batch apart, and there is no memory to go
 * on with that). Progress: lock-free. Crash: see above. Since: 0.1
 */
int agora_queue_pop(
	struct agora_queue *queue, struct agora_buffer *ret_message);

/**
 * Take the oldest message, waiting for one.
 * Returns as pop, with -ETIMEDOUT and -EINTR instead of -EAGAIN.
 */
int agora_queue_pop_wait(struct agora_queue *queue,
	const struct timespec *deadline, struct agora_buffer *ret_message);

/**
 * Take up to count of the oldest messages, in order.
 *
 * Each of ret_messages is a buffer with data and capacity set, as for pop.
 *
 * Returns how many were taken (1 to count; fewer when there are no more, or
 * the next is larger than its buffer), or the error of the first as pop: on
 * -EMSGSIZE ret_messages[0].size tells what is needed. 0 only when count is
 * 0. Progress: lock-free. Crash: as pop, for all of them. Since: 0.1
 */
int agora_queue_pop_batch(struct agora_queue *queue,
	struct agora_buffer *ret_messages, size_t count);

/**
 * As pop_batch, waiting until there is one at least; -ETIMEDOUT and -EINTR
 * instead of -EAGAIN.
 */
int agora_queue_pop_batch_wait(struct agora_queue *queue,
	const struct timespec *deadline, struct agora_buffer *ret_messages,
	size_t count);

/**
 * Copy the oldest message and leave it where it is. Needs AGORA_READ only.
 * Returns as pop. Progress: lock-free. Crash: nothing.
 */
int agora_queue_peek(
	struct agora_queue *queue, struct agora_buffer *ret_message);

/**
 * Copy the first message at or after *cursor and leave it where it is.
 *
 * Start with *cursor = 0; it is advanced past the message copied. A walk
 * sees, in order, every message that is in the queue from its beginning to
 * its end, and none twice. Needs AGORA_READ only.
 *
 * Returns 0, -EAGAIN (no more), -EMSGSIZE (cursor not advanced).
 * Progress: lock-free. Since: 0.1
 */
int agora_queue_walk(struct agora_queue *queue, uint64_t *cursor,
	struct agora_buffer *ret_message);

/**
 * As walk, but also shows messages already taken whose bytes are still
 * there: to follow what is pushed without taking part. The sequence numbers
 * of what is returned tell how many were missed.
 */
int agora_queue_tap(struct agora_queue *queue, uint64_t *cursor,
	struct agora_buffer *ret_message);

/**
 * Get the cursor behind the newest message, to tap from now on.
 * Returns 0.
 */
int agora_queue_end(struct agora_queue *queue, uint64_t *ret_cursor);

/**
 * Claim the oldest message without copying it.
 *
 * It is no longer in the queue, but delivered again if this process dies
 * before agora_queue_release(). ret_message->data points to the bytes, valid
 * until release or restore, or is NULL for a long message, which
 * agora_queue_read() copies piece by piece. With AGORA_SPSC it never is NULL,
 * and up to 48 messages can be acquired at a time, counted from the oldest of
 * them, whether those after it were released since or not (-EBUSY; also pop).
 *
 * Returns 0, -EAGAIN (empty), -ENOSPC (the message is in a batch, which must
 * be taken apart, and there is no memory for that). Progress: lock-free.
 * Since: 0.1
 */
int agora_queue_acquire(
	struct agora_queue *queue, struct agora_message *ret_message);

/** As acquire, waiting; -ETIMEDOUT and -EINTR instead of -EAGAIN. */
int agora_queue_acquire_wait(struct agora_queue *queue,
	const struct timespec *deadline, struct agora_message *ret_message);

/**
 * Copy size bytes at offset of an acquired message.
 * Returns how many were copied (0 at its end), -EINVAL (not acquired).
 */
int agora_queue_read(struct agora_queue *queue,
	const struct agora_message *message, size_t offset, void *ret_data,
	size_t size);

/** Be done with an acquired message: it is never delivered again.
 * Returns 0, -EINVAL (not acquired by this handle, or twice). */
int agora_queue_release(
	struct agora_queue *queue, const struct agora_message *message);

/** Give an acquired message back: it is the next to be delivered.
 * Returns 0, -EINVAL as release. */
int agora_queue_restore(
	struct agora_queue *queue, const struct agora_message *message);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
