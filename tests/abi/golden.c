/*
 * golden.c - write objects of known contents, and read them back.
 *
 *   golden make SPACE    make the program "golden" and all objects
 *   golden look SPACE PATH   look at one, from a read-only mapping
 *   golden take SPACE PATH   recover the dead, take all, check that it is sound
 *
 * What "make" wrote with an earlier library must be what a later one reads.
 * Its last act is to be killed with a message claimed: the golden files hold
 * a dead client.
 */
#include <agora/agora.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LONG 20000
#define OLD  40 /* messages that came and went before those that stay */

static struct agora_space *space;

static void must(int r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, agora_strerror(r));
	exit(1);
}

static void same(const void *a, size_t a_size, const void *b, size_t b_size,
	const char *what)
{
	if (a_size == b_size && !memcmp(a, b, a_size))
		return;
	fprintf(stderr, "%s: %zu bytes, not the %zu expected\n", what, a_size,
		b_size);
	exit(1);
}

/* The contents of message or value number n; NULL after the last. */
static const char *contents(unsigned n, size_t *ret_size)
{
	static const char *const shorts[] = {"first", "", "ünïcode", "a\tb"};
	static char bytes[LONG];

	if (n > 4)
		return NULL;
	if (n < 4) {
		*ret_size = strlen(shorts[n]);
		return shorts[n];
	}
	for (size_t i = 0; i < LONG; i++)
		bytes[i] = "0123456789abcdefghijk\n"[i % 22];
	*ret_size = LONG;
	return bytes;
}

/* Keys: as long as the values are short. */
static const char *key_of(unsigned n, size_t *ret_size)
{
	static const char *const keys[] = {
		"k", "", "schlüssel", "key with spaces", "long"};

	*ret_size = strlen(keys[n]);
	return keys[n];
}

/* ---- a queue for messages of any size -------------------------------- */

static struct agora_queue *open_queue(
	const char *path, uint32_t flags, const struct agora_options *options)
{
	struct agora_queue *queue;

	must(agora_queue_open(space, path, flags, options, &queue), path);
	return queue;
}

static void make_any(const char *path, uint32_t flags)
{
	struct agora_options options = {.capacity = 16,
		.message_size = LONG,
		.type = "utf8",
		.flags = flags};
	struct agora_queue *queue = open_queue(
		path, AGORA_WRITE | AGORA_CREATE | AGORA_EXCLUSIVE, &options);
	struct agora_message message;
	const char *data;
	size_t size;

	for (int i = 0; i < OLD; i++) {
		must(agora_queue_push(queue, "old", 3), "push");
		must(agora_queue_acquire(queue, &message), "acquire");
		must(agora_queue_release(queue, &message), "release");
	}
	for (unsigned i = 0; (data = contents(i, &size)); i++)
		must(agora_queue_push(queue, data, size), "push");
	must(agora_queue_acquire(queue, &message), "acquire");
	/* The handle stays open: this process dies with its claim. */
}

static void take_any(struct agora_queue *queue)
{
	static char bytes[LONG];
	struct agora_buffer buffer = {.data = bytes, .capacity = LONG};
	const char *data;
	size_t size;

	for (unsigned i = 0; (data = contents(i, &size)); i++) {
		must(agora_queue_pop(queue, &buffer), "pop");
		same(bytes, buffer.size, data, size, "message");
	}
	if (agora_queue_pop(queue, &buffer) != -EAGAIN)
		must(-EEXIST, "a message too many");
}

/* The first message is claimed by the dead: who only looks skips it. */
static void look_any(struct agora_queue *queue)
{
	static char bytes[LONG];
	struct agora_buffer buffer = {.data = bytes, .capacity = LONG};
	uint64_t cursor = 0;
	const char *data;
	size_t size;

	for (unsigned i = 1; (data = contents(i, &size)); i++) {
		must(agora_queue_walk(queue, &cursor, &buffer), "walk");
		same(bytes, buffer.size, data, size, "message");
	}
}

/* ---- a queue for messages of one size -------------------------------- */

static void make_fixed(const char *path, uint32_t flags)
{
	struct agora_options options = {.capacity = 10,
		.message_size = 8,
		.flags = AGORA_FIXED | flags};
	struct agora_queue *queue = open_queue(
		path, AGORA_WRITE | AGORA_CREATE | AGORA_EXCLUSIVE, &options);
	struct agora_buffer buffer = {.data = &(uint64_t){0}, .capacity = 8};

	uint64_t batch[10];
	struct iovec messages[10];

	for (uint64_t i = 1; i < OLD; i++) {
		must(agora_queue_push(queue, &i, sizeof(i)), "push");
		must(agora_queue_pop(queue, &buffer), "pop");
	}
	/* A packet, the first message of which is taken. */
	for (unsigned i = 0; i < 10; i++) {
		batch[i] = OLD + i;
		messages[i] = (struct iovec){&batch[i], 8};
	}
	must(agora_queue_push_batch(queue, messages, 10), "push a batch");
	must(agora_queue_pop(queue, &buffer), "pop");
	batch[0] = OLD + 10;
	must(agora_queue_push(queue, &batch[0], 8), "push");
	agora_queue_close(queue);
}

static void read_fixed(struct agora_queue *queue, int take)
{
	uint64_t value, expected, cursor = 0;
	struct agora_buffer buffer = {
		.data = &value, .capacity = sizeof(value)};

	for (expected = OLD + 1; expected <= OLD + 10; expected++) {
		must(take ? agora_queue_pop(queue, &buffer)
			  : agora_queue_walk(queue, &cursor, &buffer),
			"read");
		same(&value, buffer.size, &expected, 8, "message");
	}
}

