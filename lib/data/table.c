/*
 * table.c - hash table from byte strings to byte strings, that all may write.
 *
 * With one writer it is another structure altogether: table_one.c.
 *
 * What. A fixed array of buckets, each the head of a sorted list (Michael,
 * SPAA 2002), whose hazard pointers are replaced by a version in each link
 * and a second look (as in version based reclamation, Sheffi, Herlihy and
 * Petrank, DISC 2021). New are replacement by the mark that deletes, and
 * that a dead entry is claimed before it is unlinked, so that someone is
 * named at each instant who will free it.
 *
 * Layout
 *  array   a bit for each page of buckets: set, after its memory was
 *          committed, by any writer; never cleared. Then the buckets.
 *  link    of a bucket or an entry: mark:1 | version:35 | index + 1:28. Any
 *          client changes it, by compare-and-swap, once it is published. The
 *          version grows with every change and is never reset, also when the
 *          block is used anew. The mark says: the entry that this link is in
 *          is dead.
 *  pool 0  entries: header, link, hash, key and value in one message; and
 *          parts of longer ones. State tickets are generations, which name
 *          the life of an entry: PUBLISHED and RETIRED carry the same one.
 *  pool 1  parts of longer messages.
 *
 * Invariants
 *  1 An entry is in the table if and only if it can be reached from the
 *    bucket of its hash and its link is not marked.
 *  2 A marked link never changes until its block is used anew.
 *  3 What can be reached is sorted by hash and key, dead entries apart, and
 *    no key stands there twice but dead.
 *  4 An entry that can be reached is PUBLISHED or RETIRED. It is RETIRED
 *    only when dead, and who made it so frees it, after it was unlinked.
 *  5 Nobody unlinks an entry that is PUBLISHED. So one that is PUBLISHED and
 *    cannot be reached was never published.
 *
 * Protocol
 *  walk   1 anchor = bucket, held = its value
 *         2 read link, state, hash and key of the entry that it names
 *         3 anchor changed: start anew. Else the entry was in the chain all
 *           the while: unlinking it, or a dead one before it, must change
 *           the anchor first (2), and versions tell every change
 *         4 not marked: it is the next anchor; marked: skip it
 *  get    walk; found: linearized when its link was read without a mark,
 *         absent: when the anchor was last seen. Copy; the state still of
 *         that life: the copy is the value
 *  put    1 take a block (OWNED), write the message, clear the mark in its
 *           link, state = PUBLISHED(me, life)
 *         2 walk to the key's place
 *         3 absent: link to the successor; anchor: held -> new  (put, add)
 *           present: link to the successor; link of the old:
 *           not marked -> marked, new: the old dies and the new becomes
 *           reachable through it, in one step                  linearization
 *         4 settle the old
 *  delete 1 walk  2 link: not marked -> marked                 linearization
 *         3 settle it
 *  settle 1 state: PUBLISHED -> RETIRED(me, life); failed: somebody else
 *           will do the rest
 *         2 unlink: anchor: held -> what the dead one's link names; failed:
 *           purge the bucket  3 state = OWNED  4 free
 *  purge  walk, and settle each marked entry; those already RETIRED by
 *         others are unlinked and not freed. One that could not be unlinked
 *         where it was found is certainly unlinked when a purge came through
 *
 * Orderings
 *  [L] link: changed by acq_rel (or stronger) compare-and-swaps only, once
 *      published, and read with acquire: who finds an entry sees it written;
 *      who frees one has seen all that led to its being unlinked, so that a
 *      walker who reads anything newer in the block sees the anchor changed.
 *  [S] state: PUBLISHED is stored with release after hash and link: a
 *      recoverer who reads it sees those. RETIRED by acq_rel, and OWNED
 *      after it by release: before the parts are freed.
 *  [A] An acquire fence ends each reading of what may be taken away, before
 *      the anchor or the state is read again; it pairs with the release
 *      fence of pool.h between a claim and the first store to the block.
 *      (DMB ISHLD on aarch64; a second look by LDAR would not do.)
 *  [B] bit of a page: set with release after its memory was committed, read
 *      with acquire before a bucket is touched.
 *  Links change by seq_cst, on account of put 3 and delete 2: [E] of event.h;
 *  on x86 and aarch64 that is the same instruction as acq_rel.
 *
 * Progress and death. Lock-free: a failed compare-and-swap or a changed
 * anchor means that somebody's operation took its step.
 *  killed after  leaves                       repaired by
 *  put 1         OWNED(X), or PUBLISHED(X)    recovery frees: no walk finds
 *                and not to be reached        it (5), and nobody else knew it
 *  put 3         done; an old one marked and  the next writer that comes by,
 *                PUBLISHED                    or recovery
 *  delete 2      the same                     the same
 *  settle 1, 2   RETIRED(X), linked or not    recovery purges, then frees;
 *                                             others may unlink it
 *  settle 3      OWNED(X), parts              recovery frees
 *  page          committed, no bit            committed again: harmless
 *  recovery      what it re-owned or retired is its own: the next goes on.
 *                Entries of the dead that it found in place become
 *                PUBLISHED(nobody), so that they are not looked for twice
 */
