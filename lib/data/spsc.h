/*
 * spsc.h - the queue with one producer and one consumer: words, handle, and
 * the plain way of push and pop, which is inlined into the public door.
 *
 * The argument for all of it stands at the head of spsc.c.
 */
#ifndef LIB_DATA_SPSC_H
#define LIB_DATA_SPSC_H

#include "base/copy.h"
#include "base/crash.h"
#include "data/kind.h"
#include "shm/event.h"

#include <agora/queue.h>

/* Messages that may be in hand, counted from the oldest of them. */
#define WINDOW 48

/* The size of a record that only fills the ring up to its end. */
#define PAD UINT32_MAX

/* Give up rather than look for ever at what others change. */
#define SPSC_TRIES 1000

/* Cursors count messages where all have one size, else bytes of the ring. */

/* Root 0. Written by the producer. */
struct producer_shm {
	_Atomic uint64_t tail;      /* behind the last message */
	_Atomic uint64_t ahead;     /* nothing is written from here on */
	_Atomic uint64_t reserved;  /* cursor + 1 of what is being written */
	_Atomic uint64_t committed; /* bytes of the ring that have memory */
	_Atomic uint64_t number;    /* of some message not long ago */
	_Atomic uint64_t owner;     /* the client that has the role, or 0 */
};

/* Root 1. Written by the consumer, and by who repairs after its death. */
struct consumer_shm {
	_Atomic uint64_t head;  /* the oldest message that is not released */
	_Atomic uint64_t taken; /* behind the last one acquired; or old */
	_Atomic uint64_t done;  /* released out of order: spsc_word() */
	_Atomic uint64_t back;  /* to be delivered again: spsc_word() */
	_Atomic uint64_t owner; /* the client that has the role, or 0 */
};

#define MARKS 16

/* Root 2. Written by the producer: tails of a while ago, where records begin.
 */
struct marks_shm {
	_Atomic uint64_t mark[MARKS];
};

static_assert(sizeof(struct marks_shm) <= sizeof(struct root_shm), "format");
static_assert(sizeof(struct producer_shm) <= sizeof(struct root_shm), "format");
static_assert(sizeof(struct consumer_shm) <= sizeof(struct root_shm), "format");

/* Beyond the segment's own kinds of locks: see client.h. */
enum { ROLE_PRODUCER = 0, ROLE_CONSUMER = 1 };

/* Private to who pushes. limit = tail: nothing is plain, look closer. */
struct producer {
	_Alignas(128) uint64_t tail;
	uint64_t limit;
	uint64_t number;     /* of the next message */
	uint64_t number_end; /* the first one that there is no room for */
	char *data;
	struct producer_shm *shared;
	uint64_t end;  /* limit, when all is plain */
	uint64_t room; /* as end, but for memory, laps and ahead */
	uint64_t ahead, committed;
	uint64_t reserved, reserved_size, serial;
	unsigned marks;
	bool role, is_reserved;
};

/* Private to who pops. limit = next: nothing is plain, look closer. */
struct consumer {
	_Alignas(128) uint64_t next;
	uint64_t limit;
	uint64_t number; /* of the message at next */
	char *data;
	struct consumer_shm *shared;
	uint64_t seen; /* tail, as it was */
	uint64_t head; /* while window > 0 */
	uint64_t first;
	uint64_t held, done, back; /* bit i: message first + i */
	unsigned window;           /* messages from head to next */
	bool role;
};

struct spsc {
	struct agora_object object;
	bool is_spsc; /* true, where struct agora_queue has it */
	bool fixed;
	bool plain;      /* no types to check */
	bool light;      /* sleepers see to the barrier: event.h */
	uint64_t mask;   /* of cursors */
	uint64_t stride; /* bytes of a slot */
	uint64_t capacity;
	size_t message_size;
	struct producer_shm *producer_shm;
	struct consumer_shm *consumer_shm;
	struct marks_shm *marks;
	char *data;
	struct producer producer;
	struct consumer consumer;
};

/* ---- records ---- */

static inline char *spsc_at(const struct spsc *q, uint64_t cursor)
{
	return q->data + (cursor & q->mask) * q->stride;
}

/* What a message of size bytes takes, with its header. */
static inline uint64_t spsc_need(size_t size)
{
	return 8 + num_round_up((uint64_t)size, 8);
}

/* size:32 number:32, before each message that is not of a fixed size. */
static inline uint64_t spsc_header(uint64_t size, uint64_t number)
{
	return size << 32 | (uint32_t)number;
}

static inline void spsc_put_header(char *at, uint64_t size, uint64_t number)
{
	atomic_store_explicit((_Atomic uint64_t *)(void *)at,
		spsc_header(size, number), memory_order_relaxed);
}

static inline uint64_t spsc_get_header(const struct spsc *q, uint64_t cursor)
{
	return atomic_load_explicit(
		(_Atomic uint64_t *)(void *)(q->data + (cursor & q->mask)),
		memory_order_relaxed);
}

static inline uint64_t spsc_lap_end(const struct spsc *q, uint64_t cursor)
{
	return (cursor | q->mask) + 1;
}

