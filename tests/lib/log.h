/* log.h - what the drivers of logs share. */
#ifndef TESTS_LIB_LOG_H
#define TESTS_LIB_LOG_H

#include "driver.h"

#define PATH          "p/l.log"

#define READER_EAGAIN UINT64_MAX

__attribute__((unused)) static unsigned char data[1 << 20];

__attribute__((unused)) static struct agora_log *open_with(
	struct agora_options options)
{
	struct agora_log *l;
	int error = agora_program_create(space, "p", NULL);

	CHECK(!error || error == -EEXIST);
	error = agora_object_remove(space, PATH);
	CHECK(!error || error == -ENOENT);
	CHECK_OK(agora_log_open(
		space, PATH, AGORA_WRITE | AGORA_CREATE, &options, &l));
	return l;
}

__attribute__((unused)) static struct agora_log *open_again(uint32_t flags)
{
	struct agora_log *l;

	CHECK_OK(agora_log_open(space, PATH, flags, NULL, &l));
	return l;
}

/* Both layouts of both sorts must pass. */
__attribute__((unused)) static struct agora_log *open_layout(
	int layout, uint64_t capacity, uint32_t flags)
{
	return open_with((struct agora_options){.capacity = capacity,
		.message_size = layout & 1 ? 1000 : sizeof(int),
		.flags = flags | (layout & 1 ? 0 : AGORA_FIXED),
		.writers =
			layout & 2 ? AGORA_WRITERS_ONE : AGORA_WRITERS_MANY});
}

#define EACH_LAYOUT_WITH(l, capacity, flags)                              \
	for (int layout = 0; layout < 4; layout++)                        \
		for (struct agora_log *l =                                \
				open_layout(layout, (capacity), (flags)); \
			l; agora_log_close(l), l = NULL)

#define EACH_LAYOUT(l, capacity) EACH_LAYOUT_WITH(l, capacity, 0)

__attribute__((unused)) static int try_append(struct agora_log *l, int number)
{
	return agora_log_append(l, &number, sizeof(number));
}

__attribute__((unused)) static void append_number(
	struct agora_log *l, int number)
{
	CHECK_OK(try_append(l, number));
}

/* Append the numbers from first on. */
__attribute__((unused)) static void append_some(
	struct agora_log *l, int first, int count)
{
	for (int i = 0; i < count; i++)
		append_number(l, first + i);
}

/* Read one that is there: its number. */
__attribute__((unused)) static int read_number(
	struct agora_log *l, uint64_t *cursor, uint64_t *ret_missed)
{
	int number = -1;
	uint64_t before = *cursor;
	struct agora_buffer b = {.data = &number, .capacity = sizeof(number)};

	CHECK_OK(agora_log_read(l, cursor, &b, ret_missed));
	CHECK_EQ(sizeof(number), b.size);
	CHECK_EQ(*cursor, b.version + 1);
	if (ret_missed)
		CHECK_EQ(b.version - before, *ret_missed);
	return number;
}

__attribute__((unused)) static int try_read(
	struct agora_log *l, uint64_t *cursor)
{
	int number;
	struct agora_buffer b = {.data = &number, .capacity = sizeof(number)};

	return agora_log_read(l, cursor, &b, NULL);
}

__attribute__((unused)) static struct agora_stat stat_of(struct agora_log *l)
{
	struct agora_stat stat;

	CHECK_OK(agora_object_stat(agora_log_object(l), &stat));
	return stat;
}

__attribute__((unused)) static void check_sound(struct agora_log *l)
{
	struct agora_check c;

	CHECK_OK(agora_object_check(agora_log_object(l), 0, &c));
	CHECK_EQ(0, c.damaged + c.unreachable + c.orphans + c.owned + c.held);
	CHECK_EQ(c.blocks, c.free + c.published + c.parts);
	/* one more than the capacity may be there until the next append */
	CHECK(c.published - stat_of(l).count <= 1);
}

__attribute__((unused)) static void fill(
	unsigned char *bytes, size_t size, unsigned seed)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = (unsigned char)(seed + i * 7);
}

__attribute__((unused)) static void check_filled(
	const unsigned char *bytes, size_t size, unsigned seed)
{
	for (size_t i = 0; i < size; i++)
		CHECK_EQ((unsigned char)(seed + i * 7), bytes[i]);
}

#endif
