/*
 * agora/stack.h - LIFO of messages, many producers and many consumers.
 *
 * A pop takes the message that was pushed last, of all that are there: all
 * calls have one order in which that is strictly so. Full and empty are
 * exact: both are true at some instant within the call.
 *
 * What a death leaves. A message is in the stack from one atomic step of
 * push on; killed before it, the message never was. From one atomic step of
 * pop on it is the taker's. Killed after that and before pop returned, or
 * with a message acquired and not released, it is pushed again: it lies on
 * top then, with a new sequence number. What one client had in hand comes
 * back in the order in which it lay. Messages that come back do so whether
 * there is room or not: the stack may for a while hold more than capacity.
 *
 * Sequence numbers grow from push to push, with gaps.
 *
 * agora_object_snapshot() gives all messages, the top first, as they lay at
 * one instant within the call; only under pops that do not cease for ten
 * thousand tries it gives a part of them, from the top on.
 *
 * All functions return -ECHILD on a handle inherited by fork, -EACCES on a
 * handle opened with AGORA_READ when they would write, and -EUCLEAN when
 * they meet damage. A message whose bytes are damaged comes back to the top;
 * agora_stack_acquire() and release get past it.
 */
#ifndef AGORA_STACK_H
#define AGORA_STACK_H

#include <agora/object.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct agora_stack;

/**
 * Open a stack: as agora_object_open() for a path that ends in ".stack".
 *
 * Options. capacity: messages, 1 to 2^24, default 1024. message_size: limit
 * of a message, 1 to 2^30, default 64 KiB. memory: ceiling for the parts of
 * long messages. By default there is room for capacity messages of
 * message_size, but never more than 1 GiB or four messages, whichever is more;
 * it is taken as it fills.
 *
 * Returns as agora_object_open(). Since: 0.1
 */
int agora_stack_open(struct agora_space *space, const char *path,
	uint32_t flags, const struct agora_options *options,
	struct agora_stack **ret_stack);

/** Close the handle. NULL is accepted. */
void agora_stack_close(struct agora_stack *stack);

/** Return the same handle for agora/object.h. Do not close both. */
struct agora_object *agora_stack_object(struct agora_stack *stack);

/**
 * Put a message on top.
 *
 * Returns 0, -EAGAIN (full: capacity or memory), -EMSGSIZE (larger than
 * message_size), -ENOSPC (the file system has no memory left), -EBADMSG
 * (AGORA_CHECK: not of the type).
 * Ordering: what happened before push happens before what follows the pop
 * that takes the message. Progress: lock-free. Crash: pushed whole or not.
 * Since: 0.1
 */
int agora_stack_push(struct agora_stack *stack, const void *data, size_t size);

/**
 * Put a message on top, waiting for room.
 * Returns as push, with -ETIMEDOUT and -EINTR instead of -EAGAIN.
 */
int agora_stack_push_wait(struct agora_stack *stack, const void *data,
	size_t size, const struct timespec *deadline);

/**
 * Push several messages, the last of which is on top then. Each is pushed by
 * itself: those of others may come to lie between them.
 *
 * Returns how many were pushed (1 to count; fewer when there was no room for
 * more, or the next one is refused), or the error of the first as push; 0
 * only when count is 0. Since: 0.1
 */
int agora_stack_push_batch(
	struct agora_stack *stack, const struct iovec *messages, size_t count);

/**
 * As push_batch, waiting until there is room for one at least;
 * -ETIMEDOUT and -EINTR instead of -EAGAIN.
 */
int agora_stack_push_batch_wait(struct agora_stack *stack,
	const struct iovec *messages, size_t count,
	const struct timespec *deadline);

/**
 * Take the message on top.
 *
 * ret_message->version is its sequence number. Returns 0, -EAGAIN (empty),
 * -EMSGSIZE (buffer too small: nothing is taken, size tells what is needed).
 * Progress: lock-free. Crash: see above. Since: 0.1
 */
int agora_stack_pop(
	struct agora_stack *stack, struct agora_buffer *ret_message);

/**
 * Take the message on top, waiting for one.
 * Returns as pop, with -ETIMEDOUT and -EINTR instead of -EAGAIN.
 */
int agora_stack_pop_wait(struct agora_stack *stack,
	const struct timespec *deadline, struct agora_buffer *ret_message);

/**
 * Take up to count messages, one after the other, from the top.
 *
 * Each of ret_messages is a buffer with data and capacity set, as for pop.
 * Returns how many were taken (1 to count; fewer when there are no more, or
 * the next is larger than its buffer), or the error of the first as pop; 0
 * only when count is 0. Since: 0.1
 */
int agora_stack_pop_batch(struct agora_stack *stack,
	struct agora_buffer *ret_messages, size_t count);

/**
 * As pop_batch, waiting until there is one at least; -ETIMEDOUT and -EINTR
 * instead of -EAGAIN.
 */
int agora_stack_pop_batch_wait(struct agora_stack *stack,
	const struct timespec *deadline, struct agora_buffer *ret_messages,
	size_t count);

/**
 * Copy the message on top and leave it where it is. Needs AGORA_READ only.
 * Returns as pop. Progress: lock-free. Crash: nothing.
 */
int agora_stack_peek(
	struct agora_stack *stack, struct agora_buffer *ret_message);

/**
 * Copy the first message that is there and was pushed at or after *cursor,
 * and leave it: to follow what is pushed without taking part.
 *
 * Start with *cursor = 0, or with that of agora_stack_end(); it is advanced
 * past the message copied. Messages come in the order in which they were
 * pushed; one that is pushed and taken between two calls is missed. One that
 * comes back is pushed anew. Needs AGORA_READ only. The handle remembers, in
 * memory that it allocates, what comes next.
 *
 * Returns 0, -EAGAIN (no more), -EMSGSIZE (cursor not advanced past it),
 * -ENOMEM. Progress: lock-free. Since: 0.1
 */
int agora_stack_tap(struct agora_stack *stack, uint64_t *cursor,
	struct agora_buffer *ret_message);

/** Get the cursor behind the newest message, to tap from now on. Returns 0. */
int agora_stack_end(struct agora_stack *stack, uint64_t *ret_cursor);

/**
 * Take the message on top without copying it.
 *
 * It is no longer in the stack, but pushed again if this process dies before
 * agora_stack_release(). ret_message->data points to the bytes, valid until
 * release or restore, or is NULL for a long message, which
 * agora_stack_read() copies piece by piece.
 *
 * Returns 0, -EAGAIN (empty). Progress: lock-free. Since: 0.1
 */
int agora_stack_acquire(
	struct agora_stack *stack, struct agora_message *ret_message);

/** As acquire, waiting; -ETIMEDOUT and -EINTR instead of -EAGAIN. */
int agora_stack_acquire_wait(struct agora_stack *stack,
	const struct timespec *deadline, struct agora_message *ret_message);

/**
 * Copy size bytes at offset of an acquired message.
 * Returns how many were copied (0 at its end), -EINVAL (not acquired).
 */
int agora_stack_read(struct agora_stack *stack,
	const struct agora_message *message, size_t offset, void *ret_data,
	size_t size);

/** Be done with an acquired message: it is never delivered again.
 * Returns 0, -EINVAL (not acquired by this handle, or twice). */
int agora_stack_release(
	struct agora_stack *stack, const struct agora_message *message);

/** Put an acquired message back on top, whether there is room or not.
 * Returns 0, -EINVAL as release. */
int agora_stack_restore(
	struct agora_stack *stack, const struct agora_message *message);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
