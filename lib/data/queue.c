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
#include "data/queue_ring.h"

/* ---- push ---- */

/*
 * Whether capacity messages lie between head and t, exactly.
 * Returns -EAGAIN (full), 0 (not full), 1 (look again).
 */
int queue_look_full(struct agora_queue *q, uint64_t t)
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

int queue_check_room(struct agora_queue *q)
{
	int full = 1;

	for (int tries = 0; full == 1 && tries < TRIES; tries++)
		full = is_full(q, load_end(q->tail));
	return full == 1 ? -EUCLEAN : full;
}

/* Free what was not pushed. Its parts may be what another waits for. */
void queue_give_up(struct agora_queue *q, struct block_ref ref)
{
	message_free(&q->store, ref);
	/* [E] as in queue_finish_long() */
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
		queue_give_up(q, ref);
		return error;
	}
	event_notify(&q->object.segment,
		EVENT_BIT(EVENT_READABLE) | EVENT_BIT(EVENT_ADVANCED));
	return 0;
}

/* ---- pop ---- */

/* Claim a message that was returned: 0, 1 (again), -EAGAIN (none). */
int queue_claim_returned(
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

/* Tell pop to look for RETURNED blocks: before and after making one. */
void queue_announce(struct agora_queue *q)
{
	uint64_t old = atomic_load_explicit(q->returned, memory_order_relaxed);

	/* [V] [E] */
	while (!atomic_compare_exchange_weak_explicit(q->returned, &old,
		(old | 1) + 2, memory_order_seq_cst, memory_order_relaxed))
		;
	crash_point(queue_announced);
}

/* Free the parts of a message that is OWNED by us since it was taken. */
void queue_finish_long(struct agora_queue *q, const struct claim *claim)
{
	crash_point(queue_pop_parts);
	message_free(&q->store, claim->ref);
	/* [E] room for parts is not made by a seq_cst change */
	atomic_thread_fence(memory_order_seq_cst);
	event_notify(&q->object.segment, EVENT_BIT(EVENT_WRITABLE));
}

/* Make a message that is HELD by us available again: 0, -EINVAL (it is not). */
int queue_give_back(struct agora_queue *q, const struct claim *claim)
{
	uint64_t mine =
		state_make(BLOCK_HELD, q->object.segment.client, claim->ticket);
	bool done;

	queue_announce(q);
	/* [S] */
	done = atomic_compare_exchange_strong_explicit(
		&store_head(&q->store, claim->ref)->state, &mine,
		state_make(BLOCK_RETURNED, 0, claim->ticket),
		memory_order_acq_rel, memory_order_relaxed);
	crash_point(queue_returned);
	queue_announce(q);
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
		queue_give_back(q, &c);
		return -EUCLEAN;
	}
	crash_point(queue_pop_copied);
	finish(q, &c);
	message->size = c.size;
	message->version = c.ticket;
	return 0;
}
