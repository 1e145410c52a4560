/*
 * message.h - messages of any size in blocks of fixed sizes.
 *
 * What. A message begins in a block of pool 0, its head, and goes on in
 * parts: blocks of pool 0 while little is left, else blocks of pool 1, whose
 * payloads are pages. The parts hang on the head's next and on each other's.
 * A reference is 0 (none) or index + 1, with bit 31 set for pool 1.
 *
 * Ownership. Only the head is owned by a client. A part belongs to its head:
 * its state says PART(head, nonce), and it is alive while the head's nonce
 * is that one. Nonces are random and never 0.
 *
 * Invariants
 *  1 The head's nonce is set before the first part says PART, and becomes 0
 *    only after all parts are FREE, or when the head is given up.
 *  2 So a part whose nonce is not its head's is nobody's, and whoever
 *    notices may free it: by compare-and-swap on the very word inspected.
 *
 * Orderings
 *  [N] The nonce is cleared with release after the parts were freed, and
 *  read with acquire before a part is declared an orphan. With less, on
 *  aarch64, a sweeper could free a part before its owner did: whose store of
 *  FREE would then hit who has claimed it meanwhile.
 *  [P] A part is declared PART with release after its head's nonce was set
 *  and its generation put away; states of parts are read with acquire before
 *  that and before their bytes.
 *  [C] The release fence that in pool.h stands before a block is written
 *  stands here before parts are taken off: OWNED was stored with release,
 *  which orders nothing that comes after it (STLR).
 *  (Bytes and links of a published message are ordered by what publishes
 *  its head.)
 *
 * Progress and death.
 *  killed while writing: head and the newest part are OWNED, the others say
 *  PART: recovery frees the head, which clears its nonce, then the part that
 *  is OWNED (of pool 1; those of pool 0 are the kind's), then the orphans.
 *  killed while freeing: the head's next is advanced before a part is freed;
 *  what was freed may be reused at once, what was not is still reachable or
 *  an orphan once the head is gone.
 */
#ifndef LIB_SHM_MESSAGE_H
#define LIB_SHM_MESSAGE_H

#include "base/copy.h"
#include "shm/pool.h"

#define PAGE_PAYLOAD 4096u

/* A piece of what is written. */
struct piece {
	const void *data;
	size_t size;
};

/* Process-local: the pools of one segment, for messages. */
struct store {
	struct pool pool[2];
	_Atomic uint32_t nonce;
};

void store_open(struct store *store, struct segment *segment);

/* Set the client id with which blocks are taken. */
void store_attach(struct store *store, uint32_t client);

/* Give hints back before closing. */
void store_flush(struct store *store);

static inline struct block_shm *store_head(
	const struct store *store, struct block_ref head)
{
	return pool_block(&store->pool[0], head);
}

/* Write what does not fit the head into parts; see message_write(). */
int message_write_long(struct store *store, struct block_ref head,
	const struct piece pieces[2]);

/*
 * Write the bytes of two pieces, one after the other, into a head that is
 * ours, adding parts as needed.
 *
 * Returns 0, or -EAGAIN, -ENOSPC, -EUCLEAN as pool_take(); then the head has
 * no parts and is still ours.
 */
static inline int message_write(struct store *store, struct block_ref head,
	const struct piece pieces[2])
{
	struct block_shm *block = store_head(store, head);
	char *data = pool_data(&store->pool[0], head);
	size_t size = pieces[0].size + pieces[1].size;

	atomic_store_explicit(
		&block->size, (uint32_t)size, memory_order_relaxed);
	if (store->pool[1].count)
		atomic_store_explicit(&block->next, 0, memory_order_relaxed);
	if (unlikely(size > store->pool[0].data_size)) {
		/* A copy, so that the caller's may stay in registers. */
		const struct piece copy[2] = {pieces[0], pieces[1]};

		return message_write_long(store, head, copy);
	}
	copy_in(data, pieces[0].data, pieces[0].size);
	copy_in(data + pieces[0].size, pieces[1].data, pieces[1].size);
	return 0;
}

/*
 * Make room for size bytes in a head that is ours, without writing them.
 * Returns as message_write().
 */
int message_reserve(struct store *store, struct block_ref head, size_t size);

/*
 * Copy size bytes to offset of a message that is ours and has room for them.
 * Returns 0, -EUCLEAN (the chain is not sound).
 */
int message_patch(const struct store *store, struct block_ref head,
	size_t offset, const void *data, size_t size);

/* Copy what does not all lie in the head; see message_read(). */
int message_read_long(const struct store *store, struct block_ref head,
	uint64_t offset, void *ret_data, size_t size);
int message_read_own_long(const struct store *store, struct block_ref head,
	uint64_t offset, void *ret_data, size_t size);

/*
 * Copy size bytes of a message from offset on.
 *
 * It may go away at any moment: the caller validates the head's state
 * afterwards and forgets the result if it has changed. The caller has bounded
 * offset and size by the limits of its kind.
 *
 * Returns 0 (all size bytes copied), -EUCLEAN (the chain is not sound, or
 * the message is gone).
 */
static inline int message_read(const struct store *store, struct block_ref head,
	uint64_t offset, void *ret_data, size_t size)
{
	if (unlikely(offset + size > store->pool[0].data_size))
		return message_read_long(store, head, offset, ret_data, size);
	copy_out(ret_data, pool_data(&store->pool[0], head) + offset, size);
	return 0;
}

/* As message_read(), of a message that is ours (OWNED or HELD). */
static inline int message_read_own(const struct store *store,
	struct block_ref head, uint64_t offset, void *ret_data, size_t size)
{
	if (unlikely(offset + size > store->pool[0].data_size))
		return message_read_own_long(
			store, head, offset, ret_data, size);
	copy_own(ret_data, pool_data(&store->pool[0], head) + offset, size);
	return 0;
}

/* Free the parts of a head that is ours. */
void message_free_parts(struct store *store, struct block_ref head);

/* Free a message that is ours (OWNED), head and parts. */
void message_free(struct store *store, struct block_ref head);

/*
 * Free what a dead client or recoverer owns: state is the head's state word
 * as inspected. Returns false when the block has changed since.
 */
bool message_reclaim(
	struct store *store, struct block_ref head, uint64_t state);

/*
 * Count the parts that belong to nobody and, to repair, free them.
 * Returns how many there were.
 */
uint64_t message_sweep_parts(struct store *store, bool repair);

/*
 * Free what dead clients left in parts: the ones they were taking, and those
 * of messages that were never finished. Their heads were dealt with before.
 */
void message_recover_parts(struct store *store, const struct client_set *dead);

#endif
