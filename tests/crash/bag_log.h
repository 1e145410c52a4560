/*
 * bag_log.h - what a victim does to a stack or a list, and the log it keeps.
 *
 * The log lies in memory shared with the parent. A victim writes into it
 * what it is about to do and what it has done. What it was doing when it died
 * may have taken place or not; all else must have, exactly once. A message
 * that it was to put back must come out in any case.
 */
#ifndef TESTS_CRASH_BAG_LOG_H
#define TESTS_CRASH_BAG_LOG_H

#include "bag.h"

#define IDS 4096

/* ---- messages: an id, its inverse, and bytes that follow from it ---- */

static size_t size_of(uint32_t id)
{
	static const size_t sizes[] = {8, 40, 88, 96, 700, 3000, LARGEST};

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
	if (size != size_of(id) || id >= IDS)
		fail("size of a message", (long)size, (long)id);
	fill(expected, id);
	if (memcmp(expected, data, size))
		fail("bytes of a message", (long)size, (long)id);
	return id;
}

/* ---- the log of a victim ---- */

struct log {
	_Atomic uint32_t pushing;  /* id + 1 while a push is under way */
	_Atomic uint32_t removing; /* id + 1 while a removal is under way */
	_Atomic bool popping;      /* while a pop is under way */
	_Atomic unsigned char pushed[IDS], popped[IDS];
	unsigned char buffer[LARGEST];
};

static struct log *new_log(void)
{
	void *log = mmap(NULL, sizeof(struct log), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert(log != MAP_FAILED);
	return log;
}

static int log_pushed(struct log *log, uint32_t id, int result)
{
	if (!result)
		log->pushed[id] = 1;
	log->pushing = 0;
	if (result && result != -EAGAIN && result != -ESTALE)
		fail("push", result, (long)id);
	return result;
}

static int log_push(struct bag bag, struct log *log, uint32_t id, enum end end)
{
	static unsigned char data[LARGEST];

	fill(data, id);
	log->pushing = id + 1;
	return log_pushed(log, id,
		bag.list && end == FRONT
			? agora_list_push_front(
				  bag.list, data, size_of(id), NULL)
			: agora_object_push(bag.object, data, size_of(id)));
}

/* Insert beside the second element, or the only one. */
static int log_insert(struct bag bag, struct log *log, uint32_t id, bool after)
{
	static unsigned char data[LARGEST];
	struct agora_element e = {{0}};

	if (agora_list_next(bag.list, &e, &e))
		return -EAGAIN;
	agora_list_next(bag.list, &e, &e);
	fill(data, id);
	log->pushing = id + 1;
	return log_pushed(log, id,
		after ? agora_list_insert_after(
				bag.list, &e, data, size_of(id), NULL)
		      : agora_list_insert_before(
				bag.list, &e, data, size_of(id), NULL));
}

/* Remove the second element, or the only one. */
static int log_remove(struct bag bag, struct log *log)
{
	static unsigned char data[LARGEST];
	struct agora_buffer b = {.data = data, .capacity = LARGEST};
	struct agora_element e = {{0}};
	uint32_t id;
	int result = agora_list_next(bag.list, &e, &e);

	if (!result)
		agora_list_next(bag.list, &e, &e);
	if (!result)
		result = agora_list_get(bag.list, &e, &b);
	if (result)
		return result;
	id = id_of(data, b.size);
	log->removing = id + 1;
	result = agora_list_remove(bag.list, &e);
	if (!result)
		log->popped[id]++;
	log->removing = 0;
	if (result && result != -ESTALE)
		fail("remove", result, (long)id);
	return result;
}

static int pop(struct bag bag, enum end end, struct agora_buffer *b)
{
	return bag.list && end == BACK ? agora_list_pop_back(bag.list, b)
				       : agora_object_pop(bag.object, b);
}

static int log_pop(struct bag bag, struct log *log, enum end end)
{
	struct agora_buffer b = {.data = log->buffer, .capacity = LARGEST};
	int result;

	memset(log->buffer, 0, 8);
	log->popping = true;
	result = pop(bag, end, &b);
	if (!result)
		log->popped[id_of(log->buffer, b.size)]++;
	log->popping = false;
	if (result && result != -EAGAIN)
		fail("pop", result, 0);
	return result;
}

/* Take a message, and put it back or be done with it. */
static void log_acquire(
	struct bag bag, struct log *log, enum end end, bool keep)
{
	struct agora_message m;
	int result;

	memset(log->buffer, 0, 8);
	log->popping = keep;
	result = bag.list && end == BACK ? agora_list_acquire_back(bag.list, &m)
					 : agora_object_acquire(bag.object, &m);
	if (!result) {
		result = agora_object_read(
			bag.object, &m, 0, log->buffer, LARGEST);
		if (result != (int)m.size)
			fail("read", result, (long)m.size);
		check(keep ? agora_object_release(bag.object, &m)
			   : agora_object_restore(bag.object, &m),
			keep ? "release" : "restore");
		if (keep)
			log->popped[id_of(log->buffer, m.size)]++;
	} else if (result != -EAGAIN) {
		fail("acquire", result, 0);
	}
	log->popping = false;
}

/* Whether the dead one had a message when it died that may be gone. */
static bool was_taking(const struct log *log, uint32_t id)
{
	return log->removing == id + 1 ||
	       (log->popping && !memcmp(log->buffer, &id, sizeof(id)));
}

#endif
