/*
 * map_view.c - look at a map: get, next, previous, ranges.
 *
 * Nothing here changes anything, and all of it works on a mapping that is
 * read-only. What is copied is validated afterwards [A], as chain.c says. What
 * a copied key must prove is that the walk goes on: it comes behind the last
 * one, or a walk over damage might never end.
 */
#include "data/map.h"

#include <stdlib.h>

int map_get(void *handle, const void *key, size_t key_size,
	struct agora_buffer *value)
{
	const struct agora_map *m = handle;
	struct walk w = {.left = WALK_STEPS};
	struct key k;
	int result = map_key(m, key, key_size, &k);

	if (result)
		return result;
	do {
		result = map_seek(m, &k, SEEK_KEY, &w);
		if (result == ABSENT)
			return -ENOENT;
		if (result == PRESENT)
			result = chain_copy_value(&m->chain, &w, value);
	} while (walk_again(&w, &result));
	return result;
}

/* ---- next and previous ---- */

/*
 * Find the last entry before a key. Linearized when its link was read: what
 * it leads to, over dead ones, does not come before the key.
 * Returns PRESENT (found: it), ABSENT, AGAIN, -EUCLEAN.
 */
static int seek_before(const struct agora_map *m, const struct key *key,
	struct walk *w, struct walk *found)
{
	struct spot at;
	int result = descend(m, key, w, &at, NULL);
	bool any = at.at;

	*found = *w;
	found->entry = at.at;
	found->ref = at.ref;
	found->state = at.state;
	while (!result && (result = walk_load(&m->chain, w)) == PRESENT) {
		int order = compare_entry(&m->chain, w, key);

		if (!walk_is_valid(w))
			return AGAIN;
		if (order == UNREADABLE)
			return -EUCLEAN;
		if (order >= 0 && !link_is_marked(w->next))
			return any ? PRESENT : ABSENT;
		if (!link_is_marked(w->next)) {
			*found = *w;
			any = true;
		}
		walk_on(w);
		result = 0;
	}
	return result == ABSENT && any ? PRESENT : result;
}

/* Whether what was found is where it must be. */
static bool is_in_order(enum seek what, int order)
{
	if (what == SEEK_BEFORE)
		return order < 0;
	return order > 0 || (what == SEEK_FROM && !order);
}

/* One attempt: 0, -ENOENT, AGAIN, ... */
static int copy_neighbour(const struct agora_map *m, const struct key *from,
	enum seek what, struct walk *w, unsigned char copy[CHAIN_KEY_MAX],
	size_t *ret_size, struct agora_buffer *value)
{
	struct walk found;
	int result;

	if (what == SEEK_BEFORE) {
		result = seek_before(m, from, w, &found);
	} else {
		result = map_seek(m, from, what, w);
		found = *w;
	}
	if (result == ABSENT)
		return -ENOENT;
	if (result == PRESENT)
		result = chain_copy_entry(
			&m->chain, &found, copy, ret_size, value);
	if (result)
		return result;
	return is_in_order(what,
		       compare_bytes(copy, *ret_size, from->data, from->size))
		       ? 0
		       : -EUCLEAN;
}

static int neighbour(const struct agora_map *m, enum seek what,
	const struct key *from, struct agora_buffer *key,
	struct agora_buffer *value)
{
	unsigned char copy[CHAIN_KEY_MAX];
	struct walk w = {.left = WALK_STEPS};
	size_t size;
	int result;

	do {
		result = copy_neighbour(m, from, what, &w, copy, &size, value);
	} while (walk_again(&w, &result));
	if (result)
		return result;
	if (size)
		memcpy(key->data, copy, size);
	key->size = size;
	return 0;
}

int map_next(void *handle, struct agora_buffer *key, struct agora_buffer *value)
{
	const struct agora_map *m = handle;
	struct key from = map_bound(NULL, 0);
	bool start = key->size == SIZE_MAX;
	int error = key->capacity < m->chain.key_size ? -EINVAL : 0;

	if (!error && !start)
		error = map_key(m, key->data, key->size, &from);
	return error ? error
		     : neighbour(m, start ? SEEK_FROM : SEEK_BEHIND, &from, key,
			       value);
}

int map_previous(
	void *handle, struct agora_buffer *key, struct agora_buffer *value)
{
	const struct agora_map *m = handle;
	struct key from = {m->beyond, sizeof(m->beyond), UINT64_MAX};
	int error = key->capacity < m->chain.key_size ? -EINVAL : 0;

	if (!error && key->size != SIZE_MAX)
		error = map_key(m, key->data, key->size, &from);
	return error ? error : neighbour(m, SEEK_BEFORE, &from, key, value);
}

/* ---- passing entries in order ---- */

void map_pass_start(struct pass *pass, const void *from, size_t size, bool keys)
{
	pass->keys = keys;
	pass->from = map_bound(from, size);
	pass->what = SEEK_FROM;
	pass->placed = false;
	pass->data = pass->small;
	pass->capacity = sizeof(pass->small);
}

