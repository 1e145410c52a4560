/* heap.h - what the drivers of the heap share. */
#ifndef TESTS_LIB_HEAP_H
#define TESTS_LIB_HEAP_H

#include "driver.h"

#define PATH "p/h.heap"

static const struct agora_options any = {.capacity = 0},
				  fixed = {.message_size = 8,
					  .flags = AGORA_FIXED},
				  relaxed = {.message_size = 8,
					  .flags = AGORA_FIXED | AGORA_RELAXED};

__attribute__((unused)) static struct agora_heap *open_with(
	const struct agora_options *options)
{
	struct agora_heap *h;
	int error = agora_program_create(space, "p", NULL);

	CHECK(!error || error == -EEXIST);
	CHECK_OK(agora_heap_open(
		space, PATH, AGORA_WRITE | AGORA_CREATE, options, &h));
	return h;
}

__attribute__((unused)) static struct agora_heap *open_again(uint32_t flags)
{
	struct agora_heap *h;

	CHECK_OK(agora_heap_open(space, PATH, flags, NULL, &h));
	return h;
}

/* A message whose bytes are a number. */
__attribute__((unused)) static void push_number(
	struct agora_heap *h, uint64_t priority, uint64_t number)
{
	CHECK_OK(agora_heap_push(h, priority, &number, sizeof(number)));
}

__attribute__((unused)) static uint64_t pop_number(
	struct agora_heap *h, uint64_t *ret_priority)
{
	uint64_t number;
	struct agora_buffer b = {.data = &number, .capacity = sizeof(number)};

	CHECK_OK(agora_heap_pop(h, &b));
	CHECK_EQ(sizeof(number), b.size);
	if (ret_priority)
		*ret_priority = b.priority;
	return number;
}

__attribute__((unused)) static int pop_nothing(struct agora_heap *h)
{
	uint64_t number;
	struct agora_buffer b = {.data = &number, .capacity = sizeof(number)};

	return agora_heap_pop(h, &b);
}

/* Close and remove a heap that must be sound and empty. */
__attribute__((unused)) static void close_empty(struct agora_heap *h)
{
	struct agora_check report;

	CHECK_ERROR(-EAGAIN, pop_nothing(h));
	CHECK_OK(agora_object_check(agora_heap_object(h), 0, &report));
	CHECK_EQ(report.blocks, report.free);
	agora_heap_close(h);
	CHECK_OK(agora_object_remove(space, PATH));
}

/* Marsaglia's xorshift. */
__attribute__((unused)) static uint64_t chance(void)
{
	static uint64_t x = 88172645463325252u;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

#endif
