/*
 * publish.c - a message and its state are seen by who finds its cell.
 *
 * Stands for push 4 and 5 and pop 1 to 3 of lib/data/queue.c, [Q]: the state
 * is stored relaxed and the message plainly, the compare-and-swap on the
 * cell releases both. Two push for the same cell, each a block of its own;
 * one pops.
 *
 * Bounds: one cell, two blocks, one pop.
 */
#include "litmus.h"

enum { NOTHING, OWNED = 10, PUBLISHED = 20, HELD = 30 };

static word cell, state[2];
static uint64_t message[2];

static void reset(void)
{
	set(&cell, NOTHING);
	for (int i = 0; i < 2; i++) {
		set(&state[i], OWNED);
		message[i] = 0;
	}
}

static void push(unsigned block)
{
	message[block] = 7 + block;
	set(&state[block], PUBLISHED);
	SWAP(&cell, NOTHING, block + 1,
		UNLESS(PUBLISHING, memory_order_acq_rel)); /* [Q] */
}

static void *push_first(void *unused)
{
	push(0);
	return unused;
}

static void *push_second(void *unused)
{
	push(1);
	return unused;
}

static void *pop(void *unused)
{
	uint64_t found = atomic_load_explicit(
		&cell, UNLESS(FINDING, memory_order_acquire)); /* [Q] */

	if (found != NOTHING) {
		assert(look(&state[found - 1]) == PUBLISHED);
		assert(SWAP(&state[found - 1], PUBLISHED, HELD,
			memory_order_acq_rel)); /* [S] */
		assert(message[found - 1] == 6 + found);
	}
	return unused;
}

static void check(void)
{
	assert(look(&cell) != NOTHING);
}

LITMUS(reset, check, push_first, push_second, pop)
