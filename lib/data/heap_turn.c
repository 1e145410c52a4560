/*
 * heap_turn.c - take a turn in a heap, and do what is to be done in it.
 *
 * The argument is at the head of heap.c. All of this may be done by several
 * at a time, and by who was stopped in the middle and goes on much later:
 * each step is a compare-and-swap from what stood there while the turn was
 * still in the root.
 */
#include "data/heap.h"

/* Internal result, beside negative errnos: the turn is over. */
enum { OVER = 1 };

/* Of the largest heap: 28 bits of cells. */
#define LEVELS 16

/* More than the levels of any heap, each tried again. */
#define STEPS 200

/* How long to wait for who has the turn, before doing his work. A pause takes
 * 5 to 40 ns. */
#define PATIENCE 64

bool heap_is_before(
	const struct agora_heap *h, struct block_ref a, struct block_ref b)
{
	const struct pool *pool = &h->store.pool[0];
	uint64_t x, y;

	if (!pool_has(pool, a) || !pool_has(pool, b))
		return false;
	x = item_priority(h, a);
	y = item_priority(h, b);
	if (x == y) {
		x = item_order(h, a);
		y = item_order(h, b);
	}
	return x != y ? x < y : a.index < b.index;
}

/* ---- jobs: one message of a turn ---- */

struct job {
	const struct agora_heap *h;
	const struct lane *lane;
	const struct now *now;
	unsigned number;      /* of the message in the turn */
	struct block_ref ref; /* push: its block */
};

static inline uint64_t job_version(const struct job *job)
{
	return first_version(job->now) + job->number;
}

/* How many of the messages of a pop are begun, less one: cell 0 knows. More
 * than there are: none is. */
static inline uint64_t begun(struct wide top, const struct now *now)
{
	return (cell_version(top) - first_version(now)) & CELL_VERSION_MASK;
}

static inline uint64_t pending_state(const struct job *job)
{
	return state_make(
		BLOCK_PENDING, job->now->turn.client, job_version(job));
}

/* True when this message is done, though not all of the turn. */
static bool is_past(const struct job *job)
{
	uint64_t at;

	if (job->now->turn.op != HEAP_POP)
		return load_state(job->h, job->ref) != pending_state(job);
	at = begun(cell_load(&job->lane->shm->top), job->now);
	return at > job->number && at < job->now->count;
}

/* True when what was read before was read while the job was there to do. */
static inline bool is_current(const struct job *job)
{
	return is_now(job->lane, job->now) &&
	       (likely(job->now->count == 1) || !is_past(job));
}

/* ---- cells ---- */

/* What makes no sense is damage, or of a turn that is over. */
static int senseless(const struct job *job)
{
	return is_current(job) ? -EUCLEAN : OVER;
}

/* What is in line in the fast way through, whatever compilers think. */
#define ALWAYS_INLINE inline __attribute__((always_inline))

/* Give a cell of the path its new content. Returns 0, OVER, -EAGAIN (it
 * changed: look again). */
static inline int put_cell(const struct job *job, uint64_t i, struct wide old,
	struct wide cell)
{
	if (!is_current(job))
		return OVER;
	crash_point(heap_cell);
	return wide_swap(cell_at(job->lane, i), old, cell) ? 0 : -EAGAIN;
}

/* A key, and the place of its cell. */
struct place {
	uint64_t key, i;
};

/* The smaller one of two, without a branch: which it is is up to chance, and
 * would be guessed wrong half of the time. */
static ALWAYS_INLINE struct place lesser(
	struct place a, struct place b, bool *tie)
{
	uint64_t mask = -(uint64_t)(b.key < a.key);

	*tie |= a.key == b.key;
	a.key ^= (a.key ^ b.key) & mask;
	a.i ^= (a.i ^ b.i) & mask;
	return a;
}

static ALWAYS_INLINE struct place place_at(const struct lane *lane, uint64_t i)
{
	return (struct place){
		atomic_load_explicit(
			&lane->cell[i - 1].word[0], memory_order_relaxed),
		i};
}

/* Which of four cells side by side has the smallest key. */
static ALWAYS_INLINE struct place least_of_four(
	const struct lane *lane, uint64_t i, bool *tie)
{
	return lesser(lesser(place_at(lane, i), place_at(lane, i + 1), tie),
		lesser(place_at(lane, i + 2), place_at(lane, i + 3), tie), tie);
}

