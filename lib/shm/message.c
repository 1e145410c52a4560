/* message.c - messages of any size in blocks of fixed sizes: message.h. */
#include "shm/message.h"

#include "shm/client.h"

#include <sys/random.h>

#define REF_PAGE (UINT32_C(1) << 31)

static uint32_t ref_make(unsigned number, struct block_ref ref)
{
	return (ref.index + 1) | (number ? REF_PAGE : 0);
}

/* Returns false when the reference names no block. */
static bool ref_find(const struct store *store, uint32_t ref,
	const struct pool **ret_pool, struct block_ref *ret_ref)
{
	*ret_pool = &store->pool[ref & REF_PAGE ? 1 : 0];
	*ret_ref = (struct block_ref){(ref & ~REF_PAGE) - 1};
	return pool_has(*ret_pool, *ret_ref);
}

static uint64_t part_state(struct block_ref head, uint32_t nonce)
{
	return (uint64_t)BLOCK_PART << 60 | (uint64_t)head.index << 32 | nonce;
}

static uint32_t load_nonce(const struct block_shm *head)
{
	return atomic_load_explicit(&head->nonce, memory_order_relaxed);
}

static uint32_t load_next(const struct block_shm *block)
{
	return atomic_load_explicit(&block->next, memory_order_relaxed);
}

static void store_next(struct block_shm *block, uint32_t next)
{
	atomic_store_explicit(&block->next, next, memory_order_relaxed);
}

void store_open(struct store *store, struct segment *segment)
{
	uint32_t nonce = 0;

	pool_open(&store->pool[0], segment, 0);
	pool_open(&store->pool[1], segment, 1);
	if (getrandom(&nonce, sizeof(nonce), 0) < 0)
		nonce = (uint32_t)(uintptr_t)store;
	atomic_store_explicit(&store->nonce, nonce, memory_order_relaxed);
}

void store_attach(struct store *store, uint32_t client)
{
	store->pool[0].me = client;
	store->pool[1].me = client;
}

void store_flush(struct store *store)
{
	pool_flush(&store->pool[0]);
	pool_flush(&store->pool[1]);
}

/* ---- write ---- */

/* Where writing has come to in the two pieces. */
struct source {
	struct piece piece[2];
};

static size_t source_left(const struct source *source)
{
	return source->piece[0].size + source->piece[1].size;
}

static void source_copy(struct source *source, char *to, size_t size)
{
	for (int i = 0; i < 2 && size; i++) {
		struct piece *piece = &source->piece[i];
		size_t now = num_min(piece->size, size);

		if (piece->data) { /* else there is room to be made only */
			copy_in(to, piece->data, now);
			piece->data = (const char *)piece->data + now;
		}
		piece->size -= now;
		to += now;
		size -= now;
	}
}

static uint32_t new_nonce(struct store *store)
{
	uint32_t nonce;

	do {
		nonce = atomic_fetch_add_explicit(
			&store->nonce, 1, memory_order_relaxed);
	} while (!nonce);
	return nonce;
}

/* Short rests go into small blocks, of which no more than 8 are needed. */
static unsigned choose_pool(const struct store *store, size_t left)
{
	size_t small =
		num_min(8 * (size_t)store->pool[0].data_size, PAGE_PAYLOAD / 2);

	return left > small && store->pool[1].count ? 1 : 0;
}

static int take_part(struct store *store, size_t left, unsigned *ret_number,
	struct block_ref *ret_ref)
{
	unsigned number = choose_pool(store, left);
	int error = pool_take(&store->pool[number], ret_ref);

	/* Not the other way round: blocks of pool 0 are for heads first. */
	if (error == -EAGAIN && !number && store->pool[1].count) {
		number = 1;
		error = pool_take(&store->pool[1], ret_ref);
	}
	*ret_number = number;
	return error;
}

/*
 * Turn a block of ours into a part. In pool 0 the generation, which must
 * never go back, waits in nonce and key_size for the part's end.
 */
static void become_part(struct block_shm *block, uint64_t state)
{
	uint64_t ticket = state_ticket(
		atomic_load_explicit(&block->state, memory_order_relaxed));

	atomic_store_explicit(
		&block->nonce, (uint32_t)ticket, memory_order_relaxed);
	atomic_store_explicit(&block->key_size, (uint32_t)(ticket >> 32),
		memory_order_relaxed);
	/* [P] */
	atomic_store_explicit(&block->state, state, memory_order_release);
}

static uint64_t part_ticket(const struct block_shm *block)
{
	uint64_t low = load_nonce(block);
	uint64_t high =
		atomic_load_explicit(&block->key_size, memory_order_relaxed);

	return (high << 32 | low) + 1;
}

/* Returns the new last block, or NULL with *ret_error. */
static struct block_shm *append_part(struct store *store,
	struct block_shm *last, uint64_t state, struct source *source,
	int *ret_error)
{
	struct block_ref ref;
	unsigned number;
	struct block_shm *block;
	size_t size;

	*ret_error = take_part(store, source_left(source), &number, &ref);
	if (*ret_error)
		return NULL;
	block = pool_block(&store->pool[number], ref);
	size = num_min(source_left(source), store->pool[number].data_size);
	store_next(block, 0);
	atomic_store_explicit(
		&block->size, (uint32_t)size, memory_order_relaxed);
	become_part(block, state);
	crash_point(message_part);
	store_next(last, ref_make(number, ref));
	source_copy(source, pool_data(&store->pool[number], ref), size);
	return block;
}

