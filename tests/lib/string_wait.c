/* string_wait.c - strings that several use at one time, or wait for. */
#include "string_help.h"

#include <pthread.h>

#define MORE (64 << 10)

/* ---- waiting ---- */

static void *store_soon(void *argument)
{
	struct agora_string *s = open_again(AGORA_WRITE);
	struct agora_stat stat = {0};

	(void)argument;
	while (!stat.waiters)
		CHECK_OK(agora_object_stat(agora_string_object(s), &stat));
	CHECK_OK(store(s, "news"));
	agora_string_close(s);
	return NULL;
}

TEST(wait_sleeps_until_there_is_a_newer_version)
{
	struct agora_string *s = open_with(NULL);
	struct agora_buffer b = {.data = other, .capacity = sizeof(other)};
	struct timespec past = {0}, deadline;
	pthread_t thread;

	CHECK_ERROR(-ETIMEDOUT, agora_string_wait(s, 0, &past, &b));
	CHECK_OK(store(s, "old"));
	CHECK_OK(agora_object_yield(agora_string_object(s)));
	CHECK_OK(agora_string_wait(s, 0, NULL, &b));
	CHECK_EQ(1, b.version);
	deadline = agora_deadline(1000000);
	CHECK_ERROR(-ETIMEDOUT, agora_string_wait(s, 1, &deadline, &b));
	CHECK_EQ(0, pthread_create(&thread, NULL, store_soon, NULL));
	CHECK_OK(agora_string_wait(s, 1, NULL, &b));
	CHECK_EQ(2, b.version);
	CHECK(b.size == 4 && !memcmp(other, "news", 4));
	pthread_join(thread, NULL);
	agora_string_close(s);
}

static void *store_later(void *argument)
{
	struct agora_string *s = open_again(AGORA_WRITE);

	driver_await(argument);
	CHECK_OK(store(s, "news"));
	agora_string_close(s);
	return NULL;
}

TEST(a_reader_waits_without_telling_anybody)
{
	struct agora_string *s = open_with(NULL), *reader;
	struct agora_buffer b = {.data = other, .capacity = sizeof(other)};
	struct driver_signal go = driver_signal();
	struct timespec deadline = agora_deadline(5000000);
	pthread_t thread;

	agora_string_close(s);
	reader = open_again(AGORA_READ);
	CHECK_ERROR(-ETIMEDOUT, agora_string_wait(reader, 0, &deadline, &b));
	CHECK_EQ(0, pthread_create(&thread, NULL, store_later, &go));
	driver_post(&go);
	CHECK_OK(agora_string_wait(reader, 0, NULL, &b));
	CHECK_EQ(1, b.version);
	CHECK(b.size == 4 && !memcmp(other, "news", 4));
	pthread_join(thread, NULL);
	agora_string_close(reader);
}

TEST(wait_tells_when_the_string_was_cleared)
{
	struct agora_string *s = open_with(NULL);
	struct agora_buffer b = {.data = other, .capacity = sizeof(other)};

	CHECK_OK(store(s, "x"));
	CHECK_OK(agora_string_clear(s));
	CHECK_ERROR(-ENOENT, agora_string_wait(s, 1, NULL, &b));
	CHECK_EQ(2, b.version);
	agora_string_close(s);
}

TEST(a_waiter_on_many_objects_sees_it_advance)
{
	struct agora_string *s = open_with(NULL);
	struct agora_wait item = {agora_string_object(s), AGORA_ADVANCED, 0, 0};
	struct agora_waiter *waiter;
	struct timespec past = {0};

	CHECK_OK(agora_waiter_open(&waiter));
	CHECK_ERROR(-ETIMEDOUT, agora_waiter_wait(waiter, &item, 1, &past));
	CHECK_OK(store(s, "x"));
	CHECK_EQ(1, agora_waiter_wait(waiter, &item, 1, NULL));
	CHECK_EQ(AGORA_ADVANCED, item.ready);
	item.cursor = 1;
	CHECK_ERROR(-ETIMEDOUT, agora_waiter_wait(waiter, &item, 1, &past));
	item.events = AGORA_WRITABLE;
	CHECK_EQ(1, agora_waiter_wait(waiter, &item, 1, NULL));
	item.events = AGORA_READABLE;
	CHECK_ERROR(-EOPNOTSUPP, agora_waiter_wait(waiter, &item, 1, NULL));
	agora_waiter_close(waiter);
	agora_string_close(s);
}

