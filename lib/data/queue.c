/*
 * queue.c - FIFO of messages, many producers and many consumers.
 *
 * What. A ring of cells, each naming a block, with a helped head and tail
 * (after Shann et al. 2000, Tsigas and Zhang 2001, and NCQ of Nikolaev,
 * DISC 2019). New is where a message is taken: not by moving head, which
 * names nobody, but by a compare-and-swap on the state of its block, which
 * names the taker. Head and tail only follow and may be moved by anybody.
 *
 * Layout
 *  root 0  tail: the ticket (position, ever growing) of the next push. Any
 *          client advances it, by one, when the cell at tail is filled.
 *  root 1  head: the ticket of the next pop. Any client advances it, by
 *          one, when the block at head is not PUBLISHED(head).
 *  root 2  returned: epoch * 2 + pending; pending while a block may be
 *          RETURNED. Set by who returns one, cleared by who finds none.
 *  array   cells: cycle:36 | index:28, cycle = ticket / cells. Written by
 *          pushers, by compare-and-swap from the previous cycle.
 *  pool 0  heads of messages; pool 1 their parts. State tickets are ring
 *          tickets from PUBLISHED on, and again from FREE on after a pop.
 *
 * Invariants
 *  1 The cell at ticket t is written once in each cycle.
 *  2 A block is in the queue if and only if its state is PUBLISHED(*, t) and
 *    the cell at t names it with t's cycle. Only then may head not pass t.
 *  3 tail is at most one behind the last filled cell; head is at most one
 *    behind the first message in the queue, and may so be ahead of tail by
 *    one: differences are signed.
 *  4 Tickets are unique: PUBLISHED(X, t) in a block is never repeated.
 *
 * Protocol
 *  push 1 take a block (OWNED), write the message
 *       2 t = tail, e = cell[t]; filled already: help tail, repeat
 *       3 t - head = capacity: full, unless head lags: then help it
 *       4 state = PUBLISHED(me, t): the ticket that decides after a death
 *       5 cell[t]: e -> {cycle of t, block}       linearization of push
 *       6 tail: t -> t + 1 (best effort)  7 notify
 *  pop  1 h = head, e = cell[h]; of the cycle before, and head unchanged:
 *         empty                    linearization of empty: the load of e
 *       2 s = state of the block of e; not PUBLISHED(h): help head, repeat
 *       3 state: s -> HELD(me, h)                 linearization of pop
 *       4 head: h -> h + 1 (best effort)  5 copy  6 state = FREE  7 notify
 *  full is linearized at the load of the state of head's block, in push 3.
 *
 * A message claimed by the dead, or restored, becomes RETURNED(t), and is
 * taken before those of the ring, smallest ticket first: the order in which
 * they were pushed. It stands in no cell; pending makes pop read the states.
 *
 * Orderings
 *  [Q] cell: acq_rel in push 5, acquire in pop 1 and in push 2: who finds the
 *      block there sees its message and its PUBLISHED state (written
 *      relaxed in push 4).
 *  [S] state: acq_rel in pop 3, release in pop 6; acquire where it is read:
 *      a taker of HELD or FREE memory sees its last owner's accesses done.
 *  [H] head and tail: acq_rel and acquire: who sees them moved sees the cell
 *      or the state that made it so.
 *  [V] returned: pending is set with release before and after a state becomes
 *      RETURNED, and read with acquire: who clears it has read the states
 *      after the first announcement, and fails if there was a second.
 *  [E] push 5, pop 3 and returned are seq_cst for event.h, as are the loads
 *      of who looks before he sleeps; on x86 that costs nothing.
 *      Room that is made by freeing blocks, not by pop 3, has a fence.
 *  [A] An acquire fence ends each copy of bytes that are not ours, before
 *      the state is read again; it pairs with the release fence of pool.h.
 *
 * Progress and death. Lock-free: a failed compare-and-swap or a changed head
 * or tail means that somebody else's operation took its step.
 *  killed after  leaves                        repaired by
 *  push 1        OWNED(X), parts               recovery frees
 *  push 4        PUBLISHED(X,t), cell differs  recovery frees (invariant 2)
 *  push 5        in the queue, tail behind     the next push helps
 *  push 6        sleepers not woken            their slice, or recovery
 *  pop 3         HELD(X,h), head behind        next pop helps; recovery
 *                                              returns the message
 *  pop 4, 5      HELD(X,h)                     recovery returns it
 *  acquire       HELD(X,h), for as long as the holder likes: the same
 *  pop 6         taken: the pop took place     nothing to repair
 *  parts         OWNED(X): a long message whose parts are being freed is
 *                OWNED first: taken; recovery frees the rest
 *  recovery      what it re-owned is its own, HELD goes to RETURNED in one
 *                step: the next recovery goes on
 */