/* The first of the children of i, of which there is one at least. */
static uint64_t least_child_slowly(const struct agora_heap *h,
	const struct lane *lane, uint64_t i, uint64_t count, struct wide *least)
{
	uint64_t first = child_of(i), best = first;
	uint64_t end = num_min(first + ARITY, count);

	*least = cell_load(cell_at(lane, first));
	for (uint64_t k = first + 1; k < end; k++) {
		struct wide cell = cell_load(cell_at(lane, k));

		if (cell_is_before(h, cell, *least)) {
			*least = cell;
			best = k;
		}
	}
	return best;
}

/* The first of the children of i, or 0 when there is none. */
static ALWAYS_INLINE uint64_t least_child(const struct agora_heap *h,
	const struct lane *lane, uint64_t i, uint64_t count, struct wide *least)
{
	uint64_t first = child_of(i);
	struct place place;
	bool tie = false;

	if (unlikely(first >= count))
		return 0;
	if (unlikely(first + ARITY > count))
		return least_child_slowly(h, lane, i, count, least);
	place = least_of_four(lane, first, &tie);
	if (unlikely(tie))
		return least_child_slowly(h, lane, i, count, least);
	least->word[0] = place.key;
	least->word[1] = atomic_load_explicit(
		&lane->cell[place.i - 1].word[1], memory_order_relaxed);
	return place.i;
}

/* Which child was moved up to i: 0 when none was. */
static uint64_t moved_child(const struct lane *lane, uint64_t i,
	struct wide moved, uint64_t count)
{
	uint64_t first = child_of(i), end = num_min(first + ARITY, count);

	for (uint64_t k = first; k < end; k++) {
		struct wide cell = cell_load(cell_at(lane, k));

		if (cell_version(cell) == cell_version(moved) ||
			cell_block(cell).index == cell_block(moved).index)
			return k;
	}
	return 0;
}

/* Where the next cells of a path may be: the children of all children. */
static inline void expect_children(
	const struct lane *lane, uint64_t i, uint64_t count)
{
	uint64_t first = child_of(child_of(i));

	if (first >= count)
		return;
	for (uint64_t k = 0; k < ARITY; k++)
		__builtin_prefetch(cell_at(lane, first + k * ARITY), 1);
}

/* ---- plans: all is read before anything is changed ---- */

struct step {
	uint64_t i;
	struct wide old, new;
};

struct path {
	unsigned count;
	struct step step[LEVELS];
};

static ALWAYS_INLINE bool add_step(
	struct path *path, uint64_t i, struct wide old, struct wide new)
{
	if (unlikely(path->count == LEVELS))
		return false;
	path->step[path->count++] = (struct step){i, old, new};
	return true;
}

/* Take all steps of a path. Returns 0, OVER, -EAGAIN (somebody else took
 * one: go on step by step). */
static ALWAYS_INLINE int take_path(
	const struct job *job, const struct path *path)
{
	if (!is_current(job))
		return OVER;
	for (unsigned k = 0; k < path->count; k++) {
		const struct step *step = &path->step[k];

		crash_point(heap_cell);
		if (unlikely(!wide_swap(cell_at(job->lane, step->i), step->old,
			    step->new)))
			return -EAGAIN;
	}
	return 0;
}

/* Returns false when somebody began before us. */
static ALWAYS_INLINE bool plan_sink(const struct agora_heap *h,
	const struct lane *lane, uint64_t version, uint64_t count,
	struct path *path)
{
	struct wide last = cell_load(cell_at(lane, count));
	uint64_t i = 0, next;

	path->count = 0;
	do {
		struct wide cell = cell_load(cell_at(lane, i));
		struct wide least = last;

		if (unlikely(cell_version(cell) == version))
			return false;
		expect_children(lane, i, count);
		next = least_child(h, lane, i, count, &least);
		if (next && !cell_is_before(h, least, last)) {
			next = 0;
			least = last;
		}
		/* The next pop claims what is first then. */
		if (!i)
			__builtin_prefetch(
				&item_at(h, cell_block(least))->block, 1);
		if (!add_step(path, i, cell,
			    cell_make(least.word[0], cell_block(least),
				    version)))
			return false;
		i = next;
	} while (i);
	return true;
}

static ALWAYS_INLINE bool plan_rise(const struct agora_heap *h,
	const struct lane *lane, struct wide new, uint64_t leaf,
	struct path *path)
{
	uint64_t i = leaf;

	path->count = 0;
	for (;;) {
		struct wide cell = cell_load(cell_at(lane, i));
		struct wide above = new;

		if (unlikely(cell_version(cell) == cell_version(new)))
			return false;
		if (i)
			above = cell_load(cell_at(lane, parent_of(i)));
		if (!i || !cell_is_before(h, new, above))
			return add_step(path, i, cell, new);
		if (!add_step(path, i, cell,
			    cell_make(above.word[0], cell_block(above),
				    cell_version(new))))
			return false;
		i = parent_of(i);
	}
}

