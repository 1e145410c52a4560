/*
 * log.c - records that many append and anybody reads: append, give up, die.
 *
 * What. The ring of the queue (see queue.c, and its sources there), with the
 * difference that nobody takes: who finds the log full, or memory short,
 * gives the oldest record up himself. That is the queue's pop: a
 * compare-and-swap on the state of the record's block, which names who does
 * it. Readers copy and validate (log_view.c), and write nothing.
 *
 * Layout
 *  root 0  tail: the number of the next record. Any writer advances it, when
 *          the cell at tail is filled.
 *  root 1  head: the number of the oldest record. Any writer advances it, when
 *          the block at head does not have the record head.
 *  root 2  joined: counts registrations of readers: log_reader.c.
 *  array   cells: cycle:36 | index:28, cycle = number / cells + 1. Written by
 *          writers, by compare-and-swap from the cycle before.
 *  pool 0  heads of records; pool 1 their parts. The ticket of a PUBLISHED or
 *          RETIRED block is the record's number.
 *
 * Invariants
 *  1 A cell is written at most once in each cycle.
 *  2 Record n is in the log if and only if a block is PUBLISHED(*, n) or
 *    RETIRED(*, n) and the cell at n names it with n's cycle. Its bytes do not
 *    change as long as this is so, and it is never there again afterwards.
 *  3 tail is at most one behind the last filled cell, head at most one behind
 *    the oldest record, and perhaps ahead of tail: differences are signed.
 *    The records between them stand side by side.
 *  4 A record is given up to make room only where there are more than capacity
 *    of them, and only the oldest: the newest capacity are always there.
 *
 * Protocol
 *  append 1 take a block (OWNED), write the record; no memory: give up, again
 *         2 t = tail, e = cell[t]; filled already: help tail, repeat
 *         3 t - head > capacity: give up head, repeat; reliable: a registered
 *           reader keeps t - capacity: full
 *         4 state = PUBLISHED(me, t): the ticket that decides after a death
 *         5 cell[t]: e -> {cycle of t, block}        linearization of append
 *         6 tail: t -> t + 1 (best effort)  7 notify
 *  give   1 h = head, its block does not have h: help head, repeat
 *  up     2 state: PUBLISHED(*, h) -> OWNED(me)      linearization of its end
 *         3 head: h -> h + 1 (best effort)  4 free parts and block
 *    In a reliable log, 2 has three steps:
 *         2a state: PUBLISHED or RETIRED(*, h) -> RETIRED(me, h)
 *         2b a registered reader keeps h: RETIRED(me, h) -> PUBLISHED(me, h);
 *            the log is full           linearization of full: this look
 *         2c state: RETIRED(me, h) -> OWNED(me)
 *    Threads of one handle take turns in it, or one could take the second
 *    RETIRED(me, h) for the first. Why a reader that registers is safe stands
 *    at the head of log_reader.c.
 *  read   1 e = cell[n]; of a cycle before: not appended yet
 *                           linearization of "not yet": the load of e
 *         2 state of its block: not the record n: gone  3 copy  4 state as in
 *           2, or gone                    linearization of read: load 4
 *
 * Orderings
 *  [Q] cell: seq_cst in append 5, and where it is read: who finds the block
 *      there sees its record and its state (written relaxed in append 4).
 *  [S] state: acq_rel in 2, release of FREE, acquire where it is read: who
 *      takes the block again, or finds a record gone, sees what made it so.
 *  [H] head and tail: acq_rel and acquire: who sees them moved sees the cell
 *      or the state that made it so. So too head_seen, which threads share.
 *  [A] An acquire fence ends each copy, before the state is read again; it
 *      pairs with the release fences before a block is written: pool.h [C],
 *      and message.h [C] for its parts.
 *  [R] 2a and the look of 2b, and registering and the look that ends it, are
 *      seq_cst: one of the two sees the other. See log_reader.c.
 *  [E] See event.h: append 5 is seq_cst, as are the loads of who looks before
 *      he sleeps. Room made by a reader's release store is told of with a
 *      light barrier (segment->light_fence).
 *
 * Progress and death. Lock-free: a failed compare-and-swap or a changed head
 * or tail means that somebody else's operation took its step.
 *  killed after  leaves                         repaired by
 *  append 1      OWNED(X), parts: also what     recovery frees
 *                was reserved
 *  append 4      PUBLISHED(X,t), and the cell   recovery frees (invariant 2)
 *                names another
 *  append 5      in the log, tail behind        the next append helps
 *  append 6      sleepers not woken             their slice, or recovery
 *  give up 2a    RETIRED(X,h), still in the     the next one who gives up goes
 *                log and readable               on; recovery makes it
 *                                               PUBLISHED, for who registers
 *  give up 2, 2c gone; OWNED(X), head behind    recovery frees; the next one
 *                                               helps head
 *  give up 4     OWNED(X), some parts free      recovery frees the rest
 *  recovery      what it re-owned is its own:   the next recovery goes on
 */
