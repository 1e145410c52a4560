/* golden_kinds.c - maps and sets, strings, bags, heaps and logs of golden.c. */
#include "golden.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* ---- ordered maps and sets --------------------------------------------- */

/* As many keys as give some levels, in no order; some replaced, some gone. */
#define SORTED 200

static void sorted_key(unsigned number, char key[5])
{
	snprintf(key, 5, "%04u", number * 37 % SORTED);
}

void make_sorted(const char *path, uint64_t message_size)
{
	struct agora_options options = {.capacity = SORTED,
		.message_size = message_size,
		.key_size = 64,
		.inline_size = 128};
	size_t size = message_size ? 4 : 0;
	struct agora_object *object;
	char key[5];

	must(agora_object_open(space, path,
		     AGORA_WRITE | AGORA_CREATE | AGORA_EXCLUSIVE, &options,
		     &object),
		path);
	for (unsigned i = 0; i < SORTED + 20; i++) {
		sorted_key(i, key);
		must(agora_object_put(object, key, 4, key, size), "put");
	}
	for (unsigned i = 0; i < 20; i++) {
		sorted_key(i, key);
		must(agora_object_delete(object, key, 4), "delete");
	}
	agora_object_close(object);
}

void read_sorted(const char *path, int take)
{
	char bytes[65], value[4], last[5] = "";
	struct agora_buffer key = {
		.data = bytes, .capacity = 64, .size = SIZE_MAX};
	struct agora_buffer b = {.data = value, .capacity = sizeof(value)};
	struct agora_object *object;
	unsigned count = 0;

	must(agora_object_open(space, path, take ? AGORA_WRITE : AGORA_READ,
		     NULL, &object),
		path);
	for (; !agora_object_next(object, &key, &b); count++) {
		bytes[key.size] = 0;
		if (strcmp(bytes, last) <= 0)
			must(-EILSEQ, "order");
		if (strstr(path, ".map"))
			same(value, b.size, bytes, 4, "value");
		memcpy(last, bytes, 5);
	}
	if (count != SORTED - 20)
		must(-ENOENT, "keys");
	if (take) {
		must(agora_object_put(object, "new", 3, "", 0), "put");
		must(agora_object_delete(object, last, 4), "delete");
		check(object);
	}
	agora_object_close(object);
}

/* ---- strings ---------------------------------------------------------- */

/* The value is long, was appended to, and replaced another. */
void make_string(const char *path, uint32_t writers)
{
	struct agora_options options = {
		.message_size = LONG, .memory = 1 << 20, .writers = writers};
	struct agora_string *string;
	const char *data;
	size_t size;

	must(agora_string_open(space, path,
		     AGORA_WRITE | AGORA_CREATE | AGORA_EXCLUSIVE, &options,
		     &string),
		path);
	for (unsigned i = 0; (data = contents(i, &size)); i++)
		must(agora_string_store(string, data, size), "store");
	must(agora_string_clear(string), "clear");
	must(agora_string_store(string, data = contents(4, &size), LONG / 2),
		"store");
	must(agora_string_append(string, data + LONG / 2, LONG - LONG / 2),
		"append");
	agora_string_close(string);
}

void read_string(const char *path, int take)
{
	static char bytes[LONG];
	struct agora_buffer buffer = {.data = bytes, .capacity = LONG};
	struct agora_string *string;
	uint64_t version = 8;
	size_t size;

	must(agora_string_open(space, path, take ? AGORA_WRITE : AGORA_READ,
		     NULL, &string),
		path);
	must(agora_string_load(string, &buffer), "load");
	same(bytes, buffer.size, contents(4, &size), LONG, "value");
	same(&buffer.version, 8, &version, 8, "version");
	if (take) {
		must(agora_string_store(string, "new", 3), "store");
		must(agora_string_store(string, "newer", 5), "store");
		check(agora_string_object(string));
	}
	agora_string_close(string);
}

/* ---- stacks and lists -------------------------------------------------- */

/* The next message is claimed when the maker is killed. */
void make_bag(const char *path)
{
	struct agora_options options = {.capacity = 64,
		.message_size = LONG,
		.inline_size = 88,
		.memory = 1 << 17};
	struct agora_object *object;
	struct agora_message message;
	const char *data;
	size_t size;

	must(agora_object_open(space, path, AGORA_WRITE | AGORA_CREATE,
		     &options, &object),
		path);
	for (unsigned n = 0; n < OLD; n++) {
		must(agora_object_push(object, "old", 3), "push");
		must(agora_object_acquire(object, &message), "acquire");
		must(agora_object_release(object, &message), "release");
	}
	for (unsigned n = 0; (data = contents(n, &size)); n++)
		must(agora_object_push(object, data, size), "push");
	must(agora_object_acquire(object, &message), "acquire");
}

/* What the n-th message to leave is, of five. */
static const char *leaving(const char *path, unsigned n, size_t *ret_size)
{
	return contents(strstr(path, ".stack") ? 4 - n : n, ret_size);
}

