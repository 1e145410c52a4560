/*
 * spsc_view.c - look at an SPSC queue: peek, walk, tap, stat, check.
 *
 * Nothing here needs a role, and all but the repair works on a mapping that
 * is read-only. Copy, then validate [A]: bytes at or after head are not
 * overwritten, nor are those less than a ring behind ahead.
 */
#include "data/spsc.h"

#include "shm/client.h"

static uint64_t load(const _Atomic uint64_t *word)
{
	/* [T] [F] [M] [E] */
	return atomic_load_explicit(word, memory_order_seq_cst);
}

/* ---- a look at the words ---- */

struct look {
	struct window window;
	uint64_t tail;
};

/* Words of about one moment; of one, when nobody takes meanwhile. */
static int look(const struct spsc *q, struct look *l)
{
	int error = -EUCLEAN;

	for (int tries = 0; error && tries < SPSC_TRIES; tries++) {
		uint64_t head = load(&q->consumer_shm->head);

		l->tail = load(&q->producer_shm->tail);
		error = spsc_read_window(q, head, l->tail, &l->window);
		/* [A] */
		atomic_thread_fence(memory_order_acquire);
		if (load(&q->consumer_shm->head) != head && tries < 10)
			error = -EUCLEAN;
		else if (error && load(&q->consumer_shm->head) == head &&
			 load(&q->producer_shm->tail) == l->tail)
			return error;
	}
	return error;
}

/* Messages in the queue: those behind the window, and those given back. */
static uint64_t count_of(const struct spsc *q, const struct look *l)
{
	uint64_t behind =
		spsc_number(q, l->tail) - spsc_number(q, l->window.next);

	return num_min(behind, q->capacity) +
	       (uint64_t)__builtin_popcountll(l->window.back);
}

/* ---- copy ---- */

/* Where a message lies, as its header said when it was read. */
struct place {
	uint64_t cursor, behind;
	size_t size;
	uint64_t number;
};

/* Find the message at or behind *cursor: 0, -EAGAIN (none), -EUCLEAN. */
static int find(
	const struct spsc *q, uint64_t cursor, uint64_t end, struct place *at)
{
	uint32_t number;
	int error;

	*at = (struct place){.cursor = cursor};
	if (q->fixed) {
		at->size = q->message_size;
		at->behind = cursor + 1;
		at->number = cursor;
		return cursor == end ? -EAGAIN : 0;
	}
	error = spsc_read_header(q, &at->cursor, end, &at->size, &number);
	if (error)
		return error;
	at->behind = at->cursor + spsc_need(at->size);
	at->number = spsc_extend(load(&q->producer_shm->number), number);
	return 0;
}

/* True when the bytes at cursor cannot have been overwritten until now. */
static bool is_intact(const struct spsc *q, uint64_t cursor, bool tapped)
{
	/* [A] */
	atomic_thread_fence(memory_order_acquire);
	if ((int64_t)(cursor - load(&q->consumer_shm->head)) >= 0)
		return true;
	return tapped && (int64_t)(cursor + spsc_ring(q) -
				   load(&q->producer_shm->ahead)) >= 0;
}

/* Copy what was found: 0, 1 (it is gone), -EMSGSIZE. */
static int copy(const struct spsc *q, const struct place *at, bool tapped,
	struct agora_buffer *message)
{
	bool fits = at->size <= message->capacity;

	if (fits)
		copy_out(message->data,
			spsc_at(q, at->cursor) + (q->fixed ? 0 : 8), at->size);
	if (!is_intact(q, at->cursor, tapped))
		return 1;
	message->size = at->size;
	if (!fits)
		return -EMSGSIZE;
	message->version = at->number;
	return 0;
}

/* ---- walk ---- */

/* Taken, though head has not passed it. */
static bool is_taken(const struct look *l, uint64_t number)
{
	uint64_t index = number - l->window.first;

	return index < l->window.size && !(l->window.back >> index & 1);
}

/*
 * One message at or behind *cursor, which has not passed the end of what was
 * looked at: as walk, and 1 when the consumer overtook us.
 */