#include "data/log.h"

#include "shm/client.h"

#include <limits.h>
#include <sys/single_threaded.h>

/* So many records are made room for in advance, once memory was short. */
#define TIGHT 1024

static void advance(_Atomic uint64_t *word, uint64_t from, uint64_t to)
{
	/* [H] */
	atomic_compare_exchange_strong_explicit(
		word, &from, to, memory_order_acq_rel, memory_order_relaxed);
}

static bool swap_state(
	struct agora_log *l, struct block_ref ref, uint64_t from, uint64_t to)
{
	/* [S] [R] */
	return atomic_compare_exchange_strong_explicit(
		&store_head(&l->store, ref)->state, &from, to,
		memory_order_seq_cst, memory_order_relaxed);
}

/* True when a cell that makes no sense is not merely an old view of it. */
static bool is_damaged(const struct agora_log *l, const _Atomic uint64_t *end,
	uint64_t number, uint64_t cell)
{
	return load_end(end) == number && load_cell(l, number) == cell;
}

/* ---- give up the oldest ---- */

/* give up 2a to 2c: 0, AGAIN, HELD. */
static int retire(struct agora_log *l, struct block_ref ref, uint64_t state,
	uint64_t number)
{
	uint32_t me = l->object.segment.client;
	uint64_t retired = state_make(BLOCK_RETIRED, me, number);

	if (log_is_held(l, number))
		return HELD;
	if (!swap_state(l, ref, state, retired))
		return AGAIN;
	crash_point(log_retired);
	if (log_is_held(l, number)) {
		swap_state(l, ref, retired,
			state_make(BLOCK_PUBLISHED, me, number));
		crash_point(log_unretired);
		return HELD;
	}
	return swap_state(
		       l, ref, retired, state_make(BLOCK_OWNED, me, number + 1))
		       ? 0
		       : AGAIN;
}

/* Make a record that is in the log ours: 0, AGAIN, HELD. */
static int claim(struct agora_log *l, struct block_ref ref, uint64_t state,
	uint64_t number)
{
	uint32_t me = l->object.segment.client;
	int result;

	if (likely(!l->reliable))
		return swap_state(l, ref, state,
			       state_make(BLOCK_OWNED, me, number + 1))
			       ? 0
			       : AGAIN;
	pthread_mutex_lock(&l->giving_up);
	result = retire(l, ref, state, number);
	pthread_mutex_unlock(&l->giving_up);
	return result;
}

/*
 * Give the record at head up, if head is h: 0 (*ret_size bytes are free),
 * AGAIN, HELD, -EAGAIN (the log is empty), -EUCLEAN.
 */
static int give_up(struct agora_log *l, uint64_t h, uint32_t *ret_size)
{
	uint64_t cell = load_cell(l, h), state;
	struct block_ref ref = cell_block(cell);
	int result = AGAIN;

	if (cell_is_older(cell, cycle_of(l, h)))
		return load_end(l->head) == h ? -EAGAIN : AGAIN;
	if (cell_cycle(cell) != cycle_of(l, h) ||
		!pool_has(&l->store.pool[0], ref))
		return is_damaged(l, l->head, h, cell) ? -EUCLEAN : AGAIN;
	state = load_state(l, ref);
	if (is_record(state, h)) {
		result = claim(l, ref, state, h);
		if (result)
			return result;
		crash_point(log_given_up);
	}
	advance(l->head, h, h + 1);
	if (result)
		return result;
	*ret_size = atomic_load_explicit(
		&store_head(&l->store, ref)->size, memory_order_relaxed);
	message_free(&l->store, ref);
	return 0;
}

/* What a record takes, about. */
static int64_t cost_of(size_t size)
{
	return (int64_t)num_round_up(size, PAGE_PAYLOAD);
}

/* Give up the oldest records for bytes, and at least count of them: 0,
 * -EAGAIN (nothing more to be had), -EUCLEAN. */