#include "data/queue.h"

#include "base/crash.h"
#include "shm/client.h"
#include "shm/event.h"

static inline void advance(_Atomic uint64_t *word, uint64_t ticket)
{
	/* [H] */
	atomic_compare_exchange_strong_explicit(word, &ticket, ticket + 1,
		memory_order_acq_rel, memory_order_relaxed);
}

/* True when a cell that makes no sense is not merely an old view of it. */
static bool is_damaged(const struct agora_queue *q, _Atomic uint64_t *end,
	uint64_t ticket, uint64_t cell)
{
	return load_end(end) == ticket && load_cell(q, ticket) == cell;
}

/* ---- push ---- */

/*
 * Whether capacity messages lie between head and t, exactly.
 * Returns -EAGAIN (full), 0 (not full), 1 (look again).
 */
static int look_full(struct agora_queue *q, uint64_t t)
{
	uint64_t h = load_end(q->head);
	uint64_t cell;
	struct block_ref ref;

	atomic_store_explicit(&q->head_seen, h, memory_order_relaxed);
	if ((int64_t)(t - h) < (int64_t)q->capacity)
		return 0;
	if (load_end(q->tail) != t)
		return 1;
	cell = load_cell(q, h);
	ref = cell_block(cell);
	if (!pool_has(&q->store.pool[0], ref))
		return is_damaged(q, q->head, h, cell) ? -EUCLEAN : 1;
	if (cell_cycle(cell) == cycle_of(q, h) &&
		!is_published(load_state(q, ref), h)) {
		advance(q->head, h);
		return 1;
	}
	return load_end(q->head) == h ? -EAGAIN : 1;
}