static int walk_one(const struct spsc *q, const struct look *l,
	uint64_t *cursor, struct agora_buffer *message)
{
	struct place at;
	int result = find(q, *cursor, l->tail, &at);

	if (result && !is_intact(q, *cursor, false))
		return 1;
	if (result == -EAGAIN && !q->fixed)
		*cursor = at.cursor; /* perhaps past a pad */
	if (result)
		return result;
	if (is_taken(l, at.number)) {
		*cursor = at.behind;
		return 2;
	}
	result = copy(q, &at, false, message);
	if (!result)
		*cursor = at.behind;
	return result;
}

int spsc_walk(void *handle, uint64_t *cursor, struct agora_buffer *message)
{
	const struct spsc *q = handle;
	uint64_t at = *cursor & (q->fixed ? UINT64_MAX : ~UINT64_C(7));
	struct look l;
	int result = 1;

	for (uint64_t steps = 0; result > 0 && steps <= spsc_ring(q); steps++) {
		if (result == 1 && look(q, &l))
			return -EUCLEAN;
		if ((int64_t)(at - l.window.head) < 0)
			at = l.window.head;
		if ((int64_t)(l.tail - at) < 0)
			return -EAGAIN;
		result = walk_one(q, &l, &at, message);
	}
	if (!result)
		*cursor = at;
	return result > 0 ? -EAGAIN : result;
}

int spsc_peek(void *handle, struct agora_buffer *message)
{
	struct spsc *q = handle;

	/* Empty only if nobody took while we looked. */
	for (int tries = 0; tries < SPSC_TRIES; tries++) {
		uint64_t cursor = 0;
		uint64_t head = load(&q->consumer_shm->head);
		int result = spsc_walk(q, &cursor, message);

		if (result != -EAGAIN || head == load(&q->consumer_shm->head))
			return result;
	}
	return -EAGAIN;
}

/* ---- tap ---- */

/* Where the oldest message that is known to be there still begins. */
static uint64_t oldest(const struct spsc *q, const struct look *l)
{
	uint64_t ahead = load(&q->producer_shm->ahead);
	uint64_t best = l->window.head;

	if (q->fixed)
		return num_min(
			best, ahead > spsc_ring(q) ? ahead - spsc_ring(q) : 0);
	for (int i = 0; i < MARKS; i++) {
		uint64_t mark = load(&q->marks->mark[i]);

		if (mark < best && spsc_is_cursor(q, mark) &&
			is_intact(q, mark, true))
			best = mark;
	}
	return best;
}

int spsc_tap(void *handle, uint64_t *cursor, struct agora_buffer *message)
{
	const struct spsc *q = handle;
	uint64_t from = *cursor & (q->fixed ? UINT64_MAX : ~UINT64_C(7));
	struct place at;
	struct look l;
	int result = 1;

	for (int tries = 0; result == 1 && tries < SPSC_TRIES; tries++) {
		if (look(q, &l))
			return -EUCLEAN;
		if ((int64_t)(l.tail - from) < 0)
			return -EAGAIN;
		if (!is_intact(q, from, true))
			from = oldest(q, &l);
		result = find(q, from, l.tail, &at);
		if (result && !is_intact(q, from, true))
			result = 1;
		if (!result)
			result = copy(q, &at, true, message);
	}
	if (!result)
		*cursor = at.behind;
	else if (result == -EAGAIN)
		*cursor = at.cursor;
	return result == 1 ? -EAGAIN : result;
}

int spsc_end(void *handle, uint64_t *ret_cursor)
{
	struct spsc *q = handle;

	*ret_cursor = load(&q->producer_shm->tail);
	return 0;
}

/* ---- ready ---- */

static bool has_message(struct spsc *q)
{
	struct agora_buffer none = {.capacity = 0};
	int result = spsc_peek(q, &none);

	/* Damage too is for who takes to find. */
	return result != -EAGAIN;
}

/* Room for the largest message: less could mean to try for nothing. */
static bool has_room(const struct spsc *q)
{
	uint64_t used, left, need = q->fixed ? 1 : spsc_need(q->message_size);
	struct look l;

	if (look(q, &l))
		return true;
	used = spsc_number(q, l.tail) - l.window.first;
	if (used >= q->capacity)
		return false;
	left = spsc_lap_end(q, l.tail) - l.tail;
	if (!q->fixed)
		need += 8 + (left < need ? left : 0);
	return l.tail - l.window.head + need <= spsc_ring(q);
}

