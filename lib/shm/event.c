/* event.c - sleep until an object changes: see event.h for the argument. */
#include "shm/event.h"

#include "base/barrier.h"
#include "base/crash.h"
#include "base/futex.h"
#include "base/relax.h"
#include "shm/bell.h"
#include "shm/client.h"

#include <limits.h>
#include <unistd.h>

/*
 * How long to try before sleeping, in nanoseconds: longer than it takes to
 * wake a sleeper on another processor (some 30 us), or two who answer each
 * other and once slept would sleep each time. After trying in vain it is
 * halved, up to SPIN_HALVES times, and every SPIN_HOPES-th time it is whole.
 */
#define SPIN_MOST   50000u
#define SPIN_HALVES 6
#define SPIN_HOPES  16

/* Attempts between two looks at the clock. */
#define SPIN_ROUNDS 16

static void wake_all(struct segment *segment, enum event event)
{
	struct roots_shm *roots = segment->roots;
	_Atomic uint32_t *seq = &roots->seq[event];

	/* [E] who armed before this has a seq from before the next line */
	atomic_fetch_and_explicit(
		&roots->armed, ~EVENT_BIT(event), memory_order_seq_cst);
	/* [E] */
	atomic_fetch_add_explicit(seq, 1, memory_order_seq_cst);
	futex_wake(seq, INT_MAX);
}

static void wake(struct segment *segment, enum event event)
{
	_Atomic uint32_t *seq = &segment->roots->seq[event];

	/* [E] */
	atomic_fetch_add_explicit(seq, 1, memory_order_seq_cst);
	crash_point(event_unwoken);
	if (event != EVENT_ADVANCED && futex_wake(seq, 1) == 1)
		return; /* the flag stays: more may sleep */
	wake_all(segment, event);
}

static void wake_each(struct segment *segment, uint32_t events,
	void (*how)(struct segment *segment, enum event event))
{
	uint32_t armed, bells;

	crash_point(event_changed);
	/* [E] */
	armed = atomic_load_explicit(
		&segment->roots->armed, memory_order_seq_cst);
	bells = armed & EVENT_BELL(events);
	for (int event = 0; event < EVENTS; event++)
		if (armed & events & EVENT_BIT(event))
			how(segment, (enum event)event);
	if (bells)
		bell_ring(segment, armed, bells);
}

void event_wake(struct segment *segment, uint32_t events)
{
	wake_each(segment, events, wake);
}

void event_wake_every(struct segment *segment, uint32_t events)
{
	wake_each(segment, events, wake_all);
}

void event_wake_all(struct segment *segment)
{
	/* [E] */
	uint32_t armed = atomic_load_explicit(
		&segment->roots->armed, memory_order_seq_cst);

	for (int event = 0; event < EVENTS; event++) {
		_Atomic uint32_t *seq = &segment->roots->seq[event];

		/* [E] who reads it sees what was changed before */
		atomic_fetch_add_explicit(seq, 1, memory_order_seq_cst);
		futex_wake(seq, INT_MAX);
	}
	bell_ring(segment, armed, EVENT_BELL(EVENT_ALL));
}

void event_flag(struct segment *segment, uint32_t flags, uint32_t rounds)
{
	_Atomic uint32_t *armed = &segment->roots->armed;
	uint32_t word = atomic_load_explicit(armed, memory_order_relaxed);

	/* [E] */
	while (!atomic_compare_exchange_weak_explicit(armed, &word,
		(word | flags) + rounds, memory_order_seq_cst,
		memory_order_relaxed))
		;
	/* [E] what is looked at next is not all read seq_cst */
	atomic_thread_fence(memory_order_seq_cst);
	event_fence(segment);
}

uint32_t event_arm(struct segment *segment, enum event event)
{
	/* [E] not after the flag */
	uint32_t seq = atomic_load_explicit(
		&segment->roots->seq[event], memory_order_seq_cst);

	if (segment->client)
		event_flag(segment, EVENT_BIT(event), 0);
	return seq;
}

void event_fence(struct segment *segment)
{
	if (segment->light_fence && barrier_everywhere())
		atomic_store_explicit(&segment->blind, 1, memory_order_relaxed);
}

