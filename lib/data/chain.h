/*
 * chain.h - sorted chains of entries that all may write: the handle, links,
 * walking, changing.
 *
 * What the table (a chain for each bucket, sorted by hash) and the ordered
 * map (one chain, sorted by key) have in common. The argument for all of it
 * stands at the head of chain.c.
 */
#ifndef LIB_DATA_CHAIN_H
#define LIB_DATA_CHAIN_H

#include "base/copy.h"
#include "base/crash.h"
#include "data/kind.h"
#include "shm/event.h"
#include "shm/message.h"

#include <limits.h>

#define INLINED static inline __attribute__((always_inline))

/* Internal results, beside negative errnos. */
enum {
	ABSENT = 0,
	PRESENT = 1,
	AGAIN = 2 /* somebody changed what we look at: start anew */
};

#define CHAIN_KEY_MAX 4096

/* A block of pool 0 that is an entry. Key and value follow, perhaps behind
 * what else the kind keeps in an entry. */
struct entry_shm {
	struct block_shm block;
	_Atomic uint64_t link;
	_Atomic uint64_t hash; /* or what else keys are sorted by first */
};

static_assert(sizeof(struct entry_shm) == 40, "format");

struct key {
	const void *data;
	size_t size;
	uint64_t hash;
};

struct chain;
struct walk;

/* What a kind adds to its chains, where time does not matter. */
struct chain_kind {
	/* Begin a walk before a key's place. Returns 0, AGAIN, -EUCLEAN. */
	int (*start)(
		const struct chain *c, const struct key *key, struct walk *w);
	/* All are in one chain: a purge ends behind the key it is for. */
	bool sorted;
	/* Take what names an entry that was unlinked, and is to be freed by
	 * us, out of the kind's own; NULL: there is nothing. */
	void (*forget)(struct chain *c, struct block_ref ref);
};

/* The beginning of a handle. */
struct chain {
	struct agora_object object;
	struct store store;
	const struct chain_kind *kind;
	uint64_t seed;
	size_t key_size, value_size; /* limits */
	_Atomic bool litter;         /* it left blocks to be freed at closing */
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
	const struct chain *c, struct block_ref ref)
{
	return (struct entry_shm *)store_head(&c->store, ref);
}

