/*
 * agora/heap.h - priority queue: what has the smallest priority comes first.
 *
 * Order. A priority is any 64-bit number, and the smallest number is taken
 * first, as with nice(1) or a deadline; mq_receive(3) has it the other way
 * round. Of messages with equal priorities the one that was pushed first is
 * taken first, where "first" is the order in which pushes took effect. A
 * message that was given back keeps its place among its equals. (Should more
 * than 2^48 operations take place while a message is in the heap, it may
 * change places with its equals.) Priorities below 32768 are compared
 * without a look at the messages, however many are equal; so are all that
 * are below 2^63 and differ.
 *
 * agora_object_push() and its kin, which know of no priorities, give 0.
 *
 * Each operation takes place at one instant: pop takes what is first of all
 * that is there, and empty and full are exact.
 *
 * With AGORA_RELAXED the heap consists of several, so that more can be done
 * at a time. A message goes into one of them by chance, and pop takes what is
 * first in one of two. It is then not always the first of all: how many
 * messages that are there come before it is its rank error.
 * agora_stat.rank_bound declares a bound of it, see agora_heap_open(); 0 for
 * a heap that is strict. What is equal is taken in any order. Empty is exact:
 * all of them were empty at one instant. The capacity is shared out among
 * them evenly, rounded up; full means that none had room.
 *
 * What a death leaves. A message is in the heap from one atomic step of push
 * on; killed before it, the message never was. Killed inside pop, the
 * message is either delivered to somebody else or had been taken. A message
 * that was acquired and not released goes back to its place. That happens
 * when anybody attaches, waits or runs short, or agora_object_check()
 * repairs. What was given back counts beside the capacity: the heap may for a
 * while hold more than that.
 *
 * Looking. agora_object_snapshot() gives the messages in the order in which
 * they would be taken. It is the state of one instant when it finds a moment
 * at which nobody was at work, for which it tries several times; else
 * all are in it that were there all the time, and perhaps some of those that
 * came or went meanwhile. Of a relaxed heap it is the instant of each part.
 *
 * All functions return -ECHILD on a handle inherited by fork, -EACCES on a
 * handle opened with AGORA_READ when they would write, and -EUCLEAN when
 * they meet damage.
 */
#ifndef AGORA_HEAP_H
#define AGORA_HEAP_H

#include <agora/object.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct agora_heap;

/**
 * Open a heap: as agora_object_open() for a path that ends in ".heap".
 *
 * Options. capacity: messages, 1 to 2^24, default 1024. message_size: limit
 * of a message, 1 to 2^30, default 64 KiB; with AGORA_FIXED the size of each
 * message. flags: AGORA_FIXED, AGORA_RELAXED. memory: ceiling for the parts of
 * long messages. By default there is room for capacity messages of
 * message_size, but never more than 1 GiB or four messages, whichever is more;
 * it is taken as it fills.
 *
 * With AGORA_RELAXED, agora_stat.rank_bound is a bound for the rank error of
 * all but one in 1,000 pops, while clients that push and pop are no more than
 * processors. It is a matter of chance, not a limit that is enforced.
 *
 * Returns as agora_object_open(). Since: 0.1
 */
int agora_heap_open(struct agora_space *space, const char *path, uint32_t flags,
	const struct agora_options *options, struct agora_heap **ret_heap);

/** Close the handle. NULL is accepted. */
void agora_heap_close(struct agora_heap *heap);

/** Return the same handle for agora/object.h. Do not close both. */
struct agora_object *agora_heap_object(struct agora_heap *heap);

/**
 * Insert a message with a priority.
 *
 * Returns 0, -EAGAIN (full: capacity or memory), -EMSGSIZE (larger than
 * message_size, or not equal to it with AGORA_FIXED), -ENOSPC (the file
 * system has no memory left), -EBADMSG (AGORA_CHECK: not of the type).
 * Ordering: what happened before push happens before what follows the pop
 * that takes the message. Progress: lock-free. Crash: pushed whole or not.
 * Since: 0.1
 */
int agora_heap_push(struct agora_heap *heap, uint64_t priority,
	const void *data, size_t size);

/**
 * Insert a message, waiting for room.
 * Returns as push, with -ETIMEDOUT and -EINTR instead of -EAGAIN.
 */
int agora_heap_push_wait(struct agora_heap *heap, uint64_t priority,
	const void *data, size_t size, const struct timespec *deadline);

/** A message to be pushed with others. */
struct agora_heap_item {
	uint64_t priority;
	const void *data;
	size_t size;
};

/**
 * Insert several messages, in order.
 *
 * Up to 32 at a time take effect together.
 *
 * Returns how many were inserted (1 to count; fewer when there was no room
 * for more, or the next one is refused), or the error of the first as push;
 * 0 only when count is 0. Progress: lock-free. Crash: those inserted are a
 * beginning of the row. Since: 0.1
 */
