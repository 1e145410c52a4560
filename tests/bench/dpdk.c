/*
 * dpdk.c - DPDK's rte_ring, with elements of the message's size, in memory
 * that processes share. Its environment is not needed.
 */
#include "ring.h"

#include <rte_ring.h>
#include <rte_ring_elem.h>

static void *create(size_t size, size_t depth, unsigned int flags)
{
	ssize_t bytes = rte_ring_get_memsize_elem(
		(unsigned int)size, (unsigned int)depth);
	struct rte_ring *ring;

	if (bytes < 0)
		bench_fail("rte_ring: %zd", bytes);
	ring = bench_shared((size_t)bytes);
	if (rte_ring_init(ring, "bench", (unsigned int)depth, flags))
		bench_fail("rte_ring_init");
	return ring;
}

static void *create_spsc(size_t size, size_t depth)
{
	return create(size, depth, RING_F_SP_ENQ | RING_F_SC_DEQ);
}

static void *create_mpmc(size_t size, size_t depth)
{
	return create(size, depth, 0);
}

BENCH_INLINE bool push_spsc(void *ring, const void *message, size_t size)
{
	return !rte_ring_sp_enqueue_elem(
		ring, (void *)(uintptr_t)message, (unsigned int)size);
}

BENCH_INLINE bool pop_spsc(void *ring, void *message, size_t size)
{
	return !rte_ring_sc_dequeue_elem(ring, message, (unsigned int)size);
}

BENCH_INLINE bool push_mpmc(void *ring, const void *message, size_t size)
{
	return !rte_ring_mp_enqueue_elem(
		ring, (void *)(uintptr_t)message, (unsigned int)size);
}

BENCH_INLINE bool pop_mpmc(void *ring, void *message, size_t size)
{
	return !rte_ring_mc_dequeue_elem(ring, message, (unsigned int)size);
}

BENCH_INLINE size_t push_spsc_batch(
	void *ring, void *messages, size_t size, size_t count)
{
	return rte_ring_sp_enqueue_burst_elem(
		ring, messages, (unsigned int)size, (unsigned int)count, NULL);
}

BENCH_INLINE size_t pop_spsc_batch(
	void *ring, void *messages, size_t size, size_t count)
{
	return rte_ring_sc_dequeue_burst_elem(
		ring, messages, (unsigned int)size, (unsigned int)count, NULL);
}

BENCH_INLINE size_t push_mpmc_batch(
	void *ring, void *messages, size_t size, size_t count)
{
	return rte_ring_mp_enqueue_burst_elem(
		ring, messages, (unsigned int)size, (unsigned int)count, NULL);
}

BENCH_INLINE size_t pop_mpmc_batch(
	void *ring, void *messages, size_t size, size_t count)
{
	return rte_ring_mc_dequeue_burst_elem(
		ring, messages, (unsigned int)size, (unsigned int)count, NULL);
}

static const struct ring_ops spsc = {
	.row = "rte_ring SPSC",
	.spsc = true,
	.create = create_spsc,
	.push = push_spsc,
	.pop = pop_spsc,
};
RING(spsc)

static const struct ring_ops mpmc = {
	.row = "rte_ring MPMC",
	.create = create_mpmc,
	.push = push_mpmc,
	.pop = pop_mpmc,
};
RING(mpmc)

static const struct ring_ops spsc_batch = {
	.row = "rte_ring SPSC, 32 at a time",
	.spsc = true,
	.create = create_spsc,
	.push_batch = push_spsc_batch,
	.pop_batch = pop_spsc_batch,
};
RING(spsc_batch)

static const struct ring_ops mpmc_batch = {
	.row = "rte_ring MPMC, 32 at a time",
	.create = create_mpmc,
	.push_batch = push_mpmc_batch,
	.pop_batch = pop_mpmc_batch,
};
RING(mpmc_batch)