static inline uint64_t load_state(const struct chain *c, struct block_ref ref)
{
	/* [S] */
	return atomic_load_explicit(
		&store_head(&c->store, ref)->state, memory_order_acquire);
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

/* ---- walking along a chain: chain.c says why this is sound ---- */

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

/* Begin behind a word of the chain that had this value, without a mark. */
static inline void walk_from(
	struct walk *w, _Atomic uint64_t *anchor, uint64_t held)
{
	w->anchor = anchor;
	w->held = held;
	w->link = held;
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
static inline int walk_load(const struct chain *c, struct walk *w)
{
	uint64_t index = link_index(w->link);

	if (!index)
		return ABSENT;
	w->ref.index = (uint32_t)index - 1;
	if (unlikely(!pool_has(&c->store.pool[0], w->ref) || !w->left))
		return !w->left || walk_is_valid(w) ? -EUCLEAN : AGAIN;
	w->left--;
	w->entry = entry_at(c, w->ref);
	/* Key and value begin in its first line and mostly end in the next. */
	__builtin_prefetch((const char *)w->entry + CACHE_LINE);
	w->next = load_link(&w->entry->link);
	w->state = load_state(c, w->ref);
	w->hash = load_hash(w->entry);
	return PRESENT;
}

/* As walk_load(), and already validated. */
static inline int walk_look(const struct chain *c, struct walk *w)
{
	int result = walk_load(c, w);

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

/* As memcmp, and what is shorter comes first. */
static inline int compare_bytes(
	const void *a, size_t a_size, const void *b, size_t b_size)
{
	int order = memcmp(a, b, num_min(a_size, b_size));

	return order ? order : (a_size > b_size) - (a_size < b_size);
}

/* Compare keys that do not both fit a block, or whose sizes differ. */
int chain_compare_long(const struct chain *c, struct block_ref ref, size_t size,
	const struct key *key);

/* The order of the entry's key and another, as memcmp; of equal hashes. */
static inline int compare_key(
	const struct chain *c, struct walk *w, const struct key *key)
{
	size_t size = load_key_size(w->entry);

	if (unlikely(num_max(size, key->size) > c->store.pool[0].data_size)) {
		w->left -= num_min(w->left, COMPARE_STEPS);
		return chain_compare_long(c, w->ref, size, key);
	}
	if (likely(size == key->size))
		return compare_out(
			pool_data(&c->store.pool[0], w->ref), key->data, size);
	return chain_compare_long(c, w->ref, size, key);
}

/* As memcmp: the order of a chain is that of hashes, then of keys. */
static inline int compare_entry(
	const struct chain *c, struct walk *w, const struct key *key)
{
	if (w->hash != key->hash)
		return w->hash < key->hash ? -1 : 1;
	return compare_key(c, w, key);
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
	SEEK_FROM,   /* or else the next one in its chain */
	SEEK_BEHIND, /* the next one only */
	SEEK_BEFORE  /* the one before: map_view.c */
};

/* Walk to a key's place, from where the walk begins: PRESENT (w: the entry),
 * ABSENT (w: where it would be), AGAIN, -EUCLEAN. */
static inline int seek_once(const struct chain *c, const struct key *key,
	enum seek what, struct walk *w)
{
	int result, order = -1;

	while ((result = walk_load(c, w)) == PRESENT) {
		bool live = !link_is_marked(w->next);

		if (likely(live))
			order = compare_entry(c, w, key);
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

/* Copy part of an entry's message, mostly from the block itself. */
static inline int read_entry(const struct chain *c, struct block_ref ref,
	size_t offset, void *data, size_t size)
{
	const struct pool *pool = &c->store.pool[0];

	if (unlikely(offset + size > pool->data_size))
		return message_read(&c->store, ref, offset, data, size);
	copy_out(data, pool_data(pool, ref) + offset, size);
	return 0;
}

/*
 * Copy the value of the entry that a valid walk found, while it lives.
 * Returns 0, AGAIN, -EMSGSIZE, -EUCLEAN.
 */
int chain_copy_value(const struct chain *c, const struct walk *w,
	struct agora_buffer *value);

/*
 * Copy key and value of an entry that a valid walk found. value may be NULL.
 * Returns 0, AGAIN, -EMSGSIZE (of the value), -EUCLEAN.
 */
int chain_copy_entry(const struct chain *c, const struct walk *w,
	unsigned char key[CHAIN_KEY_MAX], size_t *ret_size,
	struct agora_buffer *value);

/* ---- take dead entries out: chain_dead.c ---- */

/* Free an entry of ours that cannot be reached. */
void chain_discard(struct chain *c, struct block_ref ref);

/*
 * The entry at w, which has this key, died by our hand; link is its last one.
 * True: it is unlinked, and ours to be discarded.
 */
bool chain_bury(
	struct chain *c, struct walk *w, const struct key *key, uint64_t link);

/* Unlink what is dead in the chain of a key, or as far as the key's place, and
 * free it. Returns 0, -EUCLEAN. */
int chain_purge(struct chain *c, const struct key *key, uint64_t *left);

/* Free what dead clients left, and put their entries to nobody's account.
 * steps: what may be spent on walks for each block. */
void chain_recover(
	struct chain *c, const struct client_set *dead, uint64_t steps);

/* Purge what is dead and not claimed: its killer was killed. */
void chain_purge_all(struct chain *c, uint64_t steps);

/* ---- look at all blocks: chain_check.c ---- */

/* The key of a block as it is now, for a walk to its place: of sorted chains
 * all of it, of others the hash. Returns 0, -EUCLEAN. */
int chain_key_of(const struct chain *c, struct block_ref ref, struct key *key,
	unsigned char bytes[CHAIN_KEY_MAX]);

/*
 * Whether a block is in its chain: PRESENT, ABSENT, -EUCLEAN.
 * left: the steps that remain to the caller, however many walks he does.
 */
int chain_find_block(
	const struct chain *c, struct block_ref ref, uint64_t *left);

/* A visit to all blocks. */
struct chain_visit {
	struct client_set *strays; /* whose leftovers were seen */
	uint64_t left;             /* steps along chains */
	uint64_t steps;            /* more of them for each block */
	struct agora_check *check;
};

void chain_visit_blocks(struct chain *c, struct chain_visit *v);

/* Do size, key and state of an entry that a valid walk found make sense? */
bool chain_entry_is_sound(const struct chain *c, const struct walk *w);

int chain_stat(void *handle, struct agora_stat *stat);
int chain_ready(void *handle, uint32_t events, uint64_t cursor);

#endif
