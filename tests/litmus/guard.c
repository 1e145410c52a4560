/*
 * guard.c - an entry of the list of mappings is used anew while it is read.
 *
 * Stands for [G] of lib/shm/guard.c: base is cleared before, and stored
 * after, the other fields. A signal handler reads base, size and base again:
 * the two are of one mapping.
 *
 * Bounds: one entry, which two mappings have one after the other.
 */
#include "litmus.h"

static word base, size;

static void reset(void)
{
	set(&base, 1);
	set(&size, 1);
}

static void *reuse(void *unused)
{
	set(&base, 0);
	/* [G] */
	atomic_thread_fence(UNLESS(FENCE, memory_order_release));
	set(&size, 2);
	/* [G] */
	atomic_store_explicit(&base, 2, UNLESS(LAST, memory_order_release));
	return unused;
}

static void *find(void *unused)
{
	/* [G] */
	uint64_t seen = atomic_load_explicit(
		&base, UNLESS(FIRST, memory_order_acquire));
	uint64_t bound = look(&size);

	/* [G] */
	atomic_thread_fence(UNLESS(AGAIN, memory_order_acquire));
	if (seen && look(&base) == seen)
		assert(bound == seen);
	return unused;
}

static void check(void)
{
	assert(look(&base) == 2);
}

LITMUS(reset, check, reuse, find)
