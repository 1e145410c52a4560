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

/* More than a walk meets where all is well. */
#define GAPS BUDGET(100000)

/* Internal results, beside negative errnos. */
enum {
	CHANGED = 1, /* while we looked: look again */
	GONE = 2     /* no longer there to be seen */
};

/* Find the RETURNED block with the smallest ticket from cursor on. */
bool queue_find_returned(struct agora_queue *q, uint64_t cursor,
	struct block_ref *ret_ref, uint64_t *ret_state)
{
	struct pool_scan scan;
	struct block_ref ref;
	uint64_t best = UINT64_MAX;

	pool_scan_start(&scan, &q->store.pool[0]);
	while (pool_scan_next(&scan, &ref)) {
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

/*
 * The ticket behind the last message. tail lags, and may be seen old: who is
 * about to sleep must see a cell whose pusher did not see his flag [E], and
 * only cells are read seq_cst.
 */
static uint64_t end_ticket(const struct agora_queue *q)
{
	uint64_t start = load_end(q->tail);
	uint64_t t = start;

	while (t - start <= q->mask) {
		uint64_t cell = load_cell(q, t);

		if (cell_cycle(cell) != cycle_of(q, t))
			break;
		t += cell_more(cell) + 1;
	}
	return t;
}

/* ---- copy ---- */

/* A message, and the block that it is in. */
struct place {
	struct block_ref ref;
	uint64_t ticket; /* of the block */
	unsigned number; /* of the message in it */
	bool packed;     /* the block may be a packet */
};

/*
 * Find the block of the message with a ticket, which stands in its own cell
 * or in a packet that begins before.
 * Returns 0, GONE (overwritten), -EAGAIN (not pushed yet), -EUCLEAN.
 */
static int find(const struct agora_queue *q, uint64_t ticket, struct place *p)
{
	for (unsigned back = 0; back < PACKET_MOST; back++) {
		uint64_t t = ticket - back;
		uint64_t cell = load_cell(q, t);

		if (cell_is_older(cell, cycle_of(q, t)))
			continue;
		if (cell_cycle(cell) != cycle_of(q, t))
			return GONE;
		if (cell_more(cell) < back)
			return -EAGAIN;
		*p = (struct place){.ref = cell_block(cell),
			.ticket = t,
			.number = back,
			.packed = cell_more(cell)};
		if (pool_has(&q->store.pool[0], p->ref))
			return 0;
		return load_cell(q, t) == cell ? -EUCLEAN : CHANGED;
	}
	return -EAGAIN;
}

/* Where in its block the message lies: it is not alone there. 0, -EUCLEAN */
static int find_bytes(const struct agora_queue *q, const struct place *p,
	uint32_t *ret_start, uint32_t *ret_size)
{
	*ret_start = 0;
	*ret_size = atomic_load_explicit(
		&store_head(&q->store, p->ref)->size, memory_order_relaxed);
	return p->number
		       ? packet_find(q, p->ref, p->number, ret_start, ret_size)
		       : 0;
}

/*
 * Copy a message while the state of its block stays what it is.
 * Returns 0, CHANGED, -EMSGSIZE, -EUCLEAN.
 */
static int copy_message(const struct agora_queue *q, const struct place *p,
	uint64_t state, struct agora_buffer *message)
{
	uint32_t start, size;
	int error = find_bytes(q, p, &start, &size);

	if (error || size > q->message_size)
		error = -EUCLEAN;
	else if (size > message->capacity)
		error = -EMSGSIZE;
	else
		error = message_read(
			&q->store, p->ref, start, message->data, size);
	/* [A] */
	atomic_thread_fence(memory_order_acquire);
	if (load_state(q, p->ref) != state)
		return CHANGED;
	if (!error || error == -EMSGSIZE)
		message->size = size;
	if (!error)
		message->version = p->ticket + p->number;
	return error;
}

static bool is_whole(const struct agora_queue *q, struct block_ref ref)
{
	return atomic_load_explicit(&store_head(&q->store, ref)->size,
		       memory_order_relaxed) <= q->store.pool[0].data_size;
}

/* Whether a walk shows it: it is in the queue. */
static bool is_present(const struct place *p, uint64_t state)
{
	if (p->packed && is_packet(state, p->ticket))
		return p->number >= packet_first(state);
	return !p->number && is_published(state, p->ticket);
}

/* Whether a tap may show it: present, claimed, or taken and not reused. */
static bool is_visible(
	const struct agora_queue *q, const struct place *p, uint64_t state)
{
	if (p->packed && is_packet(state, p->ticket))
		return true;
	if (state_kind(state) == BLOCK_PART || is_any_packet(state) ||
		state_ticket(state) != (p->ticket & TICKET_MASK))
		return false;
	switch (state_kind(state)) {
	case BLOCK_PUBLISHED:
	case BLOCK_HELD:
	case BLOCK_RETURNED:
		return !p->number;
	case BLOCK_FREE:
		return state_owner(state) && is_whole(q, p->ref);
	default:
		return false;
	}
}

static int try_copy(const struct agora_queue *q, uint64_t ticket, bool tapped,
	struct agora_buffer *message)
{
	struct place p;
	uint64_t state;
	int result = find(q, ticket, &p);

	if (result)
		return result;
	state = load_state(q, p.ref);
	if (tapped ? !is_visible(q, &p, state) : !is_present(&p, state))
		/* or the packet was opened, and it has its own cell by now */
		return p.number && is_filled(q, ticket) ? CHANGED : GONE;
	return copy_message(q, &p, state, message);
}

/*
 * Copy the message with a ticket: 0, GONE (not there to be seen), -EAGAIN
 * (not pushed yet), -EMSGSIZE, -EUCLEAN.
 */
static int copy_ticket(const struct agora_queue *q, uint64_t ticket,
	bool tapped, struct agora_buffer *message)
{
	int result = CHANGED;

	for (int tries = 0; result == CHANGED && tries < SCANS; tries++)
		result = try_copy(q, ticket, tapped, message);
	return result == CHANGED ? GONE : result;
}

/* ---- walk ---- */

static int walk_returned(
	struct agora_queue *q, uint64_t *cursor, struct agora_buffer *message)
{
	struct block_ref ref;
	uint64_t state;
	int result = CHANGED;

	for (int tries = 0; result == CHANGED && tries < SCANS; tries++) {
		struct place p = {.number = 0};

		if (!queue_find_returned(q, *cursor, &ref, &state))
			return -EAGAIN;
		p.ref = ref;
		p.ticket = state_ticket(state);
		result = copy_message(q, &p, state, message);
	}
	if (!result)
		*cursor = state_ticket(state) + 1;
	return result == CHANGED ? -EUCLEAN : result;
}

/*
 * From head on messages stand side by side; one may just have been taken,
 * and more when head has moved since. Many gaps are damage.
 */
static int walk_ring(
	struct agora_queue *q, uint64_t *cursor, struct agora_buffer *message)
{
	uint64_t t = num_max(*cursor, load_end(q->head));

	for (int gaps = 0; gaps < GAPS; gaps++) {
		int result = copy_ticket(q, t, false, message);

		if (!result)
			*cursor = t + 1;
		if (result != GONE)
			return result;
		t = num_max(t + 1, load_end(q->head));
	}
	return -EUCLEAN;
}

int queue_walk(void *handle, uint64_t *cursor, struct agora_buffer *message)
{
	struct agora_queue *q = handle;
	int result = -EAGAIN;

	if (load_returned(q) & 1)
		result = walk_returned(q, cursor, message);
	if (result == -EAGAIN)
		result = walk_ring(q, cursor, message);
	return result;
}

int queue_tap(void *handle, uint64_t *cursor, struct agora_buffer *message)
{
	struct agora_queue *q = handle;
	uint64_t end = end_ticket(q);
	uint64_t from = *cursor;

	if (end - from > q->mask + 1)
		from = end - (q->mask + 1);
	/* A ring has as many messages as cells, at most. */
	for (uint64_t t = from; t - from <= q->mask + 1; t++) {
		int result = copy_ticket(q, t, true, message);

		/* What is gone will not be there again. */
		*cursor = result ? t : t + 1;
		if (result != GONE)
			return result;
	}
	return -EAGAIN;
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
	if ((events & AGORA_WRITABLE) && queue_check_room(q, 1) != -EAGAIN)
		ready |= AGORA_WRITABLE;
	if ((events & AGORA_ADVANCED) && end_ticket(q) > cursor)
		ready |= AGORA_ADVANCED;
	return (int)ready;
}

/* ---- stat and check ---- */

/* In the queue is what is published in its cell, or returned. */
static bool is_queued(const struct agora_queue *q, struct block_ref ref,
	uint64_t state, uint64_t *ret_cell)
{
	if (state_kind(state) == BLOCK_RETURNED)
		return true;
	return (state_kind(state) == BLOCK_PUBLISHED || is_any_packet(state)) &&
	       is_named(q, ref, state, ret_cell);
}

static void count_message(const struct agora_queue *q, const struct place *p,
	struct agora_stat *st)
{
	uint32_t start, size;

	st->count++;
	if (!find_bytes(q, p, &start, &size))
		st->bytes += num_min(size, q->message_size);
}

/* True when a message of a packet that is being opened has a block already.
 * The cycle goes out from the packet's: its ticket is not all in the state. */
static bool has_own_cell(
	const struct agora_queue *q, const struct place *p, uint64_t cell)
{
	uint64_t around = ((p->ticket & q->mask) + p->number) >> q->order;
	uint64_t cycle = (cell_cycle(cell) + around) & CYCLE_MASK;

	return p->number &&
	       cell_cycle(load_cell(q, p->ticket + p->number)) == cycle;
}

static void count_block(const struct agora_queue *q, struct block_ref ref,
	struct agora_stat *st)
{
	uint64_t state = load_state(q, ref);
	struct place p = {.ref = ref};
	uint64_t cell;

	if (!is_queued(q, ref, state, &cell))
		return;
	if (!is_any_packet(state)) {
		count_message(q, &p, st);
		return;
	}
	p.ticket = state & PACKET_TICKET_MASK;
	for (p.number = packet_first(state); p.number <= cell_more(cell);
		p.number++)
		if (!has_own_cell(q, &p, cell))
			count_message(q, &p, st);
}

int queue_stat(void *handle, struct agora_stat *stat)
{
	struct agora_queue *q = handle;
	uint64_t end = end_ticket(q);
	struct pool_scan scan;
	struct block_ref ref;

	pool_scan_start(&scan, &q->store.pool[0]);
	while (pool_scan_next(&scan, &ref))
		count_block(q, ref, stat);
	stat->pushed = end - (q->mask + 1);
	stat->popped = stat->pushed - num_min(stat->count, stat->pushed);
	return 0;
}

void queue_claims(void *handle, uint32_t counts[CLIENTS_MAX + 1])
{
	struct agora_queue *q = handle;
	struct pool_scan scan;
	struct block_ref ref;

	pool_scan_start(&scan, &q->store.pool[0]);
	while (pool_scan_next(&scan, &ref)) {
		uint64_t state = load_state(q, ref);

		if (state_kind(state) == BLOCK_HELD)
			counts[state_owner(state)]++;
	}
}

/* A push that never was, of a client that is gone. */
static bool is_unreachable(
	const struct agora_queue *q, struct block_ref ref, uint64_t state)
{
	return (state_kind(state) == BLOCK_PUBLISHED || is_any_packet(state)) &&
	       !client_is_live(&q->object.segment, state_owner(state)) &&
	       !is_queued(q, ref, state, NULL) && load_state(q, ref) == state;
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
		[BLOCK_PART] = &check->parts,
		[BLOCK_PACKET] = &check->published,
		[BLOCK_OPENED] = &check->published};
	unsigned kind = state_kind(state);

	check->blocks++;
	if (kind < sizeof(counter) / sizeof(*counter) && counter[kind])
		++*counter[kind];
	else
		check->damaged++;
}

static void count_holes(const struct pool_scan *scan, struct agora_check *check)
{
	check->blocks += scan->passed;
	check->free += scan->passed;
}

static void check_blocks(struct agora_queue *q, struct agora_check *check,
	struct client_set *strays)
{
	struct pool_scan scan;
	struct block_ref ref;

