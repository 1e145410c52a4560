/*
 * bag.h - what stack and list have in common: messages, a root, and no ring.
 *
 * What. Both keep messages of any size in blocks (message.h) and change what
 * hangs together by turns (turn.h); they differ in how blocks are linked. All
 * that does not depend on the links is here: options and layout, messages in
 * hand, redelivery, looking, checking. A kind is its links and struct
 * bag_ops.
 *
 * Layout. root 0: the turn, 16 bytes, and behind it what the kind likes.
 *   pool 0 heads of messages, pool 1 their parts. Tickets of states, from
 *   PUBLISHED on, are number:47 | end:1: the number is the version of the
 *   root that an operation makes, of which there is one, so that no state
 *   ever comes again. end: of a list, where a message was taken from.
 *
 *   PUBLISHED(X, t)  X wants to enter it, or has just entered it: the root
 *                    tells which. PUBLISHED(0, t): it is there
 *   HELD(X, t)       X took it at t
 *   RETURNED(X, t)   as PUBLISHED, but a message that was taken before and
 *                    is put back: it must not be lost
 *   RETIRED(X, t)    X removed it, and is to free it
 *
 * Invariants
 *  1 What is in the structure is PUBLISHED(0, t), or the root names it. The
 *    root is not changed to name another before that one says so, or is
 *    HELD or RETIRED by whom the root names.
 *  2 So one look at a state and the root tells whether a block is there, and
 *    whose it is: bag_has().
 *  3 Bytes and size of a message do not change while it is there.
 *
 * Orderings
 *  [W] as in wide.h: the swap of the root publishes message, links and state,
 *      which were written relaxed, to who reads word 1 with acquire. It is a
 *      full barrier, so that what event.h asks for is given as well.
 *  [S] state: acq_rel where it is swapped, release where it is stored to free
 *      or to own, acquire where it is read: a taker of HELD or FREE memory
 *      sees its last owner's accesses done.
 *  [A] An acquire fence ends each copy of bytes that are not ours, before the
 *      state is read again; it pairs with the release fence of pool.h.
 *  [E] Room that is made by freeing blocks, not by a swap, has a fence.
 *  [T] The trail of a tap is handed from thread to thread by exchanges.
 */
#ifndef LIB_DATA_BAG_H
#define LIB_DATA_BAG_H

#include "base/crash.h"
#include "base/relax.h"
#include "data/kind.h"
#include "data/plan.h"
#include "data/turn.h"
#include "shm/event.h"
#include "shm/message.h"

/* Give up (damage) rather than repeat for ever on senseless memory. */
#define BAG_TRIES BUDGET(1000000)

/* Internal results, beside negative errnos. */
enum {
	AGAIN = 1 /* somebody took a step: look again */
};

/* Where a block is that says PUBLISHED or RETURNED. */
enum presence {
	ABSENT, /* not there, nor will it be but by its owner */
	PRESENT,
	LEAVING /* being taken by the operation in the root */
};

struct bag;

/* What only the kind knows. */
struct bag_ops {
	/* Where a block is whose state was this just now. */
	enum presence (*find)(
		const struct bag *bag, struct block_ref ref, uint64_t state);
	/* Enter a block that is RETURNED by us: 0, -EUCLEAN. */
	int (*put_back)(struct bag *bag, struct block_ref ref, unsigned end);
	/* Complete the operation in the root: 0, -EUCLEAN. */
	int (*settle)(const struct bag *bag);
	/* How many messages are there, not bounded by anything. */
	uint64_t (*count)(const struct bag *bag);
	/* Follow all links: how many messages were met, and what is wrong. */
	uint64_t (*verify)(struct bag *bag, uint64_t *ret_damaged);
};

struct trail;

/* Process-local: the beginning of a kind's handle. */
struct bag {
	struct agora_object object;
	struct store store;
	struct wide_shm *root;
	uint64_t capacity;
	size_t message_size;
	_Atomic bool holding; /* perhaps messages in hand, when closed */
	_Atomic(struct trail *) trail; /* what a tap is to show next */
	const struct bag_ops *ops;
};

