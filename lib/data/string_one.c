/*
 * string_one.c - one value of any size that one writer replaces.
 *
 * What. Two sides: the value is on one, the writer fills the other, and then
 * one word says that this is the value now (the double buffer; a death in the
 * middle leaves only the idle side torn, where a seqlock would lock all
 * readers out). A second word says which version is being written, so that who
 * reads knows whether his side was touched: that takes two changes. Up to 128
 * bytes lie on the side itself, more in blocks that it names.
 *
 * Layout. Only the writer changes any of it, with one exception [S].
 *  word     version:48 | what:16: a size up to 128, or blocks, or no value
 *  writing  the version whose side is being written, or was last
 *  head     of each side: the index + 1 of the head of its blocks
 *  side     128 bytes; version v is on side v % 2
 *  pool 0   heads and parts, pool 1: parts. A head's ticket is its version.
 *
 * Invariants
 *  1 The side of word's version is not touched. writing is that version or
 *    the next one.
 *  2 A head is the structure's when it is PUBLISHED, the side of its ticket
 *    names it, and its ticket is word's version or the one before. No other
 *    one is; if its owner is dead it is nobody's.
 *
 * Protocol
 *  load   1 word  2 copy from its side, or from the blocks that it names
 *         3 writing: not more than one ahead of the version: the copy is the
 *           value (linearized at 1); else start anew
 *  store  1 writing = version + 1
 *         2 the head of that side, if it is the structure's (2): OWNED; the
 *           side names none; free it
 *         3 write the bytes; or write a head, PUBLISHED(me, version + 1),
 *           and let the side name it
 *         4 word = version + 1                            linearization
 *  role   lock, recover the dead. word says where to go on
 *
 * Orderings
 *  Of word: [D] of string.h.
 *  [W] writing is stored before a release fence, and bytes of the side, or of
 *      blocks that it named, after it. Readers read those, pass an acquire
 *      fence and read writing: had they seen anything newer, they would see
 *      the newer version. It is stored with release as well, after word, and
 *      read with acquire: who sees it two ahead sees word changed, or else it
 *      never fitted, which is damage and no reason to try again.
 *  [S] The state of a head: PUBLISHED is stored with release, and changed by
 *      acq_rel compare-and-swap, as a recoverer may be at work; he reads it
 *      with acquire, then word [D], then the names of the sides.
 *
 * Progress and death. Storing up to 128 bytes: wait-free, but for threads
 * that share the handle, which take turns, and for what a side held in blocks.
 * Loading: lock-free; it starts anew only when two changes began within it.
 *  killed after  leaves                       repaired by
 *  store 1       writing one ahead            nobody need: the next store says
 *                                             the same
 *  store 2       OWNED(X)                     recovery frees
 *  store 3       a side half written; or      the next store writes it anew;
 *                OWNED(X), or PUBLISHED(X)    recovery frees: the ticket is
 *                named by the idle side       ahead of word
 *  store 4       done
 */
#include "data/string.h"

#include "base/crash.h"
#include "shm/client.h"

#include <sys/single_threaded.h>

#define ROLE_WRITER 0

/* ---- load ---- */

static inline uint64_t load_word(const struct agora_string *s)
{
	/* [D] */
	return atomic_load_explicit(&s->cell->word, memory_order_acquire);
}

static inline uint64_t what_of(uint64_t word)
{
	return word & ROOT_INDEX;
}

static inline char *side_of(const struct agora_string *s, uint64_t version)
{
	return s->cell->side[version & 1];
}

static inline _Atomic uint32_t *head_of(
	const struct agora_string *s, uint64_t version)
{
	return &s->cell->head[version & 1];
}

/* The head that a side names; false: none. */
static inline bool find_head(const struct agora_string *s, uint64_t version,
	struct block_ref *ret_head)
{
	uint32_t index =
		atomic_load_explicit(head_of(s, version), memory_order_relaxed);

	ret_head->index = index - 1;
	return index && pool_has(&s->store.pool[0], *ret_head);
}

/* As copy_word(), of what is in blocks. */
static int copy_blocks(const struct agora_string *s, uint64_t version,
	struct agora_buffer *value)
{
	struct block_ref ref;
	size_t size;

	if (!find_head(s, version, &ref))
		return -EUCLEAN;
	size = atomic_load_explicit(
		&store_head(&s->store, ref)->size, memory_order_relaxed);
	if (size > s->limit)
		return -EUCLEAN;
	value->size = size;
	if (size > value->capacity)
		return -EMSGSIZE;
	return message_read(&s->store, ref, 0, value->data, size);
}

/* Copy what a word says; to be validated. 0, -ENOENT, -EMSGSIZE, -EUCLEAN. */
static inline int copy_word(
	const struct agora_string *s, uint64_t word, struct agora_buffer *value)
{
	uint64_t version = root_version(word), what = what_of(word);

	value->version = version;
	if (unlikely(!word || what == WHAT_CLEARED))
		return -ENOENT;
	if (what == WHAT_BLOCKS)
		return copy_blocks(s, version, value);
	if (unlikely(what > num_min(SIDE_SIZE, s->limit)))
		return -EUCLEAN;
	value->size = what;
	if (unlikely(what > value->capacity))
		return -EMSGSIZE;
	string_copy_out(value->data, side_of(s, version), what);
	return 0;
}

