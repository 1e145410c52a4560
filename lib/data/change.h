/*
 * change.h - how put, swap, compare, add and delete change a chain.
 *
 * Written once for all kinds that are made of chains; each says by a constant
 * struct way how it finds a place and publishes there, and the compiler makes
 * one function of it. The steps are those at the head of chain.c.
 */
#ifndef LIB_DATA_CHANGE_H
#define LIB_DATA_CHANGE_H

#include "data/chain.h"

/* A write under way. */
struct change {
	struct key key;
	struct piece value;
	struct walk at;        /* the key's place */
	struct block_ref ref;  /* the new entry, once it is written */
	struct entry_shm *new; /* NULL before */
	uint64_t version;      /* of the new entry */
};

struct way {
	/* Find the key's place: PRESENT, ABSENT, -EUCLEAN. */
	int (*seek)(struct chain *c, struct change *change);
	/* Put 3 and 4: 0, AGAIN, -EUCLEAN. present: what seek returned. */
	int (*publish)(struct chain *c, struct change *change, int present);
	/* Give what else the kind keeps in an entry its first values. */
	void (*prepare)(struct chain *c, struct change *change);
	/* Make the memory of the place safe to touch: 0, -ENOSPC, ... */
	int (*ready)(struct chain *c, const struct key *key);
	bool members; /* the type is that of keys, and values are empty */
};

static inline int no_room(int error)
{
	return error == -EAGAIN ? -ENOSPC : error;
}

/* What a new entry needs beside its message, to be published. */
INLINED void dress(struct chain *c, struct change *ch, const struct way *way)
{
	uint64_t life = state_ticket(atomic_load_explicit(
		&ch->new->block.state, memory_order_relaxed));
	uint64_t state =
		state_make(BLOCK_PUBLISHED, c->object.segment.client, life);
	uint64_t link =
		atomic_load_explicit(&ch->new->link, memory_order_relaxed);

	atomic_store_explicit(&ch->new->block.key_size, (uint32_t)ch->key.size,
		memory_order_relaxed);
	atomic_store_explicit(
		&ch->new->hash, ch->key.hash, memory_order_relaxed);
	atomic_store_explicit(
		&ch->new->link, link_after(link, 0, 0), memory_order_relaxed);
	if (way->prepare)
		way->prepare(c, ch);
	/* [S] */
	atomic_store_explicit(
		&ch->new->block.state, state, memory_order_release);
	ch->version = version_of(ch->ref, state);
	crash_point(chain_put_ready);
}

/* put 1 */
INLINED int write_entry(
	struct chain *c, struct change *ch, const struct way *way)
{
	struct piece pieces[2] = {{ch->key.data, ch->key.size}, ch->value};
	int error = pool_take(&c->store.pool[0], &ch->ref);

	if (error)
		return no_room(error);
	error = message_write(&c->store, ch->ref, pieces);
	crash_point(chain_put_written);
	if (error) {
		message_free(&c->store, ch->ref);
		return no_room(error);
	}
	ch->new = entry_at(c, ch->ref);
	dress(c, ch, way);
	return 0;
}

/* Give up an entry that was not published. */
static inline void drop_entry(struct chain *c, struct change *ch)
{
	if (ch->new)
		chain_discard(c, ch->ref);
	ch->new = NULL;
}

static inline bool try_publish(
	struct change *ch, _Atomic uint64_t *word, uint64_t old, uint64_t mark)
{
	uint64_t link =
		atomic_load_explicit(&ch->new->link, memory_order_relaxed);

	/* Nobody can reach it yet, and publishing releases it. */
	atomic_store_explicit(&ch->new->link,
		link_after(link, 0, link_index(old)), memory_order_relaxed);
	return swap_link(word, old, link_after(old, mark, ch->ref.index + 1));
}

/*
 * put 3: make the new entry reachable, in the old one's place when there is
 * one, which is then dead and to be buried. Returns 0, AGAIN, -EUCLEAN.
 */
INLINED int publish_entry(struct chain *c, struct change *ch, int present)
{
	struct walk *w = &ch->at;
	int error;

	if (present) {
		if (!try_publish(ch, &w->entry->link, w->next, LINK_MARK))
			return AGAIN;
		crash_point(chain_put_replaced);
		return 0;
	}
	if (unlikely(w->run)) {
		error = chain_purge(c, &ch->key, &w->left);
		return error ? error : AGAIN;
	}
	if (!try_publish(ch, w->anchor, w->held, 0))
		return AGAIN;
	crash_point(chain_put_inserted);
	return 0;
}

INLINED int change_start(struct chain *c, struct change *ch,
	const struct key *key, const void *value, size_t size,
	const struct way *way)
{
	int error = object_writable(&c->object);

	ch->key = *key;
	ch->value = (struct piece){value, size};
	ch->at = (struct walk){.left = WALK_STEPS};
	ch->ref = (struct block_ref){0};
	ch->new = NULL;
	ch->version = 0;
	if (!error && size > c->value_size)
		error = -EMSGSIZE;
	if (!error && way->members)
		error = object_fits(&c->object, key->data, key->size);
	else if (!error)
		error = object_fits(&c->object, value, size);
	return error;
}

