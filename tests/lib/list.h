/* list.h - what the drivers of agora/list.h share. */
#ifndef TESTS_LIB_LIST_H
#define TESTS_LIB_LIST_H

#include "driver.h"

#define PATH "p/l.list"

static unsigned char data[1 << 20];

__attribute__((unused)) static struct agora_list *open_with(
	const struct agora_options *options)
{
	struct agora_list *l;
	int error = agora_program_create(space, "p", NULL);

	CHECK(!error || error == -EEXIST);
	CHECK_OK(agora_list_open(
		space, PATH, AGORA_WRITE | AGORA_CREATE, options, &l));
	return l;
}

__attribute__((unused)) static struct agora_list *open_again(uint32_t flags)
{
	struct agora_list *l;

	CHECK_OK(agora_list_open(space, PATH, flags, NULL, &l));
	return l;
}

__attribute__((unused)) static struct agora_element push_back(
	struct agora_list *l, int number)
{
	struct agora_element e;

	CHECK_OK(agora_list_push_back(l, &number, sizeof(number), &e));
	return e;
}

__attribute__((unused)) static struct agora_element push_front(
	struct agora_list *l, int number)
{
	struct agora_element e;

	CHECK_OK(agora_list_push_front(l, &number, sizeof(number), &e));
	return e;
}

__attribute__((unused)) static int pop_front(struct agora_list *l)
{
	int number;
	struct agora_buffer b = {.data = &number, .capacity = sizeof(number)};

	CHECK_OK(agora_list_pop_front(l, &b));
	CHECK_EQ(sizeof(number), b.size);
	return number;
}

__attribute__((unused)) static int pop_back(struct agora_list *l)
{
	int number;
	struct agora_buffer b = {.data = &number, .capacity = sizeof(number)};

	CHECK_OK(agora_list_pop_back(l, &b));
	CHECK_EQ(sizeof(number), b.size);
	return number;
}

__attribute__((unused)) static int get(
	struct agora_list *l, const struct agora_element *e)
{
	int number;
	struct agora_buffer b = {.data = &number, .capacity = sizeof(number)};

	CHECK_OK(agora_list_get(l, e, &b));
	CHECK_EQ(sizeof(number), b.size);
	return number;
}

__attribute__((unused)) static uint64_t length(struct agora_list *l)
{
	uint64_t length;

	CHECK_OK(agora_list_length(l, &length));
	return length;
}

__attribute__((unused)) static void check_nothing_leaked(struct agora_list *l)
{
	struct agora_check report;

	CHECK_OK(agora_object_check(agora_list_object(l), 0, &report));
	CHECK_EQ(report.blocks, report.free);
}

/* The list is expected[0 to count - 1], in both directions. */
__attribute__((unused)) static void check_is(
	struct agora_list *l, const int *expected, int count)
{
	struct agora_element e = {{0}};
	int i = 0;

	while (!agora_list_next(l, &e, &e)) {
		CHECK(i < count);
		CHECK_EQ(expected[i++], get(l, &e));
	}
	CHECK_EQ(count, i);
	e = (struct agora_element){{0}};
	while (!agora_list_previous(l, &e, &e))
		CHECK_EQ(expected[--i], get(l, &e));
	CHECK_EQ(0, i);
	CHECK_EQ(count, length(l));
}

#endif
