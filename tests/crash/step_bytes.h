/*
 * step_bytes.h - how each byte that comes out of an object is known to be one
 * that went in: messages and values follow from an id.
 */
#ifndef TESTS_CRASH_STEP_BYTES_H
#define TESTS_CRASH_STEP_BYTES_H

#include <stddef.h>
#include <stdint.h>

#define LARGEST 3500
#define IDS     3000

/* The sizes of messages and values: in the block, with parts, with a page. */
enum shape { SHORT, PARTS, LONG };

/* number: below 1000, and not 0. */
uint64_t id_in(enum shape shape, unsigned number);

size_t size_of(uint64_t id);

/* Valid until the next call. */
const unsigned char *bytes_of(uint64_t id);

/* Bytes that are not whole, or that nobody wrote, are a failure. */
uint64_t id_of(const unsigned char *data, size_t size);

#endif
