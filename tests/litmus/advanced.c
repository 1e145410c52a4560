/*
 * advanced.c - who sleeps for new messages learns of the last one.
 *
 * Stands for end_ticket() of lib/data/queue_view.c between [E] of
 * lib/shm/event.h: the flag is set, then the end is looked up: tail, which
 * is only acquired and may be seen old, and from there on the cells, which
 * are read seq_cst, until one is not filled. Two push; one has seen all up
 * to his cursor, and sleeps if there is nothing behind it.
 *
 * Controls beside the orderings: -DWEAKEN_WALK looks one cell ahead of tail
 * only, which is enough where tail is not seen old.
 *
 * Bounds: no wrapping round.
 */
#include "litmus.h"

#define CELLS 4
#define TRIES 3

static word tail, cell[CELLS], armed, woken;
static uint64_t cursor;
static bool asleep;

static void reset(void)
{
	set(&tail, 0);
	set(&armed, 0);
	set(&woken, 0);
	for (int i = 0; i < CELLS; i++)
		set(&cell[i], 0);
	cursor = 0;
	asleep = false;
}

static uint64_t load_cell(uint64_t ticket)
{
	/* [Q] [E] */
	return atomic_load_explicit(&cell[ticket], memory_order_seq_cst);
}

static uint64_t load_tail(void)
{
	/* [H] */
	return atomic_load_explicit(&tail, memory_order_acquire);
}

static void advance(uint64_t ticket)
{
	/* [H] */
	SWAP(&tail, ticket, ticket + 1, memory_order_acq_rel);
}

static void *push(void *unused)
{
	for (int i = 0; i < TRIES; i++) {
		uint64_t t = load_tail();

		/* [Q] [E] */
		if (load_cell(t) == 0 &&
			SWAP(&cell[t], 0, 1,
				UNLESS(PUBLISHING, memory_order_seq_cst))) {
			advance(t);
			break;
		}
		advance(t);
	}
	/* [E] */
	if (atomic_load_explicit(&armed, UNLESS(FLAG, memory_order_seq_cst)))
		set(&woken, 1);
	return unused;
}

static uint64_t end_ticket(void)
{
	uint64_t t = load_tail();

	if (IS_SET(WEAKEN_WALK))
		return load_cell(t) ? t + 1 : t;
	while (t < CELLS && load_cell(t))
		t++;
	return t;
}

static void *sleeper(void *unused)
{
	cursor = end_ticket();
	/* [E] */
	atomic_fetch_or_explicit(&armed, 1, memory_order_seq_cst);
	/* [E] */
	atomic_thread_fence(memory_order_seq_cst);
	asleep = end_ticket() <= cursor;
	return unused;
}

static void check(void)
{
	if (asleep && !look(&woken))
		assert(!look(&cell[cursor]));
}

LITMUS(reset, check, push, push, sleeper)