#include "data/table.h"

#include "base/crash.h"

/* ---- buckets ---- */

/* Pages of a huge one, 8 words of the map. */
#define HUGE_PAGES 512

/* The last of the pages of a huge one was committed. */
static void collapse(struct agora_table *t, uint64_t page)
{
	uint64_t first = page & ~(uint64_t)(HUGE_PAGES - 1);
	struct segment *segment = &t->object.segment;
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
	int error = segment_commit(&t->object.segment,
		(uint64_t)(start - t->object.segment.base), PAGE);
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

/* A write under way. */
struct change {
	struct key key;
	struct piece value;
	struct walk at;        /* the key's place */
	struct block_ref ref;  /* the new entry, once it is written */
	struct entry_shm *new; /* NULL before */
	uint64_t version;      /* of the new entry */
};

static int no_room(int error)
{
	return error == -EAGAIN ? -ENOSPC : error;
}

/* What a new entry needs beside its message, to be published. */
static void dress(struct agora_table *t, struct change *c)
{
	uint64_t life = state_ticket(atomic_load_explicit(
		&c->new->block.state, memory_order_relaxed));
	uint64_t state =
		state_make(BLOCK_PUBLISHED, t->object.segment.client, life);
	uint64_t link =
		atomic_load_explicit(&c->new->link, memory_order_relaxed);

	atomic_store_explicit(&c->new->block.key_size, (uint32_t)c->key.size,
		memory_order_relaxed);
	atomic_store_explicit(&c->new->hash, c->key.hash, memory_order_relaxed);
	atomic_store_explicit(
		&c->new->link, link_after(link, 0, 0), memory_order_relaxed);
	/* [S] */
	atomic_store_explicit(
		&c->new->block.state, state, memory_order_release);
	c->version = version_of(c->ref, state);
	crash_point(table_put_ready);
}

/* put 1 */
static int write_entry(struct agora_table *t, struct change *c)
{
	struct piece pieces[2] = {{c->key.data, c->key.size}, c->value};
	int error = pool_take(&t->store.pool[0], &c->ref);

	if (error)
		return no_room(error);
	error = message_write(&t->store, c->ref, pieces);
	crash_point(table_put_written);
	if (error) {
		message_free(&t->store, c->ref);
		return no_room(error);
	}
	c->new = entry_at(t, c->ref);
	dress(t, c);
	return 0;
}

/* Give up an entry that was not published. */
static void drop_entry(struct agora_table *t, struct change *c)
{
	if (c->new)
		table_discard(t, c->ref);
	c->new = NULL;
}

static bool try_publish(
	struct change *c, _Atomic uint64_t *word, uint64_t old, uint64_t mark)
{
	uint64_t link =
		atomic_load_explicit(&c->new->link, memory_order_relaxed);

	/* Nobody can reach it yet, and publishing releases it. */
	atomic_store_explicit(&c->new->link,
		link_after(link, 0, link_index(old)), memory_order_relaxed);
	return swap_link(word, old, link_after(old, mark, c->ref.index + 1));
}

/* put 3 and 4: 0, AGAIN, -EUCLEAN. present: the result of seek(). */
static inline int publish(struct agora_table *t, struct change *c, int present)
{
	struct walk *w = &c->at;
	int error;

	if (present) {
		if (!try_publish(c, &w->entry->link, w->next, LINK_MARK))
			return AGAIN;
		crash_point(table_put_replaced);
		table_settle(t, w, c->ref.index + 1);
		return 0;
	}
	if (unlikely(w->run)) {
		error = table_purge(t, c->key.hash >> t->shift, &w->left);
		return error ? error : AGAIN;
	}
	if (!try_publish(c, w->anchor, w->held, 0))
		return AGAIN;
	crash_point(table_put_inserted);
	return 0;
}

static int change_start(struct agora_table *t, struct change *c,
	const struct key *key, const void *value, size_t size)
{
	int error = object_writable(&t->object);

	*c = (struct change){.key = *key,
		.value = {value, size},
		.at = {.left = WALK_STEPS}};
	if (!error && size > t->value_size)
		error = -EMSGSIZE;
	if (!error)
		error = object_fits(&t->object, value, size);
	return error;
}

/* put 2 to 4, once, with what the caller wants to know first done. */
static inline int change_try(
	struct agora_table *t, struct change *c, int present)
{
	int error = c->new ? 0 : write_entry(t, c);

	return error ? error : publish(t, c, present);
}

/* To the end of a change: free what was not needed, or tell. */
static int change_end(struct agora_table *t, struct change *c, int error)
{
	if (error)
		drop_entry(t, c);
	else
		event_notify(&t->object.segment, EVENT_BIT(EVENT_ADVANCED));
	return error;
}

int table_put(void *handle, const void *key, size_t key_size, const void *value,
	size_t value_size)
{
	struct agora_table *t = handle;
	struct change c;
	struct key k;
	int error = key_make(t, key, key_size, &k);

	if (!error)
		error = change_start(t, &c, &k, value, value_size);
	if (!error)
		error = ready_bucket(t, &k);
	if (error)
		return error;
	do {
		error = seek(t, &k, SEEK_KEY, &c.at);
		if (error >= 0)
			error = change_try(t, &c, error);
	} while (walk_again(&c.at, &error));
	return change_end(t, &c, error);
}

int table_swap(struct agora_table *t, const struct key *key,
	const struct agora_buffer *value, struct agora_buffer *old)
{
	struct agora_buffer copy = *old;
	struct change c;
	int error = change_start(t, &c, key, value->data, value->size);

	if (error)
		return error;
	do {
		error = seek(t, key, SEEK_KEY, &c.at);
		if (error == ABSENT)
			error = -ENOENT;
		if (error == PRESENT)
			error = table_copy_value(t, &c.at, &copy);
		if (!error)
			error = change_try(t, &c, PRESENT);
	} while (walk_again(&c.at, &error));
	if (!error || error == -EMSGSIZE)
		*old = copy;
	return change_end(t, &c, error);
}

int table_compare(struct agora_table *t, const struct key *key,
	const struct agora_buffer *value, uint64_t *ret_version)
{
	struct change c;
	uint64_t present = 0;
	int error = change_start(t, &c, key, value->data, value->size);

	if (!error)
		error = ready_bucket(t, key);
	if (error)
		return error;
	do {
		error = seek(t, key, SEEK_KEY, &c.at);
		present =
			error == PRESENT ? version_of(c.at.ref, c.at.state) : 0;
		if (error >= 0 && present != value->version)
			error = -ESTALE;
		if (error >= 0)
			error = change_try(t, &c, error);
	} while (walk_again(&c.at, &error));
	if (ret_version && (!error || error == -ESTALE))
		*ret_version = error ? present : c.version;
	return change_end(t, &c, error);
}

/* The number that the entry at c->at holds: 0, AGAIN, -EPROTOTYPE, ... */
static int read_number(
	struct agora_table *t, const struct change *c, int64_t *ret_number)
{
	struct agora_buffer b = {
		.data = ret_number, .capacity = sizeof(*ret_number)};
	int error = table_copy_value(t, &c->at, &b);

	if (error == -EMSGSIZE || (!error && b.size != sizeof(*ret_number)))
		return -EPROTOTYPE;
	return error;
}

/* One attempt to add: as change_try(). sum: what c->value points to. */
static int add_try(
	struct agora_table *t, struct change *c, int64_t delta, int64_t *sum)
{
	int64_t old = 0;
	int present = seek(t, &c->key, SEEK_KEY, &c->at);
	int error = present < 0 ? present : 0;

	if (present == PRESENT)
		error = read_number(t, c, &old);
	*sum = (int64_t)((uint64_t)old + (uint64_t)delta);
	if (!error)
		error = object_fits(&t->object, sum, sizeof(*sum));
	/* What lost a race holds an old sum. */
	drop_entry(t, c);
	return error ? error : change_try(t, c, present);
}

int table_add(struct agora_table *t, const struct key *key, int64_t delta,
	int64_t *ret_sum)
{
	struct change c;
	int64_t sum = delta;
	int error = change_start(t, &c, key, &sum, sizeof(sum));

	if (!error)
		error = ready_bucket(t, key);
	if (error)
		return error;
	do {
		error = add_try(t, &c, delta, &sum);
	} while (walk_again(&c.at, &error));
	if (!error && ret_sum)
		*ret_sum = sum;
	return change_end(t, &c, error);
}

/* ---- delete ---- */

int table_delete(void *handle, const void *key, size_t key_size)
{
	struct agora_table *t = handle;
	struct walk w = {.left = WALK_STEPS};
	struct key k;
	uint64_t link;
	int result = key_make(t, key, key_size, &k);

	if (!result)
		result = object_writable(&t->object);
	if (result)
		return result;
	do {
		result = seek(t, &k, SEEK_KEY, &w);
		if (result != PRESENT)
			return result ? result : -ENOENT;
		link = link_after(w.next, LINK_MARK, link_index(w.next));
		result = swap_link(&w.entry->link, w.next, link) ? 0 : AGAIN;
	} while (walk_again(&w, &result));
	if (result)
		return result;
	crash_point(table_delete_marked);
	table_settle(t, &w, link);
	event_notify(&t->object.segment, EVENT_BIT(EVENT_ADVANCED));
	return 0;
}
