/*
 * heap.h - what the files of the heap share: the handle, cells, turns.
 *
 * The argument for all of it stands at the head of heap.c.
 */
#ifndef LIB_DATA_HEAP_H
#define LIB_DATA_HEAP_H

#include "base/crash.h"
#include "data/kind.h"
#include "data/plan.h"
#include "data/turn.h"
#include "shm/event.h"
#include "shm/message.h"

#include <agora/heap.h>

/* How many heaps a relaxed one consists of. */
#define LANES 8

/* Children of a node; their cells fill a cache line. */
#define ARITY 4

/* Most messages that are pushed, or popped, in one turn. */
#define PUSH_MOST 32
#define POP_MOST  16

/* Every so many versions, one cell is given a new one. */
#define RENEW_EVERY 256

/* Give up (damage) rather than repeat for ever on senseless memory. */
#define TRIES BUDGET(1000000)

/* The same where each try reads all states. */
#define SCANS BUDGET(1000)

/* The rank error that a relaxed heap declares; tests/lib/heap_relaxed.c. */
#define RANK_BOUND 256

/* What stands in the root. */
enum heap_op {
	HEAP_NOTHING,
	HEAP_PUSH,   /* blocks that are PENDING */
	HEAP_POP,    /* the first messages */
	HEAP_RETURN, /* a block that is RETURNED */
	HEAP_RENEW   /* a cell */
};

/* One of the roots: a heap, or a part of a relaxed one. */
struct lane_shm {
	struct wide_shm turn;
	struct wide_shm top; /* cell 0 */
	_Atomic uint64_t done;
	uint64_t reserved[11];
};

static_assert(sizeof(struct lane_shm) == sizeof(struct root_shm), "format");

/* The roots behind the lanes. */
enum { ROOT_CELLS = LANES, ROOT_RETURNS };

/* A message's header. */
struct item_shm {
	struct block_shm block;
	_Atomic uint64_t priority;
	_Atomic uint64_t order; /* version of its first push */
};

static_assert(sizeof(struct item_shm) == 40, "format");

struct lane {
	struct lane_shm *shm;
	struct wide_shm *cell; /* cell 1 */
};

struct agora_heap {
	struct agora_object object;
	struct store store;
	unsigned lanes; /* 1 or LANES */
	unsigned lane_bits;
	uint64_t capacity; /* of each */
	uint64_t limit;    /* cells of each */
	_Atomic uint64_t *committed;
	_Atomic uint64_t *returns;
	_Atomic uint64_t cells; /* committed of each, as last seen */
	size_t message_size;
	bool fixed;
	_Atomic bool holding; /* perhaps messages in hand, when closed */
	/* Which lanes of a relaxed heap to use, and for how long still. */
	_Atomic uint64_t chance;
	_Atomic uint32_t push_lane, push_left, pop_lane, pop_left;
	struct tapped *_Atomic tapped;
	struct lane lane[LANES];
};

/* A turn, and the words that it was read from. */
struct now {
	struct turn turn;
	unsigned count; /* messages that it is about */
	struct wide word;
};

/* ---- cells: version:36 | index:28 in word 1, the key in word 0 ---- */

#define CELL_VERSION_BITS 36
#define CELL_VERSION_MASK ((UINT64_C(1) << CELL_VERSION_BITS) - 1)

static inline uint64_t cell_version(struct wide cell)
{
	return cell.word[1] >> TURN_BITS;
}

static inline struct block_ref cell_block(struct wide cell)
{
	return (struct block_ref){(uint32_t)cell.word[1] & TURN_MASK};
}

static inline struct wide cell_make(
	uint64_t key, struct block_ref ref, uint64_t version)
{
	return (struct wide){{key, version << TURN_BITS | ref.index}};
}

static inline struct wide_shm *cell_at(const struct lane *lane, uint64_t i)
{
	return likely(i) ? &lane->cell[i - 1] : &lane->shm->top;
}

/* Look at a cell. It may change meanwhile: who cares validates. */
static inline struct wide cell_load(const struct wide_shm *cell)
{
	return (struct wide){{atomic_load_explicit(
				      &cell->word[0], memory_order_relaxed),
		atomic_load_explicit(&cell->word[1], memory_order_relaxed)}};
}

static inline uint64_t parent_of(uint64_t i)
{
	return (i - 1) / ARITY;
}

static inline uint64_t child_of(uint64_t i)
{
	return ARITY * i + 1;
}

/* ---- keys ---- */

#define SMALL_PRIORITY 32768u
#define ORDER_BITS     48
#define ORDER_MASK     ((UINT64_C(1) << ORDER_BITS) - 1)

