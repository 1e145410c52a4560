/*
 * heap_open.c - a heap's geometry, its row among the kinds, its public door.
 *
 * The algorithm is in heap.c.
 */
#include "data/heap.h"

#include "base/futex.h"
#include "shm/client.h"

#include <stdlib.h>

#define INLINE_DEFAULT 216

/* ---- create, open, close ---- */

static const struct plan_limits limits = {
	.flags = AGORA_FIXED | AGORA_RELAXED,
	.fixed_max = UINT64_C(1) << 46,
};

static const char *plan(
	const struct agora_options *options, struct params_shm *params)
{
	const char *wrong = plan_messages(&limits, options, params);

	if (wrong || options->flags & AGORA_FIXED)
		return wrong;
	return plan_blocks(
		options, params, plan_inline(options, params, INLINE_DEFAULT));
}

static unsigned lane_bits(const struct params_shm *params)
{
	return params->flags & AGORA_RELAXED ? num_log2_up(LANES) : 0;
}

/* Cells of a lane: all lanes have as many as there are blocks of pool 0. */
static uint64_t count_cells(const struct params_shm *params)
{
	return (plan_count(params) >> lane_bits(params)) + 1;
}

static uint64_t lane_size(uint64_t cells)
{
	return num_round_up(cells * sizeof(struct wide_shm), PAGE);
}

static int lay_out(const struct params_shm *params, struct layout *layout)
{
	bool fixed = params->flags & AGORA_FIXED;
	uint32_t header = sizeof(struct item_shm);

	if (!plan_is_sound(&limits, params) || !plan_blocks_are_sound(params))
		return -EINVAL;
	layout->array_size = lane_size(count_cells(params))
			     << lane_bits(params);
	layout->array = layout_add(layout, layout->array_size,
		layout->array_size >= HUGE_PAGE ? HUGE_PAGE : PAGE);
	plan_pools(layout, params,
		plan_payload(fixed ? params->message_size : params->inline_size,
			header),
		header);
	return 0;
}

static void open_lanes(struct agora_heap *h)
{
	struct segment *segment = &h->object.segment;
	char *array = segment->base + segment->layout.array;

	for (unsigned i = 0; i < h->lanes; i++) {
		char *cells = array + i * lane_size(h->limit);

		h->lane[i].shm = (struct lane_shm *)&segment->roots->root[i];
		h->lane[i].cell = (struct wide_shm *)cells;
	}
}

static int open_handle(void *handle)
{
	struct agora_heap *h = handle;
	struct segment *segment = &h->object.segment;
	const struct params_shm *params = &segment->header.params;

	h->lane_bits = lane_bits(params);
	h->lanes = 1u << h->lane_bits;
	h->capacity = num_divide_up(params->capacity, h->lanes);
	h->limit = count_cells(params);
	h->committed = segment_root(segment, ROOT_CELLS);
	h->returns = segment_root(segment, ROOT_RETURNS);
	h->message_size = params->message_size;
	h->fixed = params->flags & AGORA_FIXED;
	/* Any number but 0. */
	atomic_store_explicit(
		&h->chance, time_real() | 1, memory_order_relaxed);
	open_lanes(h);
	store_open(&h->store, segment);
	heap_committed(h);
	return 0;
}

static void attached(struct segment *segment)
{
	struct agora_heap *h = segment->owner;

	store_attach(&h->store, segment->client);
}

static void close_handle(void *handle)
{
	struct agora_heap *h = handle;
	struct client_set me = {{0}};

	free(atomic_load_explicit(&h->tapped, memory_order_relaxed));
	if (!h->object.segment.client)
		return;
	client_set_add(&me, h->object.segment.client);
	/* What was acquired and not released is delivered again. */
	if (atomic_load_explicit(&h->holding, memory_order_relaxed))
		heap_recover(&h->object.segment, &me);
	store_flush(&h->store);
}

/* ---- for who knows of no priorities: 0 ---- */

static int push_plain(void *handle, const void *data, size_t size)
{
	return heap_push(handle, 0, data, size);
}

static int push_batch_plain(
	void *handle, const struct iovec *messages, size_t count)
{
	struct agora_heap_item items[PUSH_MOST];
	size_t done = 0;
	int result = object_writable(handle);

	while (result >= 0 && done < num_min(count, INT32_MAX)) {
		size_t want = num_min(count - done, PUSH_MOST);

		for (size_t i = 0; i < want; i++)
			items[i] = (struct agora_heap_item){
				.data = messages[done + i].iov_base,
				.size = messages[done + i].iov_len};
		result = heap_push_batch(handle, items, want);
		if (result > 0)
			done += (size_t)result;
		if (result < (int)want)
			break;
	}
	return done ? (int)done : result;
}

/* ---- the row ---- */

