/*
 * heap_pop.c - claim what is first in a heap, alone or several, and take it.
 *
 * The argument is at the head of heap.c.
 */
#include "data/heap.h"

/* ---- claim ---- */

static size_t load_size(const struct agora_heap *h, struct block_ref ref)
{
	return atomic_load_explicit(
		&store_head(&h->store, ref)->size, memory_order_relaxed);
}

/* A message that is to be claimed: 0, -EMSGSIZE, -EUCLEAN, if it is there. */
static inline int look_first(const struct agora_heap *h, struct claim *claim)
{
	if (unlikely(!pool_has(&h->store.pool[0], claim->ref)))
		return -EUCLEAN;
	if (likely(claim->room >= h->message_size))
		return 0;
	claim->size = load_size(h, claim->ref);
	if (claim->size > h->message_size)
		return -EUCLEAN;
	return claim->size > claim->room ? -EMSGSIZE : 0;
}

/* Cells that may hold the next message, of which the first is to be found. */
struct front {
	unsigned count;
	uint64_t i[1 + POP_MOST * (ARITY - 1) + 1];
	struct wide cell[1 + POP_MOST * (ARITY - 1) + 1];
};

/* Take the first of them out. Its children may be next. */
static struct wide front_next(const struct agora_heap *h,
	const struct lane *lane, struct front *front, uint64_t count)
{
	unsigned best = 0;
	struct wide first;
	uint64_t child, end;

	for (unsigned k = 1; k < front->count; k++)
		if (cell_is_before(h, front->cell[k], front->cell[best]))
			best = k;
	first = front->cell[best];
	child = child_of(front->i[best]);
	end = num_min(child + ARITY, count);
	front->count--;
	front->i[best] = front->i[front->count];
	front->cell[best] = front->cell[front->count];
	for (; child < end; child++) {
		front->i[front->count] = child;
		front->cell[front->count++] = cell_load(cell_at(lane, child));
	}
	return first;
}

/*
 * Which messages are the first ones. Nothing is taken, and it is true if it
 * is still this turn in the end. Returns how many of them fit.
 */
static unsigned find_first(const struct agora_heap *h, const struct lane *lane,
	const struct now *now, struct claim *claims, unsigned count)
{
	struct front front = {.count = 1, .cell = {cell_load(&lane->shm->top)}};
	uint64_t there = now->turn.second;
	unsigned found = 1;

	claims[0].ref = cell_block(front.cell[0]);
	front_next(h, lane, &front, there);
	while (found < count && found < there) {
		struct claim *claim = &claims[found];

		claim->ref = cell_block(front_next(h, lane, &front, there));
		__builtin_prefetch(item_at(h, claim->ref));
		if (look_first(h, claim))
			break;
		found++;
	}
	return found;
}

/* What must be true when a turn of ours was to claim it: 0, -EUCLEAN. */
static inline int check_claimed(const struct agora_heap *h, struct claim *claim)
{
	claim->state = load_state(h, claim->ref);
	claim->size = load_size(h, claim->ref);
	if (state_kind(claim->state) != BLOCK_HELD ||
		state_owner(claim->state) != h->object.segment.client ||
		claim->size > num_min(h->message_size, claim->room))
		return -EUCLEAN;
	return 0;
}

/* pop 1 to 3: how many were claimed, 0 (look again), or an error. */
static inline int try_claim(struct agora_heap *h, struct lane *lane,
	struct claim *claims, unsigned count)
{
	struct now now;
	int result = heap_settle(h, lane, &now);

	if (unlikely(result))
		return result;
	if (!now.turn.second)
		return -EAGAIN;
	claims[0].ref = cell_block(cell_load(&lane->shm->top));
	result = look_first(h, &claims[0]);
	if (unlikely(result))
		return is_now(lane, &now) ? result : 0;
	if (count > 1) {
		count = (unsigned)num_min(count,
			RENEW_EVERY - (now.turn.version + 1) % RENEW_EVERY);
		count = find_first(h, lane, &now, claims, count);
	}
	result = heap_try_turn(
		h, lane, &now, HEAP_POP, count, claims[0].ref, -(int)count);
	if (result <= 0)
		return result;
	for (unsigned i = 0; i < count; i++)
		if (unlikely(check_claimed(h, &claims[i])))
			return -EUCLEAN;
	return (int)count;
}

