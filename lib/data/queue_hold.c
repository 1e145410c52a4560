/*
 * queue_hold.c - messages in hand: reserve and commit, acquire and release.
 *
 * Neither copies: what is reserved is written, and what is acquired is read,
 * where it lies. The argument is at the head of queue.c: a reserved message
 * is an OWNED block, an acquired one is HELD.
 */
#include "data/queue_ring.h"

#include <stdlib.h>

/* ---- reserve ---- */

/* token[0] of a reservation is its block, token[1] the state of that. */
int queue_reserve(void *handle, size_t size, struct agora_reservation *r)
{
	struct agora_queue *q = handle;
	struct pool *pool = &q->store.pool[0];
	struct block_ref ref;
	int error = object_writable(&q->object);

	if (!error)
		error = check_size(q, size);
	if (!error)
		error = check_room(q);
	if (!error)
		error = pool_take(pool, &ref);
	if (error)
		return error;
	atomic_store_explicit(&q->holding, true, memory_order_relaxed);
	error = message_reserve(&q->store, ref, size);
	crash_point(queue_reserved);
	if (error) {
		queue_give_up(q, ref);
		return error;
	}
	*r = (struct agora_reservation){
		.size = size, .token = {ref.index, load_state(q, ref)}};
	if (size <= pool->data_size)
		r->data = pool_data(pool, ref);
	return 0;
}

/* The block behind a reservation, which comes from the caller: -EINVAL. */
static int reserved_block(const struct agora_queue *q,
	const struct agora_reservation *r, struct block_ref *ret_ref)
{
	struct block_ref ref = {(uint32_t)r->token[0]};
	uint64_t state = r->token[1];

	if (!q->object.segment.client || !pool_has(&q->store.pool[0], ref) ||
		state_kind(state) != BLOCK_OWNED ||
		state_owner(state) != q->object.segment.client ||
		load_state(q, ref) != state)
		return -EINVAL;
	*ret_ref = ref;
	return 0;
}

static uint32_t reserved_size(const struct agora_queue *q, struct block_ref ref)
{
	return atomic_load_explicit(
		&store_head(&q->store, ref)->size, memory_order_relaxed);
}

int queue_write(void *handle, const struct agora_reservation *r, size_t offset,
	const void *data, size_t size)
{
	struct agora_queue *q = handle;
	struct block_ref ref;
	int error = reserved_block(q, r, &ref);
	size_t room;

	if (error)
		return error;
	room = reserved_size(q, ref);
	if (offset > room || size > room - offset)
		return -EINVAL;
	return message_patch(&q->store, ref, offset, data, size);
}

/* 0, or -EBADMSG when the handle checks types and the message does not fit. */
static int check_reserved(
	struct agora_queue *q, struct block_ref ref, size_t size)
{
	struct pool *pool = &q->store.pool[0];
	void *copy;
	int error;

	if (likely(!(q->object.flags & AGORA_CHECK)))
		return 0;
	if (size <= pool->data_size)
		return object_fits(&q->object, pool_data(pool, ref), size);
	copy = malloc(size);
	if (!copy)
		return -ENOMEM;
	error = message_read_own(&q->store, ref, 0, copy, size);
	if (!error)
		error = object_fits(&q->object, copy, size);
	free(copy);
	return error;
}

/* Become the one who ends a reservation, also among threads: 0, -EINVAL. */
static int end_reservation(
	struct agora_queue *q, struct block_ref ref, uint64_t state)
{
	uint64_t mine = state_make(
		BLOCK_OWNED, q->object.segment.client, state_ticket(state) + 1);

	/* [S] */
	return atomic_compare_exchange_strong_explicit(
		       &store_head(&q->store, ref)->state, &state, mine,
		       memory_order_acq_rel, memory_order_relaxed)
		       ? 0
		       : -EINVAL;
}

