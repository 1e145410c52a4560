/*
 * heap_turn.c - take a turn in a heap, and do what is to be done in it.
 *
 * The argument is at the head of heap.c. All of this may be done by several
 * at a time, and by who was stopped in the middle and goes on much later:
 * each step is a compare-and-swap from what stood there while the turn was
 * still in the root.
 */
#include "data/heap_turn.h"

#include "base/relax.h"

/* How long to wait for who has the turn, before doing his work. A pause takes
 * 5 to 40 ns. */
#define PATIENCE 64

/* ---- turns ---- */

/* Enter a block, unless that is done: 0, OVER, -EUCLEAN. */
static inline int push_one(const struct job *job, uint64_t leaf)
{
	uint64_t pending = pending_state(job);
	int result;

	if (load_state(job->h, job->ref) != pending)
		return 0;
	result = heap_rise(job, leaf);
	crash_point(heap_risen);
	if (!result)
		swap_state(job->h, job->ref, pending,
			state_make(BLOCK_PUBLISHED, job->now->turn.client,
				job_version(job)));
	return result;
}

/* The block behind one in a row. */
static struct block_ref next_of(
	const struct agora_heap *h, struct block_ref ref)
{
	return (struct block_ref){atomic_load_explicit(
		&store_head(&h->store, ref)->key_size, memory_order_relaxed)};
}

/* Enter the blocks of a row, each of which says which is next. */
static int do_push(const struct agora_heap *h, const struct lane *lane,
	const struct now *now)
{
	struct job job = {h, lane, now, 0, {now->turn.first}};
	uint64_t leaf = now->turn.second - now->count;

	for (;;) {
		int result = push_one(&job, leaf + job.number);

		if (result < 0 || (result && !is_now(lane, now)))
			return result;
		if (++job.number == now->count)
			return 0;
		job.ref = next_of(h, job.ref);
		if (!pool_has(&h->store.pool[0], job.ref))
			return is_now(lane, now) ? -EUCLEAN : OVER;
	}
}

/* Enter a block again: its ticket becomes a new one. */
static int do_return(const struct agora_heap *h, const struct lane *lane,
	const struct now *now)
{
	struct job job = {h, lane, now, 0, {now->turn.first}};
	uint64_t state = load_state(h, job.ref);
	int result;

	if (state_kind(state) != BLOCK_RETURNED)
		return 0;
	result = heap_rise(&job, now->turn.second - 1);
	crash_point(heap_risen);
	if (!result)
		swap_state(h, job.ref, state,
			state_make(BLOCK_PUBLISHED, now->turn.client,
				now->turn.version));
	return result;
}

/* Make the message of cell 0, as it was when none of this job was done, that
 * of the client. Returns 0, OVER, -EUCLEAN. */
static inline int claim_first(const struct job *job, struct wide top)
{
	struct block_ref ref = cell_block(top);
	uint64_t state;

	if (!pool_has(&job->h->store.pool[0], ref))
		return senseless(job);
	state = load_state(job->h, ref);
	if (!is_current(job))
		return OVER;
	if (likely(state_kind(state) == BLOCK_PUBLISHED))
		swap_state(job->h, ref, state,
			state_make(BLOCK_HELD, job->now->turn.client,
				state_ticket(state)));
	crash_point(heap_claimed);
	return 0;
}

/* Take the first message, and the next ones, each as if it were alone. */
static int do_pop(const struct agora_heap *h, const struct lane *lane,
	const struct now *now)
{
	struct job job = {h, lane, now, 0, {0}};
	uint64_t count = now->turn.second + now->count;

	for (; job.number < now->count; job.number++) {
		struct wide top = cell_load(&lane->shm->top);
		uint64_t at = begun(top, now);
		int result = 0;

		if (at > job.number && at < now->count)
			continue;
		if (at != job.number)
			result = claim_first(&job, top);
		if (!result)
			result = heap_sink(&job, count - 1 - job.number);
		if (result < 0 || (result && !is_now(lane, now)))
			return result;
	}
	return 0;
}

/* The cell whose turn it is to be given a new version. */
static uint64_t cell_to_renew(const struct agora_heap *h, uint64_t version)
{
	uint64_t all = UINT64_C(1) << num_log2_up(h->limit);

	return version / RENEW_EVERY & (all - 1);
}

static int do_renew(const struct agora_heap *h, const struct lane *lane,
	const struct now *now)
{
	struct job job = {h, lane, now, 0, {0}};
	uint64_t i = now->turn.first;
	uint64_t version = now->turn.version & CELL_VERSION_MASK;
	int result = -EAGAIN;

	for (int steps = 0; result == -EAGAIN && steps < STEPS; steps++) {
		struct wide cell = cell_load(cell_at(lane, i));

		if (cell_version(cell) == version)
			return 0;
		result = put_cell(&job, i, cell,
			cell_make(cell.word[0], cell_block(cell), version));
	}
	return result == -EAGAIN ? senseless(&job) : result;
}

/* True when what the root says is within bounds. */
static bool is_sound(struct agora_heap *h, const struct now *now)
{
	const struct turn *t = &now->turn;
	uint64_t most = t->second + (uint64_t)now->count;

	if (unlikely(most >
		     atomic_load_explicit(&h->cells, memory_order_relaxed)) &&
		t->second + (t->op == HEAP_POP ? now->count : 0) >
			heap_committed(h))
		return false;
	if (t->op == HEAP_RENEW)
		return t->first < heap_committed(h);
	if ((t->op == HEAP_PUSH || t->op == HEAP_RETURN) &&
		t->second < now->count)
		return false;
	return pool_has(&h->store.pool[0], (struct block_ref){t->first});
}

