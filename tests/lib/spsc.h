/* spsc.h - what the drivers of AGORA_SPSC share. */
#ifndef TESTS_LIB_SPSC_H
#define TESTS_LIB_SPSC_H

#include "driver.h"

#define PATH "p/q.queue"

__attribute__((unused)) static unsigned char data[1 << 20];

__attribute__((unused)) static struct agora_queue *open_with(
	struct agora_options options)
{
	struct agora_queue *q;
	int error = agora_program_create(space, "p", NULL);

	options.flags |= AGORA_SPSC;
	CHECK(!error || error == -EEXIST);
	error = agora_object_remove(space, PATH);
	CHECK(!error || error == -ENOENT);
	CHECK_OK(agora_queue_open(
		space, PATH, AGORA_WRITE | AGORA_CREATE, &options, &q));
	return q;
}

__attribute__((unused)) static struct agora_queue *open_fixed(uint64_t capacity)
{
	return open_with((struct agora_options){.capacity = capacity,
		.message_size = sizeof(int),
		.flags = AGORA_FIXED});
}

__attribute__((unused)) static struct agora_queue *open_any(uint64_t capacity)
{
	return open_with((struct agora_options){
		.capacity = capacity, .message_size = 1000});
}

__attribute__((unused)) static struct agora_queue *open_again(uint32_t flags)
{
	struct agora_queue *q;

	CHECK_OK(agora_queue_open(space, PATH, flags, NULL, &q));
	return q;
}

/* Both layouts of the ring must pass. */
static struct agora_queue *(*const layouts[])(uint64_t) = {
	open_fixed, open_any};

#define EACH_LAYOUT(q, capacity)                                           \
	for (int layout = 0; layout < 2; layout++)                         \
		for (struct agora_queue *q = layouts[layout](capacity); q; \
			agora_queue_close(q), q = NULL)

__attribute__((unused)) static int try_push(struct agora_queue *q, int number)
{
	return agora_queue_push(q, &number, sizeof(number));
}

__attribute__((unused)) static void push_number(
	struct agora_queue *q, int number)
{
	CHECK_OK(try_push(q, number));
}

__attribute__((unused)) static int try_pop(struct agora_queue *q)
{
	struct agora_buffer b = {.data = data, .capacity = sizeof(data)};

	return agora_queue_pop(q, &b);
}

__attribute__((unused)) static int pop_number(struct agora_queue *q)
{
	int number;
	struct agora_buffer b = {.data = &number, .capacity = sizeof(number)};

	CHECK_OK(agora_queue_pop(q, &b));
	CHECK_EQ(sizeof(number), b.size);
	return number;
}

__attribute__((unused)) static struct agora_message acquire_number(
	struct agora_queue *q, int number)
{
	struct agora_message m;

	CHECK_OK(agora_queue_acquire(q, &m));
	CHECK_EQ(sizeof(number), m.size);
	CHECK(!memcmp(m.data, &number, sizeof(number)));
	return m;
}

__attribute__((unused)) static struct agora_stat stat_of(struct agora_queue *q)
{
	struct agora_stat st;

	CHECK_OK(agora_object_stat(agora_queue_object(q), &st));
	return st;
}

__attribute__((unused)) static void check_sound(struct agora_queue *q)
{
	struct agora_check report;

	CHECK_OK(agora_object_check(agora_queue_object(q), 0, &report));
}

__attribute__((unused)) static void fill(
	unsigned char *bytes, size_t size, unsigned seed)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = (unsigned char)(seed + i * 7 + (i >> 8));
}

__attribute__((unused)) static void check_filled(
	const unsigned char *bytes, size_t size, unsigned seed)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i] != (unsigned char)(seed + i * 7 + (i >> 8)))
			driver_fail("byte %zu of %zu is wrong", i, size);
}

#endif