/* True when the side of a version was not touched until now. */
static inline bool is_whole(const struct agora_string *s, uint64_t version)
{
	uint64_t writing;

	/* [W] */
	atomic_thread_fence(memory_order_acquire);
	/* [W] */
	writing = atomic_load_explicit(&s->cell->writing, memory_order_acquire);
	return likely(writing - version <= 1);
}

int string_one_load(void *handle, struct agora_buffer *value)
{
	const struct agora_string *s = handle;
	uint64_t word = load_word(s), before = value->version, again;

	for (long tries = LOAD_TRIES; tries; tries--) {
		int error;

		crash_point(string_one_looked);
		error = copy_word(s, word, value);
		crash_point(string_one_copied);
		/* Who comes again with more room has not seen this one. */
		if (unlikely(error == -EMSGSIZE))
			value->version = before;
		if (is_whole(s, root_version(word)))
			return error;
		again = load_word(s);
		if (again == word)
			break;
		word = again;
	}
	return -EUCLEAN;
}

/* ---- turn and role ---- */

static void take_turn(struct agora_string *s)
{
	if (likely(__libc_single_threaded))
		return;
	pthread_mutex_lock(&s->turn);
	s->locked = true;
}

static void end_turn(struct agora_string *s)
{
	if (likely(!s->locked))
		return;
	s->locked = false;
	pthread_mutex_unlock(&s->turn);
}

static int take_role(struct agora_string *s)
{
	int error = client_lock_role(&s->object.segment, ROLE_WRITER);

	if (error)
		return error;
	crash_point(string_one_role_taken);
	client_sweep(&s->object.segment);
	s->role = true;
	return 0;
}

void string_one_yield(void *handle)
{
	struct agora_string *s = handle;

	take_turn(s);
	/* Closing the file may not do it: somebody may have it mapped. */
	if (s->role)
		client_unlock_role(&s->object.segment, ROLE_WRITER);
	s->role = false;
	end_turn(s);
}

/* ---- store ---- */

/* store 1 and 2: the idle side, which is to be that of version. */
static void clear_side(struct agora_string *s, uint64_t version)
{
	_Atomic uint64_t *word;
	struct block_ref ref;
	uint64_t state, mine;
	bool ours;

	/* [W] */
	atomic_store_explicit(&s->cell->writing, version, memory_order_release);
	/* [W] */
	atomic_thread_fence(memory_order_release);
	crash_point(string_one_announced);
	if (likely(!find_head(s, version, &ref)))
		return;
	word = &store_head(&s->store, ref)->state;
	state = atomic_load_explicit(word, memory_order_relaxed);
	mine = state_make(
		BLOCK_OWNED, s->object.segment.client, state_ticket(state));
	ours = state_kind(state) == BLOCK_PUBLISHED &&
	       state_ticket(state) == version - 2;
	/* [S] */
	ours = ours &&
	       atomic_compare_exchange_strong_explicit(word, &state, mine,
		       memory_order_acq_rel, memory_order_relaxed);
	crash_point(string_one_claimed);
	atomic_store_explicit(head_of(s, version), 0, memory_order_relaxed);
	if (ours)
		message_free(&s->store, ref);
}

/* A head with the value, not yet published. 0, -EAGAIN, -ENOSPC, -EUCLEAN. */
static int write_head(struct agora_string *s, const struct piece pieces[2],
	struct block_ref *ret_ref)
{
	int error = pool_take(&s->store.pool[0], ret_ref);

	if (error)
		return error;
	error = message_write(&s->store, *ret_ref, pieces);
	crash_point(string_one_written);
	if (error)
		message_free(&s->store, *ret_ref);
	return error;
}

/* store 3, of what is too long for the side. */
static int write_blocks(
	struct agora_string *s, uint64_t version, const struct piece pieces[2])
{
	struct block_ref ref;
	int error = write_head(s, pieces, &ref);

	if (error == -EAGAIN && client_sweep(&s->object.segment) > 0)
		error = write_head(s, pieces, &ref);
	if (error)
		return error == -EAGAIN ? -ENOSPC : error;
	/* [S] */
	atomic_store_explicit(&store_head(&s->store, ref)->state,
		state_make(BLOCK_PUBLISHED, s->object.segment.client, version),
		memory_order_release);
	crash_point(string_one_hung);
	atomic_store_explicit(
		head_of(s, version), ref.index + 1, memory_order_relaxed);
	crash_point(string_one_named);
	return 0;
}

/* store 4 */
static inline void set_word(
	struct agora_string *s, uint64_t version, uint64_t what)
{
	/* [D] [E] */
	atomic_exchange_explicit(&s->cell->word, version << ROOT_BITS | what,
		memory_order_seq_cst);
	crash_point(string_one_published);
}

