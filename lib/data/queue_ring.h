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

/* Internal results, beside negative errnos. */
enum {
	AGAIN = 1, /* somebody took a step: look again */
	PACKET = 2 /* what comes next is in a packet */
};

/* Rounds stand in line in each verb, and once more where they are repeated:
 * two places are enough for compilers to think better of it. */
#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* What a claim wants to know before it is made. */
struct claim {
	struct block_ref ref;
	unsigned more; /* messages of a packet behind its first */
	uint64_t ticket;
	uint64_t state; /* of a packet */
	size_t size;
	size_t room; /* do not claim what is larger: -EMSGSIZE */
};

void queue_renew_cells(
	const struct agora_queue *q, uint64_t ticket, unsigned count);
int queue_look_room(struct agora_queue *q, uint64_t t, unsigned want);
uint64_t queue_behind_packet(
	const struct agora_queue *q, uint64_t ticket, unsigned more);
void queue_give_up(struct agora_queue *q, struct block_ref ref);
int queue_publish_again(
	struct agora_queue *q, struct block_ref ref, unsigned count);
int queue_claim_again(struct agora_queue *q, struct claim *claim);
void queue_announce(struct agora_queue *q);
void queue_finish_long(struct agora_queue *q, const struct claim *claim);
int queue_give_back(struct agora_queue *q, const struct claim *claim);

/*
 * Take up to count messages out of the packet that a claim came to: 1 to
 * count, 0 (look again), -EMSGSIZE (messages[0].size says), -EUCLEAN.
 */
int queue_take(struct agora_queue *q, const struct claim *claim,
	struct agora_buffer *messages, size_t count);

/*
 * Give all that is left in a packet blocks of their own.
 * Returns AGAIN, -ENOSPC (also: no blocks), -EUCLEAN.
 */
int queue_open_packet(struct agora_queue *q, const struct claim *claim);

/* True when a cell that makes no sense is not merely an old view of it. */
static inline bool is_damaged(const struct agora_queue *q,
	_Atomic uint64_t *end, uint64_t ticket, uint64_t cell)
{
	return load_end(end) == ticket && load_cell(q, ticket) == cell;
}

static inline void advance(_Atomic uint64_t *word, uint64_t from, uint64_t to)
{
	/* [H] */
	atomic_compare_exchange_strong_explicit(
		word, &from, to, memory_order_acq_rel, memory_order_relaxed);
}

/* The ticket behind a cell whose block is no longer in the queue. */
static inline uint64_t behind(
	const struct agora_queue *q, uint64_t ticket, uint64_t cell)
{
	unsigned more = cell_more(cell);

	return likely(!more) ? ticket + 1
			     : queue_behind_packet(q, ticket, more);
}

/* ---- push ---- */

/*
 * How many of want messages fit at t. The head seen last is enough for most
 * to know that all do. Returns 1 to want, 0 (look again), -EAGAIN, -EUCLEAN.
 */
static inline int look_room(struct agora_queue *q, uint64_t t, unsigned want)
{
	/* [H] */
	uint64_t seen =
		atomic_load_explicit(&q->head_seen, memory_order_acquire);

	return likely((int64_t)(t + want - seen) <= (int64_t)q->capacity)
		       ? (int)want
		       : queue_look_room(q, t, want);
}

/*
 * One round of push 2 to 6, with as many of the block's count messages as
 * fit. Returns how many, 0 (again), -EAGAIN (full), -EUCLEAN.
 */
ALWAYS_INLINE int try_publish(
	struct agora_queue *q, struct block_ref ref, unsigned count)
{
	uint32_t me = q->object.segment.client;
	uint64_t t = load_end(q->tail);
	uint64_t cell = load_cell(q, t);
	uint64_t cycle = cycle_of(q, t);
	int room;

