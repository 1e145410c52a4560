/*
 * string.c - one value of any size, that all may replace.
 *
 * With one writer it is another structure: string_one.c.
 *
 * What. A root word names the block that the value begins in. A new value is
 * written into blocks of its own and the root is swapped (as an object of
 * Herlihy's, TOPLAS 1993). Readers tell nobody that they read: the version in
 * the root shows whether what they copied was still the value (as in version
 * based reclamation, Sheffi, Herlihy and Petrank, DISC 2021). New is that each
 * head names the one it replaced, so that what a killed writer did not free
 * is found from the root, at once, by the next.
 *
 * Layout
 *  root    version:48 | index + 1:16. Any client changes it, by
 *          compare-and-swap; the version grows by one each time.
 *  pool 0  heads, and parts of longer values. key_size of a head: the index
 *          of the one it replaced, and whether it stands for no value. Its
 *          ticket is the version that it is, or is about to be.
 *  pool 1  parts.
 *
 * Invariants
 *  1 The value is what the root's head holds; that one is PUBLISHED with the
 *    root's version.
 *  2 When the root goes from version v to v + 1, the head of v - 1 is not
 *    PUBLISHED any more: it was claimed before. So at most one head has been
 *    replaced and is not claimed: the one that the root's head names.
 *  3 A head is published with a version higher than any the root had before
 *    the block was taken. So "PUBLISHED, version v - 1" in the block that the
 *    head of v names is the life that v replaced, and no later one.
 *
 * Protocol
 *  load   1 root  2 copy from its head  3 root again: the same, and the copy
 *           is the value (linearized at 1); else start anew
 *  store  1 take a block, write the value
 *         2 root; (append, swap: 1 and 2 the other way round, with a copy of
 *           the old value, and the root must still be the same)
 *         3 claim what its head names, free it  4 note the head in ours;
 *           state = PUBLISHED(me, version + 1)
 *         5 root: old -> ours                             linearization
 *         6 claim the old head  7 free it
 *  claim  state: PUBLISHED(any, its version) -> OWNED(me, its version)
 *  clear  is to store a head that stands for no value
 *
 * Orderings
 *  [R] root: changed by seq_cst compare-and-swap (on account of [E] of
 *      event.h), read with acquire: who finds a head sees it written, and the
 *      head before it claimed (2). Read again after taking a block (3): the
 *      claim of it acquired what its last owner released, the root too.
 *  [C] An acquire fence between the copy and the second look at the root; it
 *      pairs with the release fence of pool.h between the claim of a block
 *      and the first store to it: who copies anything newer sees the root
 *      changed, which happened before the block was freed.
 *  [S] state: claimed by acq_rel, so that what its readers did comes before
 *      it is freed; read with acquire by who decides on it by the root.
 *
 * Progress and death. Lock-free: the root changes only when somebody's change
 * is done; loading starts anew only then.
 *  killed after  leaves                       repaired by
 *  store 1, 2    OWNED(X), parts              recovery frees
 *  store 3       OWNED(X)                     recovery frees
 *  store 4       PUBLISHED(X, version + 1),   recovery frees: X is dead and
 *                not in the root              did not swap
 *  store 5       done; the old head PUBLISHED the next who stores, or recovery
 *                and named by the new         (2)
 *  store 6       OWNED(X)                     recovery frees
 *  recovery      what it owns is its own: the next goes on
 */
#include "data/string.h"

#include "base/crash.h"
#include "shm/client.h"

#include <stdlib.h>

/* ---- what both structures need ---- */

int copy_make(struct copy *copy, size_t size)
{
	copy->size = size;
	copy->more = size > sizeof(copy->some) ? malloc(size) : NULL;
	copy->data = copy->more ? copy->more : copy->some;
	return size > sizeof(copy->some) && !copy->more ? -ENOMEM : 0;
}

void copy_free(struct copy *copy)
{
	free(copy->more);
}

int string_fits(const struct agora_string *s, const void *data, size_t size)
{
	return unlikely(size > s->limit) ? -EMSGSIZE
					 : object_fits(&s->object, data, size);
}

/* ---- the root and its head ---- */

