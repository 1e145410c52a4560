/* table.c - many at work on a table, and some of them killed. */
#include "driver.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>

#define PATH "p/t.table"

static struct agora_table *open_with(const struct agora_options *options)
{
	struct agora_table *t;
	int error = agora_program_create(space, "p", NULL);

	CHECK(!error || error == -EEXIST);
	CHECK_OK(agora_table_open(
		space, PATH, AGORA_WRITE | AGORA_CREATE, options, &t));
	return t;
}

static struct agora_table *open_again(uint32_t flags)
{
	struct agora_table *t;

	CHECK_OK(agora_table_open(space, PATH, flags, NULL, &t));
	return t;
}

static void put_number(struct agora_table *t, uint32_t key, uint64_t value)
{
	CHECK_OK(agora_table_put(t, &key, sizeof(key), &value, sizeof(value)));
}

static uint64_t get_number(struct agora_table *t, uint32_t key)
{
	uint64_t value;
	struct agora_buffer b = {.data = &value, .capacity = sizeof(value)};

	CHECK_OK(agora_table_get(t, &key, sizeof(key), &b));
	CHECK_EQ(sizeof(value), b.size);
	return value;
}

/* All blocks are free or hold one of count keys. */
static void check_accounts(struct agora_table *t, uint64_t count)
{
	struct agora_check report;
	struct agora_stat stat;

	CHECK_OK(agora_object_check(agora_table_object(t), 0, &report));
	CHECK_OK(agora_object_stat(agora_table_object(t), &stat));
	CHECK_EQ(0, report.owned);
	CHECK_EQ(count, report.published);
	CHECK_EQ(count, stat.count);
	CHECK_EQ(report.blocks, report.free + report.published + report.parts);
	if (!count)
		CHECK_EQ(0, report.parts);
}

/* ---- readers, and writers that are killed ---- */

/* A value that says which key it belongs to, and whether it is whole. */
struct sealed {
	uint64_t key, number, words[40], seal;
};

static uint64_t seal_of(const struct sealed *s)
{
	const uint64_t *word = (const uint64_t *)s;
	uint64_t seal = 1;

	for (size_t i = 0; i < offsetof(struct sealed, seal) / 8; i++)
		seal = seal * 6364136223846793005u + word[i];
	return seal;
}

static void seal(struct sealed *s, uint64_t key, uint64_t number)
{
	s->key = key;
	s->number = number;
	for (int i = 0; i < 40; i++)
		s->words[i] = number * 31 + (unsigned)i;
	s->seal = seal_of(s);
}

/* How much of it is stored: enough for one block, or not. */
static void put_sealed(struct agora_table *t, uint64_t key, uint64_t number)
{
	struct sealed s;

	seal(&s, key, number);
	CHECK_OK(agora_table_put(t, &key, sizeof(key), &s, sizeof(s)));
}

/* Returns the number, or 0 when the key is not there. */
static uint64_t get_sealed(struct agora_table *t, uint64_t key)
{
	struct sealed s;
	struct agora_buffer b = {.data = &s, .capacity = sizeof(s)};
	int error = agora_table_get(t, &key, sizeof(key), &b);

	if (error == -ENOENT)
		return 0;
	CHECK_OK(error);
	CHECK_EQ(sizeof(s), b.size);
	CHECK_EQ(key, s.key);
	CHECK_EQ(seal_of(&s), s.seal);
	return s.number;
}

/* Even numbers of a key are followed by a delete. */
static void write_for_ever(struct agora_table *t, uint64_t from)
{
	for (uint64_t n = from;; n++)
		for (uint64_t key = 0; key < 50; key++) {
			put_sealed(t, key, n);
			if (n % 2 == 0)
				CHECK_OK(agora_table_delete(t, &key, 8));
		}
}

/* Until the flag, which all processes share, is set. */
static void read_until(struct agora_table *t, const _Atomic bool *enough)
{
	uint64_t last[50] = {0};

	while (!*enough)
		for (uint64_t key = 0; key < 50; key++) {
			uint64_t number = get_sealed(t, key);

			/* Nothing goes back in time, not even after a kill. */
			CHECK(!number || number >= last[key]);
			if (number)
				last[key] = number;
		}
}

#define KILLS 300

