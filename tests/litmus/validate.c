/*
 * validate.c - claim then overwrite against copy then validate.
 *
 * Stands for [C] of lib/shm/pool.h and [A] of lib/data/queue.c and table.c:
 * a reader that owns nothing copies bytes, then passes an acquire fence,
 * then reads the state again. One takes message 1 out and frees its block;
 * one claims the block, passes the release fence and writes message 2 into
 * it; one reads. Bytes that the state vouches for are those of one message.
 *
 * Bounds: one block of two words; one life ends and one begins.
 */
#include "litmus.h"

enum { PUBLISHED = 0, HELD = 10, FREE = 20, OWNED = 30 };

static word state, data[2];

static void reset(void)
{
	set(&state, PUBLISHED + 1);
	set(&data[0], 1);
	set(&data[1], 1);
}

static void *take(void *unused)
{
	if (SWAP(&state, PUBLISHED + 1, HELD + 1, memory_order_acq_rel))
		atomic_store_explicit(
			&state, FREE + 1, memory_order_release); /* [F] */
	return unused;
}

static void *reuse(void *unused)
{
	/* [C] [F] */
	if (!SWAP(&state, FREE + 1, OWNED + 2, memory_order_acq_rel))
		return unused;
	/* [C] */
	atomic_thread_fence(UNLESS(CLAIM_FENCE, memory_order_release));
	set(&data[0], 2);
	set(&data[1], 2);
	/* The release is that of the cell, here without one. */
	atomic_store_explicit(&state, PUBLISHED + 2, memory_order_release);
	return unused;
}

static void *copy(void *unused)
{
	uint64_t before = atomic_load_explicit(&state, memory_order_acquire);
	uint64_t first = look(&data[0]);
	uint64_t second = look(&data[1]);

	/* [A] */
	atomic_thread_fence(UNLESS(COPY_FENCE, memory_order_acquire));
	if (before / 10 == OWNED / 10 || look(&state) != before)
		return unused;
	assert(first == before % 10);
	assert(second == before % 10);
	return unused;
}

static void check(void)
{
}

LITMUS(reset, check, take, reuse, copy)
