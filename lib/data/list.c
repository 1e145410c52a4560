/*
 * list.c - ordered sequence: both ends, and insertion and removal anywhere.
 *
 * What. A doubly linked list whose operations take turns in a root (turn.h).
 * An operation is installed by one swap, which is its linearization, and then
 * carried out by whoever comes by: a few links and a state, each by a
 * compare-and-swap from its old value, so that nothing is done twice, and
 * what comes late changes nothing. (Barnes 1993; Turek, Shasha and Prakash
 * 1992.)
 *
 * Layout
 *  root 0  the turn. first: the element (index + 1) that op is about; second:
 *          how many elements there were before it, or are, without an op.
 *          client: for whom. Behind the turn two links: to the first element
 *          and to the last. The ends count as an element with the name 0,
 *          behind the last and before the first: the list is a ring.
 *  element link[NEXT], link[PREVIOUS]: version:36 | name:28, name = index +
 *          1. Written by whom the block belongs to before it is installed,
 *          by any client while an operation stands, by nobody else.
 *          More in bag.h.
 *
 * Invariants, beside those of bag.h
 *  1 While no operation stands, exactly the elements that are met from the
 *    first one on are in the list; they are PUBLISHED(0, t); the links of
 *    both directions agree; there are second of them.
 *  2 An operation that stands determines all that is to be done: it needs
 *    nothing but the root, and the links of the block that it names, which
 *    nobody changes as long as it stands.
 *  3 A link never has a value twice, as it has the version of the operation
 *    that made it. 36 bits of that come again after 2^35 operations at the
 *    earliest: a compare-and-swap would have to be stopped for an hour and go
 *    on at a certain one. Whether a step is done is told by the name in the
 *    link, not by its version: old links do no harm.
 *
 * Protocol
 *  insert  1 take a block (OWNED), write the message
 *          2 r = root; an operation stands there: settle, repeat
 *          3 the element to insert beside is not PUBLISHED(0, its number):
 *            stale; second = capacity: full       linearized at the load
 *          4 links to both neighbours, as they are while r stands;
 *            state = PUBLISHED(me, version of r + 1)
 *          5 root: r -> {INSERT block}            linearization of insert
 *          6 settle  7 notify
 *  take    1 r as above; second = 0: empty        linearized at the load
 *          2 root: r -> {TAKE_FIRST or _LAST, block, me}     linearization
 *          3 settle  4 copy  5 state = FREE  6 notify
 *  remove  the same with REMOVE, and the element checked as in insert 3
 *  settle r (by anybody, any number of times)
 *          1 p, n = links of the block; if r is unchanged:
 *          2 l = p.next; not done, and r unchanged: p.next: l -> block or n
 *          3 l = n.previous; the same:         n.previous: l -> block or p
 *          4 s = state of the block; r unchanged: s -> PUBLISHED(0, t),
 *            HELD(client, version of r) or RETIRED(client, ...)
 *          5 root: r -> {no op, second changed by one}
 *          Who finds r unchanged after he read a link or state found it as it
 *          was before the operation, or as it is after it.
 *  step (of a walk; by who may only read)
 *          1 r = root  2 the link of the element, or what the operation in r
 *          makes of it  3 r unchanged: the neighbour at that moment
 *  put back (restored, or of the dead): as insert, at the end at which it was
 *          taken, RETURNED in place of PUBLISHED, capacity or not.
 *
 * Orderings
 *  [L] link: acq_rel in settle 2 and 3, acquire where it is read: who sees
 *      what an operation made of a link must not then find the root as it was
 *      before that; and who finds a step done tells so by the swap of the
 *      root [W] to who reads links after that.
 *  All others: see bag.h.
 *
 * Progress and death. Lock-free: a failed swap of the root means that another
 * operation was installed; settling is five steps for anybody. A step of a
 * walk fails only because an operation was installed or completed.
 *  killed after   leaves                      repaired by
 *  insert 1       OWNED(X), parts             recovery frees
 *  insert 4       PUBLISHED(X,t), not named   recovery frees
 *  insert 5, take 2, remove: the operation in the root, at any of its steps:
 *                 the next operation settles, and so does recovery
 *  settle 4       HELD(X): recovery puts it back; RETIRED(X): recovery frees
 *  insert 6       sleepers not woken          their slice, or recovery
 *  take 3, 4      HELD(X)                     recovery puts it back
 *  acquire        HELD(X), as long as he likes  the same
 *  take 5         taken                       nothing to repair
 *  parts          OWNED(X) or RETIRED(X)      recovery frees the rest
 *  put back       HELD(X), or RETURNED(X,t)   recovery puts it back; named or
 *                                             PUBLISHED(0): it is in the list
 *  recovery       what it re-owned is RETURNED  the next recovery
 */