/* ---- tables ----------------------------------------------------------- */

static void make_table(const char *path, uint32_t writers)
{
	struct agora_options options = {.capacity = 100,
		.message_size = LONG,
		.key_size = 64,
		.memory = 1 << 20,
		.writers = writers};
	const char *key, *data;
	size_t key_size, size;
	struct agora_table *table;

	must(agora_table_open(space, path,
		     AGORA_WRITE | AGORA_CREATE | AGORA_EXCLUSIVE, &options,
		     &table),
		path);
	for (unsigned i = 0; (data = contents(i, &size)); i++) {
		key = key_of(i, &key_size);
		must(agora_table_put(table, key, key_size, "old", 3), "put");
		must(agora_table_put(table, key, key_size, data, size), "put");
	}
	must(agora_table_put(table, "gone", 4, "", 0), "put");
	must(agora_table_delete(table, "gone", 4), "delete");
	must(agora_table_add(table, "count", 5, 41, NULL), "add");
	agora_table_close(table);
}

static void read_table(struct agora_table *table)
{
	static char bytes[LONG];
	struct agora_buffer buffer = {.data = bytes, .capacity = LONG};
	int64_t count = 41;
	const char *key, *data;
	size_t key_size, size;

	for (unsigned i = 0; (data = contents(i, &size)); i++) {
		key = key_of(i, &key_size);
		must(agora_table_get(table, key, key_size, &buffer), "get");
		same(bytes, buffer.size, data, size, "value");
	}
	must(agora_table_get(table, "count", 5, &buffer), "get");
	same(bytes, buffer.size, &count, sizeof(count), "counter");
	if (agora_table_get(table, "gone", 4, &buffer) != -ENOENT)
		must(-EEXIST, "a deleted key");
}

static void check(struct agora_object *object)
{
	struct agora_check report;

	must(agora_object_check(object, 1, &report), "check");
}

/* ---- ordered maps and sets --------------------------------------------- */

/* As many keys as give some levels, in no order; some replaced, some gone. */
#define SORTED 200

static void sorted_key(unsigned number, char key[5])
{
	snprintf(key, 5, "%04u", number * 37 % SORTED);
}

static void make_sorted(const char *path, uint64_t message_size)
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

static void read_sorted(const char *path, int take)
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
static void make_string(const char *path, uint32_t writers)
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

static void read_string(const char *path, int take)
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
static void make_bag(const char *path)
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

static void read_bag(const char *path, int take)
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

static void make_heap(const char *path, uint32_t flags)
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

static void read_heap(const char *path, int take)
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
static void make_log(const char *path, uint32_t writers)
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

static void read_log(const char *path, int take)
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

/* ---- what the tests call ---------------------------------------------- */

static void make(void)
{
	must(agora_program_create(space, "golden", NULL), "golden");
	make_fixed("golden/fixed.queue", 0);
	make_fixed("golden/spsc-fixed.queue", AGORA_SPSC);
	make_table("golden/many.table", AGORA_WRITERS_MANY);
	make_table("golden/one.table", AGORA_WRITERS_ONE);
	make_sorted("golden/x.map", 64);
	make_sorted("golden/y.set", 0);
	make_string("golden/many.string", AGORA_WRITERS_MANY);
	make_string("golden/one.string", AGORA_WRITERS_ONE);
	make_bag("golden/any.list");
	make_bag("golden/any.stack");
	make_heap("golden/strict.heap", 0);
	make_heap("golden/relaxed.heap", AGORA_RELAXED);
	make_log("golden/many.log", AGORA_WRITERS_MANY);
	make_log("golden/one.log", AGORA_WRITERS_ONE);
	make_any("golden/any.queue", 0);
	make_any("golden/spsc-any.queue", AGORA_SPSC);
	kill(getpid(), SIGKILL);
}

static void read_queue(const char *path, int take)
{
	struct agora_queue *queue =
		open_queue(path, take ? AGORA_WRITE : AGORA_READ, NULL);

	if (take)
		check(agora_queue_object(queue));
	if (strstr(path, "fixed"))
		read_fixed(queue, take);
	else if (take)
		take_any(queue);
	else
		look_any(queue);
	agora_queue_close(queue);
}

static void read_object(const char *path, int take)
{
	struct agora_table *table;

	if (strstr(path, ".queue")) {
		read_queue(path, take);
		return;
	}
	if (strstr(path, ".heap")) {
		read_heap(path, take);
		return;
	}
	if (strstr(path, ".map") || strstr(path, ".set")) {
		read_sorted(path, take);
		return;
	}
	if (strstr(path, ".string")) {
		read_string(path, take);
		return;
	}
	if (strstr(path, ".stack") || strstr(path, ".list")) {
		read_bag(path, take);
		return;
	}
	if (strstr(path, ".log")) {
		read_log(path, take);
		return;
	}
	must(agora_table_open(space, path, take ? AGORA_WRITE : AGORA_READ,
		     NULL, &table),
		path);
	read_table(table);
	if (take) {
		must(agora_table_put(table, "new", 3, "value", 5), "put");
		check(agora_table_object(table));
	}
	agora_table_close(table);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	must(agora_space_open(argv[2], &space), argv[2]);
	if (!strcmp(argv[1], "make"))
		make();
	else if (argc > 3)
		read_object(argv[3], !strcmp(argv[1], "take"));
	agora_space_close(space);
	return 0;
}
