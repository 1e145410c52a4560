/*
 * ring.h - workloads of anything that messages go through: W1 to W4.
 *
 * A peer describes itself by a constant struct ring_ops and the macro RING,
 * which instantiates the loops below for it: the operations are inlined into
 * them, as they would be in a program that uses the peer.
 *
 * A message carries a sequence number in its first 8 bytes: the producer in
 * the upper 8 bits, its count below. It is checked on arrival. The payload is
 * copied in and out, by the peer's own means where it has them.
 */
#ifndef BENCH_RING_H
#define BENCH_RING_H

#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RING_BATCH 32

struct ring_ops {
	const char *row;
	bool threads;   /* its memory cannot be shared by processes */
	bool spsc;      /* one producer and one consumer at most */
	bool unordered; /* not FIFO when a process is preempted */
	bool blocks;    /* W1 uses the blocking calls */
	bool killed;    /* W9 */
	size_t largest; /* message; 0: any */
	/* Make one, before the workers are started. */
	void *(*create)(size_t size, size_t depth);
	/* What a worker works on; NULL: what create returned. */
	void *(*attach)(void *ring, size_t size);
	/* Blocks that are nobody's, when it is empty and at rest; or NULL. */
	unsigned (*leaked)(void *ring);
	/* One message: true when done, false when full or empty. */
	bool (*push)(void *ring, const void *message, size_t size);
	bool (*pop)(void *ring, void *message, size_t size);
	/* The same, asleep until it is done; or NULL. */
	bool (*push_wait)(void *ring, const void *message, size_t size);
	bool (*pop_wait)(void *ring, void *message, size_t size);
	/*
	 * Up to count messages of a row of RING_BATCH in memory, which end
	 * with it. Return how many. When these are set the others may be NULL.
	 */
	size_t (*push_batch)(
		void *ring, void *messages, size_t size, size_t count);
	size_t (*pop_batch)(
		void *ring, void *messages, size_t size, size_t count);
};

#define RING_PRODUCER_BITS 56

BENCH_INLINE size_t ring_depth(size_t size)
{
	return size > 4096 ? 64 : 1024;
}

BENCH_INLINE void *ring_attach(
	const struct ring_ops *ops, void *object, size_t size)
{
	return ops->attach ? ops->attach(object, size) : object;
}

/* Room for a row of messages, touched. */
BENCH_INLINE char *ring_memory(size_t size)
{
	char *memory = (char *)aligned_alloc(4096, size * RING_BATCH + 4096);

	if (!memory)
		bench_fail("no memory");
	memset(memory, 'm', size * RING_BATCH);
	return memory;
}

BENCH_INLINE void ring_number(char *message, uint64_t number)
{
	memcpy(message, &number, sizeof(number));
}

BENCH_INLINE uint64_t ring_numbered(const char *message)
{
	uint64_t number;

	memcpy(&number, message, sizeof(number));
	return number;
}

/* ---- throughput: W1, W3 ---------------------------------------------- */

/* Push one message or a row of them; how many. */
BENCH_INLINE size_t ring_push_some(const struct ring_ops *ops, void *ring,
	char *memory, size_t size, size_t done)
{
	if (ops->push_batch)
		return ops->push_batch(
			ring, memory + done * size, size, RING_BATCH - done);
	if (ops->blocks)
		return ops->push_wait(ring, memory, size);
	return ops->push(ring, memory, size);
}

BENCH_INLINE size_t ring_pop_some(
	const struct ring_ops *ops, void *ring, char *memory, size_t size)
{
	if (ops->pop_batch)
		return ops->pop_batch(ring, memory, size, RING_BATCH);
	if (ops->blocks)
		return ops->pop_wait(ring, memory, size);
	return ops->pop(ring, memory, size);
}

BENCH_INLINE void ring_produce(
	const struct ring_ops *ops, struct bench_worker *w, size_t size)
{
	const size_t row = ops->push_batch ? RING_BATCH : 1;
	uint64_t number = (uint64_t)w->index << RING_PRODUCER_BITS;
	void *ring = ring_attach(ops, w->object, size);
	char *memory = ring_memory(size);
	unsigned tries = 0;

	bench_ready(w);
	while (!bench_stopped()) {
		for (size_t i = 0; i < row; i++)
			ring_number(memory + i * size, ++number);
		for (size_t done = 0; done < row;) {
			size_t more =
				ring_push_some(ops, ring, memory, size, done);

			done += more;
			if (more) {
				tries = 0;
				continue;
			}
			if (bench_stopped())
				return;
			bench_relax(w, &tries);
		}
	}
}

