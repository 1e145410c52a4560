/*
 * queue_packet.c - several messages in one block: packets.
 *
 * The argument is at the head of queue.c.
 */
#include "data/queue_ring.h"

#include <limits.h>

/* ---- where messages lie ---- */

static _Atomic uint32_t *end_at(
	const struct pool *pool, struct block_ref ref, unsigned number)
{
	return (_Atomic uint32_t *)(pool_data(pool, ref) + pool->data_size) -
	       number - 1;
}

static uint32_t load_size_end(
	const struct pool *pool, struct block_ref ref, unsigned number)
{
	return atomic_load_explicit(
		end_at(pool, ref, number), memory_order_relaxed);
}

int packet_find(const struct agora_queue *q, struct block_ref ref,
	unsigned number, uint32_t *ret_start, uint32_t *ret_size)
{
	const struct pool *pool = &q->store.pool[0];
	uint32_t size = (uint32_t)q->message_size;
	uint32_t start = number * size, end = start + size;

	if (!q->fixed) {
		if ((number + 1) * sizeof(uint32_t) > pool->data_size)
			return -EUCLEAN;
		start = number ? load_size_end(pool, ref, number - 1) : 0;
		end = load_size_end(pool, ref, number);
	}
	if (start > end || end > pool->data_size)
		return -EUCLEAN;
	*ret_start = start;
	*ret_size = end - start;
	return 0;
}

/*
 * What is behind a packet that is consumed: the first of the blocks that its
 * messages were given, or what was pushed next.
 */
uint64_t queue_behind_packet(
	const struct agora_queue *q, uint64_t ticket, unsigned more)
{
	/* Opening fills the last one first. */
	if (is_filled(q, ticket + more))
		for (unsigned i = 1; i <= more; i++)
			if (is_filled(q, ticket + i))
				return ticket + i;
	return ticket + more + 1;
}

/*
 * Packets that always come to lie alike leave out the same cells for ever:
 * after half of all cycles one would not be told from one of the future. So
 * in some cycles who leaves a cell out makes it younger, but old still.
 */
void queue_renew_cells(
	const struct agora_queue *q, uint64_t ticket, unsigned count)
{
	for (uint64_t t = ticket; t < ticket + count; t++) {
		uint64_t cell = load_cell(q, t);
		uint64_t cycle = (cycle_of(q, t) - 2) & CYCLE_MASK;

		if (cell_is_older(cell, cycle))
			/* [Q] */
			atomic_compare_exchange_strong_explicit(cell_at(q, t),
				&cell, cell_make(cycle, 0, cell_block(cell)),
				memory_order_acq_rel, memory_order_relaxed);
	}
}

/* ---- push ---- */

/* A block of ours that is being filled. */
struct packet {
	struct block_ref ref;
	unsigned count;
	uint32_t end; /* of the bytes */
};

static bool fits(
	const struct agora_queue *q, const struct packet *packet, size_t size)
{
	size_t ends = q->fixed ? 0 : (packet->count + 1) * sizeof(uint32_t);

	return packet->count < PACKET_MOST && !check_size(q, size) &&
	       packet->end + size + ends <= q->store.pool[0].data_size;
}

/* How many of the messages go into one packet; 0 or 1: none do. */
static unsigned plan(const struct agora_queue *q, const struct iovec *messages,
	size_t count, unsigned most)
{
	struct packet packet = {.count = 0};

	for (size_t i = 0; i < num_min(count, most); i++) {
		if (!fits(q, &packet, messages[i].iov_len) ||
			object_fits(&q->object, messages[i].iov_base,
				messages[i].iov_len))
			break;
		packet.count++;
		packet.end += (uint32_t)messages[i].iov_len;
	}
	return packet.count;
}

static void fill(struct agora_queue *q, struct packet *packet,
	const struct iovec *messages, unsigned count)
{
	struct pool *pool = &q->store.pool[0];
	struct block_shm *block = pool_block(pool, packet->ref);
	char *data = pool_data(pool, packet->ref);

	/* Those of the first message, which may come to stand alone. */
	atomic_store_explicit(&block->size, (uint32_t)messages->iov_len,
		memory_order_relaxed);
	if (q->store.pool[1].count)
		atomic_store_explicit(&block->next, 0, memory_order_relaxed);
	for (unsigned i = 0; i < count; i++) {
		copy_in(data + packet->end, messages[i].iov_base,
			messages[i].iov_len);
		packet->end += (uint32_t)messages[i].iov_len;
		if (!q->fixed)
			atomic_store_explicit(end_at(pool, packet->ref, i),
				packet->end, memory_order_relaxed);
	}
	packet->count = count;
}

