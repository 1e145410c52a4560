/*
 * table.c - hash table from byte strings to byte strings, that all may write.
 *
 * With one writer it is another structure altogether: table_one.c.
 *
 * What. A fixed array of buckets, each the head of a chain (chain.c, where
 * the argument stands) that is sorted by hash and then by key.
 *
 * Layout
 *  array   a bit for each page of buckets: set, after its memory was
 *          committed, by any writer; never cleared. Then the buckets, each a
 *          link.
 *
 * Orderings
 *  [B] bit of a page: set with release after its memory was committed, read
 *      with acquire before a bucket is touched.
 *
 * Progress and death. Lock-free, as chains are. Killed after committing a page
 * and before setting its bit: it is committed again, which is harmless.
 */
#include "data/table.h"

#include "data/change.h"

/* ---- buckets ---- */

/* Pages of a huge one, 8 words of the map. */
#define HUGE_PAGES 512

/* The last of the pages of a huge one was committed. */
static void collapse(struct agora_table *t, uint64_t page)
{
	uint64_t first = page & ~(uint64_t)(HUGE_PAGES - 1);
	struct segment *segment = &t->chain.object.segment;
	uint64_t offset =
		(uint64_t)((char *)t->bucket - segment->base) + first * PAGE;

	for (unsigned i = 0; i < HUGE_PAGES / 64; i++)
		if (~atomic_load_explicit(
			    &t->map[first / 64 + i], memory_order_relaxed))
			return;
	segment_collapse(
		segment, offset, offset, offset + (uint64_t)HUGE_PAGES * PAGE);
}

int table_commit_page(struct agora_table *t, uint64_t page)
{
	char *start = (char *)t->bucket + page * PAGE;
	int error = segment_commit(&t->chain.object.segment,
		(uint64_t)(start - t->chain.object.segment.base), PAGE);
	uint64_t bits;

	if (error)
		return error;
	crash_point(table_page_allocated);
	/* [B] */
	bits = atomic_fetch_or_explicit(&t->map[page / 64],
		UINT64_C(1) << (page % 64), memory_order_release);
	crash_point(table_page_announced);
	if (unlikely(!~(bits | UINT64_C(1) << (page % 64))))
		collapse(t, page);
	return 0;
}

/* Make the memory of a key's bucket safe to touch. */
static inline int ready_bucket(struct agora_table *t, const struct key *key)
{
	uint64_t bucket = key->hash >> t->shift;

	return likely(has_page(t, bucket))
		       ? 0
		       : table_commit_page(t, bucket / PAGE_BUCKETS);
}

/* ---- put and its kin ---- */

static inline int seek_place(struct chain *c, struct change *ch)
{
	return seek((struct agora_table *)c, &ch->key, SEEK_KEY, &ch->at);
}

static inline int publish(struct chain *c, struct change *ch, int present)
{
	int error = publish_entry(c, ch, present);

	if (!error && present &&
		chain_bury(c, &ch->at, &ch->key, ch->ref.index + 1))
		chain_discard(c, ch->at.ref);
	return error;
}

static inline int ready(struct chain *c, const struct key *key)
{
	return ready_bucket((struct agora_table *)c, key);
}

static const struct way way = {
	.seek = seek_place,
	.publish = publish,
	.ready = ready,
};

int table_put(void *handle, const void *key, size_t key_size, const void *value,
	size_t value_size)
{
	struct agora_table *t = handle;
	struct change ch;
	struct key k;
	int error = key_make(t, key, key_size, &k);

	if (!error)
		error = change_start_ready(
			&t->chain, &ch, &k, value, value_size, &way);
	return error ? error : change_put(&t->chain, &ch, &way);
}

int table_swap(struct agora_table *t, const struct key *key,
	const struct agora_buffer *value, struct agora_buffer *old)
{
	struct change ch;
	int error = change_start(
		&t->chain, &ch, key, value->data, value->size, &way);

	return error ? error : change_swap(&t->chain, &ch, &way, old);
}

int table_compare(struct agora_table *t, const struct key *key,
	const struct agora_buffer *value, uint64_t *ret_version)
{
	struct change ch;
	int error = change_start_ready(
		&t->chain, &ch, key, value->data, value->size, &way);

	return error ? error
		     : change_compare(&t->chain, &ch, &way, value->version,
			       ret_version);
}

int table_add(struct agora_table *t, const struct key *key, int64_t delta,
	int64_t *ret_sum)
{
	struct change ch;
	int64_t sum = delta;
	int error = change_start_ready(
		&t->chain, &ch, key, &sum, sizeof(sum), &way);

	if (!error)
		error = change_add(&t->chain, &ch, &way, delta, &sum);
	if (!error && ret_sum)
		*ret_sum = sum;
	return error;
}

/* ---- delete ---- */

int table_delete(void *handle, const void *key, size_t key_size)
{
	struct agora_table *t = handle;
	struct change ch = {.at = {.left = WALK_STEPS}};
	uint64_t link;
	int error = key_make(t, key, key_size, &ch.key);

	if (!error)
		error = object_writable(&t->chain.object);
	if (!error)
		error = change_mark(&t->chain, &ch, &way, &link);
	if (error)
		return error;
	if (chain_bury(&t->chain, &ch.at, &ch.key, link))
		chain_discard(&t->chain, ch.at.ref);
	event_notify(&t->chain.object.segment, EVENT_BIT(EVENT_ADVANCED));
	return 0;
}

/* ---- recover ---- */

void table_recover(struct segment *segment, const struct client_set *dead)
{
	chain_recover(segment->owner, dead, VISIT_STEPS);
}
