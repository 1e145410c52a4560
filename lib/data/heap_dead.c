/*
 * heap_dead.c - put right what a dead client left in a heap.
 *
 * The table at the head of heap.c tells what that can be.
 */
#include "data/heap.h"

#include "shm/client.h"

/* What recovery counts. */
struct found {
	uint64_t again;     /* messages to be delivered again */
	uint64_t reclaimed; /* blocks that were half written */
};

/* Make a block that the dead held or was returning ours, and enter it.
 * Returns true when the message will be delivered again. */
static bool recover_held(
	struct agora_heap *h, struct block_ref ref, uint64_t state)
{
	uint64_t mine = state_make(
		BLOCK_RETURNED, h->object.segment.client, state_ticket(state));

	if (!swap_state(h, ref, state, mine))
		return false;
	crash_point(heap_recover_owned);
	return !heap_return(h, ref);
}

static void recover_block(struct agora_heap *h, struct block_ref ref,
	const struct client_set *dead, struct found *found)
{
	uint64_t state = load_state(h, ref);

	if (state_kind(state) == BLOCK_PART ||
		!client_set_has(dead, state_owner(state)))
		return;
	crash_point(heap_recover_block);
	switch (state_kind(state)) {
	case BLOCK_OWNED:
		found->reclaimed += message_reclaim(&h->store, ref, state);
		return;
	case BLOCK_PENDING:
		message_reclaim(&h->store, ref, state);
		return;
	case BLOCK_HELD:
	case BLOCK_RETURNED:
		found->again += recover_held(h, ref, state);
		return;
	default:
		return;
	}
}

static void count(_Atomic uint64_t *counter, uint64_t more)
{
	atomic_fetch_add_explicit(counter, more, memory_order_relaxed);
}

/*
 * What the dead had put into a root is done first, by others or by us. They
 * put nothing there any more, so a block of theirs that is PENDING then never
 * was entered, and one that is RETURNED has to be.
 */
void heap_recover(struct segment *segment, const struct client_set *dead)
{
	struct agora_heap *h = segment->owner;
	struct found found = {0, 0};
	struct pool_scan scan;
	struct block_ref ref;
	struct now now;

	for (unsigned i = 0; i < h->lanes; i++)
		if (heap_settle(h, &h->lane[i], &now))
			return;
	pool_scan_start(&scan, &h->store.pool[0]);
	while (pool_scan_next(&scan, &ref))
		recover_block(h, ref, dead, &found);
	message_recover_parts(&h->store, dead);
	count(&segment->roots->redelivered, found.again);
	count(&segment->roots->reclaimed, found.reclaimed);
	if (found.again)
		event_wake_all(segment);
}
