/*
 * list_view.c - look at a list: walk, get, snapshot, stat, check.
 *
 * Nothing here changes it, and all works on a mapping that is read-only. An
 * operation that stands in the root is done, for whoever looks: its effect
 * follows from the root and the links of the block that it names.
 */
#include "data/list.h"

#include <stdlib.h>

/* ---- walk ---- */

enum presence list_find(
	const struct bag *bag, struct block_ref ref, uint64_t state)
{
	struct wide root;
	struct turn turn = bag_look(bag, &root);
	bool named = turn.first == ref.index + 1;

	if (named && is_removal(turn.op))
		return LEAVING;
	return !state_owner(state) || (named && turn.op == INSERT) ? PRESENT
								   : ABSENT;
}

/*
 * The neighbour of at, once the operation in a root is done. What at links to
 * may be from before or from after that.
 */
static uint32_t neighbour(const struct bag *bag, const struct turn *turn,
	uint32_t at, enum side side)
{
	uint32_t name = link_name(load_link(bag, at, side));
	struct block_ref ignored;

	if (turn->op == NO_OP || !bag_name(bag, turn->first, &ignored))
		return name;
	if (is_removal(turn->op) && name == turn->first)
		return link_name(load_link(bag, turn->first, side));
	if (turn->op == INSERT && turn->first != at &&
		link_name(load_link(bag, turn->first, opposite(side))) == at)
		return turn->first;
	return name;
}

/* Is an element in the list? 0, -ESTALE, AGAIN (its state changes). */
static int check_from(const struct bag *bag, const struct turn *turn,
	uint32_t name, uint64_t number)
{
	struct block_ref ref;
	uint64_t state;

	if (!bag_name(bag, name, &ref))
		return -ESTALE;
	state = load_state(bag, ref);
	if (!is_entered(state) || state_number(state) != number ||
		(is_removal(turn->op) && turn->first == name))
		return -ESTALE;
	return !state_owner(state) ||
			       (turn->op == INSERT && turn->first == name)
		       ? 0
		       : AGAIN;
}

/* One step: 0, AGAIN, -EAGAIN (the end), -ESTALE, -EUCLEAN. */
static int try_step(const struct bag *bag, const struct agora_element *from,
	enum side side, struct agora_element *ret_element)
{
	uint32_t at = from ? element_name(from) : 0;
	struct block_ref ref;
	struct wide root;
	struct turn turn;
	uint32_t name;
	uint64_t state;
	int error = 0;

	if (!bag_load(bag, &turn, &root))
		return AGAIN;
	if (at)
		error = check_from(bag, &turn, at, from->word[1]);
	if (error)
		return is_still(bag, root) && error == AGAIN ? -EUCLEAN : error;
	name = neighbour(bag, &turn, at, side);
	if (!name)
		return is_still(bag, root) ? -EAGAIN : AGAIN;
	if (!bag_name(bag, name, &ref))
		return again_or_damage(bag, root);
	state = load_state(bag, ref);
	if (!is_entered(state))
		return again_or_damage(bag, root);
	if (!is_still(bag, root))
		return AGAIN;
	*ret_element = element_make(ref, state_number(state));
	return 0;
}

int list_step(const struct bag *bag, const struct agora_element *from,
	enum side side, struct agora_element *ret_element)
{
	int result = AGAIN;

	for (int tries = 0; result == AGAIN && tries < BAG_TRIES; tries++)
		result = try_step(bag, from, side, ret_element);
	return result == AGAIN ? -EUCLEAN : result;
}

int list_get(const struct bag *bag, const struct agora_element *element,
	struct agora_buffer *message)
{
	struct block_ref ref;

	if (!bag_name(bag, element_name(element), &ref))
		return -ESTALE;
	return bag_copy(bag, ref, element->word[1], message);
}

int list_peek(
	const struct bag *bag, enum side end, struct agora_buffer *message)
{
	int error = -ESTALE;

	for (int tries = 0; error == -ESTALE && tries < BAG_TRIES; tries++) {
		struct agora_element element;

		error = list_step(bag, NULL, end, &element);
		if (!error)
			error = list_get(bag, &element, message);
	}
	return error == -ESTALE ? -EUCLEAN : error;
}

