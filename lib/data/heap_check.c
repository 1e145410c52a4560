/*
 * heap_check.c - count what is in a heap, and look whether it is sound.
 */
#include "data/heap.h"

#include "shm/client.h"

#include <stdlib.h>

/* How often to look for a moment at which nobody was at work. */
#define MOMENTS 8

/* ---- stat and claims ---- */

/* Turns taken before a version, without those that renewed a cell. */
static uint64_t count_turns(uint64_t version)
{
	return version - version / RENEW_EVERY;
}

int heap_stat(void *handle, struct agora_stat *stat)
{
	struct agora_heap *h = handle;
	uint64_t returns =
		atomic_load_explicit(h->returns, memory_order_relaxed);
	uint64_t turns = 0;
	struct pool_scan scan;
	struct block_ref ref;

	for (unsigned i = 0; i < h->lanes; i++) {
		struct now now = heap_glance(&h->lane[i]);

		stat->count += now.turn.second;
		turns += count_turns(now.turn.version);
	}
	pool_scan_start(&scan, &h->store.pool[0]);
	while (pool_scan_next(&scan, &ref))
		if (state_kind(load_state(h, ref)) == BLOCK_PUBLISHED)
			stat->bytes += num_min(h->message_size,
				atomic_load_explicit(
					&store_head(&h->store, ref)->size,
					memory_order_relaxed));
	/* Each turn was a push, a pop, or a return, which undoes a pop. */
	stat->pushed = (turns + stat->count) / 2;
	stat->pushed -= num_min(returns, stat->pushed);
	stat->popped = stat->pushed - num_min(stat->count, stat->pushed);
	if (h->lanes > 1)
		stat->rank_bound = RANK_BOUND;
	return 0;
}

void heap_claims(void *handle, uint32_t counts[CLIENTS_MAX + 1])
{
	struct agora_heap *h = handle;
	struct pool_scan scan;
	struct block_ref ref;

	pool_scan_start(&scan, &h->store.pool[0]);
	while (pool_scan_next(&scan, &ref)) {
		uint64_t state = load_state(h, ref);

		if (state_kind(state) == BLOCK_HELD)
			counts[state_owner(state)]++;
	}
}

/* ---- check ---- */

/* What a check of the blocks needs to know. */
struct visit {
	struct agora_check *check;
	struct client_set strays;
	uint64_t *named; /* a bit for each block that a cell names, or NULL */
};

static void count_state(uint64_t state, struct agora_check *check)
{
	uint64_t *const counter[] = {[BLOCK_FREE] = &check->free,
		[BLOCK_OWNED] = &check->owned,
		[BLOCK_PENDING] = &check->owned,
		[BLOCK_PUBLISHED] = &check->published,
		[BLOCK_HELD] = &check->held,
		[BLOCK_RETURNED] = &check->held,
		[BLOCK_PART] = &check->parts};
	unsigned kind = state_kind(state);

	check->blocks++;
	if (kind < sizeof(counter) / sizeof(*counter) && counter[kind])
		++*counter[kind];
	else
		check->damaged++;
}

/* What a client that is gone was busy with. */
static bool is_stray(const struct agora_heap *h, uint64_t state)
{
	switch (state_kind(state)) {
	case BLOCK_OWNED:
	case BLOCK_PENDING:
	case BLOCK_HELD:
	case BLOCK_RETURNED:
		return !client_is_live(&h->object.segment, state_owner(state));
	default:
		return false;
	}
}

static bool is_named(const struct visit *visit, struct block_ref ref)
{
	return visit->named[ref.index / 64] >> ref.index % 64 & 1;
}

/* Whether the cell at i makes sense: names a message, and one that is not
 * before its parent. */
static bool cell_is_sound(
	const struct agora_heap *h, const struct lane *lane, uint64_t i)
{
	struct wide cell = cell_load(cell_at(lane, i));
	struct block_ref ref = cell_block(cell);

	if (!pool_has(&h->store.pool[0], ref) ||
		state_kind(load_state(h, ref)) != BLOCK_PUBLISHED ||
		cell.word[0] !=
			key_make(item_priority(h, ref), item_order(h, ref)))
		return false;
	return !i ||
	       !cell_is_before(h, cell, cell_load(cell_at(lane, parent_of(i))));
}

