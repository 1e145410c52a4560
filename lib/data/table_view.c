/*
 * table_view.c - look at a table: get, next, check.
 *
 * Nothing here changes an entry, and all but check works on a mapping that
 * is read-only. What is copied is validated afterwards [A]: while an entry's
 * state still names the same life, its bytes are those of that life.
 */
#include "data/table.h"

#include "shm/client.h"

#include <string.h>

/* ---- get and next ---- */

int table_get(void *handle, const void *key, size_t key_size,
	struct agora_buffer *value)
{
	struct agora_table *t = handle;
	struct walk w = {.left = WALK_STEPS};
	struct key k;
	int result = key_make(t, key, key_size, &k);

	if (result)
		return result;
	do {
		result = seek(t, &k, SEEK_KEY, &w);
		if (result == ABSENT)
			return -ENOENT;
		if (result == PRESENT)
			result = chain_copy_value(&t->chain, &w, value);
	} while (walk_again(&w, &result));
	return result;
}

static bool comes_behind(const struct agora_table *t, const struct key *key,
	const struct key *behind, enum seek what)
{
	if (key->hash >> t->shift != behind->hash >> t->shift)
		return false;
	if (what == SEEK_BEHIND && key->hash == behind->hash)
		return compare_bytes(key->data, key->size, behind->data,
			       behind->size) > 0;
	return key->hash >= behind->hash;
}

/*
 * Copy the entry that a walk found behind a key. The copy of its key must
 * prove that it comes behind, or a walk might never end.
 * Returns 0, AGAIN, -EMSGSIZE, -EUCLEAN.
 */
static int copy_entry(const struct agora_table *t, const struct walk *w,
	const struct key *behind, enum seek what, struct key *copy,
	struct agora_buffer *value)
{
	int error = chain_copy_entry(
		&t->chain, w, (void *)copy->data, &copy->size, value);

	if (error)
		return error;
	copy->hash = hash_bytes(copy->data, copy->size, t->chain.seed);
	return copy->hash == w->hash && comes_behind(t, copy, behind, what)
		       ? 0
		       : -EUCLEAN;
}

/* The next one in the bucket of a place: 0, ABSENT as -ENOENT, ... */
static int next_in_bucket(const struct agora_table *t, const struct key *from,
	enum seek what, struct key *copy, struct agora_buffer *value)
{
	struct walk w = {.left = WALK_STEPS};
	int result;

	do {
		result = seek(t, from, what, &w);
		if (result == ABSENT)
			return -ENOENT;
		if (result == PRESENT)
			result = copy_entry(t, &w, from, what, copy, value);
	} while (walk_again(&w, &result));
	return result;
}

/* The next bucket from this one on whose memory is there and not empty. */
static uint64_t find_bucket(const struct agora_table *t, uint64_t bucket)
{
	while (bucket < t->buckets) {
		if (!has_page(t, bucket))
			bucket = (bucket | (PAGE_BUCKETS - 1)) + 1;
		else if (!load_link(&t->bucket[bucket]))
			bucket++;
		else
			break;
	}
	return bucket;
}

static int find_next(const struct agora_table *t, const struct key *from,
	bool start, struct key *copy, struct agora_buffer *value)
{
	uint64_t bucket = start ? 0 : from->hash >> t->shift;
	int result = start ? -ENOENT
			   : next_in_bucket(t, from, SEEK_BEHIND, copy, value);

	if (!start)
		bucket++;
	while (result == -ENOENT) {
		struct key first = {"", 0, 0};

		bucket = find_bucket(t, bucket);
		if (bucket >= t->buckets)
			break;
		first.hash = bucket << t->shift;
		result = next_in_bucket(t, &first, SEEK_FROM, copy, value);
		bucket++;
	}
	return result;
}

int table_next(
	void *handle, struct agora_buffer *key, struct agora_buffer *value)
{
	struct agora_table *t = handle;
	unsigned char bytes[TABLE_KEY_MAX];
	struct key from = {0}, copy = {.data = bytes};
	bool start = key->size == SIZE_MAX;
	int error = key->capacity < t->chain.key_size ? -EINVAL : 0;

	if (!error && !start)
		error = key_make(t, key->data, key->size, &from);
	if (!error)
		error = find_next(t, &from, start, &copy, value);
	if (error)
		return error;
	if (copy.size)
		memcpy(key->data, copy.data, copy.size);
	key->size = copy.size;
	return 0;
}

/* ---- check ---- */

/* Does what is alive in a chain belong there, and in this order? */
static int check_chain_once(
	const struct agora_table *t, uint64_t bucket, struct walk *w)
{
	uint64_t hash = bucket << t->shift;
	int result;

	while ((result = walk_load(&t->chain, w)) == PRESENT) {
		bool sound = chain_entry_is_sound(&t->chain, w);

		if (!walk_is_valid(w))
			return AGAIN;
		if (w->hash >> t->shift != bucket || !sound)
			return -EUCLEAN;
		if (!link_is_marked(w->next) && w->hash < hash)
			return -EUCLEAN;
		if (!link_is_marked(w->next))
			hash = w->hash;
		walk_on(w);
	}
	return result;
}

static void visit_chains(struct agora_table *t, struct chain_visit *v)
{
	uint64_t bucket = find_bucket(t, 0);
	struct walk w = {.left = v->left};

	for (; bucket < t->buckets; bucket = find_bucket(t, bucket + 1)) {
		int result;

		do {
			walk_start(t, &w, bucket);
			result = check_chain_once(t, bucket, &w);
		} while (walk_again(&w, &result));
		v->check->damaged += result < 0;
		if (!w.left)
			break;
	}
	v->left = w.left;
}

static void visit(struct agora_table *t, struct chain_visit *v)
{
	v->left = WALK_STEPS;
	chain_visit_blocks(&t->chain, v);
	visit_chains(t, v);
}

int table_check(void *handle, int repair, struct agora_check *check)
{
	struct agora_table *t = handle;
	struct agora_check before = *check;
	struct client_set strays = {{0}};
	struct chain_visit v = {
		.strays = &strays, .steps = VISIT_STEPS, .check = check};

	visit(t, &v);
	if (repair) {
		/* Repairs change what was counted: count again. */
		client_recover_strays(&t->chain.object.segment, &strays);
		chain_purge_all(&t->chain, VISIT_STEPS);
		*check = before;
		visit(t, &v);
	}
	check->orphans = message_sweep_parts(&t->chain.store, repair);
	return 0;
}
