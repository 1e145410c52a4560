/*
 * returned.c - a message that was given back is found by the next pop.
 *
 * Stands for [V] of lib/data/queue.c: pending is announced before and after
 * a state becomes RETURNED; who reads all states and finds none clears it,
 * by a compare-and-swap that fails when there was an announcement meanwhile.
 * One gives a message back and tells; two others pop, the second of them
 * when told: one of them must get it, and in the end it is not forgotten.
 *
 * Bounds: one message, three tries for each pop.
 */
#include "litmus.h"

#define TRIES 3

enum { HELD, RETURNED, HELD_AGAIN };
enum { DONE, NONE, AGAIN };

static word returned, state, told, taken;

static void reset(void)
{
	/* An earlier announcement has somebody look already. */
	set(&returned, 1);
	set(&state, HELD);
	set(&told, 0);
	set(&taken, 0);
}

static void announce(memory_order order)
{
	uint64_t old = look(&returned);

	for (int i = 0; i < TRIES; i++)
		if (atomic_compare_exchange_strong_explicit(&returned, &old,
			    (old | 1) + 2, order, memory_order_relaxed))
			return;
	assert(!"two others cannot change it three times");
}

static void *give_back(void *unused)
{
	/* Only for who finds that we died between the two: the state's change
	 * releases it. */
	announce(memory_order_relaxed);
	SWAP(&state, HELD, RETURNED, memory_order_acq_rel); /* [S] */
	/* [V] */
	announce(UNLESS(SECOND, memory_order_acq_rel));
	atomic_store_explicit(&told, 1, memory_order_release);
	return unused;
}

static int try_pop(void)
{
	/* [V] */
	uint64_t seen = atomic_load_explicit(
		&returned, UNLESS(SEEING, memory_order_acquire));

	if (!(seen & 1))
		return NONE;
	if (atomic_load_explicit(&state, memory_order_acquire) == RETURNED) {
		if (!SWAP(&state, RETURNED, HELD_AGAIN, memory_order_acq_rel))
			return AGAIN;
		set(&taken, 1);
		return DONE;
	}
	/* [V] */
	SWAP(&returned, seen, seen & ~UINT64_C(1), memory_order_acq_rel);
	return AGAIN;
}

static int pop(void)
{
	int result = AGAIN;

	for (int i = 0; result == AGAIN && i < TRIES; i++)
		result = try_pop();
	return result;
}

static void *pop_now(void *unused)
{
	pop();
	return unused;
}

static void *pop_when_told(void *unused)
{
	if (atomic_load_explicit(&told, memory_order_acquire))
		assert(pop() != NONE || look(&state) == HELD_AGAIN);
	return unused;
}

static void check(void)
{
	assert(look(&taken) || look(&returned) & 1);
}

LITMUS(reset, check, give_back, pop_now, pop_when_told)
