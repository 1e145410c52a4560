/*
 * log.h - what the files of the log share: words, handle, small steps.
 *
 * The arguments stand at the heads of log.c (many writers), log_one.c (one)
 * and log_reader.c (registered readers, for both).
 *
 * An ordering that log_one.c and log_view.c share
 *  [T] tail, of one writer: a release store in append 3; loads of read 1, and
 *      of who looks where the log ends, acquire or more: who sees tail sees the
 *      records before it. seen, an old value of it that the threads of a
 *      handle share, is passed on in the same way.
 */
#ifndef LIB_DATA_LOG_H
#define LIB_DATA_LOG_H

#include "base/crash.h"
#include "data/kind.h"
#include "data/plan.h"
#include "shm/event.h"
#include "shm/message.h"

#include <agora/log.h>

/* Internal results, beside negative errnos. */
enum {
	AGAIN = 1, /* somebody took a step: look again */
	GONE = 2,  /* the record is no longer there */
	HELD = 3   /* a registered reader keeps what is in the way */
};

/* Give up rather than repeat for ever on senseless memory. */
#define LOG_TRIES BUDGET(1000000)

/* The same where each try may copy a record. */
#define LOG_COPIES BUDGET(10000)

/* Roots of a log with many writers; the third is of both. */
enum { LOG_TAIL, LOG_HEAD, LOG_JOINED };

/* Root 0 of a log with one writer, who writes it. */
struct log_end_shm {
	_Atomic uint64_t tail;      /* number of the next record */
	_Atomic uint64_t owner;     /* the client that has the role, or 0 */
	_Atomic uint64_t committed; /* bytes of the ring that have memory */
};

/* Root 1, of him too, but seldom. */
struct log_edge_shm {
	_Atomic uint64_t oldest; /* records before it may be overwritten */
	_Atomic uint64_t intent; /* the same, about to be */
};

static_assert(sizeof(struct log_end_shm) <= sizeof(struct root_shm), "format");
static_assert(sizeof(struct log_edge_shm) <= sizeof(struct root_shm), "format");

/* Private to the only writer. limit = tail: nothing is plain, look closer. */
struct log_writer {
	_Alignas(128) uint64_t tail;
	uint64_t limit;        /* number of the first record with no room */
	uint64_t at, at_limit; /* bytes of the ring, of any laps */
	char *data;
	struct log_end_shm *shared;
	uint64_t oldest;
	uint64_t end;       /* limit, when all is plain */
	uint64_t committed; /* bytes */
	uint64_t reserved_size, serial;
	bool role, is_reserved;
};

struct agora_log {
	struct agora_object object;
	bool is_one; /* one writer */
	bool fixed, reliable;
	bool plain; /* no types to check */
	bool light; /* sleepers see to the barrier: event.h */
	uint64_t capacity;
	size_t message_size;
	uint64_t mask; /* of numbers: cells, or slots - 1 */

	/* Registered readers: log_reader.c. */
	_Atomic uint64_t *joined;
	_Atomic uint64_t reading; /* our own: cursor + 1 */
	_Atomic uint64_t held_at; /* joined, when held_from was found */
	_Atomic uint64_t held_from;

	/* Many writers. */
	struct store store;
	_Atomic uint64_t *tail, *head, *cell;
	unsigned order;            /* log2 of cells */
	_Atomic bool holding;      /* perhaps something reserved, when closed */
	_Atomic int64_t credit;    /* bytes given up and not taken since */
	_Atomic uint32_t tight;    /* records to make room for in advance */
	pthread_mutex_t giving_up; /* in a reliable log: one of our threads */
	_Atomic uint64_t head_seen; /* an old value of head [H] */

	/* One writer. */
	struct log_end_shm *end;
	struct log_edge_shm *edge;
	_Atomic uint64_t *index; /* NULL: records of one size */
	char *data;
	uint64_t stride;       /* bytes of a slot */
	uint64_t ring;         /* bytes in which records of any size lie */
	_Atomic uint64_t seen; /* an old value of tail [T] */
	struct log_writer writer;
};

/* ---- many writers: cells. cycle:36 index:28; 0: never written ---- */

#define CELL_INDEX_BITS 28
#define CELL_CYCLE_MASK ((UINT64_C(1) << (64 - CELL_INDEX_BITS)) - 1)
#define CELLS_MIN       16

/* Of a record; the first ones have cycle 1. */
static inline uint64_t cycle_of(const struct agora_log *l, uint64_t number)
{
	return ((number >> l->order) + 1) & CELL_CYCLE_MASK;
}

