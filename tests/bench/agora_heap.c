/*
 * agora_heap.c - heaps of messages of one size: strict, in batches, relaxed.
 */
#include "agora_ring.h"
#include "ranked.h"

#include <agora/heap.h>

#define PATH "bench/x.heap"

BENCH_INLINE void must(int result)
{
	if (result < 0)
		bench_fail("%s", agora_strerror(result));
}

static void *open_heap(size_t capacity, uint32_t flags)
{
	struct agora_options options = {.capacity = capacity,
		.message_size = 8,
		.flags = AGORA_FIXED | flags};
	struct agora_heap *heap;

	must(agora_heap_open(agora_bench_space(), PATH,
		AGORA_WRITE | (capacity ? AGORA_CREATE : 0), &options, &heap));
	return heap;
}

/* Room for those that the parts of a relaxed heap have more than others. */
static void *create_strict(size_t size)
{
	return open_heap(size + size / 2 + 4096, 0);
}

static void *create_relaxed(size_t size)
{
	return open_heap(size + size / 2 + 4096, AGORA_RELAXED);
}

static void *attach(void *heap)
{
	(void)heap;
	return open_heap(0, 0);
}

BENCH_INLINE void push(void *heap, const uint64_t *priority,
	const uint64_t *message, unsigned count)
{
	(void)count;
	must(agora_heap_push(heap, *priority, message, 8));
}

BENCH_INLINE void pop(void *heap, uint64_t *ret_priority, uint64_t *ret_message,
	unsigned count)
{
	struct agora_buffer b = {.data = ret_message, .capacity = 8};

	(void)count;
	must(agora_heap_pop(heap, &b));
	*ret_priority = b.priority;
}

BENCH_INLINE void push_batch(void *heap, const uint64_t *priority,
	const uint64_t *message, unsigned count)
{
	struct agora_heap_item items[RANKED_BATCH];

	for (unsigned i = 0; i < count; i++)
		items[i] =
			(struct agora_heap_item){priority[i], &message[i], 8};
	if (agora_heap_push_batch(heap, items, count) != (int)count)
		bench_fail("push_batch");
}

BENCH_INLINE void pop_batch(void *heap, uint64_t *ret_priority,
	uint64_t *ret_message, unsigned count)
{
	struct agora_buffer b[RANKED_BATCH];

	for (unsigned i = 0; i < count; i++)
		b[i] = (struct agora_buffer){
			.data = &ret_message[i], .capacity = 8};
	if (agora_heap_pop_batch(heap, b, count) != (int)count)
		bench_fail("pop_batch");
	for (unsigned i = 0; i < count; i++)
		ret_priority[i] = b[i].priority;
}

static const struct ranked_ops strict = {.row = "agora heap",
	.create = create_strict,
	.attach = attach,
	.push = push,
	.pop = pop};
RANKED(strict)

static const struct ranked_ops batch = {.row = "agora heap, 16 at a time",
	.batch = 16,
	.create = create_strict,
	.attach = attach,
	.push = push_batch,
	.pop = pop_batch};
RANKED(batch)

static const struct ranked_ops relaxed = {.row = "agora heap, relaxed",
	.create = create_relaxed,
	.attach = attach,
	.push = push,
	.pop = pop};
RANKED(relaxed)
