/* table.c - behaviour of agora/table.h. */
#include "driver.h"

/* Built a second time for tables with one writer: see table_one.c. */
#ifndef WRITERS
#define WRITERS AGORA_WRITERS_MANY
#endif

/* And a third time for ordered maps, which do the same: see map_table.c. */
#ifndef KIND
#define KIND "table"
#endif

#define PATH "p/t." KIND

static unsigned char data[1 << 20], other[1 << 20];

static struct agora_table *open_with(const struct agora_options *given)
{
	struct agora_options options = {.writers = WRITERS};
	struct agora_table *t;
	int error = agora_program_create(space, "p", NULL);

	CHECK(!error || error == -EEXIST);
	if (given)
		options = *given;
	if (!options.writers)
		options.writers = WRITERS;
	CHECK_OK(agora_table_open(
		space, PATH, AGORA_WRITE | AGORA_CREATE, &options, &t));
	return t;
}

static struct agora_table *open_again(uint32_t flags)
{
	struct agora_table *t;

	CHECK_OK(agora_table_open(space, PATH, flags, NULL, &t));
	return t;
}

static int put(struct agora_table *t, const char *key, const char *value)
{
	return agora_table_put(t, key, strlen(key), value, strlen(value));
}

static int delete (struct agora_table *t, const char *key)
{
	return agora_table_delete(t, key, strlen(key));
}

/* The value of a key as a string; NULL when there is none. */
static const char *get(struct agora_table *t, const char *key)
{
	static char text[1000];
	struct agora_buffer b = {.data = text, .capacity = sizeof(text) - 1};
	int error = agora_table_get(t, key, strlen(key), &b);

	if (error == -ENOENT)
		return NULL;
	CHECK_OK(error);
	text[b.size] = 0;
	return text;
}

static uint64_t version(struct agora_table *t, const char *key)
{
	struct agora_buffer b = {.data = data, .capacity = sizeof(data)};

	CHECK_OK(agora_table_get(t, key, strlen(key), &b));
	return b.version;
}

static void put_number(struct agora_table *t, uint32_t key, uint64_t value)
{
	CHECK_OK(agora_table_put(t, &key, sizeof(key), &value, sizeof(value)));
}

