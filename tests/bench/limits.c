/*
 * limits.c - what the machine itself costs: the floors that goals name.
 */
#include "harness.h"

#include <string.h>

#define ROUNDS 1024

/* A pair of push and pop of many by many takes two locked instructions. */
static void two_locked(struct bench_worker *w)
{
	uint64_t *words = w->object;
	double *samples = (double *)(void *)w->samples;
	uint64_t end;

	bench_ready(w);
	end = bench_now() + (uint64_t)(w->seconds * 1e9);
	while (w->count < BENCH_SAMPLES / 2 && bench_now() < end) {
		uint64_t start = bench_ticks();

		for (unsigned i = 0; i < ROUNDS; i++) {
			uint64_t a = words[0], b = words[64];

			__atomic_compare_exchange_n(&words[0], &a, a + 1, false,
				__ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
			__atomic_compare_exchange_n(&words[64], &b, b + 1,
				false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
		}
		samples[w->count++] = (double)(bench_ticks() - start) / ROUNDS;
	}
}

static void run_two_locked(const struct bench_case *bench, double seconds)
{
	struct bench_worker *w = bench_workers(1);

	(void)bench;
	w->work = two_locked;
	w->object = bench_shared(4096);
	w->cpu = 1;
	w->seconds = seconds;
	w->samples = bench_shared(BENCH_SAMPLES * sizeof(uint32_t));
	bench_run(w, 1, false);
	bench_record("pair", "ns",
		bench_median((double *)(void *)w->samples, w->count) *
			bench_ns_of_tick());
}

BENCH_SETUP(limits)
{
	bench_add((struct bench_case){"W4", "floor: two locked instructions",
		"8 B", run_two_locked, NULL, 8});
}
