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
 *  2 one notifier only, who wakes all without a look at the flag
 *    (event_wake_all() of recovery)
 *  3 one notifier, whose change is a store and a fence, and one who looks
 *    with relaxed loads: a block is freed, and somebody waits for a block
 *
 * The fence after the flag makes the other orderings of the sleeper ample.
 *
 * Bounds: who was woken twice has seen both messages.
 */
#define CASES 4

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

/* Some compare-and-swap of the kind, or less, and then a fence. */
static void change(void)
{
	if (CASE != 3) {
		/* [E] */
		atomic_fetch_add_explicit(
			&messages, 1, UNLESS(CHANGE, memory_order_seq_cst));
		return;
	}
	atomic_store_explicit(&messages, 1, memory_order_release);
	/* [E] */
	atomic_thread_fence(UNLESS(FREE_FENCE, memory_order_seq_cst));
}

static void *notify(void *unused)
{
	if (CASE == 2)
		return unused;
	change();
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

static void *notify_all(void *unused)
{
	if (CASE == 3)
		return unused;
	if (CASE != 2)
		return notify(unused);
	atomic_fetch_add_explicit(&messages, 1, memory_order_acq_rel);
	/* [E] */
	atomic_fetch_add_explicit(
		&seq, 1, UNLESS(RELEASE, memory_order_seq_cst));
	futex_wake();
	return unused;
}

static bool find(void)
{
	/* [E] */
	return CASE == 3
		       ? look(&messages)
		       : atomic_load_explicit(&messages, memory_order_seq_cst);
}

static void *sleeper(void *unused)
{
	uint64_t value;

	/* [E] */
	value = atomic_load_explicit(&seq, memory_order_seq_cst);
	/* [E] */
	atomic_fetch_or_explicit(&armed, 1, memory_order_seq_cst);
	/* [E] */
	atomic_thread_fence(UNLESS(ARM_FENCE, memory_order_seq_cst));
	content = find() || !futex_wait(value);
	return unused;
}

/* All have notified: one who still sleeps would wait out his slice. */
static void check(void)
{
	assert(content || !asleep);
}

LITMUS(reset, check, notify, notify_all, sleeper)