/*
 * A number that grows with the priority, and with the order where that is
 * small. What has the same number is compared by its header.
 */
static inline uint64_t key_make(uint64_t priority, uint64_t order)
{
	if (likely(priority < SMALL_PRIORITY))
		return priority << ORDER_BITS | (order & ORDER_MASK);
	priority -= SMALL_PRIORITY;
	return priority >> 63 ? UINT64_MAX : priority | UINT64_C(1) << 63;
}

static inline struct item_shm *item_at(
	const struct agora_heap *h, struct block_ref ref)
{
	return (struct item_shm *)store_head(&h->store, ref);
}

static inline uint64_t item_priority(
	const struct agora_heap *h, struct block_ref ref)
{
	return atomic_load_explicit(
		&item_at(h, ref)->priority, memory_order_relaxed);
}

static inline uint64_t item_order(
	const struct agora_heap *h, struct block_ref ref)
{
	return atomic_load_explicit(
		&item_at(h, ref)->order, memory_order_relaxed);
}

/* Which of two messages whose keys are equal comes first. */
bool heap_is_before(
	const struct agora_heap *h, struct block_ref a, struct block_ref b);

static inline bool cell_is_before(
	const struct agora_heap *h, struct wide a, struct wide b)
{
	return likely(a.word[0] != b.word[0])
		       ? a.word[0] < b.word[0]
		       : heap_is_before(h, cell_block(a), cell_block(b));
}

/* ---- states ---- */

static inline uint64_t load_state(
	const struct agora_heap *h, struct block_ref ref)
{
	/* [S] */
	return atomic_load_explicit(
		&store_head(&h->store, ref)->state, memory_order_acquire);
}

static inline bool swap_state(const struct agora_heap *h, struct block_ref ref,
	uint64_t old, uint64_t state)
{
	/* [S] */
	return atomic_compare_exchange_strong_explicit(
		&store_head(&h->store, ref)->state, &old, state,
		memory_order_acq_rel, memory_order_relaxed);
}

/* ---- turns ---- */

static inline struct now now_unpack(struct wide word)
{
	return (struct now){.turn = turn_unpack(word),
		.count = (unsigned)(word.word[0] >> 56) + 1,
		.word = word};
}

/* True when the root has not changed since, nor what was read before. */
static inline bool is_now(const struct lane *lane, const struct now *now)
{
	/* [W] pairs with the swap in heap_try_turn() */
	atomic_thread_fence(memory_order_acquire);
	return likely(atomic_load_explicit(&lane->shm->turn.word[1],
			      memory_order_relaxed) == now->word.word[1]);
}

/* True when nothing is left to be done of a turn. */
static inline bool is_done(const struct lane *lane, const struct now *now)
{
	/* [D] */
	return atomic_load_explicit(&lane->shm->done, memory_order_acquire) ==
	       now->turn.version;
}

/* The version of the first of the messages that a turn is about. */
static inline uint64_t first_version(const struct now *now)
{
	return now->turn.version - (now->count - 1);
}

/* The root as it is, with what is to be done counted as done. */
static inline struct now heap_glance(const struct lane *lane)
{
	struct wide word;

	for (int tries = 0; tries < TRIES; tries++)
		if (wide_load(&lane->shm->turn, &word))
			break;
	return now_unpack(word);
}

/* heap_turn.c: do what is to be done in a turn. Returns 0, -EUCLEAN. */
int heap_complete(
	struct agora_heap *h, const struct lane *lane, const struct now *now);

/*
 * Read the root when nothing is left to be done: after waiting a little, and
 * then doing it. Returns 0, -EUCLEAN.
 */
int heap_settle(struct agora_heap *h, struct lane *lane, struct now *ret_now);

/*
 * Take the next turn, unless somebody else does: op with count messages, the
 * first of which is ref, with now->turn.second + more messages in the end.
 * Then do it. Returns 1 (done; *now is the turn), 0 (not our turn: look
 * again), -EUCLEAN.
 */
int heap_try_turn(struct agora_heap *h, struct lane *lane, struct now *now,
	enum heap_op op, unsigned count, struct block_ref ref, int more);

/* Enter a block that is RETURNED by us. Returns 0, -EUCLEAN. */
int heap_return(struct agora_heap *h, struct block_ref ref);

/* Have memory for cells of each lane. Returns 0, -ENOSPC, ... */
int heap_commit(struct agora_heap *h, uint64_t cells);

/* Cells of each lane that have memory: a bound of what the root says. */
uint64_t heap_committed(struct agora_heap *h);