static void fill(size_t size, unsigned seed)
{
	for (size_t i = 0; i < size; i++)
		data[i] = (unsigned char)(seed + i * 7 + (i >> 8));
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

TEST(what_was_put_is_what_get_gives)
{
	struct agora_table *t = open_with(NULL);

	CHECK_OK(put(t, "one", "1"));
	CHECK_OK(put(t, "two", "22"));
	CHECK_OK(put(t, "", "the empty key is a key"));
	CHECK_OK(put(t, "empty", ""));
	CHECK_STR("1", get(t, "one"));
	CHECK_STR("22", get(t, "two"));
	CHECK_STR("the empty key is a key", get(t, ""));
	CHECK_STR("", get(t, "empty"));
	CHECK(!get(t, "three"));
	CHECK_OK(put(t, "one", "another"));
	CHECK_STR("another", get(t, "one"));
	check_accounts(t, 4);
	agora_table_close(t);
}

TEST(delete_removes_a_key_once)
{
	struct agora_table *t = open_with(NULL);

	CHECK_ERROR(-ENOENT, delete (t, "a"));
	CHECK_OK(put(t, "a", "1"));
	CHECK_OK(put(t, "b", "2"));
	CHECK_OK(delete (t, "a"));
	CHECK_ERROR(-ENOENT, delete (t, "a"));
	CHECK(!get(t, "a"));
	CHECK_STR("2", get(t, "b"));
	CHECK_OK(put(t, "a", "3"));
	CHECK_STR("3", get(t, "a"));
	CHECK_OK(delete (t, "a"));
	CHECK_OK(delete (t, "b"));
	check_accounts(t, 0);
	agora_table_close(t);
}

TEST(keys_and_values_of_any_size_come_back_whole)
{
	static const size_t keys[] = {0, 1, 8, 24, 25, 88, 89, 200, 512};
	static const size_t values[] = {0, 1, 8, 63, 64, 65, 88, 89, 700, 3000,
		4096, 70000, sizeof(data)};
	struct agora_options options = {.message_size = sizeof(data)};
	struct agora_table *t = open_with(&options);

	for (unsigned k = 0; k < sizeof(keys) / sizeof(*keys); k++) {
		for (unsigned v = 0; v < sizeof(values) / sizeof(*values);
			v++) {
			struct agora_buffer b = {
				.data = other, .capacity = sizeof(other)};

			fill(values[v], k + v);
			CHECK_OK(agora_table_put(
				t, data, keys[k], data, values[v]));
			CHECK_OK(agora_table_get(t, data, keys[k], &b));
			CHECK_EQ(values[v], b.size);
			CHECK(!memcmp(data, other, b.size));
			CHECK_OK(agora_table_delete(t, data, keys[k]));
		}
	}
	check_accounts(t, 0);
	agora_table_close(t);
}

TEST(long_keys_that_differ_at_their_end_are_different_keys)
{
	struct agora_options options = {.key_size = 4096};
	struct agora_table *t = open_with(&options);
	unsigned char key[4096];

	memset(key, 'k', sizeof(key));
	for (unsigned i = 0; i < 200; i++) {
		key[4095] = (unsigned char)i;
		CHECK_OK(agora_table_put(t, key, 4096, &i, sizeof(i)));
	}
	for (unsigned i = 0; i < 200; i++) {
		unsigned value;
		struct agora_buffer b = {
			.data = &value, .capacity = sizeof(value)};

		key[4095] = (unsigned char)i;
		CHECK_OK(agora_table_get(t, key, 4096, &b));
		CHECK_EQ(i, value);
		CHECK_ERROR(-ENOENT, agora_table_get(t, key, 4095, &b));
		CHECK_OK(agora_table_delete(t, key, 4096));
	}
	check_accounts(t, 0);
	agora_table_close(t);
}

TEST(sizes_beyond_the_limits_are_refused)
{
	struct agora_options options = {.key_size = 10, .message_size = 100};
	struct agora_table *t = open_with(&options);
	struct agora_buffer b = {.data = other, .capacity = sizeof(other)};
	struct agora_buffer in = {.data = data, .size = 101};
	struct agora_stat stat;

	CHECK_OK(agora_table_put(t, data, 10, data, 100));
	CHECK_ERROR(-EINVAL, agora_table_put(t, data, 11, data, 1));
	CHECK_ERROR(-EINVAL, agora_table_get(t, data, 11, &b));
	CHECK_ERROR(-EINVAL, agora_table_delete(t, data, 11));
	CHECK_ERROR(-EINVAL, agora_table_add(t, data, 11, 1, NULL));
	CHECK_ERROR(-EMSGSIZE, agora_table_put(t, data, 10, data, 101));
	CHECK_ERROR(-EMSGSIZE, agora_table_swap(t, data, 10, &in, &b));
	CHECK_ERROR(-EMSGSIZE, agora_table_compare(t, data, 1, &in, NULL));
	CHECK_OK(agora_object_stat(agora_table_object(t), &stat));
	CHECK_EQ(10, stat.key_size);
	CHECK_EQ(100, stat.message_size);
	CHECK_EQ(1, stat.count);
	CHECK_EQ(110, stat.bytes);
	agora_table_close(t);
}

TEST(a_small_buffer_learns_the_size_and_gets_nothing)
{
	struct agora_table *t = open_with(NULL);
	struct agora_buffer b = {
		.data = other, .capacity = 4, .size = 99, .version = 99};

	CHECK_OK(put(t, "k", "hello"));
	CHECK_ERROR(-EMSGSIZE, agora_table_get(t, "k", 1, &b));
	CHECK_EQ(5, b.size);
	CHECK_EQ(99, b.version);
	b = (struct agora_buffer){.data = NULL};
	CHECK_ERROR(-EMSGSIZE, agora_table_get(t, "k", 1, &b));
	CHECK_EQ(5, b.size);
	b.capacity = 5;
	b.data = other;
	CHECK_OK(agora_table_get(t, "k", 1, &b));
	agora_table_close(t);
}

TEST(versions_are_never_zero_and_never_repeated)
{
	struct agora_table *t = open_with(NULL);
	static uint64_t seen[300];

	for (unsigned i = 0; i < 300; i++) {
		CHECK_OK(put(t, i % 2 ? "a" : "b", "same"));
		seen[i] = version(t, i % 2 ? "a" : "b");
		CHECK(seen[i]);
		for (unsigned k = 0; k < i; k++)
			CHECK(seen[k] != seen[i]);
		if (i % 3 == 0)
			CHECK_OK(delete (t, i % 2 ? "a" : "b"));
	}
	CHECK_EQ(version(t, "a"), version(t, "a"));
	agora_table_close(t);
}

TEST(swap_replaces_what_is_there_and_nothing_else)
{
	struct agora_table *t = open_with(NULL);
	struct agora_buffer in = {.data = (void *)"new!", .size = 4};
	struct agora_buffer out = {.data = other, .capacity = sizeof(other)};
	uint64_t before;

	CHECK_ERROR(-ENOENT, agora_table_swap(t, "k", 1, &in, &out));
	CHECK(!get(t, "k"));
	CHECK_OK(put(t, "k", "old"));
	before = version(t, "k");
	CHECK_OK(agora_table_swap(t, "k", 1, &in, &out));
	CHECK_EQ(3, out.size);
	CHECK_EQ(before, out.version);
	CHECK(!memcmp(other, "old", 3));
	CHECK_STR("new!", get(t, "k"));
	out.capacity = 3;
	CHECK_ERROR(-EMSGSIZE, agora_table_swap(t, "k", 1, &in, &out));
	CHECK_EQ(4, out.size);
	check_accounts(t, 1);
	agora_table_close(t);
}

TEST(compare_stores_only_over_the_version_it_names)
{
	struct agora_table *t = open_with(NULL);
	struct agora_buffer in = {.data = (void *)"1", .size = 1, .version = 7};
	uint64_t first = 99, second;

	CHECK_ERROR(-ESTALE, agora_table_compare(t, "k", 1, &in, &first));
	CHECK_EQ(0, first);
	in.version = 0;
	CHECK_OK(agora_table_compare(t, "k", 1, &in, &first));
	CHECK_EQ(version(t, "k"), first);
	CHECK_ERROR(-ESTALE, agora_table_compare(t, "k", 1, &in, &second));
	CHECK_EQ(first, second);
	in = (struct agora_buffer){
		.data = (void *)"22", .size = 2, .version = first};
	CHECK_OK(agora_table_compare(t, "k", 1, &in, &second));
	CHECK(first != second);
	CHECK_STR("22", get(t, "k"));
	CHECK_ERROR(-ESTALE, agora_table_compare(t, "k", 1, &in, NULL));
	check_accounts(t, 1);
	agora_table_close(t);
}

TEST(add_counts_from_nothing_and_only_numbers)
{
	struct agora_table *t = open_with(NULL);
	int64_t sum;

	CHECK_OK(agora_table_add(t, "n", 1, 5, &sum));
	CHECK_EQ(5, sum);
	CHECK_OK(agora_table_add(t, "n", 1, -7, &sum));
	CHECK_EQ(-2, sum);
	CHECK_OK(agora_table_add(t, "n", 1, 0, NULL));
	CHECK_OK(agora_table_add(t, "w", 1, INT64_MAX, NULL));
	CHECK_OK(agora_table_add(t, "w", 1, 1, &sum));
	CHECK_EQ(INT64_MIN, sum);
	CHECK_OK(put(t, "s", "short"));
	CHECK_ERROR(-EPROTOTYPE, agora_table_add(t, "s", 1, 1, &sum));
	CHECK_OK(put(t, "s", "longer than eight"));
	CHECK_ERROR(-EPROTOTYPE, agora_table_add(t, "s", 1, 1, &sum));
	check_accounts(t, 3);
	agora_table_close(t);
}

TEST(add_works_with_a_key_that_fills_several_blocks)
{
	struct agora_options options = {.key_size = 1000};
	struct agora_table *t = open_with(&options);
	int64_t sum;

	for (int i = 1; i <= 50; i++) {
		CHECK_OK(agora_table_add(t, data, 900, 2, &sum));
		CHECK_EQ(2 * i, sum);
	}
	CHECK_OK(agora_table_delete(t, data, 900));
	check_accounts(t, 0);
	agora_table_close(t);
}

/* ---- next ---- */

TEST(next_shows_every_key_exactly_once)
{
	struct agora_table *t = open_with(NULL);
	static unsigned char seen[5000];
	unsigned char bytes[512];
	uint64_t value;
	struct agora_buffer key = {
		.data = bytes, .capacity = sizeof(bytes), .size = SIZE_MAX};
	struct agora_buffer b = {.data = &value, .capacity = sizeof(value)};
	unsigned count = 0;
	int error;

	for (uint32_t i = 0; i < 5000; i++)
		put_number(t, i, i * UINT64_C(3));
	while (!(error = agora_table_next(t, &key, &b))) {
		uint32_t number;

		CHECK_EQ(sizeof(number), key.size);
		memcpy(&number, bytes, sizeof(number));
		CHECK(number < 5000 && !seen[number]);
		CHECK_EQ(number * UINT64_C(3), value);
		seen[number] = 1;
		/* Deleting what was seen does not disturb. */
		if (count % 3 == 0)
			CHECK_OK(agora_table_delete(t, bytes, key.size));
		count++;
	}
	CHECK_ERROR(-ENOENT, error);
	CHECK_EQ(5000, count);
	agora_table_close(t);
}

TEST(next_keeps_its_place_when_the_value_does_not_fit)
{
	struct agora_table *t = open_with(NULL);
	char bytes[512];
	struct agora_buffer key = {
		.data = bytes, .capacity = sizeof(bytes), .size = SIZE_MAX};
	struct agora_buffer b = {.data = other, .capacity = 2};

	CHECK_OK(put(t, "k", "value"));
	CHECK_ERROR(-EMSGSIZE, agora_table_next(t, &key, &b));
	CHECK_EQ(5, b.size);
	CHECK_EQ(SIZE_MAX, key.size);
	CHECK_OK(agora_table_next(t, &key, NULL));
	CHECK_EQ(1, key.size);
	CHECK(bytes[0] == 'k');
	CHECK_ERROR(-ENOENT, agora_table_next(t, &key, NULL));
	CHECK_EQ(1, key.size);
	key.capacity = 511;
	CHECK_ERROR(-EINVAL, agora_table_next(t, &key, NULL));
	agora_table_close(t);
}

TEST(next_of_an_empty_table_is_enoent)
{
	struct agora_table *t = open_with(NULL);
	char bytes[512];
	struct agora_buffer key = {
		.data = bytes, .capacity = sizeof(bytes), .size = SIZE_MAX};

	CHECK_ERROR(-ENOENT, agora_table_next(t, &key, NULL));
	CHECK_EQ(SIZE_MAX, key.size);
	agora_table_close(t);
}

/* ---- rights ---- */

TEST(a_reader_reads_and_may_not_write)
{
	struct agora_table *w = open_with(NULL);
	struct agora_table *r = open_again(AGORA_READ);
	struct agora_buffer b = {.data = other, .capacity = sizeof(other)};
	struct agora_buffer in = {.data = (void *)"x", .size = 1};

	CHECK_OK(put(w, "k", "v"));
	CHECK_STR("v", get(r, "k"));
	CHECK(!get(r, "none"));
	CHECK_ERROR(-EACCES, put(r, "k", "x"));
	CHECK_ERROR(-EACCES, delete (r, "k"));
	CHECK_ERROR(-EACCES, agora_table_swap(r, "k", 1, &in, &b));
	CHECK_ERROR(-EACCES, agora_table_compare(r, "k", 1, &in, NULL));
	CHECK_ERROR(-EACCES, agora_table_add(r, "k", 1, 1, NULL));
	check_accounts(r, 1);
	agora_table_close(r);
	agora_table_close(w);
}

#ifndef ONLY_MANY

TEST(with_one_writer_the_second_is_busy_until_the_first_closes)
{
	struct agora_options options = {.writers = AGORA_WRITERS_ONE};
	struct agora_table *a = open_with(&options);
	struct agora_table *b = open_again(AGORA_WRITE);

	/* To look takes no role. */
	CHECK(!get(b, "k"));
	CHECK_OK(put(a, "k", "1"));
	CHECK_ERROR(-EBUSY, put(b, "k", "2"));
	CHECK_ERROR(-EBUSY, delete (b, "k"));
	CHECK_ERROR(-EBUSY, agora_table_add(b, "k", 1, 1, NULL));
	CHECK_STR("1", get(b, "k"));
	agora_table_close(a);
	CHECK_OK(put(b, "k", "2"));
	CHECK_STR("2", get(b, "k"));
	check_accounts(b, 1);
	agora_table_close(b);
}

TEST(a_killed_only_writer_gives_the_role_up)
{
	struct agora_options options = {.writers = AGORA_WRITERS_ONE};
	struct agora_table *t = open_with(&options);
	struct driver_signal ready = driver_signal();
	pid_t pid = driver_fork();

	if (!pid) {
		struct agora_table *mine = open_again(AGORA_WRITE);

		CHECK_OK(put(mine, "k", "1"));
		driver_post(&ready);
		pause();
	}
	driver_await(&ready);
	CHECK_ERROR(-EBUSY, put(t, "k", "2"));
	driver_kill(pid);
	CHECK_OK(put(t, "k", "2"));
	check_accounts(t, 1);
	agora_table_close(t);
}

#endif

TEST(a_forked_child_must_open_again)
{
	struct agora_table *t = open_with(NULL);
	struct agora_buffer b = {.data = other, .capacity = sizeof(other)};
	pid_t pid = driver_fork();

	if (!pid) {
		CHECK_ERROR(-ECHILD, put(t, "k", "v"));
		CHECK_ERROR(-ECHILD, agora_table_get(t, "k", 1, &b));
		agora_table_close(t);
		t = open_again(AGORA_WRITE);
		CHECK_OK(put(t, "k", "child"));
		agora_table_close(t);
		_exit(0);
	}
	driver_join(pid);
	CHECK_STR("child", get(t, "k"));
	agora_table_close(t);
}

TEST(values_must_fit_the_type_when_the_handle_checks)
{
	struct agora_options options = {.type = "utf8"};
	struct agora_table *t = open_with(&options);
	struct agora_table *c;

	CHECK_OK(put(t, "k", "\xff"));
	agora_table_close(t);
	c = open_again(AGORA_WRITE | AGORA_CHECK);
	CHECK_ERROR(-EBADMSG, put(c, "k", "\xff"));
	CHECK_OK(put(c, "k", "fine"));
	agora_table_close(c);
}

TEST(any_kind_of_object_has_the_same_verbs)
{
	struct agora_table *t = open_with(NULL);
	struct agora_object *o = agora_table_object(t);
	char bytes[512];
	struct agora_buffer key = {
		.data = bytes, .capacity = sizeof(bytes), .size = SIZE_MAX};
	struct agora_buffer b = {.data = other, .capacity = sizeof(other)};

	CHECK_STR(KIND, agora_object_kind(o)->name);
	CHECK_OK(agora_object_put(o, "k", 1, "v", 1));
	CHECK_OK(agora_object_get(o, "k", 1, &b));
	CHECK_OK(agora_object_next(o, &key, &b));
	CHECK_OK(agora_object_delete(o, "k", 1));
	CHECK_ERROR(-EOPNOTSUPP, agora_object_push(o, "x", 1));
	CHECK_ERROR(-EOPNOTSUPP, agora_object_pop(o, &b));
	agora_table_close(t);
}
