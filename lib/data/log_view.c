/*
 * log_view.c - read a log of either sort; where it begins and ends; stat,
 * check.
 *
 * All but the repair works on a mapping that is read-only. A record is copied
 * first and validated afterwards: the arguments are in log.c and log_one.c,
 * with what the tags mean; [T] stands in log.h.
 *
 * Orderings
 *  [O] owner is stored relaxed, under the lock of the role, and releases
 *      nothing. Acquire keeps three looks of the check in order: at owner,
 *      whether he lives (client.c, acquire as well), at owner again. What
 *      comes of it is a suspicion: who recovers takes the lock first.
 */
#include "data/log.h"

#include "shm/client.h"

#include <limits.h>

/* ---- the places ---- */

/*
 * tail lags, and may be seen old: who is about to sleep must see a cell whose
 * writer did not see his flag [E], and only cells are read seq_cst.
 */
static uint64_t many_end(const struct agora_log *l)
{
	uint64_t start = load_end(l->tail), number = start;

	while (number - start <= l->mask &&
		cell_cycle(load_cell(l, number)) == cycle_of(l, number))
		number++;
	return number;
}

uint64_t log_end(const struct agora_log *l)
{
	/* [T] [E] */
	return l->is_one ? atomic_load_explicit(
				   &l->end->tail, memory_order_seq_cst)
			 : many_end(l);
}

/* Whether the block at a number has that record, or GONE, -EAGAIN: not yet. */
static int many_look(const struct agora_log *l, uint64_t number)
{
	uint64_t cell = load_cell(l, number);
	struct block_ref ref = cell_block(cell);

	if (cell_is_older(cell, cycle_of(l, number)))
		return -EAGAIN;
	if (cell_cycle(cell) != cycle_of(l, number) ||
		!pool_has(&l->store.pool[0], ref))
		return GONE;
	return is_record(load_state(l, ref), number) ? 0 : GONE;
}

/* head lags by one mostly; what it says may be old as well. */
static uint64_t many_oldest(const struct agora_log *l)
{
	uint64_t start = load_end(l->head), number = start;
	uint64_t end = many_end(l);

	while (number - start <= l->mask && many_look(l, number) == GONE)
		number = num_max(number + 1, load_end(l->head));
	return num_max(number, end > l->capacity ? end - l->capacity : 0);
}

static uint64_t one_oldest(const struct agora_log *l)
{
	uint64_t tail = log_end(l);
	/* [R] */
	uint64_t oldest =
		atomic_load_explicit(&l->edge->oldest, memory_order_seq_cst);

	return num_max(oldest, tail > l->capacity ? tail - l->capacity : 0);
}

uint64_t log_oldest(const struct agora_log *l)
{
	return l->is_one ? one_oldest(l) : many_oldest(l);
}

bool log_is_safe(const struct agora_log *l, uint64_t number)
{
	uint64_t cell, state;

	if (l->is_one)
		/* [R] */
		return number >= atomic_load_explicit(&l->edge->intent,
					 memory_order_seq_cst) &&
		       number >= one_oldest(l);
	cell = load_cell(l, number);
	if (cell_cycle(cell) != cycle_of(l, number) ||
		!pool_has(&l->store.pool[0], cell_block(cell)))
		return cell_is_older(cell, cycle_of(l, number));
	state = load_state(l, cell_block(cell));
	return is_record(state, number) && state_kind(state) == BLOCK_PUBLISHED;
}

/* ---- read ---- */

int log_many_copy(
	struct agora_log *l, uint64_t number, struct agora_buffer *record)
{
	uint64_t cell = load_cell(l, number);
	struct block_ref ref = cell_block(cell);
	uint32_t size;
	int error = 0;

