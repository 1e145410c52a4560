/*
 * agora_map.c - agora's ordered map.
 */
#include "agora_ring.h"
#include "keyed.h"

#define PATH "bench/m.map"

static void must(int result)
{
	if (result < 0)
		bench_fail("map: %s", agora_strerror(result));
}

static void *create(void)
{
	struct agora_options options = {.capacity = KEYED_COUNT,
		.key_size = KEYED_KEY,
		.message_size = KEYED_VALUE};

	must(agora_object_create(agora_bench_space(), PATH, &options));
	return NULL;
}

static void *attach(void *unused, bool writes)
{
	struct agora_map *map;

	(void)unused;
	must(agora_map_open(agora_bench_space(), PATH,
		writes ? AGORA_WRITE : AGORA_READ, NULL, &map));
	return map;
}

static bool found(int result)
{
	if (result != -ENOENT)
		must(result);
	return result >= 0;
}

BENCH_INLINE bool get(
	void *map, const struct keyed_key *key, struct keyed_value *value)
{
	struct agora_buffer buffer = {.data = value, .capacity = KEYED_VALUE};

	return found(agora_map_get(map, key, KEYED_KEY, &buffer));
}

BENCH_INLINE void put(
	void *map, const struct keyed_key *key, const struct keyed_value *value)
{
	must(agora_map_put(map, key, KEYED_KEY, value, KEYED_VALUE));
}

BENCH_INLINE bool remove_key(void *map, const struct keyed_key *key)
{
	return found(agora_map_delete(map, key, KEYED_KEY));
}

struct scan {
	struct keyed_value *values;
	unsigned count;
};

static int take(void *argument, const struct agora_entry *entry)
{
	struct scan *scan = argument;

	memcpy(&scan->values[scan->count++], entry->value, KEYED_VALUE);
	return 0;
}

static unsigned scan_from(
	void *map, const struct keyed_key *from, struct keyed_value *values)
{
	struct agora_range range = {
		.from = from, .from_size = KEYED_KEY, .limit = KEYED_SCAN};
	struct scan scan = {values, 0};

	must(agora_map_range(map, &range, take, &scan));
	return scan.count;
}

static const struct keyed_ops agora_map_ops = {
	.row = "agora map",
	.create = create,
	.attach = attach,
	.get = get,
	.put = put,
	.remove = remove_key,
	.scan = scan_from,
};
KEYED(agora_map_ops)