/* Push a packet: how many of its messages went in, or an error. */
static int push_packet(
	struct agora_queue *q, const struct iovec *messages, unsigned count)
{
	struct packet packet = {.count = 0};
	int result = pool_take(&q->store.pool[0], &packet.ref);

	if (result)
		return result;
	fill(q, &packet, messages, count);
	crash_point(queue_packet_written);
	result = publish(q, packet.ref, count);
	if (result < 0)
		queue_give_up(q, packet.ref);
	else
		notify(q, EVENTS_PUSHED, result);
	return result;
}

/* Push one packet, or one message: how many went in, or an error. */
static int push_some(
	struct agora_queue *q, const struct iovec *messages, size_t count)
{
	int room = queue_check_room(q, (unsigned)num_min(count, PACKET_MOST));
	unsigned planned;

	if (room < 0)
		return room;
	planned = plan(q, messages, count, (unsigned)room);
	if (planned > 1)
		return push_packet(q, messages, planned);
	room = queue_push(q, messages->iov_base, messages->iov_len);
	return room ? room : 1;
}

int queue_push_batch(void *handle, const struct iovec *messages, size_t count)
{
	struct agora_queue *q = handle;
	int result = object_writable(&q->object);
	size_t done = 0;

	count = num_min(count, INT_MAX);
	while (result >= 0 && done < count) {
		result = push_some(q, messages + done, count - done);
		if (result > 0)
			done += (size_t)result;
	}
	return done ? (int)done : result;
}

/* ---- take ---- */

static int copy_message(const struct agora_queue *q, struct block_ref ref,
	unsigned number, struct agora_buffer *message)
{
	uint32_t start, size;
	int error = packet_find(q, ref, number, &start, &size);

	if (error)
		return error;
	message->size = size;
	if (size > message->capacity)
		return -EMSGSIZE;
	copy_out(
		message->data, pool_data(&q->store.pool[0], ref) + start, size);
	return 0;
}

/* Copy messages until one does not go: how many, and why no more. */
static unsigned copy_messages(const struct agora_queue *q,
	const struct claim *c, struct agora_buffer *messages, unsigned count,
	int *ret_error)
{
	unsigned first = packet_first(c->state);

	*ret_error = 0;
	for (unsigned i = 0; i < count; i++) {
		*ret_error = copy_message(q, c->ref, first + i, &messages[i]);
		if (*ret_error)
			return i;
		messages[i].version = c->ticket + first + i;
	}
	return count;
}

static uint64_t taken_state(
	const struct agora_queue *q, const struct claim *c, unsigned first)
{
	return first <= c->more
		       ? packet_make(BLOCK_PACKET, state_owner(c->state), first,
				 c->ticket)
		       : state_make(BLOCK_OWNED, q->object.segment.client,
				 c->ticket);
}

/* The packet is empty and ours: free it. */
static void retire(struct agora_queue *q, const struct claim *c)
{
	advance(q->head, c->ticket, queue_behind_packet(q, c->ticket, c->more));
	crash_point(queue_packet_empty);
	pool_free_as(&q->store.pool[0], c->ref,
		state_make(BLOCK_FREE, q->object.segment.client, c->ticket));
}

int queue_take(struct agora_queue *q, const struct claim *c,
	struct agora_buffer *messages, size_t count)
{
	_Atomic uint64_t *word = &store_head(&q->store, c->ref)->state;
	unsigned first = packet_first(c->state), taken;
	uint64_t state = c->state;
	int error = 0;

	if (state_kind(state) == BLOCK_OPENED) {
		error = queue_open_packet(q, c);
		return error == AGAIN ? 0 : error;
	}
	if (first > c->more)
		return load_state(q, c->ref) == state ? -EUCLEAN : 0;
	taken = copy_messages(q, c, messages,
		(unsigned)num_min(count, c->more - first + 1), &error);
	/* [A] */
	atomic_thread_fence(memory_order_acquire);
	if (!taken)
		return load_state(q, c->ref) == state ? error : 0;
	crash_point(queue_packet_copied);
	/* [S] [E] */
	if (!atomic_compare_exchange_strong_explicit(word, &state,
		    taken_state(q, c, first + taken), memory_order_seq_cst,
		    memory_order_relaxed))
		return 0;
	crash_point(queue_packet_taken);
	if (first + taken > c->more)
		retire(q, c);
	return (int)taken;
}

