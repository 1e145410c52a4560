/*
 * sides.c - one writer fills the idle one of two sides; readers validate.
 *
 * Stands for store 1, 3 and 4 and load 1 to 3 of lib/data/string_one.c: [D]
 * of the word that says which side is the value's, [W] of the one that says
 * which version is being written. Version 1 is there; 2 and 3 are stored, the
 * latter over the side of 1. What is copied of a side is one version's,
 * unless the writer is two ahead; and then the word is another one.
 *
 * Bounds: two stores of two words each, one load.
 */
#include "litmus.h"

static word version, writing, side[2][2];

static void reset(void)
{
	set(&version, 1);
	set(&writing, 1);
	for (int i = 0; i < 2; i++) {
		set(&side[0][i], 0);
		set(&side[1][i], 1);
	}
}

static void *store(void *unused)
{
	for (uint64_t v = 2; v <= 3; v++) {
		atomic_store_explicit(&writing, v,
			UNLESS(ANNOUNCING, memory_order_release)); /* [W] */
		/* [W] */
		atomic_thread_fence(UNLESS(STORE_FENCE, memory_order_release));
		set(&side[v & 1][0], v);
		set(&side[v & 1][1], v);
		atomic_store_explicit(&version, v,
			UNLESS(PUBLISHING, memory_order_release)); /* [D] */
	}
	return unused;
}

static void *load(void *unused)
{
	uint64_t v = atomic_load_explicit(
		&version, UNLESS(FINDING, memory_order_acquire)); /* [D] */
	uint64_t first = look(&side[v & 1][0]);
	uint64_t second = look(&side[v & 1][1]);
	uint64_t ahead;

	/* [W] */
	atomic_thread_fence(UNLESS(COPY_FENCE, memory_order_acquire));
	ahead = atomic_load_explicit(
			&writing, UNLESS(LOOKING, memory_order_acquire)) -
		v; /* [W] */
	if (ahead > 1) {
		assert(look(&version) != v);
		return unused;
	}
	assert(first == v);
	assert(second == v);
	return unused;
}

static void check(void)
{
}

LITMUS(reset, check, store, load)