static inline uint64_t spsc_ring(const struct spsc *q)
{
	return q->mask + 1;
}

/* A cursor comes from the segment: may there be a record? */
static inline bool spsc_is_cursor(const struct spsc *q, uint64_t cursor)
{
	return q->fixed || !(cursor & 7);
}

/* The 64-bit number that low is the end of, not far from near. */
static inline uint64_t spsc_extend(uint64_t near, uint32_t low)
{
	return near + (uint64_t)(int64_t)(int32_t)(low - (uint32_t)near);
}

/* base:16 mask:48; bit i stands for the message that base + i ends with. */
static inline uint64_t spsc_word(uint64_t first, uint64_t mask)
{
	return first << WINDOW | mask;
}

/* The mask of a word, counted from first. */
static inline uint64_t spsc_mask(uint64_t word, uint64_t first)
{
	uint16_t moved = (uint16_t)(first - (word >> WINDOW));
	uint64_t mask = word & ((UINT64_C(1) << WINDOW) - 1);

	return moved < WINDOW ? mask >> moved : 0;
}

/* ---- the plain way ---- */

/*
 * It calls nothing but in its last step, so that it needs no stack: what is
 * not plain goes on elsewhere. Each function below ends with segment_leave(),
 * and returns what that says of its result.
 */
int spsc_push_slowly(struct spsc *q, const void *data, size_t size);
int spsc_pop_slowly(struct spsc *q, struct agora_buffer *message);
/* The plain way, for messages that copy_small() does not copy. */
int spsc_push_long(struct spsc *q, const void *data, size_t size);
int spsc_pop_long(struct spsc *q, struct agora_buffer *message);
int spsc_wake(struct spsc *q, uint32_t events);

/* Tell sleepers: on most machines a look at one word. */
static inline int spsc_notify(struct spsc *q, uint32_t events)
{
	if (event_awaited_after(&q->object.segment, q->light, events))
		return spsc_wake(q, events);
	return segment_leave(&q->object.segment, 0);
}

static inline int spsc_publish(
	struct spsc *q, struct producer *p, uint64_t tail)
{
	p->tail = tail;
	/* [T] [E] */
	atomic_store_explicit(&p->shared->tail, tail, memory_order_release);
	crash_point(spsc_push_published);
	return spsc_notify(
		q, EVENT_BIT(EVENT_READABLE) | EVENT_BIT(EVENT_ADVANCED));
}

static inline int spsc_free(struct spsc *q, struct consumer *c, uint64_t head)
{
	/* [F] [E] */
	atomic_store_explicit(&c->shared->head, head, memory_order_release);
	crash_point(spsc_pop_freed);
	return spsc_notify(q, EVENT_BIT(EVENT_WRITABLE));
}

#define SPSC_INLINE static inline __attribute__((always_inline))

SPSC_INLINE int spsc_push_as(
	struct spsc *q, const void *data, size_t size, bool is_long)
{
	struct producer *p = &q->producer;
	uint64_t tail = p->tail, mask = q->mask, number;
	char *at = p->data;

	if (likely(q->fixed)) {
		if (unlikely(tail == p->limit || size != q->message_size))
			return spsc_push_slowly(q, data, size);
		at += (tail & mask) * q->stride;
		if (is_long)
			copy_in(at, data, size);
		else if (!copy_small(at, data, size))
			return spsc_push_long(q, data, size);
		crash_point(spsc_push_written);
		return spsc_publish(q, p, tail + 1);
	}
	number = p->number;
	if (unlikely(size > q->message_size ||
		     tail + spsc_need(size) > p->limit ||
		     number == p->number_end))
		return spsc_push_slowly(q, data, size);
	at += tail & mask;
	tail += spsc_need(size);
	if (is_long)
		copy_in(at + 8, data, size);
	else if (!copy_small(at + 8, data, size))
		return spsc_push_long(q, data, size);
	spsc_put_header(at, size, number++);
	p->number = number;
	crash_point(spsc_push_written);
	spsc_put_header(p->data + (tail & mask), 0, number);
	crash_point(spsc_push_chained);
	return spsc_publish(q, p, tail);
}

/* Has the producer gone on? Only while all is plain. fixed: q->fixed. */
SPSC_INLINE bool spsc_look(const struct spsc *q, struct consumer *c, bool fixed)
{
	uint64_t next = c->next, tail;

	if (!c->role || c->window)
		return false;
	/* [T] [E] */
	tail = atomic_load_explicit(
		&q->producer_shm->tail, memory_order_seq_cst);
	if (tail - next - 1 > q->mask || (!fixed && tail & 7))
		return false;
	c->seen = tail;
	c->limit = fixed ? tail : num_min(tail, spsc_lap_end(q, next));
	return true;
}

SPSC_INLINE int spsc_pop_as(
	struct spsc *q, struct agora_buffer *message, bool is_long)
{
	struct consumer *c = &q->consumer;
	uint64_t next = c->next, number = next;
	size_t size = q->message_size;
	char *at = c->data;

