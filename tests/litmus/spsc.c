/*
 * spsc.c - a ring of one producer and one consumer, and its doorbell.
 *
 * Each end is written by one thread only: stored with release, loaded with
 * acquire by the other, who keeps what he saw of it and looks again only when
 * that does not suffice. Slots are plain memory.
 *
 * The doorbell spares the producer a fence: he stores tail, and after a
 * barrier for the compiler alone reads whether a sleeper is armed. The
 * sleeper sets the flag, calls membarrier(), and looks. A membarrier() acts
 * as a full fence in each running thread, somewhere between its call and its
 * return: the fence has one of three places in the producer, by CASE.
 *
 * Cases
 *  0 the ring: three messages through two slots
 *  1 the doorbell; the producer is interrupted before he stores tail
 *  2 between the store and the load
 *  3 after the load
 *
 * Controls beside the orderings: -DWEAKEN_BARRIER leaves membarrier() out.
 *
 * Bounds: what would have to wait gives up.
 */
#define CASES 4

#include "litmus.h"

#define SLOTS 2

static word head, tail, armed, called, fenced;
static uint64_t slot[SLOTS];
static bool woken, asleep;

static void reset(void)
{
	set(&head, 0);
	set(&tail, 0);
	set(&armed, 0);
	set(&called, 0);
	set(&fenced, 0);
	slot[0] = slot[1] = 0;
	woken = asleep = false;
}

/* ---- the ring ---- */

static void push(uint64_t count)
{
	uint64_t seen = 0;

	for (uint64_t t = 0; t < count; t++) {
		/* [R] what the consumer read of the slot is done */
		if (t - seen >= SLOTS)
			seen = atomic_load_explicit(
				&head, UNLESS(ROOM, memory_order_acquire));
		if (t - seen >= SLOTS)
			return;
		slot[t % SLOTS] = t + 1;
		/* [T] the slot is written */
		atomic_store_explicit(
			&tail, t + 1, UNLESS(FILLED, memory_order_release));
	}
}

static void pop(uint64_t count)
{
	uint64_t seen = 0;

	for (uint64_t h = 0; h < count; h++) {
		uint64_t copy;

		/* [T] */
		if (h >= seen)
			seen = atomic_load_explicit(
				&tail, UNLESS(NEWS, memory_order_acquire));
		if (h >= seen)
			return;
		copy = slot[h % SLOTS];
		/* [R] */
		atomic_store_explicit(
			&head, h + 1, UNLESS(EMPTIED, memory_order_release));
		assert(copy == h + 1);
	}
}

/* ---- the doorbell ---- */

/* The producer's side of a membarrier() that comes here, if it does. */
static void interrupted(int place)
{
	if (CASE != place ||
		!atomic_load_explicit(&called, memory_order_acquire))
		return;
	atomic_thread_fence(memory_order_seq_cst);
	atomic_store_explicit(&fenced, 1, memory_order_release);
}

/* Returns false where it never returns: the producer is not there yet. */
static bool membarrier(void)
{
	if (IS_SET(WEAKEN_BARRIER))
		return true;
	atomic_thread_fence(memory_order_seq_cst);
	atomic_store_explicit(&called, 1, memory_order_release);
	if (!atomic_load_explicit(&fenced, memory_order_acquire))
		return false;
	atomic_thread_fence(memory_order_seq_cst);
	return true;
}

static void push_and_ring(void)
{
	interrupted(1);
	slot[0] = 1;
	/* [T] */
	atomic_store_explicit(&tail, 1, memory_order_release);
	interrupted(2);
	/* [E] */
	atomic_signal_fence(memory_order_seq_cst);
	woken = look(&armed);
	interrupted(3);
}

static void sleep_for_news(void)
{
	set(&armed, 1);
	/* [E] */
	if (membarrier())
		asleep = atomic_load_explicit(&tail, memory_order_acquire) == 0;
}

static void *producer(void *unused)
{
	if (CASE == 0)
		push(3);
	else
		push_and_ring();
	return unused;
}

static void *consumer(void *unused)
{
	if (CASE == 0)
		pop(3);
	else
		sleep_for_news();
	return unused;
}

static void check(void)
{
	assert(!asleep || woken);
}

LITMUS(reset, check, producer, consumer)
