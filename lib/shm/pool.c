/* pool.c - blocks of a segment, and who owns each: see pool.h. */
#include "shm/pool.h"

#include "shm/client.h"

#include <unistd.h>

#define COMMIT_LEAST ((uint64_t)64 << 10)
#define COMMIT_MOST  ((uint64_t)64 << 20)

void pool_lay_out(struct layout *layout, unsigned number, uint32_t count,
	uint32_t data_size, uint32_t data_offset)
{
	struct pool_layout *pool = &layout->pool[number];
	bool apart = data_offset == 0;

	pool->count = count;
	pool->data_size = data_size;
	if (!count)
		return;
	pool->data_stride = apart ? data_size : data_offset + data_size;
	pool->stride = apart ? 32 : pool->data_stride;
	pool->bitmap = layout_add(
		layout, num_divide_up(count, 64) * sizeof(uint64_t), PAGE);
	pool->headers =
		layout_add(layout, (uint64_t)count * pool->stride, PAGE);
	pool->data =
		apart ? layout_add(layout, (uint64_t)count * data_size, PAGE)
		      : pool->headers + data_offset;
	layout->size = num_round_up(layout->size, PAGE);
}

static uint32_t load_committed(struct pool *pool)
{
	/* [M] what the watermark announces was allocated before */
	uint32_t committed = atomic_load_explicit(
		&pool->segment->roots->committed[pool->number],
		memory_order_acquire);

	committed = (uint32_t)num_min(committed, pool->count);
	atomic_store_explicit(
		&pool->committed, committed, memory_order_relaxed);
	return committed;
}

uint32_t pool_committed(struct pool *pool)
{
	return pool->count ? load_committed(pool) : 0;
}

void pool_open(struct pool *pool, struct segment *segment, unsigned number)
{
	const struct pool_layout *layout = &segment->layout.pool[number];

	*pool = (struct pool){.headers = segment->base + layout->headers,
		.data = segment->base + layout->data,
		.stride = layout->stride,
		.data_stride = layout->data_stride,
		.data_size = layout->data_size,
		.count = layout->count,
		.bitmap = (_Atomic uint64_t *)(segment->base + layout->bitmap),
		.layout = layout,
		.segment = segment,
		.number = number,
		.given_word = UINT32_MAX};
	if (pool->count)
		load_committed(pool);
}

/* Set bits that are hints; the memory of a word is there with its blocks. */
static void put_bits(struct pool *pool, uint32_t word, uint64_t bits)
{
	uint32_t committed =
		atomic_load_explicit(&pool->committed, memory_order_relaxed);

	if (bits && word < num_divide_up(committed, 64))
		atomic_fetch_or_explicit(
			&pool->bitmap[word], bits, memory_order_relaxed);
}

/* ---- growing ---- */

static int commit_range(struct pool *pool, uint64_t base, uint64_t size,
	uint32_t from, uint32_t to)
{
	uint64_t start = base + from * size, end = base + to * size;
	int error = segment_commit(pool->segment, start, end - start);

	if (!error)
		segment_collapse(pool->segment, base, start, end);
	return error;
}

static uint32_t next_committed(const struct pool *pool, uint32_t now)
{
	uint64_t each = (uint64_t)pool->data_stride;
	uint64_t more = num_max(now * each / 2, COMMIT_LEAST);
	uint64_t blocks = num_min(more, COMMIT_MOST) / each;

	blocks = num_max(blocks, 1);
	if (blocks >= 64)
		blocks = num_round_up(blocks, 64);
	return (uint32_t)num_min(now + blocks, pool->count);
}

/* Where memory is short: what makes sense at least. */
static uint32_t least_committed(const struct pool *pool, uint32_t now)
{
	uint64_t blocks = num_max(COMMIT_LEAST / pool->data_stride, 1);

	return (uint32_t)num_min(now + blocks, pool->count);
}