	pool_scan_start(&scan, &q->store.pool[0]);
	while (pool_scan_next(&scan, &ref)) {
		uint64_t state = load_state(q, ref);

		count_state(state, check);
		if ((is_unreachable(q, ref, state) || is_stray(q, state)) &&
			load_state(q, ref) == state) {
			check->unreachable++;
			client_set_add(strays, state_owner(state));
		}
	}
	count_holes(&scan, check);
}

static uint64_t page_state(const struct pool *pool, struct block_ref ref)
{
	/* [S] */
	uint64_t state = atomic_load_explicit(
		&pool_block(pool, ref)->state, memory_order_acquire);

	return state;
}

static void check_pages(struct agora_queue *q, struct agora_check *check,
	struct client_set *strays)
{
	struct pool *pool = &q->store.pool[1];
	struct pool_scan scan;
	struct block_ref ref;

	pool_scan_start(&scan, pool);
	while (pool_scan_next(&scan, &ref)) {
		uint64_t state = page_state(pool, ref);

		count_state(state, check);
		if (is_stray(q, state) && page_state(pool, ref) == state) {
			check->unreachable++;
			client_set_add(strays, state_owner(state));
		}
	}
	count_holes(&scan, check);
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
	if ((int64_t)(t - h) < -(int64_t)PACKET_MOST ||
		(int64_t)(t - h) > (int64_t)q->mask + 1)
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
