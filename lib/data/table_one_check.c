/*
 * table_one_check.c - count what is in a table with one writer: stat, check.
 *
 * Records that no word names are free. Heads and parts of longer values count
 * as parts.
 */
#include "data/table_one.h"

#include "shm/client.h"

#include <stdlib.h>

/* Records whose memory is there. */
static uint32_t count_committed(const struct table_one *o)
{
	/* [M] */
	uint64_t committed = atomic_load_explicit(
		one_root(o, ROOT_COMMITTED), memory_order_acquire);

	return (uint32_t)num_min(committed, o->records);
}

int one_stat(void *handle, struct agora_stat *stat)
{
	struct table_one *o = handle;
	uint64_t line = 0,
		 most = o->table.chain.key_size + o->table.chain.value_size;

	for (; (line = one_skip_holes(o, line)) < one_lines(o); line++)
		for (unsigned i = 0; i < LINE_WORDS; i++) {
			uint64_t word = load_word(&line_at(o, line)->word[i]);
			struct record_shm *record =
				record_at(o, word_record(word));

			if (!word_tag(word) || word_record(word) >= o->records)
				continue;
			stat->count++;
			stat->bytes += num_min(most,
				(uint64_t)atomic_load_explicit(
					&record->size, memory_order_relaxed) +
					atomic_load_explicit(&record->key_size,
						memory_order_relaxed));
		}
	return 0;
}

/* A visit to all words and blocks. */
struct visit {
	struct client_set strays; /* whose leftovers were seen */
	uint32_t *named; /* of each record: 1 + the place that names it */
	uint64_t left;   /* steps along passed lines */
	struct agora_check *check;
};

/* Would a search for the hash come to this line? */
static bool is_reached(const struct table_one *o, struct visit *v,
	uint64_t hash, uint64_t line)
{
	for (uint64_t at = home_of(o, hash); at != line;
		at = (at + 1) & o->mask)
		if (!has_line(o, at) || !v->left-- ||
			!atomic_load_explicit(
				&line_at(o, at)->passed, memory_order_relaxed))
			return false;
	return true;
}

static bool is_sound_spill(
	const struct table_one *o, const struct record_shm *record)
{
	uint32_t spill =
		atomic_load_explicit(&record->spill, memory_order_relaxed);
	struct block_ref head = {spill - 1};

	return spill && pool_has(&o->table.chain.store.pool[0], head) &&
	       one_is_in_place(o, head);
}

static bool is_sound(const struct table_one *o, struct visit *v, uint64_t word,
	uint64_t line)
{
	uint32_t index = word_record(word);
	const struct record_shm *record = record_at(o, index);
	uint64_t size, key_size, hash, life;

	if (index >= count_committed(o))
		return false;
	size = atomic_load_explicit(&record->size, memory_order_relaxed);
	key_size =
		atomic_load_explicit(&record->key_size, memory_order_relaxed);
	hash = atomic_load_explicit(&record->hash, memory_order_relaxed);
	if (size > o->table.chain.value_size ||
		key_size > o->table.chain.key_size ||
		tag_of(hash) != word_tag(word) || !is_reached(o, v, hash, line))
		return false;
	if (key_size + size > o->data_size && !is_sound_spill(o, record))
		return false;
	return still_lives(record, word, &life);
}

static const _Atomic uint64_t *word_at(
	const struct table_one *o, uint64_t place)
{
	return &line_at(o, place / LINE_WORDS)->word[place % LINE_WORDS];
}

/* Does another place name the record, too, and not only a moment ago? */
static bool is_named_twice(const struct table_one *o, struct visit *v,
	uint64_t word, uint64_t place)
{
	uint32_t index = word_record(word);
	uint64_t before;

	if (index >= o->records)
		return false;
	before = v->named[index];
	v->named[index] = (uint32_t)place + 1;
	if (!before || !word_tag(load_word(word_at(o, before - 1))))
		return false;
	return word_record(load_word(word_at(o, before - 1))) == index;
}

static void visit_word(
	const struct table_one *o, struct visit *v, uint64_t place)
{
	const _Atomic uint64_t *at = word_at(o, place);
	uint64_t word = load_word(at);
	bool sound;

	if (!word_tag(word))
		return;
	sound = is_sound(o, v, word, place / LINE_WORDS) &&
		!is_named_twice(o, v, word, place);
	/* What has changed meanwhile is not damaged. */
	if (!sound && load_word(at) == word)
		v->check->damaged++;
	else
		v->check->published++;
}

static void visit_index(const struct table_one *o, struct visit *v)
{
	uint64_t line = 0;

	for (; (line = one_skip_holes(o, line)) < one_lines(o); line++)
		for (unsigned i = 0; i < LINE_WORDS; i++)
			visit_word(o, v, line * LINE_WORDS + i);
}

static void count_block(uint64_t state, struct agora_check *check)
{
	check->blocks++;
	switch (state_kind(state)) {
	case BLOCK_FREE:
		check->free++;
		break;
	case BLOCK_OWNED:
		check->owned++;
		break;
	case BLOCK_PUBLISHED:
	case BLOCK_PART:
		check->parts++;
		break;
	default:
		check->damaged++;
	}
}

/* Of a client that is gone, and not in its place? */
static bool is_left_behind(const struct table_one *o, struct pool *pool,
	struct block_ref ref, uint64_t state)
{
	enum block_kind kind = state_kind(state);

	if ((kind != BLOCK_PUBLISHED && kind != BLOCK_OWNED) ||
		client_is_live(
			&o->table.chain.object.segment, state_owner(state)))
		return false;
	if (kind == BLOCK_PUBLISHED &&
		(pool->number || one_is_in_place(o, ref)))
		return false;
	return atomic_load_explicit(&pool_block(pool, ref)->state,
		       memory_order_relaxed) == state;
}

static void visit_pool(struct table_one *o, struct visit *v, int number)
{
	struct pool *pool = &o->table.chain.store.pool[number];
	struct pool_scan scan;
	struct block_ref ref;

	pool_scan_start(&scan, pool);
	while (pool_scan_next(&scan, &ref)) {
		/* [S] */
		uint64_t state = atomic_load_explicit(
			&pool_block(pool, ref)->state, memory_order_acquire);

		count_block(state, v->check);
		if (!is_left_behind(o, pool, ref, state))
			continue;
		v->check->unreachable++;
		client_set_add(&v->strays, state_owner(state));
	}
	v->check->blocks += scan.passed;
	v->check->free += scan.passed;
}

static int visit(struct table_one *o, struct visit *v)
{
	uint64_t records = count_committed(o), named;

	v->left = 4 * one_budget(o);
	v->named = calloc(o->records, sizeof(*v->named));
	if (!v->named)
		return -ENOMEM;
	visit_index(o, v);
	free(v->named);
	named = num_min(v->check->published + v->check->damaged, records);
	v->check->blocks += records;
	v->check->free += records - named;
	visit_pool(o, v, 0);
	visit_pool(o, v, 1);
	return 0;
}

int one_check(void *handle, int repair, struct agora_check *check)
{
	struct table_one *o = handle;
	struct agora_check before = *check;
	struct visit v = {.check = check};
	int error = visit(o, &v);

	if (!error && repair) {
		/* Repairs change what was counted: count again. */
		client_recover_strays(
			&o->table.chain.object.segment, &v.strays);
		*check = before;
		error = visit(o, &v);
	}
	if (!error)
		check->orphans =
			message_sweep_parts(&o->table.chain.store, repair);
	return error;
}