static inline uint64_t load_root(const struct agora_string *s)
{
	/* [R] */
	return atomic_load_explicit(s->root, memory_order_acquire);
}

/* True when what was read since the root was read belongs to it. */
static inline bool is_same(const struct agora_string *s, uint64_t root)
{
	/* [C] */
	atomic_thread_fence(memory_order_acquire);
	return likely(
		atomic_load_explicit(s->root, memory_order_relaxed) == root);
}

/* The head that a root names, not yet bounded. */
static inline struct block_ref head_of(uint64_t root)
{
	return (struct block_ref){(uint32_t)(root & ROOT_INDEX) - 1};
}

static inline bool has_head(const struct agora_string *s, uint64_t root)
{
	return pool_has(&s->store.pool[0], head_of(root));
}

static inline uint32_t load_note(const struct block_shm *head)
{
	return atomic_load_explicit(&head->key_size, memory_order_relaxed);
}

/* ---- load ---- */

/* Copy what the head of a root holds; to be validated.
 * Returns 0, -ENOENT, -EMSGSIZE, -EUCLEAN. */
static inline int copy_head(
	const struct agora_string *s, uint64_t root, struct agora_buffer *value)
{
	struct block_ref ref = head_of(root);
	struct block_shm *head = store_head(&s->store, ref);
	size_t size = atomic_load_explicit(&head->size, memory_order_relaxed);

	value->version = root_version(root);
	if (unlikely(load_note(head) & HEAD_CLEARED))
		return -ENOENT;
	if (unlikely(size > s->limit))
		return -EUCLEAN;
	value->size = size;
	if (unlikely(size > value->capacity))
		return -EMSGSIZE;
	if (likely(size <= s->store.pool[0].data_size)) {
		string_copy_out(
			value->data, pool_data(&s->store.pool[0], ref), size);
		return 0;
	}
	return message_read(&s->store, ref, 0, value->data, size);
}

/* The value of a root: as string_load(), and CHANGED. */
static inline int load_at(
	const struct agora_string *s, uint64_t root, struct agora_buffer *value)
{
	int error;

	if (unlikely(!root)) {
		value->version = 0;
		return -ENOENT;
	}
	if (unlikely(!has_head(s, root)))
		return -EUCLEAN;
	crash_point(string_looked);
	error = copy_head(s, root, value);
	crash_point(string_copied);
	return is_same(s, root) ? error : CHANGED;
}

int string_load(void *handle, struct agora_buffer *value)
{
	const struct agora_string *s = handle;
	uint64_t before = value->version;
	long tries = LOAD_TRIES;
	int error;

	do {
		error = load_at(s, load_root(s), value);
	} while (unlikely(error == CHANGED) && --tries);
	/* Who comes again with more room has not seen this version. */
	if (unlikely(error == -EMSGSIZE))
		value->version = before;
	return unlikely(error == CHANGED) ? -EUCLEAN : error;
}

/* ---- the head that was replaced ---- */

/* Become the one who frees the head of a version that is not the root's. */
static void claim(struct agora_string *s, uint32_t index, uint64_t version)
{
	struct block_ref ref = {index - 1};
	struct block_shm *head;
	uint64_t state, mine;

	if (!index || !pool_has(&s->store.pool[0], ref))
		return;
	head = store_head(&s->store, ref);
	state = atomic_load_explicit(&head->state, memory_order_relaxed);
	mine = state_make(BLOCK_OWNED, s->object.segment.client, version);
	if (state_kind(state) != BLOCK_PUBLISHED ||
		state_ticket(state) != state_ticket(mine))
		return;
	/* [S] */
	if (!atomic_compare_exchange_strong_explicit(&head->state, &state, mine,
		    memory_order_acq_rel, memory_order_relaxed))
		return;
	crash_point(string_claimed);
	message_free(&s->store, ref);
}

/* store 3: 0, CHANGED, -EUCLEAN. */
static inline int settle(struct agora_string *s, uint64_t root)
{
	uint32_t note;

	if (unlikely(!root))
		return 0;
	if (unlikely(!has_head(s, root)))
		return -EUCLEAN;
	note = load_note(store_head(&s->store, head_of(root)));
	if (unlikely(!is_same(s, root)))
		return CHANGED;
	claim(s, note & HEAD_PREVIOUS, root_version(root) - 1);
	return 0;
}