/* ---- states and the root ---- */

#define NUMBER_MASK (TICKET_MASK >> 1)

static inline uint64_t ticket_make(uint64_t number, unsigned end)
{
	return number << 1 | end;
}

static inline uint64_t state_number(uint64_t state)
{
	return state_ticket(state) >> 1;
}

static inline unsigned state_end(uint64_t state)
{
	return state & 1;
}

static inline uint64_t load_state(const struct bag *bag, struct block_ref ref)
{
	/* [S] */
	return atomic_load_explicit(
		&store_head(&bag->store, ref)->state, memory_order_acquire);
}

static inline void store_state(
	const struct bag *bag, struct block_ref ref, uint64_t state)
{
	/* [S] */
	atomic_store_explicit(&store_head(&bag->store, ref)->state, state,
		memory_order_release);
}

static inline bool swap_state(const struct bag *bag, struct block_ref ref,
	uint64_t state, uint64_t value)
{
	/* [S] */
	return atomic_compare_exchange_strong_explicit(
		&store_head(&bag->store, ref)->state, &state, value,
		memory_order_acq_rel, memory_order_relaxed);
}

/* Says that it is there, or about to be. */
static inline bool is_entered(uint64_t state)
{
	return state_kind(state) == BLOCK_PUBLISHED ||
	       state_kind(state) == BLOCK_RETURNED;
}

/* There, and the root need not name it. */
static inline uint64_t state_settled(uint64_t state)
{
	return state_make(
		BLOCK_PUBLISHED, 0, ticket_make(state_number(state), 0));
}

/* True while the root is what it was, and so all that hangs on it. */
static inline bool is_still(const struct bag *bag, struct wide root)
{
	/* [W] */
	return likely(atomic_load_explicit(&bag->root->word[1],
			      memory_order_acquire) == root.word[1]);
}

/* What does not fit together is damage, unless it changed meanwhile. */
static inline int again_or_damage(const struct bag *bag, struct wide root)
{
	return is_still(bag, root) ? -EUCLEAN : AGAIN;
}

/* Both words of one moment. */
static inline bool bag_load(
	const struct bag *bag, struct turn *ret_turn, struct wide *ret_root)
{
	if (unlikely(!wide_load(bag->root, ret_root)))
		return false;
	*ret_turn = turn_unpack(*ret_root);
	return true;
}

/* The root at some moment of the call. */
struct turn bag_look(const struct bag *bag, struct wide *ret_root);

/* The block that a word of root or link names, when it is one. */
static inline bool bag_name(
	const struct bag *bag, uint32_t name, struct block_ref *ret_ref)
{
	ret_ref->index = name - 1;
	return pool_has(&bag->store.pool[0], *ret_ref);
}

/* The next value of a root. */
static inline struct wide turn_after(const struct turn *old, uint32_t client,
	uint32_t op, uint32_t first, uint32_t second)
{
	struct turn turn = {.version = old->version + 1,
		.client = client,
		.op = op,
		.first = first,
		.second = second};

	return turn_pack(&turn);
}

/*
 * Give who began an operation a moment to complete it: who helps at once
 * does the work twice, and takes his lines away. He may be dead.
 */
static inline void bag_linger(const struct bag *bag, struct wide root)
{
	for (int i = 0; i < 48 && is_still(bag, root); i++)
		relax();
}

/* Where a block is, and ret_state: its state at that moment. */
enum presence bag_find(
	const struct bag *bag, struct block_ref ref, uint64_t *ret_state);

/* ---- messages ---- */

/* A message that is to be taken, or was. */
struct claim {
	struct block_ref ref;
	uint64_t number; /* with which it was entered */
	uint64_t state;  /* HELD by us */
	size_t size;
	size_t room; /* do not take what is larger: -EMSGSIZE */
};

