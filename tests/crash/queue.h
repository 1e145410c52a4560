/*
 * queue.h - what a victim does to a queue, and the log that it keeps of that.
 *
 * The log lies in memory shared with the parent. A victim writes into it
 * what it is about to do and what it has done.
 */
#ifndef TESTS_CRASH_QUEUE_H
#define TESTS_CRASH_QUEUE_H

#include "base/crash.h"

#include <agora/agora.h>
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATH    "program/x.queue"
#define LARGEST 20000
#define IDS     4096
#define BATCH   6

static char space_dir[] = "/dev/shm/agora-crash-XXXXXX";
static struct agora_space *space;

static void fail(const char *what, long a, long b)
{
	fprintf(stderr, "failed: %s (%ld, %ld)\n", what, a, b);
	exit(1);
}

static void check(int result, const char *what)
{
	if (result < 0)
		fail(what, result, 0);
}

/* ---- messages: an id, its inverse, and bytes that follow from it ---- */

static size_t size_of(uint32_t id)
{
	static const size_t sizes[] = {8, 40, 224, 225, 700, 3000, LARGEST};

	return sizes[id % 7];
}

static void fill(unsigned char *data, uint32_t id)
{
	uint32_t inverse = ~id;

	memcpy(data, &id, 4);
	memcpy(data + 4, &inverse, 4);
	for (size_t i = 8; i < size_of(id); i++)
		data[i] = (unsigned char)(id * 31 + i * 7 + (i >> 8));
}

static uint32_t id_of(const unsigned char *data, size_t size)
{
	static unsigned char expected[LARGEST];
	uint32_t id;

	memcpy(&id, data, 4);
	if (size != size_of(id))
		fail("size of a message", (long)size, (long)id);
	fill(expected, id);
	if (memcmp(expected, data, size))
		fail("bytes of a message", (long)size, (long)id);
	return id;
}

/* ---- the log of a victim ---- */

struct log {
	_Atomic uint32_t pushing; /* id + 1 while a push is under way */
	_Atomic uint32_t batch;   /* of so many ids, 7 apart; 0: of one */
	_Atomic uint32_t popping; /* 1 while a pop is under way */
	_Atomic unsigned char pushed[IDS], popped[IDS];
	_Atomic uint32_t finished;
	unsigned char buffer[BATCH][LARGEST];
};

static struct log *new_log(void)
{
	void *log = mmap(NULL, sizeof(struct log), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert(log != MAP_FAILED);
	return log;
}

/* Push without a copy. */
static int push_reserved(
	struct agora_queue *q, const unsigned char *data, size_t size)
{
	struct agora_reservation r;
	int result = agora_queue_reserve(q, LARGEST, &r);

	if (result)
		return result;
	check(agora_queue_write(q, &r, 0, data, size), "write");
	r.size = size;
	result = agora_queue_commit(q, &r);
	if (result)
		check(agora_queue_abort(q, &r), "abort");
	return result;
}

static int log_push(struct agora_queue *q, struct log *log, uint32_t id)
{
	static unsigned char data[LARGEST];
	int result;

	fill(data, id);
	log->pushing = id + 1;
	result = id % 2 ? agora_queue_push(q, data, size_of(id))
			: push_reserved(q, data, size_of(id));
	if (!result)
		log->pushed[id] = 1;
	log->pushing = 0;
	if (result && result != -EAGAIN)
		fail("push", result, (long)id);
	return result;
}

static int log_pop(struct agora_queue *q, struct log *log)
{
	struct agora_buffer b = {.data = log->buffer[0], .capacity = LARGEST};
	int result;

	for (int i = 0; i < BATCH; i++)
		memset(log->buffer[i], 0, 8);
	log->popping = 1;
	result = agora_queue_pop(q, &b);
	if (!result)
		log->popped[id_of(log->buffer[0], b.size)]++;
	log->popping = 0;
	if (result && result != -EAGAIN)
		fail("pop", result, 0);
	return result;
}

/* Push short messages with the ids first, first + 7, ...: returns how many. */
static int log_push_batch(
	struct agora_queue *q, struct log *log, uint32_t first, uint32_t count)
{
	unsigned char data[BATCH][8];
	struct iovec messages[BATCH];
	int result;

