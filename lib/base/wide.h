/*
 * wide.h - two words that are changed together.
 *
 * For what does not fit 64 bits: a value beside its version and more. It is
 * changed by a compare-and-swap of 16 bytes and read as two words: LOCK
 * CMPXCHG16B on x86-64; CASPAL or LDAXP/STLXP on aarch64, as libgcc finds out.
 * Nothing of libatomic is called, whose loads write, and die on a read-only
 * mapping.
 *
 * Reading. Word 1 must hold a version that every change makes another one.
 * Then word 1, word 0, word 1 again, the same: word 0 stood beside it. A
 * reader needs no more than a read-only mapping.
 *
 * Orderings
 *  [W] The swap is a full barrier (of __sync). It releases what was written
 *  before, to loads of word 1 with acquire; so word 0 is read after word 1,
 *  and a fence stands before word 1 is read again: with less, aarch64 may let
 *  word 0 be of a later pair than both looks at word 1.
 */
#ifndef LIB_BASE_WIDE_H
#define LIB_BASE_WIDE_H

#include "base/num.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct wide_shm {
	_Alignas(16) _Atomic uint64_t word[2];
};

/* The same in this process. */
struct wide {
	uint64_t word[2];
};

__extension__ typedef unsigned __int128 wide_bits;

static inline wide_bits wide_pack(struct wide value)
{
	return (wide_bits)value.word[1] << 64 | value.word[0];
}

/* Change both words if they are still old. */
static inline bool wide_swap(
	struct wide_shm *wide, struct wide old, struct wide value)
{
	/* [W] */
	return __sync_bool_compare_and_swap(
		(wide_bits *)wide, wide_pack(old), wide_pack(value));
}

/* Look once. Returns false when it changed meanwhile. */
static inline bool wide_load(
	const struct wide_shm *wide, struct wide *ret_value)
{
	struct wide value;

	/* [W] */
	value.word[1] =
		atomic_load_explicit(&wide->word[1], memory_order_acquire);
	value.word[0] =
		atomic_load_explicit(&wide->word[0], memory_order_relaxed);
	/* [W] */
	atomic_thread_fence(memory_order_acquire);
	*ret_value = value;
	return likely(atomic_load_explicit(&wide->word[1],
			      memory_order_relaxed) == value.word[1]);
}

#endif
