/*
 * queue_open.c - a queue's geometry, its row among the kinds, its public door.
 *
 * The algorithm is in queue.c.
 */
#include "data/queue.h"
#include "data/spsc.h"

#include "shm/client.h"

#define INLINE_DEFAULT 224

/* ---- create, open, close ---- */

static const struct plan_limits limits = {
	.flags = AGORA_FIXED | AGORA_SPSC,
	.fixed_max = UINT64_C(1) << 46,
};

static const char *plan(
	const struct agora_options *options, struct params_shm *params)
{
	const char *wrong = plan_messages(&limits, options, params);

	if (wrong)
		return wrong;
	if (options->flags & AGORA_SPSC)
		return spsc_plan(options, params);
	if (options->flags & AGORA_FIXED)
		return NULL;
	/* Short ones have room for company: packets. */
	return plan_blocks(options, params,
		options->inline_size ? plan_inline(options, params, 0)
				     : INLINE_DEFAULT);
}

/* Room for a packet of small messages, in no more than five lines. */
static uint64_t fixed_payload(uint64_t message_size)
{
	return num_max(message_size, num_min(PACKET_MOST * message_size, 256));
}

static int lay_out(const struct params_shm *params, struct layout *layout)
{
	bool fixed = params->flags & AGORA_FIXED;
	uint32_t header = fixed ? 16 : 32;

	if (!plan_is_sound(&limits, params))
		return -EINVAL;
	if (params->flags & AGORA_SPSC)
		return spsc_lay_out(params, layout);
	if (!plan_blocks_are_sound(params))
		return -EINVAL;
	layout->array_size =
		sizeof(uint64_t)
		<< num_log2_up(num_max(params->capacity + PACKET_MOST, 128));
	layout->array = layout_add(layout, layout->array_size, PAGE);
	layout->array_committed = layout->array_size;
	plan_pools(layout, params,
		plan_payload(fixed ? fixed_payload(params->message_size)
				   : params->inline_size,
			header),
		header);
	return 0;
}

static void format(struct segment *segment)
{
	uint64_t cells = segment->layout.array_size / sizeof(uint64_t);

	if (segment->header.params.flags & AGORA_SPSC) {
		spsc_format(segment);
		return;
	}
	atomic_store_explicit(
		segment_root(segment, 0), cells, memory_order_relaxed);
	atomic_store_explicit(
		segment_root(segment, 1), cells, memory_order_relaxed);
}

static int open_handle(void *handle)
{
	struct agora_queue *q = handle;
	struct segment *segment = &q->object.segment;
	uint64_t cells = segment->layout.array_size / sizeof(uint64_t);

	q->tail = segment_root(segment, 0);
	q->head = segment_root(segment, 1);
	q->returned = segment_root(segment, 2);
	q->cell = (_Atomic uint64_t *)(segment->base + segment->layout.array);
	q->mask = cells - 1;
	q->order = num_log2_up(cells);
	q->capacity = segment->header.params.capacity;
	q->message_size = segment->header.params.message_size;
	q->fixed = segment->header.params.flags & AGORA_FIXED;
	store_open(&q->store, segment);
	return 0;
}

static void attached(struct segment *segment)
{
	struct agora_queue *q = segment->owner;

	store_attach(&q->store, segment->client);
}

static void close_handle(void *handle)
{
	struct agora_queue *q = handle;
	struct client_set me = {{0}};

	if (!q->object.segment.client)
		return;
	client_set_add(&me, q->object.segment.client);
	/* What was acquired and not released is delivered again, and what
	 * was reserved and not committed is freed. */
	if (atomic_load_explicit(&q->holding, memory_order_relaxed))
		queue_recover(&q->object.segment, &me);
	store_flush(&q->store);
}

static const struct kind *variant(const struct params_shm *params)
{
	return params->flags & AGORA_SPSC ? &kind_spsc : &kind_queue;
}

#define LARGER(a, b) ((a) > (b) ? (a) : (b))

const struct kind kind_queue = {
	.row = {.name = "queue",
		.shape = AGORA_SEQUENCE,
		.verbs = AGORA_CAN_PUSH | AGORA_CAN_POP | AGORA_CAN_WALK,
		.doc = "FIFO of messages, many producers and consumers"},
	.segment = {.id = 1,
		.layout = lay_out,
		.format = format,
		.attached = attached,
		.recover = queue_recover},
	.handle_size = LARGER(sizeof(struct agora_queue), sizeof(struct spsc)),
	.variant = variant,
	.plan = plan,
	.open = open_handle,
	.close = close_handle,
	.stat = queue_stat,
	.check = queue_check,
	.claims = queue_claims,
	.ready = queue_ready,
	.push = queue_push,
	.push_batch = queue_push_batch,
	.reserve = queue_reserve,
	.write = queue_write,
	.commit = queue_commit,
	.abort = queue_abort,
	.pop = queue_pop,
	.pop_batch = queue_pop_batch,
	.peek = queue_peek,
	.walk = queue_walk,
	.tap = queue_tap,
	.end = queue_end,
	.acquire = queue_acquire,
	.read = queue_read,
	.release = queue_release,
	.restore = queue_restore,
};

/* ---- the public door ---- */

static inline struct spsc *spsc_of(struct agora_queue *queue)
{
	return (struct spsc *)queue;
}

