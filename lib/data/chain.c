/*
 * chain.c - sorted chains of entries that all may write.
 *
 * What. A sorted list (Michael, SPAA 2002), whose hazard pointers are
 * replaced by a version in each link and a second look (as in version based
 * reclamation, Sheffi, Herlihy and Petrank, DISC 2021). New are replacement by
 * the mark that deletes, and that a dead entry is claimed before it is
 * unlinked, so that someone is named at each instant who will free it.
 *
 * Layout
 *  link    of a head or an entry: mark:1 | version:35 | index + 1:28. Any
 *          client changes it, by compare-and-swap, once it is published. The
 *          version grows with every change and is never reset, also when the
 *          block is used anew. The mark says: the entry that this link is in
 *          is dead.
 *  pool 0  entries: header, link, hash, key and value in one message; and
 *          parts of longer ones. State tickets are generations, which name
 *          the life of an entry: PUBLISHED and RETIRED carry the same one.
 *  pool 1  parts of longer messages.
 *  What is the head of a chain, and what the hash is, is the kind's.
 *
 * Invariants
 *  1 An entry is in the structure if and only if it can be reached from the
 *    head of its chain and its link is not marked.
 *  2 A marked link never changes until its block is used anew.
 *  3 What can be reached is sorted by hash and key, and no key stands there
 *    twice but dead.
 *  4 An entry that can be reached is PUBLISHED or RETIRED. It is RETIRED
 *    only when dead, and who made it so frees it, after it was unlinked.
 *  5 Nobody unlinks an entry that is PUBLISHED. So one that is PUBLISHED and
 *    cannot be reached was never published.
 *
 * Protocol
 *  walk   1 anchor = a link in the chain, held = its value
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
 *         4 bury the old, discard it
 *  delete 1 walk  2 link: not marked -> marked                 linearization
 *         3 bury it, discard it
 *  bury   1 state: PUBLISHED -> RETIRED(me, life); failed: somebody else
 *           will do the rest
 *         2 unlink: anchor: held -> what the dead one's link names; failed:
 *           purge the chain
 *  discard 1 state = OWNED  2 free
 *  purge  walk from a place before the key's, and bury each marked entry;
 *         those already RETIRED by others are unlinked and not freed. One that
 *         could not be unlinked where it was found is certainly unlinked when
 *         a purge came by its place
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
 *  bury 1, 2     RETIRED(X), linked or not    recovery purges, then frees;
 *                                             others may unlink it
 *  discard 1     OWNED(X), parts              recovery frees
 *  recovery      what it re-owned or retired is its own: the next goes on.
 *                Entries of the dead that it found in place become
 *                PUBLISHED(nobody), so that they are not looked for twice
 */
#include "data/chain.h"

int chain_compare_long(const struct chain *c, struct block_ref ref, size_t size,
	const struct key *key)
{
	unsigned char copy[CHAIN_KEY_MAX];

	if (size > c->key_size || message_read(&c->store, ref, 0, copy, size))
		return UNREADABLE;
	return compare_bytes(copy, size, key->data, key->size);
}

int chain_copy_value(
	const struct chain *c, const struct walk *w, struct agora_buffer *value)
{
	size_t key_size = load_key_size(w->entry);
	size_t size = load_size(w->entry) - key_size;
	int error = 0;

	/* A key larger than the whole makes size too large as well. */
	if (unlikely(size > c->value_size || key_size > c->key_size))
		error = -EUCLEAN;
	else if (unlikely(size > value->capacity))
		error = -EMSGSIZE;
	else
		error = read_entry(c, w->ref, key_size, value->data, size);
	/* [A] */
	atomic_thread_fence(memory_order_acquire);
	if (unlikely(!is_alive(load_state(c, w->ref), state_ticket(w->state))))
		return AGAIN;
	if (error != -EUCLEAN)
		value->size = size;
	if (!error)
		value->version = version_of(w->ref, w->state);
	return error;
}

int chain_copy_entry(const struct chain *c, const struct walk *w,
	unsigned char key[CHAIN_KEY_MAX], size_t *ret_size,
	struct agora_buffer *value)
{
	struct agora_buffer none = {.capacity = 0};
	size_t size = load_key_size(w->entry);
	int error = -EUCLEAN;

	if (size <= c->key_size)
		error = read_entry(c, w->ref, 0, key, size);
	if (!error)
		error = chain_copy_value(c, w, value ? value : &none);
	if (error == -EMSGSIZE && !value)
		error = 0;
	if (error == -EUCLEAN)
		return walk_is_valid(w) ? error : AGAIN;
	*ret_size = size;
	return error;
}

/* That it changed is told, but cannot be looked at: there is no cursor. */
int chain_ready(void *handle, uint32_t events, uint64_t cursor)
{
	(void)handle;
	(void)cursor;
	return events & AGORA_READABLE ? -EOPNOTSUPP
				       : (int)(events & AGORA_WRITABLE);
}
