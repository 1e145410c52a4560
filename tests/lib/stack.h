/* stack.h - what the drivers of agora/stack.h share. */
#ifndef TESTS_LIB_STACK_H
#define TESTS_LIB_STACK_H

#include "driver.h"

#define PATH "p/s.stack"

static unsigned char data[1 << 20];

__attribute__((unused)) static struct agora_stack *open_with(
	const struct agora_options *options)
{
	struct agora_stack *s;
	int error = agora_program_create(space, "p", NULL);

	CHECK(!error || error == -EEXIST);
	CHECK_OK(agora_stack_open(
		space, PATH, AGORA_WRITE | AGORA_CREATE, options, &s));
	return s;
}

__attribute__((unused)) static struct agora_stack *open_again(uint32_t flags)
{
	struct agora_stack *s;

	CHECK_OK(agora_stack_open(space, PATH, flags, NULL, &s));
	return s;
}

__attribute__((unused)) static void push_number(
	struct agora_stack *s, int number)
{
	CHECK_OK(agora_stack_push(s, &number, sizeof(number)));
}

__attribute__((unused)) static int pop_number(struct agora_stack *s)
{
	int number;
	struct agora_buffer b = {.data = &number, .capacity = sizeof(number)};

	CHECK_OK(agora_stack_pop(s, &b));
	CHECK_EQ(sizeof(number), b.size);
	return number;
}

__attribute__((unused)) static int try_pop(struct agora_stack *s)
{
	struct agora_buffer b = {.data = data, .capacity = sizeof(data)};

	return agora_stack_pop(s, &b);
}

__attribute__((unused)) static int acquire_number(
	struct agora_stack *s, struct agora_message *m)
{
	int number;

	CHECK_OK(agora_stack_acquire(s, m));
	CHECK_EQ(sizeof(number), m->size);
	memcpy(&number, m->data, sizeof(number));
	return number;
}

__attribute__((unused)) static uint64_t count(struct agora_stack *s)
{
	struct agora_stat stat;

	CHECK_OK(agora_object_stat(agora_stack_object(s), &stat));
	return stat.count;
}

__attribute__((unused)) static void check_nothing_leaked(struct agora_stack *s)
{
	struct agora_check report;

	CHECK_OK(agora_object_check(agora_stack_object(s), 0, &report));
	CHECK_EQ(report.blocks, report.free);
}

__attribute__((unused)) static void fill(size_t size, unsigned seed)
{
	for (size_t i = 0; i < size; i++)
		data[i] = (unsigned char)(seed + i * 7 + (i >> 8));
}

__attribute__((unused)) static void check_filled(
	const unsigned char *bytes, size_t size, unsigned seed)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i] != (unsigned char)(seed + i * 7 + (i >> 8)))
			driver_fail("byte %zu of %zu is wrong", i, size);
}

__attribute__((unused)) static int tap_number(
	struct agora_stack *s, uint64_t *cursor)
{
	int number;
	struct agora_buffer b = {.data = &number, .capacity = sizeof(number)};

	CHECK_OK(agora_stack_tap(s, cursor, &b));
	CHECK(b.version < *cursor);
	return number;
}

#endif
