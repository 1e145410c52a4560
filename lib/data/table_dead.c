/*
 * table_dead.c - take dead entries out of their chains: settle, purge, recover.
 *
 * The argument is at the head of table.c.
 */
#include "data/table.h"

#include "base/crash.h"
#include "shm/client.h"

/* ---- settle and purge ---- */

/* Become the one who frees a dead entry; state is what was read of it. */
static bool claim(struct agora_table *t, struct block_ref ref, uint64_t state)
{
	struct block_shm *block = store_head(&t->store, ref);
	uint64_t life = state_ticket(state);
	uint64_t mine =
		state_make(BLOCK_RETIRED, t->object.segment.client, life);

	/* A recoverer may take the owner's name out of it once. */
	for (int tries = 0; tries < 3; tries++) {
		if (state_kind(state) != BLOCK_PUBLISHED ||
			state_ticket(state) != life)
			return false;
		/* [S] */
		if (atomic_compare_exchange_strong_explicit(&block->state,
			    &state, mine, memory_order_acq_rel,
			    memory_order_relaxed))
			return true;
	}
	return false;
}

/* Free a dead entry that we claimed and that is unlinked. */
void table_discard(struct agora_table *t, struct block_ref ref)
{
	struct block_shm *block = store_head(&t->store, ref);
	uint64_t life = state_ticket(
		atomic_load_explicit(&block->state, memory_order_relaxed));

	/* [S] */
	atomic_store_explicit(&block->state,
		state_make(BLOCK_OWNED, t->object.segment.client, life),
		memory_order_release);
	crash_point(table_discarded);
	message_free(&t->store, ref);
}

/* Claimed by us, and perhaps still linked: until the purge is through. */
struct claimed {
	struct block_ref ref[16];
	unsigned count;
};

/* What does not fit is freed when the handle is closed, or by recovery. */
static void keep(
	struct agora_table *t, struct claimed *claimed, struct block_ref ref)
{
	if (claimed->count < sizeof(claimed->ref) / sizeof(*claimed->ref))
		claimed->ref[claimed->count++] = ref;
	else
		atomic_store_explicit(&t->litter, true, memory_order_relaxed);
}

/* Unlink the dead entry directly behind the anchor: 0, AGAIN. */
static int unlink_dead(
	struct agora_table *t, struct walk *w, struct claimed *claimed)
{
	uint64_t link = link_after(w->held, 0, link_index(w->next));
	bool mine = claim(t, w->ref, w->state);

	if (!mine && state_kind(load_state(t, w->ref)) != BLOCK_RETIRED)
		return AGAIN;
	crash_point(table_purge_claimed);
	if (!swap_link(w->anchor, w->held, link)) {
		if (mine)
			keep(t, claimed, w->ref);
		return AGAIN;
	}
	crash_point(table_purge_unlinked);
	w->held = link;
	w->link = link;
	if (mine)
		table_discard(t, w->ref);
	return 0;
}

static int purge_once(
	struct agora_table *t, struct walk *w, struct claimed *claimed)
{
	int result;

	while ((result = walk_look(t, w)) == PRESENT) {
		if (!link_is_marked(w->next)) {
			walk_on(w);
			continue;
		}
		result = unlink_dead(t, w, claimed);
		if (result)
			return result;
	}
	return result;
}

int table_purge(struct agora_table *t, uint64_t bucket, uint64_t *left)
{
	struct walk w = {.left = *left};
	struct claimed claimed = {.count = 0};
	int result;

	do {
		walk_start(t, &w, bucket);
		result = purge_once(t, &w, &claimed);
	} while (walk_again(&w, &result));
	*left = w.left;
	if (result) {
		/* Whether they are unlinked is not known. */
		if (claimed.count)
			atomic_store_explicit(
				&t->litter, true, memory_order_relaxed);
		return -EUCLEAN;
	}
	while (claimed.count)
		table_discard(t, claimed.ref[--claimed.count]);
	return 0;
}

/* The entry at w died by our hand; link is its last one. */
void table_settle(struct agora_table *t, struct walk *w, uint64_t link)
{
	if (!claim(t, w->ref, w->state))
		return;
	crash_point(table_claimed);
	if (w->run || !swap_link(w->anchor, w->held,
			      link_after(w->held, 0, link_index(link)))) {
		if (table_purge(t, w->hash >> t->shift, &w->left)) {
			atomic_store_explicit(
				&t->litter, true, memory_order_relaxed);
			return;
		}
	}
	crash_point(table_unlinked);
	table_discard(t, w->ref);
}

/* ---- recover ---- */

/* Found in its place: no need to look for it when its owner dies again. */
static void disown(struct agora_table *t, struct block_ref ref, uint64_t state)
{
	uint64_t nobody = state_make(BLOCK_PUBLISHED, 0, state_ticket(state));

	/* [S] */
	atomic_compare_exchange_strong_explicit(
		&store_head(&t->store, ref)->state, &state, nobody,
		memory_order_acq_rel, memory_order_relaxed);
}

static void recover_published(struct agora_table *t, struct block_ref ref,
	uint64_t state, uint64_t *left)
{
	int found = table_find_block(t, ref, left);

	crash_point(table_recover_published);
	if (found == PRESENT)
		disown(t, ref, state);
	else if (found == ABSENT)
		message_reclaim(&t->store, ref, state);
}

static void recover_block(struct agora_table *t, struct block_ref ref,
	const struct client_set *dead, uint64_t *left)
{
	struct entry_shm *entry = entry_at(t, ref);
	uint64_t state = load_state(t, ref);
	uint64_t bucket = load_hash(entry) >> t->shift;
	enum block_kind kind = state_kind(state);

	/* Who marked it and did not claim it may be the dead one. */
	if (kind == BLOCK_PUBLISHED && link_is_marked(load_link(&entry->link)))
		table_purge(t, bucket, left);
	else if (kind == BLOCK_PART ||
		 !client_set_has(dead, state_owner(state)))
		return;
	else if (kind == BLOCK_PUBLISHED)
		recover_published(t, ref, state, left);
	else if (kind == BLOCK_OWNED)
		message_reclaim(&t->store, ref, state);
	else if (kind == BLOCK_RETIRED && !table_purge(t, bucket, left))
		message_reclaim(&t->store, ref, state);
	crash_point(table_recover_block);
}

void table_recover(struct segment *segment, const struct client_set *dead)
{
	struct agora_table *t = segment->owner;
	uint64_t left = WALK_STEPS;
	struct pool_scan scan;
	struct block_ref ref;

	pool_scan_start(&scan, &t->store.pool[0]);
	while (pool_scan_next(&scan, &ref)) {
		left += VISIT_STEPS;
		recover_block(t, ref, dead, &left);
	}
	message_recover_parts(&t->store, dead);
	crash_point(table_recovered);
}
