/*
 * heap.c - priority queue, strict or relaxed.
 *
 * What. An array of cells, each of which is not before its parent (Williams
 * 1964), with four children to a node (Johnson 1975), which fill a cache
 * line. An operation changes several cells, so it takes a turn (turn.h): one
 * swap of 16 bytes puts it into the root, which is where it takes place, and
 * names the message and who takes it. What is left to be done is done by
 * whoever comes by, as often as it likes, before the next turn. (After the
 * locks of Barnes 1993; new is what makes it repeatable: a cell says in which
 * turn it was written, and a path is found again from what is written of it.)
 * A relaxed heap is LANES of these in one segment: see heap_choice.c.
 *
 * Layout
 *  root 0 to LANES - 1: struct lane_shm
 *    turn  turn.h; first: a block (RENEW: a cell); second: messages there are
 *          when it is done; spare: messages it is about, less one. Version:
 *          of the last of them, each has one. Any client swaps it.
 *    top   cell 0, beside the root so that most operations need one line less
 *    done  version of a turn that is done. Stored by who has done it; may go
 *          back, when a late one stores it, and then is done again.
 *  root LANES     cells of each lane that have memory; only grows
 *  root LANES + 1 messages that were returned; counted by who returned one
 *  array   the cells 1, 2, ... of each lane: key | version:36 | index:28.
 *          Written by who does a turn, by a swap of both words.
 *  pool 0  heads of messages. priority and order (version of the first push)
 *          belong to who enters the block, and do not change while it is
 *          there; so does key_size, the next block of a batch.
 *  key     grows with the priority, and with the order where the priority is
 *          small; equal keys are compared by priority, order and index.
 *
 * Invariants
 *  1 The root changes only when its turn is done: done is its version.
 *  2 A cell is written once in each version at most: of a version that is
 *    not its own, when it still holds what was read while the turn was in
 *    the root. So a late one changes nothing.
 *  3 A message is in the heap if and only if its block is PUBLISHED(*, t), but
 *    for the turn in the root. Then one cell names it, of those below the
 *    number of messages, which are in order.
 *  4 While a path is being changed each message of it stands in one cell or
 *    in two: push writes from the leaf up, pop from the top down, each cell
 *    before the one that its new content comes from.
 *  5 PENDING, PUBLISHED, HELD and RETURNED(X, t) never come again: t is a
 *    version, and of who entered the block in it. (48 bits: a compare-and-swap
 *    would have to be stopped for 2^48 turns and go on at a certain one.)
 *  6 36 bits of a version are enough for cells: a turn takes a cell for its
 *    own if they are equal by accident, 2^36 versions later. Each version that
 *    is a multiple of 256 gives one cell a new version, in a circle of all
 *    that may have memory, at most 2^28 / LANES or so; of a heap of the
 *    largest capacity without parts each is renewed within 2^33 versions.
 *    Memory that is new has version 0, which no turn has but those.
 *  7 There are as many cells with memory as the index of any block that was
 *    entered says: what is returned always finds a cell.
 *
 * Protocol
 *  settle  1 r = root; its turn is done: go on
 *          2 wait a little, do the turn, repeat
 *          3 the next version is a multiple of 256: RENEW, repeat
 *  push 1 take a block (OWNED), write the message and its priority
 *       2 settle  3 as many as capacity: full        linearized at the load
 *       4 order; state = PENDING(me, version of r + 1)
 *       5 root: r -> PUSH, block, me                 linearization of push
 *       6 do: from the leaf up, cells = what stood above them, until that is
 *         not after the message; there the message; state: PENDING -> PUBLISHED
 *       7 done = version  8 notify
 *  pop  1 settle; no messages: empty                 linearized at the load
 *       2 b = the block that cell 0 names; too large: leave it, if r stands
 *       3 root: r -> POP, b, me                      linearization of pop
 *       4 do: state of b: PUBLISHED(*, t) -> HELD(me, t); from the top down,
 *         cells = the first of their children, until that is not before what
 *         the last cell holds; there this
 *       5 done = version  6 copy  7 state = FREE  8 notify
 *  return (of what was restored, or held by the dead)
 *       1 state: HELD(X, t) -> RETURNED(me, t)  2 settle
 *       3 root: r -> RETURN, block, me              linearization
 *       4 do: as push; state: RETURNED -> PUBLISHED(me, version)
 *  batches: push 5 with a row of blocks, of which one after the other is
 *       entered: those that are no more PENDING are. pop 3 for the first
 *       messages, whose blocks were found before, and are right if r still
 *       stands; each is taken as if alone, and the version of cell 0 says how
 *       many are begun. What was read for one of them is used while that is
 *       not done, which cell 0 or the block's state says, beside r. So several
 *       are read and taken for one swap of the root, one wait for it and one
 *       notification.
 *  do   All of a path is read first, then r again, then it is changed. Who
 *       finds that another was there before goes cell by cell: a cell with the
 *       version of the turn is done, and the way goes on (pop) to the child
 *       that has that version too, or still holds the same message.
 *
 * Orderings
 *  [W] as in wide.h, for the root: swapped with a full barrier, read with
 *      acquire: who sees a turn sees the blocks it names and what was done in
 *      all turns before. It is read again behind an acquire fence, after what
 *      was read meanwhile: who saw what a later turn wrote, which it did behind
 *      its swap, sees the root changed.
 *  [D] done is stored with release after the last cell, and read with
 *      acquire: who takes the next turn sees all of them.
 *  [S] state: acq_rel where it is swapped, acquire where it is read: who takes
 *      a block over sees its last owner's accesses done.
 *  [M] the memory of cells is there before the watermark says so.
 *  [K] what a tap collected belongs to who has taken it out of the handle.
 *  [A] as in queue.c: copy, fence, look at the state again.
 *  [E] The swap of the root is the full barrier that event.h asks for.
 *
 * Progress and death. Lock-free: a failed swap of the root is another's turn,
 * and a turn is done within a number of steps that its levels bound.
 *  killed after     leaves                       repaired by
 *  push 1           OWNED(X), parts              recovery frees
 *  push 4           PENDING(X, t), no turn       recovery frees: it does the
 *                                                turn in the root first, and
 *                                                the dead take no other
 *  push 5, 6        pushed; a turn to be done    the next one does it
 *  push 7           sleepers not woken           their slice, or recovery
 *  pop 3            a turn to be done            the next one does it; then
 *  pop 4, 5, 6      HELD(X, t)                   recovery returns it
 *  acquire          HELD(X, t)                   the same
 *  pop 7            taken                        nothing to repair
 *  return 1         RETURNED(X, t)               recovery returns it
 *  return 3         a turn to be done            the next one does it
 *  RENEW            a turn to be done            the next one does it
 *  parts            OWNED(X): as in queue.c      recovery frees
 *  recovery         what it makes its own is RETURNED(it, t) or OWNED: the
 *                   next recovery goes on
 */
