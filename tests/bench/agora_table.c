/*
 * agora_table.c - agora's table, with many writers and with one.
 */
#include "agora_ring.h"
#include "keyed.h"

static void *create(uint32_t writers)
{
	struct agora_options options = {.capacity = KEYED_COUNT,
		.key_size = KEYED_KEY,
		.message_size = KEYED_VALUE,
		.writers = writers};
	int error = agora_object_create(
		agora_bench_space(), "bench/t.table", &options);

	if (error)
		bench_fail("table: %s", agora_strerror(error));
	return NULL;
}

static void *create_many(void)
{
	return create(AGORA_WRITERS_MANY);
}

static void *create_one(void)
{
	return create(AGORA_WRITERS_ONE);
}

static void *attach(void *unused, bool writes)
{
	struct agora_table *table;
	int error = agora_table_open(agora_bench_space(), "bench/t.table",
		writes ? AGORA_WRITE : AGORA_READ, NULL, &table);

	(void)unused;
	if (error)
		bench_fail("table: %s", agora_strerror(error));
	return table;
}

static bool found(int result)
{
	if (result < 0 && result != -ENOENT)
		bench_fail("table: %s", agora_strerror(result));
	return result >= 0;
}

BENCH_INLINE bool get(
	void *table, const struct keyed_key *key, struct keyed_value *value)
{
	struct agora_buffer buffer = {.data = value, .capacity = KEYED_VALUE};

	return found(agora_table_get(table, key, KEYED_KEY, &buffer));
}

BENCH_INLINE void put(void *table, const struct keyed_key *key,
	const struct keyed_value *value)
{
	found(agora_table_put(table, key, KEYED_KEY, value, KEYED_VALUE));
}

BENCH_INLINE bool remove_key(void *table, const struct keyed_key *key)
{
	return found(agora_table_delete(table, key, KEYED_KEY));
}

static const struct keyed_ops many = {
	.row = "agora table",
	.create = create_many,
	.attach = attach,
	.get = get,
	.put = put,
	.remove = remove_key,
};
KEYED(many)

static const struct keyed_ops one = {
	.row = "agora table, one writer",
	.create = create_one,
	.attach = attach,
	.get = get,
	.put = put,
	.remove = remove_key,
};
KEYED(one)
