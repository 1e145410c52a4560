/*
 * table_view.c - look at a table: get, next, stat, check.
 *
 * Nothing here changes an entry, and all but check works on a mapping that
 * is read-only. What is copied is validated afterwards [A]: while an entry's
 * state still names the same life, its bytes are those of that life.
 */
#include "data/table.h"

#include "shm/client.h"

#include <string.h>

/* ---- keys and values ---- */

static int compare_bytes(
	const void *a, size_t a_size, const void *b, size_t b_size)
{
	int order = memcmp(a, b, num_min(a_size, b_size));

	return order ? order : (a_size > b_size) - (a_size < b_size);
}

int table_compare_long(const struct agora_table *t, struct block_ref ref,
	size_t size, const struct key *key)
{
	unsigned char copy[TABLE_KEY_MAX];

	if (size > t->key_size || message_read(&t->store, ref, 0, copy, size))
		return UNREADABLE;
	return compare_bytes(copy, size, key->data, key->size);
}

/* Copy part of an entry's message, mostly from the block itself. */
static inline int read_entry(const struct agora_table *t, struct block_ref ref,
	size_t offset, void *data, size_t size)
{
	const struct pool *pool = &t->store.pool[0];

	if (unlikely(offset + size > pool->data_size))
		return message_read(&t->store, ref, offset, data, size);
	copy_out(data, pool_data(pool, ref) + offset, size);
	return 0;
}

int table_copy_value(const struct agora_table *t, const struct walk *w,
	struct agora_buffer *value)
{
	size_t key_size = load_key_size(w->entry);
	size_t size = load_size(w->entry) - key_size;
	int error = 0;

	/* A key larger than the whole makes size too large as well. */
	if (unlikely(size > t->value_size || key_size > t->key_size))
		error = -EUCLEAN;
	else if (unlikely(size > value->capacity))
		error = -EMSGSIZE;
	else
		error = read_entry(t, w->ref, key_size, value->data, size);
	/* [A] */
	atomic_thread_fence(memory_order_acquire);
	if (unlikely(!is_alive(load_state(t, w->ref), state_ticket(w->state))))
		return AGAIN;
	if (error != -EUCLEAN)
		value->size = size;
	if (!error)
		value->version = version_of(w->ref, w->state);
	return error;
}

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
			result = table_copy_value(t, &w, value);
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
	struct agora_buffer none = {.capacity = 0};
	size_t size = load_key_size(w->entry);
	int error = -EUCLEAN;

	if (size <= t->key_size)
		error = read_entry(t, w->ref, 0, (void *)copy->data, size);
	if (!error)
		error = table_copy_value(t, w, value ? value : &none);
	if (error == -EMSGSIZE && !value)
		error = 0;
	if (error == -EUCLEAN)
		return walk_is_valid(w) ? error : AGAIN;
	if (error)
		return error;
	copy->size = size;
	copy->hash = hash_bytes(copy->data, size, t->seed);
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
	int error = key->capacity < t->key_size ? -EINVAL : 0;

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

/* That it changed is told, but cannot be looked at: there is no cursor. */
int table_ready(void *handle, uint32_t events, uint64_t cursor)
{
	(void)handle;
	(void)cursor;
	return events & AGORA_READABLE ? -EOPNOTSUPP
				       : (int)(events & AGORA_WRITABLE);
}

/* ---- stat and check ---- */

int table_stat(void *handle, struct agora_stat *stat)
{
	struct agora_table *t = handle;
	struct pool_scan scan;
	struct block_ref ref;

	pool_scan_start(&scan, &t->store.pool[0]);
	while (pool_scan_next(&scan, &ref)) {
		struct entry_shm *entry = entry_at(t, ref);

		if (state_kind(load_state(t, ref)) != BLOCK_PUBLISHED ||
			link_is_marked(load_link(&entry->link)))
			continue;
		stat->count++;
		stat->bytes +=
			num_min(load_size(entry), t->key_size + t->value_size);
	}
	return 0;
}

static int find_block_once(
	const struct agora_table *t, struct block_ref ref, struct walk *w)
{
	int result;

	while ((result = walk_look(t, w)) == PRESENT) {
		if (w->ref.index == ref.index)
			return PRESENT;
		walk_on(w);
	}
	return result;
}

int table_find_block(
	const struct agora_table *t, struct block_ref ref, uint64_t *left)
{
	struct walk w = {.left = *left};
	uint64_t bucket = load_hash(entry_at(t, ref)) >> t->shift;
	int result;

	do {
		walk_start(t, &w, bucket);
		result = find_block_once(t, ref, &w);
	} while (walk_again(&w, &result));
	*left = w.left;
	return result;
}

/* A visit to all blocks. */
struct visit {
	struct client_set strays; /* whose leftovers were seen */
	uint64_t left;            /* steps along chains */
	struct agora_check *check;
};

static void found_stray(struct visit *v, uint64_t state)
{
	v->check->unreachable++;
	client_set_add(&v->strays, state_owner(state));
}

