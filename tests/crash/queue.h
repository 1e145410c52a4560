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

/* Claim a message, and give it back or be done with it. */
static void log_acquire(struct agora_queue *q, struct log *log, bool keep)
{
	struct agora_message m;
	int result;

	memset(log->buffer[0], 0, 8);
	log->popping = 1;
	result = agora_queue_acquire(q, &m);
	if (!result) {
		result = agora_queue_read(q, &m, 0, log->buffer[0], LARGEST);
		if (result != (int)m.size)
			fail("read", result, (long)m.size);
		check(keep ? agora_queue_release(q, &m)
			   : agora_queue_restore(q, &m),
			keep ? "release" : "restore");
		if (keep)
			log->popped[id_of(log->buffer[0], m.size)]++;
	} else if (result != -EAGAIN) {
		fail("acquire", result, 0);
	}
	log->popping = 0;
}

/*
 * Packets, taken whole, in pieces, one by one, and opened; best from empty.
 * Takes ids from first, a multiple of 7, on: short messages.
 */
static void work_in_batches(
	struct agora_queue *q, struct log *log, uint32_t first)
{
	for (uint32_t i = 0; i < 3; i++)
		log_push(q, log, first + 1 + 7 * i);
	log_pop_batch(q, log, 2);
	log_pop_batch(q, log, 2);
	log_push_batch(q, log, first, 6);
	log_pop_batch(q, log, 6);
	log_push_batch(q, log, first + 42, 6);
	log_pop(q, log);
	log_acquire(q, log, false);
	log_pop_batch(q, log, 3);
	log_push_batch(q, log, first + 84, 6);
	log_acquire(q, log, true);
	log_push_batch(q, log, first + 126, 6);
	while (log_pop_batch(q, log, 2) > 0)
		;
	log_push_batch(q, log, first + 168, 2);
	while (!log_pop(q, log))
		;
}

/* ---- what must be in the queue ---- */

static void account(struct agora_queue *q)
{
	struct agora_check report;
	int result = agora_object_check(agora_queue_object(q), 0, &report);

	if (result || report.free != report.blocks)
		fail("blocks leaked", (long)report.free, (long)report.blocks);
}

/* ---- the space ---- */

static void clean_up(void)
{
	static pid_t owner;
	char command[100];

	if (!owner)
		owner = getpid();
	else if (owner == getpid()) {
		snprintf(command, sizeof(command), "rm -rf %s", space_dir);
		if (system(command))
			fprintf(stderr, "cannot remove %s\n", space_dir);
	}
}

static void make_space(void)
{
	char program[100];

	if (!mkdtemp(space_dir))
		fail("mkdtemp", errno, 0);
	clean_up();
	atexit(clean_up);
	snprintf(program, sizeof(program), "%s/program", space_dir);
	mkdir(program, 0755);
	check(agora_space_open(space_dir, &space), "space");
}

static int list_points(void)
{
	size_t count;
	const char *const *names = crash_points(&count);

	for (size_t i = 0; i < count; i++)
		printf("%s\n", names[i]);
	return 0;
}

#endif
