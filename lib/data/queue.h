/*
 * queue.h - what the files of the queue share: the handle, cells, tickets.
 *
 * The argument for all of it stands at the head of queue.c.
 */
#ifndef LIB_DATA_QUEUE_H
#define LIB_DATA_QUEUE_H

#include "data/kind.h"
#include "shm/message.h"

#include <agora/queue.h>

#define CYCLE_BITS 36
#define CYCLE_MASK ((UINT64_C(1) << CYCLE_BITS) - 1)
#define INDEX_BITS 28

/* Give up (damage) rather than repeat for ever on senseless memory. */
#define TRIES 1000000

/* The same where each try reads all states. */
#define SCANS 1000

struct agora_queue {
	struct agora_object object;
	struct store store;
	_Atomic uint64_t *tail, *head, *returned, *cell;
	uint64_t mask;  /* cells - 1 */
	unsigned order; /* log2 of cells */
	uint64_t capacity;
	size_t message_size;
	bool fixed;
	_Atomic bool holding;       /* perhaps messages in hand, when closed */
	_Atomic uint64_t head_seen; /* an old value of head */
};

/* ---- cells and tickets ---- */

static inline uint64_t cycle_of(const struct agora_queue *q, uint64_t ticket)
{
	return (ticket >> q->order) & CYCLE_MASK;
}

static inline uint64_t cell_cycle(uint64_t cell)
{
	return cell >> INDEX_BITS;
}

static inline struct block_ref cell_block(uint64_t cell)
{
	return (struct block_ref){
		(uint32_t)(cell & ((UINT64_C(1) << INDEX_BITS) - 1))};
}

static inline _Atomic uint64_t *cell_at(
	const struct agora_queue *q, uint64_t ticket)
{
	return &q->cell[ticket & q->mask];
}

static inline bool is_published(uint64_t state, uint64_t ticket)
{
	return state_kind(state) == BLOCK_PUBLISHED &&
	       state_ticket(state) == (ticket & TICKET_MASK);
}

static inline uint64_t load_cell(const struct agora_queue *q, uint64_t ticket)
{
	/* [Q] [E] */
	return atomic_load_explicit(cell_at(q, ticket), memory_order_seq_cst);
}

static inline uint64_t load_state(
	const struct agora_queue *q, struct block_ref ref)
{
	/* [S] [E] */
	return atomic_load_explicit(
		&store_head(&q->store, ref)->state, memory_order_seq_cst);
}

static inline uint64_t load_end(_Atomic uint64_t *word)
{
	/* [H] */
	return atomic_load_explicit(word, memory_order_acquire);
}

static inline uint64_t load_returned(const struct agora_queue *q)
{
	/* [V] [E] */
	return atomic_load_explicit(q->returned, memory_order_seq_cst);
}

/* True when the queue holds the block that the cell at ticket names. */
static inline bool cell_names(
	const struct agora_queue *q, uint64_t ticket, struct block_ref ref)
{
	/* A state keeps 48 bits of a ticket, a cell 36 of its cycle. */
	uint64_t mask = num_min(TICKET_MASK >> q->order, CYCLE_MASK);
	uint64_t cell = load_cell(q, ticket);

	return cell_block(cell).index == ref.index &&
	       !((cell_cycle(cell) ^ (ticket >> q->order)) & mask);
}

/* Find the RETURNED block with the smallest ticket from cursor on. */
bool queue_find_returned(struct agora_queue *q, uint64_t cursor,
	struct block_ref *ret_ref, uint64_t *ret_state);

/* The verbs, as in struct kind: queue.c ... */
int queue_push(void *handle, const void *data, size_t size);
int queue_pop(void *handle, struct agora_buffer *message);

/* ... queue_batch.c ... */
int queue_push_batch(void *handle, const struct iovec *messages, size_t count);
int queue_pop_batch(void *handle, struct agora_buffer *messages, size_t count);

/* ... queue_hold.c ... */
int queue_reserve(void *handle, size_t size, struct agora_reservation *r);
int queue_write(void *handle, const struct agora_reservation *r, size_t offset,
	const void *data, size_t size);
int queue_commit(void *handle, const struct agora_reservation *r);
int queue_abort(void *handle, const struct agora_reservation *r);
int queue_acquire(void *handle, struct agora_message *message);
int queue_read(void *handle, const struct agora_message *message, size_t offset,
	void *data, size_t size);
int queue_release(void *handle, const struct agora_message *message);
int queue_restore(void *handle, const struct agora_message *message);

/* ... queue_dead.c ... */
void queue_recover(struct segment *segment, uint32_t client);

/* ... and queue_view.c. */
int queue_peek(void *handle, struct agora_buffer *message);
int queue_walk(void *handle, uint64_t *cursor, struct agora_buffer *message);
int queue_tap(void *handle, uint64_t *cursor, struct agora_buffer *message);
int queue_end(void *handle, uint64_t *ret_cursor);
int queue_ready(void *handle, uint32_t events, uint64_t cursor);
int queue_stat(void *handle, struct agora_stat *stat);
int queue_check(void *handle, int repair, struct agora_check *check);
void queue_claims(void *handle, uint32_t counts[CLIENTS_MAX + 1]);

/* Exactly full now? 0, -EAGAIN, -EUCLEAN. May help head along. */
int queue_check_room(struct agora_queue *q);

#endif
