/* num.h - numbers: rounding, powers of two, arithmetic that cannot wrap. */
#ifndef LIB_BASE_NUM_H
#define LIB_BASE_NUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define CACHE_LINE  64
#define PAGE        4096

/* An end to loops over hostile memory. The fuzzer comes to it sooner. */
#ifndef BUDGET
#define BUDGET(steps) (steps)
#endif

/* Round up to a multiple of step, a power of two. */
static inline uint64_t num_round_up(uint64_t value, uint64_t step)
{
	return (value + step - 1) & ~(step - 1);
}

static inline uint64_t num_divide_up(uint64_t value, uint64_t by)
{
	return value / by + (value % by != 0);
}

static inline bool num_is_power_of_two(uint64_t value)
{
	return value && !(value & (value - 1));
}

/* The exponent of the smallest power of two that is not below value >= 1. */
static inline unsigned num_log2_up(uint64_t value)
{
	return value <= 1 ? 0 : 64 - (unsigned)__builtin_clzll(value - 1);
}

static inline uint64_t num_min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t num_max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Multiply, stopping at UINT64_MAX. */
static inline uint64_t num_multiply(uint64_t a, uint64_t b)
{
	uint64_t product;

	return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

#endif
