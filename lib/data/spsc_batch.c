/*
 * spsc_batch.c - several messages of an SPSC queue for one store of a cursor.
 */
#include "data/spsc.h"

#include <limits.h>

/* What one store publishes at most, so that the other side can start. */
#define BATCH_MESSAGES 64
#define BATCH_BYTES    32768

/* Write as many messages as are plain; returns how many. */
static size_t push_some(
	struct spsc *q, const struct iovec *messages, size_t count)
{
	struct producer *p = &q->producer;
	uint64_t tail = p->tail, bytes = 0;
	size_t i;

	for (i = 0; i < count && bytes < BATCH_BYTES; i++) {
		size_t size = messages[i].iov_len;
		uint64_t need = q->fixed ? 1 : spsc_need(size);
		char *at = spsc_at(q, tail);

		if (q->fixed ? tail == p->limit || size != q->message_size
			     : size > q->message_size ||
					tail + need > p->limit ||
					p->number == p->number_end)
			break;
		copy_in(at + (q->fixed ? 0 : 8), messages[i].iov_base, size);
		if (!q->fixed)
			spsc_put_header(at, size, p->number++);
		tail += need;
		bytes += size;
	}
	if (!i)
		return 0;
	if (!q->fixed)
		spsc_put_header(spsc_at(q, tail), 0, p->number);
	crash_point(spsc_push_batched);
	spsc_publish(q, p, tail);
	return i;
}

int spsc_push_batch(void *handle, const struct iovec *messages, size_t count)
{
	struct spsc *q = handle;
	size_t done = 0;
	int error = 0;

	count = num_min(count, INT_MAX);
	while (done < count && !error) {
		size_t some = push_some(q, messages + done,
			num_min(count - done, BATCH_MESSAGES));

		done += some;
		if (some)
			continue;
		error = spsc_push_slowly(
			q, messages[done].iov_base, messages[done].iov_len);
		done += !error;
	}
	return done ? (int)done : error;
}

/* Copy as many messages as are plain and fit; returns how many. */
static size_t pop_some(
	struct spsc *q, struct agora_buffer *messages, size_t count)
{
	struct consumer *c = &q->consumer;
	uint64_t next = c->next, bytes = 0;
	size_t i;

	for (i = 0; i < count && bytes < BATCH_BYTES && next != c->limit; i++) {
		const char *at = spsc_at(q, next);
		size_t size = q->message_size;

		if (!q->fixed) {
			size = spsc_get_header(q, next) >> 32;
			at += 8;
			if (spsc_need(size) > c->limit - next)
				break;
		}
		if (size > messages[i].capacity)
			break;
		copy_out(messages[i].data, at, size);
		messages[i].size = size;
		messages[i].version = c->number++;
		next += q->fixed ? 1 : spsc_need(size);
		bytes += size;
	}
	if (!i)
		return 0;
	c->next = next;
	crash_point(spsc_pop_batched);
	spsc_free(q, c, next);
	return i;
}

int spsc_pop_batch(void *handle, struct agora_buffer *messages, size_t count)
{
	struct spsc *q = handle;
	size_t done = 0;
	int error = 0;

	count = num_min(count, INT_MAX);
	while (done < count && !error) {
		size_t some = pop_some(q, messages + done,
			num_min(count - done, BATCH_MESSAGES));

		done += some;
		if (some)
			continue;
		error = spsc_pop_slowly(q, &messages[done]);
		done += !error;
	}
	return done ? (int)done : error;
}
