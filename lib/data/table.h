/*
 * table.h - what the files of the table share: the handle, links, walking.
 *
 * The argument for all of it stands at the head of table.c.
 */
#ifndef LIB_DATA_TABLE_H
#define LIB_DATA_TABLE_H

#include "base/hash.h"
#include "data/chain.h"

#include <agora/table.h>

#define TABLE_KEY_MAX CHAIN_KEY_MAX

/* Buckets whose memory is committed together: those of one page. A table
 * with one writer has lines in their place, of eight such words each. */
#define PAGE_BUCKETS (PAGE / sizeof(uint64_t))

struct agora_table {
	struct chain chain;
	_Atomic uint64_t *map; /* a bit for each page of buckets */
	_Atomic uint64_t *bucket;
	uint64_t buckets;
	unsigned shift; /* a hash, shifted right by it, is its bucket */
	bool single;    /* writers=one: it is a struct table_one */
};

/* ---- buckets ---- */

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
	_Atomic uint64_t *anchor = &t->bucket[bucket];

	walk_from(
		w, anchor, likely(has_page(t, bucket)) ? load_link(anchor) : 0);
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
		result = seek_once(&t->chain, key, what, w);
	} while (walk_again(w, &result));
	return result;
}

/* Bound a key and hash it. Returns 0, -EINVAL. */
static inline int key_make(const struct agora_table *t, const void *data,
	size_t size, struct key *ret_key)
{
	if (unlikely(size > t->chain.key_size))
		return -EINVAL;
	if (!size)
		data = "";
	*ret_key =
		(struct key){data, size, hash_bytes(data, size, t->chain.seed)};
	return 0;
}

/* ---- verbs ---- */

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
int table_check(void *handle, int repair, struct agora_check *check);

#endif
