/*
 * copy.h - copy bytes to and from memory that others may be writing.
 *
 * A reader that validates copies bytes while their block may already be
 * written for its next purpose; what it got is then thrown away, because the
 * block's state word has changed. C11 has no name for that but atomic bytes
 * (Boehm, "Can seqlocks get along with programming language memory models?",
 * MSPC 2012), which compilers do not vectorize. memcpy does what we need on
 * every compiler and machine we build for: it reads and writes each byte at
 * least once and invents nothing between the fences around it.
 *
 * ThreadSanitizer would rightly complain of such a reader, and of no fence
 * does it know what it orders. What a reader that validates does with the
 * bytes is therefore hidden from it, and nothing else: writers, and readers
 * that own what they read, are ordered by the state words alone, and any
 * ordering of theirs that is too weak is a race of plain accesses.
 */
#ifndef LIB_BASE_COPY_H
#define LIB_BASE_COPY_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Small sizes dominate; a call into libc would be most of their cost. */
static inline void copy_bytes(void *to, const void *from, size_t size)
{
	if (size == 8)
		memcpy(to, from, 8);
	else if (size)
		memcpy(to, from, size);
}

/* The sizes that matter most, without a call; false: not one of them. */
static inline bool copy_small(void *to, const void *from, size_t size)
{
	switch (size) {
	case 8:
		memcpy(to, from, 8);
		return true;
	case 64:
		memcpy(to, from, 64);
		return true;
	default:
		return false;
	}
}

/* Into a block that is ours. */
static inline void copy_in(void *shared, const void *from, size_t size)
{
	copy_bytes(shared, from, size);
}

/* Out of a block that is ours. */
static inline void copy_own(void *to, const void *shared, size_t size)
{
	copy_bytes(to, shared, size);
}

#ifdef __SANITIZE_THREAD__

/* volatile, or the compiler makes calls of it that are looked into. */
__attribute__((no_sanitize("thread"), noinline, unused)) static void copy_out(
	void *to, const void *shared, size_t size)
{
	const volatile unsigned char *from = shared;
	volatile unsigned char *byte = to;

	for (size_t i = 0; i < size; i++)
		byte[i] = from[i];
}

__attribute__((no_sanitize("thread"), noinline, unused)) static int compare_out(
	const void *shared, const void *with, size_t size)
{
	const volatile unsigned char *a = shared, *b = with;

	for (size_t i = 0; i < size; i++)
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	return 0;
}

static inline bool same_out(const void *shared, const void *with, size_t size)
{
	return !compare_out(shared, with, size);
}

#else

/* Out of a block that is not ours: validate afterwards. */
static inline void copy_out(void *to, const void *shared, size_t size)
{
	copy_bytes(to, shared, size);
}

/* As memcmp, with bytes of a block that is not ours. */
static inline int compare_out(const void *shared, const void *with, size_t size)
{
	return memcmp(shared, with, size);
}

static inline uint64_t load_8(const void *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, 8);
	return word;
}

/* The same, when it is enough to know whether they differ: short keys. */
static inline bool same_out(const void *shared, const void *with, size_t size)
{
	const char *a = shared, *b = with;

	if (size < 8)
		return !memcmp(a, b, size);
	for (size_t i = 0; i + 8 < size; i += 8)
		if (load_8(a + i) != load_8(b + i))
			return false;
	return load_8(a + size - 8) == load_8(b + size - 8);
}

#endif
#endif
