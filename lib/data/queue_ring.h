/*
 * queue_ring.h - the steps of push and pop that every verb of the queue takes.
 *
 * They are inlined into the verbs: queue.c says why they are sound.
 */
#ifndef LIB_DATA_QUEUE_RING_H
#define LIB_DATA_QUEUE_RING_H

#include "base/crash.h"
#include "data/queue.h"
#include "shm/event.h"

/* What a claim wants to know before it is made. */
struct claim {
	struct block_ref ref;
	uint64_t ticket;
	size_t size;
	size_t room; /* do not claim what is larger: -EMSGSIZE */
};

int queue_look_full(struct agora_queue *q, uint64_t t);
void queue_give_up(struct agora_queue *q, struct block_ref ref);
int queue_claim_returned(
	struct agora_queue *q, struct claim *claim, uint64_t returned);
void queue_announce(struct agora_queue *q);
void queue_finish_long(struct agora_queue *q, const struct claim *claim);
int queue_give_back(struct agora_queue *q, const struct claim *claim);

/* True when a cell that makes no sense is not merely an old view of it. */
static inline bool is_damaged(const struct agora_queue *q,
	_Atomic uint64_t *end, uint64_t ticket, uint64_t cell)
{
	return load_end(end) == ticket && load_cell(q, ticket) == cell;
}

static inline void advance(_Atomic uint64_t *word, uint64_t ticket)
{
	/* [H] */
	atomic_compare_exchange_strong_explicit(word, &ticket, ticket + 1,
		memory_order_acq_rel, memory_order_relaxed);
}

/* ---- push ---- */

/* Full at t? The head seen last is enough for most to know that it is not. */
static inline int is_full(struct agora_queue *q, uint64_t t)
{
	uint64_t seen =
		atomic_load_explicit(&q->head_seen, memory_order_relaxed);

	return likely((int64_t)(t - seen) < (int64_t)q->capacity)
		       ? 0
		       : queue_look_full(q, t);
}

/* One round of push 2 to 6: 0, 1 (again), -EAGAIN (full), -EUCLEAN. */
static inline int try_publish(struct agora_queue *q, struct block_ref ref)
{
	uint64_t t = load_end(q->tail);
	uint64_t cell = load_cell(q, t);
	uint64_t cycle = cycle_of(q, t);
	int full;

	if (cell_cycle(cell) == cycle) {
		advance(q->tail, t);
		return 1;
	}
	if (cell_cycle(cell) != ((cycle - 1) & CYCLE_MASK))
		return is_damaged(q, q->tail, t, cell) ? -EUCLEAN : 1;
	full = is_full(q, t);
	if (full)
		return full;
	atomic_store_explicit(&store_head(&q->store, ref)->state,
		state_make(BLOCK_PUBLISHED, q->object.segment.client, t),
		memory_order_relaxed);
	crash_point(queue_push_ticket);
	/* [Q] [E] */
	if (!atomic_compare_exchange_strong_explicit(cell_at(q, t), &cell,
		    cycle << INDEX_BITS | ref.index, memory_order_seq_cst,
		    memory_order_relaxed))
		return 1;
	crash_point(queue_push_published);
	advance(q->tail, t);
	crash_point(queue_push_advanced);
	return 0;
}

/* Enter a block of ours into the ring. On failure it is ours still. */
static inline int publish(struct agora_queue *q, struct block_ref ref)
{
	int result = 1;

	for (int tries = 0; result == 1 && tries < TRIES; tries++)
		result = try_publish(q, ref);
	return result == 1 ? -EUCLEAN : result;
}

static inline int check_size(const struct agora_queue *q, size_t size)
{
	if (q->fixed ? size != q->message_size : size > q->message_size)
		return -EMSGSIZE;
	return 0;
}

/* Do not write a message only to learn that there is no room. */
static inline int check_room(struct agora_queue *q)
{
	return likely(!is_full(q, load_end(q->tail))) ? 0 : queue_check_room(q);
}

