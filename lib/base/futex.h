/* futex.h - sleep until a word of shared memory changes. */
#ifndef LIB_BASE_FUTEX_H
#define LIB_BASE_FUTEX_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* The most words that futex_wait_any() takes. */
#define FUTEX_MANY 128

/*
 * Sleep while *word == value, until the deadline (CLOCK_MONOTONIC, NULL for
 * ever). Returns 0 (woken, or the value differs), -ETIMEDOUT, -EINTR.
 */
int futex_wait(const _Atomic uint32_t *word, uint32_t value,
	const struct timespec *deadline);

/* Sleep while all words have their values. Returns as futex_wait(). */
int futex_wait_any(const _Atomic uint32_t *const *words, const uint32_t *values,
	size_t count, const struct timespec *deadline);

/* Wake up to count sleepers. Returns how many were woken. */
int futex_wake(const _Atomic uint32_t *word, int count);

/* ---- times of CLOCK_MONOTONIC ---- */

/* The time that lies nanoseconds from now. */
struct timespec time_after(uint64_t nanoseconds);

/* 1 when a is earlier than b; NULL is later than everything. */
int time_before(const struct timespec *a, const struct timespec *b);

/* 1 when the deadline has come. */
int time_passed(const struct timespec *deadline);

/* CLOCK_REALTIME in nanoseconds. */
uint64_t time_real(void);

#endif