#include "data/list.h"

/* ---- settle ---- */

/* settle 2 or 3: 0, AGAIN (the operation is done). */
static inline int relink(const struct bag *bag, struct wide root, uint32_t at,
	enum side side, uint32_t name)
{
	uint64_t link = load_link(bag, at, side);

	if (link_name(link) == name)
		return 0;
	if (!is_still(bag, root))
		return AGAIN;
	/* [L] */
	atomic_compare_exchange_strong_explicit(link_at(bag, at, side), &link,
		link_make(turn_unpack(root).version, name),
		memory_order_acq_rel, memory_order_relaxed);
	crash_point(list_linked);
	return 0;
}

/* What becomes of the state of the block that an operation names. */
static inline uint64_t state_after(const struct turn *turn, uint64_t state)
{
	switch (turn->op) {
	case TAKE_FIRST:
	case TAKE_LAST:
		return state_make(BLOCK_HELD, turn->client,
			ticket_make(turn->version, turn->op == TAKE_LAST));
	case REMOVE:
		return state_make(BLOCK_RETIRED, turn->client,
			ticket_make(turn->version, 0));
	default:
		return state_settled(state);
	}
}

/* settle 4 and 5. */
static inline void conclude(const struct bag *bag, struct wide root,
	const struct turn *turn, struct block_ref ref)
{
	uint64_t state = load_state(bag, ref);
	uint64_t after = state_after(turn, state);

	if (is_entered(state) && state != after) {
		if (!is_still(bag, root))
			return;
		swap_state(bag, ref, state, after);
	}
	crash_point(list_settled);
	wide_swap(bag->root, root,
		turn_after(turn, 0, NO_OP, 0, list_count_of(turn)));
	crash_point(list_cleared);
}

