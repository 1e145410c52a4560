/*
 * spsc_role.c - who is the producer and who the consumer of an SPSC queue.
 *
 * A role is a lock that the kernel drops when its holder dies. Who takes it
 * next reads from the segment where to go on; who only recovers the dead
 * takes it for a moment. Steps and orderings are those of spsc.c.
 *
 * owner is stored by the holder, last when it takes the role and first when
 * it gives it back: while the lock is free, owner is nobody or dead. A role
 * changes hands under segment->control, since all threads of a handle have
 * the same locks.
 */
#include "data/spsc.h"

#include "base/futex.h"
#include "shm/client.h"

#include <sched.h>

/* How long to make way for who repairs, who may not be running: 1 second. */
#define ROLE_PATIENCE UINT64_C(1000000000)

static uint64_t load(const _Atomic uint64_t *word)
{
	/* [T] [F] [M] */
	return atomic_load_explicit(word, memory_order_acquire);
}

static void store(_Atomic uint64_t *word, uint64_t value)
{
	atomic_store_explicit(word, value, memory_order_relaxed);
}

static void count(_Atomic uint64_t *counter, int more)
{
	if (more)
		atomic_fetch_add_explicit(
			counter, (uint64_t)more, memory_order_relaxed);
}

uint64_t spsc_number(const struct spsc *q, uint64_t cursor)
{
	if (q->fixed)
		return cursor;
	return spsc_extend(load(&q->producer_shm->number),
		(uint32_t)spsc_get_header(q, cursor));
}

/* ---- the producer ---- */

/* Forget a message that was being written. */
static void drop_reserved(struct spsc *q)
{
	struct producer_shm *shared = q->producer_shm;
	uint64_t reserved = load(&shared->reserved);

	if (!reserved)
		return;
	count(&q->object.segment.roots->reclaimed,
		reserved > load(&shared->tail));
	store(&shared->reserved, 0);
}

static int adopt_producer(struct spsc *q)
{
	struct producer *p = &q->producer;
	struct producer_shm *shared = q->producer_shm;
	uint64_t tail = load(&shared->tail);

	if (tail - load(&q->consumer_shm->head) > spsc_ring(q) ||
		!spsc_is_cursor(q, tail))
		return -EUCLEAN;
	drop_reserved(q);
	p->tail = p->limit = p->end = p->room = tail;
	p->number = p->number_end = q->fixed ? 0 : spsc_number(q, tail);
	p->ahead = load(&shared->ahead);
	p->committed = num_min(load(&shared->committed) & ~(uint64_t)7,
		spsc_ring(q) * q->stride);
	p->is_reserved = false;
	store(&shared->number, p->number);
	store(&shared->owner, q->object.segment.client);
	p->role = true;
	return 0;
}

static void leave_producer(struct spsc *q)
{
	struct producer *p = &q->producer;

	if (p->is_reserved)
		drop_reserved(q);
	p->role = p->is_reserved = false;
	p->limit = p->end = p->tail;
	store(&q->producer_shm->owner, 0);
}

/* ---- the consumer ---- */

int spsc_read_window(
	const struct spsc *q, uint64_t head, uint64_t tail, struct window *w)
{
	const struct consumer_shm *shared = q->consumer_shm;
	uint64_t taken = load(&shared->taken);
	uint64_t all;

	*w = (struct window){.head = head, .next = head};
	if (tail - head > spsc_ring(q) || !spsc_is_cursor(q, head) ||
		!spsc_is_cursor(q, tail) || !spsc_is_cursor(q, taken))
		return -EUCLEAN;
	w->first = spsc_number(q, head);
	if ((int64_t)(taken - head) <= 0)
		return 0;
	if (taken - head > tail - head ||
		spsc_number(q, taken) - w->first > WINDOW)
		return -EUCLEAN;
	w->next = taken;
	w->size = (unsigned)(spsc_number(q, taken) - w->first);
	all = (UINT64_C(1) << w->size) - 1;
	w->done = spsc_mask(load(&shared->done), w->first) & all;
	w->back = spsc_mask(load(&shared->back), w->first) & all & ~w->done;
	w->held = all & ~w->done & ~w->back;
	return 0;
}

/* What a dead consumer had in hand is delivered again. */
static int repair_consumer(struct spsc *q, struct window *w)
{
	struct consumer_shm *shared = q->consumer_shm;
	struct roots_shm *roots = q->object.segment.roots;
	int error = spsc_read_window(
		q, load(&shared->head), load(&q->producer_shm->tail), w);

	if (error)
		return error;
	/* [M] */
	atomic_store_explicit(&shared->done, spsc_word(w->first, w->done),
		memory_order_release);
	crash_point(spsc_repairing);
	w->back |= w->held;
	/* [M] */
	atomic_store_explicit(&shared->back, spsc_word(w->first, w->back),
		memory_order_release);
	crash_point(spsc_repaired);
	count(&roots->redelivered, __builtin_popcountll(w->held));
	w->held = 0;
	return 0;
}