void string_settle(struct agora_string *s)
{
	long tries = LOAD_TRIES;

	while (settle(s, load_root(s)) == CHANGED && --tries)
		;
}

/* Does a root, or the head that it names, name this one? To be validated. */
static bool names(const struct agora_string *s, uint64_t root,
	struct block_ref ref, uint64_t version)
{
	uint32_t note;

	if (!root || !has_head(s, root))
		return false;
	if (root_version(root) == version)
		return head_of(root).index == ref.index;
	note = load_note(store_head(&s->store, head_of(root)));
	return root_version(root) - 1 == version &&
	       (note & HEAD_PREVIOUS) == ref.index + 1;
}

bool string_is_named(
	const struct agora_string *s, struct block_ref ref, uint64_t state)
{
	long tries = LOAD_TRIES;
	uint64_t root;
	bool named;

	do {
		root = load_root(s);
		named = names(s, root, ref, state_ticket(state));
	} while (!is_same(s, root) && --tries);
	return named;
}

/* ---- change ---- */

/* A new value under way. */
struct change {
	struct block_ref ref;
	bool taken;   /* a block is ours */
	bool written; /* and the value is in it */
	uint32_t note;
};

/* store 1 */
static int write_head(
	struct agora_string *s, struct change *c, const struct piece pieces[2])
{
	int error = c->taken ? 0 : pool_take(&s->store.pool[0], &c->ref);

	if (!error) {
		c->taken = true;
		crash_point(string_taken);
		error = message_write(&s->store, c->ref, pieces);
		crash_point(string_written);
	}
	c->written = !error;
	return error;
}

/* store 1, and once more when the dead had what is missing. */
static inline int write_value(
	struct agora_string *s, struct change *c, const struct piece pieces[2])
{
	int error = write_head(s, c, pieces);

	if (likely(error != -EAGAIN))
		return error;
	if (client_sweep(&s->object.segment) > 0)
		error = write_head(s, c, pieces);
	return error == -EAGAIN ? -ENOSPC : error;
}

/* What was written is not to be stored after all. */
static void unwrite(struct agora_string *s, struct change *c)
{
	if (c->written && s->store.pool[1].count)
		message_free_parts(&s->store, c->ref);
	c->written = false;
}

static void drop(struct agora_string *s, struct change *c)
{
	if (c->taken)
		message_free(&s->store, c->ref);
}

/* store 3 to 7; root: as read before the value was taken from it, or after
 * the block was taken. 0, CHANGED, -EUCLEAN. */
static inline int publish(
	struct agora_string *s, struct change *c, uint64_t root)
{
	struct block_shm *head = store_head(&s->store, c->ref);
	uint64_t version = root_version(root);
	uint64_t mine = (version + 1) << ROOT_BITS | (c->ref.index + 1);
	int error;

	if (unlikely(load_root(s) != root))
		return CHANGED;
	error = settle(s, root);
	if (unlikely(error))
		return error;
	atomic_store_explicit(&head->key_size,
		c->note | (uint32_t)(root & ROOT_INDEX), memory_order_relaxed);
	/* The swap releases it. */
	atomic_store_explicit(&head->state,
		state_make(
			BLOCK_PUBLISHED, s->object.segment.client, version + 1),
		memory_order_relaxed);
	crash_point(string_ready);
	/* [R] [E] */
	if (unlikely(!atomic_compare_exchange_strong_explicit(s->root, &root,
		    mine, memory_order_seq_cst, memory_order_relaxed)))
		return CHANGED;
	crash_point(string_published);
	claim(s, (uint32_t)(root & ROOT_INDEX), version);
	return 0;
}

/* store, swap, compare, clear: what is written does not depend on what was. */
static inline int replace(struct agora_string *s, struct change *c,
	struct write *w, uint64_t *ret_root)
{
	struct piece pieces[2] = {{w->data, w->size}, {"", 0}};
	char nothing;
	struct agora_buffer none = {.data = &nothing, .capacity = 0};
	uint64_t root;
	int error = c->written ? 0 : write_value(s, c, pieces);