/* Returns how many cells are damaged, and marks the blocks they name. */
static uint64_t check_cells(const struct agora_heap *h, const struct lane *lane,
	uint64_t count, struct visit *visit)
{
	uint64_t damaged = 0;

	for (uint64_t i = 0; i < count; i++) {
		struct block_ref ref = cell_block(cell_load(cell_at(lane, i)));
		bool sound = cell_is_sound(h, lane, i);

		if (sound && is_named(visit, ref))
			sound = false;
		damaged += !sound;
		if (sound)
			visit->named[ref.index / 64] |= UINT64_C(1)
							<< ref.index % 64;
	}
	return damaged;
}

static void check_blocks(struct agora_heap *h, struct visit *visit)
{
	struct agora_check *check = visit->check;
	struct pool_scan scan;
	struct block_ref ref;

	pool_scan_start(&scan, &h->store.pool[0]);
	while (pool_scan_next(&scan, &ref)) {
		uint64_t state = load_state(h, ref);

		count_state(state, check);
		if (!is_stray(h, state) || load_state(h, ref) != state)
			continue;
		check->unreachable++;
		client_set_add(&visit->strays, state_owner(state));
	}
	check->blocks += scan.passed;
	check->free += scan.passed;
}

static uint64_t page_state(const struct pool *pool, struct block_ref ref)
{
	/* [S] */
	return atomic_load_explicit(
		&pool_block(pool, ref)->state, memory_order_acquire);
}

static void check_pages(struct agora_heap *h, struct visit *visit)
{
	struct pool *pool = &h->store.pool[1];
	struct agora_check *check = visit->check;
	struct pool_scan scan;
	struct block_ref ref;

	pool_scan_start(&scan, pool);
	while (pool_scan_next(&scan, &ref)) {
		uint64_t state = page_state(pool, ref);

		count_state(state, check);
		if (!is_stray(h, state) || page_state(pool, ref) != state)
			continue;
		check->unreachable++;
		client_set_add(&visit->strays, state_owner(state));
	}
	check->blocks += scan.passed;
	check->free += scan.passed;
}

/* Count, or free, what is published and in no cell. */
static void check_unnamed(struct agora_heap *h, struct visit *visit)
{
	struct pool_scan scan;
	struct block_ref ref;

	pool_scan_start(&scan, &h->store.pool[0]);
	while (pool_scan_next(&scan, &ref)) {
		uint64_t state = load_state(h, ref);

		if (state_kind(state) == BLOCK_PUBLISHED &&
			!is_named(visit, ref))
			visit->check->unreachable++;
	}
}

static size_t bitmap_size(const struct agora_heap *h)
{
	return num_divide_up(h->store.pool[0].count, 64) * sizeof(uint64_t);
}

/* Returns false when somebody was at work meanwhile: try again. */
static bool check_lanes(struct agora_heap *h, struct visit *visit)
{
	struct agora_check before = *visit->check;
	uint64_t committed = heap_committed(h);
	struct now now[LANES];

	memset(visit->named, 0, bitmap_size(h));
	for (unsigned i = 0; i < h->lanes; i++)
		now[i] = heap_glance(&h->lane[i]);
	for (unsigned i = 0; i < h->lanes; i++) {
		uint64_t count = num_min(now[i].turn.second, committed);

		if (!is_done(&h->lane[i], &now[i]))
			goto again;
		visit->check->damaged += count < now[i].turn.second;
		visit->check->damaged +=
			check_cells(h, &h->lane[i], count, visit);
	}
	check_unnamed(h, visit);
	for (unsigned i = 0; i < h->lanes; i++)
		if (!is_now(&h->lane[i], &now[i]))
			goto again;
	return true;
again:
	*visit->check = before;
	return false;
}

static int check_order(struct agora_heap *h, struct visit *visit)
{
	int tries = 0;

	visit->named = malloc(bitmap_size(h));
	if (!visit->named)
		return -ENOMEM;
	while (!check_lanes(h, visit) && ++tries < MOMENTS)
		;
	free(visit->named);
	return 0;
}

int heap_check(void *handle, int repair, struct agora_check *check)
{
	struct agora_heap *h = handle;
	struct visit visit = {.check = check};
	struct now now;
	int error = 0;

	/* Somebody may have died in his turn. */
	for (unsigned i = 0; repair && i < h->lanes; i++)
		if (heap_settle(h, &h->lane[i], &now))
			check->damaged++;
	check_blocks(h, &visit);
	check_pages(h, &visit);
	error = check_order(h, &visit);
	if (repair)
		client_recover_strays(&h->object.segment, &visit.strays);
	check->orphans = message_sweep_parts(&h->store, repair);
	return error;
}