static int do_turn(
	struct agora_heap *h, const struct lane *lane, const struct now *now)
{
	if (!is_sound(h, now))
		return is_now(lane, now) ? -EUCLEAN : OVER;
	switch (now->turn.op) {
	case HEAP_PUSH:
		return do_push(h, lane, now);
	case HEAP_POP:
		return do_pop(h, lane, now);
	case HEAP_RETURN:
		return do_return(h, lane, now);
	case HEAP_RENEW:
		return do_renew(h, lane, now);
	default:
		return is_now(lane, now) ? -EUCLEAN : OVER;
	}
}

int heap_complete(
	struct agora_heap *h, const struct lane *lane, const struct now *now)
{
	int result = do_turn(h, lane, now);

	if (result)
		return result == OVER ? 0 : result;
	crash_point(heap_undone);
	/* [D] */
	atomic_store_explicit(
		&lane->shm->done, now->turn.version, memory_order_release);
	crash_point(heap_done);
	return 0;
}

/* Wait a little for who has the turn. Returns true when it was worth it. */
static bool wait_for(const struct lane *lane, const struct now *now)
{
	for (int i = 0; i < PATIENCE; i++) {
		if (is_done(lane, now) || !is_now(lane, now))
			return true;
		relax();
	}
	return false;
}

static int renew(struct agora_heap *h, struct lane *lane, struct now *now)
{
	uint64_t i = cell_to_renew(h, now->turn.version + 1);
	int result;

	if (i >= heap_committed(h))
		i = 0;
	result = heap_try_turn(h, lane, now, HEAP_RENEW, 1,
		(struct block_ref){(uint32_t)i}, 0);
	return result < 0 ? result : 0;
}

int heap_settle(struct agora_heap *h, struct lane *lane, struct now *ret_now)
{
	int error = 0;

	for (int tries = 0; !error && tries < TRIES; tries++) {
		struct wide word;

		if (!wide_load(&lane->shm->turn, &word))
			continue;
		*ret_now = now_unpack(word);
		if (unlikely(!is_done(lane, ret_now))) {
			if (!wait_for(lane, ret_now))
				error = heap_complete(h, lane, ret_now);
			continue;
		}
		if (likely((ret_now->turn.version + 1) % RENEW_EVERY))
			return 0;
		error = renew(h, lane, ret_now);
	}
	return error ? error : -EUCLEAN;
}

int heap_try_turn(struct agora_heap *h, struct lane *lane, struct now *now,
	enum heap_op op, unsigned count, struct block_ref ref, int more)
{
	struct turn next = {.version = (now->turn.version + count) & ORDER_MASK,
		.client = h->object.segment.client,
		.op = op,
		.first = ref.index,
		.second = (uint32_t)((int)now->turn.second + more)};
	struct wide word = turn_pack(&next);
	int error;

	word.word[0] |= (uint64_t)(count - 1) << 56;
	/* [W] [E] */
	if (!wide_swap(&lane->shm->turn, now->word, word))
		return 0;
	crash_point(heap_installed);
	*now = now_unpack(word);
	error = heap_complete(h, lane, now);
	return error ? error : 1;
}

int heap_return(struct agora_heap *h, struct block_ref ref)
{
	for (int tries = 0; tries < TRIES; tries++) {
		struct lane *lane = &h->lane[(unsigned)tries % h->lanes];
		struct now now;
		int result = heap_settle(h, lane, &now);

		if (result)
			return result;
		if (now.turn.second >= heap_committed(h))
			continue;
		result = heap_try_turn(h, lane, &now, HEAP_RETURN, 1, ref, 1);
		if (!result)
			continue;
		atomic_fetch_add_explicit(h->returns, 1, memory_order_relaxed);
		return result < 0 ? result : 0;
	}
	return -EUCLEAN;
}

/* ---- memory of cells ---- */

#define COMMIT_LEAST UINT64_C(4096)
#define COMMIT_MOST  (UINT64_C(4) << 20)

uint64_t heap_committed(struct agora_heap *h)
{
	/* [M] what the watermark announces was allocated before */
	uint64_t cells =
		atomic_load_explicit(h->committed, memory_order_acquire);

	cells = num_min(cells, h->limit);
	atomic_store_explicit(&h->cells, cells, memory_order_relaxed);
	return cells;
}

/* From the page that the first of them lies in. Cell 0 is in the root. */
static int commit_lane(struct agora_heap *h, const struct lane *lane,
	uint64_t from, uint64_t to)
{
	struct segment *segment = &h->object.segment;
	uint64_t base = (uint64_t)((char *)lane->cell - segment->base);
	uint64_t start = base + from * sizeof(struct wide_shm);
	uint64_t end = base + to * sizeof(struct wide_shm);
	int error = segment_commit(segment, start, end - start);

	if (!error)
		segment_collapse(segment, base, start, end);
	return error;
}

/*
 * Killed after allocating and before raising the watermark, the next one
 * allocates the same range again, which is harmless.
 */
int heap_commit(struct agora_heap *h, uint64_t cells)
{
	uint64_t from = heap_committed(h), to;
	int error = 0;

	if (cells <= from)
		return 0;
	if (cells > h->limit)
		return -EAGAIN;
	to = num_max(cells,
		from + num_min(num_max(from / 2, COMMIT_LEAST), COMMIT_MOST));
	to = num_min(to, h->limit);
	for (unsigned i = 0; !error && i < h->lanes; i++)
		error = commit_lane(h, &h->lane[i], from, to);
	if (error)
		return error;
	crash_point(heap_allocated);
	/* [M] */
	while (from < to &&
		!atomic_compare_exchange_weak_explicit(h->committed, &from, to,
			memory_order_release, memory_order_relaxed))
		;
	heap_committed(h);
	return 0;
}
