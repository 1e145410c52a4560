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
#include "golden.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct agora_space *space;

void must(int r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, agora_strerror(r));
	exit(1);
}

void same(const void *a, size_t a_size, const void *b, size_t b_size,
	const char *what)
{
	if (a_size == b_size && !memcmp(a, b, a_size))
		return;
	fprintf(stderr, "%s: %zu bytes, not the %zu expected\n", what, a_size,
		b_size);
	exit(1);
}

const char *contents(unsigned n, size_t *ret_size)
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

void check(struct agora_object *object)
{
	struct agora_check report;

	must(agora_object_check(object, 1, &report), "check");
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
