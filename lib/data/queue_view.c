/*
 * queue_view.c - look at a queue: peek, walk, tap, stat, check.
 *
 * Nothing here takes a message, and all but check works on a mapping that is
 * read-only. A message is copied first and validated afterwards [A]: when
 * its block's state is then still what it was, the copy is that message.
 */
#include "data/queue.h"

#include "shm/client.h"
#include "shm/event.h"

#include <string.h>

/* Find the RETURNED block with the smallest ticket from cursor on. */
bool queue_find_returned(struct agora_queue *q, uint64_t cursor,
	struct block_ref *ret_ref, uint64_t *ret_state)
{
	uint32_t committed = pool_committed(&q->store.pool[0]);
	uint64_t best = UINT64_MAX;

	for (uint32_t i = 0; i < committed; i++) {
		struct block_ref ref = {i};
		uint64_t state = load_state(q, ref);
		uint64_t ticket = state_ticket(state);

		if (state_kind(state) != BLOCK_RETURNED || ticket < cursor ||
			ticket >= best)
			continue;
		best = ticket;
		*ret_ref = ref;
		*ret_state = state;
	}
	return best != UINT64_MAX;
}

/* The ticket behind the last message: tail may lag by one. */
static uint64_t end_ticket(const struct agora_queue *q)
{
	uint64_t t = load_end(q->tail);

	return cell_cycle(load_cell(q, t)) == cycle_of(q, t) ? t + 1 : t;
}

/* ---- copy ---- */

/*
 * Copy the message of a block while its state stays what it is.
 * Returns 0, 1 (it changed), -EMSGSIZE, -EUCLEAN.
 */
static int copy_message(const struct agora_queue *q, struct block_ref ref,
	uint64_t state, struct agora_buffer *message)
{
	uint32_t size = atomic_load_explicit(
		&store_head(&q->store, ref)->size, memory_order_relaxed);
	int error = 0;

	if (size > q->message_size)
		error = -EUCLEAN;
	else if (size > message->capacity)
		error = -EMSGSIZE;
	else
		error = message_read(&q->store, ref, 0, message->data, size);
	/* [A] */
	atomic_thread_fence(memory_order_acquire);
	if (load_state(q, ref) != state)
		return 1;
	if (!error || error == -EMSGSIZE)
		message->size = size;
	if (!error)
		message->version = state_ticket(state);
	return error;
}

static bool is_whole(const struct agora_queue *q, struct block_ref ref)
{
	return atomic_load_explicit(&store_head(&q->store, ref)->size,
		       memory_order_relaxed) <= q->store.pool[0].data_size;
}

/* Whether a tap may show it: present, claimed, or taken and not reused. */
static bool is_visible(const struct agora_queue *q, struct block_ref ref,
	uint64_t state, uint64_t ticket)
{
	if (state_kind(state) == BLOCK_PART ||
		state_ticket(state) != (ticket & TICKET_MASK))
		return false;
	switch (state_kind(state)) {
	case BLOCK_PUBLISHED:
	case BLOCK_HELD:
	case BLOCK_RETURNED:
		return true;
	case BLOCK_FREE:
		return state_owner(state) && is_whole(q, ref);
	default:
		return false;
	}
}

/*
 * Copy what the cell at ticket names: 0, 1 (not there to be seen), -EAGAIN
 * (not pushed yet), -EMSGSIZE, -EUCLEAN.
 */
static int copy_cell(const struct agora_queue *q, uint64_t ticket, bool tapped,
	struct agora_buffer *message)
{
	uint64_t cell = load_cell(q, ticket);
	uint64_t cycle = cycle_of(q, ticket);
	struct block_ref ref = cell_block(cell);
	uint64_t state;

	if (cell_cycle(cell) == ((cycle - 1) & CYCLE_MASK))
		return -EAGAIN;
	if (cell_cycle(cell) != cycle)
		return 1;
	if (!pool_has(&q->store.pool[0], ref))
		return load_cell(q, ticket) == cell ? -EUCLEAN : 1;
	state = load_state(q, ref);
	if (tapped ? !is_visible(q, ref, state, ticket)
		   : !is_published(state, ticket))
		return 1;
	return copy_message(q, ref, state, message);
}

