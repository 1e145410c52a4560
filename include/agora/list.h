/*
 * agora/list.h - ordered sequence of messages: both ends, and in between.
 *
 * Elements are pushed and popped at both ends, inserted before and after
 * others, removed, and walked in both directions. All calls that change the
 * list, and each step of a walk, have one order in which the list is what it
 * seems to each of them. All take the same time, however long the list is.
 *
 * Elements are named by handles. A handle names one element as long as that
 * is in the list, and nothing afterwards: -ESTALE, for ever. It may be sent
 * to other processes that have the same list open.
 *
 * What a death leaves. An element is in the list from one atomic step of
 * push or insert on; killed before it, it never was. From one atomic step of
 * pop, acquire or remove on it is out of the list. Killed inside remove, it
 * is gone; killed inside pop, or with a message acquired and not released, it
 * is put back at the end at which it was taken, as a new element. What one
 * client had in hand comes back in the order in which it lay. Elements that
 * come back do so whether there is room or not.
 *
 * Walks
 *
 *     struct agora_element e = {{0}};
 *     while (agora_list_next(list, &e, &e) == 0)
 *             agora_list_get(list, &e, &message);
 *
 * Others may change the list meanwhile. Each step gives the neighbour at one
 * instant within the call. So a walk sees, in order and once, every element
 * that is there from its beginning to its end; it may see one that was
 * inserted or removed meanwhile, but none twice. -ESTALE tells that the
 * element walked from was removed: go on from one that was passed before and
 * is still there (what comes next is then what was not yet passed, and
 * perhaps again some that have been inserted since), or start anew.
 * agora_object_snapshot() does this by itself: it notes all elements at one
 * instant, if within seven tries nobody changes the list while it looks, or
 * else as such a walk, and gives their messages, the first one first.
 *
 * All functions return -ECHILD on a handle inherited by fork, -EACCES on a
 * handle opened with AGORA_READ when they would write, and -EUCLEAN when
 * they meet damage. A message whose bytes are damaged comes back to its end
 * when it is popped; agora_list_remove() gets past it.
 */
#ifndef AGORA_LIST_H
#define AGORA_LIST_H

#include <agora/object.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct agora_list;

/** A handle of an element. All zero: the ends of the list. */
struct agora_element {
	uint64_t word[2]; /* private; equal for the same element only */
};

/**
 * Open a list: as agora_object_open() for a path that ends in ".list".
 *
 * Options. capacity: elements, 1 to 2^24, default 1024. message_size: limit
 * of a message, 1 to 2^30, default 64 KiB. memory: ceiling for the parts of
 * long messages. By default there is room for capacity messages of
 * message_size, but never more than 1 GiB or four messages, whichever is more;
 * it is taken as it fills.
 *
 * Returns as agora_object_open(). Since: 0.1
 */
int agora_list_open(struct agora_space *space, const char *path, uint32_t flags,
	const struct agora_options *options, struct agora_list **ret_list);

/** Close the handle. NULL is accepted. */
void agora_list_close(struct agora_list *list);

/** Return the same handle for agora/object.h. Do not close both.
 * There, push is push_back, pop is pop_front, and so are peek and acquire. */
struct agora_object *agora_list_object(struct agora_list *list);

/* ---- the ends ------------------------------------------------------- */

/**
 * Insert a message before all others.
 *
 * ret_element may be NULL. Returns 0, -EAGAIN (full: capacity or memory),
 * -EMSGSIZE (larger than message_size), -ENOSPC (the file system has no
 * memory left), -EBADMSG (AGORA_CHECK: not of the type).
 * Ordering: what happened before push happens before what follows the call
 * that gives the message. Progress: lock-free. Crash: inserted whole or not.
 * Since: 0.1
 */
int agora_list_push_front(struct agora_list *list, const void *data,
	size_t size, struct agora_element *ret_element);

/** Insert a message behind all others. Returns as agora_list_push_front(). */
int agora_list_push_back(struct agora_list *list, const void *data, size_t size,
	struct agora_element *ret_element);

/**
 * Insert a message before all others, waiting for room.
 * Returns as push, with -ETIMEDOUT and -EINTR instead of -EAGAIN.
 */
int agora_list_push_front_wait(struct agora_list *list, const void *data,
	size_t size, const struct timespec *deadline,
	struct agora_element *ret_element);

/**
 * Insert a message behind all others, waiting for room.
 * Returns as agora_list_push_front_wait().
 */
int agora_list_push_back_wait(struct agora_list *list, const void *data,
	size_t size, const struct timespec *deadline,
	struct agora_element *ret_element);

/**
 * Take the first message.
 *
 * ret_message->version is its number: messages that were inserted later have
 * larger ones. Returns 0, -EAGAIN (empty), -EMSGSIZE (buffer too small:
 * nothing is taken, size tells what is needed). Progress: lock-free. Crash:
 * see above. Since: 0.1
 */
int agora_list_pop_front(
	struct agora_list *list, struct agora_buffer *ret_message);

/** Take the last message. Returns as agora_list_pop_front(). */
int agora_list_pop_back(
	struct agora_list *list, struct agora_buffer *ret_message);

/**
 * Take the first message, waiting for one.
 * Returns as pop, with -ETIMEDOUT and -EINTR instead of -EAGAIN.
 */
int agora_list_pop_front_wait(struct agora_list *list,
	const struct timespec *deadline, struct agora_buffer *ret_message);

/**
 * Take the last message, waiting for one.
 * Returns as agora_list_pop_front_wait().
 */
int agora_list_pop_back_wait(struct agora_list *list,
	const struct timespec *deadline, struct agora_buffer *ret_message);

