/*
 * agora_table_kill.c - a writer and a reader of agora's table, killed: W9.
 *
 * The operations on a key are numbered; every fourth deletes it. started and
 * done say how far they came: a reader must find what one of the operations
 * from done (before it looked) to started (after) left.
 */
#include "agora_ring.h"
#include "kill.h"

#include <agora/agora.h>

#define KEYS  512
#define WORDS 8

struct log {
	uint64_t next; /* which key, for the next writer as well */
	uint64_t started[KEYS], done[KEYS];
};

static const char path[] = "bench/kill.table";

static struct agora_table *opened(uint32_t flags)
{
	struct agora_table *table;
	int error = agora_table_open(
		agora_bench_space(), path, flags, NULL, &table);

	if (error)
		bench_fail("table: %s", agora_strerror(error));
	return table;
}

static bool deletes(uint64_t number)
{
	return number % 4 == 0;
}

static int change(struct agora_table *table, uint64_t key, uint64_t number)
{
	uint64_t words[WORDS];
	int result;

	for (unsigned i = 0; i < WORDS; i++)
		words[i] = number << 16 | key;
	if (!deletes(number))
		return agora_table_put(
			table, &key, sizeof(key), words, sizeof(words));
	result = agora_table_delete(table, &key, sizeof(key));
	return result == -ENOENT ? 0 : result;
}

static void write_all(struct kill_game *game)
{
	struct log *log = game->context;
	struct agora_table *table = opened(AGORA_WRITE);

	for (;; log->next++) {
		uint64_t key = log->next * 7919 % KEYS;
		uint64_t number = log->started[key] + 1;
		int result;

		__atomic_store_n(&log->started[key], number, __ATOMIC_RELEASE);
		while ((result = change(table, key, number)) == -EBUSY)
			bench_yield();
		if (result < 0)
			bench_fail("table: %s", agora_strerror(result));
		__atomic_store_n(&log->done[key], number, __ATOMIC_RELEASE);
		__atomic_fetch_add(&game->steps[0], 1, __ATOMIC_RELAXED);
	}
}

/* Whether an operation of a range leaves a key without a value. */
static bool may_be_gone(uint64_t from, uint64_t to)
{
	for (uint64_t number = from; number <= to; number++)
		if (deletes(number))
			return true;
	return false;
}

static void look(
	struct kill_game *game, struct agora_table *table, uint64_t key)
{
	struct log *log = game->context;
	uint64_t words[WORDS], from, to;
	struct agora_buffer buffer = {.data = words, .capacity = sizeof(words)};
	int result;

	from = __atomic_load_n(&log->done[key], __ATOMIC_ACQUIRE);
	result = agora_table_get(table, &key, sizeof(key), &buffer);
	to = __atomic_load_n(&log->started[key], __ATOMIC_ACQUIRE);
	if (result == -ENOENT) {
		game->result->lost += !may_be_gone(from, to);
		return;
	}
	if (result < 0)
		bench_fail("table: %s", agora_strerror(result));
	for (unsigned i = 1; i < WORDS; i++)
		if (words[i] != words[0])
			game->result->torn++;
	if ((words[0] & 0xffff) != key)
		game->result->torn++;
	else if (words[0] >> 16 < from || words[0] >> 16 > to)
		game->result->lost++;
}

static void read_all(struct kill_game *game)
{
	struct agora_table *table = opened(AGORA_READ);

	for (uint64_t i = 0;; i++) {
		look(game, table, i % KEYS);
		__atomic_fetch_add(&game->steps[16], 1, __ATOMIC_RELAXED);
	}
}

static void audit(struct kill_game *game)
{
	struct agora_table *table = opened(AGORA_WRITE);
	struct agora_object *object = agora_table_object(table);
	struct agora_check report;

	for (uint64_t key = 0; key < KEYS; key++)
		look(game, table, key);
	agora_object_check(object, 1, &report);
	agora_object_check(object, 0, &report);
	game->result->leaked +=
		(unsigned)(report.owned + report.held + report.unreachable +
			   report.orphans + report.damaged);
	agora_table_close(table);
}

/* An operation that was under way when its writer died may have been done,
 * and is followed by the next one. */
static void nothing(struct kill_game *game, unsigned which)
{
	(void)game;
	(void)which;
}

static void run(const struct bench_case *bench, double seconds)
{
	struct log *log = bench_shared(sizeof(*log));
	struct agora_options options = {.capacity = KEYS,
		.key_size = 8,
		.message_size = 64,
		.writers = *(const uint32_t *)bench->data};
	struct kill_game game = {{write_all, read_all}, audit, nothing, nothing,
		log, NULL, NULL, 50};
	int error = agora_object_create(agora_bench_space(), path, &options);

	(void)seconds;
	if (error)
		bench_fail("table: %s", agora_strerror(error));
	kill_play(&game);
}

BENCH_SETUP(table_kill)
{
	static const uint32_t many = AGORA_WRITERS_MANY,
			      one = AGORA_WRITERS_ONE;

	bench_add((struct bench_case){
		"W9", "agora table", "kill", run, &many, 0});
	bench_add((struct bench_case){
		"W9", "agora table, one writer", "kill", run, &one, 0});
}
