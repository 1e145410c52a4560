/*
 * map.h - what the files of the ordered map and the set share: the handle,
 * towers, finding a place.
 *
 * The argument for all of it stands at the head of map.c.
 */
#ifndef LIB_DATA_MAP_H
#define LIB_DATA_MAP_H

#include "data/chain.h"

#include <agora/map.h>
#include <agora/set.h>

#define LEVELS_MAX 16

/*
 * On the lower levels, most of whose entries are not in a cache, one entry in
 * two reaches the next one: what a search goes to next is then one of two, and
 * both are fetched at once. Above them it is one in eight.
 */
#define LEVELS_LOW        5
#define LEVEL_BITS(level) ((level) < LEVELS_LOW ? 1 : 3)

/* A block of pool 0 that is an entry. Key and value follow. */
struct node_shm {
	struct entry_shm entry;
	_Atomic uint64_t up[]; /* hints, as many as there are levels */
};

/* Before the first entry. All-zero: there is none. */
struct head_shm {
	_Alignas(CACHE_LINE) _Atomic uint64_t link;
	_Alignas(CACHE_LINE) _Atomic uint64_t up[LEVELS_MAX];
};

static_assert(sizeof(struct head_shm) == 192, "format");

struct agora_map {
	struct chain chain;
	struct head_shm *head;
	unsigned levels;
	/* Greater than all keys, since it is longer. */
	unsigned char beyond[CHAIN_KEY_MAX + 1];
};

static inline const struct agora_map *map_of(const struct chain *c)
{
	return (const struct agora_map *)c;
}

static inline struct node_shm *node_of(struct entry_shm *entry)
{
	return (struct node_shm *)entry;
}

/* What a visit to all blocks may spend on walks, for each that it sees. */
#define MAP_VISIT_STEPS ((uint64_t)BUDGET(256))

/* ---- keys ---- */

/* The first bytes, as a number that is ordered as they are. */
static inline uint64_t prefix_of(const void *data, size_t size)
{
	uint64_t word = 0;

	memcpy(&word, data, num_min(size, sizeof(word)));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return __builtin_bswap64(word);
#else
	return word;
#endif
}

/* A key that need not be one of the map: a bound. */
static inline struct key map_bound(const void *data, size_t size)
{
	if (!size)
		data = "";
	return (struct key){data, size, prefix_of(data, size)};
}

/* Bound a key. Returns 0, -EINVAL. */
static inline int map_key(const struct agora_map *m, const void *data,
	size_t size, struct key *ret_key)
{
	if (unlikely(size > m->chain.key_size))
		return -EINVAL;
	*ret_key = map_bound(data, size);
	return 0;
}

/* ---- hints: generation:36 | index + 1:28 ---- */

#define HINT_LIFE(state) (state_ticket(state) << LINK_BITS)

static inline uint64_t hint_make(struct block_ref ref, uint64_t state)
{
	return HINT_LIFE(state) | (ref.index + 1);
}

/* Does it name the life that the state tells? */
static inline bool hint_names(uint64_t hint, uint64_t state)
{
	return ((hint ^ HINT_LIFE(state)) & ~LINK_INDEX) == 0;
}

static inline uint64_t load_hint(const _Atomic uint64_t *word)
{
	/* [U] */
	return atomic_load_explicit(word, memory_order_acquire);
}

static inline bool swap_hint(
	_Atomic uint64_t *word, uint64_t old, uint64_t hint)
{
	/* [U] */
	return atomic_compare_exchange_strong_explicit(
		word, &old, hint, memory_order_acq_rel, memory_order_relaxed);
}

/* How many levels name the entries that a block becomes. */
static inline unsigned map_height(
	const struct agora_map *m, struct block_ref ref)
{
	uint64_t word =
		(ref.index ^ m->chain.seed) * UINT64_C(0x9e3779b97f4a7c15);
	unsigned height = 0;

	word = (word ^ word >> 29) * UINT64_C(0xbf58476d1ce4e5b9) >> 24;
	while (height < m->levels &&
		!(word & ((1u << LEVEL_BITS(height)) - 1))) {
		word >>= LEVEL_BITS(height);
		height++;
	}
	return height;
}