static int commit_blocks(struct pool *pool, uint32_t from, uint32_t to)
{
	const struct pool_layout *layout = pool->layout;
	int error =
		commit_range(pool, layout->headers, layout->stride, from, to);

	if (!error && layout->stride != layout->data_stride)
		error = commit_range(
			pool, layout->data, layout->data_stride, from, to);
	/* The bitmap has a bit for each; it takes next to nothing. */
	if (!error)
		error = segment_commit(pool->segment,
			layout->bitmap + from / 64 * sizeof(uint64_t),
			(num_divide_up(to, 64) - from / 64) * sizeof(uint64_t));
	return error;
}

static void publish_committed(struct pool *pool, uint32_t from, uint32_t to)
{
	_Atomic uint32_t *word = &pool->segment->roots->committed[pool->number];

	/* [M] */
	while (from < to &&
		!atomic_compare_exchange_weak_explicit(word, &from, to,
			memory_order_release, memory_order_relaxed))
		;
}

/*
 * Commit more blocks. Killed after allocating and before raising the
 * watermark, the next one allocates the same range again, which is harmless.
 * Returns 0, -EAGAIN (at the ceiling), -ENOSPC, ...
 */
static int grow(struct pool *pool, uint32_t from)
{
	uint32_t to = next_committed(pool, from);
	int error;

	if (from >= pool->count)
		return -EAGAIN;
	error = commit_blocks(pool, from, to);
	if (error == -ENOSPC) { /* as little as makes sense, then */
		to = least_committed(pool, from);
		error = commit_blocks(pool, from, to);
	}
	if (error)
		return error;
	crash_point(pool_allocated);
	publish_committed(pool, from, to);
	crash_point(pool_grown);
	load_committed(pool);
	for (uint32_t word = from / 64; word * 64 < to; word++) {
		uint32_t left = to - word * 64;

		put_bits(pool, word,
			left >= 64 ? UINT64_MAX : (UINT64_C(1) << left) - 1);
	}
	return 0;
}

/* ---- hints ---- */

/* Blocks are mostly freed in the order of their indices: one word of the
 * bitmap is written once for many of them. */
void pool_give_hint(struct pool *pool, struct block_ref ref)
{
	uint32_t word = ref.index / 64;
	uint32_t given_word =
		atomic_load_explicit(&pool->given_word, memory_order_relaxed);
	uint64_t given =
		atomic_load_explicit(&pool->given, memory_order_relaxed);

	if (word != given_word) {
		put_bits(pool, given_word, given);
		given = 0;
		atomic_store_explicit(
			&pool->given_word, word, memory_order_relaxed);
	}
	atomic_store_explicit(&pool->given,
		given | UINT64_C(1) << (ref.index % 64), memory_order_relaxed);
}

void pool_flush(struct pool *pool)
{
	uint32_t hints =
		atomic_exchange_explicit(&pool->hints, 0, memory_order_relaxed);

	if (!pool->count || !pool->me)
		return;
	for (uint32_t i = 0; i < hints; i++)
		pool_give_hint(
			pool, (struct block_ref){atomic_load_explicit(
				      &pool->hint[i], memory_order_relaxed)});
	put_bits(pool,
		atomic_load_explicit(&pool->given_word, memory_order_relaxed),
		atomic_exchange_explicit(
			&pool->given, 0, memory_order_relaxed));
}

static void remember_bits(
	struct pool *pool, uint32_t word, uint64_t bits, uint32_t committed)
{
	while (bits) {
		uint32_t bit = (uint32_t)__builtin_ctzll(bits);
		struct block_ref ref = {word * 64 + bit};

		bits &= bits - 1;
		if (ref.index < committed)
			pool_remember(pool, ref);
	}
}

static bool hints_from_bitmap(struct pool *pool, uint32_t committed)
{
	uint32_t words = (uint32_t)num_divide_up(committed, 64);
	uint32_t word =
		atomic_load_explicit(&pool->cursor, memory_order_relaxed);

	for (uint32_t n = 0; n < words; n++, word++) {
		uint64_t bits;

		if (word >= words)
			word = 0;
		if (!atomic_load_explicit(
			    &pool->bitmap[word], memory_order_relaxed))
			continue;
		bits = atomic_exchange_explicit(
			&pool->bitmap[word], 0, memory_order_relaxed);
		crash_point(pool_hinted);
		atomic_store_explicit(
			&pool->cursor, word + 1, memory_order_relaxed);
		remember_bits(pool, word, bits, committed);
		if (bits)
			return true;
	}
	return false;
}

