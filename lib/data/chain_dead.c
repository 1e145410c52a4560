/*
 * chain_dead.c - take dead entries out of their chains: bury, purge, recover.
 *
 * The argument is at the head of chain.c.
 */
#include "data/chain.h"

#include "shm/client.h"

/* ---- bury and purge ---- */

/* Become the one who frees a dead entry; state is what was read of it. */
static bool claim(struct chain *c, struct block_ref ref, uint64_t state)
{
	struct block_shm *block = store_head(&c->store, ref);
	uint64_t life = state_ticket(state);
	uint64_t mine =
		state_make(BLOCK_RETIRED, c->object.segment.client, life);

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
void chain_discard(struct chain *c, struct block_ref ref)
{
	struct block_shm *block = store_head(&c->store, ref);
	uint64_t life = state_ticket(
		atomic_load_explicit(&block->state, memory_order_relaxed));

	/* [S] */
	atomic_store_explicit(&block->state,
		state_make(BLOCK_OWNED, c->object.segment.client, life),
		memory_order_release);
	crash_point(chain_discarded);
	message_free(&c->store, ref);
}

static void forget_and_discard(struct chain *c, struct block_ref ref)
{
	if (c->kind->forget)
		c->kind->forget(c, ref);
	chain_discard(c, ref);
}

/* Claimed by us, and perhaps still linked: until the purge is through. */
struct claimed {
	struct block_ref ref[16];
	unsigned count;
};

/* What does not fit is freed when the handle is closed, or by recovery. */
static void keep(struct chain *c, struct claimed *claimed, struct block_ref ref)
{
	if (claimed->count < sizeof(claimed->ref) / sizeof(*claimed->ref))
		claimed->ref[claimed->count++] = ref;
	else
		atomic_store_explicit(&c->litter, true, memory_order_relaxed);
}

/* Unlink the dead entry directly behind the anchor: 0, AGAIN. */
static int unlink_dead(struct chain *c, struct walk *w, struct claimed *claimed)
{
	uint64_t link = link_after(w->held, 0, link_index(w->next));
	bool mine = claim(c, w->ref, w->state);

	if (!mine && state_kind(load_state(c, w->ref)) != BLOCK_RETIRED)
		return AGAIN;
	crash_point(chain_purge_claimed);
	if (!swap_link(w->anchor, w->held, link)) {
		if (mine)
			keep(c, claimed, w->ref);
		return AGAIN;
	}
	crash_point(chain_purge_unlinked);
	w->held = link;
	w->link = link;
	if (mine)
		forget_and_discard(c, w->ref);
	return 0;
}

/* Whether a purge has come by its key: PRESENT (go on), or its result. */
static int purge_passes(
	const struct chain *c, struct walk *w, const struct key *key)
{
	int order = c->kind->sorted ? compare_entry(c, w, key) : -1;

	if (!walk_is_valid(w))
		return AGAIN;
	if (order == UNREADABLE)
		return -EUCLEAN;
	return order > 0 ? ABSENT : PRESENT;
}

static int purge_once(struct chain *c, const struct key *key, struct walk *w,
	struct claimed *claimed)
{
	int result;

	while ((result = walk_look(c, w)) == PRESENT) {
		if (link_is_marked(w->next)) {
			result = unlink_dead(c, w, claimed);
			if (result)
				return result;
			continue;
		}
		result = purge_passes(c, w, key);
		if (result != PRESENT)
			return result;
		walk_on(w);
	}
	return result;
}

int chain_purge(struct chain *c, const struct key *key, uint64_t *left)
{
	struct walk w = {.left = *left};
	struct claimed claimed = {.count = 0};
	int result;

	do {
		result = c->kind->start(c, key, &w);
		if (!result)
			result = purge_once(c, key, &w, &claimed);
	} while (walk_again(&w, &result));
	*left = w.left;
	if (result) {
		/* Whether they are unlinked is not known. */
		if (claimed.count)
			atomic_store_explicit(
				&c->litter, true, memory_order_relaxed);
		return -EUCLEAN;
	}
	while (claimed.count)
		forget_and_discard(c, claimed.ref[--claimed.count]);
	return 0;
}

bool chain_bury(
	struct chain *c, struct walk *w, const struct key *key, uint64_t link)
{
	if (!claim(c, w->ref, w->state))
		return false;
	crash_point(chain_claimed);
	if (w->run || !swap_link(w->anchor, w->held,
			      link_after(w->held, 0, link_index(link)))) {
		if (chain_purge(c, key, &w->left)) {
			atomic_store_explicit(
				&c->litter, true, memory_order_relaxed);
			return false;
		}
	}
	crash_point(chain_unlinked);
	return true;
}

/* ---- recover ---- */

static int purge_block(struct chain *c, struct block_ref ref, uint64_t *left)
{
	unsigned char bytes[CHAIN_KEY_MAX];
	struct key key;
	int error = chain_key_of(c, ref, &key, bytes);

	return error ? error : chain_purge(c, &key, left);
}

/* Found in its place: no need to look for it when its owner dies again. */
static void disown(struct chain *c, struct block_ref ref, uint64_t state)
{
	uint64_t nobody = state_make(BLOCK_PUBLISHED, 0, state_ticket(state));

	/* [S] */
	atomic_compare_exchange_strong_explicit(
		&store_head(&c->store, ref)->state, &state, nobody,
		memory_order_acq_rel, memory_order_relaxed);
}

static void recover_published(
	struct chain *c, struct block_ref ref, uint64_t state, uint64_t *left)
{
	int found = chain_find_block(c, ref, left);

	crash_point(chain_recover_published);
	if (found == PRESENT)
		disown(c, ref, state);
	else if (found == ABSENT)
		message_reclaim(&c->store, ref, state);
}

/* Claimed by the dead, linked or not. */
static void recover_retired(
	struct chain *c, struct block_ref ref, uint64_t state, uint64_t *left)
{
	if (purge_block(c, ref, left))
		return;
	if (c->kind->forget)
		c->kind->forget(c, ref);
	message_reclaim(&c->store, ref, state);
}

static void recover_block(struct chain *c, struct block_ref ref,
	const struct client_set *dead, uint64_t *left)
{
	struct entry_shm *entry = entry_at(c, ref);
	uint64_t state = load_state(c, ref);
	enum block_kind kind = state_kind(state);

	/* Who marked it and did not claim it may be the dead one. */
	if (kind == BLOCK_PUBLISHED && link_is_marked(load_link(&entry->link)))
		purge_block(c, ref, left);
	else if (kind == BLOCK_PART ||
		 !client_set_has(dead, state_owner(state)))
		return;
	else if (kind == BLOCK_PUBLISHED)
		recover_published(c, ref, state, left);
	else if (kind == BLOCK_OWNED)
		message_reclaim(&c->store, ref, state);
	else if (kind == BLOCK_RETIRED)
		recover_retired(c, ref, state, left);
	crash_point(chain_recover_block);
}

void chain_recover(
	struct chain *c, const struct client_set *dead, uint64_t steps)
{
	uint64_t left = WALK_STEPS;
	struct pool_scan scan;
	struct block_ref ref;

	pool_scan_start(&scan, &c->store.pool[0]);
	while (pool_scan_next(&scan, &ref)) {
		left += steps;
		recover_block(c, ref, dead, &left);
	}
	message_recover_parts(&c->store, dead);
	crash_point(chain_recovered);
}

void chain_purge_all(struct chain *c, uint64_t steps)
{
	uint64_t left = WALK_STEPS;
	struct pool_scan scan;
	struct block_ref ref;

	pool_scan_start(&scan, &c->store.pool[0]);
	while (pool_scan_next(&scan, &ref)) {
		left += steps;
		if (state_kind(load_state(c, ref)) == BLOCK_PUBLISHED &&
			link_is_marked(load_link(&entry_at(c, ref)->link)))
			purge_block(c, ref, &left);
	}
}
