/*
 * queue.h - what the files of the queue share: the handle, cells, tickets.
 *
 * The argument for all of it stands at the head of queue.c.
 */
#ifndef LIB_DATA_QUEUE_H
#define LIB_DATA_QUEUE_H

#include "data/kind.h"
#include "data/plan.h"
#include "shm/message.h"

#include <agora/queue.h>

/* A cell: cycle:31 | more:5 | index:28. */
#define CYCLE_BITS 31
#define CYCLE_MASK ((UINT64_C(1) << CYCLE_BITS) - 1)
#define MORE_BITS  5
#define INDEX_BITS 28

/* Most messages in a packet; the ring has so many cells beyond capacity. */
#define PACKET_MOST (1u << MORE_BITS)

/* Give up (damage) rather than repeat for ever on senseless memory. */
#define TRIES BUDGET(1000000)

/* The same where each try reads all states. */
#define SCANS BUDGET(1000)

struct agora_queue {
	struct agora_object object;
	bool is_spsc; /* false: it is the handle of another kind, struct spsc */
	struct store store;
	_Atomic uint64_t *tail, *head, *returned, *cell;
	uint64_t mask;  /* cells - 1 */
	unsigned order; /* log2 of cells */
	uint64_t capacity;
	size_t message_size;
	bool fixed;
	_Atomic bool holding;       /* perhaps messages in hand, when closed */
	_Atomic uint64_t head_seen; /* an old value of head [H] */
};

/* ---- cells and tickets ---- */

static inline uint64_t cycle_of(const struct agora_queue *q, uint64_t ticket)
{
	return (ticket >> q->order) & CYCLE_MASK;
}

static inline uint64_t cell_make(
	uint64_t cycle, unsigned more, struct block_ref ref)
{
	return cycle << (MORE_BITS + INDEX_BITS) |
	       (uint64_t)more << INDEX_BITS | ref.index;
}

static inline uint64_t cell_cycle(uint64_t cell)
{
	return cell >> (MORE_BITS + INDEX_BITS);
}

/* How many messages follow the first one in the block that a cell names. */
static inline unsigned cell_more(uint64_t cell)
{
	return (unsigned)(cell >> INDEX_BITS) & (PACKET_MOST - 1);
}

static inline struct block_ref cell_block(uint64_t cell)
{
	return (struct block_ref){
		(uint32_t)(cell & ((UINT64_C(1) << INDEX_BITS) - 1))};
}

/* In the cycles that are a multiple of this and 1, cells are renewed. */
#define RENEWED ((UINT64_C(1) << (CYCLE_BITS - 3)) - 1)

/* True when a cell was last written in a cycle before the given one. */
static inline bool cell_is_older(uint64_t cell, uint64_t cycle)
{
	uint64_t age = (cycle - cell_cycle(cell)) & CYCLE_MASK;

	return age && age <= CYCLE_MASK / 2;
}

static inline _Atomic uint64_t *cell_at(
	const struct agora_queue *q, uint64_t ticket)
{
	return &q->cell[ticket & q->mask];
}

static inline uint64_t load_cell(const struct agora_queue *q, uint64_t ticket)
{
	/* [Q] [E] */
	return atomic_load_explicit(cell_at(q, ticket), memory_order_seq_cst);
}

static inline bool is_filled(const struct agora_queue *q, uint64_t ticket)
{
	return cell_cycle(load_cell(q, ticket)) == cycle_of(q, ticket);
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

static inline bool is_published(uint64_t state, uint64_t ticket)
{
	return state_kind(state) == BLOCK_PUBLISHED &&
	       state_ticket(state) == (ticket & TICKET_MASK);
}

/* ---- packets: kind:4 | owner:12 | first:5 | ticket:43 ---- */

#define PACKET_TICKET_BITS (48 - MORE_BITS)
#define PACKET_TICKET_MASK ((UINT64_C(1) << PACKET_TICKET_BITS) - 1)

static inline uint64_t packet_make(
	enum block_kind kind, uint32_t owner, unsigned first, uint64_t ticket)
{
	return state_make(kind, owner,
		(uint64_t)first << PACKET_TICKET_BITS |
			(ticket & PACKET_TICKET_MASK));
}

/* How many messages of the packet were taken. */
static inline unsigned packet_first(uint64_t state)
{
	return (unsigned)(state >> PACKET_TICKET_BITS) & (PACKET_MOST - 1);
}

static inline bool is_any_packet(uint64_t state)
{
	return state_kind(state) == BLOCK_PACKET ||
	       state_kind(state) == BLOCK_OPENED;
}

static inline bool is_packet(uint64_t state, uint64_t ticket)
{
	return is_any_packet(state) && !((state ^ ticket) & PACKET_TICKET_MASK);
}

/*
 * Where in the payload of a packet a message lies. Ends of messages stand
 * behind them, the first one last, unless all have one size.
 * Returns 0, -EUCLEAN.
 */
int packet_find(const struct agora_queue *q, struct block_ref ref,
	unsigned number, uint32_t *ret_start, uint32_t *ret_size);

/* As much of a ticket as the state of a published block keeps. */
static inline uint64_t published_mask(uint64_t state)
{
	return is_any_packet(state) ? PACKET_TICKET_MASK : TICKET_MASK;
}

/*
 * True when the queue holds a block that is PUBLISHED or a packet: when the
 * cell at its ticket names it. ret_cell may be NULL.
 */
static inline bool is_named(const struct agora_queue *q, struct block_ref ref,
	uint64_t state, uint64_t *ret_cell)
{
	uint64_t ticket = state & published_mask(state);
	uint64_t mask = num_min(published_mask(state) >> q->order, CYCLE_MASK);
	uint64_t cell = load_cell(q, ticket);

	if (ret_cell)
		*ret_cell = cell;
	return cell_block(cell).index == ref.index &&
	       !((cell_cycle(cell) ^ (ticket >> q->order)) & mask);
}

/* Find the RETURNED block with the smallest ticket from cursor on. */
bool queue_find_returned(struct agora_queue *q, uint64_t cursor,
	struct block_ref *ret_ref, uint64_t *ret_state);

/* The verbs, as in struct kind: queue.c ... */
int queue_push(void *handle, const void *data, size_t size);
int queue_pop(void *handle, struct agora_buffer *message);
int queue_pop_batch(void *handle, struct agora_buffer *messages, size_t count);

/* ... queue_packet.c ... */
int queue_push_batch(void *handle, const struct iovec *messages, size_t count);

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
void queue_recover(struct segment *segment, const struct client_set *dead);

/* ... and queue_view.c. */
int queue_peek(void *handle, struct agora_buffer *message);
int queue_walk(void *handle, uint64_t *cursor, struct agora_buffer *message);
int queue_tap(void *handle, uint64_t *cursor, struct agora_buffer *message);
int queue_end(void *handle, uint64_t *ret_cursor);
int queue_ready(void *handle, uint32_t events, uint64_t cursor);
int queue_stat(void *handle, struct agora_stat *stat);
int queue_check(void *handle, int repair, struct agora_check *check);
void queue_claims(void *handle, uint32_t counts[CLIENTS_MAX + 1]);

/* How many of want messages fit, exactly: 1 to want, -EAGAIN (none),
 * -EUCLEAN. May help head along. */
int queue_check_room(struct agora_queue *q, unsigned want);

#endif
