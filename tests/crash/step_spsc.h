/*
 * step_spsc.h - the clients of step_spsc.c: what they do to an SPSC queue,
 * and the story of what became of each message.
 */
#ifndef TESTS_CRASH_STEP_SPSC_H
#define TESTS_CRASH_STEP_SPSC_H

#include "step.h"

#include <sys/uio.h>

#define CAPACITY 8
#define LARGEST  600
#define RING     2048
#define NUMBERS  400
#define OURS     (NUMBERS - 1) /* the survivor's message */
#define BATCH    3

enum op {
	NONE,
	PUSH,
	POP,
	PUSH_BATCH,
	POP_BATCH,
	COMMIT,   /* reserve, write, commit */
	ABORT,    /* reserve, abort */
	IN_ORDER, /* acquire, and release in order */
	OUT_OF_ORDER,
	RESTORE,
	YIELD,   /* be both, and give it back */
	HOLDING, /* be both, and die with messages in hand */
	RESERVED /* the same with a reservation */
};

/* ---- what happened to each message ---- */

struct story {
	_Atomic int pushed;   /* those pushed for sure are numbered below */
	_Atomic int pushing;  /* these may be */
	_Atomic int maybe[2]; /* from, to: may be taken */
	_Atomic char taken[NUMBERS];
};

static struct story *story;

static void taking(int from, int count)
{
	story->maybe[0] = from;
	story->maybe[1] = from + count;
}

static void took(int from, int count)
{
	for (int i = from; i < from + count; i++)
		story->taken[i] = 1;
	taking(0, 0);
}

/* The first from number on that nobody took, or pushed. */
static int untaken(int number)
{
	while (number < story->pushed && story->taken[number])
		number++;
	return number;
}

static bool fixed;

/* ---- bytes ---- */

static size_t size_of(int number)
{
	return fixed ? 24 : 4 + (size_t)number * 37 % 200;
}

static size_t fill(int number, unsigned char *bytes)
{
	memcpy(bytes, &number, 4);
	for (size_t i = 4; i < size_of(number); i++)
		bytes[i] = (unsigned char)((size_t)number * 31 + i * 7);
	return size_of(number);
}

static int read_number(const void *data, size_t size)
{
	unsigned char bytes[LARGEST];
	int number = -1;

	if (size >= 4)
		memcpy(&number, data, 4);
	if (number < 0 || number >= NUMBERS || size != fill(number, bytes) ||
		memcmp(data, bytes, size))
		fail("bytes that nobody wrote", number, (long)size);
	return number;
}

/* ---- operations of the victim, and of those who prepare for it ---- */

/* What a push or pop may say: it is done, or nothing can be done. */
static bool is_done(int result, const char *what)
{
	if (result < 0 && result != -EAGAIN && result != -EBUSY)
		fail(what, result, 0);
	return result >= 0;
}

static bool push(struct agora_queue *q)
{
	unsigned char bytes[LARGEST];
	size_t size = fill(story->pushed, bytes);
	bool done;

	story->pushing = story->pushed + 1;
	done = is_done(agora_queue_push(q, bytes, size), "push");
	story->pushed += done;
	story->pushing = (int)story->pushed;
	return done;
}

static bool push_batch(struct agora_queue *q)
{
	unsigned char bytes[BATCH][LARGEST];
	struct iovec messages[BATCH];
	int result;

	for (int i = 0; i < BATCH; i++)
		messages[i] = (struct iovec){
			bytes[i], fill(story->pushed + i, bytes[i])};
	story->pushing = story->pushed + BATCH;
	result = agora_queue_push_batch(q, messages, BATCH);
	if (is_done(result, "push a batch"))
		story->pushed += result;
	story->pushing = (int)story->pushed;
	return result > 0;
}

static void reserve(struct agora_queue *q, enum op op)
{
	unsigned char bytes[LARGEST];
	struct agora_reservation r;
	size_t size = fill(story->pushed, bytes);

	if (!is_done(agora_queue_reserve(q, size, &r), "reserve"))
		return;
	check(agora_queue_write(q, &r, 0, bytes, size), "write");
	if (op == RESERVED)
		return;
	if (op == ABORT) {
		check(agora_queue_abort(q, &r), "abort");
		return;
	}
	story->pushing = story->pushed + 1;
	check(agora_queue_commit(q, &r), "commit");
	story->pushed++;
}

static void pop_some(struct agora_queue *q, int count)
{
	unsigned char bytes[BATCH][LARGEST];
	struct agora_buffer b[BATCH];
	int from = untaken(0), next = from, result;

	for (int i = 0; i < BATCH; i++)
		b[i] = (struct agora_buffer){
			.data = bytes[i], .capacity = LARGEST};
	for (int i = 0; i < count; i++)
		next = untaken(next) + 1;
	taking(from, next - from);
	result = count == 1 ? agora_queue_pop(q, b)
			    : agora_queue_pop_batch(q, b, (size_t)count);
	result = count == 1 ? !result : result;
	if (result <= 0 && from < story->pushed)
		fail("empty is not exact", result, from);
	next = from;
	for (int i = 0; i < result; i++, next++) {
		next = untaken(next);
		if (read_number(bytes[i], b[i].size) != next)
			fail("another message", next, 0);
	}
	took(from, next - from);
}

/* Hold up to count; returns how many. */
static int acquire(struct agora_queue *q, int count, struct agora_message *m)
{
	int held = 0, next = 0;

	while (held < count &&
		is_done(agora_queue_acquire(q, &m[held]), "acquire")) {
		next = untaken(next);
		if (read_number(m[held].data, m[held].size) != next++)
			fail("acquired another", next - 1, 0);
		held++;
	}
	return held;
}

static void release(struct agora_queue *q, const struct agora_message *m)
{
	int number = read_number(m->data, m->size);

	taking(number, 1);
	check(agora_queue_release(q, m), "release");
	took(number, 1);
}

static void hold(struct agora_queue *q, enum op op)
{
	static const int orders[2][BATCH] = {{0, 1, 2}, {1, 0, 2}};
	struct agora_message m[BATCH];
	int held = acquire(q, BATCH, m);

	for (int i = 0; i < held; i++) {
		int at = orders[op != IN_ORDER && held == BATCH][i];

		if (op == RESTORE || (op == HOLDING && i == 1))
			check(agora_queue_restore(q, &m[at]), "restore");
		else if (op != HOLDING || i == 0)
			release(q, &m[at]);
	}
}

static void yield(struct agora_queue *q)
{
	push(q);
	pop_some(q, 1);
	check(agora_object_yield(agora_queue_object(q)), "yield");
}

static void perform_once(struct agora_queue *q, enum op op)
{
	switch (op) {
	case PUSH:
		push(q);
		break;
	case PUSH_BATCH:
		push_batch(q);
		break;
	case COMMIT:
	case ABORT:
	case RESERVED:
		reserve(q, op);
		break;
	case POP:
	case POP_BATCH:
		pop_some(q, op == POP ? 1 : BATCH);
		break;
	case YIELD:
		yield(q);
		break;
	default:
		hold(q, op);
	}
}

#endif
