/*
 * heap_path.c - the paths that messages take through the cells of a heap.
 *
 * All of a path is read, then it is changed; who comes second goes cell by
 * cell. The argument is at the head of heap.c.
 */
#include "data/heap_turn.h"

/* Of the largest heap: 28 bits of cells. */
#define LEVELS 16

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

/* ---- cells ---- */

/* What is in line in the fast way through, whatever compilers think. */
#define ALWAYS_INLINE inline __attribute__((always_inline))

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
	return (struct place){atomic_load_explicit(&lane->cell[i - 1].word[0],
				      memory_order_relaxed),
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
static uint64_t moved_child(
	const struct lane *lane, uint64_t i, struct wide moved, uint64_t count)
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
		if (unlikely(!wide_swap(
			    cell_at(job->lane, step->i), step->old, step->new)))
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
			    cell_make(
				    least.word[0], cell_block(least), version)))
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
static int sink_slowly(const struct job *job, uint64_t version, uint64_t count)
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

int heap_sink(const struct job *job, uint64_t count)
{
	uint64_t version = job_version(job) & CELL_VERSION_MASK;
	struct path path;
	int result = -EAGAIN;

	if (likely(plan_sink(job->h, job->lane, version, count, &path)))
		result = take_path(job, &path);
	return likely(result != -EAGAIN) ? result
					 : sink_slowly(job, version, count);
}

int heap_rise(const struct job *job, uint64_t leaf)
{
	struct wide new = cell_make(key_make(item_priority(job->h, job->ref),
					    item_order(job->h, job->ref)),
		job->ref, job_version(job) & CELL_VERSION_MASK);
	struct path path;
	int result = -EAGAIN;

	if (likely(plan_rise(job->h, job->lane, new, leaf, &path)))
		result = take_path(job, &path);
	return likely(result != -EAGAIN) ? result : rise_slowly(job, new, leaf);
}