int list_peek_first(void *handle, struct agora_buffer *message)
{
	return list_peek(handle, NEXT, message);
}

uint64_t list_count(const struct bag *bag)
{
	struct wide root;
	struct turn turn = bag_look(bag, &root);

	return list_count_of(&turn);
}

/* ---- snapshot ---- */

/* More tries than this only make sense where nobody is at work. */
#define EXACT_TRIES 7

/* The last element noted, or NULL: the ends. */
static const struct agora_element *last_noted(
	const struct tokens *tokens, struct agora_element *ret_element)
{
	const struct token *token;

	if (!tokens->count)
		return NULL;
	token = &tokens->row[tokens->count - 1];
	*ret_element = element_make(
		(struct block_ref){(uint32_t)token->word[0]}, token->word[1]);
	return ret_element;
}

/*
 * Note all elements. exact: give up (AGAIN) when the root changes. Otherwise
 * what was noted last and removed since is forgotten, until one is found that
 * is still there: what comes behind it now was not noted, or is forgotten.
 */
static int try_snapshot(
	const struct bag *bag, bool exact, struct tokens *tokens)
{
	uint64_t left = BUDGET(1000000) + bag->store.pool[0].count;
	struct wide root;
	int error = 0;

	bag_look(bag, &root);
	for (tokens->count = 0; !error && left--;) {
		struct agora_element e;

		error = list_step(bag, last_noted(tokens, &e), NEXT, &e);
		if (exact && !is_still(bag, root))
			return AGAIN;
		if (!error)
			error = tokens_add(tokens,
				(struct block_ref){element_name(&e) - 1},
				e.word[1]);
		else if (error == -ESTALE && tokens->count--)
			error = 0;
	}
	return error == -EAGAIN ? 0 : error ? error : -EUCLEAN;
}

int list_snapshot(void *handle, struct token **ret_tokens, size_t *ret_count)
{
	struct tokens tokens = {NULL, 0, 0};
	int result = AGAIN;

	for (int tries = 0; result == AGAIN; tries++)
		result = try_snapshot(handle, tries < EXACT_TRIES, &tokens);
	if (result) {
		free(tokens.row);
		return result;
	}
	*ret_tokens = tokens.row;
	*ret_count = tokens.count;
	return 0;
}

/* ---- ready, stat, check ---- */

int list_ready(void *handle, uint32_t events, uint64_t cursor)
{
	struct bag *bag = handle;
	uint64_t count = list_count(bag);
	uint32_t ready = 0;

	if (count)
		ready |= AGORA_READABLE;
	if (count < bag->capacity)
		ready |= AGORA_WRITABLE;
	if ((events & AGORA_ADVANCED) && bag_has_news(bag, cursor))
		ready |= AGORA_ADVANCED;
	return (int)(ready & events);
}

/* Every operation changes the root twice. */
int list_stat(void *handle, struct agora_stat *stat)
{
	struct bag *bag = handle;
	struct wide root;
	struct turn turn = bag_look(bag, &root);
	uint64_t done = turn.version / 2 + (turn.op != NO_OP);
	int error = bag_stat(handle, stat);

	if (done >= stat->count) {
		stat->popped = (done - stat->count) / 2;
		stat->pushed = stat->popped + stat->count;
	}
	return error;
}

uint64_t list_verify(struct bag *bag, uint64_t *ret_damaged)
{
	struct wide root;
	struct turn turn = bag_look(bag, &root);
	uint64_t met = 0;
	uint32_t at = 0, name;
	struct block_ref ref;

	for (;;) {
		name = link_name(load_link(bag, at, NEXT));
		if (!may_name(bag, name) ||
			link_name(load_link(bag, name, PREVIOUS)) != at)
			break;
		if (!bag_name(bag, name, &ref) || met > turn.second)
			break;
		if (!is_entered(load_state(bag, ref)))
			break;
		at = name;
		met++;
	}
	*ret_damaged = name || met != turn.second ||
		       link_name(load_link(bag, 0, PREVIOUS)) != at;
	return met;
}
