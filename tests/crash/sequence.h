/*
 * sequence.h - what a victim does to a sequence of any kind, and the log that
 * it keeps of that.
 *
 * The log lies in memory shared with the parent. A victim writes into it
 * what it is about to do and what it has done. All is done by the verbs of
 * any kind; where a kind lacks one (batches, reservations) a plain push or
 * pop stands for it.
 */
#ifndef TESTS_CRASH_SEQUENCE_H
#define TESTS_CRASH_SEQUENCE_H

#include "sequence_kind.h"

#include "base/crash.h"

#include <sys/uio.h>

#define IDS   4096
#define BATCH 6

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
	struct agora_object *q, const unsigned char *data, size_t size)
{
	struct agora_reservation r;
	int result = agora_object_reserve(q, LARGEST, &r);

	if (result == -EOPNOTSUPP)
		return push(q, data, size);
	if (result)
		return result;
	check(agora_object_write(q, &r, 0, data, size), "write");
	r.size = size;
	result = agora_object_commit(q, &r);
	if (result)
		check(agora_object_abort(q, &r), "abort");
	return result;
}

static int log_push(struct agora_object *q, struct log *log, uint32_t id)
{
	static unsigned char data[LARGEST];
	int result;

	fill(data, id);
	log->pushing = id + 1;
	result = id % 2 ? push(q, data, size_of(id))
			: push_reserved(q, data, size_of(id));
	if (!result)
		log->pushed[id] = 1;
	log->pushing = 0;
	if (result && result != -EAGAIN)
		fail("push", result, (long)id);
	return result;
}

static int log_pop(struct agora_object *q, struct log *log)
{
	struct agora_buffer b = {.data = log->buffer[0], .capacity = LARGEST};
	int result;

	for (int i = 0; i < BATCH; i++)
		memset(log->buffer[i], 0, 8);
	log->popping = 1;
	result = agora_object_pop(q, &b);
	if (!result)
		log->popped[id_of(log->buffer[0], b.size)]++;
	log->popping = 0;
	if (result && result != -EAGAIN)
		fail("pop", result, 0);
	return result;
}

static int push_each(
	struct agora_object *q, const struct iovec *messages, uint32_t count)
{
	uint32_t done = 0;
	int result = 0;

	while (done < count && !result) {
		result = push(
			q, messages[done].iov_base, messages[done].iov_len);
		done += !result;
	}
	return done ? (int)done : result;
}

/* Push short messages with the ids first, first + 7, ...: returns how many. */
static int log_push_batch(
	struct agora_object *q, struct log *log, uint32_t first, uint32_t count)
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
	result = agora_object_push_batch(q, messages, count);
	if (result == -EOPNOTSUPP)
		result = push_each(q, messages, count);
	for (int i = 0; i < result; i++)
		log->pushed[first + 7 * (uint32_t)i] = 1;
	log->pushing = 0;
	log->batch = 0;
	if (result < 0 && result != -EAGAIN)
		fail("push a batch", result, (long)first);
	return result;
}

static int log_pop_batch(
	struct agora_object *q, struct log *log, uint32_t count)
{
	struct agora_buffer messages[BATCH];
	int result;

	for (uint32_t i = 0; i < BATCH; i++) {
		memset(log->buffer[i], 0, 8);
		messages[i] = (struct agora_buffer){
			.data = log->buffer[i], .capacity = LARGEST};
	}
	log->popping = 1;
	result = agora_object_pop_batch(q, messages, count);
	if (result == -EOPNOTSUPP) {
		result = agora_object_pop(q, messages);
		result = result ? result : 1;
	}
	for (int i = 0; i < result; i++)
		log->popped[id_of(log->buffer[i], messages[i].size)]++;
	log->popping = 0;
	if (result < 0 && result != -EAGAIN)
		fail("pop a batch", result, 0);
	return result;
}

/* Claim a message, and give it back or be done with it. */
static void log_acquire(struct agora_object *q, struct log *log, bool keep)
{
	struct agora_message m;
	int result;

	memset(log->buffer[0], 0, 8);
	log->popping = 1;
	result = agora_object_acquire(q, &m);
	if (!result) {
		result = agora_object_read(q, &m, 0, log->buffer[0], LARGEST);
		if (result != (int)m.size)
			fail("read", result, (long)m.size);
		check(keep ? agora_object_release(q, &m)
			   : agora_object_restore(q, &m),
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
	struct agora_object *q, struct log *log, uint32_t first)
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

static int list_points(void)
{
	size_t count;
	const char *const *names = crash_points(&count);

	for (size_t i = 0; i < count; i++)
		printf("%s\n", names[i]);
	return 0;
}

#endif