/* store 1 to 4. word: the present one. 0, -ENOSPC, -EUCLEAN. */
static inline int store(
	struct agora_string *s, uint64_t word, const struct piece pieces[2])
{
	uint64_t version = root_version(word) + 1;
	size_t size = pieces[0].size + pieces[1].size;
	int error;

	clear_side(s, version);
	if (unlikely(size > SIDE_SIZE)) {
		error = write_blocks(s, version, pieces);
		if (!error)
			set_word(s, version, WHAT_BLOCKS);
		return error;
	}
	if (!copy_small(side_of(s, version), pieces[0].data, pieces[0].size))
		copy_in(side_of(s, version), pieces[0].data, pieces[0].size);
	if (pieces[1].size)
		copy_in(side_of(s, version) + pieces[0].size, pieces[1].data,
			pieces[1].size);
	crash_point(string_one_filled);
	set_word(s, version, size);
	return 0;
}

static int clear(struct agora_string *s, uint64_t word)
{
	uint64_t version = root_version(word) + 1;

	if (!word || what_of(word) == WHAT_CLEARED)
		return -ENOENT;
	clear_side(s, version);
	set_word(s, version, WHAT_CLEARED);
	return 0;
}

static int append(struct agora_string *s, uint64_t word, const struct write *w)
{
	struct copy copy;
	struct agora_buffer b = {.data = copy.some, .capacity = 0};
	struct piece pieces[2] = {{"", 0}, {w->data, w->size}};
	int error = copy_word(s, word, &b);

	if (error == -EMSGSIZE)
		pieces[0].size = b.size;
	else if (error && error != -ENOENT)
		return error;
	if (w->size > s->limit - pieces[0].size)
		return -EMSGSIZE;
	error = copy_make(&copy, pieces[0].size + w->size);
	if (error)
		return error;
	b = (struct agora_buffer){
		.data = copy.data, .capacity = pieces[0].size};
	if (pieces[0].size)
		error = copy_word(s, word, &b);
	copy_bytes(copy.data + pieces[0].size, w->data, w->size);
	if (!error)
		error = string_fits(s, copy.data, copy.size);
	pieces[0] = (struct piece){copy.data, copy.size};
	pieces[1].size = 0;
	if (!error)
		error = store(s, word, pieces);
	copy_free(&copy);
	return error;
}

static int compare(struct agora_string *s, uint64_t word, struct write *w,
	const struct piece pieces[2])
{
	bool none = !word || what_of(word) == WHAT_CLEARED;
	uint64_t present = none ? 0 : root_version(word);

	if (w->version != present) {
		w->version = present;
		return -ESTALE;
	}
	return store(s, word, pieces);
}

/* The writer, at work: as string_one_write(). */
static int change(struct agora_string *s, struct write *w)
{
	struct piece pieces[2] = {{w->data, w->size}, {"", 0}};
	uint64_t word =
		atomic_load_explicit(&s->cell->word, memory_order_relaxed);
	int error;

	if (w->verb == WRITE_CLEAR)
		return clear(s, word);
	if (w->verb == WRITE_APPEND)
		return append(s, word, w);
	error = string_fits(s, w->data, w->size);
	if (!error && w->verb == WRITE_SWAP)
		error = copy_word(s, word, w->old);
	if (error)
		return error;
	return w->verb == WRITE_COMPARE ? compare(s, word, w, pieces)
					: store(s, word, pieces);
}

int string_one_write(struct agora_string *s, struct write *w)
{
	int error = object_writable(&s->object);

	if (error)
		return error;
	take_turn(s);
	if (unlikely(!s->role))
		error = take_role(s);
	if (likely(!error))
		error = change(s, w);
	if (likely(!error)) {
		w->version = root_version(atomic_load_explicit(
			&s->cell->word, memory_order_relaxed));
		event_notify(&s->object.segment, EVENT_BIT(EVENT_ADVANCED));
	}
	end_turn(s);
	return error;
}

/* ---- recover ---- */

bool string_one_is_named(
	const struct agora_string *s, struct block_ref ref, uint64_t state)
{
	uint64_t ticket = state_ticket(state);
	struct block_ref named;

	/* word first: a name that is newer than it says the same or more */
	return root_version(load_word(s)) - ticket <= 1 &&
	       find_head(s, ticket, &named) && named.index == ref.index;
}

static void recover_head(struct agora_string *s, struct block_ref ref,
	const struct client_set *dead)
{
	uint64_t state = string_state(s, ref);
	enum block_kind kind = state_kind(state);

	if ((kind != BLOCK_OWNED && kind != BLOCK_PUBLISHED) ||
		!client_set_has(dead, state_owner(state)))
		return;
	if (kind == BLOCK_OWNED || !string_one_is_named(s, ref, state))
		message_reclaim(&s->store, ref, state);
	crash_point(string_one_recover_head);
}

void string_one_recover(struct segment *segment, const struct client_set *dead)
{
	struct agora_string *s = segment->owner;
	struct pool_scan scan;
	struct block_ref ref;

	pool_scan_start(&scan, &s->store.pool[0]);
	while (pool_scan_next(&scan, &ref))
		recover_head(s, ref, dead);
	message_recover_parts(&s->store, dead);
	crash_point(string_one_recovered);
}