/* Why a message must not be pushed, or 0. */
static inline int bag_check_push(
	const struct bag *bag, const void *data, size_t size)
{
	int error = object_writable(&bag->object);

	if (!error && size > bag->message_size)
		error = -EMSGSIZE;
	return error ? error : object_fits(&bag->object, data, size);
}

/* Take a block and write a message into it. */
int bag_write(struct bag *bag, const void *data, size_t size,
	struct block_ref *ret_ref);

/* Free a message of ours that was not entered. */
void bag_give_up(struct bag *bag, struct block_ref ref);

/* Read the size of a message under root: 0, or as try_pop(). */
static inline int bag_claim_size(
	const struct bag *bag, struct wide root, struct claim *claim)
{
	claim->size =
		atomic_load_explicit(&store_head(&bag->store, claim->ref)->size,
			memory_order_relaxed);
	if (likely(claim->size <= num_min(bag->message_size, claim->room)))
		return 0;
	/* [A] */
	atomic_thread_fence(memory_order_acquire);
	if (!is_still(bag, root))
		return AGAIN;
	return claim->size > bag->message_size ? -EUCLEAN : -EMSGSIZE;
}

/* Copy a message that is HELD by us, free it, and tell who waits for room.
 * Returns 0, -EUCLEAN: then it was put back. */
int bag_finish(
	struct bag *bag, const struct claim *claim, struct agora_buffer *to);

/* Hand a message that is HELD by us out, without copying it. */
void bag_hand_out(struct bag *bag, const struct claim *claim,
	struct agora_message *message);

/* Free a message that is ours, and tell who waits for room. */
void bag_free(struct bag *bag, struct block_ref ref);

/*
 * Copy a message with a number while it is there.
 * Returns 0, -ESTALE (it is not), -EMSGSIZE, -EUCLEAN.
 */
int bag_copy(const struct bag *bag, struct block_ref ref, uint64_t number,
	struct agora_buffer *message);

static inline void bag_notify_pushed(struct bag *bag)
{
	event_notify(&bag->object.segment,
		EVENT_BIT(EVENT_READABLE) | EVENT_BIT(EVENT_ADVANCED));
}

/* ---- tokens ---- */

/* A growing row of messages that were seen. */
struct tokens {
	struct token *row;
	size_t count, room;
};

/* Append a message: 0, -ENOMEM. */
int tokens_add(struct tokens *tokens, struct block_ref ref, uint64_t number);

/* ---- the parts of a row of the table of kinds ---- */

/* data_offset: where the payload begins in a block. */
const char *bag_plan(const struct agora_options *options,
	struct params_shm *params, const char *fixed, uint32_t data_offset);
int bag_lay_out(const struct params_shm *params, struct layout *layout,
	uint32_t data_offset);
void bag_open(struct bag *bag, const struct bag_ops *ops);
void bag_attached(struct segment *segment);
void bag_close(void *handle);
void bag_recover(struct segment *segment, const struct client_set *dead);

/* Whether a message that was entered with number cursor or later is there. */
bool bag_has_news(struct bag *bag, uint64_t cursor);

int bag_push_batch(void *handle, const struct iovec *messages, size_t count);
int bag_pop_batch(void *handle, struct agora_buffer *messages, size_t count);
int bag_read(void *handle, const struct agora_message *message, size_t offset,
	void *data, size_t size);
int bag_release(void *handle, const struct agora_message *message);
int bag_restore(void *handle, const struct agora_message *message);
int bag_look_up(
	void *handle, const struct token *token, struct agora_buffer *message);
/* Free what a tap noted; NULL is accepted. */
void trail_free(struct trail *trail);
int bag_tap(void *handle, uint64_t *cursor, struct agora_buffer *message);
int bag_end(void *handle, uint64_t *ret_cursor);
int bag_stat(void *handle, struct agora_stat *stat);
int bag_check(void *handle, int repair, struct agora_check *check);
void bag_claims(void *handle, uint32_t counts[CLIENTS_MAX + 1]);

#endif
