/* event.c - sleep until an object changes: see event.h for the argument. */
#include "shm/event.h"

#include "base/crash.h"
#include "base/futex.h"
#include "shm/client.h"

#include <limits.h>

static void wake(struct segment *segment, enum event event)
{
	struct roots_shm *roots = segment->roots;
	uint32_t bit = EVENT_BIT(event);
	/* [E] a sleeper that arms after this sees the new seq */
	uint32_t armed = atomic_fetch_and_explicit(
		&roots->armed, ~bit, memory_order_seq_cst);

	if (!(armed & bit))
		return;
	atomic_fetch_add_explicit(&roots->seq[event], 1, memory_order_relaxed);
	crash_point(event_unwoken);
	if (event == EVENT_ADVANCED)
		futex_wake(&roots->seq[event], INT_MAX);
	else if (futex_wake(&roots->seq[event], 1) == 1)
		atomic_fetch_or_explicit(
			&roots->armed, bit, memory_order_relaxed);
}

void event_wake(struct segment *segment, uint32_t events)
{
	crash_point(event_changed);
	for (int event = 0; event < EVENTS; event++)
		if (events & EVENT_BIT(event))
			wake(segment, (enum event)event);
}

void event_wake_all(struct segment *segment)
{
	for (int event = 0; event < EVENTS; event++) {
		_Atomic uint32_t *seq = &segment->roots->seq[event];

		atomic_fetch_add_explicit(seq, 1, memory_order_relaxed);
		futex_wake(seq, INT_MAX);
	}
}

uint32_t event_arm(struct segment *segment, enum event event)
{
	/* [E] */
	atomic_fetch_or_explicit(
		&segment->roots->armed, EVENT_BIT(event), memory_order_seq_cst);
	/* [E] not before the flag */
	return atomic_load_explicit(
		&segment->roots->seq[event], memory_order_seq_cst);
}

static int sleep_slice(struct segment *segment, enum event event, uint32_t seq,
	const struct timespec *deadline)
{
	_Atomic uint32_t *waiting =
		&client_slot(segment, segment->client)->waiting;
	struct timespec slice = time_after(EVENT_SLICE);
	int result;

	if (time_before(deadline, &slice))
		slice = *deadline;
	atomic_fetch_add_explicit(waiting, 1, memory_order_relaxed);
	crash_point(event_asleep);
	result = futex_wait(&segment->roots->seq[event], seq, &slice);
	atomic_fetch_sub_explicit(waiting, 1, memory_order_relaxed);
	return result;
}

int event_wait(struct segment *segment, enum event event,
	int (*attempt)(void *argument), void *argument,
	const struct timespec *deadline)
{
	int result = attempt(argument);

	while (result == -EAGAIN) {
		uint32_t seq = event_arm(segment, event);
		int slept;

		result = attempt(argument);
		if (result != -EAGAIN)
			break;
		if (time_passed(deadline))
			return -ETIMEDOUT;
		slept = sleep_slice(segment, event, seq, deadline);
		if (slept == -EINTR)
			return -EINTR;
		if (slept == -ETIMEDOUT)
			client_sweep(segment);
	}
	return result;
}