/* ---- walk ---- */

static int walk_returned(
	struct agora_queue *q, uint64_t *cursor, struct agora_buffer *message)
{
	struct block_ref ref;
	uint64_t state;
	int result = 1;

	for (int tries = 0; result == 1 && tries < SCANS; tries++) {
		if (!queue_find_returned(q, *cursor, &ref, &state))
			return -EAGAIN;
		result = copy_message(q, ref, state, message);
	}
	if (!result)
		*cursor = state_ticket(state) + 1;
	return result == 1 ? -EUCLEAN : result;
}

/* Between from and the end, of which a sound ring has at most its cells. */
static int walk_ring(struct agora_queue *q, uint64_t from, bool tapped,
	uint64_t *cursor, struct agora_buffer *message)
{
	for (uint64_t t = from; t - from <= q->mask + 1; t++) {
		int result = copy_cell(q, t, tapped, message);

		if (result == 1)
			continue;
		if (!result)
			*cursor = t + 1;
		return result;
	}
	return -EAGAIN;
}

int queue_walk(void *handle, uint64_t *cursor, struct agora_buffer *message)
{
	struct agora_queue *q = handle;
	int result = -EAGAIN;

	if (load_returned(q) & 1)
		result = walk_returned(q, cursor, message);
	if (result == -EAGAIN)
		result = walk_ring(q, num_max(*cursor, load_end(q->head)),
			false, cursor, message);
	return result;
}

int queue_tap(void *handle, uint64_t *cursor, struct agora_buffer *message)
{
	struct agora_queue *q = handle;
	uint64_t end = end_ticket(q);
	uint64_t from = *cursor;

	if (end - from > q->mask + 1)
		from = end - (q->mask + 1);
	return walk_ring(q, from, true, cursor, message);
}

int queue_end(void *handle, uint64_t *ret_cursor)
{
	*ret_cursor = end_ticket(handle);
	return 0;
}

int queue_peek(void *handle, struct agora_buffer *message)
{
	struct agora_queue *q = handle;

	/* Empty only if nobody took while we looked. */
	for (int tries = 0; tries < SCANS; tries++) {
		uint64_t cursor = 0;
		uint64_t head = load_end(q->head);
		int result = queue_walk(q, &cursor, message);

		if (result != -EAGAIN || head == load_end(q->head))
			return result;
	}
	return -EAGAIN;
}

static bool has_message(struct agora_queue *q)
{
	struct agora_buffer none = {.capacity = 0};
	int result = queue_peek(q, &none);

	/* Damage too is for who takes to find. */
	return result != -EAGAIN;
}

int queue_ready(void *handle, uint32_t events, uint64_t cursor)
{
	struct agora_queue *q = handle;
	uint32_t ready = 0;

	if ((events & AGORA_READABLE) && has_message(q))
		ready |= AGORA_READABLE;
	if ((events & AGORA_WRITABLE) && queue_check_room(q) != -EAGAIN)
		ready |= AGORA_WRITABLE;
	if ((events & AGORA_ADVANCED) && end_ticket(q) > cursor)
		ready |= AGORA_ADVANCED;
	return (int)ready;
}

/* ---- stat and check ---- */

static void count_block(const struct agora_queue *q, struct block_ref ref,
	struct agora_stat *st)
{
	uint32_t size = atomic_load_explicit(
		&store_head(&q->store, ref)->size, memory_order_relaxed);

	st->count++;
	st->bytes += num_min(size, q->message_size);
}

/* In the queue is what is published in its cell, or returned. */
static bool is_queued(
	const struct agora_queue *q, struct block_ref ref, uint64_t state)
{
	return state_kind(state) == BLOCK_RETURNED ||
	       (state_kind(state) == BLOCK_PUBLISHED &&
		       cell_names(q, state_ticket(state), ref));
}