	if (cell_is_older(cell, cycle_of(l, number)))
		return -EAGAIN;
	if (cell_cycle(cell) != cycle_of(l, number))
		return GONE;
	if (!pool_has(&l->store.pool[0], ref))
		return load_cell(l, number) == cell ? -EUCLEAN : AGAIN;
	if (!is_record(load_state(l, ref), number))
		return GONE;
	crash_point(log_read_found);
	size = atomic_load_explicit(
		&store_head(&l->store, ref)->size, memory_order_relaxed);
	if (size > l->message_size)
		error = -EUCLEAN;
	else if (size > record->capacity)
		error = -EMSGSIZE;
	else
		error = message_read(&l->store, ref, 0, record->data, size);
	crash_point(log_read_copied);
	/* [A] */
	atomic_thread_fence(memory_order_acquire);
	if (!is_record(load_state(l, ref), number))
		return GONE;
	record->size = size;
	record->version = number;
	return error;
}

/* So often the oldest may go before it is copied. */
#define PATIENCE 16

/* Where to go on when a record is gone, for the nth time in a call: at the
 * oldest, and then behind it by more and more. */
static uint64_t go_on(const struct agora_log *l, uint64_t number, unsigned nth)
{
	uint64_t oldest = log_oldest(l), end = log_end(l);
	unsigned late = nth > PATIENCE ? nth - PATIENCE : 0;
	uint64_t skip = (UINT64_C(1) << num_min(late, 24)) - 1;

	if (end - oldest <= l->mask + 1)
		oldest += num_min(skip, (end - oldest) / 2);
	return num_max(oldest, number + 1);
}

/* log_read(), when the record is not simply there. */
static int read_behind(struct agora_log *l, uint64_t number,
	struct agora_buffer *record, uint64_t *ret_number)
{
	unsigned gone = 0;
	int result = AGAIN;

	for (int tries = 0; result > 0 && tries < LOG_COPIES; tries++) {
		result = l->is_one ? log_one_copy(l, number, record)
				   : log_many_copy(l, number, record);
		if (result == GONE)
			number = go_on(l, number, gone++);
	}
	*ret_number = number;
	return result > 0 ? -EUCLEAN : result;
}

int log_read(struct agora_log *l, uint64_t *cursor, struct agora_buffer *record,
	uint64_t *ret_missed)
{
	uint64_t number = *cursor;
	int result = likely(l->is_one) ? log_one_copy(l, number, record)
				       : log_many_copy(l, number, record);

	if (unlikely(result > 0))
		result = read_behind(l, number, record, &number);
	if (result)
		return result;
	if (ret_missed)
		*ret_missed = number - *cursor;
	*cursor = number + 1;
	log_has_read(l, number);
	return 0;
}

int log_newest(struct agora_log *l, struct agora_buffer *record)
{
	int result = AGAIN;

	for (int tries = 0; result > 0 && tries < LOG_COPIES; tries++) {
		uint64_t end = log_end(l);

		if (end == log_oldest(l) && end == log_end(l))
			return -EAGAIN;
		result = l->is_one ? log_one_copy(l, end - 1, record)
				   : log_many_copy(l, end - 1, record);
	}
	return result > 0 ? -EUCLEAN : result;
}

/* The numbers tell what was missed. */
int log_tap(void *handle, uint64_t *cursor, struct agora_buffer *record)
{
	return log_read(handle, cursor, record, NULL);
}

/* The same without what is there but beyond the capacity. */
int log_walk(void *handle, uint64_t *cursor, struct agora_buffer *record)
{
	uint64_t from = num_max(*cursor, log_oldest(handle));
	int error = log_read(handle, &from, record, NULL);

	if (!error)
		*cursor = from;
	return error;
}

/* Only the first may come behind some that are missed. */
int log_read_batch(struct agora_log *l, uint64_t *cursor,
	struct agora_buffer *records, size_t count, uint64_t *ret_missed)
{
	size_t done = 0;
	int error = 0;

	for (count = num_min(count, INT_MAX); done < count; done++) {
		uint64_t next = *cursor;

		error = done && l->is_one
				? log_one_copy(l, next, &records[done])
			: done ? log_many_copy(l, next, &records[done])
			       : log_read(l, cursor, records, ret_missed);
		if (error)
			break;
		if (!done)
			continue;
		*cursor = next + 1;
		log_has_read(l, next);
	}
	return done ? (int)done : error;
}

