/*
 * pool.h - blocks of a segment, and who owns each.
 *
 * What. A block's state word is the only authority on who owns it. Rings,
 * links and bitmaps are hints or publications that anybody may help forward.
 * Ownership changes by compare-and-swap on the state, and the word that is
 * swapped in names the new owner: at no instant is something owned without
 * a record of who. (After CXL-SHM, SOSP 2023, and Memento, PLDI 2023; found
 * sound by the measurements that the lists of taken slots of SCQ, ck_ring
 * and Vyukov's ring fail under kill -9.)
 *
 * Layout of a state word: kind:4 | owner:12 | ticket:48.
 *   FREE       owner 0: anybody may take it. Owner X, ticket t: X took
 *              message t out of it, whose bytes are still there
 *   OWNED      owner is writing it, or about to free it
 *   PUBLISHED  in the structure, or (ticket) about to be; owner put it there
 *   HELD       a consumer claimed it and is not done
 *   RETURNED   claimed once, now to be delivered again; owner 0
 *   RETIRED    taken out of the structure by owner, about to be freed
 *   PACKET     published, with several messages, of which some may be taken;
 *   OPENED     the same, while they are given blocks of their own
 *              kind:4 | owner:12 | first:5 | ticket:43: see data/queue.c
 *   PENDING    of a heap: about to be in the structure, if owner's turn with
 *              this ticket comes
 *   PART       kind:4 | head:28 | nonce:32: continues the message of block
 *              head of pool 0 while that block's nonce is the same
 *
 * The ticket of FREE and OWNED is a generation: it grows by one with every
 * change, so that a block is never twice in the same state by accident.
 * What PUBLISHED, HELD and RETURNED carry is the kind's (queue: the position
 * in the ring; table: the generation).
 *
 * Taking: hints name blocks that were free. They come from the handle's own
 * cache, then from a bitmap (one exchange gives up to 64), then from reading
 * the states, which finds all that were forgotten by the dead. The claim
 * itself is the compare-and-swap on the state. Losing a hint is harmless.
 * The cache may be used by several threads at once: its relaxed accesses may
 * lose or repeat hints.
 *
 * Orderings
 *  [C] The claim is acq_rel, and a release fence stands between it and the
 *  first store to the payload: a reader that copies any new byte must, after
 *  its acquire fence, see that the state has changed. Without the fence,
 *  which is DMB ISH on aarch64, LDAXR and STLXR let the new bytes be seen
 *  before the new state: acquire binds the load of a claim, not its store.
 *  On x86 it costs nothing.
 *  [F] FREE is stored with release: what the old owner did with the bytes
 *  happens before the claim (acquire) of the new one. With less, aarch64 may
 *  let his last loads read what the new owner writes.
 *
 * Progress and death. Lock-free: a claim fails only because another one
 * succeeded. Killed between claim and use: OWNED by X, freed by recovery.
 * Killed with hints in its cache: they are found again by reading states.
 */
#ifndef LIB_SHM_POOL_H
#define LIB_SHM_POOL_H

#include "base/crash.h"
#include "shm/segment.h"

#define POOL_BLOCKS_MAX (1u << 28)
#define POOL_HINTS      64

enum block_kind {
	BLOCK_FREE,
	BLOCK_OWNED,
	BLOCK_PUBLISHED,
	BLOCK_HELD,
	BLOCK_RETURNED,
	BLOCK_RETIRED,
	BLOCK_PART,
	BLOCK_PACKET, /* of a queue only: these two */
	BLOCK_OPENED,
	BLOCK_PENDING /* of a heap only */
};

#define TICKET_MASK ((UINT64_C(1) << 48) - 1)

static inline uint64_t state_make(
	enum block_kind kind, uint32_t owner, uint64_t ticket)
{
	return (uint64_t)kind << 60 | (uint64_t)owner << 48 |
	       (ticket & TICKET_MASK);
}

static inline enum block_kind state_kind(uint64_t state)
{
	return (enum block_kind)(state >> 60);
}

static inline uint32_t state_owner(uint64_t state)
{
	return (uint32_t)(state >> 48) & 0xfff;
}

static inline uint64_t state_ticket(uint64_t state)
{
	return state & TICKET_MASK;
}

/* An index of a block, not yet bounded by anything. */
struct block_ref {
	uint32_t index;
};

/* Process-local. The bounds are private copies of checked ones. */
struct pool {
	char *headers;
	char *data;
	uint32_t stride, data_stride, data_size;
	uint32_t count;
	uint32_t me;                /* client id; 0: this handle only looks */
	_Atomic uint32_t committed; /* as last seen; never above count */
	_Atomic uint32_t hints;
	_Atomic uint32_t hint[POOL_HINTS];
	_Atomic uint32_t given_word; /* hints on their way to the bitmap */
	_Atomic uint64_t given;
	_Atomic uint32_t cursor; /* where to look in the bitmap next */
	_Atomic uint64_t *bitmap;
	const struct pool_layout *layout;
	struct segment *segment;
	unsigned number; /* 0 or 1 */
};

/* Append a pool to a layout. data_offset: of the payload in the block, or 0
 * for payloads that stand apart from 32-byte headers. */