static int give_up_some(struct agora_log *l, uint64_t bytes, uint64_t count)
{
	uint64_t given = 0, freed = 0;
	uint32_t size;
	int result = 0;

	for (int tries = 0; tries < LOG_TRIES; tries++) {
		uint64_t h = load_end(l->head);

		if (given >= count && freed >= bytes)
			return 0;
		result = give_up(l, h, &size);
		if (!result) {
			given++;
			freed += (uint64_t)cost_of(size);
			atomic_fetch_add_explicit(&l->credit, cost_of(size),
				memory_order_relaxed);
		} else if (result == HELD && !log_drop_dead(l, h)) {
			result = -EAGAIN;
		}
		if (result < 0)
			return given && result == -EAGAIN ? 0 : result;
	}
	return -EUCLEAN;
}

/* Whether a registered reader is a whole log behind. */
static bool is_full(struct agora_log *l, uint64_t t)
{
	return l->reliable && t >= l->capacity &&
	       log_is_held(l, t - l->capacity);
}

/* Make room for one more record; the head seen last is enough for most to
 * know that there is. Returns 0, AGAIN, -EAGAIN (full), -EUCLEAN. */
static int make_room(struct agora_log *l, uint64_t t)
{
	uint64_t h = load_end(l->head);
	uint32_t ignored;
	int result;

	/* [H] */
	atomic_store_explicit(&l->head_seen, h, memory_order_release);
	if ((int64_t)(t - h) <= (int64_t)l->capacity)
		return 0;
	if (load_end(l->tail) != t)
		return AGAIN;
	result = give_up(l, h, &ignored);
	if (result == HELD)
		return log_drop_dead(l, h) ? AGAIN : -EAGAIN;
	return result == -EUCLEAN ? result : AGAIN;
}

int log_many_room(struct agora_log *l)
{
	uint64_t t = load_end(l->tail);

	while (unlikely(is_full(l, t)))
		if (!log_drop_dead(l, t - l->capacity))
			return -EAGAIN;
	return 0;
}

/* ---- append ---- */

/* One round of append 2 to 6: 0, AGAIN, -EAGAIN (full), -EUCLEAN. */
static int try_publish(struct agora_log *l, struct block_ref ref)
{
	uint64_t t = load_end(l->tail);
	uint64_t cell = load_cell(l, t);
	uint64_t cycle = cycle_of(l, t);
	/* [H] */
	uint64_t seen =
		atomic_load_explicit(&l->head_seen, memory_order_acquire);
	int result;

	if (cell_cycle(cell) == cycle) {
		advance(l->tail, t, t + 1);
		return AGAIN;
	}
	if (!cell_is_older(cell, cycle))
		return is_damaged(l, l->tail, t, cell) ? -EUCLEAN : AGAIN;
	if (unlikely(is_full(l, t)))
		return log_drop_dead(l, t - l->capacity) ? AGAIN : -EAGAIN;
	if ((int64_t)(t - seen) > (int64_t)l->capacity) {
		result = make_room(l, t);
		if (result)
			return result;
	}
	atomic_store_explicit(&store_head(&l->store, ref)->state,
		state_make(BLOCK_PUBLISHED, l->object.segment.client, t),
		memory_order_relaxed);
	crash_point(log_append_ticket);
	/* [Q] [E] */
	if (!atomic_compare_exchange_strong_explicit(cell_at(l, t), &cell,
		    cell_make(cycle, ref), memory_order_seq_cst,
		    memory_order_relaxed))
		return AGAIN;
	crash_point(log_append_published);
	advance(l->tail, t, t + 1);
	crash_point(log_append_advanced);
	return 0;
}

int log_many_publish(struct agora_log *l, struct block_ref ref)
{
	int result = AGAIN;

	for (int tries = 0; result == AGAIN && tries < LOG_TRIES; tries++)
		result = try_publish(l, ref);
	return result == AGAIN ? -EUCLEAN : result;
}

/* Free what was not appended. It may be what another waits for. */
void log_many_give_up(struct agora_log *l, struct block_ref ref)
{
	message_free(&l->store, ref);
	/* [E] room for parts is not made by a seq_cst change */
	atomic_thread_fence(memory_order_seq_cst);
	event_notify(&l->object.segment, EVENT_BIT(EVENT_WRITABLE));
}

/* A block with size bytes of data, or with room for them when that is NULL. */
static int try_take(struct agora_log *l, size_t size, const void *data,
	struct block_ref *ret_ref)
{
	const struct piece pieces[2] = {{data, size}, {NULL, 0}};
	struct block_ref ref;
	int error = pool_take(&l->store.pool[0], &ref);

	if (error)
		return error;
	error = data ? message_write(&l->store, ref, pieces)
		     : message_reserve(&l->store, ref, size);
	if (error)
		message_free(&l->store, ref);
	else
		*ret_ref = ref;
	return error;
}