/* Full at t? The head seen last is enough for most to know that it is not. */
static inline int is_full(struct agora_queue *q, uint64_t t)
{
	uint64_t seen =
		atomic_load_explicit(&q->head_seen, memory_order_relaxed);

	return likely((int64_t)(t - seen) < (int64_t)q->capacity)
		       ? 0
		       : look_full(q, t);
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

int queue_check_room(struct agora_queue *q)
{
	int full = 1;

	for (int tries = 0; full == 1 && tries < TRIES; tries++)
		full = is_full(q, load_end(q->tail));
	return full == 1 ? -EUCLEAN : full;
}

/* Do not write a message only to learn that there is no room. */
static inline int check_room(struct agora_queue *q)
{
	return likely(!is_full(q, load_end(q->tail))) ? 0 : queue_check_room(q);
}

/* Free what was not pushed. Its parts may be what another waits for. */
static void give_up(struct agora_queue *q, struct block_ref ref)
{
	message_free(&q->store, ref);
	/* [E] as in finish_long() */
	atomic_thread_fence(memory_order_seq_cst);
	event_notify(&q->object.segment, EVENT_BIT(EVENT_WRITABLE));
}

int queue_push(void *handle, const void *data, size_t size)
{
	struct agora_queue *q = handle;
	struct piece pieces[2] = {{data, size}, {NULL, 0}};
	struct block_ref ref;
	int error = object_writable(&q->object);

	if (!error)
		error = check_size(q, size);
	if (!error)
		error = object_fits(&q->object, data, size);
	if (!error)
		error = check_room(q);
	if (!error)
		error = pool_take(&q->store.pool[0], &ref);
	if (error)
		return error;
	error = message_write(&q->store, ref, pieces);
	crash_point(queue_push_written);
	if (!error)
		error = publish(q, ref);
	if (error) {
		give_up(q, ref);
		return error;
	}
	event_notify(&q->object.segment,
		EVENT_BIT(EVENT_READABLE) | EVENT_BIT(EVENT_ADVANCED));
	return 0;
}

/* ---- claim ---- */

/* What a claim wants to know before it is made. */
struct claim {
	struct block_ref ref;
	uint64_t ticket;
	size_t size;
	size_t room; /* do not claim what is larger: -EMSGSIZE */
};

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

/* Claim a message that was returned: 0, 1 (again), -EAGAIN (none). */
static int claim_returned(
	struct agora_queue *q, struct claim *claim, uint64_t returned)
{
	uint64_t state;

	if (queue_find_returned(q, 0, &claim->ref, &state)) {
		claim->ticket = state_ticket(state);
		return claim_block(q, claim, state);
	}
	/* [V] fails when there was another announcement meanwhile */
	atomic_compare_exchange_strong_explicit(q->returned, &returned,
		returned & ~UINT64_C(1), memory_order_acq_rel,
		memory_order_relaxed);
	return 1;
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
			result = claim_returned(q, claim, returned);
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

/* Tell pop to look for RETURNED blocks: before and after making one. */
static void announce_returned(struct agora_queue *q)
{
	uint64_t old = atomic_load_explicit(q->returned, memory_order_relaxed);

	/* [V] [E] */
	while (!atomic_compare_exchange_weak_explicit(q->returned, &old,
		(old | 1) + 2, memory_order_seq_cst, memory_order_relaxed))
		;
	crash_point(queue_announced);
}

/* Free the parts of a message that is OWNED by us since it was taken. */
static void finish_long(struct agora_queue *q, const struct claim *claim)
{
	crash_point(queue_pop_parts);
	message_free(&q->store, claim->ref);
	/* [E] room for parts is not made by a seq_cst change */
	atomic_thread_fence(memory_order_seq_cst);
	event_notify(&q->object.segment, EVENT_BIT(EVENT_WRITABLE));
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
		finish_long(q, claim);
		return;
	}
	pool_free_as(&q->store.pool[0], claim->ref,
		state_make(BLOCK_FREE, me, claim->ticket));
	event_notify(&q->object.segment, EVENT_BIT(EVENT_WRITABLE));
}

/* Make a message that is HELD by us available again: 0, -EINVAL (it is not). */
static int give_back(struct agora_queue *q, const struct claim *claim)
{
	uint64_t mine =
		state_make(BLOCK_HELD, q->object.segment.client, claim->ticket);
	bool done;

	announce_returned(q);
	/* [S] */
	done = atomic_compare_exchange_strong_explicit(
		&store_head(&q->store, claim->ref)->state, &mine,
		state_make(BLOCK_RETURNED, 0, claim->ticket),
		memory_order_acq_rel, memory_order_relaxed);
	crash_point(queue_returned);
	announce_returned(q);
	event_notify(&q->object.segment, EVENT_BIT(EVENT_READABLE));
	return done ? 0 : -EINVAL;
}

int queue_pop(void *handle, struct agora_buffer *message)
{
	struct agora_queue *q = handle;
	struct claim c = {.room = message->capacity};
	int error = object_writable(&q->object);

	if (!error)
		error = claim(q, &c);
	if (error == -EMSGSIZE)
		message->size = c.size;
	if (error)
		return error;
	if (message_read(&q->store, c.ref, 0, message->data, c.size)) {
		give_back(q, &c);
		return -EUCLEAN;
	}
	crash_point(queue_pop_copied);
	finish(q, &c);
	message->size = c.size;
	message->version = c.ticket;
	return 0;
}

/* ---- acquire ---- */

int queue_acquire(void *handle, struct agora_message *message)
{
	struct agora_queue *q = handle;
	struct claim c = {.room = SIZE_MAX};
	int error = object_writable(&q->object);

	if (!error)
		error = claim(q, &c);
	if (error)
		return error;
	atomic_store_explicit(&q->acquired, true, memory_order_relaxed);
	*message = (struct agora_message){
		.size = c.size, .sequence = c.ticket, .token = c.ref.index};
	if (c.size <= q->store.pool[0].data_size)
		message->data = pool_data(&q->store.pool[0], c.ref);
	return 0;
}

/* The claim behind a message, which comes from the caller: -EINVAL. */
static int claim_of(const struct agora_queue *q,
	const struct agora_message *message, struct claim *ret_claim)
{
	struct block_ref ref = {(uint32_t)message->token};

	if (!q->object.segment.client || !pool_has(&q->store.pool[0], ref) ||
		load_state(q, ref) != state_make(BLOCK_HELD,
					      q->object.segment.client,
					      message->sequence))
		return -EINVAL;
	*ret_claim = (struct claim){
		.ref = ref, .ticket = message->sequence, .size = message->size};
	return 0;
}

int queue_read(void *handle, const struct agora_message *message, size_t offset,
	void *data, size_t size)
{
	struct agora_queue *q = handle;
	struct claim c;
	int error = claim_of(q, message, &c);

	if (error || offset > c.size)
		return error ? error : -EINVAL;
	size = num_min(num_min(size, c.size - offset), INT32_MAX);
	error = message_read(&q->store, c.ref, offset, data, size);
	return error ? error : (int)size;
}

/* Threads may try to release one message twice: only one may succeed. */
int queue_release(void *handle, const struct agora_message *message)
{
	struct agora_queue *q = handle;
	struct claim c;
	uint64_t mine;
	int error = claim_of(q, message, &c);

	if (error)
		return error;
	mine = state_make(BLOCK_HELD, q->object.segment.client, c.ticket);
	/* [S] */
	if (!atomic_compare_exchange_strong_explicit(
		    &store_head(&q->store, c.ref)->state, &mine,
		    state_make(BLOCK_OWNED, q->object.segment.client, c.ticket),
		    memory_order_acq_rel, memory_order_relaxed))
		return -EINVAL;
	if (is_long(q, c.ref)) {
		finish_long(q, &c);
		return 0;
	}
	pool_free_as(&q->store.pool[0], c.ref,
		state_make(BLOCK_FREE, q->object.segment.client, c.ticket));
	/* [E] many in hand may be why a push finds no block */
	atomic_thread_fence(memory_order_seq_cst);
	event_notify(&q->object.segment, EVENT_BIT(EVENT_WRITABLE));
	return 0;
}

int queue_restore(void *handle, const struct agora_message *message)
{
	struct claim c;
	int error = claim_of(handle, message, &c);

	return error ? error : give_back(handle, &c);
}

/* ---- recover ---- */

/* What became of a push whose author is dead? See the table at the top. */
static void recover_published(
	struct agora_queue *q, struct block_ref ref, uint64_t state)
{
	if (!cell_names(q, state_ticket(state), ref))
		message_reclaim(&q->store, ref, state);
}

/* Returns true when the message will be delivered again. */
static bool recover_held(
	struct agora_queue *q, struct block_ref ref, uint64_t state)
{
	uint64_t again = state_make(BLOCK_RETURNED, 0, state_ticket(state));

	/* [S] */
	return atomic_compare_exchange_strong_explicit(
		&store_head(&q->store, ref)->state, &state, again,
		memory_order_acq_rel, memory_order_relaxed);
}

static bool recover_block(
	struct agora_queue *q, struct block_ref ref, uint32_t client)
{
	uint64_t state = load_state(q, ref);

	if (state_kind(state) == BLOCK_PART || state_owner(state) != client)
		return false;
	crash_point(queue_recover_block);
	switch (state_kind(state)) {
	case BLOCK_OWNED:
		message_reclaim(&q->store, ref, state);
		return false;
	case BLOCK_PUBLISHED:
		recover_published(q, ref, state);
		return false;
	case BLOCK_HELD:
		return recover_held(q, ref, state);
	default:
		return false;
	}
}

void queue_recover(struct segment *segment, uint32_t client)
{
	struct agora_queue *q = segment->owner;
	uint32_t committed = pool_committed(&q->store.pool[0]);
	uint64_t again = 0;

	announce_returned(q);
	for (uint32_t i = 0; i < committed; i++)
		again += recover_block(q, (struct block_ref){i}, client);
	message_recover_parts(&q->store, client);
	crash_point(queue_recover_returned);
	announce_returned(q);
	atomic_fetch_add_explicit(
		&segment->roots->redelivered, again, memory_order_relaxed);
	if (again)
		event_wake_all(segment);
}
