/*
 * heap.h - what the drivers that kill clients of a heap share.
 *
 * A client writes down, in memory that its parent shares, what it is about to
 * do and what it has done. What it was doing when it died may have taken
 * place or not; all else must have, exactly once. A message is known by the
 * life of the client that pushed it, and by its number in that.
 */
#ifndef TESTS_CRASH_HEAP_H
#define TESTS_CRASH_HEAP_H

#include "base/crash.h"

#include <agora/agora.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATH    "program/x.heap"
#define LARGEST 9000
#define LIVES   8192
#define NUMBERS 4096 /* messages of one life */
#define BATCH   20
#define WORKERS 4

struct shared {
	_Atomic unsigned char pushed[LIVES][NUMBERS];
	_Atomic unsigned char taken[LIVES][NUMBERS];
	_Atomic unsigned char maybe[LIVES][NUMBERS]; /* was being popped */
	struct {
		_Atomic uint32_t first, count; /* may be in, or not */
	} pushing[LIVES];
	struct {
		_Atomic bool popping;
		unsigned char buffer[BATCH][LARGEST];
	} consumer[WORKERS];
	_Atomic uint64_t messages;
};

extern struct shared *shared;
extern struct agora_space *space;
extern uint32_t heap_flags; /* AGORA_RELAXED or 0 */

_Noreturn void fail(const char *what, long a, long b);
void check(int result, const char *what);

struct agora_heap *open_heap(uint32_t flags, uint64_t capacity);

/* Push up to BATCH messages of a life, beginning with a number, at once or
 * one by one. Returns how many, or a negative errno. */
int push_some(struct agora_heap *h, uint32_t life, uint32_t first,
	uint32_t count, bool wait);

/* Pop up to count messages at once. Returns how many, or a negative errno. */
int pop_some(struct agora_heap *h, int self, uint32_t count, bool wait);

/* Acquire one and release it, or restore it. Returns 0, or an error. */
int hold_one(struct agora_heap *h, int self, bool restore);

/* A consumer died: what it had copied may be delivered again, or not. */
void forgive(int self);

/* Take all that is there; of a strict heap, in order. */
void drain(struct agora_heap *h);

/* Look whether each message of so many lives came out as it must. */
void judge(uint32_t lives);

/* No block is in use, and nothing is damaged. */
void account(struct agora_heap *h);

/* Prepare a space; it is removed when this process ends. */
void begin(void);

#endif