/* The same, where a key that is not there may be stored. */
INLINED int change_start_ready(struct chain *c, struct change *ch,
	const struct key *key, const void *value, size_t size,
	const struct way *way)
{
	int error = change_start(c, ch, key, value, size, way);

	return error || !way->ready ? error : way->ready(c, key);
}

/* put 2 to 4, once, with what the caller wants to know first done. */
INLINED int change_try(
	struct chain *c, struct change *ch, int present, const struct way *way)
{
	int error = ch->new ? 0 : write_entry(c, ch, way);

	return error ? error : way->publish(c, ch, present);
}

/* To the end of a change: free what was not needed, or tell. */
static inline int change_end(struct chain *c, struct change *ch, int error)
{
	if (error)
		drop_entry(c, ch);
	else
		event_notify(&c->object.segment, EVENT_BIT(EVENT_ADVANCED));
	return error;
}

/* ---- the verbs; ch was begun by change_start_ready() ---- */

INLINED int change_put(
	struct chain *c, struct change *ch, const struct way *way)
{
	int error;

	do {
		error = way->seek(c, ch);
		if (error >= 0)
			error = change_try(c, ch, error, way);
	} while (walk_again(&ch->at, &error));
	return change_end(c, ch, error);
}

INLINED int change_swap(struct chain *c, struct change *ch,
	const struct way *way, struct agora_buffer *old)
{
	struct agora_buffer copy = *old;
	int error;

	do {
		error = way->seek(c, ch);
		if (error == ABSENT)
			error = -ENOENT;
		if (error == PRESENT)
			error = chain_copy_value(c, &ch->at, &copy);
		if (!error)
			error = change_try(c, ch, PRESENT, way);
	} while (walk_again(&ch->at, &error));
	if (!error || error == -EMSGSIZE)
		*old = copy;
	return change_end(c, ch, error);
}

INLINED int change_compare(struct chain *c, struct change *ch,
	const struct way *way, uint64_t version, uint64_t *ret_version)
{
	uint64_t present = 0;
	int error;

	do {
		error = way->seek(c, ch);
		present = error == PRESENT
				  ? version_of(ch->at.ref, ch->at.state)
				  : 0;
		if (error >= 0 && present != version)
			error = -ESTALE;
		if (error >= 0)
			error = change_try(c, ch, error, way);
	} while (walk_again(&ch->at, &error));
	if (ret_version && (!error || error == -ESTALE))
		*ret_version = error ? present : ch->version;
	return change_end(c, ch, error);
}

/* The number that the entry at ch->at holds: 0, AGAIN, -EPROTOTYPE, ... */
static inline int read_number(
	struct chain *c, const struct change *ch, int64_t *ret_number)
{
	struct agora_buffer b = {
		.data = ret_number, .capacity = sizeof(*ret_number)};
	int error = chain_copy_value(c, &ch->at, &b);

	if (error == -EMSGSIZE || (!error && b.size != sizeof(*ret_number)))
		return -EPROTOTYPE;
	return error;
}

/* One attempt to add: as change_try(). sum: what ch->value points to. */
INLINED int add_try(struct chain *c, struct change *ch, const struct way *way,
	int64_t delta, int64_t *sum)
{
	int64_t old = 0;
	int present = way->seek(c, ch);
	int error = present < 0 ? present : 0;

	if (present == PRESENT)
		error = read_number(c, ch, &old);
	*sum = (int64_t)((uint64_t)old + (uint64_t)delta);
	if (!error)
		error = object_fits(&c->object, sum, sizeof(*sum));
	/* What lost a race holds an old sum. */
	drop_entry(c, ch);
	return error ? error : change_try(c, ch, present, way);
}

INLINED int change_add(struct chain *c, struct change *ch,
	const struct way *way, int64_t delta, int64_t *sum)
{
	int error;

	do {
		error = add_try(c, ch, way, delta, sum);
	} while (walk_again(&ch->at, &error));
	return change_end(c, ch, error);
}

/* delete 1 and 2: 0 (the entry at ch->at is dead, its last link is
 * *ret_link), -ENOENT, -EUCLEAN. */
INLINED int change_mark(struct chain *c, struct change *ch,
	const struct way *way, uint64_t *ret_link)
{
	struct walk *w = &ch->at;
	uint64_t link;
	int result;

	do {
		result = way->seek(c, ch);
		if (result != PRESENT)
			return result ? result : -ENOENT;
		link = link_after(w->next, LINK_MARK, link_index(w->next));
		result = swap_link(&w->entry->link, w->next, link) ? 0 : AGAIN;
	} while (walk_again(w, &result));
	if (result)
		return result;
	crash_point(chain_delete_marked);
	*ret_link = link;
	return 0;
}

#endif
