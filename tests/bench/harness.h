/*
 * harness.h - what every driver of the benchmark shares: cases, processes on
 * their CPUs, a barrier, the clock, records.
 *
 * A driver is one file for one peer. It defines bench_cases; main is here:
 *
 *	driver --list                   a line "WORKLOAD TAB ROW TAB CASE" each
 *	driver WORKLOAD ROW CASE SECONDS
 *
 * measures the hop of a cache line between the two CPUs, runs one repetition
 * of the case, and prints a line of JSON for each figure. It exits with 1,
 * and says why on standard error, when a check failed or a worker hung.
 *
 * C++17 clean. Atomics are GCC's builtins, which both languages have.
 */
#ifndef BENCH_HARNESS_H
#define BENCH_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BENCH_INLINE __attribute__((always_inline)) static inline
#define BENCH_LINE   __attribute__((aligned(128)))

/* ---- cases ---------------------------------------------------------- */

struct bench_case {
	const char *workload; /* "W1" */
	const char *row;      /* "agora queue fixed" */
	const char *name;     /* "8 B" */
	void (*run)(const struct bench_case *bench, double seconds);
	const void *data; /* the driver's own */
	size_t size;
};

/* Add a case; before main, from a constructor. */
void bench_add(struct bench_case bench);

#define BENCH_SETUP(ident) \
	__attribute__((constructor)) static void bench_##ident(void)

/* Print a figure of the case that is running. */
void bench_record(const char *column, const char *unit, double value);

/* Sort, and record the percentiles of samples in ns: "PREFIX p50"... */
void bench_percentiles(const char *prefix, uint32_t *samples, size_t count);

/* The middle of samples. Sorts them. */
double bench_median(double *samples, size_t count);

/* Say why on standard error, and end the process with 1. */
__attribute__((noreturn, format(printf, 1, 2))) void bench_fail(
	const char *format, ...);

/* ---- memory and places ---------------------------------------------- */

/* Zeroed memory that forked processes share, on a boundary of 4096. */
void *bench_shared(size_t size);

/* A directory in /dev/shm that is removed at the end. */
const char *bench_dir(void);

/* ---- time ------------------------------------------------------------ */

/* Nanoseconds of CLOCK_MONOTONIC. */
uint64_t bench_now(void);

/* Ticks of a clock that is cheap to read, and what they are in ns. */
BENCH_INLINE uint64_t bench_ticks(void)
{
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc();
#else
	return bench_now();
#endif
}

double bench_ns_of_tick(void);

BENCH_INLINE void bench_pause(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#else
	__asm__ volatile("yield");
#endif
}

/* ---- workers --------------------------------------------------------- */

/* One process, or thread. In memory that all of them share. */
struct bench_worker {
	void (*work)(struct bench_worker *worker);
	const void *context; /* the peer's operations, say */
	void *object;        /* what they work on */
	void *second;        /* another one */
	size_t size;
	unsigned index; /* of this worker among those of its role */
	unsigned cpu;   /* 0 or 1: the first two this process may use */
	bool endless;   /* is ended when the others have finished */
	bool crowded;   /* more workers than CPUs: yield after a short spin */
	double seconds; /* how long to measure */
	double value;   /* what came out */
	uint32_t *samples; /* shared, room for BENCH_SAMPLES */
	size_t count;
	pid_t pid;
	unsigned long thread;
} BENCH_LINE;

#define BENCH_SAMPLES (1u << 20)

/* Zeroed workers. */
struct bench_worker *bench_workers(unsigned count);

/*
 * Start the workers, as processes or threads, each on its CPU, and wait for
 * those that are not endless. Ends the process when one fails or hangs.
 */
void bench_run(struct bench_worker *workers, unsigned count, bool threads);

/* In a worker: be ready, and wait until all are. */
void bench_ready(struct bench_worker *worker);

/* In a worker: tell endless ones to come to an end. */
void bench_stop(void);

extern bool *bench_stop_flag;

BENCH_INLINE bool bench_stopped(void)
{
	return __atomic_load_n(bench_stop_flag, __ATOMIC_RELAXED);
}

/* Bind the calling thread to the first or second CPU. */
void bench_pin(unsigned cpu);

void bench_yield(void);

/* Between attempts. *tries counts them since the last success. */
BENCH_INLINE void bench_relax(const struct bench_worker *w, unsigned *tries)
{
	bench_pause();
	if (w->crowded && ++*tries >= 32) {
		*tries = 0;
		bench_yield();
	}
}

#ifdef __cplusplus
}
#endif

#endif
