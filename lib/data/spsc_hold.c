/*
 * spsc_hold.c - messages of an SPSC queue in hand: reserve, acquire.
 *
 * Both are done in place. The argument is at the head of spsc.c.
 */
#include "data/spsc.h"

/* ---- reserve ---- */

static void set_reserved(struct producer *p, uint64_t mark)
{
	p->is_reserved = mark;
	atomic_store_explicit(&p->shared->reserved, mark, memory_order_relaxed);
}

/* token[0] of a reservation is its cursor, token[1] counts reservations. */
int spsc_reserve(void *handle, size_t size, struct agora_reservation *r)
{
	struct spsc *q = handle;
	struct producer *p = &q->producer;
	int error = object_writable(&q->object);

	if (!error)
		error = spsc_refuses(q, NULL, size);
	if (!error)
		error = spsc_produce(q);
	if (!error && p->is_reserved)
		error = -EBUSY;
	if (!error)
		error = spsc_make_room(q, size);
	if (error) {
		spsc_relimit_push(q);
		return error;
	}
	p->reserved = p->tail;
	p->reserved_size = size;
	p->serial++;
	set_reserved(p, p->tail + 1);
	crash_point(spsc_reserved);
	p->limit = p->tail;
	*r = (struct agora_reservation){
		.data = spsc_at(q, p->tail) + (q->fixed ? 0 : 8),
		.size = size,
		.token = {p->tail, p->serial}};
	return 0;
}

static int check_reservation(
	const struct spsc *q, const struct agora_reservation *r)
{
	const struct producer *p = &q->producer;

	return q->object.segment.client && p->is_reserved &&
			       r->token[0] == p->reserved &&
			       r->token[1] == p->serial
		       ? 0
		       : -EINVAL;
}

static char *reserved_data(const struct spsc *q)
{
	return spsc_at(q, q->producer.reserved) + (q->fixed ? 0 : 8);
}

int spsc_write(void *handle, const struct agora_reservation *r, size_t offset,
	const void *data, size_t size)
{
	struct spsc *q = handle;
	size_t room = q->producer.reserved_size;
	int error = check_reservation(q, r);

	if (error)
		return error;
	if (offset > room || size > room - offset)
		return -EINVAL;
	copy_in(reserved_data(q) + offset, data, size);
	return 0;
}

int spsc_commit(void *handle, const struct agora_reservation *r)
{
	struct spsc *q = handle;
	struct producer *p = &q->producer;
	uint64_t tail = p->tail + 1;
	int error = check_reservation(q, r);

	if (!error && r->size > p->reserved_size)
		error = q->fixed ? -EMSGSIZE : -EINVAL;
	if (!error)
		error = spsc_refuses(q, reserved_data(q), r->size);
	if (error)
		return error;
	if (!q->fixed) {
		tail = p->tail + spsc_need(r->size);
		spsc_put_header(spsc_at(q, p->tail), r->size, p->number++);
		spsc_put_header(spsc_at(q, tail), 0, p->number);
	}
	crash_point(spsc_committing);
	spsc_publish(q, p, tail);
	set_reserved(p, 0);
	spsc_relimit_push(q);
	return 0;
}

int spsc_abort(void *handle, const struct agora_reservation *r)
{
	struct spsc *q = handle;
	int error = check_reservation(q, r);

	if (error)
		return error;
	set_reserved(&q->producer, 0);
	spsc_relimit_push(q);
	return 0;
}

/* ---- acquire ---- */

int spsc_acquire(void *handle, struct agora_message *message)
{
	struct spsc *q = handle;
	struct delivery d;
	int error = object_writable(&q->object);

	if (!error)
		error = spsc_consume(q);
	if (!error)
		error = spsc_next(q, &d);
	if (error)
		return error;
	spsc_take(q, &d);
	*message = (struct agora_message){.data = d.data,
		.size = d.size,
		.sequence = d.number,
		.token = d.cursor};
	return 0;
}

/* The place in the window of a message, which comes from the caller. */
static int index_of(const struct spsc *q, const struct agora_message *message,
	unsigned *ret_index)
{
	const struct consumer *c = &q->consumer;
	uint64_t index = message->sequence - c->first;

	if (!c->role || index >= c->window || !(c->held >> index & 1))
		return -EINVAL;
	*ret_index = (unsigned)index;
	return 0;
}

int spsc_read(void *handle, const struct agora_message *message, size_t offset,
	void *data, size_t size)
{
	struct spsc *q = handle;
	const char *from = message->data;
	unsigned index;
	int error = index_of(q, message, &index);

	if (error || offset > message->size)
		return error ? error : -EINVAL;
	size = num_min(num_min(size, message->size - offset), INT32_MAX);
	copy_out(data, from + offset, size);
	return (int)size;
}

int spsc_release(void *handle, const struct agora_message *message)
{
	unsigned index;
	int error = index_of(handle, message, &index);

	if (!error)
		spsc_finish(handle, index);
	return error;
}

int spsc_restore(void *handle, const struct agora_message *message)
{
	struct spsc *q = handle;
	struct consumer *c = &q->consumer;
	unsigned index;
	int error = index_of(q, message, &index);

	if (error)
		return error;
	c->held &= ~(UINT64_C(1) << index);
	c->back |= UINT64_C(1) << index;
	/* [M] [E] */
	atomic_store_explicit(&c->shared->back, spsc_word(c->first, c->back),
		memory_order_release);
	crash_point(spsc_returned);
	spsc_notify(q, EVENT_BIT(EVENT_READABLE));
	return 0;
}