/* ---- finding a place ---- */

/* Where a descent left a level. */
struct spot {
	_Atomic uint64_t *word;
	uint64_t hint;        /* its value */
	struct entry_shm *at; /* whose word it is; NULL: the head's */
	struct block_ref ref; /* the same */
	uint64_t state;
};

struct path {
	struct spot level[LEVELS_MAX];
};

/* What a hint leads to. */
enum look {
	LOOK_BEYOND, /* to the key or behind it; or nowhere */
	LOOK_BEFORE, /* to an entry before the key */
	LOOK_DEAD,   /* to one that died: w->next is its hint */
	LOOK_STALE   /* to a block that has a new life */
};

/* w: what is looked at. */
static inline enum look look_at(const struct agora_map *m,
	const struct key *key, unsigned level, uint64_t hint, struct walk *w)
{
	uint64_t index = link_index(hint);
	int order = 0;
	bool live;

	w->ref.index = (uint32_t)index - 1;
	if (!index || unlikely(!pool_has(&m->chain.store.pool[0], w->ref) ||
			       !w->left))
		return LOOK_BEYOND;
	w->left--;
	w->entry = entry_at(&m->chain, w->ref);
	__builtin_prefetch((const char *)w->entry + CACHE_LINE);
	w->state = load_state(&m->chain, w->ref);
	w->hash = load_hash(w->entry);
	live = state_kind(w->state) == BLOCK_PUBLISHED &&
	       !link_is_marked(load_link(&w->entry->link));
	if (unlikely(!hint_names(hint, w->state)))
		return LOOK_STALE;
	if (likely(live))
		order = compare_entry(&m->chain, w, key);
	else
		w->next = load_hint(&node_of(w->entry)->up[level]);
	/* [A] */
	atomic_thread_fence(memory_order_acquire);
	if (unlikely(!is_alive(
		    load_state(&m->chain, w->ref), state_ticket(w->state))))
		return LOOK_STALE;
	if (unlikely(!live))
		return LOOK_DEAD;
	return order < 0 && order != UNREADABLE ? LOOK_BEFORE : LOOK_BEYOND;
}

/* An entry that was passed on a level, to tell when hints lead back to it
 * (Brent 1980). */
struct trail {
	uint32_t index;
	uint32_t steps;
};

static inline bool leads_back(struct trail *trail, struct block_ref ref)
{
	if (unlikely(ref.index == trail->index))
		return true;
	trail->steps++;
	if (!(trail->steps & (trail->steps - 1)))
		trail->index = ref.index;
	return false;
}

/* What is below the hint will be needed, if what the hint names is not. */
static inline void fetch_below(const struct agora_map *m, unsigned level,
	const _Atomic uint64_t *word, struct entry_shm *at)
{
	uint64_t index = link_index(atomic_load_explicit(level ? word - 1
							 : at  ? &at->link
							       : &m->head->link,
		memory_order_relaxed));
	struct block_ref ref = {(uint32_t)index - 1};

	if (index && pool_has(&m->chain.store.pool[0], ref)) {
		const char *entry = (const char *)entry_at(&m->chain, ref);

		__builtin_prefetch(entry);
		__builtin_prefetch(entry + CACHE_LINE);
	}
}

/* Go along a level. at: from where, and to where; w: scratch. heal: who may
 * write mends what he meets. */
static inline void go_along(const struct agora_map *m, const struct key *key,
	unsigned level, struct walk *w, struct spot *at, bool heal)
{
	struct trail trail = {UINT32_MAX, 0};
	enum look look;

	at->word = at->at ? &node_of(at->at)->up[level] : &m->head->up[level];
	at->hint = load_hint(at->word);
	fetch_below(m, level, at->word, at->at);
	while ((look = look_at(m, key, level, at->hint, w)) != LOOK_BEYOND) {
		uint64_t next = look == LOOK_DEAD ? w->next : 0;

		if (likely(look == LOOK_BEFORE) &&
			!leads_back(&trail, w->ref)) {
			at->at = w->entry;
			at->ref = w->ref;
			at->state = w->state;
			at->word = &node_of(w->entry)->up[level];
			next = load_hint(at->word);
			fetch_below(m, level, at->word, at->at);
		} else if (heal && !swap_hint(at->word, at->hint, next)) {
			next = load_hint(at->word);
		}
		at->hint = next;
	}
}