void read_bag(const char *path, int take)
{
	static char bytes[LONG];
	struct agora_buffer buffer = {.data = bytes, .capacity = LONG};
	struct agora_snapshot *snapshot;
	struct agora_object *object;
	const char *data;
	size_t size;

	must(agora_object_open(space, path, take ? AGORA_WRITE : AGORA_READ,
		     NULL, &object),
		path);
	if (take)
		check(object);
	must(agora_object_snapshot(object, &snapshot), "snapshot");
	for (unsigned n = !take; n < 5; n++) {
		data = leaving(path, n, &size);
		must(agora_snapshot_next(snapshot, &buffer), "next");
		same(bytes, buffer.size, data, size, "message");
		if (!take)
			continue;
		must(agora_object_pop(object, &buffer), "pop");
		same(bytes, buffer.size, data, size, "message");
	}
	agora_snapshot_close(snapshot);
	agora_object_close(object);
}

/* ---- heaps ------------------------------------------------------------- */

/* Messages of many priorities, of which some came and went; small ones, equal
 * ones and the largest. */
#define RANKS 300

static uint64_t rank_of(uint64_t n)
{
	return n % 3 ? n * 7 % 100 : UINT64_MAX - n % 10;
}

void make_heap(const char *path, uint32_t flags)
{
	struct agora_options options = {
		.capacity = 1000, .message_size = LONG, .flags = flags};
	struct agora_message message;
	struct agora_buffer buffer = {.data = &(uint64_t){0}, .capacity = 8};
	struct agora_heap *heap;
	size_t size;
	const char *data = contents(4, &size);

	must(agora_heap_open(space, path,
		     AGORA_WRITE | AGORA_CREATE | AGORA_EXCLUSIVE, &options,
		     &heap),
		path);
	for (uint64_t i = 0; i < OLD; i++)
		must(agora_heap_push(heap, i, "old", 3), "push");
	for (uint64_t i = 0; i < OLD; i++)
		must(agora_heap_pop(heap, &buffer), "pop");
	for (uint64_t i = 0; i < RANKS; i++)
		must(agora_heap_push(heap, rank_of(i), &i, 8), "push");
	must(agora_heap_push(heap, UINT64_MAX, data, size), "push");
	must(agora_heap_acquire(heap, &message), "acquire");
	/* The handle stays open: this process dies with its claim. */
}

/* All that is there, in order; of a relaxed heap it only counts. */
static void take_heap(struct agora_heap *heap)
{
	static char bytes[LONG];
	struct agora_buffer buffer = {.data = bytes, .capacity = LONG};
	uint64_t priority = 0, version = 0, count = 0;
	struct agora_stat stat;
	bool strict;

	must(agora_object_stat(agora_heap_object(heap), &stat), "stat");
	strict = !(stat.flags & AGORA_RELAXED);
	for (; !agora_heap_pop(heap, &buffer); count++) {
		if (strict && (buffer.priority < priority ||
				      (buffer.priority == priority &&
					      buffer.version < version)))
			must(-EBADMSG, "order");
		priority = buffer.priority;
		version = buffer.version;
		if (buffer.size == 8 &&
			rank_of(*(uint64_t *)bytes) != buffer.priority)
			must(-EBADMSG, "priority");
	}
	if (count != RANKS + 1)
		must(-ENOENT, "messages");
}

void read_heap(const char *path, int take)
{
	uint64_t first;
	struct agora_buffer buffer = {.data = &first, .capacity = 8};
	struct agora_heap *heap;

	must(agora_heap_open(
		     space, path, take ? AGORA_WRITE : AGORA_READ, NULL, &heap),
		path);
	if (take) {
		check(agora_heap_object(heap));
		take_heap(heap);
		check(agora_heap_object(heap));
	} else {
		must(agora_heap_peek(heap, &buffer), "peek");
		same(&buffer.priority, 8, &(uint64_t){rank_of(first)}, 8,
			"priority");
	}
	agora_heap_close(heap);
}

/* ---- logs -------------------------------------------------------------- */

/* Some that are gone, five that stay; a reader that died registered. */
void make_log(const char *path, uint32_t writers)
{
	struct agora_options options = {.capacity = 5,
		.message_size = LONG,
		.memory = 1 << 20,
		.flags = AGORA_RELIABLE,
		.writers = writers};
	struct agora_log *log;
	uint64_t cursor = OLD;
	const char *data;
	size_t size;

	must(agora_log_open(space, path,
		     AGORA_WRITE | AGORA_CREATE | AGORA_EXCLUSIVE, &options,
		     &log),
		path);
	for (int i = 0; i < OLD; i++)
		must(agora_log_append(log, "old", 3), "append");
	for (unsigned i = 0; (data = contents(i, &size)); i++)
		must(agora_log_append(log, data, size), "append");
	must(agora_log_register(log, &cursor), "register");
	/* The handle stays open: this process dies with it. */
}

void read_log(const char *path, int take)
{
	static char bytes[LONG];
	struct agora_buffer buffer = {.data = bytes, .capacity = LONG};
	struct agora_log *log;
	uint64_t cursor = OLD;
	const char *data;
	size_t size;

	must(agora_log_open(
		     space, path, take ? AGORA_WRITE : AGORA_READ, NULL, &log),
		path);
	for (unsigned i = 0; (data = contents(i, &size)); i++) {
		must(agora_log_read(log, &cursor, &buffer, NULL), "read");
		same(bytes, buffer.size, data, size, "record");
	}
	if (agora_log_read(log, &cursor, &buffer, NULL) != -EAGAIN)
		must(-EEXIST, "a record too many");
	for (int i = 0; take && i < OLD; i++)
		must(agora_log_append(log, "new", 3), "append");
	if (take)
		check(agora_log_object(log));
	agora_log_close(log);
}