/*
 * Where memory is short a look through all of it would come before each
 * failure. So for a while as much is given up in advance as is taken. Threads
 * that share the counters may get them wrong: then it is looked for again.
 */
static void make_room_ahead(struct agora_log *l, size_t size)
{
	uint32_t tight = atomic_load_explicit(&l->tight, memory_order_relaxed);
	int64_t credit;

	if (likely(!tight))
		return;
	atomic_store_explicit(&l->tight, tight - 1, memory_order_relaxed);
	credit = atomic_load_explicit(&l->credit, memory_order_relaxed) -
		 cost_of(size);
	atomic_store_explicit(&l->credit, credit, memory_order_relaxed);
	if (credit < 0)
		give_up_some(l, (uint64_t)-credit, 1);
}

int log_many_take(struct agora_log *l, size_t size, const void *data,
	struct block_ref *ret_ref)
{
	uint64_t count = 1;
	int error;

	make_room_ahead(l, size);
	error = try_take(l, size, data, ret_ref);
	for (int tries = 0;
		(error == -EAGAIN || error == -ENOSPC) && tries < LOG_COPIES;
		tries++) {
		int given = give_up_some(l, 0, count);

		atomic_store_explicit(&l->tight, TIGHT, memory_order_relaxed);
		atomic_store_explicit(&l->credit, 0, memory_order_relaxed);
		if (given)
			return given == -EAGAIN ? error : given;
		count = num_min(2 * count, l->capacity);
		error = try_take(l, size, data, ret_ref);
	}
	return error;
}

static int append(struct agora_log *l, const void *data, size_t size)
{
	struct block_ref ref;
	int error = log_refuses(l, size ? data : "", size);

	if (!error)
		error = log_many_room(l);
	if (!error)
		error = log_many_take(l, size, size ? data : "", &ref);
	if (error)
		return error;
	crash_point(log_append_written);
	error = log_many_publish(l, ref);
	if (error)
		log_many_give_up(l, ref);
	return error;
}

int log_many_append(void *handle, const void *data, size_t size)
{
	struct agora_log *l = handle;
	int error = object_writable(&l->object);

	if (!error)
		error = append(l, data, size);
	if (!error)
		event_notify(&l->object.segment, EVENT_BIT(EVENT_ADVANCED));
	return error;
}

int log_many_append_batch(
	void *handle, const struct iovec *records, size_t count)
{
	struct agora_log *l = handle;
	int error = object_writable(&l->object);
	size_t done = 0;

	count = num_min(count, INT_MAX);
	while (!error && done < count) {
		error = append(
			l, records[done].iov_base, records[done].iov_len);
		done += !error;
	}
	if (!done)
		return error;
	event_notify(&l->object.segment, EVENT_BIT(EVENT_ADVANCED));
	return (int)done;
}

/* ---- recover ---- */

/* Whatever is in the log stays; nobody is about to give it up any more. */
static void recover_retired(
	struct agora_log *l, struct block_ref ref, uint64_t state)
{
	swap_state(l, ref, state,
		state_make(BLOCK_PUBLISHED, l->object.segment.client,
			state_ticket(state)));
}

/* Returns how many blocks were freed that had been taken or reserved. */
static unsigned recover_block(struct agora_log *l, struct block_ref ref,
	const struct client_set *dead)
{
	uint64_t state = load_state(l, ref);

	if (state_kind(state) == BLOCK_PART ||
		!client_set_has(dead, state_owner(state)))
		return 0;
	crash_point(log_recover_block);
	switch (state_kind(state)) {
	case BLOCK_OWNED:
		return message_reclaim(&l->store, ref, state);
	case BLOCK_PUBLISHED:
		if (!is_named(l, ref, state))
			message_reclaim(&l->store, ref, state);
		return 0;
	case BLOCK_RETIRED:
		recover_retired(l, ref, state);
		return 0;
	default:
		return 0;
	}
}

void log_many_recover(struct segment *segment, const struct client_set *dead)
{
	struct agora_log *l = segment->owner;
	struct pool_scan scan;
	struct block_ref ref;
	uint64_t reclaimed = 0;

	log_recover_readers(l, dead);
	pool_scan_start(&scan, &l->store.pool[0]);
	while (pool_scan_next(&scan, &ref))
		reclaimed += recover_block(l, ref, dead);
	message_recover_parts(&l->store, dead);
	atomic_fetch_add_explicit(
		&segment->roots->reclaimed, reclaimed, memory_order_relaxed);
}