/* Messages of one producer come in their order, and none is missing when
 * there is one consumer. */
BENCH_INLINE void ring_check(const struct ring_ops *ops,
	const struct bench_worker *w, uint64_t *last, uint64_t number)
{
	unsigned producer = (unsigned)(number >> RING_PRODUCER_BITS);
	uint64_t before = producer < 2 ? last[producer] : UINT64_MAX;

	if (w->crowded ? number <= before && !ops->unordered
		       : number != before + 1)
		bench_fail("message %#lx after %#lx", (unsigned long)number,
			(unsigned long)before);
	last[producer] = number;
}

/* The first fifth of the time is to warm up. */
BENCH_INLINE void ring_consume(
	const struct ring_ops *ops, struct bench_worker *w, size_t size)
{
	uint64_t last[2] = {0, UINT64_C(1) << RING_PRODUCER_BITS};
	void *ring = ring_attach(ops, w->object, size);
	char *memory = ring_memory(size);
	uint64_t count = 0, checked = 0, start, end;
	unsigned tries = 0, idle = 0;
	bool warm = false;

	bench_ready(w);
	start = bench_now();
	end = start + (uint64_t)(w->seconds * .2e9);
	for (;;) {
		size_t more = ring_pop_some(ops, ring, memory, size);

		for (size_t i = 0; i < more; i++)
			ring_check(
				ops, w, last, ring_numbered(memory + i * size));
		count += more;
		if (more)
			tries = 0;
		else
			bench_relax(w, &tries);
		idle = more ? 0 : idle + 1;
		if (count - checked < 128 && (!idle || idle & 255))
			continue;
		checked = count;
		if (bench_now() < end)
			continue;
		if (warm)
			break;
		warm = true;
		count = checked = 0;
		start = bench_now();
		end = start + (uint64_t)(w->seconds * 1e9);
	}
	w->value = (double)count * 1e3 / (double)(bench_now() - start);
}

/* ---- round trips: W2 -------------------------------------------------- */

enum ring_manner { RING_SPIN, RING_WAIT, RING_ASLEEP };

BENCH_INLINE void ring_send(const struct ring_ops *ops, enum ring_manner how,
	void *ring, char *message, size_t size)
{
	if (how != RING_SPIN)
		ops->push_wait(ring, message, size);
	else
		while (!ops->push(ring, message, size))
			bench_pause();
}

BENCH_INLINE void ring_receive(const struct ring_ops *ops, enum ring_manner how,
	void *ring, char *message, size_t size)
{
	if (how != RING_SPIN)
		ops->pop_wait(ring, message, size);
	else
		while (!ops->pop(ring, message, size))
			;
}

BENCH_INLINE void ring_echo(const struct ring_ops *ops, struct bench_worker *w,
	enum ring_manner how, size_t size)
{
	void *in = ring_attach(ops, w->object, size);
	void *out = ring_attach(ops, w->second, size);
	char *message = ring_memory(size);

	bench_ready(w);
	do {
		ring_receive(ops, how, in, message, size);
		ring_send(ops, how, out, message, size);
	} while (ring_numbered(message));
}

/* Let the other side fall asleep: longer than anybody spins. */
void ring_rest(void);

BENCH_INLINE void ring_ask(const struct ring_ops *ops, struct bench_worker *w,
	enum ring_manner how, size_t size)
{
	void *out = ring_attach(ops, w->object, size);
	void *in = ring_attach(ops, w->second, size);
	char *message = ring_memory(size);
	double ns = bench_ns_of_tick();
	uint64_t end, number = 0;

	bench_ready(w);
	end = bench_now() + (uint64_t)(w->seconds * 1e9);
	while (w->count < BENCH_SAMPLES && bench_now() < end) {
		uint64_t start;

		if (how == RING_ASLEEP)
			ring_rest();
		start = bench_ticks();
		ring_number(message, ++number);
		ring_send(ops, how, out, message, size);
		ring_receive(ops, how, in, message, size);
		w->samples[w->count++] =
			(uint32_t)((double)(bench_ticks() - start) * ns);
		if (ring_numbered(message) != number)
			bench_fail("a wrong answer");
	}
	ring_number(message, 0);
	ring_send(ops, how, out, message, size);
}

