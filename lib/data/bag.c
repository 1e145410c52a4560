/*
 * bag.c - messages in and out of blocks, for stack and list: see bag.h.
 *
 * Options and layout, and what happens to a message from when it is taken
 * until it is freed or put back.
 */
#include "data/bag.h"

#include "shm/client.h"

#include <limits.h>
#include <stdlib.h>

#define INLINE_DEFAULT 128 /* with the header */

/* ---- create, open, close ---- */

const char *bag_plan(const struct agora_options *options,
	struct params_shm *params, const char *fixed, uint32_t data_offset)
{
	const struct plan_limits limits = {.fixed = fixed};
	const char *wrong = plan_messages(&limits, options, params);

	if (wrong)
		return wrong;
	return plan_blocks(options, params,
		plan_inline(options, params, INLINE_DEFAULT - data_offset));
}

int bag_lay_out(const struct params_shm *params, struct layout *layout,
	uint32_t data_offset)
{
	static const struct plan_limits none;

	if (!plan_is_sound(&none, params) || !plan_blocks_are_sound(params))
		return -EINVAL;
	plan_pools(layout, params,
		plan_payload(params->inline_size, data_offset), data_offset);
	return 0;
}

void bag_open(struct bag *bag, const struct bag_ops *ops)
{
	struct segment *segment = &bag->object.segment;

	bag->root = (struct wide_shm *)segment_root(segment, 0);
	bag->capacity = segment->header.params.capacity;
	bag->message_size = segment->header.params.message_size;
	bag->ops = ops;
	store_open(&bag->store, segment);
}

void bag_attached(struct segment *segment)
{
	struct bag *bag = segment->owner;

	store_attach(&bag->store, segment->client);
}

void bag_close(void *handle)
{
	struct bag *bag = handle;
	struct client_set me = {{0}};

	/* [T] */
	trail_free(atomic_exchange_explicit(
		&bag->trail, NULL, memory_order_acq_rel));
	if (!bag->object.segment.client)
		return;
	client_set_add(&me, bag->object.segment.client);
	/* What was acquired and not released is put back. */
	if (atomic_load_explicit(&bag->holding, memory_order_relaxed))
		bag_recover(&bag->object.segment, &me);
	store_flush(&bag->store);
}

/* ---- the root ---- */

struct turn bag_look(const struct bag *bag, struct wide *ret_root)
{
	struct turn turn = {0};

	for (int tries = 0; tries < BAG_TRIES; tries++)
		if (bag_load(bag, &turn, ret_root))
			return turn;
	return turn;
}

/* A state that stayed what it was tells, with the root seen meanwhile. */
enum presence bag_find(
	const struct bag *bag, struct block_ref ref, uint64_t *ret_state)
{
	uint64_t state = load_state(bag, ref);

	for (int tries = 0; is_entered(state) && tries < BAG_TRIES; tries++) {
		enum presence where = bag->ops->find(bag, ref, state);
		uint64_t now = load_state(bag, ref);

		*ret_state = state;
		if (now == state)
			return where;
		state = now;
	}
	*ret_state = state;
	return ABSENT;
}

/* ---- push ---- */

/* Free what was not entered. Its parts may be what another waits for. */
void bag_give_up(struct bag *bag, struct block_ref ref)
{
	bag_free(bag, ref);
}

int bag_write(struct bag *bag, const void *data, size_t size,
	struct block_ref *ret_ref)
{
	struct piece pieces[2] = {{data, size}, {NULL, 0}};
	struct block_ref ref;
	int error = pool_take(&bag->store.pool[0], &ref);

	if (error)
		return error;
	error = message_write(&bag->store, ref, pieces);
	crash_point(bag_written);
	if (error)
		bag_give_up(bag, ref);
	else
		*ret_ref = ref;
	return error;
}

int bag_push_batch(void *handle, const struct iovec *messages, size_t count)
{
	struct bag *bag = handle;
	size_t done = 0;
	int error = 0;

	count = num_min(count, INT_MAX);
	while (!error && done < count) {
		error = bag->object.kind->push(handle, messages[done].iov_base,
			messages[done].iov_len);
		done += !error;
	}
	return done ? (int)done : error;
}

/* ---- take ---- */

static inline bool is_long(const struct bag *bag, struct block_ref ref)
{
	return bag->store.pool[1].count &&
	       atomic_load_explicit(&store_head(&bag->store, ref)->next,
		       memory_order_relaxed);
}

static void notify_room(struct bag *bag)
{
	/* [E] many in hand may be why a push finds no block */
	atomic_thread_fence(memory_order_seq_cst);
	event_notify(&bag->object.segment, EVENT_BIT(EVENT_WRITABLE));
}

void bag_free(struct bag *bag, struct block_ref ref)
{
	message_free(&bag->store, ref);
	notify_room(bag);
}