	if (cell_cycle(cell) == cycle) {
		advance(q->tail, t, t + cell_more(cell) + 1);
		return 0;
	}
	if (!cell_is_older(cell, cycle))
		return is_damaged(q, q->tail, t, cell) ? -EUCLEAN : 0;
	room = look_room(q, t, count);
	if (unlikely(room <= 0))
		return room;
	if (unlikely(room > 1 && !(cycle & RENEWED)))
		queue_renew_cells(q, t + 1, (unsigned)room - 1);
	atomic_store_explicit(&store_head(&q->store, ref)->state,
		room == 1 ? state_make(BLOCK_PUBLISHED, me, t)
			  : packet_make(BLOCK_PACKET, me, 0, t),
		memory_order_relaxed);
	crash_point(queue_push_ticket);
	/* [Q] [E] */
	if (!atomic_compare_exchange_strong_explicit(cell_at(q, t), &cell,
		    cell_make(cycle, (unsigned)room - 1, ref),
		    memory_order_seq_cst, memory_order_relaxed))
		return 0;
	crash_point(queue_push_published);
	advance(q->tail, t, t + (unsigned)room);
	crash_point(queue_push_advanced);
	return room;
}

/*
 * Enter a block of ours, with count messages, into the ring. Returns how many
 * were entered, or an error: then it is ours still.
 */
static inline int publish(
	struct agora_queue *q, struct block_ref ref, unsigned count)
{
	int result = try_publish(q, ref, count);

	return likely(result) ? result : queue_publish_again(q, ref, count);
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
	int room = look_room(q, load_end(q->tail), 1);

	if (unlikely(room <= 0))
		room = queue_check_room(q, 1);
	return room < 0 ? room : 0;
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
	return error && load_state(q, claim->ref) != state ? AGAIN : error;
}

/* Try to make a block ours: 0, AGAIN, or as claim_size(). */
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
		return AGAIN;
	crash_point(queue_pop_claimed);
	return 0;
}

/* One round of pop 1 to 4: 0, AGAIN, PACKET, -EAGAIN (empty) or an error. */
ALWAYS_INLINE int try_claim(struct agora_queue *q, struct claim *claim)
{
	uint64_t h = load_end(q->head);
	uint64_t cell = load_cell(q, h);
	uint64_t cycle = cycle_of(q, h);
	uint64_t state;
	int result = AGAIN;

	if (cell_is_older(cell, cycle))
		return load_end(q->head) == h ? -EAGAIN : AGAIN;
	claim->ref = cell_block(cell);
	if (unlikely(cell_cycle(cell) != cycle ||
		     !pool_has(&q->store.pool[0], claim->ref)))
		return is_damaged(q, q->head, h, cell) ? -EUCLEAN : AGAIN;
	state = load_state(q, claim->ref);
	claim->ticket = h;
	if (is_packet(state, h)) {
		claim->state = state;
		claim->more = cell_more(cell);
		return PACKET;
	}
	if (is_published(state, h)) {
		result = claim_block(q, claim, state);
		if (result)
			return result;
	}
	advance(q->head, h, behind(q, h, cell));
	return result;
}

/* pop 1 to 4, with what was returned first: 0, PACKET, or an error. */
static inline int claim(struct agora_queue *q, struct claim *claim)
{
	uint64_t returned = load_returned(q);
	struct claim copy; /* so that *claim may stay in registers */
	int result = returned & 1 ? AGAIN : try_claim(q, claim);

	if (likely(!result) || result == PACKET)
		return result;
	if (result == -EAGAIN && load_returned(q) == returned)
		return -EAGAIN;
	copy = (struct claim){.room = claim->room};
	result = queue_claim_again(q, &copy);
	*claim = copy;
	return result;
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
		const struct claim copy = *claim;

		/* [S] */
		atomic_store_explicit(&block->state,
			state_make(BLOCK_OWNED, me, claim->ticket),
			memory_order_release);
		queue_finish_long(q, &copy);
		return;
	}
	pool_free_as(&q->store.pool[0], claim->ref,
		state_make(BLOCK_FREE, me, claim->ticket));
}

/* Tell who waits: there are count more messages, or places. */
static inline void notify(struct agora_queue *q, uint32_t events, int count)
{
	if (likely(count == 1))
		event_notify(&q->object.segment, events);
	else
		event_notify_all(&q->object.segment, events);
}

#define EVENTS_PUSHED (EVENT_BIT(EVENT_READABLE) | EVENT_BIT(EVENT_ADVANCED))
#define EVENTS_POPPED EVENT_BIT(EVENT_WRITABLE)

#endif
