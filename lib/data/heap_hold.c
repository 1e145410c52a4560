/*
 * heap_hold.c - messages in hand: acquire and release.
 *
 * Nothing is copied: what is acquired is read where it lies. The argument is
 * at the head of heap.c: an acquired message is HELD.
 */
#include "data/heap.h"

int heap_acquire(void *handle, struct agora_message *message)
{
	struct agora_heap *h = handle;
	struct claim c = {.room = SIZE_MAX};
	int result = object_writable(&h->object);

	if (!result)
		result = heap_claim(h, &c, 1);
	if (result < 0)
		return result;
	atomic_store_explicit(&h->holding, true, memory_order_relaxed);
	*message = (struct agora_message){.size = c.size,
		.sequence = item_order(h, c.ref),
		.token = c.ref.index | state_ticket(c.state) << TURN_BITS,
		.priority = item_priority(h, c.ref)};
	if (c.size <= h->store.pool[0].data_size)
		message->data = pool_data(&h->store.pool[0], c.ref);
	return 0;
}

/* As much of the ticket as there is room for beside the index. */
#define TICKET_PART (UINT64_MAX >> TURN_BITS)

/* The claim behind a message, which comes from the caller: -EINVAL. */
static int claim_of(const struct agora_heap *h,
	const struct agora_message *message, struct claim *ret_claim)
{
	struct block_ref ref = {(uint32_t)message->token & TURN_MASK};
	uint64_t state;

	if (!h->object.segment.client || !pool_has(&h->store.pool[0], ref))
		return -EINVAL;
	state = load_state(h, ref);
	if (state_kind(state) != BLOCK_HELD ||
		state_owner(state) != h->object.segment.client ||
		(state & TICKET_PART) != message->token >> TURN_BITS)
		return -EINVAL;
	*ret_claim = (struct claim){
		.ref = ref, .state = state, .size = message->size};
	return 0;
}

int heap_read(void *handle, const struct agora_message *message, size_t offset,
	void *data, size_t size)
{
	struct agora_heap *h = handle;
	struct claim c;
	int error = claim_of(h, message, &c);

	if (error || offset > c.size)
		return error ? error : -EINVAL;
	size = num_min(num_min(size, c.size - offset), INT32_MAX);
	error = message_read_own(&h->store, c.ref, offset, data, size);
	return error ? error : (int)size;
}

/* Threads may try to release one message twice: only one may succeed. */
int heap_release(void *handle, const struct agora_message *message)
{
	struct agora_heap *h = handle;
	struct claim c;
	int error = claim_of(h, message, &c);

	if (error)
		return error;
	if (!swap_state(h, c.ref, c.state,
		    state_make(BLOCK_OWNED, h->object.segment.client,
			    state_ticket(c.state))))
		return -EINVAL;
	heap_finish(h, &c);
	/* [E] many in hand may be why a push finds no block */
	atomic_thread_fence(memory_order_seq_cst);
	event_notify(&h->object.segment, EVENT_BIT(EVENT_WRITABLE));
	return 0;
}

int heap_restore(void *handle, const struct agora_message *message)
{
	struct claim c;
	int error = claim_of(handle, message, &c);

	return error ? error : heap_give_back(handle, &c);
}
