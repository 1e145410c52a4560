/*
 * queue.c - FIFO of messages, many producers and many consumers.
 *
 * What. A ring of cells, each naming a block, with a helped head and tail
 * (after Shann et al. 2000, Tsigas and Zhang 2001, and NCQ of Nikolaev,
 * DISC 2019). New is where a message is taken: not by moving head, which
 * names nobody, but by a compare-and-swap on the state of its block, which
 * names the taker. Head and tail only follow and may be moved by anybody.
 * Also new are packets: blocks with several messages of one batch, which are
 * pushed in one step, and taken in one step for as many as fit the taker.
 *
 * Layout
 *  root 0  tail: the ticket (position, ever growing) of the next push. Any
 *          client advances it, behind the block that the cell at tail names.
 *  root 1  head: the ticket of the next pop. Any client advances it, when
 *          the block at head is neither PUBLISHED(head) nor a packet(head).
 *  root 2  returned: epoch * 2 + pending; pending while a block may be
 *          RETURNED. Set by who returns one, cleared by who finds none.
 *  array   cells: cycle:31 | more:5 | index:28, cycle = ticket / cells, more
 *          = messages in the block behind its first. Written by pushers, by
 *          compare-and-swap from a previous cycle.
 *  pool 0  heads of messages; pool 1 their parts. State tickets are ring
 *          tickets from PUBLISHED on, and again from FREE on after a pop.
 *  packet  a block of pool 0 with 2 to 32 messages, one behind the other;
 *          with messages of any size, behind them where each ends. size is
 *          that of the first. It has as many tickets as messages, and the
 *          cell at the first of them.
 *
 * Invariants
 *  1 A cell is written at most once in each cycle. The cells at the other
 *    tickets of a packet are left out, or are written by who opens it. One
 *    that is left out is given the cycle before the last, with no meaning, 8
 *    times in 2^31 cycles: none comes to be older than a cycle can tell.
 *  2 A block is in the queue if and only if its state is PUBLISHED(*, t), or
 *    PACKET or OPENED(*, n, t), and the cell at t names it with t's cycle.
 *    Only then may head not pass t. Of a packet, n messages are taken.
 *  3 tail is at most one block behind the last filled cell; head at most one
 *    block behind the first message in the queue, and may so be ahead of
 *    tail: differences are signed. Neither ever stands within a packet that
 *    was not opened. The ring has 32 cells more than capacity, so that a
 *    packet which is half taken keeps nobody from its cell.
 *  4 Tickets are unique: PUBLISHED(X, t) in a block is never repeated. What
 *    is left of the ticket in a cell (its cycle) or a packet (43 bits) comes
 *    again after 2^38 messages at the earliest: a compare-and-swap would have
 *    to be stopped for hours and go on at one certain message.
 *  5 The bytes of a packet do not change while its state is PACKET or OPENED.
 *
 * Protocol
 *  push 1 take a block (OWNED), write the message, or several
 *       2 t = tail, e = cell[t]; filled already: help tail, repeat
 *       3 t - head = capacity: full, unless head lags: then help it
 *       4 state = PUBLISHED(me, t) or PACKET(me, 0, t): the ticket that
 *         decides after a death
 *       5 cell[t]: e -> {cycle of t, more, block}  linearization of push
 *       6 tail: t -> t + more + 1 (best effort)  7 notify
 *  pop  1 h = head, e = cell[h]; of a cycle before, and head unchanged:
 *         empty                    linearization of empty: the load of e
 *       2 s = state of the block of e; a packet(h): take; else not
 *         PUBLISHED(h): help head, repeat
 *       3 state: s -> HELD(me, h)                 linearization of pop
 *       4 head: h -> behind (best effort)  5 copy  6 state = FREE  7 notify
 *  take 1 copy messages n to m - 1
 *       2 state: PACKET(*, n, t) -> PACKET(*, m, t), or OWNED(me) when none
 *         is left         linearization of the pop of all of them, in order
 *       3 head: t -> behind (best effort)  4 state = FREE  5 notify
 *  open (a message of a packet is to be acquired, so it needs a block)
 *       1 state: PACKET(*, n, t) -> OPENED(*, n, t): nobody takes from it
 *       2 for each message from the last one to n, but not number 0: take a
 *         block, copy the message, state = PUBLISHED(me, u), cell[u]: its
 *         old value -> {cycle of u, 0, block}; lost: free the block
 *       3 state: OPENED(*, 0, t) -> PUBLISHED(*, t): message 0 stays, alone;
 *         OPENED(*, n, t) -> OWNED(me), help head, free
 *       All who come to an OPENED packet do this. A cell is filled under a
 *       state that was OPENED after its old value was read, and is filled
 *       when 3 is done: so a late one fails.
 *  behind a packet that is gone: the first of its cells that is filled, if
 *  the last one is (it was opened, and that one was filled first), else t +
 *  more + 1.
 *  full is linearized at the load of the state of head's block, in push 3.
 *
 * A message claimed by the dead, or restored, becomes RETURNED(t), and is
 * taken before those of the ring, smallest ticket first: the order in which
 * they were pushed. It stands in no cell; pending makes pop read the states.
 *
 * Orderings
 *  [Q] cell: acq_rel in push 5 and open 2, acquire in pop 1 and in push 2: who
 *      finds the block there sees its message and its state (written relaxed
 *      in push 4).
 *  [S] state: acq_rel in pop 3, take 2, open 1 and 3, release in pop 6;
 *      acquire where it is read: a taker of HELD or FREE memory sees its last
 *      owner's accesses done; who finds an opened packet gone sees its cells.
 *  [H] head and tail: acq_rel and acquire: who sees them moved sees the cell
 *      or the state that made it so. So too head_seen, which threads share:
 *      who finds a cell of the next cycle must not see head old for ever.
 *  [V] returned: pending is set with release before and after a state becomes
 *      RETURNED, and read with acquire: who clears it has read the states
 *      after the first announcement, and fails if there was a second.
 *  [E] push 5, pop 3, take 2 and returned are seq_cst for event.h, as are the
 *      loads of who looks before he sleeps, which costs no more than acq_rel
 *      and acquire. Who sees head or tail old learns it from cells and states.
 *      Room that is made by freeing blocks, not by pop 3, has a fence.
 *  [A] An acquire fence (LDAR would not do) ends each copy of bytes that are
 *      not ours, before the state is read again or swapped; it pairs with the
 *      release fence of pool.h.
 *
 * Progress and death. Lock-free: a failed compare-and-swap or a changed head
 * or tail means that somebody else's operation took its step.
 *  killed after  leaves                        repaired by
 *  push 1        OWNED(X), parts: also what    recovery frees
 *                was reserved
 *  push 4        PUBLISHED(X,t) or PACKET, and recovery frees (invariant 2)
 *                the cell names another
 *  push 5        in the queue, tail behind     the next push helps
 *  push 6        sleepers not woken            their slice, or recovery
 *  pop 3         HELD(X,h), head behind        next pop helps; recovery
 *                                              returns the message
 *  pop 4, 5      HELD(X,h)                     recovery returns it
 *  acquire       HELD(X,h), for as long as the holder likes: the same
 *  pop 6         taken: the pop took place     nothing to repair
 *  take 1        nothing
 *  take 2, 3     taken: the pop took place; an recovery frees; the next pop
 *                empty packet is OWNED(X)      helps head
 *  open 1        OPENED                        the next pop opens it
 *  open 2        OPENED; PUBLISHED(X,u) with   the next pop; recovery frees
 *                or without its cell           what has no cell
 *  open 3        OWNED(X)                      as take 3
 *  parts         OWNED(X): a long message whose parts are being freed is
 *                OWNED first: taken; recovery frees the rest
 *  recovery      what it re-owned is its own, HELD goes to RETURNED in one
 *                step: the next recovery goes on
 */
