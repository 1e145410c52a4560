/*
 * stack.c - LIFO of messages, any number of producers and consumers.
 *
 * What. A chain of blocks from a root that is changed by one swap of 16 bytes
 * (Treiber 1986, with a version). A pop does not leave the message to nobody:
 * the same swap that unlinks it names block and taker in the root, and no
 * other operation can begin before the block says that it is the taker's.
 *
 * Layout
 *  root 0  turn.h. first: the top, index + 1, or 0. op POP: second is the
 *          block (index + 1) that client takes. Any client swaps it.
 *  block   below: the block under it, index + 1; depth: how many there are
 *          from it down. Both belong to who enters it, and do not change
 *          while it is there. More in bag.h.
 *
 * Invariants, beside those of bag.h
 *  1 A block is in the stack if and only if its state is PUBLISHED(0, t); or
 *    the root names it as first; but not if it names it as second.
 *  2 What lies below the top is PUBLISHED(0, t).
 *  3 From the top down numbers fall, and depth falls by one, to 1.
 *
 * Protocol
 *  push 1 take a block (OWNED), write the message
 *       2 r = root; a pop stands there: settle, repeat
 *       3 depth of the top = capacity: full     linearized at the load of r,
 *                                               if that is unchanged
 *       4 the top has an owner: state -> PUBLISHED(0, t), if r is unchanged
 *       5 below, depth; state = PUBLISHED(me, version of r + 1)
 *       6 root: r -> {block}                    linearization of push
 *       7 notify
 *  pop  1 r = root; a pop stands there: settle, repeat; first = 0: empty
 *                                               linearized at the load of r
 *       2 root: r -> {below first, POP first, me}     linearization of pop
 *       3 settle  4 copy  5 state = FREE  6 notify
 *  settle r (by anybody, any number of times)
 *       1 s = state of second; entered, and r is unchanged:
 *         state: s -> HELD(client of r, version of r); failed: once more
 *       2 root: r -> {first, no op}
 *       As long as r stands, nobody but who does step 1 changes that state,
 *       or who began push 4 before, which takes the owner out of it, once.
 *       What is late fails: a state never comes again.
 *  put back (restored, or of the dead) as push 2 to 7, RETURNED in place of
 *       PUBLISHED, capacity or not.
 *
 * Why push 4. A block that is not the top and has an owner would be in the
 * stack, or would be one that its owner, killed before push 6, wanted to
 * enter: only the links below could tell, all of them. So it is told by its
 * own state. Who pops what he has just pushed saves it.
 *
 * Orderings: see bag.h. below and depth are written relaxed before push 6 and
 * read under a root that is unchanged afterwards.
 *
 * Progress and death. Lock-free: a failed swap means that somebody else's
 * took its step; settling is two steps.
 *  killed after  leaves                       repaired by
 *  push 1        OWNED(X), parts              recovery frees
 *  push 4        the top PUBLISHED(0)         nothing to repair
 *  push 5        PUBLISHED(X,t), not named    recovery frees
 *  push 6        in the stack, named; sleep-  the next push says PUBLISHED(0);
 *                ers not woken                their slice, or recovery
 *  pop 2         POP in the root              the next operation settles;
 *                                             recovery puts the message back
 *  settle 1      HELD(X), POP in the root     the same
 *  pop 3, 4      HELD(X)                      recovery puts it back
 *  acquire       HELD(X), as long as he likes the same
 *  pop 5         taken                        nothing to repair
 *  parts         OWNED(X): taken              recovery frees the rest
 *  put back      HELD(X), or RETURNED(X,t)    recovery puts it back; if named
 *                not named, or named          it is in the stack
 *  recovery      what it re-owned is RETURNED the next recovery
 */
#include "data/stack.h"

/* ---- settle ---- */

