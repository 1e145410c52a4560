/*
 * queue_dead.c - put right what a dead client left in a queue.
 *
 * The table at the head of queue.c tells what that can be.
 */
#include "data/queue_ring.h"

#include "shm/client.h"

/* ---- recover ---- */

/* What became of a push whose author is dead? See the table at the top. */
static void recover_published(
	struct agora_queue *q, struct block_ref ref, uint64_t state)
{
	if (!is_named(q, ref, state, NULL))
		message_reclaim(&q->store, ref, state);
}

/* What recovery counts. */
struct found {
	uint64_t again;     /* messages to be delivered again */
	uint64_t reclaimed; /* blocks that were reserved, or half written */
};

/* Returns true when the message will be delivered again. */
static bool recover_held(
	struct agora_queue *q, struct block_ref ref, uint64_t state)
{
	uint64_t again = state_make(BLOCK_RETURNED, 0, state_ticket(state));

	/* [S] */
	return atomic_compare_exchange_strong_explicit(
		&store_head(&q->store, ref)->state, &state, again,
		memory_order_acq_rel, memory_order_relaxed);
}

static void recover_block(struct agora_queue *q, struct block_ref ref,
	const struct client_set *dead, struct found *found)
{
	uint64_t state = load_state(q, ref);

	if (state_kind(state) == BLOCK_PART ||
		!client_set_has(dead, state_owner(state)))
		return;
	crash_point(queue_recover_block);
	switch (state_kind(state)) {
	case BLOCK_OWNED:
		found->reclaimed += message_reclaim(&q->store, ref, state);
		return;
	case BLOCK_PUBLISHED:
	case BLOCK_PACKET:
	case BLOCK_OPENED:
		recover_published(q, ref, state);
		return;
	case BLOCK_HELD:
		found->again += recover_held(q, ref, state);
		return;
	default:
		return;
	}
}

static void count(_Atomic uint64_t *counter, uint64_t more)
{
	atomic_fetch_add_explicit(counter, more, memory_order_relaxed);
}

void queue_recover(struct segment *segment, const struct client_set *dead)
{
	struct agora_queue *q = segment->owner;
	struct found found = {0, 0};
	struct pool_scan scan;
	struct block_ref ref;

	queue_announce(q);
	pool_scan_start(&scan, &q->store.pool[0]);
	while (pool_scan_next(&scan, &ref))
		recover_block(q, ref, dead, &found);
	message_recover_parts(&q->store, dead);
	crash_point(queue_recover_returned);
	queue_announce(q);
	count(&segment->roots->redelivered, found.again);
	count(&segment->roots->reclaimed, found.reclaimed);
	if (found.again)
		event_wake_all(segment);
}
