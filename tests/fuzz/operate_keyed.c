/* operate_keyed.c - what tables, maps and sets have, for operate.c. */
#include "operate.h"

/* ---- tables ---- */

static const struct {
	const char *data;
	size_t size;
} keys[] = {{"1", 1}, {"5", 1}, {"12", 2}, {"24", 2},
	{"27a long key that is long for us", 32}, {"count", 5}, {"new", 3},
	{"", 0}};

#define KEYS (sizeof(keys) / sizeof(*keys))

static int do_get(struct run *r)
{
	int result = 0;

	for (size_t i = 0; i < KEYS; i++) {
		struct agora_buffer b = buffer(r);

		result = copied(agora_object_get(r->object, keys[i].data,
					keys[i].size, &b),
			&b);
	}
	return result;
}

static int do_next(struct run *r)
{
	struct agora_buffer key = {
		.data = r->key, .capacity = r->key_size, .size = SIZE_MAX};
	int result = 0;

	for (int i = 0; !result && i < 200; i++) {
		struct agora_buffer b = buffer(r);

		result = copied(agora_object_next(r->object, &key, &b), &b);
		copied(result, &key);
	}
	return result;
}

static int do_put(struct run *r)
{
	static const char bytes[FUZZ_LONG];
	int result = 0;

	for (size_t i = 0; i < KEYS; i += 2)
		result = agora_object_put(r->object, keys[i].data, keys[i].size,
			bytes, size_to_write(r));
	return result;
}

static int do_swap(struct run *r)
{
	struct agora_buffer old = buffer(r);
	struct agora_buffer new = {
		.data = (void *)"swapped", .capacity = 7, .size = 7};

	return copied(
		agora_table_swap((struct agora_table *)r->object,
			keys[r->turn].data, keys[r->turn].size, &new, &old),
		&old);
}

static int do_compare(struct run *r)
{
	struct agora_buffer b = buffer(r);
	struct agora_table *table = (struct agora_table *)r->object;

	if (agora_table_get(table, "12", 2, &b))
		b = (struct agora_buffer){0};
	b = (struct agora_buffer){.data = (void *)"compared",
		.capacity = 8,
		.size = 8,
		.version = b.version};
	return agora_table_compare(table, "12", 2, &b, NULL);
}

static int do_add(struct run *r)
{
	return agora_table_add(
		(struct agora_table *)r->object, "count", 5, 1, NULL);
}

static int do_delete(struct run *r)
{
	int result = 0;

	for (size_t i = 1; i < KEYS; i += 2)
		result = agora_object_delete(
			r->object, keys[i].data, keys[i].size);
	return result;
}

/* ---- ordered maps and sets ---- */

struct seen {
	const struct run *run;
	unsigned entries, sum;
};

/* The copies are as large as they say. */
static int visit(void *argument, const struct agora_entry *entry)
{
	struct seen *seen = argument;
	const unsigned char *key = entry->key, *value = entry->value;

	if (entry->key_size > seen->run->key_size)
		fuzz_fail("a key of %zu", entry->key_size);
	for (size_t i = 0; i < entry->key_size; i++)
		seen->sum += key[i];
	for (size_t i = 0; i < entry->value_size; i++)
		seen->sum += value[i];
	return seen->entries++ > 100;
}

static int do_range(struct run *r)
{
	const struct agora_range range = {
		.from = "12", .from_size = 2, .to = "5", .to_size = 1};
	struct seen seen = {.run = r};
	int result = agora_map_range(
		(struct agora_map *)r->object, &range, visit, &seen);

	return result > 0 ? 0 : result;
}

static int do_count(struct run *r)
{
	uint64_t count;

	return agora_map_count((struct agora_map *)r->object, NULL, &count);
}

static int do_previous(struct run *r)
{
	struct agora_buffer key = {
		.data = r->key, .capacity = r->key_size, .size = SIZE_MAX};
	int result = 0;

	for (int i = 0; !result && i < 200; i++) {
		struct agora_buffer b = buffer(r);

		result =
			copied(agora_map_previous(
				       (struct agora_map *)r->object, &key, &b),
				&b);
		copied(result, &key);
	}
	return result;
}

static int do_map_swap(struct run *r)
{
	struct agora_buffer old = buffer(r);
	struct agora_buffer new = {
		.data = (void *)"swapped", .capacity = 7, .size = 7};

	return copied(agora_map_swap((struct agora_map *)r->object, "12", 2,
			      &new, &old),
		&old);
}

static int do_map_add(struct run *r)
{
	return agora_map_add(
		(struct agora_map *)r->object, "count", 5, 1, NULL);
}

static int do_join(struct run *r)
{
	int result = 0;

	for (size_t i = 0; i < KEYS; i += 2)
		result = agora_set_add((struct agora_set *)r->object,
			keys[i].data, keys[i].size);
	return result < 0 ? result : 0;
}

static const struct operation rows[] = {
	{"get", &kind_table, false, do_get},
	{"next", &kind_table, false, do_next},
	{"put", &kind_table, true, do_put},
	{"swap", &kind_table, true, do_swap},
	{"compare", &kind_table, true, do_compare},
	{"add", &kind_table, true, do_add},
	{"delete", &kind_table, true, do_delete},
	{"get", &kind_map, false, do_get},
	{"next", &kind_map, false, do_next},
	{"previous", &kind_map, false, do_previous},
	{"range", &kind_map, false, do_range},
	{"count", &kind_map, false, do_count},
	{"put", &kind_map, true, do_put},
	{"swap", &kind_map, true, do_map_swap},
	{"add", &kind_map, true, do_map_add},
	{"delete", &kind_map, true, do_delete},
	{"put", &kind_map, true, do_put},
	{"get", &kind_set, false, do_get},
	{"next", &kind_set, false, do_next},
	{"previous", &kind_set, false, do_previous},
	{"range", &kind_set, false, do_range},
	{"join", &kind_set, true, do_join},
	{"delete", &kind_set, true, do_delete},
	{"join", &kind_set, true, do_join},
};

const struct operations operate_keyed = OPERATIONS(rows);
