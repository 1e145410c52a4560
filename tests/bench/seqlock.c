/*
 * seqlock.c - how fast a table in shared memory can be when nobody dies: the
 * reference of W6. One writer.
 *
 * Open addressing by linear probing in an array of words, tag:14 | record:18,
 * that is small enough for the cache; records stand apart, densely, each with
 * a sequence lock. A writer that is killed between the two increments leaves
 * readers of that record waiting for ever.
 *
 * Orderings. A writer makes the sequence odd, then (release fence) changes
 * the record, then stores it even with release, and the word of a new record
 * with release. A reader loads the word and the sequence with acquire, copies,
 * then (acquire fence) loads the sequence again.
 */
#include "keyed.h"

#define SLOTS   (1u << 18)
#define RECORDS (1u << 17)
#define EMPTY   0u
#define GONE    1u /* no record: records begin at 2 */
#define NONE    UINT32_MAX

struct record {
	uint32_t sequence;
	uint32_t next; /* free one; the writer's */
	struct keyed_key key;
	struct keyed_value value;
};

struct table {
	uint32_t slots[SLOTS];
	struct record records[RECORDS];
	uint32_t free, used; /* the writer's */
};

static void *create(void)
{
	struct table *table = bench_shared(sizeof(*table));

	table->used = 2;
	return table;
}

BENCH_INLINE uint64_t hash_of(const struct keyed_key *key)
{
	uint64_t words[2];

	memcpy(words, key, sizeof(words));
	words[0] = (words[0] ^ words[1] * UINT64_C(0x9e3779b97f4a7c15)) *
		   UINT64_C(0xff51afd7ed558ccd);
	return words[0] ^ words[0] >> 32;
}

BENCH_INLINE uint32_t tag_of(uint64_t hash)
{
	return (uint32_t)(hash >> 50) << 18;
}

BENCH_INLINE struct record *record_of(struct table *table, uint32_t slot)
{
	return &table->records[slot & (RECORDS - 1)];
}

/* Copies the value of a record in one state, if it has the key. */
BENCH_INLINE bool read_record(
	struct record *record, const struct keyed_key *key, void *value)
{
	for (;;) {
		uint32_t before =
			__atomic_load_n(&record->sequence, __ATOMIC_ACQUIRE);
		bool same;

		if (before & 1) {
			bench_pause();
			continue;
		}
		same = !memcmp(&record->key, key, KEYED_KEY);
		if (same)
			memcpy(value, &record->value, KEYED_VALUE);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (__atomic_load_n(&record->sequence, __ATOMIC_RELAXED) ==
			before)
			return same;
	}
}

BENCH_INLINE bool get(
	void *object, const struct keyed_key *key, struct keyed_value *value)
{
	struct table *table = object;
	uint64_t hash = hash_of(key);
	uint32_t tag = tag_of(hash);

	for (uint64_t at = hash;; at++) {
		uint32_t slot = __atomic_load_n(
			&table->slots[at & (SLOTS - 1)], __ATOMIC_ACQUIRE);

		if (slot == EMPTY)
			return false;
		if (slot != GONE && (slot & ~(SLOTS - 1)) == tag &&
			read_record(record_of(table, slot), key, value))
			return true;
	}
}

/* Where a key stands, or NONE, and then where it may go. */
BENCH_INLINE uint32_t find(
	struct table *table, const struct keyed_key *key, uint32_t *ret_place)
{
	uint64_t hash = hash_of(key);

	*ret_place = NONE;
	for (uint64_t at = hash;; at++) {
		uint32_t place = at & (SLOTS - 1);
		uint32_t slot = table->slots[place];

		if (slot <= GONE && *ret_place == NONE)
			*ret_place = place;
		if (slot == EMPTY)
			return NONE;
		if (slot != GONE && (slot & ~(SLOTS - 1)) == tag_of(hash) &&
			!memcmp(&record_of(table, slot)->key, key, KEYED_KEY))
			return place;
	}
}

BENCH_INLINE void fill(struct record *record, const struct keyed_key *key,
	const struct keyed_value *value)
{
	__atomic_store_n(
		&record->sequence, record->sequence + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	record->key = *key;
	record->value = *value;
	__atomic_store_n(
		&record->sequence, record->sequence + 1, __ATOMIC_RELEASE);
}

static void insert(struct table *table, uint32_t place,
	const struct keyed_key *key, const struct keyed_value *value)
{
	uint32_t number = table->free ? table->free : table->used++;
	struct record *record = record_of(table, number);

	if (number == table->free)
		table->free = record->next;
	fill(record, key, value);
	__atomic_store_n(&table->slots[place], tag_of(hash_of(key)) | number,
		__ATOMIC_RELEASE);
}

BENCH_INLINE void put(void *object, const struct keyed_key *key,
	const struct keyed_value *value)
{
	struct table *table = object;
	uint32_t free, place = find(table, key, &free);

	if (place == NONE)
		insert(table, free, key, value);
	else
		fill(record_of(table, table->slots[place]), key, value);
}

BENCH_INLINE bool remove_key(void *object, const struct keyed_key *key)
{
	struct table *table = object;
	uint32_t free, place = find(table, key, &free), number;

	if (place == NONE)
		return false;
	number = table->slots[place] & (RECORDS - 1);
	__atomic_store_n(&table->slots[place], GONE, __ATOMIC_RELEASE);
	record_of(table, number)->next = table->free;
	table->free = number;
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