int queue_commit(void *handle, const struct agora_reservation *r)
{
	struct agora_queue *q = handle;
	struct block_ref ref;
	int error = reserved_block(q, r, &ref);

	if (!error)
		error = check_size(q, r->size);
	if (!error && r->size > reserved_size(q, ref))
		error = -EINVAL;
	if (!error)
		error = check_reserved(q, ref, r->size);
	if (!error)
		error = check_room(q);
	if (!error)
		error = end_reservation(q, ref, r->token[1]);
	if (error)
		return error;
	atomic_store_explicit(&store_head(&q->store, ref)->size,
		(uint32_t)r->size, memory_order_relaxed);
	error = publish(q, ref, 1);
	if (error < 0) {
		/* [S] it is reserved as before */
		atomic_store_explicit(&store_head(&q->store, ref)->state,
			r->token[1], memory_order_release);
		return error;
	}
	notify(q, EVENTS_PUSHED, 1);
	return 0;
}

int queue_abort(void *handle, const struct agora_reservation *r)
{
	struct agora_queue *q = handle;
	struct block_ref ref;
	int error = reserved_block(q, r, &ref);

	if (!error)
		error = end_reservation(q, ref, r->token[1]);
	if (!error)
		queue_give_up(q, ref);
	return error;
}

/* ---- acquire ---- */

/* Claim a message that has a block of its own. */
static int claim_single(struct agora_queue *q, struct claim *c)
{
	int error = AGAIN;

	for (int tries = 0; error == AGAIN && tries < TRIES; tries++) {
		error = claim(q, c);
		if (error == PACKET)
			error = queue_open_packet(q, c);
	}
	return error == AGAIN ? -EUCLEAN : error;
}

int queue_acquire(void *handle, struct agora_message *message)
{
	struct agora_queue *q = handle;
	struct claim c = {.room = SIZE_MAX};
	int error = object_writable(&q->object);

	if (!error)
		error = claim_single(q, &c);
	if (error)
		return error;
	atomic_store_explicit(&q->holding, true, memory_order_relaxed);
	*message = (struct agora_message){
		.size = c.size, .sequence = c.ticket, .token = c.ref.index};
	if (c.size <= q->store.pool[0].data_size)
		message->data = pool_data(&q->store.pool[0], c.ref);
	return 0;
}

/* The claim behind a message, which comes from the caller: -EINVAL. */
static int claim_of(const struct agora_queue *q,
	const struct agora_message *message, struct claim *ret_claim)
{
	struct block_ref ref = {(uint32_t)message->token};

	if (!q->object.segment.client || !pool_has(&q->store.pool[0], ref) ||
		load_state(q, ref) != state_make(BLOCK_HELD,
					      q->object.segment.client,
					      message->sequence))
		return -EINVAL;
	*ret_claim = (struct claim){
		.ref = ref, .ticket = message->sequence, .size = message->size};
	return 0;
}

int queue_read(void *handle, const struct agora_message *message, size_t offset,
	void *data, size_t size)
{
	struct agora_queue *q = handle;
	struct claim c;
	int error = claim_of(q, message, &c);

	if (error || offset > c.size)
		return error ? error : -EINVAL;
	size = num_min(num_min(size, c.size - offset), INT32_MAX);
	error = message_read_own(&q->store, c.ref, offset, data, size);
	return error ? error : (int)size;
}

/* Threads may try to release one message twice: only one may succeed. */
int queue_release(void *handle, const struct agora_message *message)
{
	struct agora_queue *q = handle;
	struct claim c;
	uint64_t mine;
	int error = claim_of(q, message, &c);

	if (error)
		return error;
	mine = state_make(BLOCK_HELD, q->object.segment.client, c.ticket);
	/* [S] */
	if (!atomic_compare_exchange_strong_explicit(
		    &store_head(&q->store, c.ref)->state, &mine,
		    state_make(BLOCK_OWNED, q->object.segment.client, c.ticket),
		    memory_order_acq_rel, memory_order_relaxed))
		return -EINVAL;
	if (is_long(q, c.ref)) {
		queue_finish_long(q, &c);
		return 0;
	}
	pool_free_as(&q->store.pool[0], c.ref,
		state_make(BLOCK_FREE, q->object.segment.client, c.ticket));
	/* [E] many in hand may be why a push finds no block */
	atomic_thread_fence(memory_order_seq_cst);
	event_notify(&q->object.segment, EVENT_BIT(EVENT_WRITABLE));
	return 0;
}

int queue_restore(void *handle, const struct agora_message *message)
{
	struct claim c;
	int error = claim_of(handle, message, &c);

	return error ? error : queue_give_back(handle, &c);
}
