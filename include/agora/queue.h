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
 * message. memory: ceiling for the parts of long messages. By default there
 * is room for capacity messages of message_size, but never more than 1 GiB
 * or four messages, whichever is more; it is taken as it fills.
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
 * Take the oldest message.
 *
 * ret_message->version is its sequence number. Returns 0, -EAGAIN (empty),
 * -EMSGSIZE (buffer too small: nothing is taken, size tells what is needed).
 * Progress: lock-free. Crash: see above. Since: 0.1
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

/** Get the cursor behind the newest message, to tap from now on. */
int agora_queue_end(struct agora_queue *queue, uint64_t *ret_cursor);

/**
 * Claim the oldest message without copying it.
 *
 * It is no longer in the queue, but delivered again if this process dies
 * before agora_queue_release(). ret_message->data points to the bytes, valid
 * until release or restore, or is NULL for a long message, which
 * agora_queue_read() copies piece by piece.
 *
 * Returns 0, -EAGAIN (empty). Progress: lock-free. Since: 0.1
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
