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

int spsc_push_slowly(struct spsc *q, const void *data, size_t size);
int spsc_pop_slowly(struct spsc *q, struct agora_buffer *message);

/* Tell sleepers: on most machines a look at one word. */
static inline void spsc_notify(struct spsc *q, uint32_t events)
{
	event_notify_after(&q->object.segment, q->light, events);
}

static inline void spsc_publish(
	struct spsc *q, struct producer *p, uint64_t tail)
{
	p->tail = tail;
	/* [T] [E] */
	atomic_store_explicit(&p->shared->tail, tail, memory_order_release);
	crash_point(spsc_push_published);
	spsc_notify(q, EVENT_BIT(EVENT_READABLE) | EVENT_BIT(EVENT_ADVANCED));
}

static inline void spsc_free(struct spsc *q, struct consumer *c, uint64_t head)
{
	/* [F] [E] */
	atomic_store_explicit(&c->shared->head, head, memory_order_release);
	crash_point(spsc_pop_freed);
	spsc_notify(q, EVENT_BIT(EVENT_WRITABLE));
}

static inline int spsc_push(struct spsc *q, const void *data, size_t size)
{
	struct producer *p = &q->producer;
	uint64_t tail = p->tail;
	char *at;

	if (q->fixed) {
		if (unlikely(tail == p->limit || size != q->message_size))
			return spsc_push_slowly(q, data, size);
		copy_in(p->data + (tail & q->mask) * q->stride, data, size);
		crash_point(spsc_push_written);
		spsc_publish(q, p, tail + 1);
		return 0;
	}
	if (unlikely(size > q->message_size ||
		     tail + spsc_need(size) > p->limit ||
		     p->number == p->number_end))
		return spsc_push_slowly(q, data, size);
	at = p->data + (tail & q->mask);
	tail += spsc_need(size);
	copy_in(at + 8, data, size);
	spsc_put_header(at, size, p->number++);
	crash_point(spsc_push_written);
	spsc_put_header(p->data + (tail & q->mask), 0, p->number);
	crash_point(spsc_push_chained);
	spsc_publish(q, p, tail);
	return 0;
}

static inline int spsc_pop(struct spsc *q, struct agora_buffer *message)
{
	struct consumer *c = &q->consumer;
	uint64_t next = c->next;
	size_t size = q->message_size;
	char *at;

	if (unlikely(next == c->limit))
		return spsc_pop_slowly(q, message);
	if (!q->fixed) {
		size = spsc_get_header(q, next) >> 32;
		at = c->data + (next & q->mask) + 8;
		if (unlikely(size > message->capacity ||
			     spsc_need(size) > c->limit - next))
			return spsc_pop_slowly(q, message);
		next += spsc_need(size);
	} else {
		if (unlikely(size > message->capacity))
			return spsc_pop_slowly(q, message);
		at = c->data + (next & q->mask) * q->stride;
		next++;
	}
	copy_out(message->data, at, size);
	message->size = size;
	message->version = c->number++;
	c->next = next;
	crash_point(spsc_pop_copied);
	spsc_free(q, c, next);
	return 0;
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