static int write_parts(
	struct store *store, struct block_ref head, struct source *source)
{
	struct block_shm *block = store_head(store, head);
	uint32_t nonce = new_nonce(store);
	int error = 0;

	atomic_store_explicit(&block->nonce, nonce, memory_order_relaxed);
	while (block && source_left(source))
		block = append_part(
			store, block, part_state(head, nonce), source, &error);
	if (error)
		message_free_parts(store, head);
	return error;
}

int message_write_long(struct store *store, struct block_ref head,
	const struct piece pieces[2])
{
	struct source source = {{pieces[0], pieces[1]}};

	source_copy(&source, pool_data(&store->pool[0], head),
		store->pool[0].data_size);
	return write_parts(store, head, &source);
}

int message_reserve(struct store *store, struct block_ref head, size_t size)
{
	const struct piece pieces[2] = {{NULL, size}, {NULL, 0}};
	struct block_shm *block = store_head(store, head);

	atomic_store_explicit(
		&block->size, (uint32_t)size, memory_order_relaxed);
	if (store->pool[1].count)
		store_next(block, 0);
	return size > store->pool[0].data_size
		       ? message_write_long(store, head, pieces)
		       : 0;
}

/* The block that a reference of ours names, when it is a part with state. */
static struct block_shm *find_part(const struct store *store, uint32_t next,
	uint64_t state, char **ret_data, uint32_t *ret_size)
{
	const struct pool *pool;
	struct block_ref ref;
	struct block_shm *block;

	if (!ref_find(store, next, &pool, &ref))
		return NULL;
	block = pool_block(pool, ref);
	/* [P] */
	if (atomic_load_explicit(&block->state, memory_order_acquire) != state)
		return NULL;
	*ret_data = pool_data(pool, ref);
	*ret_size = pool->data_size;
	return block;
}

int message_patch(const struct store *store, struct block_ref head,
	size_t offset, const void *data, size_t size)
{
	struct block_shm *block = store_head(store, head);
	uint64_t state = part_state(head, load_nonce(block));
	uint32_t room = store->pool[0].data_size;
	char *to = pool_data(&store->pool[0], head);

	while (size) {
		if (offset < room) {
			size_t now = num_min(size, room - offset);

			copy_in(to + offset, data, now);
			data = (const char *)data + now;
			size -= now;
			offset += now;
		}
		if (!size)
			break;
		offset -= room;
		block = find_part(store, load_next(block), state, &to, &room);
		if (!block)
			return -EUCLEAN;
	}
	return 0;
}

/* ---- read ---- */

/* Where reading has come to. */
struct sink {
	uint64_t skip;
	char *to;
	size_t size;
	void (*copy)(void *to, const void *from, size_t size);
};

static void sink_take(struct sink *sink, const char *from, size_t size)
{
	size_t skip = num_min(sink->skip, size);
	size_t now = num_min(size - skip, sink->size);

	sink->skip -= skip;
	sink->copy(sink->to, from + skip, now);
	sink->to += now;
	sink->size -= now;
}

/* Read one part and find the next; 0 or -EUCLEAN. */
static int read_part(const struct store *store, uint64_t state,
	struct sink *sink, uint32_t *next)
{
	const struct pool *pool;
	struct block_ref ref;
	struct block_shm *block;
	uint32_t size;

	if (!ref_find(store, *next, &pool, &ref))
		return -EUCLEAN;
	block = pool_block(pool, ref);
	/* [P] */
	if (atomic_load_explicit(&block->state, memory_order_acquire) != state)
		return -EUCLEAN;
	size = atomic_load_explicit(&block->size, memory_order_relaxed);
	*next = load_next(block);
	/* Only the last part may be short, or damage could be long. */
	if (size > pool->data_size || size == 0 ||
		(size < pool->data_size && size < sink->skip + sink->size))
		return -EUCLEAN;
	sink_take(sink, pool_data(pool, ref), size);
	return 0;
}

/* Each part holds a byte at least, so size and offset bound the walk. */
static int read_long(
	const struct store *store, struct block_ref head, struct sink *sink)
{
	struct block_shm *block = store_head(store, head);
	uint64_t state;
	uint32_t next;
	int error = 0;

	sink_take(sink, pool_data(&store->pool[0], head),
		store->pool[0].data_size);
	if (!sink->size)
		return 0;
	state = part_state(head, load_nonce(block));
	next = load_next(block);
	while (sink->size && !error)
		error = read_part(store, state, sink, &next);
	return error;
}

int message_read_long(const struct store *store, struct block_ref head,
	uint64_t offset, void *ret_data, size_t size)
{
	struct sink sink = {offset, ret_data, size, copy_out};

	return read_long(store, head, &sink);
}