const struct kind kind_heap = {
	.row = {.name = "heap",
		.shape = AGORA_SEQUENCE,
		.verbs = AGORA_CAN_PUSH | AGORA_CAN_POP | AGORA_CAN_WALK,
		.traits = AGORA_PRIORITIES,
		.doc = "priority queue, the smallest number first"},
	.segment = {.id = 3,
		.layout = lay_out,
		.attached = attached,
		.recover = heap_recover},
	.handle_size = sizeof(struct agora_heap),
	.plan = plan,
	.open = open_handle,
	.close = close_handle,
	.stat = heap_stat,
	.check = heap_check,
	.claims = heap_claims,
	.ready = heap_ready,
	.push = push_plain,
	.push_priority = heap_push,
	.push_batch = push_batch_plain,
	.pop = heap_pop,
	.pop_batch = heap_pop_batch,
	.peek = heap_peek,
	.tap = heap_tap,
	.end = heap_end,
	.snapshot = heap_snapshot,
	.look = heap_look,
	.acquire = heap_acquire,
	.read = heap_read,
	.release = heap_release,
	.restore = heap_restore,
};

/* ---- the public door ---- */

int agora_heap_open(struct agora_space *space, const char *path, uint32_t flags,
	const struct agora_options *options, struct agora_heap **ret_heap)
{
	void *handle;
	int error = object_open_kind(
		space, path, flags, options, &kind_heap, &handle);

	if (!error)
		*ret_heap = handle;
	return error;
}

void agora_heap_close(struct agora_heap *heap)
{
	if (heap)
		agora_object_close(&heap->object);
}

struct agora_object *agora_heap_object(struct agora_heap *heap)
{
	return &heap->object;
}

int agora_heap_push(struct agora_heap *heap, uint64_t priority,
	const void *data, size_t size)
{
	OBJECT_RUN(heap, heap_push(heap, priority, data, size));
}

int agora_heap_push_wait(struct agora_heap *heap, uint64_t priority,
	const void *data, size_t size, const struct timespec *deadline)
{
	return agora_object_push_priority_wait(
		&heap->object, priority, data, size, deadline);
}

int agora_heap_push_batch(struct agora_heap *heap,
	const struct agora_heap_item *items, size_t count)
{
	OBJECT_RUN(heap, heap_push_batch(heap, items, count));
}

/* The arguments of a push that is tried again and again. */
struct attempt {
	struct agora_heap *heap;
	const struct agora_heap_item *items;
	size_t count;
};

static int try_push_batch(void *argument)
{
	struct attempt *a = argument;

	return heap_push_batch(a->heap, a->items, a->count);
}

int agora_heap_push_batch_wait(struct agora_heap *heap,
	const struct agora_heap_item *items, size_t count,
	const struct timespec *deadline)
{
	struct attempt a = {heap, items, count};

	OBJECT_RUN(heap, event_wait(&heap->object.segment, EVENT_WRITABLE,
				 try_push_batch, &a, deadline));
}

int agora_heap_pop(struct agora_heap *heap, struct agora_buffer *ret_message)
{
	OBJECT_RUN(heap, heap_pop(heap, ret_message));
}

int agora_heap_pop_wait(struct agora_heap *heap,
	const struct timespec *deadline, struct agora_buffer *ret_message)
{
	return agora_object_pop_wait(&heap->object, deadline, ret_message);
}

int agora_heap_pop_batch(struct agora_heap *heap,
	struct agora_buffer *ret_messages, size_t count)
{
	OBJECT_RUN(heap, heap_pop_batch(heap, ret_messages, count));
}

int agora_heap_pop_batch_wait(struct agora_heap *heap,
	const struct timespec *deadline, struct agora_buffer *ret_messages,
	size_t count)
{
	return agora_object_pop_batch_wait(
		&heap->object, deadline, ret_messages, count);
}

int agora_heap_peek(struct agora_heap *heap, struct agora_buffer *ret_message)
{
	OBJECT_RUN(heap, heap_peek(heap, ret_message));
}

int agora_heap_tap(struct agora_heap *heap, uint64_t *cursor,
	struct agora_buffer *ret_message)
{
	OBJECT_RUN(heap, heap_tap(heap, cursor, ret_message));
}

int agora_heap_end(struct agora_heap *heap, uint64_t *ret_cursor)
{
	OBJECT_RUN(heap, heap_end(heap, ret_cursor));
}

int agora_heap_acquire(
	struct agora_heap *heap, struct agora_message *ret_message)
{
	OBJECT_RUN(heap, heap_acquire(heap, ret_message));
}

int agora_heap_acquire_wait(struct agora_heap *heap,
	const struct timespec *deadline, struct agora_message *ret_message)
{
	return agora_object_acquire_wait(&heap->object, deadline, ret_message);
}

int agora_heap_read(struct agora_heap *heap,
	const struct agora_message *message, size_t offset, void *ret_data,
	size_t size)
{
	OBJECT_RUN(heap, heap_read(heap, message, offset, ret_data, size));
}

int agora_heap_release(
	struct agora_heap *heap, const struct agora_message *message)
{
	OBJECT_RUN(heap, heap_release(heap, message));
}

int agora_heap_restore(
	struct agora_heap *heap, const struct agora_message *message)
{
	OBJECT_RUN(heap, heap_restore(heap, message));
}