/* The lane to push to, and to pop from. */
static inline struct lane *push_lane(struct agora_heap *h)
{
	return likely(h->lanes == 1)
		       ? &h->lane[0]
		       : &h->lane[atomic_load_explicit(
					  &h->push_lane, memory_order_relaxed) %
				  LANES];
}

static inline struct lane *pop_lane(struct agora_heap *h)
{
	return likely(h->lanes == 1)
		       ? &h->lane[0]
		       : &h->lane[atomic_load_explicit(
					  &h->pop_lane, memory_order_relaxed) %
				  LANES];
}

/* heap_choice.c, of a relaxed heap: choose another lane; ... */
void heap_move_push(struct agora_heap *h);
void heap_move_pop(struct agora_heap *h);

/* ... when it is time for it, after count messages; ... */
void heap_pushed(struct agora_heap *h, uint32_t count);
void heap_popped(struct agora_heap *h, uint32_t count);

/* A lane, of any heap, with messages, or else with room: that with the
 * smallest key. NULL when none was there at one moment. */
struct lane *heap_find(struct agora_heap *h, bool room);

/* ... because the one to push to is full, or that to pop from empty. Also of
 * a strict heap. Returns false when all were at one moment. */
bool heap_push_elsewhere(struct agora_heap *h);
bool heap_pop_elsewhere(struct agora_heap *h);

#define EVENTS_PUSHED (EVENT_BIT(EVENT_READABLE) | EVENT_BIT(EVENT_ADVANCED))
#define EVENTS_POPPED EVENT_BIT(EVENT_WRITABLE)

/* Tell who waits: there are count more messages, or places. */
static inline void heap_notify(struct agora_heap *h, uint32_t events, int count)
{
	if (likely(count == 1))
		event_notify(&h->object.segment, events);
	else
		event_notify_all(&h->object.segment, events);
}

/* A message that was claimed. */
struct claim {
	struct block_ref ref;
	uint64_t state; /* HELD(me, t) */
	size_t room;    /* do not claim what is larger */
	size_t size;
};

/* heap_pop.c: claim up to count messages (POP_MOST), each no larger than its
 * room. Returns how many, or -EAGAIN, -EMSGSIZE (claim->size), -EUCLEAN. */
int heap_claim(struct agora_heap *h, struct claim *claims, unsigned count);

/* Be done with a message that is HELD by us. The first step decides. */
void heap_finish(struct agora_heap *h, const struct claim *claim);

/* Make a message that is HELD by us available again: 0, -EINVAL, -EUCLEAN */
int heap_give_back(struct agora_heap *h, const struct claim *claim);

/* The verbs, as in struct kind: heap.c and heap_pop.c ... */
int heap_push(void *handle, uint64_t priority, const void *data, size_t size);
int heap_push_batch(struct agora_heap *h, const struct agora_heap_item *items,
	size_t count);
int heap_pop(void *handle, struct agora_buffer *message);
int heap_pop_batch(void *handle, struct agora_buffer *messages, size_t count);

/* ... heap_hold.c ... */
int heap_acquire(void *handle, struct agora_message *message);
int heap_read(void *handle, const struct agora_message *message, size_t offset,
	void *data, size_t size);
int heap_release(void *handle, const struct agora_message *message);
int heap_restore(void *handle, const struct agora_message *message);

/* ... heap_dead.c ... */
void heap_recover(struct segment *segment, const struct client_set *dead);

/* ... heap_view.c ... */

/* Internal result, beside negative errnos: look again. */
enum { CHANGED = 1 };

/*
 * Copy the message of a block while its state stays what it is.
 * Returns 0, CHANGED, -EMSGSIZE, -EUCLEAN.
 */
int heap_copy(const struct agora_heap *h, struct block_ref ref, uint64_t state,
	struct agora_buffer *message);

int heap_peek(void *handle, struct agora_buffer *message);
int heap_snapshot(void *handle, struct token **ret_tokens, size_t *ret_count);
int heap_look(void *handle, const struct token *token, struct agora_buffer *m);
int heap_ready(void *handle, uint32_t events, uint64_t cursor);

/* ... heap_tap.c ... */
int heap_tap(void *handle, uint64_t *cursor, struct agora_buffer *message);
int heap_end(void *handle, uint64_t *ret_cursor);
bool heap_has_after(struct agora_heap *h, uint64_t cursor);

/* ... and heap_check.c. */
int heap_stat(void *handle, struct agora_stat *stat);
int heap_check(void *handle, int repair, struct agora_check *check);
void heap_claims(void *handle, uint32_t counts[CLIENTS_MAX + 1]);

#endif