int heap_claim(struct agora_heap *h, struct claim *claims, unsigned count)
{
	for (int tries = 0; tries < TRIES; tries++) {
		int result = try_claim(h, pop_lane(h), claims, count);

		if (unlikely(result == -EAGAIN) && heap_pop_elsewhere(h))
			continue;
		if (unlikely(h->lanes > 1) && result >= 0)
			result ? heap_popped(h, (uint32_t)result)
			       : heap_move_pop(h);
		if (result)
			return result;
	}
	return -EUCLEAN;
}

/* ---- pop ---- */

static inline bool is_long(const struct agora_heap *h, struct block_ref ref)
{
	return h->store.pool[1].count &&
	       atomic_load_explicit(
		       &store_head(&h->store, ref)->next, memory_order_relaxed);
}

static void finish_long(struct agora_heap *h, const struct claim *claim)
{
	/* [S] */
	atomic_store_explicit(&store_head(&h->store, claim->ref)->state,
		state_make(BLOCK_OWNED, h->object.segment.client,
			state_ticket(claim->state)),
		memory_order_release);
	crash_point(heap_pop_parts);
	message_free(&h->store, claim->ref);
	/* [E] room for parts is not made by a seq_cst change */
	atomic_thread_fence(memory_order_seq_cst);
	event_notify(&h->object.segment, EVENT_BIT(EVENT_WRITABLE));
}

void heap_finish(struct agora_heap *h, const struct claim *claim)
{
	if (unlikely(is_long(h, claim->ref))) {
		finish_long(h, claim);
		return;
	}
	pool_free_as(&h->store.pool[0], claim->ref,
		state_make(BLOCK_FREE, h->object.segment.client,
			state_ticket(claim->state)));
}

int heap_give_back(struct agora_heap *h, const struct claim *claim)
{
	int error;

	if (!swap_state(h, claim->ref, claim->state,
		    state_make(BLOCK_RETURNED, h->object.segment.client,
			    state_ticket(claim->state))))
		return -EINVAL;
	crash_point(heap_returning);
	error = heap_return(h, claim->ref);
	event_notify(&h->object.segment, EVENT_BIT(EVENT_READABLE));
	return error;
}

/* Copy a message that is HELD by us. Returns 0, -EUCLEAN. */
static inline int copy_claimed(struct agora_heap *h, const struct claim *claim,
	struct agora_buffer *to)
{
	if (message_read_own(&h->store, claim->ref, 0, to->data, claim->size))
		return -EUCLEAN;
	crash_point(heap_pop_copied);
	to->size = claim->size;
	to->priority = item_priority(h, claim->ref);
	to->version = item_order(h, claim->ref);
	return 0;
}

int heap_pop(void *handle, struct agora_buffer *message)
{
	struct agora_heap *h = handle;
	struct claim claim = {.room = message->capacity};
	int result = object_writable(&h->object);

	if (!result)
		result = heap_claim(h, &claim, 1);
	if (result < 0) {
		if (result == -EMSGSIZE)
			message->size = claim.size;
		return result;
	}
	if (unlikely(copy_claimed(h, &claim, message))) {
		heap_give_back(h, &claim);
		return -EUCLEAN;
	}
	heap_finish(h, &claim);
	heap_notify(h, EVENTS_POPPED, 1);
	return 0;
}

/*
 * Take up to POP_MOST. All are claimed before one is given up: they are
 * delivered again if we die.
 */
static int pop_some(
	struct agora_heap *h, struct agora_buffer *messages, unsigned count)
{
	struct claim claims[POP_MOST];
	int claimed, copied = 0, error = 0;

	for (unsigned i = 0; i < count; i++)
		claims[i].room = messages[i].capacity;
	claimed = heap_claim(h, claims, count);
	if (claimed == -EMSGSIZE)
		messages[0].size = claims[0].size;
	if (claimed < 0)
		return claimed;
	for (; !error && copied < claimed; copied += !error)
		error = copy_claimed(h, &claims[copied], &messages[copied]);
	for (int i = 0; i < copied; i++)
		heap_finish(h, &claims[i]);
	for (int i = copied; i < claimed; i++)
		heap_give_back(h, &claims[i]);
	return copied ? copied : error;
}

int heap_pop_batch(void *handle, struct agora_buffer *messages, size_t count)
{
	struct agora_heap *h = handle;
	int result = object_writable(&h->object);
	size_t done = 0;

	count = num_min(count, INT32_MAX);
	while (result >= 0 && done < count) {
		result = pop_some(h, messages + done,
			(unsigned)num_min(count - done, POP_MOST));
		if (result > 0)
			done += (size_t)result;
	}
	if (!done)
		return result;
	heap_notify(h, EVENTS_POPPED, (int)done);
	return (int)done;
}
