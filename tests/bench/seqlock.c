/*
 * seqlock.c - how fast a table in shared memory can be when nobody dies: the
 * reference of W6. Open addressing by linear probing; each slot of two cache
 * lines has a sequence lock. One writer; a writer that is killed between the
 * two increments leaves readers of that slot waiting for ever.
 *
 * Orderings. A writer makes the sequence odd, then (release fence) changes
 * the slot, then stores it even with release. A reader loads it with acquire,
 * copies, then (acquire fence) loads it again.
 */
#include "keyed.h"

#define SLOTS (1u << 18)
#define EMPTY 0
#define TAKEN 1
#define GONE  2

struct slot {
	uint32_t sequence;
	uint32_t state;
	struct keyed_key key;
	struct keyed_value value;
} __attribute__((aligned(128)));

static void *create(void)
{
	return bench_shared(SLOTS * sizeof(struct slot));
}

BENCH_INLINE uint32_t hash_of(const struct keyed_key *key)
{
	uint64_t words[2];

	memcpy(words, key, sizeof(words));
	words[0] = (words[0] ^ words[1] * UINT64_C(0x9e3779b97f4a7c15)) *
		   UINT64_C(0xff51afd7ed558ccd);
	return (uint32_t)(words[0] >> 40);
}

/* Copies a slot in one state: its state. */
BENCH_INLINE uint32_t read_slot(
	struct slot *slot, const struct keyed_key *key, void *value, bool *same)
{
	for (;;) {
		uint32_t before =
			__atomic_load_n(&slot->sequence, __ATOMIC_ACQUIRE);
		uint32_t state;

		if (before & 1) {
			bench_pause();
			continue;
		}
		state = slot->state;
		*same = state == TAKEN && !memcmp(&slot->key, key, KEYED_KEY);
		if (*same)
			memcpy(value, &slot->value, KEYED_VALUE);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (__atomic_load_n(&slot->sequence, __ATOMIC_RELAXED) ==
			before)
			return state;
	}
}

BENCH_INLINE bool get(
	void *table, const struct keyed_key *key, struct keyed_value *value)
{
	struct slot *slots = table;

	for (uint32_t at = hash_of(key);; at++) {
		struct slot *slot = &slots[at & (SLOTS - 1)];
		bool same;

		if (read_slot(slot, key, value, &same) == EMPTY)
			return false;
		if (same)
			return true;
	}
}

/* The slot of a key, or the first that is free for it. */
BENCH_INLINE struct slot *slot_of(
	struct slot *slots, const struct keyed_key *key)
{
	struct slot *gone = NULL;

	for (uint32_t at = hash_of(key);; at++) {
		struct slot *slot = &slots[at & (SLOTS - 1)];

		if (slot->state == EMPTY)
			return gone ? gone : slot;
		if (slot->state == GONE)
			gone = gone ? gone : slot;
		else if (!memcmp(&slot->key, key, KEYED_KEY))
			return slot;
	}
}

BENCH_INLINE void begin(struct slot *slot)
{
	__atomic_store_n(&slot->sequence, slot->sequence + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

BENCH_INLINE void end(struct slot *slot)
{
	__atomic_store_n(&slot->sequence, slot->sequence + 1, __ATOMIC_RELEASE);
}

BENCH_INLINE void put(void *table, const struct keyed_key *key,
	const struct keyed_value *value)
{
	struct slot *slot = slot_of(table, key);

	begin(slot);
	slot->key = *key;
	slot->value = *value;
	slot->state = TAKEN;
	end(slot);
}

BENCH_INLINE bool remove_key(void *table, const struct keyed_key *key)
{
	struct slot *slot = slot_of(table, key);

	if (slot->state != TAKEN)
		return false;
	begin(slot);
	slot->state = GONE;
	end(slot);
	return true;
}

static const struct keyed_ops seqlock = {
	.row = "seqlock prototype",
	.create = create,
	.get = get,
	.put = put,
	.remove = remove_key,
};
KEYED(seqlock)
