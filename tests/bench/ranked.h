/*
 * ranked.h - the workload of priority queues, W5.
 *
 * The hold model (Jones 1986): a queue of a size that stays; a worker pops the
 * first message and pushes it again, its priority larger by a random number.
 * With one worker, the time of such a pair; with two on two CPUs, operations
 * (pushes and pops) of both. Messages have 8 bytes, which must be what
 * belongs to the priority.
 *
 * A peer describes itself by a constant struct ranked_ops and RANKED, which
 * instantiates the loops for it, with its operations inlined.
 */
#ifndef BENCH_RANKED_H
#define BENCH_RANKED_H

#include "harness.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ranked_ops {
	const char *row;
	bool threads;   /* its memory cannot be shared by processes */
	unsigned batch; /* messages at a time; 0: one */
	void *(*create)(size_t size);
	/* What a worker works on; NULL: what create returned. */
	void *(*attach)(void *queue);
	/* Of batch messages. Never full, and pop never finds nothing. */
	void (*push)(void *queue, const uint64_t *priority,
		const uint64_t *message, unsigned count);
	void (*pop)(void *queue, uint64_t *ret_priority, uint64_t *ret_message,
		unsigned count);
};

#define RANKED_BATCH 32

/* Numbers by chance, other ones for each worker. */
BENCH_INLINE uint64_t ranked_chance(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* What a message says of its priority. */
BENCH_INLINE uint64_t ranked_mark(uint64_t priority)
{
	return priority * 0x9e3779b97f4a7c15u;
}

BENCH_INLINE void ranked_hold(
	const struct ranked_ops *ops, void *queue, uint64_t *state)
{
	uint64_t priority[RANKED_BATCH], message[RANKED_BATCH];
	unsigned count = ops->batch ? ops->batch : 1;

	ops->pop(queue, priority, message, count);
	for (unsigned i = 0; i < count; i++) {
		if (message[i] != ranked_mark(priority[i]))
			bench_fail("a message of another priority");
		priority[i] += ranked_chance(state) >> 34;
		message[i] = ranked_mark(priority[i]);
	}
	ops->push(queue, priority, message, count);
}

BENCH_INLINE void ranked_loop(
	const struct ranked_ops *ops, struct bench_worker *w)
{
	void *queue = ops->attach ? ops->attach(w->object) : w->object;
	uint64_t state = 88172645463325252u * (w->index + 3) | 1;
	uint64_t start, now, end, count = 0;
	unsigned batch = ops->batch ? ops->batch : 1;

	bench_ready(w);
	now = start = bench_now();
	end = start + (uint64_t)(w->seconds * 1e9);
	for (; now < end; now = bench_now())
		for (unsigned k = 0; k < 256; k += batch, count += batch)
			ranked_hold(ops, queue, &state);
	/* Pairs per microsecond. */
	w->value = (double)count * 1e3 / (double)(bench_now() - start);
}

BENCH_INLINE void ranked_fill(
	const struct ranked_ops *ops, struct bench_worker *w)
{
	void *queue = ops->attach ? ops->attach(w->object) : w->object;
	uint64_t state = 88172645463325252u;
	uint64_t priority[RANKED_BATCH], message[RANKED_BATCH];
	unsigned batch = ops->batch ? ops->batch : 1;

	bench_ready(w);
	for (size_t n = 0; n < w->size; n += batch) {
		for (unsigned i = 0; i < batch; i++) {
			priority[i] = ranked_chance(&state) >> 34;
			message[i] = ranked_mark(priority[i]);
		}
		ops->push(queue, priority, message, batch);
	}
}

struct ranked_peer {
	const struct ranked_ops *ops;
	void (*fill)(struct bench_worker *worker);
	void (*loop)(struct bench_worker *worker);
};

void ranked_add(const struct ranked_peer *peer);

/* Define the loops of the operations ident, and add the peer's cases. */
#define RANKED(ident)                                        \
	static void ident##_fill(struct bench_worker *w)     \
	{                                                    \
		ranked_fill(&ident, w);                      \
	}                                                    \
	static void ident##_loop(struct bench_worker *w)     \
	{                                                    \
		ranked_loop(&ident, w);                      \
	}                                                    \
	BENCH_SETUP(ident)                                   \
	{                                                    \
		static const struct ranked_peer peer = {     \
			&ident, ident##_fill, ident##_loop}; \
		ranked_add(&peer);                           \
	}

#ifdef __cplusplus
}
#endif

#endif
