/*
 * table.h - what the files of the table share: the handle, links, walking.
 *
 * The argument for all of it stands at the head of table.c.
 */
#ifndef LIB_DATA_TABLE_H
#define LIB_DATA_TABLE_H

#include "base/copy.h"
#include "base/hash.h"
#include "data/kind.h"
#include "shm/event.h"
#include "shm/message.h"

#include <agora/table.h>
#include <limits.h>

/* Internal results, beside negative errnos. */
enum {
	ABSENT = 0,
	PRESENT = 1,
	AGAIN = 2 /* somebody changed what we look at: start anew */
};

#define TABLE_KEY_MAX 4096

/* Buckets whose memory is committed together: those of one page. A table
 * with one writer has lines in their place, of eight such words each. */
#define PAGE_BUCKETS (PAGE / sizeof(uint64_t))

/* A block of pool 0 that is an entry. Key and value follow. */
struct entry_shm {
	struct block_shm block;
	_Atomic uint64_t link;
	_Atomic uint64_t hash;
};

static_assert(sizeof(struct entry_shm) == 40, "format");

struct agora_table {
	struct agora_object object;
	struct store store;
	_Atomic uint64_t *map; /* a bit for each page of buckets */
	_Atomic uint64_t *bucket;
	uint64_t buckets;
	unsigned shift; /* a hash, shifted right by it, is its bucket */
	uint64_t seed;
	size_t key_size, value_size; /* limits */
	bool single;                 /* writers=one: it is a struct table_one */
	_Atomic bool litter;         /* it left blocks to be freed at closing */
};

struct key {
	const void *data;
	size_t size;
	uint64_t hash;
};

/* ---- links ---- */

#define LINK_MARK  (UINT64_C(1) << 63)
#define LINK_BITS  28
#define LINK_INDEX ((UINT64_C(1) << LINK_BITS) - 1)

static inline bool link_is_marked(uint64_t link)
{
	return link & LINK_MARK;
}

/* The index of the block that a link names, plus 1; 0: none. */
static inline uint64_t link_index(uint64_t link)
{
	return link & LINK_INDEX;
}

/* What comes after old in a word: the next version, naming index. */
static inline uint64_t link_after(uint64_t old, uint64_t mark, uint64_t index)
{
	return mark | ((old + LINK_INDEX + 1) & ~LINK_MARK & ~LINK_INDEX) |
	       index;
}

static inline uint64_t load_link(const _Atomic uint64_t *word)
{
	/* [L] */
	return atomic_load_explicit(word, memory_order_acquire);
}

static inline bool swap_link(
	_Atomic uint64_t *word, uint64_t old, uint64_t link)
{
	/* [L] [E] */
	return atomic_compare_exchange_strong_explicit(
		word, &old, link, memory_order_seq_cst, memory_order_relaxed);
}

/* ---- entries ---- */

static inline struct entry_shm *entry_at(
	const struct agora_table *t, struct block_ref ref)
{
	return (struct entry_shm *)store_head(&t->store, ref);
}

static inline uint64_t load_state(
	const struct agora_table *t, struct block_ref ref)
{
	/* [S] */
	return atomic_load_explicit(
		&store_head(&t->store, ref)->state, memory_order_acquire);
}

static inline uint32_t load_size(const struct entry_shm *entry)
{
	return atomic_load_explicit(&entry->block.size, memory_order_relaxed);
}

static inline uint32_t load_key_size(const struct entry_shm *entry)
{
	return atomic_load_explicit(
		&entry->block.key_size, memory_order_relaxed);
}

static inline uint64_t load_hash(const struct entry_shm *entry)
{
	return atomic_load_explicit(&entry->hash, memory_order_relaxed);
}

/* True while key and value of an entry are those that life stands for. */
static inline bool is_alive(uint64_t state, uint64_t life)
{
	enum block_kind kind = state_kind(state);

	return (kind == BLOCK_PUBLISHED || kind == BLOCK_RETIRED) &&
	       state_ticket(state) == life;
}

/* The public version of a value: never 0, and of no other one. */
static inline uint64_t version_of(struct block_ref ref, uint64_t state)
{
	return state_ticket(state) << LINK_BITS | (ref.index + 1);
}

/* ---- walking along a chain: table.c says why this is sound ---- */