/* A handle is of one of two sorts, which have the same verbs. */
#define RUN(queue, verb, ...)                                                \
	OBJECT_RUN(queue, (queue)->is_spsc ? spsc_##verb(queue, __VA_ARGS__) \
					   : queue_##verb(queue, __VA_ARGS__))

int agora_queue_open(struct agora_space *space, const char *path,
	uint32_t flags, const struct agora_options *options,
	struct agora_queue **ret_queue)
{
	void *handle;
	int error = object_open_kind(
		space, path, flags, options, &kind_queue, &handle);

	if (!error)
		*ret_queue = handle;
	return error;
}

void agora_queue_close(struct agora_queue *queue)
{
	if (queue)
		agora_object_close(&queue->object);
}

struct agora_object *agora_queue_object(struct agora_queue *queue)
{
	return &queue->object;
}

/* Not inlined, so that the plain way of the other sort needs no stack. */
static __attribute__((noinline)) int push_shared(
	struct agora_queue *queue, const void *data, size_t size)
{
	return segment_leave(
		&queue->object.segment, queue_push(queue, data, size));
}

static __attribute__((noinline)) int pop_shared(
	struct agora_queue *queue, struct agora_buffer *ret_message)
{
	return segment_leave(
		&queue->object.segment, queue_pop(queue, ret_message));
}

int agora_queue_push(struct agora_queue *queue, const void *data, size_t size)
{
	if (unlikely(segment_enter(&queue->object.segment)))
		return -ECHILD;
	if (queue->is_spsc)
		return spsc_push(spsc_of(queue), data, size);
	return push_shared(queue, data, size);
}

int agora_queue_push_wait(struct agora_queue *queue, const void *data,
	size_t size, const struct timespec *deadline)
{
	return agora_object_push_wait(&queue->object, data, size, deadline);
}

int agora_queue_push_batch(
	struct agora_queue *queue, const struct iovec *messages, size_t count)
{
	RUN(queue, push_batch, messages, count);
}

int agora_queue_push_batch_wait(struct agora_queue *queue,
	const struct iovec *messages, size_t count,
	const struct timespec *deadline)
{
	return agora_object_push_batch_wait(
		&queue->object, messages, count, deadline);
}

int agora_queue_reserve(struct agora_queue *queue, size_t size,
	struct agora_reservation *ret_reservation)
{
	RUN(queue, reserve, size, ret_reservation);
}

int agora_queue_reserve_wait(struct agora_queue *queue, size_t size,
	const struct timespec *deadline,
	struct agora_reservation *ret_reservation)
{
	return agora_object_reserve_wait(
		&queue->object, size, deadline, ret_reservation);
}

int agora_queue_write(struct agora_queue *queue,
	const struct agora_reservation *reservation, size_t offset,
	const void *data, size_t size)
{
	RUN(queue, write, reservation, offset, data, size);
}

int agora_queue_commit(
	struct agora_queue *queue, const struct agora_reservation *reservation)
{
	RUN(queue, commit, reservation);
}

int agora_queue_commit_wait(struct agora_queue *queue,
	const struct agora_reservation *reservation,
	const struct timespec *deadline)
{
	return agora_object_commit_wait(&queue->object, reservation, deadline);
}

int agora_queue_abort(
	struct agora_queue *queue, const struct agora_reservation *reservation)
{
	RUN(queue, abort, reservation);
}

int agora_queue_pop(struct agora_queue *queue, struct agora_buffer *ret_message)
{
	if (unlikely(segment_enter(&queue->object.segment)))
		return -ECHILD;
	if (queue->is_spsc)
		return spsc_pop(spsc_of(queue), ret_message);
	return pop_shared(queue, ret_message);
}

int agora_queue_pop_wait(struct agora_queue *queue,
	const struct timespec *deadline, struct agora_buffer *ret_message)
{
	return agora_object_pop_wait(&queue->object, deadline, ret_message);
}

int agora_queue_pop_batch(struct agora_queue *queue,
	struct agora_buffer *ret_messages, size_t count)
{
	RUN(queue, pop_batch, ret_messages, count);
}

int agora_queue_pop_batch_wait(struct agora_queue *queue,
	const struct timespec *deadline, struct agora_buffer *ret_messages,
	size_t count)
{
	return agora_object_pop_batch_wait(
		&queue->object, deadline, ret_messages, count);
}

int agora_queue_peek(
	struct agora_queue *queue, struct agora_buffer *ret_message)
{
	RUN(queue, peek, ret_message);
}

int agora_queue_walk(struct agora_queue *queue, uint64_t *cursor,
	struct agora_buffer *ret_message)
{
	RUN(queue, walk, cursor, ret_message);
}

int agora_queue_tap(struct agora_queue *queue, uint64_t *cursor,
	struct agora_buffer *ret_message)
{
	RUN(queue, tap, cursor, ret_message);
}

int agora_queue_end(struct agora_queue *queue, uint64_t *ret_cursor)
{
	RUN(queue, end, ret_cursor);
}

int agora_queue_acquire(
	struct agora_queue *queue, struct agora_message *ret_message)
{
	RUN(queue, acquire, ret_message);
}

int agora_queue_acquire_wait(struct agora_queue *queue,
	const struct timespec *deadline, struct agora_message *ret_message)
{
	return agora_object_acquire_wait(&queue->object, deadline, ret_message);
}

int agora_queue_read(struct agora_queue *queue,
	const struct agora_message *message, size_t offset, void *ret_data,
	size_t size)
{
	RUN(queue, read, message, offset, ret_data, size);
}

int agora_queue_release(
	struct agora_queue *queue, const struct agora_message *message)
{
	RUN(queue, release, message);
}

int agora_queue_restore(
	struct agora_queue *queue, const struct agora_message *message)
{
	RUN(queue, restore, message);
}
