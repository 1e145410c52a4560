/*
 * waiter.c - wait on many objects at one time.
 *
 * The protocol is that of event.h, with all events armed before all objects
 * are looked at, and futex_waitv instead of futex. The waiter's own word
 * stands first among those slept on: a kick changes it.
 */
#include "data/kind.h"

#include "base/futex.h"
#include "shm/client.h"
#include "shm/event.h"

#include <stdlib.h>

/* Between looking at objects that found no room among the words. */
#define CROWDED_SLICE 20000000u

struct agora_waiter {
	_Atomic uint32_t kicks;
	uint32_t seen;
};

/* The words to sleep on, and the values at which to. */
struct words {
	const _Atomic uint32_t *word[FUTEX_MANY];
	uint32_t value[FUTEX_MANY];
	size_t count;
	bool crowded;
	uint64_t slice; /* the longest sleep */
};

int agora_waiter_open(struct agora_waiter **ret_waiter)
{
	struct agora_waiter *waiter = calloc(1, sizeof(*waiter));

	if (!waiter)
		return -ENOMEM;
	*ret_waiter = waiter;
	return 0;
}

void agora_waiter_close(struct agora_waiter *waiter)
{
	free(waiter);
}

void agora_waiter_kick(struct agora_waiter *waiter)
{
	/* [K] what the kicker did before is seen by who is kicked */
	atomic_fetch_add_explicit(&waiter->kicks, 1, memory_order_release);
	futex_wake(&waiter->kicks, 1);
}

static bool take_kick(struct agora_waiter *waiter)
{
	/* [K] */
	uint32_t kicks =
		atomic_load_explicit(&waiter->kicks, memory_order_acquire);

	if (kicks == waiter->seen)
		return false;
	waiter->seen = kicks;
	return true;
}

static void add_word(
	struct words *words, const _Atomic uint32_t *word, uint32_t value)
{
	if (words->count == FUTEX_MANY) {
		words->crowded = true;
		words->slice = num_min(words->slice, CROWDED_SLICE);
		return;
	}
	words->word[words->count] = word;
	words->value[words->count++] = value;
}

static int arm(struct words *words, struct agora_wait *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct segment *segment = &items[i].object->segment;
		int error = segment_enter(segment);

		if (!error && !items[i].object->kind->ready)
			error = -EOPNOTSUPP;
		if (!error)
			error = object_writable(items[i].object);
		if (error)
			return error;
		for (int event = 0; event < EVENTS; event++)
			if (items[i].events & EVENT_BIT(event))
				add_word(words, &segment->roots->seq[event],
					event_arm(segment, (enum event)event));
		words->slice = num_min(words->slice, event_slice(segment));
	}
	return 0;
}

/*
 * A wake-up meant for one came to us, who may only be looking: pass it on to
 * those who sleep to take.
 */
static void pass_on(struct agora_wait *items, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (items[i].ready)
			event_notify(&items[i].object->segment,
				items[i].ready & ~(uint32_t)AGORA_ADVANCED);
}

/* How many items are ready, or a negative errno. */
static int look(struct agora_wait *items, size_t count)
{
	int ready = 0;

	for (size_t i = 0; i < count; i++) {
		struct agora_object *object = items[i].object;
		int result = segment_leave(&object->segment,
			object->kind->ready(
				object, items[i].events, items[i].cursor));

		/* Damage is for who acts on the object to find out. */
		if (result == -EUCLEAN)
			result = (int)items[i].events;
		if (result < 0)
			return result;
		items[i].ready = (uint32_t)result;
		ready += result != 0;
	}
	return ready;
}

/* Count as asleep, or no longer, on each of the objects. */
static void count_sleeper(struct agora_wait *items, size_t count, bool asleep)
{
	for (size_t i = 0; i < count; i++) {
		struct segment *segment = &items[i].object->segment;

		atomic_fetch_add_explicit(
			&client_slot(segment, segment->client)->waiting,
			asleep ? 1u : UINT32_MAX, memory_order_relaxed);
	}
}

static int sleep_on(const struct words *words, const struct timespec *deadline)
{
	struct timespec slice = time_after(words->slice);

	if (time_before(deadline, &slice))
		slice = *deadline;
	return futex_wait_any(words->word, words->value, words->count, &slice);
}

static void sweep(struct agora_wait *items, size_t count)
{
	for (size_t i = 0; i < count; i++)
		client_sweep(&items[i].object->segment);
}

/* One round: as agora_waiter_wait(), and -EAGAIN to start again. */
static int wait_once(struct agora_waiter *waiter, struct agora_wait *items,
	size_t count, const struct timespec *deadline)
{
	struct words words = {.slice = EVENT_SLICE};
	int result;

	add_word(&words, &waiter->kicks, waiter->seen);
	result = arm(&words, items, count);
	if (!result)
		result = look(items, count);
	if (result)
		return result;
	if (take_kick(waiter))
		return -ECANCELED;
	if (time_passed(deadline))
		return -ETIMEDOUT;
	count_sleeper(items, count, true);
	result = sleep_on(&words, deadline);
	count_sleeper(items, count, false);
	if (result == -EINTR)
		return result;
	if (result == -ETIMEDOUT && !words.crowded)
		sweep(items, count);
	return -EAGAIN;
}

int agora_waiter_wait(struct agora_waiter *waiter, struct agora_wait *items,
	size_t count, const struct timespec *deadline)
{
	int result = wait_once(waiter, items, count, deadline);
	bool slept = result == -EAGAIN;

	while (result == -EAGAIN)
		result = wait_once(waiter, items, count, deadline);
	if (slept && result > 0)
		pass_on(items, count);
	return result;
}