/* ---- step by step: others may be at it ---- */

/*
 * Take the first message out of its cell: what is last, in the cell at
 * count, goes where it belongs below, and what is before it moves up.
 * Returns 0, OVER, -EUCLEAN.
 */
static int sink_slowly(
	const struct job *job, uint64_t version, uint64_t count)
{
	const struct lane *lane = job->lane;
	struct wide last = cell_load(cell_at(lane, count));
	uint64_t i = 0;

	for (int steps = 0; steps < STEPS; steps++) {
		struct wide cell = cell_load(cell_at(lane, i));
		struct wide least = last;
		uint64_t next;
		int result;

		if (unlikely(cell_version(cell) == version)) {
			if (cell_block(cell).index == cell_block(last).index)
				return 0;
			i = moved_child(lane, i, cell, count);
			if (!i)
				return senseless(job);
			continue;
		}
		next = least_child(job->h, lane, i, count, &least);
		if (next && !cell_is_before(job->h, least, last)) {
			next = 0;
			least = last;
		}
		result = put_cell(job, i, cell,
			cell_make(least.word[0], cell_block(least), version));
		if (result == OVER || (!result && !next))
			return result;
		if (!result)
			i = next;
	}
	return senseless(job);
}

/*
 * Enter a message: from the cell at leaf upwards each takes its parent, until
 * that is not after the message. Returns 0, OVER, -EUCLEAN.
 */
static int rise_slowly(const struct job *job, struct wide new, uint64_t leaf)
{
	const struct lane *lane = job->lane;
	uint64_t version = cell_version(new);
	uint64_t i = leaf;

	for (int steps = 0; steps < STEPS; steps++) {
		struct wide cell = cell_load(cell_at(lane, i));
		struct wide want = new, above;
		int result;

		if (unlikely(cell_version(cell) == version)) {
			if (cell_block(cell).index == cell_block(new).index)
				return 0;
			if (!i)
				return senseless(job);
			i = parent_of(i);
			continue;
		}
		if (i) {
			above = cell_load(cell_at(lane, parent_of(i)));
			if (cell_is_before(job->h, new, above))
				want = cell_make(above.word[0],
					cell_block(above), version);
		}
		result = put_cell(job, i, cell, want);
		if (result == OVER || (!result && want.word[1] == new.word[1]))
			return result;
		if (!result)
			i = parent_of(i);
	}
	return senseless(job);
}

static inline int sink(const struct job *job, uint64_t count)
{
	uint64_t version = job_version(job) & CELL_VERSION_MASK;
	struct path path;
	int result = -EAGAIN;

	if (likely(plan_sink(job->h, job->lane, version, count, &path)))
		result = take_path(job, &path);
	return likely(result != -EAGAIN) ? result
					 : sink_slowly(job, version, count);
}

static inline int rise(const struct job *job, uint64_t leaf)
{
	struct wide new = cell_make(key_make(item_priority(job->h, job->ref),
					    item_order(job->h, job->ref)),
		job->ref, job_version(job) & CELL_VERSION_MASK);
	struct path path;
	int result = -EAGAIN;

	if (likely(plan_rise(job->h, job->lane, new, leaf, &path)))
		result = take_path(job, &path);
	return likely(result != -EAGAIN) ? result
					 : rise_slowly(job, new, leaf);
}

/* ---- turns ---- */

/* Enter a block, unless that is done: 0, OVER, -EUCLEAN. */
static inline int push_one(const struct job *job, uint64_t leaf)
{
	uint64_t pending = pending_state(job);
	int result;

	if (load_state(job->h, job->ref) != pending)
		return 0;
	result = rise(job, leaf);
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
	return (struct block_ref){
		atomic_load_explicit(&store_head(&h->store, ref)->key_size,
			memory_order_relaxed)};
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
	result = rise(&job, now->turn.second - 1);
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
			result = sink(&job, count - 1 - job.number);
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

	if (unlikely(most > atomic_load_explicit(
				    &h->cells, memory_order_relaxed)) &&
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

static inline void relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
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
	struct turn next = {
		.version = (now->turn.version + count) & ORDER_MASK,
		.client = h->object.segment.client,
		.op = op,
		.first = ref.index,
		.second = (uint32_t)((int)now->turn.second + more)};
	struct wide word = turn_pack(&next);
	int error;

	word.word[0] |= (uint64_t)(count - 1) << 56;
	/* [T] [E] */
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
static int commit_lane(
	struct agora_heap *h, const struct lane *lane, uint64_t from, uint64_t to)
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
	to = num_max(cells, from + num_min(num_max(from / 2, COMMIT_LEAST),
					   COMMIT_MOST));
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
