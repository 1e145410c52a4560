/*
 * copy.h - copy bytes to and from memory that others may be writing.
 *
 * A reader that validates copies bytes while their block may already be
 * written for its next purpose; what it got is then thrown away, because the
 * block's state word has changed. C11 has no name for that but atomic bytes
 * (Boehm, "Can seqlocks get along with programming language memory models?",
 * MSPC 2012), which compilers do not vectorize. memcpy does what we need on
 * every compiler and machine we build for: it reads and writes each byte at
 * least once and invents nothing between the fences around it. Under
 * ThreadSanitizer, which would rightly complain, bytes are atomic.
 */
#ifndef LIB_BASE_COPY_H
#define LIB_BASE_COPY_H

#include <stdatomic.h>
#include <string.h>

#ifdef __SANITIZE_THREAD__

static inline void copy_in(void *shared, const void *from, size_t size)
{
	for (size_t i = 0; i < size; i++)
		atomic_store_explicit((_Atomic unsigned char *)shared + i,
			((const unsigned char *)from)[i], memory_order_relaxed);
}

static inline void copy_out(void *to, const void *shared, size_t size)
{
	for (size_t i = 0; i < size; i++)
		((unsigned char *)to)[i] = atomic_load_explicit(
			(_Atomic unsigned char *)(unsigned char *)(uintptr_t)
					shared +
				i,
			memory_order_relaxed);
}

static inline void copy_within(void *shared, const void *from, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		char byte;

		copy_out(&byte, (const char *)from + i, 1);
		copy_in((char *)shared + i, &byte, 1);
	}
}

#else

/* Small sizes dominate; a call into libc would be most of their cost. */
static inline void copy_bytes(void *to, const void *from, size_t size)
{
	if (size == 8)
		memcpy(to, from, 8);
	else if (size)
		memcpy(to, from, size);
}

static inline void copy_in(void *shared, const void *from, size_t size)
{
	copy_bytes(shared, from, size);
}

static inline void copy_out(void *to, const void *shared, size_t size)
{
	copy_bytes(to, shared, size);
}

/* From shared memory to shared memory. */
static inline void copy_within(void *shared, const void *from, size_t size)
{
	copy_bytes(shared, from, size);
}

#endif
#endif
