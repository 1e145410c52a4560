/*
 * litmus.h - the frame of the litmus tests.
 *
 * Each test is a protocol of the library cut down to a few accesses by two
 * or three threads. A checker of weak memory models explores every execution
 * of it; a plain compiler runs it many times. The assertions must hold in
 * each, and with an ordering taken away by -DWEAKEN_NAME, the checker must
 * find an execution in which one fails.
 *
 * Who reads what may be overwritten, and validates afterwards, copies with
 * relaxed loads (lib/base/copy.h). Bytes that are owned are not atomic: the
 * checker then also reports races on them.
 */
#ifndef TESTS_LITMUS_H
#define TESTS_LITMUS_H

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#ifndef ROUNDS
#define ROUNDS 1
#endif

/* Which of the scripts of a test. */
#ifndef CASE
#define CASE 0
#endif

/* 1 when the macro is defined as 1, or else 0. */
#define SECOND(one, two, ...) two
#define IS_SECOND(...)        SECOND(__VA_ARGS__, 0, 0)
#define IS_1_1                0, 1
#define IS_SET_(value)        IS_SECOND(IS_1_##value)
#define IS_SET(value)         IS_SET_(value)

/* An ordering that -DWEAKEN_name takes away. */
#define UNLESS(name, order) \
	(IS_SET(WEAKEN_##name) ? memory_order_relaxed : (order))

typedef _Atomic uint64_t word;

static inline uint64_t look(word *at)
{
	return atomic_load_explicit(at, memory_order_relaxed);
}

static inline void set(word *at, uint64_t value)
{
	atomic_store_explicit(at, value, memory_order_relaxed);
}

/* A compare-and-swap; order: of its success. */
#define SWAP(at, old, new, order)                \
	atomic_compare_exchange_strong_explicit( \
		at, &(uint64_t){old}, new, order, memory_order_relaxed)

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

typedef void *thread(void *);

static unsigned starting;
static word started;

/* Run natively, all threads begin at one time, or they would hardly meet. */
static inline void *start(void *function)
{
	if (ROUNDS > 1) {
		atomic_fetch_add_explicit(&started, 1, memory_order_relaxed);
		while (look(&started) < starting)
			sched_yield();
	}
	return (*(thread *const *)function)(NULL);
}

static inline void run(thread *const threads[], unsigned count)
{
	pthread_t id[4];

	starting = count;
	set(&started, 0);
	for (unsigned i = 0; i < count; i++)
		if (pthread_create(&id[i], NULL, start, (void *)&threads[i]))
			__builtin_trap();
	for (unsigned i = 0; i < count; i++)
		pthread_join(id[i], NULL);
}

/* reset() comes before and check() after the threads. */
#define LITMUS(reset, check, ...)                               \
	int main(void)                                          \
	{                                                       \
		static thread *const threads[] = {__VA_ARGS__}; \
                                                                \
		for (int round = 0; round < ROUNDS; round++) {  \
			reset();                                \
			run(threads, COUNT(threads));           \
			check();                                \
		}                                               \
		return 0;                                       \
	}

#endif