void map_pass_end(struct pass *pass)
{
	if (pass->data != pass->small)
		free(pass->data);
}

/* Room for a large value. */
static int pass_grow(struct pass *pass, size_t size)
{
	unsigned char *data = malloc(size);

	if (!data)
		return -ENOMEM;
	map_pass_end(pass);
	pass->data = data;
	pass->capacity = size;
	return 0;
}

/* What was read of the entry is of its life. */
static bool pass_is_alive(const struct agora_map *m, const struct walk *w)
{
	/* [A] */
	atomic_thread_fence(memory_order_acquire);
	return likely(is_alive(
		load_state(&m->chain, w->ref), state_ticket(w->state)));
}

/* Copy the entry that a valid walk found: PRESENT, AGAIN, ... */
static int pass_copy(const struct agora_map *m, struct pass *pass)
{
	const struct walk *w = &pass->w;
	size_t key_size = load_key_size(w->entry), size = load_size(w->entry);
	int error = 0;

	if (unlikely(key_size > m->chain.key_size || key_size > size ||
		     size - key_size > m->chain.value_size))
		error = -EUCLEAN;
	else if (pass->keys)
		size = key_size;
	else if (unlikely(size > pass->capacity))
		error = pass_is_alive(m, w) ? pass_grow(pass, size) : AGAIN;
	if (!error)
		error = read_entry(&m->chain, w->ref, 0, pass->data, size);
	if (unlikely(!pass_is_alive(m, w)))
		return AGAIN;
	if (unlikely(error))
		return error;
	pass->entry = (struct agora_entry){.key = pass->data,
		.key_size = key_size,
		.value = pass->keys ? NULL : pass->data + key_size,
		.value_size = size - key_size,
		.version = version_of(w->ref, w->state)};
	return PRESENT;
}

/* From the last entry on, as it is now, to the next one that lives. */
static int pass_on(const struct agora_map *m, struct walk *w)
{
	int result;

	walk_on(w);
	while ((result = walk_look(&m->chain, w)) == PRESENT &&
		link_is_marked(w->next))
		walk_on(w);
	return result == ABSENT && !walk_is_valid(w) ? AGAIN : result;
}

/* The key must come behind the last one, and becomes it. */
static int pass_keep(struct pass *pass)
{
	const struct agora_entry *entry = &pass->entry;
	int order = compare_bytes(
		entry->key, entry->key_size, pass->from.data, pass->from.size);

	if (unlikely(!is_in_order(pass->what, order)))
		return -EUCLEAN;
	memcpy(pass->last, entry->key, entry->key_size);
	pass->from = map_bound(pass->last, entry->key_size);
	pass->what = SEEK_BEHIND;
	pass->placed = true;
	return PRESENT;
}

int map_pass_next(const struct agora_map *m, struct pass *pass)
{
	struct walk *w = &pass->w;
	int result;

	w->left = WALK_STEPS;
	do {
		if (pass->placed)
			result = pass_on(m, w);
		else
			result = map_seek(m, &pass->from, pass->what, w);
		if (result == PRESENT)
			result = pass_copy(m, pass);
		pass->placed = false;
	} while (walk_again(w, &result));
	return result == PRESENT ? pass_keep(pass) : result;
}

/* ---- ranges ---- */

/* Pass a range; visit may be NULL. *ret_count: how many were passed. */
static int pass_range(const struct agora_map *m,
	const struct agora_range *range,
	int (*visit)(void *argument, const struct agora_entry *entry),
	void *argument, uint64_t *ret_count)
{
	uint64_t count = 0, limit = range->limit ? range->limit : UINT64_MAX;
	struct pass pass;
	int result = PRESENT, told = 0;

	map_pass_start(&pass, range->from, range->from ? range->from_size : 0,
		!visit || !m->chain.value_size);
	while (!told && count < limit) {
		result = map_pass_next(m, &pass);
		if (result != PRESENT)
			break;
		if (range->to &&
			compare_bytes(pass.entry.key, pass.entry.key_size,
				range->to, range->to_size) >= 0)
			break;
		count++;
		if (visit)
			told = visit(argument, &pass.entry);
	}
	map_pass_end(&pass);
	if (ret_count && result >= 0)
		*ret_count = count;
	return result < 0 ? result : told;
}

static int range_problem(const struct agora_range *range)
{
	for (size_t i = 0; i < sizeof(range->reserved) / 8; i++)
		if (range->reserved[i])
			return -EINVAL;
	return 0;
}

int map_range(struct agora_map *m, const struct agora_range *range,
	int (*visit)(void *argument, const struct agora_entry *entry),
	void *argument)
{
	int error = range_problem(range);

	return error ? error : pass_range(m, range, visit, argument, NULL);
}

int map_count(struct agora_map *m, const struct agora_range *range,
	uint64_t *ret_count)
{
	static const struct agora_range all;
	int error = range ? range_problem(range) : 0;

	return error ? error
		     : pass_range(
			       m, range ? range : &all, NULL, NULL, ret_count);
}