static int adopt_consumer(struct spsc *q)
{
	struct consumer *c = &q->consumer;
	struct window w;
	int error = repair_consumer(q, &w);

	if (error)
		return error;
	c->head = w.head;
	c->first = w.first;
	c->next = c->limit = c->seen = w.next;
	c->number = w.first + w.size;
	c->window = w.size;
	c->held = 0;
	c->done = w.done;
	c->back = w.back;
	store(&q->consumer_shm->owner, q->object.segment.client);
	c->role = true;
	return 0;
}

static void leave_consumer(struct spsc *q)
{
	struct consumer *c = &q->consumer;
	struct window w;
	bool held = c->held;

	if (held)
		repair_consumer(q, &w);
	c->role = false;
	c->limit = c->next;
	store(&q->consumer_shm->owner, 0);
	if (held)
		event_wake_all(&q->object.segment);
}

/* ---- take, yield, recover ---- */

static _Atomic uint64_t *owner_word(struct spsc *q, unsigned role)
{
	return role == ROLE_PRODUCER ? &q->producer_shm->owner
				     : &q->consumer_shm->owner;
}

static bool has_role(const struct spsc *q, unsigned role)
{
	return role == ROLE_PRODUCER ? q->producer.role : q->consumer.role;
}

/* Somebody has the role, or repairs it at this moment. */
static bool is_owned(struct spsc *q, unsigned role)
{
	uint64_t owner = load(owner_word(q, role));

	return owner && owner <= CLIENTS_MAX &&
	       client_is_live(&q->object.segment, (uint32_t)owner);
}

static int try_take(struct spsc *q, unsigned role)
{
	struct segment *segment = &q->object.segment;
	int error;

	pthread_mutex_lock(&segment->control);
	error = client_lock_role(segment, role);
	if (!error) {
		crash_point(spsc_role_locked);
		error = role == ROLE_PRODUCER ? adopt_producer(q)
					      : adopt_consumer(q);
		if (error)
			client_unlock_role(segment, role);
	}
	pthread_mutex_unlock(&segment->control);
	crash_point(spsc_role_taken);
	return error;
}

static int take(struct spsc *q, unsigned role)
{
	int error = object_writable(&q->object);
	struct timespec end;

	if (!error)
		error = try_take(q, role);
	if (error == -EBUSY)
		end = time_after(ROLE_PATIENCE);
	/* Who recovers the dead has the lock for a moment. */
	while (error == -EBUSY && !is_owned(q, role) && !time_passed(&end)) {
		sched_yield();
		error = try_take(q, role);
	}
	if (!error)
		client_sweep(&q->object.segment);
	return error;
}

int spsc_produce(struct spsc *q)
{
	return likely(q->producer.role) ? 0 : take(q, ROLE_PRODUCER);
}

int spsc_consume(struct spsc *q)
{
	return likely(q->consumer.role) ? 0 : take(q, ROLE_CONSUMER);
}

void spsc_leave(struct spsc *q, unsigned role)
{
	if (!has_role(q, role))
		return;
	if (role == ROLE_PRODUCER)
		leave_producer(q);
	else
		leave_consumer(q);
	crash_point(spsc_role_left);
	client_unlock_role(&q->object.segment, role);
}

void spsc_yield(void *handle)
{
	struct spsc *q = handle;

	pthread_mutex_lock(&q->object.segment.control);
	if (!q->producer.is_reserved)
		spsc_leave(q, ROLE_PRODUCER);
	if (!q->consumer.held)
		spsc_leave(q, ROLE_CONSUMER);
	pthread_mutex_unlock(&q->object.segment.control);
}

/* Repair a role whose owner is dead, unless somebody has taken it since. */
static void recover_role(struct spsc *q, unsigned role)
{
	struct segment *segment = &q->object.segment;
	struct window ignored;

	if (has_role(q, role) || client_lock_role(segment, role))
		return;
	crash_point(spsc_recover_locked);
	if (load(owner_word(q, role))) {
		if (role == ROLE_PRODUCER)
			drop_reserved(q);
		else
			repair_consumer(q, &ignored);
		store(owner_word(q, role), 0);
	}
	client_unlock_role(segment, role);
}

static bool is_dead(const struct client_set *dead, uint64_t owner)
{
	return owner <= CLIENTS_MAX && client_set_has(dead, (uint32_t)owner);
}

void spsc_recover(struct segment *segment, const struct client_set *dead)
{
	struct spsc *q = segment->owner;

	for (unsigned role = ROLE_PRODUCER; role <= ROLE_CONSUMER; role++) {
		uint64_t owner = load(owner_word(q, role));

		if (owner && (is_dead(dead, owner) || !is_owned(q, role)))
			recover_role(q, role);
	}
}