/* ---- open ---- */

/* A block of ours with a copy of one message. Returns as pool_take(). */
static int copy_to_block(struct agora_queue *q, const struct claim *c,
	unsigned number, struct block_ref *ret_ref)
{
	struct pool *pool = &q->store.pool[0];
	uint32_t start, size;
	struct block_shm *block;
	int error = packet_find(q, c->ref, number, &start, &size);

	if (!error)
		error = pool_take(pool, ret_ref);
	if (error)
		return error;
	block = pool_block(pool, *ret_ref);
	atomic_store_explicit(&block->size, size, memory_order_relaxed);
	if (q->store.pool[1].count)
		atomic_store_explicit(&block->next, 0, memory_order_relaxed);
	copy_out(pool_data(pool, *ret_ref), pool_data(pool, c->ref) + start,
		size);
	return 0;
}

/* Give one message its own cell: 0, AGAIN, or as copy_to_block(). */
static int fill_cell(struct agora_queue *q, const struct claim *c,
	uint64_t opened, unsigned number)
{
	uint64_t t = c->ticket + number;
	uint64_t cell = load_cell(q, t);
	struct block_ref ref;
	int error;

	if (cell_cycle(cell) == cycle_of(q, t))
		return 0;
	error = copy_to_block(q, c, number, &ref);
	/* [A] */
	atomic_thread_fence(memory_order_acquire);
	if (load_state(q, c->ref) != opened) {
		if (!error)
			pool_free(&q->store.pool[0], ref);
		return AGAIN;
	}
	if (error)
		return error;
	atomic_store_explicit(&store_head(&q->store, ref)->state,
		state_make(BLOCK_PUBLISHED, q->object.segment.client, t),
		memory_order_relaxed);
	crash_point(queue_packet_ticket);
	/* [Q] */
	if (!atomic_compare_exchange_strong_explicit(cell_at(q, t), &cell,
		    cell_make(cycle_of(q, t), 0, ref), memory_order_acq_rel,
		    memory_order_relaxed)) {
		pool_free(&q->store.pool[0], ref);
		/* or it was renewed, by one who came late */
		if (cell_cycle(cell) != cycle_of(q, t))
			return AGAIN;
	}
	crash_point(queue_packet_filled);
	return 0;
}

/* All messages have cells: the packet gives up those. */
static void close_packet(
	struct agora_queue *q, const struct claim *c, uint64_t opened)
{
	unsigned first = packet_first(opened);
	uint64_t state = first ? state_make(BLOCK_OWNED,
					 q->object.segment.client, c->ticket)
			       : state_make(BLOCK_PUBLISHED,
					 state_owner(opened), c->ticket);

	/* [S] */
	if (!atomic_compare_exchange_strong_explicit(
		    &store_head(&q->store, c->ref)->state, &opened, state,
		    memory_order_acq_rel, memory_order_relaxed))
		return;
	crash_point(queue_packet_opened);
	if (first)
		retire(q, c);
}

int queue_open_packet(struct agora_queue *q, const struct claim *c)
{
	uint64_t state = c->state;
	unsigned first = packet_first(state);
	uint64_t opened =
		packet_make(BLOCK_OPENED, state_owner(state), first, c->ticket);

	if (first > c->more)
		return load_state(q, c->ref) == state ? -EUCLEAN : AGAIN;
	/* [S] */
	if (state_kind(state) == BLOCK_PACKET &&
		!atomic_compare_exchange_strong_explicit(
			&store_head(&q->store, c->ref)->state, &state, opened,
			memory_order_acq_rel, memory_order_relaxed))
		return AGAIN;
	crash_point(queue_packet_opening);
	for (unsigned i = c->more; i >= num_max(first, 1); i--) {
		int error = fill_cell(q, c, opened, i);

		/* Blocks are missing, not messages. */
		if (error)
			return error == -EAGAIN ? -ENOSPC : error;
	}
	close_packet(q, c, opened);
	return AGAIN;
}