int log_oldest_cursor(struct agora_log *l, uint64_t *ret_cursor)
{
	*ret_cursor = log_oldest(l);
	return 0;
}

int log_back_cursor(struct agora_log *l, uint64_t count, uint64_t *ret_cursor)
{
	uint64_t oldest = log_oldest(l), end = log_end(l);

	*ret_cursor = count < end ? num_max(oldest, end - count) : oldest;
	return 0;
}

int log_end_cursor(void *handle, uint64_t *ret_cursor)
{
	*ret_cursor = log_end(handle);
	return 0;
}

int log_ready(void *handle, uint32_t events, uint64_t cursor)
{
	struct agora_log *l = handle;
	uint32_t ready = 0;
	int room;

	if (events & AGORA_READABLE)
		return -EOPNOTSUPP;
	if ((events & AGORA_ADVANCED) && log_end(l) > cursor)
		ready |= AGORA_ADVANCED;
	if (!(events & AGORA_WRITABLE))
		return (int)ready;
	room = l->is_one ? log_one_room(l) : log_many_room(l);
	if (room != -EAGAIN)
		ready |= AGORA_WRITABLE;
	return (int)ready;
}

/* ---- stat ---- */

static void many_stat(
	struct agora_log *l, uint64_t oldest, struct agora_stat *stat)
{
	struct pool_scan scan;
	struct block_ref ref;

	pool_scan_start(&scan, &l->store.pool[0]);
	while (pool_scan_next(&scan, &ref)) {
		uint64_t state = load_state(l, ref);

		if (!is_record(state, state_ticket(state)) ||
			state_ticket(state) < (oldest & TICKET_MASK) ||
			!is_named(l, ref, state))
			continue;
		stat->count++;
		stat->bytes += num_min(
			atomic_load_explicit(&store_head(&l->store, ref)->size,
				memory_order_relaxed),
			l->message_size);
	}
}

/* Records that a log with one writer has, and the bytes of those. */
static void one_stat(const struct agora_log *l, uint64_t end, uint64_t oldest,
	struct agora_stat *stat)
{
	stat->count = num_min(end - oldest, l->capacity);
	stat->bytes = stat->count * l->message_size;
	if (!l->index)
		return;
	stat->bytes = 0;
	for (uint64_t i = 0; i < stat->count; i++)
		stat->bytes += num_min(
			entry_size(load_entry(l, oldest + i)), l->message_size);
}

int log_stat(void *handle, struct agora_stat *stat)
{
	struct agora_log *l = handle;
	uint64_t oldest = log_oldest(l), end = log_end(l);

	stat->pushed = end;
	stat->readers = log_count_readers(l);
	if (l->is_one)
		one_stat(l, end, oldest, stat);
	else
		many_stat(l, oldest, stat);
	return 0;
}

/* ---- check ---- */

/* An append that never was, or what was taken, of a client that is gone. */
static bool is_stray(
	const struct agora_log *l, struct block_ref ref, uint64_t state)
{
	switch (state_kind(state)) {
	case BLOCK_OWNED:
	case BLOCK_RETIRED:
		break;
	case BLOCK_PUBLISHED:
		if (is_named(l, ref, state))
			return false;
		break;
	default:
		return false;
	}
	return !client_is_live(&l->object.segment, state_owner(state)) &&
	       load_state(l, ref) == state;
}

static void count_state(uint64_t state, struct agora_check *check)
{
	uint64_t *const counter[] = {[BLOCK_FREE] = &check->free,
		[BLOCK_OWNED] = &check->owned,
		[BLOCK_PUBLISHED] = &check->published,
		[BLOCK_RETIRED] = &check->published,
		[BLOCK_PART] = &check->parts};
	unsigned kind = state_kind(state);

	check->blocks++;
	if (kind < sizeof(counter) / sizeof(*counter) && counter[kind])
		++*counter[kind];
	else
		check->damaged++;
}

static void check_heads(struct agora_log *l, struct agora_check *check,
	struct client_set *strays)
{
	struct pool_scan scan;
	struct block_ref ref;

