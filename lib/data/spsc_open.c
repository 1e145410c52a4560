/*
 * spsc_open.c - geometry and row of the SPSC queue, a variant of the queue.
 *
 * The algorithm is in spsc.c, the public door in queue_open.c.
 */
#include "data/queue.h"
#include "data/spsc.h"

#include "base/barrier.h"

static_assert(
	offsetof(struct spsc, is_spsc) == offsetof(struct agora_queue, is_spsc),
	"the public door looks there");

/* Bytes of the ring, where messages have different sizes. */
static uint64_t default_ring(const struct params_shm *params)
{
	uint64_t four = 4 * spsc_need(params->message_size);

	return num_max(num_max(four, params->capacity * 256), PAGE);
}

const char *spsc_plan(
	const struct agora_options *options, struct params_shm *params)
{
	uint64_t least = 2 * spsc_need(params->message_size);

	if (options->inline_size)
		return "inline-size: of spsc, messages lie in one ring";
	if (options->flags & AGORA_FIXED)
		return NULL;
	params->memory =
		options->memory ? options->memory : default_ring(params);
	if (params->memory < least)
		return "memory: must hold two of the largest message";
	if (params->memory >> 40)
		return "memory: less than 1 TiB";
	params->memory = UINT64_C(1) << num_log2_up(params->memory);
	return NULL;
}

static uint64_t ring_size(const struct params_shm *params)
{
	if (!(params->flags & AGORA_FIXED))
		return params->memory;
	return num_round_up(params->message_size, 8)
	       << num_log2_up(params->capacity);
}

int spsc_lay_out(const struct params_shm *params, struct layout *layout)
{
	bool fixed = params->flags & AGORA_FIXED;

	if (params->inline_size)
		return -EINVAL;
	if (fixed ? params->memory != 0
		  : !num_is_power_of_two(params->memory) ||
				params->memory >> 41 || params->memory < 16 ||
				params->memory <
					2 * spsc_need(params->message_size))
		return -EINVAL;
	layout->array_size = num_round_up(ring_size(params), PAGE);
	layout->array = layout_add(layout, layout->array_size, PAGE);
	layout->array_committed = PAGE;
	layout->size = num_round_up(layout->size, PAGE);
	return 0;
}

/* All else is zero. */
void spsc_format(struct segment *segment)
{
	struct producer_shm *p =
		(struct producer_shm *)segment_root(segment, 0);

	atomic_store_explicit(&p->committed,
		num_min(ring_size(&segment->header.params), PAGE),
		memory_order_relaxed);
}

static int open_handle(void *handle)
{
	struct spsc *q = handle;
	struct segment *segment = &q->object.segment;
	const struct params_shm *params = &segment->header.params;

	q->is_spsc = true;
	q->fixed = params->flags & AGORA_FIXED;
	q->plain = !(q->object.flags & AGORA_CHECK);
	q->light = !barrier_register();
	segment->light_fence = true;
	q->capacity = params->capacity;
	q->message_size = params->message_size;
	q->stride = q->fixed ? num_round_up(params->message_size, 8) : 1;
	q->mask = q->fixed ? (UINT64_C(1) << num_log2_up(params->capacity)) - 1
			   : params->memory - 1;
	q->data = segment->base + segment->layout.array;
	q->producer_shm = (struct producer_shm *)segment_root(segment, 0);
	q->consumer_shm = (struct consumer_shm *)segment_root(segment, 1);
	q->marks = (struct marks_shm *)segment_root(segment, 2);
	q->producer.data = q->consumer.data = q->data;
	q->producer.shared = q->producer_shm;
	q->consumer.shared = q->consumer_shm;
	return 0;
}

static void attached(struct segment *segment)
{
	(void)segment;
}

static void close_handle(void *handle)
{
	struct spsc *q = handle;

	if (!q->object.segment.client)
		return;
	spsc_leave(q, ROLE_PRODUCER);
	spsc_leave(q, ROLE_CONSUMER);
}

/* For who comes through agora/object.h. */
static int push(void *handle, const void *data, size_t size)
{
	return spsc_push(handle, data, size);
}

static int pop(void *handle, struct agora_buffer *message)
{
	return spsc_pop(handle, message);
}

const struct kind kind_spsc = {
	.row = {.name = "queue", .shape = AGORA_SEQUENCE},
	.segment = {.id = 1,
		.layout = spsc_lay_out,
		.attached = attached,
		.recover = spsc_recover},
	.handle_size = sizeof(struct spsc),
	.open = open_handle,
	.close = close_handle,
	.stat = spsc_stat,
	.check = spsc_check,
	.claims = spsc_claims,
	.yield = spsc_yield,
	.ready = spsc_ready,
	.push = push,
	.push_batch = spsc_push_batch,
	.reserve = spsc_reserve,
	.write = spsc_write,
	.commit = spsc_commit,
	.abort = spsc_abort,
	.pop = pop,
	.pop_batch = spsc_pop_batch,
	.peek = spsc_peek,
	.walk = spsc_walk,
	.tap = spsc_tap,
	.end = spsc_end,
	.acquire = spsc_acquire,
	.read = spsc_read,
	.release = spsc_release,
	.restore = spsc_restore,
};