/*
 * Begin a walk at an entry before the key, or at the head: down the levels.
 * It is at->at, or NULL. path, if not NULL, is filled in, and hints are mended.
 * Returns 0, AGAIN.
 */
static inline int descend(const struct agora_map *m, const struct key *key,
	struct walk *w, struct spot *at, struct path *path)
{
	_Atomic uint64_t *anchor = &m->head->link;
	uint64_t held, state;

	at->at = NULL;
	for (unsigned level = m->levels; level-- > 0;) {
		go_along(m, key, level, w, at, path != NULL);
		if (path)
			path->level[level] = *at;
	}
	if (at->at)
		anchor = &at->at->link;
	held = load_link(anchor);
	walk_from(w, anchor, held);
	if (!at->at)
		return 0;
	/* [A] its link was read while it was in the chain, or is not used */
	atomic_thread_fence(memory_order_acquire);
	state = load_state(&m->chain, at->ref);
	return state_kind(state) == BLOCK_PUBLISHED &&
			       state_ticket(state) == state_ticket(at->state) &&
			       !link_is_marked(held)
		       ? 0
		       : AGAIN;
}

/*
 * Find an entry. w: where it is or, when there is none, would be.
 * Returns PRESENT, ABSENT, -EUCLEAN.
 */
static inline int map_seek(const struct agora_map *m, const struct key *key,
	enum seek what, struct walk *w)
{
	struct spot at;
	int result;

	do {
		result = descend(m, key, w, &at, NULL);
		if (!result)
			result = seek_once(&m->chain, key, what, w);
	} while (walk_again(w, &result));
	return result;
}

/* ---- passing entries in order: map_view.c ---- */

#define PASS_SMALL (CHAIN_KEY_MAX + 1024)

/* Begun with the key to start from, or behind it, in from. */
struct pass {
	struct key from;
	enum seek what;
	struct walk w; /* the entry */
	bool placed;   /* w goes on from the last one */
	bool keys;     /* values are not asked for */
	unsigned char last[CHAIN_KEY_MAX];
	struct agora_entry entry; /* a copy of it */
	unsigned char *data;
	size_t capacity;
	unsigned char small[PASS_SMALL];
};

/* keys: values are not asked for. */
void map_pass_start(
	struct pass *pass, const void *from, size_t size, bool keys);

/* Copy the next entry. Returns PRESENT, ABSENT, -ENOMEM, -EUCLEAN. */
int map_pass_next(const struct agora_map *m, struct pass *pass);

void map_pass_end(struct pass *pass);

/* ---- verbs ---- */

void map_recover(struct segment *segment, const struct client_set *dead);

extern const struct chain_kind map_chains;

int map_get(void *handle, const void *key, size_t key_size,
	struct agora_buffer *value);
int map_put(void *handle, const void *key, size_t key_size, const void *value,
	size_t value_size);
int map_swap(struct agora_map *m, const struct key *key,
	const struct agora_buffer *value, struct agora_buffer *old);
int map_compare(struct agora_map *m, const struct key *key,
	const struct agora_buffer *value, uint64_t *ret_version);
int map_add(struct agora_map *m, const struct key *key, int64_t delta,
	int64_t *ret_sum);
int map_delete(void *handle, const void *key, size_t key_size);
int map_next(
	void *handle, struct agora_buffer *key, struct agora_buffer *value);
int map_previous(
	void *handle, struct agora_buffer *key, struct agora_buffer *value);
int map_range(struct agora_map *m, const struct agora_range *range,
	int (*visit)(void *argument, const struct agora_entry *entry),
	void *argument);
int map_count(struct agora_map *m, const struct agora_range *range,
	uint64_t *ret_count);
int map_check(void *handle, int repair, struct agora_check *check);

/* Add a member: 1 (it is new), 0, ... And as put, of an empty value. */
int map_join(struct agora_map *m, const struct key *key);
int map_join_put(void *handle, const void *key, size_t key_size,
	const void *value, size_t value_size);

#endif
