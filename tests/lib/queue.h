/*
 * queue.h - queues for the drivers of them, which are built twice: with many
 * producers and consumers, and (QUEUE_SPSC) with one of each at a time.
 */
#ifndef TESTS_LIB_QUEUE_H
#define TESTS_LIB_QUEUE_H

#include "driver.h"

#define PATH "p/q.queue"

/* A test of what needs two of a side at once, blocks or packets: not SPSC. */
#ifdef QUEUE_SPSC
#define QUEUE_FLAGS AGORA_SPSC
#define TEST_MANY(sentence) \
	__attribute__((unused)) static void test_##sentence(void)
#else
#define QUEUE_FLAGS         0
#define TEST_MANY(sentence) TEST(sentence)
#endif

static struct agora_queue *open_with(const struct agora_options *options)
{
	struct agora_options all = {0};
	struct agora_queue *q;
	int error = agora_program_create(space, "p", NULL);

	CHECK(!error || error == -EEXIST);
	if (options)
		all = *options;
	all.flags |= QUEUE_FLAGS;
	CHECK_OK(agora_queue_open(
		space, PATH, AGORA_WRITE | AGORA_CREATE, &all, &q));
	return q;
}

#endif