/* Complete the pop in a root. Returns 0, -EUCLEAN. */
static int settle(const struct bag *bag, struct wide root)
{
	struct turn turn = turn_unpack(root);
	struct block_ref ref;
	uint64_t state;

	if (!bag_name(bag, turn.second, &ref))
		return is_still(bag, root) ? -EUCLEAN : 0;
	/* A late push 4 may come between, once. */
	for (int tries = 0; tries < 3; tries++) {
		state = load_state(bag, ref);
		if (!is_entered(state) || !is_still(bag, root) ||
			swap_state(bag, ref, state,
				state_make(BLOCK_HELD, turn.client,
					ticket_make(turn.version, 0))))
			break;
	}
	crash_point(stack_settled);
	wide_swap(bag->root, root, turn_after(&turn, 0, NO_OP, turn.first, 0));
	crash_point(stack_cleared);
	return 0;
}

/* The same for who has something else in mind: AGAIN, -EUCLEAN. */
static __attribute__((noinline)) int settle_other(
	const struct bag *bag, struct wide root)
{
	int error = 0;

	bag_linger(bag, root);
	if (is_still(bag, root))
		error = settle(bag, root);
	return error ? error : AGAIN;
}

int stack_settle(const struct bag *bag)
{
	struct wide root;

	return bag_look(bag, &root).op == NO_OP ? 0 : settle(bag, root);
}

/* ---- push ---- */

/* Make the top say that it is there. Returns its depth, AGAIN... as a
 * negative errno, or 0: look again. */
static inline int confirm_top(
	const struct bag *bag, struct wide root, struct block_ref top)
{
	uint64_t state = load_state(bag, top);
	uint32_t depth = load_depth(bag, top);

	if (unlikely(!is_entered(state) || !depth ||
		     depth > bag->store.pool[0].count))
		return is_still(bag, root) ? -EUCLEAN : 0;
	if (state_owner(state)) {
		if (!is_still(bag, root))
			return 0;
		swap_state(bag, top, state, state_settled(state));
		crash_point(stack_confirmed);
	}
	return (int)depth;
}

/* push 2 to 6: 0, AGAIN, -EAGAIN (full), -EUCLEAN. */
static inline int try_push(const struct bag *bag, struct block_ref ref,
	enum block_kind kind, uint64_t capacity)
{
	uint32_t me = bag->object.segment.client;
	struct block_ref top;
	struct wide root;
	struct turn turn;
	int depth = 0;

	if (unlikely(!bag_load(bag, &turn, &root)))
		return AGAIN;
	if (unlikely(turn.op != NO_OP))
		return settle_other(bag, root);
	if (turn.first) {
		if (!bag_name(bag, turn.first, &top))
			return again_or_damage(bag, root);
		depth = confirm_top(bag, root, top);
		if (unlikely(depth <= 0))
			return depth ? depth : AGAIN;
		if (unlikely((uint64_t)depth >= capacity)) {
			/* [A] depth was read before */
			atomic_thread_fence(memory_order_acquire);
			return is_still(bag, root) ? -EAGAIN : AGAIN;
		}
	}
	atomic_store_explicit(
		&level_at(bag, ref)->below, turn.first, memory_order_relaxed);
	atomic_store_explicit(&level_at(bag, ref)->depth, (uint32_t)depth + 1,
		memory_order_relaxed);
	atomic_store_explicit(&store_head(&bag->store, ref)->state,
		state_make(kind, me, ticket_make(turn.version + 1, 0)),
		memory_order_relaxed);
	crash_point(stack_push_ticket);
	if (!wide_swap(bag->root, root,
		    turn_after(&turn, 0, NO_OP, ref.index + 1, 0)))
		return AGAIN;
	crash_point(stack_pushed);
	return 0;
}

/* Enter a block of ours: 0, -EAGAIN, -EUCLEAN; then it is ours still. */
static inline int enter(struct bag *bag, struct block_ref ref,
	enum block_kind kind, uint64_t capacity)
{
	int result = AGAIN;

	for (int tries = 0; result == AGAIN && tries < BAG_TRIES; tries++)
		result = try_push(bag, ref, kind, capacity);
	return result == AGAIN ? -EUCLEAN : result;
}

int stack_put_back(struct bag *bag, struct block_ref ref, unsigned end)
{
	(void)end;
	return enter(bag, ref, BLOCK_RETURNED, UINT64_MAX);
}