/* ---- claim ---- */

/* 0 when the message fits; also bounds size, which comes from the segment. */
static inline int claim_size(
	const struct agora_queue *q, struct claim *claim, uint64_t state)
{
	uint32_t size = atomic_load_explicit(
		&store_head(&q->store, claim->ref)->size, memory_order_relaxed);
	int error = 0;

	if (size > q->message_size)
		error = -EUCLEAN;
	else if (size > claim->room)
		error = -EMSGSIZE;
	claim->size = size;
	/* [A] size was read before the state is read again */
	atomic_thread_fence(memory_order_acquire);
	return error && load_state(q, claim->ref) != state ? 1 : error;
}

/* Try to make a block ours: 0, 1 (somebody else did), or claim_size(). */
static inline int claim_block(
	struct agora_queue *q, struct claim *claim, uint64_t state)
{
	struct block_shm *block = store_head(&q->store, claim->ref);
	uint64_t mine =
		state_make(BLOCK_HELD, q->object.segment.client, claim->ticket);
	int error = claim_size(q, claim, state);

	if (error)
		return error;
	/* [S] [E] */
	if (!atomic_compare_exchange_strong_explicit(&block->state, &state,
		    mine, memory_order_seq_cst, memory_order_relaxed))
		return 1;
	crash_point(queue_pop_claimed);
	return 0;
}

/* One round of pop 1 to 4: 0, 1 (again), -EAGAIN (empty) or an error. */
static inline int try_claim(struct agora_queue *q, struct claim *claim)
{
	uint64_t h = load_end(q->head);
	uint64_t cell = load_cell(q, h);
	uint64_t cycle = cycle_of(q, h);
	uint64_t state;
	int result;

	if (cell_cycle(cell) == ((cycle - 1) & CYCLE_MASK))
		return load_end(q->head) == h ? -EAGAIN : 1;
	claim->ref = cell_block(cell);
	if (cell_cycle(cell) != cycle ||
		!pool_has(&q->store.pool[0], claim->ref))
		return is_damaged(q, q->head, h, cell) ? -EUCLEAN : 1;
	state = load_state(q, claim->ref);
	if (!is_published(state, h)) {
		advance(q->head, h);
		return 1;
	}
	claim->ticket = h;
	result = claim_block(q, claim, state);
	if (result == 0)
		advance(q->head, h);
	return result;
}

/* pop 1 to 4, with what was returned first. */
static inline int claim(struct agora_queue *q, struct claim *claim)
{
	for (int tries = 0, scans = 0; tries < TRIES && scans < SCANS;
		tries++) {
		uint64_t returned = load_returned(q);
		int result;

		if (unlikely(returned & 1)) {
			scans++;
			result = queue_claim_returned(q, claim, returned);
		} else {
			result = try_claim(q, claim);
		}
		if (result == -EAGAIN && load_returned(q) != returned)
			continue;
		if (result != 1)
			return result;
	}
	return -EUCLEAN;
}

static inline bool is_long(const struct agora_queue *q, struct block_ref ref)
{
	return q->store.pool[1].count &&
	       atomic_load_explicit(
		       &store_head(&q->store, ref)->next, memory_order_relaxed);
}

/* Be done with a message that is HELD by us. The first step decides. */
static inline void finish(struct agora_queue *q, const struct claim *claim)
{
	struct block_shm *block = store_head(&q->store, claim->ref);
	uint32_t me = q->object.segment.client;

	if (unlikely(is_long(q, claim->ref))) {
		/* [S] */
		atomic_store_explicit(&block->state,
			state_make(BLOCK_OWNED, me, claim->ticket),
			memory_order_release);
		queue_finish_long(q, claim);
		return;
	}
	pool_free_as(&q->store.pool[0], claim->ref,
		state_make(BLOCK_FREE, me, claim->ticket));
	event_notify(&q->object.segment, EVENT_BIT(EVENT_WRITABLE));
}

#endif