/**
 * Copy the first message and leave it where it is.
 * Needs AGORA_READ only. Returns as pop. Progress: lock-free. Crash: nothing.
 */
int agora_list_peek_front(
	struct agora_list *list, struct agora_buffer *ret_message);

/**
 * Copy the last message and leave it where it is.
 * Returns as agora_list_peek_front(), and needs no more.
 */
int agora_list_peek_back(
	struct agora_list *list, struct agora_buffer *ret_message);

/* ---- in between ----------------------------------------------------- */

/**
 * Insert a message directly before an element.
 *
 * element: all zero for the ends: before that is at the back. ret_element may
 * be NULL.
 *
 * Returns as push, and -ESTALE (the element was removed). Who wants to wait
 * for room does so with agora_waiter_wait() for AGORA_WRITABLE. Progress:
 * lock-free. Crash: inserted whole or not. Since: 0.1
 */
int agora_list_insert_before(struct agora_list *list,
	const struct agora_element *element, const void *data, size_t size,
	struct agora_element *ret_element);

/**
 * Insert a message directly behind an element.
 *
 * element: all zero for the ends: behind that is at the front.
 * Returns as agora_list_insert_before().
 */
int agora_list_insert_after(struct agora_list *list,
	const struct agora_element *element, const void *data, size_t size,
	struct agora_element *ret_element);

/**
 * Remove an element.
 *
 * Of several that try, one succeeds. Returns 0, -ESTALE (it was removed).
 * Progress: lock-free. Crash: removed or not. Since: 0.1
 */
int agora_list_remove(
	struct agora_list *list, const struct agora_element *element);

/* ---- look: all of it needs AGORA_READ only -------------------------- */

/**
 * Find the element behind another one.
 *
 * from: NULL or all zero for the ends: gives the first element. ret_element
 * may be the same as from, and is untouched on failure.
 *
 * Returns 0, -EAGAIN (no more), -ESTALE (from was removed: see above).
 * Progress: lock-free. Crash: nothing. Since: 0.1
 */
int agora_list_next(struct agora_list *list, const struct agora_element *from,
	struct agora_element *ret_element);

/**
 * Find the element before another one.
 *
 * from: NULL or all zero for the ends: gives the last element.
 * Returns as agora_list_next().
 */
int agora_list_previous(struct agora_list *list,
	const struct agora_element *from, struct agora_element *ret_element);

/**
 * Copy the message of an element.
 * Returns 0, -ESTALE (it was removed), -EMSGSIZE (size tells what is needed).
 * Progress: lock-free. Crash: nothing. Since: 0.1
 */
int agora_list_get(struct agora_list *list, const struct agora_element *element,
	struct agora_buffer *ret_message);

/**
 * Count the elements, without looking at them. Returns 0.
 * Progress: lock-free. Since: 0.1
 */
int agora_list_length(struct agora_list *list, uint64_t *ret_length);

/**
 * Copy the first message that is there and was inserted, anywhere, at or
 * after *cursor, and leave it: to follow what is new without taking part.
 *
 * Start with *cursor = 0, or with that of agora_list_end(); it is advanced
 * past the message copied. Messages come in the order in which they were
 * inserted; one that is inserted and removed between two calls is missed. One
 * that comes back is inserted anew. The handle remembers, in memory that it
 * allocates, what comes next.
 *
 * Returns 0, -EAGAIN (no more), -EMSGSIZE (cursor not advanced past it),
 * -ENOMEM. Progress: lock-free. Since: 0.1
 */
int agora_list_tap(struct agora_list *list, uint64_t *cursor,
	struct agora_buffer *ret_message);

/** Get the cursor behind the newest message, to tap from now on. Returns 0. */
int agora_list_end(struct agora_list *list, uint64_t *ret_cursor);

/* ---- messages in hand ----------------------------------------------- */

/**
 * Take the first message without copying it.
 *
 * It is no longer in the list, but put back if this process dies before
 * agora_list_release(). ret_message->data points to the bytes, valid until
 * release or restore, or is NULL for a long message, which agora_list_read()
 * copies piece by piece.
 *
 * Returns 0, -EAGAIN (empty). Progress: lock-free. Since: 0.1
 */
int agora_list_acquire_front(
	struct agora_list *list, struct agora_message *ret_message);

/**
 * Take the last message without copying it.
 * Returns as agora_list_acquire_front().
 */
int agora_list_acquire_back(
	struct agora_list *list, struct agora_message *ret_message);

/**
 * Take the first message without copying it, waiting for one.
 * Returns as acquire, with -ETIMEDOUT and -EINTR instead of -EAGAIN.
 */
int agora_list_acquire_front_wait(struct agora_list *list,
	const struct timespec *deadline, struct agora_message *ret_message);

/**
 * Take the last message without copying it, waiting for one.
 * Returns as agora_list_acquire_front_wait().
 */
int agora_list_acquire_back_wait(struct agora_list *list,
	const struct timespec *deadline, struct agora_message *ret_message);

/**
 * Copy size bytes at offset of an acquired message.
 * Returns how many were copied (0 at its end), -EINVAL (not acquired).
 */
int agora_list_read(struct agora_list *list,
	const struct agora_message *message, size_t offset, void *ret_data,
	size_t size);

/** Be done with an acquired message: it is never delivered again.
 * Returns 0, -EINVAL (not acquired by this handle, or twice). */
int agora_list_release(
	struct agora_list *list, const struct agora_message *message);

/** Put an acquired message back at the end at which it was taken, whether
 * there is room or not. Returns 0, -EINVAL as release. */
int agora_list_restore(
	struct agora_list *list, const struct agora_message *message);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
