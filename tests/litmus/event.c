/*
 * event.c - a sleeper and a notifier never both miss.
 *
 * Stands for [E] of lib/shm/event.h and event.c. The change is a seq_cst
 * compare-and-swap, after which the notifier reads the flag; the sleeper
 * sets the flag and then looks. FUTEX_WAIT compares seq and falls asleep in
 * one step under a lock, as the kernel does. Two notifiers, who make one
 * message each, one sleeper, who wants one: he must not sleep at the end.
 *
 * Cases
 *  0 wake one, and the flag stays when one was woken
 *  1 wake all (EVENT_ADVANCED)
 *
 * Bounds: who was woken twice has seen both messages.
 */
#define CASES 2

#include "litmus.h"

static word messages, seq, armed;
static pthread_mutex_t kernel = PTHREAD_MUTEX_INITIALIZER;
static bool asleep; /* under kernel */
static bool content;

static void reset(void)
{
	set(&messages, 0);
	set(&seq, 0);
	set(&armed, 0);
	asleep = content = false;
}

/* What the kernel does in one step. Without yet knowing that it is woken. */
static bool futex_wait(uint64_t value)
{
	bool sleeps;

	pthread_mutex_lock(&kernel);
	sleeps = asleep = look(&seq) == value;
	pthread_mutex_unlock(&kernel);
	return sleeps;
}

static int futex_wake(void)
{
	int woken;

	pthread_mutex_lock(&kernel);
	woken = asleep;
	asleep = false;
	pthread_mutex_unlock(&kernel);
	return woken;
}

static void *notify(void *unused)
{
	/* [E] The change, which some compare-and-swap of the kind is. */
	atomic_fetch_add_explicit(
		&messages, 1, UNLESS(CHANGE, memory_order_seq_cst));
	/* [E] */
	if (!atomic_load_explicit(&armed, UNLESS(FLAG, memory_order_seq_cst)))
		return unused;
	/* [E] */
	atomic_fetch_add_explicit(&seq, 1, memory_order_seq_cst);
	if (futex_wake() == 1 && CASE == 0)
		return unused;
	/* [E] */
	atomic_fetch_and_explicit(&armed, 0, memory_order_seq_cst);
	/* [E] */
	atomic_fetch_add_explicit(&seq, 1, memory_order_seq_cst);
	futex_wake();
	return unused;
}

static bool find(void)
{
	/* [E] */
	return atomic_load_explicit(
		&messages, UNLESS(LOOK, memory_order_seq_cst));
}

static void *sleeper(void *unused)
{
	uint64_t value;

	/* [E] */
	value = atomic_load_explicit(&seq, memory_order_seq_cst);
	/* [E] */
	atomic_fetch_or_explicit(&armed, 1, UNLESS(ARM, memory_order_seq_cst));
	content = find() || !futex_wait(value);
	return unused;
}

/* All have notified: one who still sleeps would wait out his slice. */
static void check(void)
{
	assert(content || !asleep);
}

LITMUS(reset, check, notify, notify, sleeper)