static inline uint64_t cell_make(uint64_t cycle, struct block_ref ref)
{
	return cycle << CELL_INDEX_BITS | ref.index;
}

static inline uint64_t cell_cycle(uint64_t cell)
{
	return cell >> CELL_INDEX_BITS;
}

static inline struct block_ref cell_block(uint64_t cell)
{
	return (struct block_ref){
		(uint32_t)(cell & ((UINT64_C(1) << CELL_INDEX_BITS) - 1))};
}

/* True when a cell was last written in a cycle before the given one. */
static inline bool cell_is_older(uint64_t cell, uint64_t cycle)
{
	uint64_t age = (cycle - cell_cycle(cell)) & CELL_CYCLE_MASK;

	return age && age <= CELL_CYCLE_MASK / 2;
}

static inline _Atomic uint64_t *cell_at(
	const struct agora_log *l, uint64_t number)
{
	return &l->cell[number & l->mask];
}

static inline uint64_t load_cell(const struct agora_log *l, uint64_t number)
{
	/* [Q] [E] */
	return atomic_load_explicit(cell_at(l, number), memory_order_seq_cst);
}

static inline uint64_t load_state(
	const struct agora_log *l, struct block_ref ref)
{
	/* [S] [R] */
	return atomic_load_explicit(
		&store_head(&l->store, ref)->state, memory_order_seq_cst);
}

static inline uint64_t load_end(const _Atomic uint64_t *word)
{
	/* [H] */
	return atomic_load_explicit(word, memory_order_acquire);
}

/* The block has the record, though somebody may be about to give it up. */
static inline bool is_record(uint64_t state, uint64_t number)
{
	return (state_kind(state) == BLOCK_PUBLISHED ||
		       state_kind(state) == BLOCK_RETIRED) &&
	       state_ticket(state) == (number & TICKET_MASK);
}

/* True when the cell at the ticket of a block names it: it is in the log. */
static inline bool is_named(
	const struct agora_log *l, struct block_ref ref, uint64_t state)
{
	uint64_t number = state_ticket(state);
	uint64_t mask = num_min(TICKET_MASK >> l->order, CELL_CYCLE_MASK);
	uint64_t cell = load_cell(l, number);

	return cell_block(cell).index == ref.index &&
	       !((cell_cycle(cell) ^ cycle_of(l, number)) & mask);
}

/* ---- one writer: index of records. place:33 size:31 ---- */

#define ENTRY_SIZE_BITS 31
#define ENTRY_SIZE_MASK ((UINT64_C(1) << ENTRY_SIZE_BITS) - 1)
#define PLACE_MASK      ((UINT64_C(1) << 36) - 8)
#define RING_MAX        (UINT64_C(1) << 35)

static inline uint64_t entry_make(uint64_t at, size_t size)
{
	return (at & PLACE_MASK) >> 3 << ENTRY_SIZE_BITS | size;
}

static inline uint64_t entry_place(uint64_t entry)
{
	return entry >> ENTRY_SIZE_BITS << 3;
}

static inline size_t entry_size(uint64_t entry)
{
	return entry & ENTRY_SIZE_MASK;
}

static inline uint64_t load_entry(const struct agora_log *l, uint64_t number)
{
	return atomic_load_explicit(
		&l->index[number & l->mask], memory_order_relaxed);
}

/* Bytes that a record takes in the ring. */
static inline uint64_t log_need(size_t size)
{
	return num_round_up(size, 8);
}

static inline uint64_t log_slots(uint64_t capacity)
{
	return UINT64_C(1) << num_log2_up(capacity + capacity / 8 + 1);
}

/* ---- for both ---- */

/* Tell sleepers after a release store, or more. */
static inline void log_notify(struct agora_log *l, enum event event)
{
	struct segment *segment = &l->object.segment;

	if (event_awaited_after(segment, l->light, EVENT_BIT(event)))
		event_wake(segment, EVENT_BIT(event));
}

static inline int log_refuses(
	const struct agora_log *l, const void *data, size_t size)
{
	if (l->fixed ? size != l->message_size : size > l->message_size)
		return -EMSGSIZE;
	return data ? object_fits(&l->object, data, size) : 0;
}

