/*
 * mutex_heap.c - a heap with eight children to a node in shared memory, under
 * a robust mutex: what one would write by hand. A death within it leaves the
 * heap as it was at that moment.
 */
#include "ranked.h"

#include <errno.h>
#include <pthread.h>

#define ARITY 8

struct entry {
	uint64_t priority, message;
};

struct heap {
	pthread_mutex_t mutex BENCH_LINE;
	size_t count BENCH_LINE;
	/* The first cell is left free, so that children fill whole lines. */
	struct entry entry[] BENCH_LINE;
};

static void *create(size_t size)
{
	struct heap *heap = bench_shared(
		sizeof(*heap) + (size + 4096) * sizeof(struct entry));
	pthread_mutexattr_t shared;

	pthread_mutexattr_init(&shared);
	pthread_mutexattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&shared, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&heap->mutex, &shared);
	return heap;
}

/* Children of i are 8 i + 1 to 8 i + 8; they stand seven cells on. */
BENCH_INLINE struct entry *at(struct heap *heap, size_t i)
{
	return &heap->entry[i + ARITY - 1];
}

BENCH_INLINE void lock(struct heap *heap)
{
	if (pthread_mutex_lock(&heap->mutex))
		bench_fail("mutex");
}

BENCH_INLINE void push(void *queue, const uint64_t *priority,
	const uint64_t *message, unsigned count)
{
	struct heap *heap = queue;
	size_t i;

	(void)count;
	lock(heap);
	for (i = heap->count++;
		i && at(heap, (i - 1) / ARITY)->priority > *priority;
		i = (i - 1) / ARITY)
		*at(heap, i) = *at(heap, (i - 1) / ARITY);
	*at(heap, i) = (struct entry){*priority, *message};
	pthread_mutex_unlock(&heap->mutex);
}

BENCH_INLINE size_t least(struct heap *heap, size_t first)
{
	size_t best = first;
	size_t end = first + ARITY < heap->count ? first + ARITY : heap->count;

	for (size_t k = first + 1; k < end; k++)
		if (at(heap, k)->priority < at(heap, best)->priority)
			best = k;
	return best;
}

BENCH_INLINE void pop(void *queue, uint64_t *ret_priority,
	uint64_t *ret_message, unsigned count)
{
	struct heap *heap = queue;
	struct entry last;
	size_t i = 0, child;

	(void)count;
	lock(heap);
	if (!heap->count)
		bench_fail("pop found nothing");
	*ret_priority = at(heap, 0)->priority;
	*ret_message = at(heap, 0)->message;
	last = *at(heap, --heap->count);
	while ((child = ARITY * i + 1) < heap->count) {
		child = least(heap, child);
		if (at(heap, child)->priority >= last.priority)
			break;
		*at(heap, i) = *at(heap, child);
		i = child;
	}
	*at(heap, i) = last;
	pthread_mutex_unlock(&heap->mutex);
}

static const struct ranked_ops heap = {.row = "heap under a robust mutex",
	.create = create,
	.push = push,
	.pop = pop};
RANKED(heap)
