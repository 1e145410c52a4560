/*
 * scan_map.c - maps from objects of JSON, or from lists of pairs.
 *
 * Keys come in any order there, and ascend here: what was written is put in
 * order in the end.
 */
#include "type/scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	size_t at, size;      /* in what is written */
	size_t key, key_size; /* likewise */
	size_t text;          /* where in the text it begins */
};

struct map {
	const struct agora_type *type;
	unsigned key, value;
	struct entry *entries;
	size_t count, room;
};

static int add(struct map *map, const struct entry *entry)
{
	size_t room = map->room ? 2 * map->room : 16;
	struct entry *more;

	if (map->count == map->room) {
		more = reallocarray(map->entries, room, sizeof(*more));
		if (!more)
			return -ENOMEM;
		map->entries = more;
		map->room = room;
	}
	map->entries[map->count++] = *entry;
	return 0;
}

static int scan_entry(struct type_scan *s, const struct type_step *step,
	struct map *map, bool object)
{
	struct entry entry = {.at = s->out_size};
	int error = object ? 0 : type_expect(s, step, '[');

	type_peek(s);
	entry.text = s->at;
	if (!error)
		error = type_scan_element(s, step, map->type, map->key);
	entry.key = entry.at + (map->type->node[map->key].bytes ? 0 : 4);
	entry.key_size = s->out_size - entry.key;
	if (!error)
		error = type_expect(s, step, object ? ':' : ',');
	if (!error)
		error = type_scan_element(s, step, map->type, map->value);
	if (!error && !object)
		error = type_expect(s, step, ']');
	entry.size = s->out_size - entry.at;
	return error ? error : add(map, &entry);
}

/* ---- order ---- */

static int compare(const void *a, const void *b, void *context)
{
	const struct entry *one = a, *other = b;
	const uint8_t *out = context;

	return type_compare(out + one->key, one->key_size, out + other->key,
		other->key_size);
}

static int put_in_order(struct type_scan *s, const struct type_step *step,
	struct map *map, size_t start)
{
	size_t size = s->out_size - start, at = 0;
	uint8_t *copy;

	if (map->count < 2)
		return 0;
	qsort_r(map->entries, map->count, sizeof(*map->entries), compare,
		s->out);
	for (size_t i = 1; i < map->count; i++)
		if (!compare(&map->entries[i - 1], &map->entries[i], s->out))
			return type_refuse(s, step, map->entries[i].text,
				"a key that is there twice");
	copy = malloc(size);
	if (!copy)
		return -ENOMEM;
	for (size_t i = 0; i < map->count; i++) {
		memcpy(copy + at, s->out + map->entries[i].at,
			map->entries[i].size);
		at += map->entries[i].size;
	}
	memcpy(s->out + start, copy, size);
	free(copy);
	return 0;
}

static int scan_entries(
	struct type_scan *s, const struct type_step *up, struct map *map)
{
	bool object = type_is_text(map->type, map->key);
	struct type_step step = {.up = up};
	char close = object ? '}' : ']';
	int error;

	if (!type_accept(s, object ? '{' : '['))
		return type_refuse(s, up, s->at,
			object ? "not an object: '{' is missing here"
			       : "not a list of pairs: '[' is missing here");
	if (type_accept(s, close))
		return 0;
	do {
		error = scan_entry(s, &step, map, object);
		step.index++;
	} while (!error && type_accept(s, ','));
	return error ? error : type_expect(s, up, close);
}

int type_scan_map(struct type_scan *s, const struct type_step *step,
	const struct agora_type *type, unsigned n)
{
	unsigned key = type->node[n].first;
	struct map map = {type, key, type->node[key].next, NULL, 0, 0};
	size_t start = s->out_size;
	int error = scan_entries(s, step, &map);

	if (!error)
		error = put_in_order(s, step, &map, start);
	free(map.entries);
	return error;
}
