/* golden.h - what the files of golden.c share. */
#ifndef TESTS_ABI_GOLDEN_H
#define TESTS_ABI_GOLDEN_H

#include <agora/agora.h>
#include <stddef.h>

#define LONG 20000
#define OLD  40 /* messages that came and went before those that stay */

extern struct agora_space *space;

/* End the program with a message, if r is an error; if a is not b. */
void must(int r, const char *what);
void same(const void *a, size_t a_size, const void *b, size_t b_size,
	const char *what);

/* The contents of message or value number n; NULL after the last. */
const char *contents(unsigned n, size_t *ret_size);

/* Repair what the dead left. */
void check(struct agora_object *object);

/* ---- of golden_kinds.c: maps and sets, strings, bags, heaps, logs ---- */

/* Write an object of known contents. */
void make_sorted(const char *path, uint64_t message_size);
void make_string(const char *path, uint32_t writers);
void make_bag(const char *path);
void make_heap(const char *path, uint32_t flags);
void make_log(const char *path, uint32_t writers);

/* Read it, and with take also change it and check that it is sound. */
void read_sorted(const char *path, int take);
void read_string(const char *path, int take);
void read_bag(const char *path, int take);
void read_heap(const char *path, int take);
void read_log(const char *path, int take);

#endif
