/*
 * instructions.c - the hot paths whose instructions are counted.
 *
 *	instructions ROUNDS     each path ROUNDS times, in a function path_NAME
 *
 * It is run under callgrind by count.py, which takes what each of these
 * functions cost, divided by ROUNDS. Every path is walked before, outside
 * of them: what happens only once (linking, first blocks) is not counted.
 *
 * To count another one: write PATH(name) and add a line to paths.
 */
#include <agora/agora.h>

#include <errno.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEYS 1024

static struct agora_queue *fixed, *any;
static struct agora_queue *spsc_8, *spsc_64, *spsc_any;
static struct agora_table *many, *one;
static char keys[2 * KEYS][16], value[64];
static char data[64];

#define PATH(name)                                                            \
	__attribute__((noinline, noclone)) void path_##name(unsigned rounds); \
	void path_##name(unsigned rounds)

static void check(int result)
{
	if (result >= 0)
		return;
	fprintf(stderr, "instructions: %s\n", agora_strerror(result));
	exit(1);
}

static void push_pop(struct agora_queue *queue, size_t size, unsigned rounds)
{
	struct agora_buffer buffer = {.data = data, .capacity = sizeof(data)};

	while (rounds--) {
		check(agora_queue_push(queue, data, size));
		check(agora_queue_pop(queue, &buffer));
	}
}

PATH(push_pop_fixed_8)
{
	push_pop(fixed, 8, rounds);
}

PATH(push_pop_any_64)
{
	push_pop(any, 64, rounds);
}

PATH(spsc_push_pop_fixed_8)
{
	push_pop(spsc_8, 8, rounds);
}

PATH(spsc_push_pop_any_64)
{
	push_pop(spsc_any, 64, rounds);
}

#define BATCH 32

static void push_pop_batch(struct agora_queue *queue)
{
	struct iovec messages[BATCH];
	struct agora_buffer buffers[BATCH];

	for (int i = 0; i < BATCH; i++) {
		messages[i] = (struct iovec){data, 8};
		buffers[i] = (struct agora_buffer){
			.data = data, .capacity = sizeof(data)};
	}
	check(agora_queue_push_batch(queue, messages, BATCH));
	check(agora_queue_pop_batch(queue, buffers, BATCH));
}

/* Of each message, with what it takes to prepare them. */
PATH(spsc_push_pop_batch_fixed_8)
{
	for (unsigned i = 0; i < rounds / BATCH; i++)
		push_pop_batch(spsc_8);
}

/* In place, at both ends. */
static void reserve_acquire(struct agora_queue *queue)
{
	struct agora_reservation room;
	struct agora_message message;

	check(agora_queue_reserve(queue, 64, &room));
	memcpy(room.data, data, 64);
	check(agora_queue_commit(queue, &room));
	check(agora_queue_acquire(queue, &message));
	check(agora_queue_release(queue, &message));
}

PATH(spsc_reserve_acquire_fixed_64)
{
	while (rounds--)
		reserve_acquire(spsc_64);
}

PATH(push_acquire_release_fixed_8)
{
	struct agora_message message;

	while (rounds--) {
		check(agora_queue_push(fixed, data, 8));
		check(agora_queue_acquire(fixed, &message));
		check(agora_queue_release(fixed, &message));
	}
}

PATH(pop_empty)
{
	struct agora_buffer buffer = {.data = data, .capacity = sizeof(data)};

	while (rounds--)
		if (agora_queue_pop(fixed, &buffer) != -EAGAIN)
			check(-EINVAL);
}

static void get(unsigned first, int expected, unsigned rounds)
{
	struct agora_buffer buffer = {.data = data, .capacity = sizeof(data)};

	while (rounds--)
		if (agora_table_get(many, keys[first + rounds % KEYS], 16,
			    &buffer) != expected)
			check(-EINVAL);
}

PATH(table_get_hit)
{
	get(0, 0, rounds);
}

PATH(table_get_miss)
{
	get(KEYS, -ENOENT, rounds);
}

