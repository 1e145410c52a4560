/*
 * agora_spsc.c - agora's queue with one producer and one consumer.
 */
#include "agora_batch.h"

static void *create_any(size_t size, size_t depth)
{
	return agora_ring_create(size, depth, AGORA_SPSC);
}

static void *create_fixed(size_t size, size_t depth)
{
	return agora_ring_create(size, depth, AGORA_SPSC | AGORA_FIXED);
}

static const struct ring_ops any_spsc = {
	.row = "agora SPSC",
	.killed = true,
	.leaked = agora_ring_leaked,
	.spsc = true,
	.create = create_any,
	.attach = agora_ring_open,
	.push = agora_ring_push,
	.pop = agora_ring_pop,
	.push_wait = agora_ring_push_wait,
	.pop_wait = agora_ring_pop_wait,
};
RING(any_spsc)

static const struct ring_ops fixed_spsc = {
	.row = "agora SPSC fixed",
	.killed = true,
	.leaked = agora_ring_leaked,
	.spsc = true,
	.create = create_fixed,
	.attach = agora_ring_open,
	.push = agora_ring_push,
	.pop = agora_ring_pop,
	.push_wait = agora_ring_push_wait,
	.pop_wait = agora_ring_pop_wait,
};
RING(fixed_spsc)

static const struct ring_ops fixed_spsc_batch = {
	.row = "agora SPSC fixed, 32 at a time",
	.spsc = true,
	.create = create_fixed,
	.attach = agora_ring_open,
	.push_batch = agora_batch_push,
	.pop_batch = agora_batch_pop,
};
RING(fixed_spsc_batch)

/* Only the number is written and read, where the message lies. */
BENCH_INLINE bool push_in_place(void *q, const void *message, size_t size)
{
	struct agora_reservation reservation;

	if (!agora_ring_done(agora_queue_reserve(
		    (struct agora_queue *)q, size, &reservation)))
		return false;
	memcpy(reservation.data, message, 8);
	return agora_ring_done(
		agora_queue_commit((struct agora_queue *)q, &reservation));
}

BENCH_INLINE bool pop_in_place(void *q, void *message, size_t size)
{
	struct agora_message found;

	if (!agora_ring_done(
		    agora_queue_acquire((struct agora_queue *)q, &found)))
		return false;
	if (found.size != size)
		bench_fail("%zu bytes", found.size);
	memcpy(message, found.data, 8);
	return agora_ring_done(
		agora_queue_release((struct agora_queue *)q, &found));
}

static const struct ring_ops in_place_spsc = {
	.row = "agora SPSC, no copy",
	.spsc = true,
	.create = create_any,
	.attach = agora_ring_open,
	.push = push_in_place,
	.pop = pop_in_place,
};
RING(in_place_spsc)