/* Complete the operation in a root. Returns 0, -EUCLEAN. */
static int settle(const struct bag *bag, struct wide root)
{
	struct turn turn = turn_unpack(root);
	bool insert = turn.op == INSERT;
	struct block_ref ref;
	uint32_t previous, next;

	if (turn.op >= OPS || !bag_name(bag, turn.first, &ref))
		return is_still(bag, root) ? -EUCLEAN : 0;
	previous = link_name(load_link(bag, turn.first, PREVIOUS));
	next = link_name(load_link(bag, turn.first, NEXT));
	if (!is_still(bag, root))
		return 0;
	if (!may_name(bag, previous) || !may_name(bag, next))
		return -EUCLEAN;
	if (!relink(bag, root, previous, NEXT, insert ? turn.first : next) &&
		!relink(bag, root, next, PREVIOUS,
			insert ? turn.first : previous))
		conclude(bag, root, &turn, ref);
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

int list_settle(const struct bag *bag)
{
	struct wide root;

	return bag_look(bag, &root).op == NO_OP ? 0 : settle(bag, root);
}

/* ---- insert ---- */

/*
 * Is the element of a handle in the list, while root stands and no operation
 * in it? 0, -ESTALE (it is gone for good), AGAIN, -EUCLEAN.
 */
static inline int check_element(
	const struct bag *bag, struct wide root, uint32_t name, uint64_t number)
{
	struct block_ref ref;
	uint64_t state;

	if (!bag_name(bag, name, &ref))
		return -ESTALE;
	state = load_state(bag, ref);
	if (!is_entered(state) || state_number(state) != number)
		return -ESTALE;
	return likely(!state_owner(state)) ? 0 : again_or_damage(bag, root);
}

/* Find the neighbour, and write the links of a block that is ours. */
static inline int prepare(const struct bag *bag, struct wide root,
	const struct place *place, uint32_t name)
{
	uint64_t version = turn_unpack(root).version + 1;
	enum side back = opposite(place->side);
	uint32_t beyond = link_name(load_link(bag, place->name, place->side));

	if (!may_name(bag, beyond) ||
		link_name(load_link(bag, beyond, back)) != place->name)
		return again_or_damage(bag, root);
	atomic_store_explicit(link_at(bag, name, place->side),
		link_make(version, beyond), memory_order_relaxed);
	atomic_store_explicit(link_at(bag, name, back),
		link_make(version, place->name), memory_order_relaxed);
	return 0;
}

/* insert 2 to 6: 0, AGAIN, -EAGAIN (full), -ESTALE, -EUCLEAN. */
static inline int try_insert(const struct bag *bag, struct block_ref ref,
	uint64_t *state, const struct place *place, uint64_t capacity)
{
	uint32_t me = bag->object.segment.client;
	struct wide root, installed;
	struct turn turn;
	int result = 0;

	if (unlikely(!bag_load(bag, &turn, &root)))
		return AGAIN;
	if (unlikely(turn.op != NO_OP))
		return settle_other(bag, root);
	if (place->name)
		result = check_element(bag, root, place->name, place->number);
	if (!result && turn.second >= capacity)
		result = -EAGAIN;
	if (!result)
		result = prepare(bag, root, place, ref.index + 1);
	if (unlikely(result))
		return result;
	*state = state_make(state_kind(*state), me,
		ticket_make(turn.version + 1, state_end(*state)));
	atomic_store_explicit(&store_head(&bag->store, ref)->state, *state,
		memory_order_relaxed);
	crash_point(list_insert_ticket);
	installed = turn_after(&turn, me, INSERT, ref.index + 1, turn.second);
	if (!wide_swap(bag->root, root, installed))
		return AGAIN;
	crash_point(list_inserted);
	/* Whatever is wrong now, it is no longer ours. */
	settle(bag, installed);
	return 0;
}

/* Enter a block of ours, with the kind and the end that state has, which
 * becomes its state. */
static inline int enter(struct bag *bag, struct block_ref ref, uint64_t *state,
	const struct place *place, uint64_t capacity)
{
	int result = AGAIN;

	for (int tries = 0; result == AGAIN && tries < BAG_TRIES; tries++)
		result = try_insert(bag, ref, state, place, capacity);
	return result == AGAIN ? -EUCLEAN : result;
}

int list_put_back(struct bag *bag, struct block_ref ref, unsigned end)
{
	const struct place place = {.side = end ? PREVIOUS : NEXT};
	uint64_t state = state_make(BLOCK_RETURNED, 0, ticket_make(0, end));

	return enter(bag, ref, &state, &place, UINT64_MAX);
}

/* Full now? Do not write a message only to learn it. */
static inline int check_room(const struct bag *bag)
{
	struct wide root;
	struct turn turn = bag_look(bag, &root);

	return likely(list_count_of(&turn) < bag->capacity) ? 0 : -EAGAIN;
}

int list_insert(struct bag *bag, const struct place *place, const void *data,
	size_t size, struct agora_element *ret_element)
{
	uint64_t state = state_make(BLOCK_PUBLISHED, 0, 0);
	struct block_ref ref;
	int error = bag_check_push(bag, data, size);

	if (!error)
		error = check_room(bag);
	if (!error)
		error = bag_write(bag, data, size, &ref);
	if (error)
		return error;
	error = enter(bag, ref, &state, place, bag->capacity);
	if (error) {
		bag_give_up(bag, ref);
		return error;
	}
	if (ret_element)
		*ret_element = element_make(ref, state_number(state));
	bag_notify_pushed(bag);
	return 0;
}

int list_push(void *handle, const void *data, size_t size)
{
	const struct place last = {.side = PREVIOUS};

	return list_insert(handle, &last, data, size, NULL);
}

/* ---- take ---- */

/* take 1 and 2: 0, AGAIN, -EAGAIN (empty), -EMSGSIZE, -EUCLEAN. */
static inline int try_take(const struct bag *bag, enum side end,
	struct claim *claim, struct wide *ret_root)
{
	uint32_t me = bag->object.segment.client;
	struct wide root;
	struct turn turn;
	uint32_t name;
	uint64_t state;
	int error;

	if (unlikely(!bag_load(bag, &turn, &root)))
		return AGAIN;
	if (unlikely(turn.op != NO_OP))
		return settle_other(bag, root);
	if (!turn.second)
		return -EAGAIN;
	name = link_name(load_link(bag, 0, end));
	if (unlikely(!bag_name(bag, name, &claim->ref)))
		return again_or_damage(bag, root);
	state = load_state(bag, claim->ref);
	if (unlikely(!is_entered(state) ||
		     link_name(load_link(bag, name, opposite(end)))))
		return again_or_damage(bag, root);
	error = bag_claim_size(bag, root, claim);
	if (unlikely(error))
		return error;
	*ret_root = turn_after(&turn, me, end == NEXT ? TAKE_FIRST : TAKE_LAST,
		name, turn.second);
	if (!wide_swap(bag->root, root, *ret_root))
		return AGAIN;
	crash_point(list_taken);
	claim->number = state_number(state);
	claim->state =
		state_make(BLOCK_HELD, me, ticket_make(turn.version + 1, end));
	return 0;
}

/* take 1 to 3, until there is something: 0, or an error. */
static inline int take(struct bag *bag, enum side end, struct claim *claim)
{
	int result = object_writable(&bag->object);
	struct wide root;

	if (result)
		return result;
	result = AGAIN;
	for (int tries = 0; result == AGAIN && tries < BAG_TRIES; tries++)
		result = try_take(bag, end, claim, &root);
	if (result)
		return result == AGAIN ? -EUCLEAN : result;
	result = settle(bag, root);
	if (!result && load_state(bag, claim->ref) != claim->state)
		result = -EUCLEAN;
	return result;
}

int list_pop(struct bag *bag, enum side end, struct agora_buffer *message)
{
	struct claim claim = {.room = message->capacity};
	int error = take(bag, end, &claim);

	if (error == -EMSGSIZE)
		message->size = claim.size;
	return error ? error : bag_finish(bag, &claim, message);
}

int list_pop_first(void *handle, struct agora_buffer *message)
{
	return list_pop(handle, NEXT, message);
}

int list_acquire(struct bag *bag, enum side end, struct agora_message *message)
{
	struct claim claim = {.room = SIZE_MAX};
	int error = take(bag, end, &claim);

	if (error)
		return error;
	bag_hand_out(bag, &claim, message);
	crash_point(list_acquired);
	return 0;
}

int list_acquire_first(void *handle, struct agora_message *message)
{
	return list_acquire(handle, NEXT, message);
}

/* ---- remove ---- */

/* 0, AGAIN, -ESTALE, -EUCLEAN. */
static int try_remove(const struct bag *bag,
	const struct agora_element *element, struct wide *ret_root)
{
	struct wide root;
	struct turn turn;
	int error;

	if (!bag_load(bag, &turn, &root))
		return AGAIN;
	if (turn.op != NO_OP)
		return settle_other(bag, root);
	error = check_element(
		bag, root, element_name(element), element->word[1]);
	if (error)
		return error;
	*ret_root = turn_after(&turn, bag->object.segment.client, REMOVE,
		element_name(element), turn.second);
	if (!wide_swap(bag->root, root, *ret_root))
		return AGAIN;
	crash_point(list_removed);
	return 0;
}

int list_remove(struct bag *bag, const struct agora_element *element)
{
	struct block_ref ref = {element_name(element) - 1};
	int result = object_writable(&bag->object);
	struct wide root;

	if (result)
		return result;
	result = AGAIN;
	for (int tries = 0; result == AGAIN && tries < BAG_TRIES; tries++)
		result = try_remove(bag, element, &root);
	if (result)
		return result == AGAIN ? -EUCLEAN : result;
	result = settle(bag, root);
	if (!result &&
		load_state(bag, ref) !=
			state_make(BLOCK_RETIRED, bag->object.segment.client,
				ticket_make(turn_unpack(root).version, 0)))
		result = -EUCLEAN;
	if (!result)
		bag_free(bag, ref);
	return result;
}