int agora_heap_push_batch(struct agora_heap *heap,
	const struct agora_heap_item *items, size_t count);

/**
 * As push_batch, waiting until there is room for one at least;
 * -ETIMEDOUT and -EINTR instead of -EAGAIN.
 */
int agora_heap_push_batch_wait(struct agora_heap *heap,
	const struct agora_heap_item *items, size_t count,
	const struct timespec *deadline);

/**
 * Take the first message.
 *
 * ret_message->priority is its priority, and version its sequence number:
 * they grow in the order of pushing (with AGORA_RELAXED they mean nothing).
 *
 * Returns 0, -EAGAIN (empty), -EMSGSIZE (buffer too small: nothing is taken,
 * size tells what is needed). Progress: lock-free. Crash: see above.
 * Since: 0.1
 */
int agora_heap_pop(struct agora_heap *heap, struct agora_buffer *ret_message);

/**
 * Take the first message, waiting for one.
 * Returns as pop, with -ETIMEDOUT and -EINTR instead of -EAGAIN.
 */
int agora_heap_pop_wait(struct agora_heap *heap,
	const struct timespec *deadline, struct agora_buffer *ret_message);

/**
 * Take up to count messages, in the order of their priorities.
 *
 * Each of ret_messages is a buffer with data and capacity set, as for pop. Up
 * to 16 at a time are taken at one instant.
 *
 * Returns how many were taken (1 to count; fewer when there are no more, or
 * the next is larger than its buffer), or the error of the first as pop: on
 * -EMSGSIZE ret_messages[0].size tells what is needed. 0 only when count is
 * 0. Progress: lock-free. Crash: as pop, for all of them. Since: 0.1
 */
int agora_heap_pop_batch(struct agora_heap *heap,
	struct agora_buffer *ret_messages, size_t count);

/**
 * As pop_batch, waiting until there is one at least; -ETIMEDOUT and -EINTR
 * instead of -EAGAIN.
 */
int agora_heap_pop_batch_wait(struct agora_heap *heap,
	const struct timespec *deadline, struct agora_buffer *ret_messages,
	size_t count);

/**
 * Copy the first message and leave it where it is. Needs AGORA_READ only.
 * Returns as pop. Progress: lock-free. Crash: nothing.
 */
int agora_heap_peek(struct agora_heap *heap, struct agora_buffer *ret_message);

/**
 * Copy the first message, in the order of pushing, at or after *cursor, and
 * leave it where it is: to follow what is pushed without taking part.
 *
 * *cursor is advanced past the message copied; 0 is before all. What was
 * taken meanwhile is shown as long as its bytes are still there; what was
 * pushed and taken and overwritten between two calls is missed. A message
 * that was given back is not shown a second time. Needs AGORA_READ only.
 *
 * Returns 0, -EAGAIN (no more), -EMSGSIZE (cursor not advanced), -EOPNOTSUPP
 * (AGORA_RELAXED: there is no such order). Progress: lock-free. Since: 0.1
 */
int agora_heap_tap(struct agora_heap *heap, uint64_t *cursor,
	struct agora_buffer *ret_message);

/**
 * Get the cursor behind the newest message, to tap from now on.
 * Returns 0, -EOPNOTSUPP as tap.
 */
int agora_heap_end(struct agora_heap *heap, uint64_t *ret_cursor);

/**
 * Claim the first message without copying it.
 *
 * It is no longer in the heap, but delivered again if this process dies
 * before agora_heap_release(). ret_message->data points to the bytes, valid
 * until release or restore, or is NULL for a long message, which
 * agora_heap_read() copies piece by piece.
 *
 * Returns 0, -EAGAIN (empty). Progress: lock-free. Since: 0.1
 */
int agora_heap_acquire(
	struct agora_heap *heap, struct agora_message *ret_message);

/** As acquire, waiting; -ETIMEDOUT and -EINTR instead of -EAGAIN. */
int agora_heap_acquire_wait(struct agora_heap *heap,
	const struct timespec *deadline, struct agora_message *ret_message);

/**
 * Copy size bytes at offset of an acquired message.
 * Returns how many were copied (0 at its end), -EINVAL (not acquired).
 */
int agora_heap_read(struct agora_heap *heap,
	const struct agora_message *message, size_t offset, void *ret_data,
	size_t size);

/** Be done with an acquired message: it is never delivered again.
 * Returns 0, -EINVAL (not acquired by this handle, or twice). */
int agora_heap_release(
	struct agora_heap *heap, const struct agora_message *message);

/** Give an acquired message back: it returns to its place in the order.
 * Returns 0, -EINVAL as release. */
int agora_heap_restore(
	struct agora_heap *heap, const struct agora_message *message);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