int message_read_own_long(const struct store *store, struct block_ref head,
	uint64_t offset, void *ret_data, size_t size)
{
	struct sink sink = {offset, ret_data, size, copy_own};

	return read_long(store, head, &sink);
}

/* ---- free ---- */

static void free_part(
	struct pool *pool, struct block_ref ref, struct block_shm *block)
{
	uint64_t ticket = part_ticket(block);

	atomic_store_explicit(&block->nonce, 0, memory_order_relaxed);
	pool_free_as(pool, ref, state_make(BLOCK_FREE, 0, ticket));
}

void message_free_parts(struct store *store, struct block_ref head)
{
	struct block_shm *block = store_head(store, head);
	uint64_t state = part_state(head, load_nonce(block));
	uint32_t next = load_next(block);
	uint64_t left = (uint64_t)store->pool[0].count + store->pool[1].count;

	/* [C] a reader who sees the chain shorten must see that the state of
	 * the head has changed before */
	atomic_thread_fence(memory_order_release);
	while (next && left--) {
		const struct pool *found;
		struct block_ref ref;
		struct block_shm *part;

		if (!ref_find(store, next, &found, &ref))
			break;
		part = pool_block(found, ref);
		if (atomic_load_explicit(&part->state, memory_order_relaxed) !=
			state)
			break;
		next = load_next(part);
		store_next(block, next);
		crash_point(message_unlinked);
		free_part(&store->pool[found->number], ref, part);
	}
	store_next(block, 0);
	/* [N] */
	atomic_store_explicit(&block->nonce, 0, memory_order_release);
}

void message_free(struct store *store, struct block_ref head)
{
	if (store->pool[1].count && load_next(store_head(store, head)))
		message_free_parts(store, head);
	pool_free(&store->pool[0], head);
}

bool message_reclaim(struct store *store, struct block_ref head, uint64_t state)
{
	struct pool *pool = &store->pool[0];
	struct block_shm *block = pool_block(pool, head);
	uint64_t mine =
		state_make(BLOCK_OWNED, pool->me, state_ticket(state) + 1);

	/* [R] who reads the new word sees all that the dead one wrote */
	if (!atomic_compare_exchange_strong_explicit(&block->state, &state,
		    mine, memory_order_acq_rel, memory_order_relaxed))
		return false;
	crash_point(reclaim_owned);
	if (store->pool[1].count)
		/* [N] its parts are orphans from here on */
		atomic_store_explicit(&block->nonce, 0, memory_order_release);
	pool_free(pool, head);
	return true;
}

/* Whether the part's message has ended; if so, and to repair, free it. */
static bool sweep_part(struct store *store, struct pool *pool,
	struct block_ref ref, bool repair)
{
	struct block_shm *block = pool_block(pool, ref);
	/* [R] [P] */
	uint64_t state =
		atomic_load_explicit(&block->state, memory_order_acquire);
	struct block_ref head = {
		(uint32_t)(state >> 32) & (POOL_BLOCKS_MAX - 1)};
	uint64_t free = state_make(BLOCK_FREE, 0, part_ticket(block));

	if (state_kind(state) != BLOCK_PART)
		return false;
	/* [N] */
	if (pool_has(&store->pool[0], head) &&
		atomic_load_explicit(&store_head(store, head)->nonce,
			memory_order_acquire) == (uint32_t)state)
		return false;
	if (!repair)
		return atomic_load_explicit(
			       &block->state, memory_order_relaxed) == state;
	/* [F] as in pool.h */
	if (!atomic_compare_exchange_strong_explicit(&block->state, &state,
		    free, memory_order_acq_rel, memory_order_relaxed))
		return false;
	pool_remember(pool, ref);
	return true;
}

uint64_t message_sweep_parts(struct store *store, bool repair)
{
	uint64_t orphans = 0;

	for (int number = 0; number < 2; number++) {
		struct pool *pool = &store->pool[number];
		struct pool_scan scan;
		struct block_ref ref;

		if (!store->pool[1].count)
			break;
		pool_scan_start(&scan, pool);
		while (pool_scan_next(&scan, &ref))
			orphans += sweep_part(store, pool, ref, repair);
	}
	return orphans;
}

/* A page that was taken and not yet made a part of anything. */
static void recover_page(
	struct pool *pool, struct block_ref ref, const struct client_set *dead)
{
	struct block_shm *block = pool_block(pool, ref);
	uint64_t state =
		atomic_load_explicit(&block->state, memory_order_relaxed);
	uint64_t free = state_make(BLOCK_FREE, 0, state_ticket(state) + 1);

	if (state_kind(state) != BLOCK_OWNED ||
		!client_set_has(dead, state_owner(state)))
		return;
	/* [R] [F] */
	if (atomic_compare_exchange_strong_explicit(&block->state, &state, free,
		    memory_order_acq_rel, memory_order_relaxed))
		pool_remember(pool, ref);
}

void message_recover_parts(struct store *store, const struct client_set *dead)
{
	struct pool_scan scan;
	struct block_ref ref;

	pool_scan_start(&scan, &store->pool[1]);
	while (pool_scan_next(&scan, &ref))
		recover_page(&store->pool[1], ref, dead);
	message_sweep_parts(store, true);
}
