/*
 * agora_ring.h - agora's queues as rings: making, opening, batches.
 */
#ifndef BENCH_AGORA_RING_H
#define BENCH_AGORA_RING_H

#include "ring.h"

#include <errno.h>

#include <agora/agora.h>

/* The bench's space, with a program "bench" in it. */
struct agora_space *agora_bench_space(void);

/* Make a queue for messages of a size; its path, for agora_ring_open(). */
void *agora_ring_create(size_t size, size_t depth, uint32_t flags);

/* Blocks that are nobody's when the queue is empty. */
unsigned agora_ring_leaked(void *queue);

/* Open it in a worker. */
void *agora_ring_open(void *path, size_t size);

BENCH_INLINE bool agora_ring_done(int result)
{
	/* -EBUSY: a role of somebody who died is not given back yet. */
	if (result < 0 && result != -EAGAIN && result != -EBUSY)
		bench_fail("%s", agora_strerror(result));
	return result >= 0;
}

BENCH_INLINE bool agora_ring_push(void *q, const void *message, size_t size)
{
	return agora_ring_done(
		agora_queue_push((struct agora_queue *)q, message, size));
}

BENCH_INLINE bool agora_ring_pop(void *q, void *message, size_t size)
{
	struct agora_buffer buffer = {.data = message, .capacity = size};

	return agora_ring_done(
		agora_queue_pop((struct agora_queue *)q, &buffer));
}

BENCH_INLINE bool agora_ring_push_wait(
	void *q, const void *message, size_t size)
{
	return agora_ring_done(agora_queue_push_wait(
		(struct agora_queue *)q, message, size, NULL));
}

BENCH_INLINE bool agora_ring_pop_wait(void *q, void *message, size_t size)
{
	struct agora_buffer buffer = {.data = message, .capacity = size};

	return agora_ring_done(
		agora_queue_pop_wait((struct agora_queue *)q, NULL, &buffer));
}

#endif
