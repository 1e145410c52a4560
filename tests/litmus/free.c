/*
 * free.c - what the old owner did with the bytes comes before the new one.
 *
 * Stands for [F] of lib/shm/pool.h: FREE is stored with release after the
 * message was read, the claim acquires. Without one of them the new owner
 * could overwrite what the old one is still reading.
 *
 * Bounds: one block; one frees, two claim.
 */
#include "litmus.h"

enum { HELD, FREE, OWNED };

static word state, claims;
static uint64_t message;

static void reset(void)
{
	set(&state, HELD);
	set(&claims, 0);
	message = 1;
}

static void *finish(void *unused)
{
	uint64_t copy = message;

	/* [F] */
	atomic_store_explicit(
		&state, FREE, UNLESS(FREEING, memory_order_release));
	assert(copy == 1);
	return unused;
}

static void *claim(void *unused)
{
	/* [F] */
	if (look(&state) == FREE &&
		SWAP(&state, FREE, OWNED,
			UNLESS(CLAIMING, memory_order_acq_rel))) {
		message = 2;
		atomic_fetch_add_explicit(&claims, 1, memory_order_relaxed);
	}
	return unused;
}

static void check(void)
{
	assert(look(&claims) <= 1);
}

LITMUS(reset, check, finish, claim, claim)
