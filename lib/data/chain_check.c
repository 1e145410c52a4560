/*
 * chain_check.c - look at all blocks of a kind that is made of chains.
 */
#include "data/chain.h"

#include "shm/client.h"

int chain_key_of(const struct chain *c, struct block_ref ref, struct key *key,
	unsigned char bytes[CHAIN_KEY_MAX])
{
	const struct entry_shm *entry = entry_at(c, ref);
	size_t size = load_key_size(entry);

	*key = (struct key){bytes, 0, load_hash(entry)};
	if (!c->kind->sorted)
		return 0;
	if (size > c->key_size)
		return -EUCLEAN;
	key->size = size;
	return read_entry(c, ref, 0, bytes, size);
}

/* Steps along the chain; in a sorted one not beyond the key's place. */
static int find_block_once(const struct chain *c, struct block_ref ref,
	const struct key *key, struct walk *w)
{
	int result;

	while ((result = walk_look(c, w)) == PRESENT) {
		int order = c->kind->sorted ? compare_entry(c, w, key) : -1;

		if (w->ref.index == ref.index)
			return PRESENT;
		if (!walk_is_valid(w))
			return AGAIN;
		if (order > 0)
			return ABSENT;
		walk_on(w);
	}
	return result;
}

int chain_find_block(
	const struct chain *c, struct block_ref ref, uint64_t *left)
{
	unsigned char bytes[CHAIN_KEY_MAX];
	struct walk w = {.left = *left};
	struct key key;
	int result = chain_key_of(c, ref, &key, bytes);

	if (result)
		return result;
	do {
		result = c->kind->start(c, &key, &w);
		if (!result)
			result = find_block_once(c, ref, &key, &w);
	} while (walk_again(&w, &result));
	*left = w.left;
	return result;
}

int chain_stat(void *handle, struct agora_stat *stat)
{
	struct chain *c = handle;
	struct pool_scan scan;
	struct block_ref ref;

	pool_scan_start(&scan, &c->store.pool[0]);
	while (pool_scan_next(&scan, &ref)) {
		struct entry_shm *entry = entry_at(c, ref);

		if (state_kind(load_state(c, ref)) != BLOCK_PUBLISHED ||
			link_is_marked(load_link(&entry->link)))
			continue;
		stat->count++;
		stat->bytes +=
			num_min(load_size(entry), c->key_size + c->value_size);
	}
	return 0;
}

static void found_stray(struct chain_visit *v, uint64_t state)
{
	v->check->unreachable++;
	client_set_add(v->strays, state_owner(state));
}

static void count_block(const struct chain *c, struct block_ref ref,
	uint64_t state, struct agora_check *check)
{
	bool dead = link_is_marked(load_link(&entry_at(c, ref)->link));

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
static bool is_left_behind(const struct chain *c, struct block_ref ref,
	uint64_t state, uint64_t *left)
{
	enum block_kind kind = state_kind(state);

	if (kind != BLOCK_PUBLISHED && kind != BLOCK_OWNED &&
		kind != BLOCK_RETIRED)
		return false;
	if (client_is_live(&c->object.segment, state_owner(state)))
		return false;
	if (kind == BLOCK_PUBLISHED && chain_find_block(c, ref, left) != ABSENT)
		return false;
	return load_state(c, ref) == state;
}

static void count_holes(const struct pool_scan *scan, struct agora_check *check)
{
	check->blocks += scan->passed;
	check->free += scan->passed;
}

static void visit_entries(struct chain *c, struct chain_visit *v)
{
	struct pool_scan scan;
	struct block_ref ref;

	pool_scan_start(&scan, &c->store.pool[0]);
	while (pool_scan_next(&scan, &ref)) {
		uint64_t state = load_state(c, ref);

		v->left += v->steps;
		count_block(c, ref, state, v->check);
		if (is_left_behind(c, ref, state, &v->left))
			found_stray(v, state);
	}
	count_holes(&scan, v->check);
}

static void visit_pages(struct chain *c, struct chain_visit *v)
{
	struct pool *pool = &c->store.pool[1];
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
				&c->object.segment, state_owner(state)) &&
			atomic_load_explicit(
				&block->state, memory_order_relaxed) == state)
			found_stray(v, state);
	}
	count_holes(&scan, v->check);
}

void chain_visit_blocks(struct chain *c, struct chain_visit *v)
{
	visit_entries(c, v);
	visit_pages(c, v);
}

bool chain_entry_is_sound(const struct chain *c, const struct walk *w)
{
	size_t key_size = load_key_size(w->entry);
	size_t size = load_size(w->entry);

	return key_size <= size && key_size <= c->key_size &&
	       size - key_size <= c->value_size &&
	       is_alive(w->state, state_ticket(w->state));
}