	for (uint32_t i = 0; i < count; i++) {
		fill(data[i], first + 7 * i);
		messages[i] = (struct iovec){data[i], 8};
	}
	log->batch = count;
	log->pushing = first + 1;
	result = agora_queue_push_batch(q, messages, count);
	for (int i = 0; i < result; i++)
		log->pushed[first + 7 * (uint32_t)i] = 1;
	log->pushing = 0;
	log->batch = 0;
	if (result < 0 && result != -EAGAIN)
		fail("push a batch", result, (long)first);
	return result;
}

static int log_pop_batch(struct agora_queue *q, struct log *log, uint32_t count)
{
	struct agora_buffer messages[BATCH];
	int result;

	for (uint32_t i = 0; i < BATCH; i++) {
		memset(log->buffer[i], 0, 8);
		messages[i] = (struct agora_buffer){
			.data = log->buffer[i], .capacity = LARGEST};
	}
	log->popping = 1;
	result = agora_queue_pop_batch(q, messages, count);
	for (int i = 0; i < result; i++)
		log->popped[id_of(log->buffer[i], messages[i].size)]++;
	log->popping = 0;
	if (result < 0 && result != -EAGAIN)
		fail("pop a batch", result, 0);
	return result;
}

static struct agora_queue *open_queue(uint32_t flags, uint64_t capacity)
{
	struct agora_options options = {
		.capacity = capacity, .message_size = LARGEST};
	struct agora_queue *q;

	check(agora_queue_open(space, PATH, AGORA_WRITE | flags, &options, &q),
		"open");
	return q;
}

/* ---- what it does ---- */

/* Look at the next message without taking it: a packet is opened for that. */
static void log_acquire(struct agora_queue *q, struct log *log)
{
	unsigned char data[LARGEST];
	struct agora_message m;

	log->popping = 1;
	if (!agora_queue_acquire(q, &m)) {
		check(agora_queue_read(q, &m, 0, data, sizeof(data)), "read");
		check(agora_queue_restore(q, &m), "restore");
	}
	log->popping = 0;
}

/* Packets, taken whole, in pieces, one by one, and opened; from empty. */
static void work_in_batches(struct agora_queue *q, struct log *log)
{
	for (uint32_t i = 0; i < 3; i++)
		log_push(q, log, 1001 + 7 * i);
	log_pop_batch(q, log, 2);
	log_pop_batch(q, log, 2);
	log_push_batch(q, log, 1400, 6);
	log_pop_batch(q, log, 6);
	log_push_batch(q, log, 2100, 6);
	log_pop(q, log);
	log_acquire(q, log);
	log_pop_batch(q, log, 3);
	log_push_batch(q, log, 2800, 6);
	log_acquire(q, log);
	log_push_batch(q, log, 3500, 6);
	while (log_pop_batch(q, log, 2) > 0)
		;
	log_push_batch(q, log, 3570, 2);
	while (!log_pop(q, log))
		;
}

/* Pass through every step of every operation, from whatever state. */
static void work(struct log *log, uint32_t first)
{
	struct agora_queue *q = open_queue(0, 0);
	struct agora_message m;

	log_push_batch(q, log, 700, 4);
	for (uint32_t i = 0; i < 7; i++)
		log_push(q, log, first + i);
	log_pop(q, log);
	log_acquire(q, log);
	for (uint32_t i = 0; i < 3; i++)
		log_pop(q, log);
	while (!log_push(q, log, first + 7) && first % 2)
		first++;
	while (!log_pop(q, log))
		;
	work_in_batches(q, log);
	if (!agora_queue_acquire(q, &m))
		fail("the queue should be empty", 0, 0);
	log_push(q, log, first + 8);
	check(agora_queue_acquire(q, &m), "acquire");
	/* Leave with a message in hand: closing gives it back. */
	agora_queue_close(q);
	log->finished = 1;
}

/* ---- judge ---- */

/* Whether the victim was about to push or pop a message when it died. */
static bool was_pushing(const struct log *log, uint32_t id)
{
	uint32_t count = log->batch ? log->batch : 1;

	for (uint32_t i = 0; log->pushing && i < count; i++)
		if (log->pushing - 1 + 7 * i == id)
			return true;
	return false;
}

static bool was_popping(const struct log *log, uint32_t id)
{
	for (int i = 0; log->popping && i < BATCH; i++)
		if (!memcmp(log->buffer[i], &id, sizeof(id)))
			return true;
	return false;
}

/* What the survivor saw come out, beside what the victim's log says. */
static void judge(const struct log *log, const unsigned char *seen, uint32_t id)
{
	int out = seen[id] + log->popped[id];

	if (out > 1)
		fail("delivered twice", (long)id, out);
	if (!log->pushed[id] && !was_pushing(log, id) && out)
		fail("delivered, never pushed", (long)id, out);
	if (log->pushed[id] && !out && !was_popping(log, id))
		fail("lost", (long)id, log->popping);
}

#endif