uint64_t event_slice(const struct segment *segment)
{
	return atomic_load_explicit(&segment->blind, memory_order_relaxed)
		       ? EVENT_SLICE_BLIND
		       : EVENT_SLICE;
}

/* The first and the longest sleep of who may only read and asks nobody. */
#define UNTOLD_LEAST 50000u
#define UNTOLD_MOST  10000000u

/* Of a handle that may only read: nobody can be told, so it sleeps for a
 * fifth of the time it has waited, unless others of the sleepers are told. */
static int sleep_untold(struct segment *segment, enum event event, uint32_t seq,
	const struct timespec *deadline, uint64_t *length)
{
	struct timespec slice = time_after(*length);

	if (time_before(deadline, &slice))
		slice = *deadline;
	*length = num_min(*length + *length / 4, UNTOLD_MOST);
	return futex_wait(&segment->roots->seq[event], seq, &slice);
}

static int sleep_slice(struct segment *segment, enum event event, uint32_t seq,
	const struct timespec *deadline)
{
	_Atomic uint32_t *waiting =
		&client_slot(segment, segment->client)->waiting;
	struct timespec slice = time_after(event_slice(segment));
	int result;

	if (time_before(deadline, &slice))
		slice = *deadline;
	atomic_fetch_add_explicit(waiting, 1, memory_order_relaxed);
	crash_point(event_asleep);
	result = futex_wait(&segment->roots->seq[event], seq, &slice);
	atomic_fetch_sub_explicit(waiting, 1, memory_order_relaxed);
	return result;
}

static bool is_alone(void)
{
	static _Atomic int processors;
	int count = atomic_load_explicit(&processors, memory_order_relaxed);

	if (!count) {
		count = (int)sysconf(_SC_NPROCESSORS_ONLN);
		atomic_store_explicit(
			&processors, count ? count : 1, memory_order_relaxed);
	}
	return count == 1;
}

static struct timespec spin_end(uint32_t doubt, const struct timespec *deadline)
{
	unsigned halves =
		doubt % SPIN_HOPES ? (unsigned)num_min(doubt, SPIN_HALVES) : 0;
	struct timespec end = time_after(SPIN_MOST >> halves);

	return time_before(deadline, &end) ? *deadline : end;
}

/*
 * Try for a moment before sleeping: who pushes now and then on another
 * processor is faster than a futex by orders of magnitude. How long depends
 * on what trying has brought so far. The counter is shared by the threads of
 * a handle; what they overwrite of each other is only advice.
 */
static int spin(struct segment *segment, int (*attempt)(void *argument),
	void *argument, const struct timespec *deadline)
{
	uint32_t doubt =
		atomic_load_explicit(&segment->doubt, memory_order_relaxed);
	struct timespec end;
	int result = -EAGAIN;

	if (is_alone())
		return -EAGAIN;
	end = spin_end(doubt, deadline);
	do {
		for (int i = 0; result == -EAGAIN && i < SPIN_ROUNDS; i++) {
			relax();
			result = attempt(argument);
		}
	} while (result == -EAGAIN && !time_passed(&end));
	atomic_store_explicit(&segment->doubt,
		result == -EAGAIN ? doubt + 1 : 0, memory_order_relaxed);
	return result;
}

int event_wait(struct segment *segment, enum event event,
	int (*attempt)(void *argument), void *argument,
	const struct timespec *deadline)
{
	uint64_t untold = UNTOLD_LEAST;
	int result = attempt(argument);

	if (result == -EAGAIN && time_passed(deadline))
		return -ETIMEDOUT;
	if (result == -EAGAIN && event != EVENT_WRITABLE)
		result = spin(segment, attempt, argument, deadline);
	while (result == -EAGAIN) {
		uint32_t seq = event_arm(segment, event);
		int slept;

		result = attempt(argument);
		if (result != -EAGAIN)
			break;
		/* Zeros put in the place of what was cut off look empty. */
		if (segment_leave(segment, 0))
			return -EUCLEAN;
		if (time_passed(deadline))
			return -ETIMEDOUT;
		slept = segment->client
				? sleep_slice(segment, event, seq, deadline)
				: sleep_untold(segment, event, seq, deadline,
					  &untold);
		if (slept == -EINTR)
			return -EINTR;
		if (slept == -ETIMEDOUT)
			client_sweep(segment);
	}
	return result;
}