#include "data/heap.h"

/* ---- push ---- */

static inline int check_size(const struct agora_heap *h, size_t size)
{
	if (h->fixed ? size != h->message_size : size > h->message_size)
		return -EMSGSIZE;
	return 0;
}

/* Do not write a message only to learn that there is no room. */
static inline int check_room(struct agora_heap *h)
{
	do {
		const struct lane *lane = push_lane(h);

		if (likely(heap_glance(lane).turn.second < h->capacity))
			return 0;
	} while (heap_push_elsewhere(h));
	return -EAGAIN;
}

/* Free what was not pushed. Its parts may be what another waits for. */
static void give_up(struct agora_heap *h, struct block_ref ref)
{
	message_free(&h->store, ref);
	/* [E] room for parts is not made by a seq_cst change */
	atomic_thread_fence(memory_order_seq_cst);
	event_notify(&h->object.segment, EVENT_BIT(EVENT_WRITABLE));
}

/* Take a block and write a message: 0, or as pool_take(). */
static inline int write_item(struct agora_heap *h, uint64_t priority,
	const void *data, size_t size, struct block_ref *ret_ref)
{
	struct piece pieces[2] = {{data, size}, {NULL, 0}};
	struct block_ref ref;
	int error = pool_take(&h->store.pool[0], &ref);
	uint64_t cells;

	if (error)
		return error;
	cells = (ref.index >> h->lane_bits) + UINT64_C(1);
	if (unlikely(cells >
		     atomic_load_explicit(&h->cells, memory_order_relaxed)))
		error = heap_commit(h, cells);
	if (!error)
		error = message_write(&h->store, ref, pieces);
	crash_point(heap_push_written);
	if (error) {
		give_up(h, ref);
		return error;
	}
	atomic_store_explicit(
		&item_at(h, ref)->priority, priority, memory_order_relaxed);
	*ret_ref = ref;
	return 0;
}

/* Say of blocks of ours which turn they would be entered in. */
static inline void make_pending(struct agora_heap *h,
	const struct block_ref *refs, unsigned count, uint64_t version)
{
	for (unsigned i = 0; i < count; i++) {
		struct item_shm *item = item_at(h, refs[i]);

		atomic_store_explicit(&item->order, (version + i) & ORDER_MASK,
			memory_order_relaxed);
		if (i + 1 < count)
			atomic_store_explicit(&item->block.key_size,
				refs[i + 1].index, memory_order_relaxed);
		atomic_store_explicit(&item->block.state,
			state_make(BLOCK_PENDING, h->object.segment.client,
				version + i),
			memory_order_relaxed);
	}
}

