/*
 * agora_queue.c - agora's queue: messages of any size, and of one size.
 */
#include "agora_ring.h"

static void *create_any(size_t size, size_t depth)
{
	return agora_ring_create(size, depth, 0);
}

static void *create_fixed(size_t size, size_t depth)
{
	return agora_ring_create(size, depth, AGORA_FIXED);
}

static const struct ring_ops any = {
	.row = "agora queue",
	.killed = true,
	.leaked = agora_ring_leaked,
	.create = create_any,
	.attach = agora_ring_open,
	.push = agora_ring_push,
	.pop = agora_ring_pop,
	.push_wait = agora_ring_push_wait,
	.pop_wait = agora_ring_pop_wait,
};
RING(any)

static const struct ring_ops fixed = {
	.row = "agora queue fixed",
	.killed = true,
	.leaked = agora_ring_leaked,
	.create = create_fixed,
	.attach = agora_ring_open,
	.push = agora_ring_push,
	.pop = agora_ring_pop,
	.push_wait = agora_ring_push_wait,
	.pop_wait = agora_ring_pop_wait,
};
RING(fixed)
