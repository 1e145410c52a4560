/*
 * event.h - sleep until an object changes; no system call when none sleeps.
 * Who must sleep in poll(2) has a bell: bell.h.
 *
 * What: an eventcount (Vyukov 2008; Linux futexes), one for each event of a
 * segment, with a flag instead of a count of sleepers: a count would leak
 * when a sleeper is killed.
 *
 * Protocol
 *  wait    1 read seq  2 set the flag  3 look for what is waited for
 *          4 not there: FUTEX_WAIT(seq), a slice at most; start again
 *  notify  1 (after the change) read the flags; none set: done
 *          2 seq++  3 wake one; one was woken: done, and the flag stays, as
 *          more may sleep
 *          4 clear the flag  5 seq++  6 wake all: who set the flag before
 *          step 4 read seq before step 5, and looks again
 *
 * Orderings
 *  [E] Of wait 2 and 3 and notify's change and 1, at least one sees the
 *  other, or both could miss and the sleeper would wait out his slice. The
 *  sleeper has a fence between the two, so it does not matter how he looks.
 *  The notifier has a fence where it costs little, or else a seq_cst change
 *  (the publishing or claiming compare-and-swap of the kind) and a seq_cst
 *  load of the flag: the lock prefix on x86; STLXR or CASAL and then LDAR on
 *  aarch64, which keep their order. seq++ releases what was changed before,
 *  for who reads it in wait 1; the flag's own changes order it in notify 5. All
 *  flags are set in one place, event_flag(), which has the fence.
 *
 *  A kind that changes things by a plain release store (segment->light_fence)
 *  has no full barrier between its change and notify 1; on x86 the change may
 *  still be in the store buffer when the flag is read. There the sleeper pays:
 *  between wait 2 and 3, membarrier(GLOBAL_EXPEDITED) makes every processor
 *  that runs a registered process execute a full barrier (barrier.h). If that
 *  falls before the notifier's change, notify 1 comes after it too and sees
 *  the flag, which was set before the barrier; if it falls behind it, the look
 *  of wait 3 sees the change. A compiler barrier keeps the two accesses in
 *  this order. A thread that is not running passed a full barrier when it was
 *  switched out. On aarch64 the store is STLR and the load LDAR, which are
 *  not reordered even without. A process that cannot register fences itself;
 *  a sleeper that may not issue the barrier sleeps in short slices.
 *
 * Progress and death. A notifier killed between its change and step 3, or a
 * sleeper killed between being woken and taking, leaves others asleep for
 * the rest of their slice, no longer. Recovery wakes everybody.
 */
#ifndef LIB_SHM_EVENT_H
#define LIB_SHM_EVENT_H

#include "shm/segment.h"

#include <time.h>

/* In the order of AGORA_READABLE, AGORA_WRITABLE and AGORA_ADVANCED. */
enum event {
	EVENT_READABLE, /* a message to take; wakes one */
	EVENT_WRITABLE, /* room for a message; wakes one */
	EVENT_ADVANCED, /* something new to see; wakes all */
	EVENTS
};

/*
 * The word of flags (roots.armed): a bit for those who sleep in a futex, a
 * bit for those with a bell, and how often a bell was armed, modulo 2^24.
 */
#define EVENT_BIT(event)   (1u << (event))
#define EVENT_BELL(events) ((events) << EVENTS)
#define EVENT_ROUND        (1u << 8)
#define EVENT_ROUNDS       (~(EVENT_ROUND - 1))
#define EVENT_ALL          (EVENT_BIT(EVENTS) - 1)

/* The longest sleep before looking again, in nanoseconds. */
#define EVENT_SLICE 100000000u

/* The same where notifiers may be missed. */
#define EVENT_SLICE_BLIND 1000000u

void event_wake(struct segment *segment, uint32_t events);
void event_wake_every(struct segment *segment, uint32_t events);
void event_wake_all(struct segment *segment);

/* Tell that events (bits) happened. Call after a seq_cst change or fence [E].
 */
static inline void event_notify(struct segment *segment, uint32_t events)
{
	/* [E] */
	uint32_t armed = atomic_load_explicit(
		&segment->roots->armed, memory_order_seq_cst);

	if (unlikely(armed & (events | EVENT_BELL(events))))
		event_wake(segment, events);
}

/* The same where there is something for all who sleep. */
static inline void event_notify_all(struct segment *segment, uint32_t events)
{
	/* [E] */
	uint32_t armed = atomic_load_explicit(
		&segment->roots->armed, memory_order_seq_cst);

	if (unlikely(armed & (events | EVENT_BELL(events))))
		event_wake_every(segment, events);
}

/*
 * Set flags, and add to the rounds. Whoever is to sleep looks after this and
 * not before.
 */
void event_flag(struct segment *segment, uint32_t flags, uint32_t rounds);

/*
 * After a change by a release store, which is cheaper: are there any to tell?
 * light: this process is registered for barriers, so that the sleeper issues
 * ours [E].
 */
static inline bool event_awaited_after(
	struct segment *segment, bool light, uint32_t events)
{
	uint32_t armed;

	/* [E] of which one is for the compiler only */
	if (likely(light))
		atomic_signal_fence(memory_order_seq_cst);
	/* [E] */
	else
		atomic_thread_fence(memory_order_seq_cst);
	/* [E] */
	armed = atomic_load_explicit(
		&segment->roots->armed, memory_order_seq_cst);
	return unlikely(armed & (events | EVENT_BELL(events)));
}

/*
 * Order, for all who notify with a light barrier, what this thread did before
 * against what it does after. event_flag() ends with it. Where the kernel
 * refuses, sleeps on this segment are short from then on.
 */
void event_fence(struct segment *segment);

/* How long to sleep at most before looking again, in nanoseconds. */
uint64_t event_slice(const struct segment *segment);

/* Announce a sleeper, unless the handle may only read. Returns the value of
 * seq to sleep on. */
uint32_t event_arm(struct segment *segment, enum event event);

/*
 * Call attempt until it returns something other than -EAGAIN, sleeping for
 * event in between. Who waits for a message tries a few times in a row first;
 * who waits for room does not, since trying may mean to write a long message.
 * A handle that may only read can tell nobody that it sleeps: it looks again
 * after a fifth of the time it has waited, 10 milliseconds at most. Returns
 * what attempt returned, -ETIMEDOUT, -EINTR.
 */
int event_wait(struct segment *segment, enum event event,
	int (*attempt)(void *argument), void *argument,
	const struct timespec *deadline);

#endif
