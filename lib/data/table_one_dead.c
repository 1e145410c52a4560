/*
 * table_one_dead.c - values longer than a record, of a table with one writer,
 * and what a dead one leaves of them. The argument is at the head of
 * table_one.c.
 */
#include "data/table_one.h"

#include "base/crash.h"
#include "shm/client.h"

/* The head that hangs on a record; false: none, or none that can be. */
static bool spill_of(const struct table_one *o, const struct record_shm *record,
	struct block_ref *ret_head)
{
	uint32_t spill =
		atomic_load_explicit(&record->spill, memory_order_relaxed);

	ret_head->index = spill - 1;
	return spill && pool_has(&o->table.chain.store.pool[0], *ret_head);
}

int one_write_spill(struct table_one *o, struct record_shm *record,
	uint32_t index, const struct piece pieces[2])
{
	struct store *store = &o->table.chain.store;
	struct block_shm *block;
	struct block_ref head;
	uint64_t state;
	int error = pool_take(&store->pool[0], &head);

	if (error)
		return error == -EAGAIN ? -ENOSPC : error;
	error = message_write(store, head, pieces);
	crash_point(table_one_spilled);
	if (error) {
		message_free(store, head);
		return error == -EAGAIN ? -ENOSPC : error;
	}
	block = store_head(store, head);
	state = atomic_load_explicit(&block->state, memory_order_relaxed);
	atomic_store_explicit(
		&block->key_size, index + 1, memory_order_relaxed);
	atomic_store_explicit(
		&record->spill, head.index + 1, memory_order_relaxed);
	/* [S] */
	atomic_store_explicit(&block->state,
		state_make(BLOCK_PUBLISHED,
			o->table.chain.object.segment.client,
			state_ticket(state)),
		memory_order_release);
	crash_point(table_one_hung);
	return 0;
}

void one_adopt(struct table_one *o, const struct record_shm *record)
{
	struct block_ref head;
	_Atomic uint64_t *word;
	uint64_t state;

	if (likely(!spill_of(o, record, &head)))
		return;
	word = &store_head(&o->table.chain.store, head)->state;
	state = atomic_load_explicit(word, memory_order_relaxed);
	/* A recoverer may take the owner's name out of it once. */
	for (int tries = 0; tries < 3; tries++) {
		uint64_t mine = state_make(BLOCK_PUBLISHED,
			o->table.chain.object.segment.client,
			state_ticket(state));

		if (state_kind(state) != BLOCK_PUBLISHED)
			return;
		/* [S] */
		if (atomic_compare_exchange_strong_explicit(word, &state, mine,
			    memory_order_acq_rel, memory_order_relaxed))
			break;
	}
	crash_point(table_one_adopted);
}

void one_free_spill(struct table_one *o, struct record_shm *record)
{
	uint32_t me = o->table.chain.object.segment.client;
	struct block_ref head;
	struct block_shm *block;
	uint64_t state;

	if (likely(!spill_of(o, record, &head)))
		return;
	block = store_head(&o->table.chain.store, head);
	state = atomic_load_explicit(&block->state, memory_order_relaxed);
	if (state_kind(state) != BLOCK_PUBLISHED || state_owner(state) != me)
		return;
	/* Who reads what is written next into the blocks sees this life over.
	 */
	renew(record);
	atomic_store_explicit(&record->spill, 0, memory_order_relaxed);
	/* [S] */
	atomic_store_explicit(&block->state,
		state_make(BLOCK_OWNED, me, state_ticket(state)),
		memory_order_release);
	crash_point(table_one_unhung);
	message_free(&o->table.chain.store, head);
}

/* ---- recover ---- */

/* Does a word of the line name the record, which holds the head? */
static bool line_holds(const struct line_shm *line, uint32_t index,
	const struct record_shm *record, struct block_ref head)
{
	for (unsigned i = 0; i < LINE_WORDS; i++) {
		uint64_t word = load_word(&line->word[i]);

		if (word_tag(word) && word_record(word) == index)
			return atomic_load_explicit(&record->spill,
				       memory_order_relaxed) == head.index + 1;
	}
	return false;
}

bool one_is_in_place(const struct table_one *o, struct block_ref head)
{
	struct block_shm *block = store_head(&o->table.chain.store, head);
	uint32_t index =
		atomic_load_explicit(&block->key_size, memory_order_relaxed) -
		1;
	struct record_shm *record = record_at(o, index);
	uint64_t passed, line, left = one_lines(o);

	if (index >= o->records)
		return false;
	line = home_of(
		o, atomic_load_explicit(&record->hash, memory_order_relaxed));
	do {
		if (!has_line(o, line))
			return false;
		if (line_holds(line_at(o, line), index, record, head))
			return true;
		/* [P] */
		passed = atomic_load_explicit(
			&line_at(o, line++)->passed, memory_order_acquire);
	} while (passed && left--);
	return false;
}

/* Found in its place: no need to look for it when its owner dies again. */
static void disown(struct table_one *o, struct block_ref head, uint64_t state)
{
	uint64_t nobody = state_make(BLOCK_PUBLISHED, 0, state_ticket(state));

	/* [S] */
	atomic_compare_exchange_strong_explicit(
		&store_head(&o->table.chain.store, head)->state, &state, nobody,
		memory_order_acq_rel, memory_order_relaxed);
}

static void recover_head(struct table_one *o, struct block_ref head,
	const struct client_set *dead)
{
	/* [S] */
	uint64_t state = atomic_load_explicit(
		&store_head(&o->table.chain.store, head)->state,
		memory_order_acquire);
	enum block_kind kind = state_kind(state);

	if (kind == BLOCK_PART || !client_set_has(dead, state_owner(state)))
		return;
	if (kind == BLOCK_PUBLISHED && one_is_in_place(o, head))
		disown(o, head, state);
	else if (kind == BLOCK_PUBLISHED || kind == BLOCK_OWNED)
		message_reclaim(&o->table.chain.store, head, state);
	crash_point(table_one_recover_head);
}

void one_recover(struct segment *segment, const struct client_set *dead)
{
	struct table_one *o = segment->owner;
	struct pool_scan scan;
	struct block_ref ref;

	pool_scan_start(&scan, &o->table.chain.store.pool[0]);
	while (pool_scan_next(&scan, &ref))
		recover_head(o, ref, dead);
	message_recover_parts(&o->table.chain.store, dead);
	crash_point(table_one_recovered);
}