int queue_stat(void *handle, struct agora_stat *stat)
{
	struct agora_queue *q = handle;
	uint32_t committed = pool_committed(&q->store.pool[0]);
	uint64_t end = end_ticket(q);

	for (uint32_t i = 0; i < committed; i++) {
		struct block_ref ref = {i};

		if (is_queued(q, ref, load_state(q, ref)))
			count_block(q, ref, stat);
	}
	stat->pushed = end - (q->mask + 1);
	stat->popped = stat->pushed - num_min(stat->count, stat->pushed);
	return 0;
}

void queue_claims(void *handle, uint32_t counts[CLIENTS_MAX + 1])
{
	struct agora_queue *q = handle;
	uint32_t committed = pool_committed(&q->store.pool[0]);

	for (uint32_t i = 0; i < committed; i++) {
		uint64_t state = load_state(q, (struct block_ref){i});

		if (state_kind(state) == BLOCK_HELD)
			counts[state_owner(state)]++;
	}
}

/* A push that never was, of a client that is gone. */
static bool is_unreachable(
	const struct agora_queue *q, struct block_ref ref, uint64_t state)
{
	return state_kind(state) == BLOCK_PUBLISHED &&
	       !client_is_live(&q->object.segment, state_owner(state)) &&
	       !is_queued(q, ref, state) && load_state(q, ref) == state;
}

/* Owned by a client id that nobody has. */
static bool is_stray(const struct agora_queue *q, uint64_t state)
{
	return (state_kind(state) == BLOCK_OWNED ||
		       state_kind(state) == BLOCK_HELD) &&
	       !client_is_live(&q->object.segment, state_owner(state));
}

static void count_state(uint64_t state, struct agora_check *check)
{
	uint64_t *const counter[] = {[BLOCK_FREE] = &check->free,
		[BLOCK_OWNED] = &check->owned,
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

static void check_blocks(struct agora_queue *q, struct agora_check *check,
	struct client_set *strays)
{
	uint32_t committed = pool_committed(&q->store.pool[0]);

	for (uint32_t i = 0; i < committed; i++) {
		struct block_ref ref = {i};
		uint64_t state = load_state(q, ref);

		count_state(state, check);
		if ((is_unreachable(q, ref, state) || is_stray(q, state)) &&
			load_state(q, ref) == state) {
			check->unreachable++;
			client_set_add(strays, state_owner(state));
		}
	}
}

static uint64_t page_state(const struct pool *pool, uint32_t index)
{
	/* [S] */
	uint64_t state = atomic_load_explicit(
		&pool_block(pool, (struct block_ref){index})->state,
		memory_order_acquire);

	return state;
}

static void check_pages(struct agora_queue *q, struct agora_check *check,
	struct client_set *strays)
{
	struct pool *pool = &q->store.pool[1];
	uint32_t committed = pool_committed(pool);

	for (uint32_t i = 0; i < committed; i++) {
		uint64_t state = page_state(pool, i);

		count_state(state, check);
		if (is_stray(q, state) && page_state(pool, i) == state) {
			check->unreachable++;
			client_set_add(strays, state_owner(state));
		}
	}
}

static void check_ends(struct agora_queue *q, struct agora_check *check)
{
	uint64_t h, t;
	int tries = 0;

	/* Two words of one moment. */
	do {
		h = load_end(q->head);
		t = load_end(q->tail);
	} while (load_end(q->head) != h && tries++ < TRIES);
	if ((int64_t)(t - h) < -1 || (int64_t)(t - h) > (int64_t)q->mask + 1)
		check->damaged++;
}

int queue_check(void *handle, int repair, struct agora_check *check)
{
	struct agora_queue *q = handle;
	struct client_set strays = {{0}};

	check_ends(q, check);
	check_blocks(q, check, &strays);
	check_pages(q, check, &strays);
	if (repair)
		client_recover_strays(&q->object.segment, &strays);
	check->orphans = message_sweep_parts(&q->store, repair);
	return 0;
}