struct walk {
	_Atomic uint64_t *anchor; /* the last word seen without a mark */
	uint64_t held;            /* its value */
	uint64_t link;            /* names the entry we have come to */
	bool run;                 /* dead entries hang before that one */
	uint64_t left;            /* steps: damage must not make us walk on */
	struct block_ref ref;     /* the entry, and what was read of it */
	struct entry_shm *entry;
	uint64_t next, state, hash;
};

/*
 * Steps that no sound walk takes, restarts included: chains are short. How
 * many blocks there might be is no measure; a file may pretend to be large.
 */
#define WALK_STEPS ((uint64_t)BUDGET(4000000))

/* What a visit to all blocks may spend on walks, for each that it sees. */
#define VISIT_STEPS BUDGET(64)

/* Comparing keys that do not fit their blocks takes as long as this. */
#define COMPARE_STEPS 64

static inline bool has_page(const struct agora_table *t, uint64_t bucket)
{
	uint64_t page = bucket / PAGE_BUCKETS;
	/* [B] */
	uint64_t word =
		atomic_load_explicit(&t->map[page / 64], memory_order_acquire);

	return word >> (page % 64) & 1;
}

/* Commit the memory of a page of buckets, and say so. 0, -ENOSPC, ... */
int table_commit_page(struct agora_table *t, uint64_t page);

static inline void walk_start(
	const struct agora_table *t, struct walk *w, uint64_t bucket)
{
	w->anchor = &t->bucket[bucket];
	w->held = likely(has_page(t, bucket)) ? load_link(w->anchor) : 0;
	w->link = w->held;
	w->run = false;
}

/* True when what was read since was in the chain when it was read. */
static inline bool walk_is_valid(const struct walk *w)
{
	/* [A] */
	atomic_thread_fence(memory_order_acquire);
	return likely(atomic_load_explicit(w->anchor, memory_order_relaxed) ==
		      w->held);
}

/*
 * Read the entry that the walk has come to; believe it only if the walk is
 * valid afterwards. Returns ABSENT (the end), PRESENT, AGAIN, -EUCLEAN.
 */
static inline int walk_load(const struct agora_table *t, struct walk *w)
{
	uint64_t index = link_index(w->link);

	if (!index)
		return ABSENT;
	w->ref.index = (uint32_t)index - 1;
	if (unlikely(!pool_has(&t->store.pool[0], w->ref) || !w->left))
		return !w->left || walk_is_valid(w) ? -EUCLEAN : AGAIN;
	w->left--;
	w->entry = entry_at(t, w->ref);
	/* Key and value begin in its first line and mostly end in the next. */
	__builtin_prefetch((const char *)w->entry + CACHE_LINE);
	w->next = load_link(&w->entry->link);
	w->state = load_state(t, w->ref);
	w->hash = load_hash(w->entry);
	return PRESENT;
}

/* As walk_load(), and already validated. */
static inline int walk_look(const struct agora_table *t, struct walk *w)
{
	int result = walk_load(t, w);

	return result == PRESENT && !walk_is_valid(w) ? AGAIN : result;
}

/* Go on behind the entry. Over dead ones the anchor stays where it is. */
static inline void walk_on(struct walk *w)
{
	w->link = w->next;
	if (unlikely(link_is_marked(w->next))) {
		w->run = true;
		return;
	}
	w->anchor = &w->entry->link;
	w->held = w->next;
	w->run = false;
}

/* ---- keys ---- */

/* What comparing gives when the entry's key cannot be read. */
#define UNREADABLE INT_MIN

/* Compare keys that do not both fit a block, or whose sizes differ. */
int table_compare_long(const struct agora_table *t, struct block_ref ref,
	size_t size, const struct key *key);

/* The order of the entry's key and another, as memcmp; of equal hashes. */
static inline int compare_key(
	const struct agora_table *t, struct walk *w, const struct key *key)
{
	size_t size = load_key_size(w->entry);

	if (unlikely(num_max(size, key->size) > t->store.pool[0].data_size)) {
		w->left -= num_min(w->left, COMPARE_STEPS);
		return table_compare_long(t, w->ref, size, key);
	}
	if (likely(size == key->size))
		return compare_out(
			pool_data(&t->store.pool[0], w->ref), key->data, size);
	return table_compare_long(t, w->ref, size, key);
}