void pool_lay_out(struct layout *layout, unsigned number, uint32_t count,
	uint32_t data_size, uint32_t data_offset);

/* Prepare a handle for one of a segment's pools. */
void pool_open(struct pool *pool, struct segment *segment, unsigned number);

/* True when index names a block of the pool whose memory is there. */
static inline bool pool_has(const struct pool *pool, struct block_ref ref)
{
	return likely(ref.index < pool->count);
}

/* The block; pool_has() must hold. */
static inline struct block_shm *pool_block(
	const struct pool *pool, struct block_ref ref)
{
	return (struct block_shm *)(pool->headers +
				    (size_t)ref.index * pool->stride);
}

/* Its payload, data_size bytes; pool_has() must hold. */
static inline char *pool_data(const struct pool *pool, struct block_ref ref)
{
	return pool->data + (size_t)ref.index * pool->data_stride;
}

/* Try to take one block. Returns true when it is ours. */
static inline bool pool_claim(struct pool *pool, struct block_ref ref)
{
	struct block_shm *block = pool_block(pool, ref);
	uint64_t state =
		atomic_load_explicit(&block->state, memory_order_relaxed);
	uint64_t mine =
		state_make(BLOCK_OWNED, pool->me, state_ticket(state) + 1);

	/* [C] [F] */
	if (state_kind(state) != BLOCK_FREE ||
		!atomic_compare_exchange_strong_explicit(&block->state, &state,
			mine, memory_order_acq_rel, memory_order_relaxed))
		return false;
	/* [C] */
	atomic_thread_fence(memory_order_release);
	crash_point(pool_claimed);
	return true;
}

/* Take a block when the first hint in the cache does not help. */
int pool_take_slowly(struct pool *pool, struct block_ref *ret_ref);

/*
 * Take a free block: it is then OWNED by us.
 *
 * Returns 0, -EAGAIN (none is free and the pool is at its ceiling), -ENOSPC
 * (no memory left), -EUCLEAN.
 */
static inline int pool_take(struct pool *pool, struct block_ref *ret_ref)
{
	uint32_t hints =
		atomic_load_explicit(&pool->hints, memory_order_relaxed);
	struct block_ref found; /* another one, so that ref has no address */
	int error;

	if (likely(hints)) {
		struct block_ref ref;

		hints--;
		ref.index = atomic_load_explicit(
			&pool->hint[hints], memory_order_relaxed);
		atomic_store_explicit(
			&pool->hints, hints, memory_order_relaxed);
		if (likely(pool_claim(pool, ref))) {
			*ret_ref = ref;
			return 0;
		}
	}
	error = pool_take_slowly(pool, &found);
	if (!error)
		*ret_ref = found;
	return error;
}

/* Give a hint back that does not fit the cache. */
void pool_give_hint(struct pool *pool, struct block_ref ref);

/* Remember that a block is free. */
static inline void pool_remember(struct pool *pool, struct block_ref ref)
{
	uint32_t hints =
		atomic_load_explicit(&pool->hints, memory_order_relaxed);

	if (unlikely(hints >= POOL_HINTS)) {
		pool_give_hint(pool, ref);
		return;
	}
	atomic_store_explicit(
		&pool->hint[hints], ref.index, memory_order_relaxed);
	atomic_store_explicit(&pool->hints, hints + 1, memory_order_relaxed);
}

/* Free a block that is ours, leaving state (a FREE one) in it. */
static inline void pool_free_as(
	struct pool *pool, struct block_ref ref, uint64_t state)
{
	/* [F] */
	atomic_store_explicit(
		&pool_block(pool, ref)->state, state, memory_order_release);
	crash_point(pool_freed);
	pool_remember(pool, ref);
}

/* Free a block that is ours. */
static inline void pool_free(struct pool *pool, struct block_ref ref)
{
	uint64_t state = atomic_load_explicit(
		&pool_block(pool, ref)->state, memory_order_relaxed);

	pool_free_as(
		pool, ref, state_make(BLOCK_FREE, 0, state_ticket(state) + 1));
}

/* Blocks whose memory is committed now. */
uint32_t pool_committed(struct pool *pool);

/* Put all cached hints into the bitmap, before closing. */
void pool_flush(struct pool *pool);

/*
 * A visit to the blocks of a pool that are committed, in their order.
 *
 * Reading what was never written allocates it, and who means harm may
 * declare any number of blocks in a file that is one hole. So in large pools
 * holes are passed over: what stands there is FREE.
 */
struct pool_scan {
	const struct pool *pool;
	uint32_t committed; /* when the visit began */
	uint32_t next, end; /* of what is known to be there */
	uint32_t passed;    /* blocks in holes */
};

void pool_scan_start(struct pool_scan *scan, struct pool *pool);

/* Find more blocks that are there. Returns false at the end. */
bool pool_scan_on(struct pool_scan *scan);

/* The next block. Returns false at the end. */
static inline bool pool_scan_next(
	struct pool_scan *scan, struct block_ref *ret_ref)
{
	if (unlikely(scan->next >= scan->end) && !pool_scan_on(scan))
		return false;
	ret_ref->index = scan->next++;
	return true;
}

#endif
