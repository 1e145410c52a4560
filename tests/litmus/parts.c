/*
 * parts.c - parts of a long message: who reads them, who sweeps them.
 *
 * Stands for lib/shm/message.h: [C] the release fence before parts are taken
 * off, [P] a part is declared PART with release, after its head's nonce was
 * set and its generation was put away, [N] the nonce is cleared with release
 * after the parts were freed. And for [C] and [F] of lib/shm/pool.h, [A] of
 * lib/data/queue.c.
 *
 * Cases
 *  0 one pops a message and frees it, one takes its part and writes it, one
 *    looks: what it believes is the message, and whole
 *  1 one writes a message, one sweeps: no living part is taken for an orphan
 *  2 one frees a message, one sweeps, one claims the part: the claim stands
 *
 * Bounds: one head, one part.
 */
#define CASES 3

#include "litmus.h"

enum { FREE, OWNED, PUBLISHED, HELD, PART = 10, CLAIMED };

#define NONCE      7
#define GENERATION 3

static word head, next, nonce, part, saved, data, claims;

static void reset(void)
{
	bool whole = CASE != 1;

	set(&head, whole ? PUBLISHED : OWNED);
	set(&next, whole);
	set(&nonce, whole ? NONCE : 0);
	set(&part, whole ? PART + NONCE : FREE);
	set(&saved, whole ? GENERATION : 0);
	set(&data, 1);
	set(&claims, 0);
}

static bool claim_part(void)
{
	/* [C] [F] */
	if (!SWAP(&part, FREE, CLAIMED, memory_order_acq_rel))
		return false;
	/* [C] */
	atomic_thread_fence(UNLESS(CLAIM_FENCE, memory_order_release));
	set(&claims, look(&claims) + 1);
	return true;
}

static void write_message(void)
{
	set(&nonce, NONCE);
	if (!claim_part())
		return;
	set(&saved, GENERATION);
	/* [P] */
	atomic_store_explicit(
		&part, PART + NONCE, UNLESS(DECLARE, memory_order_release));
	set(&next, 1);
	set(&data, 1);
}

static void free_message(void)
{
	if (!SWAP(&head, PUBLISHED, HELD, memory_order_acq_rel))
		return;
	/* [S] */
	atomic_store_explicit(&head, OWNED, memory_order_release);
	/* [C] */
	atomic_thread_fence(UNLESS(FREE_FENCE, memory_order_release));
	set(&next, 0);
	/* [F] */
	atomic_store_explicit(&part, FREE, memory_order_release);
	/* [N] */
	atomic_store_explicit(&nonce, 0, UNLESS(CLEAR, memory_order_release));
}

static void look_at_message(void)
{
	uint64_t before = atomic_load_explicit(&head, memory_order_acquire);
	uint64_t state = PART + look(&nonce);
	uint64_t chain = look(&next);
	/* [P] */
	bool sound = atomic_load_explicit(&part, memory_order_acquire) == state;
	uint64_t copy = look(&data);

	/* [A] */
	atomic_thread_fence(UNLESS(COPY_FENCE, memory_order_acquire));
	if (before != PUBLISHED || look(&head) != before)
		return;
	assert(chain && sound && copy == 1);
}

static void sweep(void)
{
	/* [P] */
	uint64_t state = atomic_load_explicit(
		&part, UNLESS(INSPECT, memory_order_acquire));

	if (state != PART + NONCE)
		return;
	assert(look(&saved) == GENERATION);
	/* [N] */
	if (atomic_load_explicit(
		    &nonce, UNLESS(COMPARE, memory_order_acquire)) == NONCE)
		return;
	/* [F] */
	if (SWAP(&part, state, FREE, memory_order_acq_rel))
		assert(!"nobody died, so there is no orphan");
}

static void *first(void *unused)
{
	if (CASE == 1)
		write_message();
	else
		free_message();
	return unused;
}

static void *second(void *unused)
{
	if (CASE == 0)
		look_at_message();
	else
		sweep();
	return unused;
}

static void *third(void *unused)
{
	if (CASE != 1 && claim_part())
		set(&data, 2);
	return unused;
}

static void check(void)
{
	if (CASE == 2 && look(&claims))
		assert(look(&part) == CLAIMED);
}

LITMUS(reset, check, first, second, third)