static void count_block(const struct agora_table *t, struct block_ref ref,
	uint64_t state, struct agora_check *check)
{
	bool dead = link_is_marked(load_link(&entry_at(t, ref)->link));

	check->blocks++;
	switch (state_kind(state)) {
	case BLOCK_FREE:
		check->free++;
		break;
	case BLOCK_PUBLISHED:
		++*(dead ? &check->owned : &check->published);
		break;
	case BLOCK_OWNED:
	case BLOCK_RETIRED:
		check->owned++;
		break;
	case BLOCK_PART:
		check->parts++;
		break;
	default:
		check->damaged++;
	}
}

/* Of a client that is gone, and not in its place? */
static bool is_left_behind(const struct agora_table *t, struct block_ref ref,
	uint64_t state, uint64_t *left)
{
	enum block_kind kind = state_kind(state);

	if (kind != BLOCK_PUBLISHED && kind != BLOCK_OWNED &&
		kind != BLOCK_RETIRED)
		return false;
	if (client_is_live(&t->object.segment, state_owner(state)))
		return false;
	if (kind == BLOCK_PUBLISHED && table_find_block(t, ref, left) != ABSENT)
		return false;
	return load_state(t, ref) == state;
}

static void count_holes(const struct pool_scan *scan, struct agora_check *check)
{
	check->blocks += scan->passed;
	check->free += scan->passed;
}

static void visit_blocks(struct agora_table *t, struct visit *v)
{
	struct pool_scan scan;
	struct block_ref ref;

	pool_scan_start(&scan, &t->store.pool[0]);
	while (pool_scan_next(&scan, &ref)) {
		uint64_t state = load_state(t, ref);

		v->left += VISIT_STEPS;
		count_block(t, ref, state, v->check);
		if (is_left_behind(t, ref, state, &v->left))
			found_stray(v, state);
	}
	count_holes(&scan, v->check);
}

static void visit_pages(struct agora_table *t, struct visit *v)
{
	struct pool *pool = &t->store.pool[1];
	struct pool_scan scan;
	struct block_ref ref;

	pool_scan_start(&scan, pool);
	while (pool_scan_next(&scan, &ref)) {
		struct block_shm *block = pool_block(pool, ref);
		/* [S] */
		uint64_t state = atomic_load_explicit(
			&block->state, memory_order_acquire);
		enum block_kind kind = state_kind(state);

		v->check->blocks++;
		if (kind == BLOCK_FREE)
			v->check->free++;
		else if (kind == BLOCK_PART)
			v->check->parts++;
		else if (kind == BLOCK_OWNED)
			v->check->owned++;
		else
			v->check->damaged++;
		if (kind == BLOCK_OWNED &&
			!client_is_live(
				&t->object.segment, state_owner(state)) &&
			atomic_load_explicit(
				&block->state, memory_order_relaxed) == state)
			found_stray(v, state);
	}
	count_holes(&scan, v->check);
}

/* Does what is alive in a chain belong there, and in this order? */
static int check_chain_once(
	const struct agora_table *t, uint64_t bucket, struct walk *w)
{
	uint64_t hash = bucket << t->shift;
	int result;

	while ((result = walk_load(t, w)) == PRESENT) {
		size_t key_size = load_key_size(w->entry);
		size_t size = load_size(w->entry);

		if (!walk_is_valid(w))
			return AGAIN;
		if (w->hash >> t->shift != bucket || key_size > size ||
			key_size > t->key_size ||
			size - key_size > t->value_size ||
			!is_alive(w->state, state_ticket(w->state)))
			return -EUCLEAN;
		if (!link_is_marked(w->next) && w->hash < hash)
			return -EUCLEAN;
		if (!link_is_marked(w->next))
			hash = w->hash;
		walk_on(w);
	}
	return result;
}

static void visit_chains(struct agora_table *t, struct visit *v)
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

static void visit(struct agora_table *t, struct visit *v)
{
	visit_blocks(t, v);
	visit_pages(t, v);
	visit_chains(t, v);
}

/* What is dead and not claimed: its killer was killed, or is about to. */
static void repair_marked(struct agora_table *t)
{
	uint64_t left = WALK_STEPS;
	struct pool_scan scan;
	struct block_ref ref;

	pool_scan_start(&scan, &t->store.pool[0]);
	while (pool_scan_next(&scan, &ref)) {
		struct entry_shm *entry = entry_at(t, ref);

		left += VISIT_STEPS;
		if (state_kind(load_state(t, ref)) == BLOCK_PUBLISHED &&
			link_is_marked(load_link(&entry->link)))
			table_purge(t, load_hash(entry) >> t->shift, &left);
	}
}

int table_check(void *handle, int repair, struct agora_check *check)
{
	struct agora_table *t = handle;
	struct agora_check before = *check;
	struct visit v = {.left = WALK_STEPS, .check = check};

	visit(t, &v);
	if (repair) {
		/* Repairs change what was counted: count again. */
		client_recover_strays(&t->object.segment, &v.strays);
		repair_marked(t);
		*check = before;
		v.left = WALK_STEPS;
		visit(t, &v);
	}
	check->orphans = message_sweep_parts(&t->store, repair);
	return 0;
}