	if (error)
		return error;
	*ret_root = root = load_root(s);
	if (w->verb == WRITE_STORE)
		return publish(s, c, root);
	if (w->verb == WRITE_SWAP) {
		error = load_at(s, root, w->old);
	} else {
		error = load_at(s, root, &none);
		error = error == -EMSGSIZE ? 0 : error;
	}
	if (w->verb == WRITE_COMPARE && (!error || error == -ENOENT)) {
		uint64_t present = error ? 0 : none.version;

		error = w->version == present ? 0 : -ESTALE;
		if (error)
			*ret_root = present << ROOT_BITS;
	}
	return error ? error : publish(s, c, root);
}

/* The present value, and room for more after it: 0, CHANGED, -EMSGSIZE, ... */
static int copy_value(struct agora_string *s, uint64_t root,
	const struct write *w, struct copy *copy)
{
	struct agora_buffer b = {.data = copy->some, .capacity = 0};
	int error = load_at(s, root, &b);
	size_t size = error == -EMSGSIZE ? b.size : 0;

	copy->data = copy->some;
	copy->size = 0;
	copy->more = NULL;
	if (error && error != -EMSGSIZE && error != -ENOENT)
		return error;
	if (w->size > s->limit - size)
		return -EMSGSIZE;
	error = copy_make(copy, size + w->size);
	if (error)
		return error;
	copy_bytes(copy->data + size, w->data, w->size);
	b = (struct agora_buffer){.data = copy->data, .capacity = size};
	return size ? load_at(s, root, &b) : 0;
}

static int append(struct agora_string *s, struct change *c, struct write *w,
	uint64_t *ret_root)
{
	uint64_t root = *ret_root = load_root(s);
	struct piece pieces[2] = {{"", 0}, {"", 0}};
	struct copy copy;
	int error = copy_value(s, root, w, &copy);

	if (!error)
		error = string_fits(s, copy.data, copy.size);
	pieces[0] = (struct piece){copy.data, copy.size};
	unwrite(s, c);
	if (!error)
		error = write_value(s, c, pieces);
	copy_free(&copy);
	return error ? error : publish(s, c, root);
}

static inline int attempt(struct agora_string *s, struct change *c,
	struct write *w, uint64_t *ret_root)
{
	return w->verb == WRITE_APPEND ? append(s, c, w, ret_root)
				       : replace(s, c, w, ret_root);
}

int string_write(struct agora_string *s, struct write *w)
{
	struct change c = {.taken = false};
	long tries = LOAD_TRIES;
	uint64_t root = 0;
	int error = object_writable(&s->object);

	if (!error && w->verb == WRITE_CLEAR)
		c.note = HEAD_CLEARED;
	else if (!error && w->verb != WRITE_APPEND)
		error = string_fits(s, w->data, w->size);
	if (error)
		return error;
	do {
		error = attempt(s, &c, w, &root);
	} while (unlikely(error == CHANGED) && --tries);
	if (unlikely(error)) {
		drop(s, &c);
		w->version = root_version(root);
		return error == CHANGED ? -EUCLEAN : error;
	}
	w->version = root_version(root) + 1;
	event_notify(&s->object.segment, EVENT_BIT(EVENT_ADVANCED));
	return 0;
}

/* ---- recover ---- */

static void recover_head(struct agora_string *s, struct block_ref ref,
	const struct client_set *dead)
{
	uint64_t state = string_state(s, ref);
	enum block_kind kind = state_kind(state);

	if ((kind != BLOCK_OWNED && kind != BLOCK_PUBLISHED) ||
		!client_set_has(dead, state_owner(state)))
		return;
	if (kind == BLOCK_OWNED || !string_is_named(s, ref, state))
		message_reclaim(&s->store, ref, state);
	crash_point(string_recover_head);
}

void string_recover(struct segment *segment, const struct client_set *dead)
{
	struct agora_string *s = segment->owner;
	struct pool_scan scan;
	struct block_ref ref;

	string_settle(s);
	crash_point(string_recover_settled);
	pool_scan_start(&scan, &s->store.pool[0]);
	while (pool_scan_next(&scan, &ref))
		recover_head(s, ref, dead);
	message_recover_parts(&s->store, dead);
	crash_point(string_recovered);
}
