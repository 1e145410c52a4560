/*
 * bag_dead.c - put right what a dead client left in a stack or a list.
 *
 * The operation that he left in the root is completed first. Then each block
 * of his is freed, left alone, or put back: bag.h tells which. What he had
 * taken is put back in the order opposite to that of the taking, and so lies
 * as it lay before; so long as nobody dies of that too.
 *
 * A recoverer that is killed has made RETURNED blocks his own, which the next
 * one puts back.
 */
#include "data/bag.h"

#include "shm/client.h"

/* As many are sorted at a time. */
#define MOST 64

/* To be put back, the last taken first. */
struct taken {
	struct block_ref ref[MOST];
	uint64_t state[MOST];
	unsigned count;
	bool more; /* there are others, which were taken before them */
};

static void taken_add(struct taken *taken, struct block_ref ref, uint64_t state)
{
	unsigned i = taken->count;

	if (i == MOST) {
		taken->more = true;
		if (state_ticket(taken->state[--i]) >= state_ticket(state))
			return;
	} else {
		taken->count++;
	}
	for (; i && state_ticket(taken->state[i - 1]) < state_ticket(state);
		i--) {
		taken->ref[i] = taken->ref[i - 1];
		taken->state[i] = taken->state[i - 1];
	}
	taken->ref[i] = ref;
	taken->state[i] = state;
}

/* What recovery counts. */
struct found {
	uint64_t again;     /* messages that were put back */
	uint64_t reclaimed; /* blocks that were half written */
};

/*
 * Entered by the dead? The root does not name a block of his once that is
 * settled, and nobody but him would name it anew.
 * Returns true when it is not there, and never was.
 */
static bool is_lost(struct bag *bag, struct block_ref ref, uint64_t *ret_state)
{
	enum presence where;
	int tries = 0;

	do {
		where = bag_find(bag, ref, ret_state);
		if (where == LEAVING && bag->ops->settle(bag))
			return false;
	} while (where == LEAVING && tries++ < BAG_TRIES);
	if (where == PRESENT && state_owner(*ret_state))
		swap_state(bag, ref, *ret_state, state_settled(*ret_state));
	return where == ABSENT && is_entered(*ret_state);
}

static void recover_block(struct bag *bag, struct block_ref ref,
	const struct client_set *dead, struct taken *taken, struct found *found)
{
	uint64_t state = load_state(bag, ref);

	if (state_kind(state) == BLOCK_PART ||
		!client_set_has(dead, state_owner(state)))
		return;
	crash_point(bag_recover_block);
	if (is_entered(state) &&
		(!is_lost(bag, ref, &state) ||
			!client_set_has(dead, state_owner(state))))
		return;
	switch (state_kind(state)) {
	case BLOCK_OWNED:
		found->reclaimed += message_reclaim(&bag->store, ref, state);
		return;
	case BLOCK_PUBLISHED:
	case BLOCK_RETIRED:
		message_reclaim(&bag->store, ref, state);
		return;
	case BLOCK_HELD:
	case BLOCK_RETURNED:
		taken_add(taken, ref, state);
		return;
	default:
		return;
	}
}

/* Make it ours first, so that the next recoverer finds it if we die. */
static bool put_back(struct bag *bag, struct block_ref ref, uint64_t state)
{
	uint64_t mine = state_make(BLOCK_RETURNED, bag->object.segment.client,
		state_ticket(state));

	if (!swap_state(bag, ref, state, mine))
		return false;
	crash_point(bag_recover_returned);
	return !bag->ops->put_back(bag, ref, state_end(state));
}

static void recover_blocks(struct bag *bag, const struct client_set *dead,
	struct taken *taken, struct found *found)
{
	struct pool_scan scan;
	struct block_ref ref;

	taken->count = 0;
	taken->more = false;
	pool_scan_start(&scan, &bag->store.pool[0]);
	while (pool_scan_next(&scan, &ref))
		recover_block(bag, ref, dead, taken, found);
}

static void count(_Atomic uint64_t *counter, uint64_t more)
{
	atomic_fetch_add_explicit(counter, more, memory_order_relaxed);
}

void bag_recover(struct segment *segment, const struct client_set *dead)
{
	struct bag *bag = segment->owner;
	struct found found = {0, 0};
	struct taken taken;
	int rounds = 0;

	bag->ops->settle(bag);
	do {
		recover_blocks(bag, dead, &taken, &found);
		for (unsigned i = 0; i < taken.count; i++)
			found.again +=
				put_back(bag, taken.ref[i], taken.state[i]);
	} while (taken.more && rounds++ < BAG_TRIES);
	message_recover_parts(&bag->store, dead);
	crash_point(bag_recovered);
	count(&segment->roots->redelivered, found.again);
	count(&segment->roots->reclaimed, found.reclaimed);
	if (found.again)
		event_wake_all(segment);
}
