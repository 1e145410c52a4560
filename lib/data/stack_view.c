/*
 * stack_view.c - look at a stack: peek, snapshot, stat, check.
 *
 * Nothing here changes it, and all works on a mapping that is read-only. A
 * pop that stands in the root has taken its message, for whoever looks.
 */
#include "data/stack.h"

#include <stdlib.h>

enum presence stack_find(
	const struct bag *bag, struct block_ref ref, uint64_t state)
{
	struct wide root;
	struct turn turn = bag_look(bag, &root);

	if (turn.op != NO_OP && turn.second == ref.index + 1)
		return LEAVING;
	return !state_owner(state) || turn.first == ref.index + 1 ? PRESENT
								  : ABSENT;
}

/* The top and its number: 0, -EAGAIN (empty), -EUCLEAN. */
static int find_top(
	const struct bag *bag, struct block_ref *ret_ref, uint64_t *ret_number)
{
	for (int tries = 0; tries < BAG_TRIES; tries++) {
		struct wide root;
		struct turn turn = bag_look(bag, &root);
		uint64_t state;

		if (!turn.first)
			return -EAGAIN;
		if (!bag_name(bag, turn.first, ret_ref)) {
			if (is_still(bag, root))
				return -EUCLEAN;
			continue;
		}
		state = load_state(bag, *ret_ref);
		if (is_still(bag, root)) {
			*ret_number = state_number(state);
			return is_entered(state) ? 0 : -EUCLEAN;
		}
	}
	return -EUCLEAN;
}

int stack_peek(void *handle, struct agora_buffer *message)
{
	struct bag *bag = handle;
	int error = -ESTALE;

	for (int tries = 0; error == -ESTALE && tries < BAG_TRIES; tries++) {
		struct block_ref ref;
		uint64_t number;

		error = find_top(bag, &ref, &number);
		if (!error)
			error = bag_copy(bag, ref, number, message);
	}
	return error == -ESTALE ? -EUCLEAN : error;
}

/* One step down: what was below while the block was there. 0, AGAIN (it is
 * gone), -EUCLEAN. */
static int step_down(const struct bag *bag, struct block_ref ref,
	uint64_t number, uint32_t *ret_below)
{
	uint64_t state;

	*ret_below = load_below(bag, ref);
	/* [A] */
	atomic_thread_fence(memory_order_acquire);
	state = load_state(bag, ref);
	return is_entered(state) && state_number(state) == number ? 0 : AGAIN;
}

/*
 * Note all from the top down. What is below a block when that is pushed stays
 * there as long as the block does, so all that is found by such steps was
 * there when the root was looked at. Returns 0, AGAIN, -ENOMEM, -EUCLEAN.
 */
static int try_snapshot(const struct bag *bag, struct tokens *tokens)
{
	struct wide root;
	struct turn turn = bag_look(bag, &root);
	uint64_t last = (turn.version & NUMBER_MASK) + 1;
	uint32_t name = turn.first;
	int result = 0;

	for (tokens->count = 0; !result && name;) {
		struct block_ref ref;
		uint64_t number;

		if (!bag_name(bag, name, &ref))
			return again_or_damage(bag, root);
		number = state_number(load_state(bag, ref));
		if (number >= last || tokens->count > bag->store.pool[0].count)
			return again_or_damage(bag, root);
		result = step_down(bag, ref, number, &name);
		last = number;
		if (!result)
			result = tokens_add(tokens, ref, number);
	}
	return result == AGAIN ? again_or_damage(bag, root) : result;
}

/* The pops that make a try fail also make the next one shorter. */
#define SNAPSHOT_TRIES BUDGET(10000)

int stack_snapshot(void *handle, struct token **ret_tokens, size_t *ret_count)
{
	struct tokens tokens = {NULL, 0, 0};
	int result = AGAIN;

	for (int tries = 0; result == AGAIN && tries < SNAPSHOT_TRIES; tries++)
		result = try_snapshot(handle, &tokens);
	if (result < 0) {
		free(tokens.row);
		return result;
	}
	*ret_tokens = tokens.row;
	*ret_count = tokens.count;
	return 0;
}

uint64_t stack_count(const struct bag *bag)
{
	for (int tries = 0; tries < BAG_TRIES; tries++) {
		struct wide root;
		struct turn turn = bag_look(bag, &root);
		struct block_ref top;
		uint32_t depth;

		if (!turn.first || !bag_name(bag, turn.first, &top))
			return 0;
		depth = load_depth(bag, top);
		/* [A] */
		atomic_thread_fence(memory_order_acquire);
		if (is_still(bag, root))
			return depth;
	}
	return 0;
}

int stack_ready(void *handle, uint32_t events, uint64_t cursor)
{
	struct bag *bag = handle;
	struct block_ref ref;
	uint64_t number;
	int top = find_top(bag, &ref, &number);
	uint32_t ready = 0;

	if (top != -EAGAIN)
		ready |= AGORA_READABLE;
	if (stack_check_room(bag) != -EAGAIN)
		ready |= AGORA_WRITABLE;
	/* Numbers fall from the top down. */
	if (top == -EUCLEAN || (!top && number >= cursor))
		ready |= AGORA_ADVANCED;
	return (int)(ready & events);
}

/* Every swap of the root was a push, or one of the two of a pop. */
int stack_stat(void *handle, struct agora_stat *stat)
{
	struct bag *bag = handle;
	struct wide root;
	struct turn turn = bag_look(bag, &root);
	int error = bag_stat(handle, stat);

	if (turn.version >= stat->count) {
		stat->popped = (turn.version - stat->count) / 3;
		stat->pushed = stat->popped + stat->count;
	}
	return error;
}

uint64_t stack_verify(struct bag *bag, uint64_t *ret_damaged)
{
	struct wide root;
	struct turn turn = bag_look(bag, &root);
	uint64_t last = (turn.version & NUMBER_MASK) + 1;
	uint32_t name = turn.first, depth = 0;
	uint64_t met = 0;
	struct block_ref ref;

	for (; name && met <= bag->store.pool[0].count;
		name = load_below(bag, ref)) {
		uint64_t state;

		if (!bag_name(bag, name, &ref))
			break;
		state = load_state(bag, ref);
		if (!is_entered(state) || state_number(state) >= last ||
			(met && (state_owner(state) ||
					load_depth(bag, ref) + 1 != depth)))
			break;
		last = state_number(state);
		depth = load_depth(bag, ref);
		met++;
	}
	*ret_damaged = name || (met && depth != 1);
	return met;
}