/* As many as fit in one turn: push 3 to 6. Returns how many were entered, 0
 * (look again), -EAGAIN (full), -ENOSPC, -EUCLEAN. */
static inline int try_enter(struct agora_heap *h, struct lane *lane,
	const struct block_ref *refs, unsigned count)
{
	struct now now;
	int result = heap_settle(h, lane, &now);
	uint64_t version, room;

	if (result)
		return result;
	if (unlikely(now.turn.second >= h->capacity))
		return -EAGAIN;
	room = h->capacity - now.turn.second;
	version = now.turn.version + 1;
	count = (unsigned)num_min(
		num_min(count, room), RENEW_EVERY - version % RENEW_EVERY);
	if (unlikely(now.turn.second + (uint64_t)count >
		     atomic_load_explicit(&h->cells, memory_order_relaxed)))
		result = heap_commit(h, now.turn.second + (uint64_t)count);
	if (result)
		return result;
	make_pending(h, refs, count, version);
	crash_point(heap_push_ticket);
	result = heap_try_turn(
		h, lane, &now, HEAP_PUSH, count, refs[0], (int)count);
	return result > 0 ? (int)count : result;
}

/* Enter blocks of ours, in order. Returns how many, or an error: what was not
 * entered is ours still. */
static inline int enter(
	struct agora_heap *h, const struct block_ref *refs, unsigned count)
{
	unsigned done = 0;
	int result = 0;

	for (int tries = 0; done < count && tries < TRIES; tries++) {
		result = try_enter(h, push_lane(h), refs + done, count - done);
		if (result == -EAGAIN && heap_push_elsewhere(h))
			continue;
		if (result < 0)
			break;
		done += (unsigned)result;
		if (unlikely(h->lanes > 1))
			result ? heap_pushed(h, (uint32_t)result)
			       : heap_move_push(h);
	}
	if (done)
		return (int)done;
	return result < 0 ? result : -EUCLEAN;
}

int heap_push(void *handle, uint64_t priority, const void *data, size_t size)
{
	struct agora_heap *h = handle;
	struct block_ref ref;
	int error = object_writable(&h->object);

	if (!error)
		error = check_size(h, size);
	if (!error)
		error = object_fits(&h->object, data, size);
	if (!error)
		error = check_room(h);
	if (!error)
		error = write_item(h, priority, data, size, &ref);
	if (error)
		return error;
	error = enter(h, &ref, 1);
	if (error < 0) {
		give_up(h, ref);
		return error;
	}
	heap_notify(h, EVENTS_PUSHED, 1);
	return 0;
}

/* Write up to PUSH_MOST messages. Returns how many; *ret_error says why not
 * all of them. */
static unsigned write_items(struct agora_heap *h,
	const struct agora_heap_item *items, size_t count,
	struct block_ref *refs, int *ret_error)
{
	unsigned done = 0;
	int error = 0;

	while (done < PUSH_MOST && done < count) {
		const struct agora_heap_item *item = &items[done];

		error = check_size(h, item->size);
		if (!error)
			error = object_fits(&h->object, item->data, item->size);
		if (!error)
			error = write_item(h, item->priority, item->data,
				item->size, &refs[done]);
		if (error)
			break;
		done++;
	}
	*ret_error = error;
	return done;
}

/* Returns how many of up to PUSH_MOST were pushed, or the first one's error.
 */
static int push_some(
	struct agora_heap *h, const struct agora_heap_item *items, size_t count)
{
	struct block_ref refs[PUSH_MOST];
	int error, result = check_room(h);
	unsigned written;

	if (result)
		return result;
	written = write_items(h, items, count, refs, &error);
	if (!written)
		return error;
	result = enter(h, refs, written);
	for (unsigned i = result > 0 ? (unsigned)result : 0; i < written; i++)
		give_up(h, refs[i]);
	return result;
}

int heap_push_batch(
	struct agora_heap *h, const struct agora_heap_item *items, size_t count)
{
	int result = object_writable(&h->object);
	size_t done = 0;

	count = num_min(count, INT32_MAX);
	while (result >= 0 && done < count) {
		size_t want = num_min(count - done, PUSH_MOST);

		result = push_some(h, items + done, want);
		if (result > 0)
			done += (size_t)result;
		if (result < (int)want)
			break;
	}
	if (!done)
		return result;
	heap_notify(h, EVENTS_PUSHED, (int)done);
	return (int)done;
}