	if (likely(q->fixed)) {
		if (next == c->limit && unlikely(!spsc_look(q, c, true)))
			return spsc_pop_slowly(q, message);
		at += (next & q->mask) * q->stride;
		next++;
	} else {
		if (next == c->limit && unlikely(!spsc_look(q, c, false)))
			return spsc_pop_slowly(q, message);
		size = spsc_get_header(q, next) >> 32;
		at += (next & q->mask) + 8;
		if (unlikely(spsc_need(size) > c->limit - next))
			return spsc_pop_slowly(q, message);
		next += spsc_need(size);
		number = c->number;
	}
	if (unlikely(size > message->capacity))
		return spsc_pop_slowly(q, message);
	if (is_long)
		copy_out(message->data, at, size);
	else if (!copy_small(message->data, at, size))
		return spsc_pop_long(q, message);
	message->size = size;
	message->version = number;
	c->number = number + 1;
	c->next = next;
	crash_point(spsc_pop_copied);
	return spsc_free(q, c, next);
}

static inline int spsc_push(struct spsc *q, const void *data, size_t size)
{
	return spsc_push_as(q, data, size, false);
}

static inline int spsc_pop(struct spsc *q, struct agora_buffer *message)
{
	return spsc_pop_as(q, message, false);
}

/* ---- what the files share ---- */

/* spsc_role.c: have a role, or take it. 0, -EACCES, -EBUSY, -EUCLEAN. */
int spsc_produce(struct spsc *q);
int spsc_consume(struct spsc *q);
void spsc_leave(struct spsc *q, unsigned role);
void spsc_yield(void *handle);
void spsc_recover(struct segment *segment, const struct client_set *dead);

/* spsc.c: room for a message in one piece at tail. 0, -EAGAIN, ... */
int spsc_make_room(struct spsc *q, size_t size);
/* Let the plain way be taken again as far as it may. */
void spsc_relimit_push(struct spsc *q);
void spsc_relimit_pop(struct spsc *q);
int spsc_refuses(struct spsc *q, const void *data, size_t size);

/* The next message to deliver. */
struct delivery {
	uint64_t cursor, number;
	uint64_t behind; /* cursor of the one after it */
	size_t size;
	char *data;
	unsigned index; /* in the window; == window: not yet in it */
};

int spsc_next(struct spsc *q, struct delivery *d);
void spsc_take(struct spsc *q, const struct delivery *d);
void spsc_finish(struct spsc *q, unsigned index);

/*
 * The size of the message at *cursor, past a pad: 0, -EAGAIN (cursor has
 * reached end), -EUCLEAN.
 */
int spsc_read_header(const struct spsc *q, uint64_t *cursor, uint64_t end,
	size_t *ret_size, uint32_t *ret_number);

/* What the consumer's words say. */
struct window {
	uint64_t head, next; /* cursors of its beginning and its end */
	uint64_t first;      /* number of the message at head */
	unsigned size;
	uint64_t done, back, held;
};

/* Read them: 0, -EUCLEAN. Exact for who has the role, or keeps it away. */
int spsc_read_window(
	const struct spsc *q, uint64_t head, uint64_t tail, struct window *w);

/* The 64-bit number of the message at cursor. */
uint64_t spsc_number(const struct spsc *q, uint64_t cursor);

/* spsc_batch.c */
int spsc_push_batch(void *handle, const struct iovec *messages, size_t count);
int spsc_pop_batch(void *handle, struct agora_buffer *messages, size_t count);

/* spsc_hold.c */
int spsc_reserve(void *handle, size_t size, struct agora_reservation *r);
int spsc_write(void *handle, const struct agora_reservation *r, size_t offset,
	const void *data, size_t size);
int spsc_commit(void *handle, const struct agora_reservation *r);
int spsc_abort(void *handle, const struct agora_reservation *r);
int spsc_acquire(void *handle, struct agora_message *message);
int spsc_read(void *handle, const struct agora_message *message, size_t offset,
	void *data, size_t size);
int spsc_release(void *handle, const struct agora_message *message);
int spsc_restore(void *handle, const struct agora_message *message);

/* spsc_view.c */
int spsc_peek(void *handle, struct agora_buffer *message);
int spsc_walk(void *handle, uint64_t *cursor, struct agora_buffer *message);
int spsc_tap(void *handle, uint64_t *cursor, struct agora_buffer *message);
int spsc_end(void *handle, uint64_t *ret_cursor);
int spsc_ready(void *handle, uint32_t events, uint64_t cursor);
int spsc_stat(void *handle, struct agora_stat *stat);
int spsc_check(void *handle, int repair, struct agora_check *check);
void spsc_claims(void *handle, uint32_t counts[CLIENTS_MAX + 1]);

/* spsc_open.c, for the row of the kind. */
const char *spsc_plan(
	const struct agora_options *options, struct params_shm *params);
int spsc_lay_out(const struct params_shm *params, struct layout *layout);
void spsc_format(struct segment *segment);

extern const struct kind kind_spsc;

#endif