/* As memcmp: the table's order is that of hashes, then of keys. */
static inline int compare_entry(
	const struct agora_table *t, struct walk *w, const struct key *key)
{
	if (w->hash != key->hash)
		return w->hash < key->hash ? -1 : 1;
	return compare_key(t, w, key);
}

/* Whether to start anew. Not for ever: somebody may mean harm. */
static inline bool walk_again(struct walk *w, int *result)
{
	if (likely(*result != AGAIN))
		return false;
	if (!w->left) {
		*result = -EUCLEAN;
		return false;
	}
	w->left--;
	return true;
}

/* What to look for. */
enum seek {
	SEEK_KEY,    /* the entry of the key */
	SEEK_FROM,   /* or else the next one in its bucket */
	SEEK_BEHIND, /* the next one only */
};

/* One attempt of seek(), from the bucket on. */
static inline int seek_once(const struct agora_table *t, const struct key *key,
	enum seek what, struct walk *w)
{
	int result, order = -1;

	while ((result = walk_load(t, w)) == PRESENT) {
		bool live = !link_is_marked(w->next);

		if (likely(live))
			order = compare_entry(t, w, key);
		if (unlikely(!walk_is_valid(w)))
			return AGAIN;
		if (unlikely(order == UNREADABLE))
			return -EUCLEAN;
		if (live && order == 0 && what != SEEK_BEHIND)
			return PRESENT;
		if (live && order > 0)
			return what == SEEK_KEY ? ABSENT : PRESENT;
		walk_on(w);
	}
	return result;
}

/*
 * Find an entry. w: where it is or, when there is none, would be.
 * Returns PRESENT, ABSENT, -EUCLEAN.
 */
static inline int seek(const struct agora_table *t, const struct key *key,
	enum seek what, struct walk *w)
{
	int result;

	do {
		walk_start(t, w, key->hash >> t->shift);
		result = seek_once(t, key, what, w);
	} while (walk_again(w, &result));
	return result;
}

/* Bound a key and hash it. Returns 0, -EINVAL. */
static inline int key_make(const struct agora_table *t, const void *data,
	size_t size, struct key *ret_key)
{
	if (unlikely(size > t->key_size))
		return -EINVAL;
	if (!size)
		data = "";
	*ret_key = (struct key){data, size, hash_bytes(data, size, t->seed)};
	return 0;
}

/* ---- verbs ---- */

/* Copy the value of the entry that a valid walk found, while it lives.
 * Returns 0, AGAIN, -EMSGSIZE, -EUCLEAN. */
int table_copy_value(const struct agora_table *t, const struct walk *w,
	struct agora_buffer *value);

/*
 * Whether a block is in the chain of its hash: PRESENT, ABSENT, -EUCLEAN.
 * left: the steps that remain to the caller, however many walks he does.
 */
int table_find_block(
	const struct agora_table *t, struct block_ref ref, uint64_t *left);

/* ---- the dead: table_dead.c ---- */

/* Free an entry of ours that cannot be reached. */
void table_discard(struct agora_table *t, struct block_ref ref);

/* The entry at w died by our hand; link is its last one. */
void table_settle(struct agora_table *t, struct walk *w, uint64_t link);

/* Unlink what is dead in a bucket, and free it. Returns 0, -EUCLEAN. */
int table_purge(struct agora_table *t, uint64_t bucket, uint64_t *left);

void table_recover(struct segment *segment, const struct client_set *dead);

/* The verbs, as in struct kind and agora/table.h: table.c ... */
int table_put(void *handle, const void *key, size_t key_size, const void *value,
	size_t value_size);
int table_swap(struct agora_table *t, const struct key *key,
	const struct agora_buffer *value, struct agora_buffer *old);
int table_compare(struct agora_table *t, const struct key *key,
	const struct agora_buffer *value, uint64_t *ret_version);
int table_add(struct agora_table *t, const struct key *key, int64_t delta,
	int64_t *ret_sum);
int table_delete(void *handle, const void *key, size_t key_size);

/* ... and table_view.c. */
int table_get(void *handle, const void *key, size_t key_size,
	struct agora_buffer *value);
int table_next(
	void *handle, struct agora_buffer *key, struct agora_buffer *value);
int table_ready(void *handle, uint32_t events, uint64_t cursor);
int table_stat(void *handle, struct agora_stat *stat);
int table_check(void *handle, int repair, struct agora_check *check);

#endif