#include "data/queue_ring.h"

#include <limits.h>

/* ---- push ---- */

/* How many messages a block at head holds no more, or -1: it is gone. */
static int taken_at(uint64_t state, uint64_t head)
{
	if (is_packet(state, head))
		return (int)packet_first(state);
	return is_published(state, head) ? 0 : -1;
}

/* How many of want messages fit between head and t, exactly. */
int queue_look_room(struct agora_queue *q, uint64_t t, unsigned want)
{
	uint64_t h = load_end(q->head);
	int64_t room = (int64_t)(h + q->capacity - t);
	uint64_t cell;
	struct block_ref ref;
	int taken;

	/* [H] */
	atomic_store_explicit(&q->head_seen, h, memory_order_release);
	if (room > 0)
		return (int)num_min((uint64_t)room, want);
	if (load_end(q->tail) != t)
		return 0;
	cell = load_cell(q, h);
	ref = cell_block(cell);
	if (!pool_has(&q->store.pool[0], ref) ||
		cell_cycle(cell) != cycle_of(q, h))
		return is_damaged(q, q->head, h, cell) ? -EUCLEAN : 0;
	taken = taken_at(load_state(q, ref), h);
	if (taken < 0)
		advance(q->head, h, behind(q, h, cell));
	if (taken < 0 || load_end(q->head) != h)
		return 0;
	room += taken;
	return room > 0 ? (int)num_min((uint64_t)room, want) : -EAGAIN;
}