/* A message, not only a pad, at or behind cursor? */
static bool has_advanced(const struct spsc *q, uint64_t cursor)
{
	uint64_t tail = load(&q->producer_shm->tail);

	if (cursor >= tail)
		return false;
	return q->fixed || spsc_lap_end(q, cursor) != tail ||
	       spsc_get_header(q, cursor) >> 32 != PAD;
}

int spsc_ready(void *handle, uint32_t events, uint64_t cursor)
{
	struct spsc *q = handle;
	uint32_t ready = 0;

	if ((events & AGORA_READABLE) && has_message(q))
		ready |= AGORA_READABLE;
	if ((events & AGORA_WRITABLE) && has_room(q))
		ready |= AGORA_WRITABLE;
	if ((events & AGORA_ADVANCED) && has_advanced(q, cursor))
		ready |= AGORA_ADVANCED;
	return (int)ready;
}

/* ---- stat and check ---- */

/* Visit the records from head to tail: their bytes that are in the queue. */
static int sum_bytes(
	const struct spsc *q, const struct look *l, uint64_t *ret_bytes)
{
	uint64_t cursor = l->window.head, bytes = 0;
	uint64_t number = l->window.first;
	struct place at;
	int error;

	while (!(error = find(q, cursor, l->tail, &at))) {
		if (at.number != number++)
			return -EUCLEAN;
		bytes += is_taken(l, at.number) ? 0 : at.size;
		cursor = at.behind;
	}
	*ret_bytes = bytes;
	return error == -EAGAIN ? 0 : error;
}

/* As sum_bytes(), of a moment when head stood still. */
static int sum(const struct spsc *q, struct look *l, uint64_t *ret_bytes)
{
	int error = -EUCLEAN;

	for (int tries = 0; error && tries < SPSC_TRIES; tries++) {
		error = look(q, l);
		if (error)
			return error;
		error = sum_bytes(q, l, ret_bytes);
		if (error && is_intact(q, l->window.head, true))
			return error;
	}
	return 0;
}

int spsc_stat(void *handle, struct agora_stat *stat)
{
	struct spsc *q = handle;
	struct look l;
	uint64_t bytes = 0;
	int error = look(q, &l);

	if (error)
		return error;
	stat->count = count_of(q, &l);
	stat->bytes = stat->count * q->message_size;
	if (!q->fixed && !sum(q, &l, &bytes)) {
		stat->count = count_of(q, &l);
		stat->bytes = bytes;
	}
	stat->pushed = spsc_number(q, l.tail);
	stat->popped = stat->pushed - num_min(stat->count, stat->pushed);
	return 0;
}

void spsc_claims(void *handle, uint32_t counts[CLIENTS_MAX + 1])
{
	struct spsc *q = handle;
	uint64_t owner = load(&q->consumer_shm->owner);
	struct look l;

	if (owner && owner <= CLIENTS_MAX && !look(q, &l))
		counts[owner] = (uint32_t)__builtin_popcountll(l.window.held);
}

/* 1 when a role is of a client that is gone. */
static int count_stray(
	struct spsc *q, const _Atomic uint64_t *word, struct client_set *strays)
{
	uint64_t owner = load(word);

	if (!owner)
		return 0;
	if (owner <= CLIENTS_MAX &&
		client_is_live(&q->object.segment, (uint32_t)owner))
		return 0;
	if (load(word) != owner)
		return 0;
	client_set_add(strays, (uint32_t)(owner & CLIENTS_MAX));
	return 1;
}

int spsc_check(void *handle, int repair, struct agora_check *check)
{
	struct spsc *q = handle;
	struct client_set strays = {{0}};
	struct look l;
	uint64_t bytes, used;

	check->blocks = q->capacity;
	if (look(q, &l) || sum(q, &l, &bytes)) {
		check->damaged++;
		check->free = q->capacity;
		return 0;
	}
	check->published = count_of(q, &l);
	check->held = (uint64_t)__builtin_popcountll(l.window.held);
	check->owned = load(&q->producer_shm->reserved) > l.tail;
	used = check->published + check->held + check->owned;
	check->blocks = num_max(q->capacity, used);
	check->free = check->blocks - used;
	check->unreachable =
		(uint64_t)count_stray(q, &q->producer_shm->owner, &strays) +
		(uint64_t)count_stray(q, &q->consumer_shm->owner, &strays);
	if (repair)
		client_recover_strays(&q->object.segment, &strays);
	return 0;
}