/* ---- push and pop by one: W4 ------------------------------------------ */

#define RING_PAIRS 1024

BENCH_INLINE void ring_pairs(const struct ring_ops *ops, void *ring,
	char *memory, size_t size, uint64_t *number)
{
	const size_t row = ops->push_batch ? RING_BATCH : 1;

	for (unsigned i = 0; i < RING_PAIRS / row; i++) {
		size_t done = 0, taken = 0, more = 1;

		for (size_t k = 0; k < row; k++)
			ring_number(memory + k * size, ++*number);
		while (done < row && more)
			done += more =
				ring_push_some(ops, ring, memory, size, done);
		while (taken < row && more)
			taken += more = ring_pop_some(ops, ring, memory, size);
		if (taken < row)
			bench_fail("full or empty");
		if (ring_numbered(memory + (more - 1) * size) != *number)
			bench_fail("a wrong message");
	}
}

BENCH_INLINE void ring_alone(
	const struct ring_ops *ops, struct bench_worker *w, size_t size)
{
	void *ring = ring_attach(ops, w->object, size);
	char *memory = ring_memory(size);
	double *samples = (double *)(void *)w->samples;
	uint64_t end, number = 0;

	bench_ready(w);
	end = bench_now() + (uint64_t)(w->seconds * 1e9);
	while (w->count < BENCH_SAMPLES / 2 && bench_now() < end) {
		uint64_t start = bench_ticks();

		ring_pairs(ops, ring, memory, size, &number);
		samples[w->count++] =
			(double)(bench_ticks() - start) / RING_PAIRS;
	}
}

/* ---- instances -------------------------------------------------------- */

/* The loops of one peer. */
struct ring_peer {
	const struct ring_ops *ops;
	void (*produce)(struct bench_worker *worker);
	void (*consume)(struct bench_worker *worker);
	void (*echo[3])(struct bench_worker *worker);
	void (*ask[3])(struct bench_worker *worker);
	void (*alone)(struct bench_worker *worker);
};

/* kill.c: one repetition of W9. */
void ring_kill(const struct bench_case *bench, double seconds);

/* Add the cases of a peer. */
void ring_add(const struct ring_peer *peer);

/* Define the loops of the operations ident, and add the peer's cases. */
#define RING(ident)                                                            \
	static void ident##_produce(struct bench_worker *w)                    \
	{                                                                      \
		RING_WITH_SIZE(ring_produce, &ident, w)                        \
	}                                                                      \
	static void ident##_consume(struct bench_worker *w){                   \
		RING_WITH_SIZE(ring_consume, &ident, w)} RING_TRIP(ident,      \
		echo, spin, RING_SPIN) RING_TRIP(ident, ask, spin,             \
		RING_SPIN) RING_TRIP(ident, echo, wait,                        \
		RING_WAIT) RING_TRIP(ident, ask, wait,                         \
		RING_WAIT) RING_TRIP(ident, ask, asleep,                       \
		RING_ASLEEP) static void ident##_alone(struct bench_worker *w) \
	{                                                                      \
		ring_alone(&ident, w, 8);                                      \
	}                                                                      \
	BENCH_SETUP(ident)                                                     \
	{                                                                      \
		static const struct ring_peer peer = {&ident, ident##_produce, \
			ident##_consume,                                       \
			{ident##_echo_spin, ident##_echo_wait,                 \
				ident##_echo_wait},                            \
			{ident##_ask_spin, ident##_ask_wait,                   \
				ident##_ask_asleep},                           \
			ident##_alone};                                        \
		ring_add(&peer);                                               \
	}

#define RING_TRIP(ident, role, manner, how)                           \
	static void ident##_##role##_##manner(struct bench_worker *w) \
	{                                                             \
		ring_##role(&ident, w, how, 64);                      \
	}

#define RING_WITH_SIZE(role, ops, w) \
	switch ((w)->size) {         \
	case 8:                      \
		role(ops, w, 8);     \
		break;               \
	case 64:                     \
		role(ops, w, 64);    \
		break;               \
	case 1024:                   \
		role(ops, w, 1024);  \
		break;               \
	default:                     \
		role(ops, w, 65536); \
	}

#ifdef __cplusplus
}
#endif

#endif