static void kill_writers(uint32_t writers)
{
	struct agora_options options = {.writers = writers, .capacity = 64};
	struct agora_table *t = open_with(&options);
	_Atomic bool *enough = mmap(NULL, sizeof(*enough),
		PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct agora_check report;
	pid_t reader[2];

	CHECK(enough != MAP_FAILED);
	for (int i = 0; i < 2; i++) {
		reader[i] = driver_fork();
		if (!reader[i]) {
			read_until(open_again(AGORA_READ), enough);
			_exit(0);
		}
	}
	for (uint64_t round = 1; round <= KILLS; round++) {
		pid_t pid = driver_fork();

		if (!pid)
			write_for_ever(open_again(AGORA_WRITE), round << 32);
		usleep((useconds_t)(random() % 5000));
		driver_kill(pid);
	}
	*enough = true;
	for (int i = 0; i < 2; i++)
		driver_join(reader[i]);
	CHECK_OK(agora_object_check(agora_table_object(t), 1, &report));
	CHECK_OK(agora_object_check(agora_table_object(t), 0, &report));
	CHECK_EQ(0, report.owned);
	CHECK(report.published <= 50);
	agora_table_close(t);
	munmap((void *)enough, sizeof(*enough));
}

TEST(readers_see_whole_values_while_the_only_writer_is_killed_repeatedly)
{
	kill_writers(AGORA_WRITERS_ONE);
}

TEST(readers_see_whole_values_while_one_of_many_writers_is_killed_repeatedly)
{
	kill_writers(AGORA_WRITERS_MANY);
}

#define COUNTS 40000

TEST(counters_are_exact_when_three_processes_add)
{
	struct agora_options options = {.capacity = 64};
	struct agora_table *t = open_with(&options);
	pid_t pid[3];

	for (int p = 0; p < 3; p++) {
		pid[p] = driver_fork();
		if (pid[p])
			continue;
		t = open_again(AGORA_WRITE);
		for (uint32_t i = 0; i < COUNTS; i++) {
			uint32_t key = i % 4;

			CHECK_OK(agora_table_add(t, &key, 4, 1, NULL));
		}
		agora_table_close(t);
		_exit(0);
	}
	for (int p = 0; p < 3; p++)
		driver_join(pid[p]);
	for (uint32_t key = 0; key < 4; key++)
		CHECK_EQ(3 * COUNTS / 4, get_number(t, key));
	check_accounts(t, 4);
	agora_table_close(t);
}

/* Raise a number by one, by compare alone. */
static void raise_number(struct agora_table *t, uint32_t key)
{
	uint64_t number = 0;
	struct agora_buffer b;
	int error;

	do {
		b = (struct agora_buffer){
			.data = &number, .capacity = sizeof(number)};
		error = agora_table_get(t, &key, sizeof(key), &b);
		if (error == -ENOENT)
			number = 0;
		else
			CHECK_OK(error);
		number++;
		b.size = sizeof(number);
		error = agora_table_compare(t, &key, sizeof(key), &b, NULL);
		CHECK(!error || error == -ESTALE);
	} while (error);
}

TEST(compare_loses_no_update_of_three_processes)
{
	struct agora_options options = {.capacity = 64};
	struct agora_table *t = open_with(&options);
	pid_t pid[3];

	for (int p = 0; p < 3; p++) {
		pid[p] = driver_fork();
		if (pid[p])
			continue;
		t = open_again(AGORA_WRITE);
		for (uint32_t i = 0; i < COUNTS; i++)
			raise_number(t, i % 4);
		agora_table_close(t);
		_exit(0);
	}
	for (int p = 0; p < 3; p++)
		driver_join(pid[p]);
	for (uint32_t key = 0; key < 4; key++)
		CHECK_EQ(3 * COUNTS / 4, get_number(t, key));
	check_accounts(t, 4);
	agora_table_close(t);
}

/* ---- threads ---- */

static struct agora_table *shared;

/* Inserts and deletes of the same few keys; who wins is counted. */
static void *churn(void *argument)
{
	int64_t *balance = argument;

	for (uint32_t i = 0; i < 60000; i++) {
		uint32_t key = i * 2654435761u % 7;
		struct agora_buffer in = {.data = &i, .size = sizeof(i)};
		int error;

		if (i % 2) {
			error = agora_table_compare(shared, &key, 4, &in, NULL);
			CHECK(!error || error == -ESTALE);
			*balance += !error;
		} else {
			error = agora_table_delete(shared, &key, 4);
			CHECK(!error || error == -ENOENT);
			*balance -= !error;
		}
	}
	return NULL;
}

static void churn_in_threads(uint32_t writers)
{
	struct agora_options options = {.capacity = 64, .writers = writers};
	struct agora_stat stat;
	pthread_t thread[4];
	int64_t balance[4] = {0};

	shared = open_with(&options);
	for (int i = 0; i < 4; i++)
		CHECK(!pthread_create(&thread[i], NULL, churn, &balance[i]));
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	CHECK_OK(agora_object_stat(agora_table_object(shared), &stat));
	CHECK_EQ(balance[0] + balance[1] + balance[2] + balance[3], stat.count);
	check_accounts(shared, stat.count);
	agora_table_close(shared);
}

TEST(threads_may_share_a_handle)
{
	churn_in_threads(AGORA_WRITERS_MANY);
}

TEST(threads_may_share_the_handle_of_the_only_writer)
{
	churn_in_threads(AGORA_WRITERS_ONE);
}

TEST(a_walk_beside_writers_sees_each_lasting_key_once)
{
	struct agora_options options = {.capacity = 1000};
	struct agora_table *t = open_with(&options);
	pid_t pid;

	for (uint32_t i = 0; i < 1000; i++)
		put_number(t, i, 1);
	pid = driver_fork();
	if (!pid) {
		t = open_again(AGORA_WRITE);
		for (uint32_t i = 0;; i++) {
			uint32_t other_key = 5000 + i % 700;

			put_number(t, i % 1000, i);
			put_number(t, other_key, i);
			CHECK_OK(agora_table_delete(t, &other_key, 4));
		}
	}
	for (int round = 0; round < 200; round++) {
		unsigned char seen[6000] = {0};
		uint32_t number;
		char bytes[512];
		struct agora_buffer key = {.data = bytes,
			.capacity = sizeof(bytes),
			.size = SIZE_MAX};

		while (!agora_table_next(t, &key, NULL)) {
			memcpy(&number, bytes, 4);
			CHECK(number < 6000 && !seen[number]);
			seen[number] = 1;
		}
		for (uint32_t i = 0; i < 1000; i++)
			CHECK(seen[i]);
	}
	driver_kill(pid);
	agora_table_close(t);
}