/* ---- many at one time ---- */

/* A value says of itself in each of its bytes which one it is. */
static void check_whole(const struct agora_buffer *b)
{
	const unsigned char *bytes = b->data;

	for (size_t i = 1; i < b->size; i++)
		CHECK_EQ(bytes[0], bytes[i]);
	CHECK_EQ(b->size % 251, b->size ? bytes[0] : 0);
}

static void store_at_random(struct agora_string *s, size_t most, unsigned count)
{
	static const size_t near[] = {8, 64, 120, 128, 140, 232, 300, 5000};
	unsigned seed = (unsigned)getpid();

	for (unsigned i = 0; i < count; i++) {
		size_t size = near[(size_t)rand_r(&seed) % 8];

		size += (size_t)rand_r(&seed) % 10;
		if (i % 64 == 0)
			size = (size_t)rand_r(&seed) % most;
		memset(data, (int)(size % 251), size);
		CHECK_OK(agora_string_store(s, data, size));
	}
}

TEST(no_reader_ever_sees_a_value_half_written)
{
	const int writers = WRITERS == AGORA_WRITERS_ONE ? 1 : 3;
	struct agora_string *s = open_with(NULL);
	struct agora_buffer b = {.data = other, .capacity = sizeof(other)};
	uint64_t last = 0;
	pid_t pid[3];
	int left = writers;

	for (int i = 0; i < writers; i++) {
		pid[i] = driver_fork();
		if (!pid[i]) {
			store_at_random(open_again(AGORA_WRITE), MORE, 20000);
			_exit(0);
		}
	}
	while (left) {
		int error = agora_string_load(s, &b);

		if (error != -ENOENT) {
			CHECK_OK(error);
			check_whole(&b);
			CHECK(b.version >= last);
			last = b.version;
		}
		if (last == (uint64_t)writers * 20000)
			left = 0;
	}
	for (int i = 0; i < writers; i++)
		driver_join(pid[i]);
	agora_string_close(s);
	s = open_again(AGORA_WRITE);
	check_accounts(s, 1);
	agora_string_close(s);
}

static void *append_letters(void *argument)
{
	struct agora_string *s = open_again(AGORA_WRITE);
	char letter = *(char *)argument;

	for (int i = 0; i < 300; i++) {
		int error;

		do {
			error = agora_string_append(s, &letter, 1);
		} while (error == -EBUSY);
		CHECK_OK(error);
		CHECK_OK(agora_object_yield(agora_string_object(s)));
	}
	agora_string_close(s);
	return NULL;
}

TEST(many_who_append_lose_nothing)
{
	struct agora_string *s = open_with(NULL);
	struct agora_buffer b = {.data = other, .capacity = sizeof(other)};
	char letters[] = "abcd";
	size_t count[4] = {0};
	pthread_t thread[4];

	for (int i = 0; i < 4; i++)
		CHECK_EQ(0, pthread_create(&thread[i], NULL, append_letters,
				    &letters[i]));
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	CHECK_OK(agora_string_load(s, &b));
	CHECK_EQ(1200, b.size);
	for (size_t i = 0; i < b.size; i++)
		count[other[i] - 'a']++;
	for (int i = 0; i < 4; i++)
		CHECK_EQ(300, count[i]);
	check_accounts(s, 1);
	agora_string_close(s);
}