int queue_check_room(struct agora_queue *q, unsigned want)
{
	int room = 0;

	for (int tries = 0; !room && tries < TRIES; tries++)
		room = look_room(q, load_end(q->tail), want);
	return room ? room : -EUCLEAN;
}

/* Free what was not pushed. Its parts may be what another waits for. */
void queue_give_up(struct agora_queue *q, struct block_ref ref)
{
	message_free(&q->store, ref);
	/* [E] as in queue_finish_long() */
	atomic_thread_fence(memory_order_seq_cst);
	event_notify(&q->object.segment, EVENT_BIT(EVENT_WRITABLE));
}

/* publish(), when the first round did not decide. */
int queue_publish_again(
	struct agora_queue *q, struct block_ref ref, unsigned count)
{
	int result = 0;

	for (int tries = 0; !result && tries < TRIES; tries++)
		result = try_publish(q, ref, count);
	return result ? result : -EUCLEAN;
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
		error = publish(q, ref, 1);
	if (error < 0) {
		queue_give_up(q, ref);
		return error;
	}
	notify(q, EVENTS_PUSHED, 1);
	return 0;
}

/* ---- pop ---- */

/* Claim a message that was returned: 0, AGAIN (perhaps there is none). */
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
	return AGAIN;
}

/* claim(), when the first round did not take a message. */
int queue_claim_again(struct agora_queue *q, struct claim *claim)
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
		if (result != AGAIN)
			return result;
	}
	return -EUCLEAN;
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

/* Copy a message that is HELD by us, and be done with it. */
static inline int copy_claimed(
	struct agora_queue *q, const struct claim *c, struct agora_buffer *to)
{
	if (message_read_own(&q->store, c->ref, 0, to->data, c->size)) {
		const struct claim copy = *c;

		queue_give_back(q, &copy);
		return -EUCLEAN;
	}
	crash_point(queue_pop_copied);
	to->size = c->size;
	to->version = c->ticket;
	return 0;
}

/* pop 1 to 3 until there is something: 0 (HELD by us), 1 to count (taken from
 * a packet), or an error. */
static inline int take_or_claim(struct agora_queue *q, struct claim *c,
	struct agora_buffer *messages, size_t count)
{
	int result = 0;

	for (int tries = 0; !result && tries < TRIES; tries++) {
		c->room = messages->capacity;
		result = claim(q, c);
		if (!result)
			return 0;
		if (unlikely(result == PACKET)) {
			const struct claim copy = *c;

			result = queue_take(q, &copy, messages, count);
		} else if (result == -EMSGSIZE)
			messages->size = c->size;
	}
	return result ? result : -EUCLEAN;
}

int queue_pop(void *handle, struct agora_buffer *message)
{
	struct agora_queue *q = handle;
	struct claim c;
	int result = object_writable(&q->object);

	if (!result)
		result = take_or_claim(q, &c, message, 1);
	if (!result) {
		result = copy_claimed(q, &c, message);
		if (!result)
			finish(q, &c);
	}
	if (result < 0)
		return result;
	notify(q, EVENTS_POPPED, 1);
	return 0;
}

/*
 * Take messages that have blocks of their own, the first of which is claimed.
 * All are claimed before one is given up: they are delivered again if we die.
 */
static int pop_singles(struct agora_queue *q, const struct claim *first,
	struct agora_buffer *messages, size_t count)
{
	struct claim c[PACKET_MOST] = {*first};
	size_t claimed = 1, copied = 0;
	int error = 0;

	for (count = num_min(count, PACKET_MOST); claimed < count; claimed++) {
		c[claimed].room = messages[claimed].capacity;
		error = claim(q, &c[claimed]);
		if (error)
			break;
	}
	if (error == -EMSGSIZE)
		messages[claimed].size = c[claimed].size;
	for (error = 0; !error && copied < claimed; copied += !error)
		error = copy_claimed(q, &c[copied], &messages[copied]);
	for (size_t i = 0; i < copied; i++)
		finish(q, &c[i]);
	for (size_t i = copied + 1; i < claimed; i++)
		queue_give_back(q, &c[i]);
	return copied ? (int)copied : error;
}

int queue_pop_batch(void *handle, struct agora_buffer *messages, size_t count)
{
	struct agora_queue *q = handle;
	struct claim c;
	int result = object_writable(&q->object);
	size_t done = 0;

	count = num_min(count, INT_MAX);
	while (result >= 0 && done < count) {
		result = take_or_claim(q, &c, messages + done, count - done);
		if (!result)
			result = pop_singles(
				q, &c, messages + done, count - done);
		if (result > 0)
			done += (size_t)result;
	}
	if (!done)
		return result;
	notify(q, EVENTS_POPPED, (int)done);
	return (int)done;
}
