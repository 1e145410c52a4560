/*
 * keys.c - the keys of an object, sorted by their bytes.
 *
 * An object may have millions of keys: they lie one behind the other in one
 * buffer, and what is sorted are their places.
 */
#include "tool.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PART ((size_t)1 << 20) /* how much is printed at once */

struct place {
	size_t offset; /* in keys.bytes */
	size_t size;
	uint64_t value_size;
};

struct keys {
	struct text bytes;
	struct place *places;
	size_t count;
	size_t capacity;
};

static void free_keys(struct keys *keys)
{
	text_free(&keys->bytes);
	free(keys->places);
}

static int add(
	struct keys *keys, const struct agora_buffer *key, uint64_t value_size)
{
	size_t capacity = keys->capacity ? keys->capacity * 2 : 64;
	struct place *places;

	if (keys->count == keys->capacity) {
		places = reallocarray(keys->places, capacity, sizeof(*places));
		if (!places)
			return -ENOMEM;
		keys->places = places;
		keys->capacity = capacity;
	}
	keys->places[keys->count++] =
		(struct place){keys->bytes.size, key->size, value_size};
	return text_append(&keys->bytes, key->data, key->size);
}

/* Read all keys; with the size of each value if full. */
static int read_keys(struct agora_object *object, struct agora_buffer *key,
	bool full, struct keys *keys)
{
	struct agora_buffer value = {0};
	int r;

	key->size = SIZE_MAX;
	do {
		do {
			r = agora_object_next(
				object, key, full ? &value : NULL);
		} while (full && tool_grow(&value, &r));
		if (r == 0)
			r = add(keys, key, value.size);
	} while (r == 0);
	free(value.data);
	return r == -ENOENT ? 0 : r;
}

static int compare(const void *a, const void *b, void *bytes)
{
	const struct place *x = a;
	const struct place *y = b;
	const char *data = bytes;
	size_t size = x->size < y->size ? x->size : y->size;
	int r = size ? memcmp(data + x->offset, data + y->offset, size) : 0;

	if (r)
		return r;
	return (x->size > y->size) - (x->size < y->size);
}

static int print_key(struct text *out, const struct keys *keys,
	const struct place *place, bool full)
{
	int r = text_escape(out, keys->bytes.data + place->offset, place->size);

	if (r == 0 && full)
		r = text_print(out, "\t%" PRIu64, place->value_size);
	if (r == 0)
		r = text_append(out, "\n", 1);
	return r;
}

static int print_keys(const struct keys *keys, bool full)
{
	struct text out = {0};
	size_t i;
	int r = 0;

	for (i = 0; i < keys->count && r == 0; i++) {
		if (out.size > PART) {
			r = tool_print(&out, 0);
			if (r)
				return r;
		}
		r = print_key(&out, keys, &keys->places[i], full);
	}
	return tool_print(&out, r);
}

/* As JSON a key is written as in a line, which is how agora get takes it. */
static int print_list(const struct keys *keys, bool full)
{
	struct list list = {0};
	struct text shown = {0};
	size_t i;
	int r = 0;

	for (i = 0; i < keys->count && r == 0; i++) {
		const struct place *place = &keys->places[i];
		struct record record = {0};

		shown.size = 0;
		r = text_escape(
			&shown, keys->bytes.data + place->offset, place->size);
		record_bytes(&record, "key", shown.data, shown.size);
		if (full)
			record_number(&record, "size", place->value_size);
		if (r == 0)
			r = list_add(&list, &record);
		else
			record_free(&record);
	}
	text_free(&shown);
	if (r < 0)
		return tool_error("keys", r);
	return list_print(&list);
}

static int sort_and_print(struct keys *keys, bool full)
{
	if (keys->count)
		qsort_r(keys->places, keys->count, sizeof(*keys->places),
			compare, keys->bytes.data);
	if (tool_json())
		return print_list(keys, full);
	return print_keys(keys, full);
}

int list_keys(const char *path, bool full)
{
	struct agora_object *object;
	struct agora_buffer key = {0};
	struct agora_stat stat;
	struct keys keys = {0};
	int r = tool_open(path, AGORA_READ, AGORA_CAN_GET, &object);

	if (r)
		return r;
	r = agora_object_stat(object, &stat);
	if (r == 0) {
		key.capacity = stat.key_size;
		key.data = malloc(key.capacity + 1);
		r = key.data ? read_keys(object, &key, full, &keys) : -ENOMEM;
	}
	agora_object_close(object);
	r = r < 0 ? tool_error(path, r) : sort_and_print(&keys, full);
	free(key.data);
	free_keys(&keys);
	return r;
}