static void put(struct agora_table *table, unsigned rounds)
{
	while (rounds--)
		check(agora_table_put(
			table, keys[rounds % KEYS], 16, value, sizeof(value)));
}

PATH(table_put)
{
	put(many, rounds);
}

PATH(table_put_one_writer)
{
	put(one, rounds);
}

static void put_delete(struct agora_table *table, unsigned rounds)
{
	while (rounds--) {
		const char *key = keys[KEYS + rounds % KEYS];

		check(agora_table_put(table, key, 16, value, sizeof(value)));
		check(agora_table_delete(table, key, 16));
	}
}

PATH(table_insert_delete)
{
	put_delete(many, rounds);
}

PATH(table_insert_delete_one_writer)
{
	put_delete(one, rounds);
}

static void (*const paths[])(unsigned rounds) = {
	path_push_pop_fixed_8,
	path_push_pop_any_64,
	path_spsc_push_pop_fixed_8,
	path_spsc_push_pop_any_64,
	path_spsc_push_pop_batch_fixed_8,
	path_spsc_reserve_acquire_fixed_64,
	path_push_acquire_release_fixed_8,
	path_pop_empty,
	path_table_get_hit,
	path_table_get_miss,
	path_table_put,
	path_table_put_one_writer,
	path_table_insert_delete,
	path_table_insert_delete_one_writer,
};

static struct agora_table *open_table(
	struct agora_space *space, const char *path, uint32_t writers)
{
	struct agora_options options = {
		.capacity = 16 * KEYS, .writers = writers};
	struct agora_table *table;

	check(agora_table_open(
		space, path, AGORA_WRITE | AGORA_CREATE, &options, &table));
	put(table, KEYS);
	return table;
}

static struct agora_queue *open_queue(struct agora_space *space,
	const char *path, uint32_t flags, uint64_t size)
{
	struct agora_options options = {.message_size = size, .flags = flags};
	struct agora_queue *queue;

	check(agora_queue_open(
		space, path, AGORA_WRITE | AGORA_CREATE, &options, &queue));
	return queue;
}

/* Twice through the ring, so that every block was in use. */
#define WARM 4096

static void walk(struct agora_space *space, unsigned rounds)
{
	check(agora_program_create(space, "bench", NULL));
	fixed = open_queue(space, "bench/fixed.queue", AGORA_FIXED, 8);
	any = open_queue(space, "bench/any.queue", 0, 0);
	spsc_8 =
		open_queue(space, "bench/8.queue", AGORA_FIXED | AGORA_SPSC, 8);
	spsc_64 = open_queue(
		space, "bench/64.queue", AGORA_FIXED | AGORA_SPSC, 64);
	spsc_any = open_queue(space, "bench/spsc.queue", AGORA_SPSC, 0);
	many = open_table(space, "bench/many.table", AGORA_WRITERS_MANY);
	one = open_table(space, "bench/one.table", AGORA_WRITERS_ONE);
	push_pop(fixed, 8, WARM);
	push_pop(any, 64, WARM);
	push_pop(spsc_8, 8, WARM);
	push_pop(spsc_any, 64, WARM);
	push_pop(spsc_64, 64, WARM);
	put(many, WARM);
	put(one, WARM);
	put_delete(many, WARM);
	put_delete(one, WARM);
	get(0, 0, 1);
	for (unsigned i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		paths[i](rounds);
}

int main(int argc, char **argv)
{
	unsigned rounds = argc == 2 ? (unsigned)atoi(argv[1]) : 0;
	char dir[] = "/dev/shm/agora-count-XXXXXX", command[64];
	struct agora_space *space;

	if (!rounds || !mkdtemp(dir)) {
		fprintf(stderr, "usage: %s ROUNDS\n", argv[0]);
		return 2;
	}
	for (unsigned i = 0; i < 2 * KEYS; i++) {
		char text[32];

		snprintf(text, sizeof(text), "key-%012u", i);
		memcpy(keys[i], text, 16);
	}
	check(agora_space_open(dir, &space));
	walk(space, rounds);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command) != 0;
}
