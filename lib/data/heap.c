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
 *       not done, which cell 0 or the block's state says, beside r. So several are read and taken for one swap of the
 *       root, one wait for it and one notification.
 *  do   All of a path is read first, then r again, then it is changed. Who
 *       finds that another was there before goes cell by cell: a cell with
 *       the version of the turn is done, and the way goes on (pop) to the
 *       child that has that version too, or still holds the same message.
 *
 * Orderings
 *  [T] root: swapped with a full barrier, read with acquire: who sees a turn
 *      sees the blocks it names and what was done in all turns before. It is
 *      read again behind an acquire fence, after what was read meanwhile.
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

#define EVENTS_PUSHED (EVENT_BIT(EVENT_READABLE) | EVENT_BIT(EVENT_ADVANCED))
#define EVENTS_POPPED EVENT_BIT(EVENT_WRITABLE)

/* Tell who waits: there are count more messages, or places. */
static inline void notify(struct agora_heap *h, uint32_t events, int count)
{
	if (likely(count == 1))
		event_notify(&h->object.segment, events);
	else
		event_notify_all(&h->object.segment, events);
}

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
	if (unlikely(cells > atomic_load_explicit(
				     &h->cells, memory_order_relaxed)))
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

		atomic_store_explicit(&item->order,
			(version + i) & ORDER_MASK, memory_order_relaxed);
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
	count = (unsigned)num_min(num_min(count, room),
		RENEW_EVERY - version % RENEW_EVERY);
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
		result = try_enter(
			h, push_lane(h), refs + done, count - done);
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
	notify(h, EVENTS_PUSHED, 1);
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
			error = object_fits(
				&h->object, item->data, item->size);
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
static int push_some(struct agora_heap *h, const struct agora_heap_item *items,
	size_t count)
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

int heap_push_batch(struct agora_heap *h, const struct agora_heap_item *items,
	size_t count)
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
	notify(h, EVENTS_PUSHED, (int)done);
	return (int)done;
}

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
		count = (unsigned)num_min(count, RENEW_EVERY -
			(now.turn.version + 1) % RENEW_EVERY);
		count = find_first(h, lane, &now, claims, count);
	}
	result = heap_try_turn(h, lane, &now, HEAP_POP, count, claims[0].ref,
		-(int)count);
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
static inline int copy_claimed(
	struct agora_heap *h, const struct claim *claim, struct agora_buffer *to)
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
	notify(h, EVENTS_POPPED, 1);
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
	notify(h, EVENTS_POPPED, (int)done);
	return (int)done;
}