	pool_scan_start(&scan, &l->store.pool[0]);
	while (pool_scan_next(&scan, &ref)) {
		uint64_t state = load_state(l, ref);

		count_state(state, check);
		if (!is_stray(l, ref, state))
			continue;
		check->unreachable++;
		client_set_add(strays, state_owner(state));
	}
	check->blocks += scan.passed;
	check->free += scan.passed;
}

static uint64_t page_state(const struct pool *pool, struct block_ref ref)
{
	/* [S] */
	uint64_t state = atomic_load_explicit(
		&pool_block(pool, ref)->state, memory_order_acquire);

	return state;
}

static void check_pages(struct agora_log *l, struct agora_check *check,
	struct client_set *strays)
{
	struct pool *pool = &l->store.pool[1];
	struct pool_scan scan;
	struct block_ref ref;

	pool_scan_start(&scan, pool);
	while (pool_scan_next(&scan, &ref)) {
		uint64_t state = page_state(pool, ref);

		count_state(state, check);
		if (state_kind(state) != BLOCK_OWNED ||
			client_is_live(
				&l->object.segment, state_owner(state)) ||
			page_state(pool, ref) != state)
			continue;
		check->unreachable++;
		client_set_add(strays, state_owner(state));
	}
	check->blocks += scan.passed;
	check->free += scan.passed;
}

static void check_ends(const struct agora_log *l, struct agora_check *check)
{
	uint64_t h, t;
	int tries = 0;

	/* Two words of one moment. */
	do {
		h = load_end(l->head);
		t = load_end(l->tail);
	} while (load_end(l->head) != h && tries++ < LOG_TRIES);
	if ((int64_t)(t - h) < -1 || (int64_t)(t - h) > (int64_t)l->mask + 1)
		check->damaged++;
}

int log_many_check(void *handle, int repair, struct agora_check *check)
{
	struct agora_log *l = handle;
	struct client_set strays = {{0}};

	check_ends(l, check);
	check_heads(l, check, &strays);
	check_pages(l, check, &strays);
	if (repair)
		client_recover_strays(&l->object.segment, &strays);
	check->orphans = message_sweep_parts(&l->store, repair);
	return 0;
}

/* 1 when an entry makes no sense, and is still in the log. */
static int is_bad_entry(const struct agora_log *l, uint64_t number)
{
	uint64_t entry = load_entry(l, number);
	uint64_t at = entry_place(entry) & (l->ring - 1);

	if (entry_size(entry) <= l->message_size &&
		at + entry_size(entry) <= l->ring)
		return 0;
	/* [A] */
	atomic_thread_fence(memory_order_acquire);
	return number >= one_oldest(l);
}

static uint64_t count_bad_entries(
	const struct agora_log *l, uint64_t oldest, uint64_t end)
{
	uint64_t bad = 0;

	for (uint64_t n = oldest; l->index && n < end; n++)
		bad += (uint64_t)is_bad_entry(l, n);
	return bad;
}

int log_one_check(void *handle, int repair, struct agora_check *check)
{
	struct agora_log *l = handle;
	struct client_set strays = {{0}};
	uint64_t oldest = log_oldest(l), end = log_end(l);
	/* [O] */
	uint64_t owner =
		atomic_load_explicit(&l->end->owner, memory_order_acquire);

	check->blocks = l->capacity;
	if (oldest > end)
		check->damaged++;
	else
		check->published = num_min(end - oldest, l->capacity);
	check->free = check->blocks - check->published;
	check->damaged +=
		count_bad_entries(l, oldest, oldest + check->published);
	if (owner &&
		(owner > CLIENTS_MAX ||
			!client_is_live(&l->object.segment, (uint32_t)owner)) &&
		/* [O] */
		atomic_load_explicit(&l->end->owner, memory_order_acquire) ==
			owner) {
		check->unreachable++;
		client_set_add(&strays, (uint32_t)(owner & CLIENTS_MAX));
	}
	if (repair)
		client_recover_strays(&l->object.segment, &strays);
	return 0;
}