/* Full now? Do not write a message only to learn it: 0, -EAGAIN, -EUCLEAN. */
int stack_check_room(const struct bag *bag)
{
	for (int tries = 0; tries < BAG_TRIES; tries++) {
		struct block_ref top;
		struct wide root;
		struct turn turn;

		if (!bag_load(bag, &turn, &root))
			continue;
		if (!turn.first)
			return 0;
		if (bag_name(bag, turn.first, &top) &&
			likely(load_depth(bag, top) < bag->capacity))
			return 0;
		/* [A] */
		atomic_thread_fence(memory_order_acquire);
		if (is_still(bag, root))
			return bag_name(bag, turn.first, &top) ? -EAGAIN
							       : -EUCLEAN;
	}
	return -EUCLEAN;
}

int stack_push(void *handle, const void *data, size_t size)
{
	struct bag *bag = handle;
	struct block_ref ref;
	int error = bag_check_push(bag, data, size);

	if (!error)
		error = stack_check_room(bag);
	if (!error)
		error = bag_write(bag, data, size, &ref);
	if (error)
		return error;
	error = enter(bag, ref, BLOCK_PUBLISHED, bag->capacity);
	if (error) {
		bag_give_up(bag, ref);
		return error;
	}
	bag_notify_pushed(bag);
	return 0;
}

/* ---- pop ---- */

/* pop 1 and 2: 0, AGAIN, -EAGAIN (empty), -EMSGSIZE, -EUCLEAN. */
static inline int try_pop(
	const struct bag *bag, struct claim *claim, struct wide *ret_root)
{
	uint32_t me = bag->object.segment.client;
	struct block_ref ignored;
	struct wide root;
	struct turn turn;
	uint32_t below;
	uint64_t state;
	int error;

	if (unlikely(!bag_load(bag, &turn, &root)))
		return AGAIN;
	if (unlikely(turn.op != NO_OP))
		return settle_other(bag, root);
	if (!turn.first)
		return -EAGAIN;
	if (unlikely(!bag_name(bag, turn.first, &claim->ref)))
		return again_or_damage(bag, root);
	state = load_state(bag, claim->ref);
	below = load_below(bag, claim->ref);
	if (unlikely(!is_entered(state) ||
		     (below && !bag_name(bag, below, &ignored))))
		return again_or_damage(bag, root);
	error = bag_claim_size(bag, root, claim);
	if (unlikely(error))
		return error;
	*ret_root = turn_after(&turn, me, POP, below, turn.first);
	if (!wide_swap(bag->root, root, *ret_root))
		return AGAIN;
	crash_point(stack_popped);
	claim->number = state_number(state);
	claim->state =
		state_make(BLOCK_HELD, me, ticket_make(turn.version + 1, 0));
	return 0;
}

/* pop 1 to 3, until there is something: 0, or an error. */
static inline int take(struct bag *bag, struct claim *claim)
{
	struct wide root;
	int result = AGAIN;

	for (int tries = 0; result == AGAIN && tries < BAG_TRIES; tries++)
		result = try_pop(bag, claim, &root);
	if (result)
		return result == AGAIN ? -EUCLEAN : result;
	result = settle(bag, root);
	if (!result && load_state(bag, claim->ref) != claim->state)
		result = -EUCLEAN;
	return result;
}

int stack_pop(void *handle, struct agora_buffer *message)
{
	struct bag *bag = handle;
	struct claim claim = {.room = message->capacity};
	int error = object_writable(&bag->object);

	if (!error)
		error = take(bag, &claim);
	if (error == -EMSGSIZE)
		message->size = claim.size;
	return error ? error : bag_finish(bag, &claim, message);
}

int stack_acquire(void *handle, struct agora_message *message)
{
	struct bag *bag = handle;
	struct claim claim = {.room = SIZE_MAX};
	int error = object_writable(&bag->object);

	if (!error)
		error = take(bag, &claim);
	if (error)
		return error;
	bag_hand_out(bag, &claim, message);
	crash_point(stack_acquired);
	return 0;
}