/* Be done with a message that is HELD by us. The first step decides. */
static void finish(struct bag *bag, const struct claim *claim)
{
	if (unlikely(is_long(bag, claim->ref))) {
		store_state(bag, claim->ref,
			state_make(BLOCK_OWNED, bag->object.segment.client,
				state_ticket(claim->state)));
		crash_point(bag_parts);
		bag_free(bag, claim->ref);
		return;
	}
	pool_free(&bag->store.pool[0], claim->ref);
	/* Room was made by a swap that is a full barrier. */
	event_notify(&bag->object.segment, EVENT_BIT(EVENT_WRITABLE));
}

/* Make a message that is HELD by us available again: 0, -EINVAL (it is not),
 * -EUCLEAN. */
static int give_back(struct bag *bag, struct block_ref ref, uint64_t state)
{
	uint64_t mine = state_make(BLOCK_RETURNED, bag->object.segment.client,
		state_ticket(state));
	int error;

	if (!swap_state(bag, ref, state, mine))
		return -EINVAL;
	crash_point(bag_returned);
	error = bag->ops->put_back(bag, ref, state_end(state));
	event_notify(&bag->object.segment, EVENT_BIT(EVENT_READABLE));
	return error;
}

int bag_finish(
	struct bag *bag, const struct claim *claim, struct agora_buffer *to)
{
	if (message_read_own(
		    &bag->store, claim->ref, 0, to->data, claim->size)) {
		give_back(bag, claim->ref, claim->state);
		return -EUCLEAN;
	}
	crash_point(bag_copied);
	to->size = claim->size;
	to->version = claim->number;
	finish(bag, claim);
	return 0;
}

int bag_pop_batch(void *handle, struct agora_buffer *messages, size_t count)
{
	struct bag *bag = handle;
	size_t done = 0;
	int error = 0;

	count = num_min(count, INT_MAX);
	while (!error && done < count) {
		error = bag->object.kind->pop(handle, &messages[done]);
		done += !error;
	}
	return done ? (int)done : error;
}

/* ---- in hand ---- */

/* token of a message: its block, and as much of its ticket as there is room. */
#define TOKEN_BITS 28

static uint64_t token_make(struct block_ref ref, uint64_t state)
{
	return state_ticket(state) << TOKEN_BITS | ref.index;
}

void bag_hand_out(struct bag *bag, const struct claim *claim,
	struct agora_message *message)
{
	const struct pool *pool = &bag->store.pool[0];

	atomic_store_explicit(&bag->holding, true, memory_order_relaxed);
	*message = (struct agora_message){.size = claim->size,
		.sequence = claim->number,
		.token = token_make(claim->ref, claim->state)};
	if (claim->size <= pool->data_size)
		message->data = pool_data(pool, claim->ref);
}

/* The claim behind a message, which comes from the caller: -EINVAL. */
static int claim_of(const struct bag *bag, const struct agora_message *message,
	struct claim *ret_claim)
{
	struct block_ref ref = {
		(uint32_t)message->token & ((UINT32_C(1) << TOKEN_BITS) - 1)};
	uint64_t state;

	if (!bag->object.segment.client || !pool_has(&bag->store.pool[0], ref))
		return -EINVAL;
	state = load_state(bag, ref);
	if (state_kind(state) != BLOCK_HELD ||
		state_owner(state) != bag->object.segment.client ||
		token_make(ref, state) != message->token)
		return -EINVAL;
	*ret_claim = (struct claim){
		.ref = ref, .state = state, .size = message->size};
	return 0;
}

int bag_read(void *handle, const struct agora_message *message, size_t offset,
	void *data, size_t size)
{
	struct bag *bag = handle;
	struct claim c;
	int error = claim_of(bag, message, &c);

	if (error || offset > c.size)
		return error ? error : -EINVAL;
	size = num_min(num_min(size, c.size - offset), INT32_MAX);
	error = message_read_own(&bag->store, c.ref, offset, data, size);
	return error ? error : (int)size;
}

/* Threads may try to release one message twice: only one may succeed. */
int bag_release(void *handle, const struct agora_message *message)
{
	struct bag *bag = handle;
	struct claim c;
	int error = claim_of(bag, message, &c);

	if (error)
		return error;
	if (!swap_state(bag, c.ref, c.state,
		    state_make(BLOCK_OWNED, bag->object.segment.client,
			    state_ticket(c.state))))
		return -EINVAL;
	crash_point(bag_released);
	bag_free(bag, c.ref);
	return 0;
}

int bag_restore(void *handle, const struct agora_message *message)
{
	struct claim c;
	int error = claim_of(handle, message, &c);

	return error ? error : give_back(handle, c.ref, c.state);
}