/* The states know; they also know what the dead had in their caches. */
static bool hints_from_states(struct pool *pool, uint32_t committed)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < committed && found < POOL_HINTS; i++) {
		struct block_ref ref = {i};
		uint64_t state = atomic_load_explicit(
			&pool_block(pool, ref)->state, memory_order_relaxed);

		if (state_kind(state) == BLOCK_FREE) {
			pool_remember(pool, ref);
			found++;
		}
	}
	return found > 0;
}

static bool claim_hint(struct pool *pool, struct block_ref *ret_ref)
{
	uint32_t hints =
		atomic_load_explicit(&pool->hints, memory_order_relaxed);

	while (hints) {
		ret_ref->index = atomic_load_explicit(
			&pool->hint[--hints], memory_order_relaxed);
		atomic_store_explicit(
			&pool->hints, hints, memory_order_relaxed);
		if (pool_claim(pool, *ret_ref))
			return true;
	}
	return false;
}

static int find(struct pool *pool, struct block_ref *ret_ref)
{
	uint32_t committed = load_committed(pool);
	/* Hints that lie, and watermarks that go back, must have an end. */
	uint64_t left = 2 * num_divide_up(pool->count, 64) + BUDGET(10000);
	int error = 0;

	while (!error && left--) {
		if (hints_from_bitmap(pool, committed) ||
			hints_from_states(pool, committed)) {
			if (claim_hint(pool, ret_ref))
				return 0;
			continue;
		}
		if (committed == load_committed(pool))
			error = grow(pool, committed);
		committed = load_committed(pool);
	}
	return error ? error : -EUCLEAN;
}

int pool_take_slowly(struct pool *pool, struct block_ref *ret_ref)
{
	int error;

	if (claim_hint(pool, ret_ref))
		return 0;
	error = pool->count ? find(pool, ret_ref) : -EAGAIN;
	/* What the dead held may be what is missing. */
	if ((error == -EAGAIN || error == -ENOSPC) && pool->count &&
		client_sweep(pool->segment) > 0)
		error = find(pool, ret_ref);
	return error;
}

/* ---- visits ---- */

/* Smaller pools are visited without looking for holes. */
#define SCAN_SMALL ((uint64_t)1 << 20)

/* The first place from offset on that is data, or else a hole. */
static uint64_t seek_from(const struct pool *pool, uint64_t offset, int what)
{
	off_t found = lseek(pool->segment->fd, (off_t)offset, what);

	if (found >= 0)
		return (uint64_t)found;
	/* No more data: pass over the rest. Cannot tell: it is all there. */
	return (what == SEEK_DATA) == (errno == ENXIO) ? UINT64_MAX : offset;
}

void pool_scan_start(struct pool_scan *scan, struct pool *pool)
{
	uint32_t committed = pool_committed(pool);
	bool small = (uint64_t)committed * pool->stride <= SCAN_SMALL;
	struct block_ref last = {committed - 1};

	/* Of a file that was cut short nothing must seem to be a hole. */
	if (committed && !small)
		atomic_load_explicit(
			&pool_block(pool, last)->state, memory_order_relaxed);
	*scan = (struct pool_scan){.pool = pool,
		.committed = committed,
		.end = small ? committed : 0};
}

bool pool_scan_on(struct pool_scan *scan)
{
	const struct pool *pool = scan->pool;
	uint64_t headers = pool->layout->headers;
	uint64_t from, to;

	if (scan->next >= scan->committed)
		return false;
	from = seek_from(
		pool, headers + (uint64_t)scan->next * pool->stride, SEEK_DATA);
	from = num_min((from - headers) / pool->stride, scan->committed);
	from = num_max(from, scan->next);
	scan->passed += (uint32_t)from - scan->next;
	scan->next = (uint32_t)from;
	if (from == scan->committed)
		return false;
	to = seek_from(pool, headers + from * pool->stride, SEEK_HOLE);
	to = num_min(
		num_divide_up(to - headers, pool->stride), scan->committed);
	scan->end = (uint32_t)num_max(to, from + 1);
	return true;
}