/* log_reader.c: whether a registered reader keeps a record. */
bool log_is_held(struct agora_log *l, uint64_t number);
/* The first record that is kept, or UINT64_MAX. */
uint64_t log_held_from(struct agora_log *l);
/* Drop readers that keep a record and are dead. True: there were some. */
bool log_drop_dead(struct agora_log *l, uint64_t number);
/* Our registered reader has come as far as cursor. */
void log_read_on(struct agora_log *l, uint64_t cursor);
void log_recover_readers(struct agora_log *l, const struct client_set *dead);
uint32_t log_count_readers(const struct agora_log *l);
int log_register(struct agora_log *l, uint64_t *cursor);
int log_unregister(struct agora_log *l);

static inline void log_has_read(struct agora_log *l, uint64_t number)
{
	uint64_t reading =
		atomic_load_explicit(&l->reading, memory_order_relaxed);

	if (unlikely(reading && number >= reading - 1))
		log_read_on(l, number + 1);
}

/* The places of a log, for whichever sort it is: log_view.c. */
uint64_t log_end(const struct agora_log *l);
uint64_t log_oldest(const struct agora_log *l);
/* Nobody who did not see our registration can give this record up. */
bool log_is_safe(const struct agora_log *l, uint64_t number);

/*
 * Copy the record with a number, many writers or one. Returns 0, AGAIN (it
 * changed), GONE, -EAGAIN (not appended yet), -EMSGSIZE, -EUCLEAN.
 */
int log_many_copy(
	struct agora_log *l, uint64_t number, struct agora_buffer *record);
int log_one_copy(
	struct agora_log *l, uint64_t number, struct agora_buffer *record);

/* Copy what is at *cursor or behind: as agora_log_read(). */
int log_read(struct agora_log *l, uint64_t *cursor, struct agora_buffer *record,
	uint64_t *ret_missed);
int log_read_batch(struct agora_log *l, uint64_t *cursor,
	struct agora_buffer *records, size_t count, uint64_t *ret_missed);
int log_newest(struct agora_log *l, struct agora_buffer *record);
int log_oldest_cursor(struct agora_log *l, uint64_t *ret_cursor);
int log_back_cursor(struct agora_log *l, uint64_t count, uint64_t *ret_cursor);

/* The verbs of many writers: log.c, ... */
int log_many_append(void *handle, const void *data, size_t size);
int log_many_append_batch(
	void *handle, const struct iovec *records, size_t count);
int log_many_room(struct agora_log *l);
int log_many_publish(struct agora_log *l, struct block_ref ref);
int log_many_take(struct agora_log *l, size_t size, const void *data,
	struct block_ref *ret_ref);
void log_many_give_up(struct agora_log *l, struct block_ref ref);
void log_many_recover(struct segment *segment, const struct client_set *dead);

/* ... log_hold.c, ... */
int log_many_reserve(void *handle, size_t size, struct agora_reservation *r);
int log_many_write(void *handle, const struct agora_reservation *r,
	size_t offset, const void *data, size_t size);
int log_many_commit(void *handle, const struct agora_reservation *r);
int log_many_abort(void *handle, const struct agora_reservation *r);
int log_one_reserve(void *handle, size_t size, struct agora_reservation *r);
int log_one_write(void *handle, const struct agora_reservation *r,
	size_t offset, const void *data, size_t size);
int log_one_commit(void *handle, const struct agora_reservation *r);
int log_one_abort(void *handle, const struct agora_reservation *r);

/* ... log_view.c. */
int log_walk(void *handle, uint64_t *cursor, struct agora_buffer *record);
int log_tap(void *handle, uint64_t *cursor, struct agora_buffer *record);
int log_end_cursor(void *handle, uint64_t *ret_cursor);
int log_ready(void *handle, uint32_t events, uint64_t cursor);
int log_stat(void *handle, struct agora_stat *stat);
int log_many_check(void *handle, int repair, struct agora_check *check);
int log_one_check(void *handle, int repair, struct agora_check *check);

/* The verbs of one writer: log_one.c. */
int log_one_append(void *handle, const void *data, size_t size);
int log_one_append_batch(
	void *handle, const struct iovec *records, size_t count);
int log_one_make_room(struct agora_log *l, size_t size);
int log_one_room(struct agora_log *l);
void log_one_put_entry(struct agora_log *l, size_t size);
void log_one_publish(struct agora_log *l);
void log_one_relimit(struct agora_log *l);
int log_one_take_role(struct agora_log *l);
void log_one_leave(struct agora_log *l);
void log_one_yield(void *handle);
void log_one_recover(struct segment *segment, const struct client_set *dead);

extern const struct kind kind_log_one;

#endif
