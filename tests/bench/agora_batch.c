/*
 * agora_batch.c - agora's queue, in batches of 32.
 */
#include "agora_batch.h"

static void *create_any(size_t size, size_t depth)
{
	return agora_ring_create(size, depth, 0);
}

static void *create_fixed(size_t size, size_t depth)
{
	return agora_ring_create(size, depth, AGORA_FIXED);
}

static const struct ring_ops any_batch = {
	.row = "agora queue, 32 at a time",
	.create = create_any,
	.attach = agora_ring_open,
	.push_batch = agora_batch_push,
	.pop_batch = agora_batch_pop,
};
RING(any_batch)

static const struct ring_ops fixed_batch = {
	.row = "agora queue fixed, 32 at a time",
	.create = create_fixed,
	.attach = agora_ring_open,
	.push_batch = agora_batch_push,
	.pop_batch = agora_batch_pop,
};
RING(fixed_batch)
