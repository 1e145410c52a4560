/* table_room.c - what fits into a table, and what it costs. */
#include "driver.h"

/* Built a second time for tables with one writer: see table_room_one.c. */
#ifndef WRITERS
#define WRITERS AGORA_WRITERS_MANY
#endif

#define PATH "p/t.table"

static unsigned char data[1 << 20];

static struct agora_table *open_with(const struct agora_options *given)
{
	struct agora_options options = {.writers = WRITERS};
	struct agora_table *t;
	int error = agora_program_create(space, "p", NULL);

	CHECK(!error || error == -EEXIST);
	if (given)
		options = *given;
	if (!options.writers)
		options.writers = WRITERS;
	CHECK_OK(agora_table_open(
		space, PATH, AGORA_WRITE | AGORA_CREATE, &options, &t));
	return t;
}

static void put_number(struct agora_table *t, uint32_t key, uint64_t value)
{
	CHECK_OK(agora_table_put(t, &key, sizeof(key), &value, sizeof(value)));
}

static uint64_t get_number(struct agora_table *t, uint32_t key)
{
	uint64_t value;
	struct agora_buffer b = {.data = &value, .capacity = sizeof(value)};

	CHECK_OK(agora_table_get(t, &key, sizeof(key), &b));
	CHECK_EQ(sizeof(value), b.size);
	return value;
}

static void fill(size_t size, unsigned seed)
{
	for (size_t i = 0; i < size; i++)
		data[i] = (unsigned char)(seed + i * 7 + (i >> 8));
}

/* All blocks are free or hold one of count keys. */
static void check_accounts(struct agora_table *t, uint64_t count)
{
	struct agora_check report;
	struct agora_stat stat;

	CHECK_OK(agora_object_check(agora_table_object(t), 0, &report));
	CHECK_OK(agora_object_stat(agora_table_object(t), &stat));
	CHECK_EQ(0, report.owned);
	CHECK_EQ(count, report.published);
	CHECK_EQ(count, stat.count);
	CHECK_EQ(report.blocks, report.free + report.published + report.parts);
	if (!count)
		CHECK_EQ(0, report.parts);
}

TEST(senseless_options_are_refused)
{
	static const struct agora_options bad[] = {
		{.capacity = (UINT64_C(1) << 26) + 1},
		{.capacity = UINT64_MAX},
		{.key_size = 4097},
		{.message_size = (UINT64_C(1) << 30) + 1},
		{.writers = 3},
		{.flags = AGORA_FIXED},
		{.memory = 4096},
		{.memory = UINT64_MAX},
		{.inline_size = 1 << 20},
	};
	struct agora_table *t = open_with(NULL);

	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK_ERROR(-EINVAL,
			agora_object_create(space, "p/x.table", &bad[i]));
	agora_table_close(t);
}

TEST(capacity_is_what_fits_at_least_and_then_enospc)
{
	static const uint64_t capacities[] = {1, 64, 1000, 20000};

	for (unsigned c = 0; c < 4; c++) {
		struct agora_options options = {.capacity = capacities[c],
			.key_size = 8,
			.message_size = 8};
		struct agora_table *t = open_with(&options);
		uint32_t key = 0;
		uint64_t value = 0;
		int error;

		while (!(error = agora_table_put(t, &key, 4, &value, 8)))
			key++;
		CHECK_ERROR(-ENOSPC, error);
		CHECK(key >= capacities[c]);
		for (uint32_t i = 0; i < key; i++)
			CHECK_EQ(0, get_number(t, i));
		for (uint32_t i = 0; i < key; i++)
			CHECK_OK(agora_table_delete(t, &i, 4));
		check_accounts(t, 0);
		agora_table_close(t);
		CHECK_OK(agora_object_remove(space, PATH));
	}
}

TEST(memory_for_long_values_is_bounded_and_comes_back)
{
	struct agora_options options = {
		.capacity = 100, .message_size = 100000, .memory = 1 << 20};
	struct agora_table *t = open_with(&options);

	for (unsigned round = 0; round < 5; round++) {
		uint32_t key = 0;
		int error;

		fill(100000, round);
		while (!(error = agora_table_put(t, &key, 4, data, 100000)))
			key++;
		CHECK_ERROR(-ENOSPC, error);
		CHECK(key >= 10);
		while (key--)
			CHECK_OK(agora_table_delete(t, &key, 4));
		check_accounts(t, 0);
	}
	agora_table_close(t);
}

TEST(deleted_keys_cost_nothing_for_ever)
{
	struct agora_options options = {
		.capacity = 64, .key_size = 8, .message_size = 8};
	struct agora_table *t = open_with(&options);
	struct agora_check report;

	for (uint32_t i = 0; i < 100000; i++) {
		put_number(t, i, i);
		CHECK_OK(agora_table_delete(t, &i, 4));
	}
	CHECK_OK(agora_object_check(agora_table_object(t), 0, &report));
	CHECK(report.blocks <= 2048);
	check_accounts(t, 0);
	agora_table_close(t);
}

TEST(an_empty_table_takes_little_memory)
{
	struct agora_options options = {.capacity = 1 << 26};
	struct agora_table *t = open_with(&options);
	struct agora_stat stat;

	CHECK_OK(agora_table_put(t, "k", 1, "v", 1));
	CHECK_OK(agora_object_stat(agora_table_object(t), &stat));
	CHECK(stat.memory < 1 << 20);
	agora_table_close(t);
}

TEST(a_million_keys_are_all_there)
{
	struct agora_options options = {
		.capacity = 1000000, .key_size = 8, .message_size = 8};
	struct agora_table *t = open_with(&options);

	for (uint32_t i = 0; i < 1000000; i++)
		put_number(t, i, i * UINT64_C(77));
	for (uint32_t i = 0; i < 1000000; i++)
		CHECK_EQ(i * UINT64_C(77), get_number(t, i));
	check_accounts(t, 1000000);
	agora_table_close(t);
}
