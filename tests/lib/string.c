/* string.c - behaviour of agora/string.h. */
#include "string_help.h"

static void fill(unsigned char *bytes, size_t size, unsigned seed)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = (unsigned char)(seed + i * 7 + (i >> 8));
}

TEST(a_new_string_has_no_value_and_version_0)
{
	struct agora_string *s = open_with(NULL);
	struct agora_buffer b = {.data = other, .capacity = 10, .version = 7};

	CHECK_ERROR(-ENOENT, agora_string_load(s, &b));
	CHECK_EQ(0, b.version);
	CHECK_EQ(0, version(s));
	CHECK_ERROR(-ENOENT, agora_string_clear(s));
	CHECK_EQ(0, version(s));
	check_accounts(s, 0);
	agora_string_close(s);
}

TEST(what_was_stored_is_what_load_gives)
{
	struct agora_string *s = open_with(NULL);

	CHECK_OK(store(s, "on"));
	CHECK_STR("on", load(s));
	CHECK_OK(store(s, "off"));
	CHECK_STR("off", load(s));
	CHECK_OK(store(s, ""));
	CHECK_STR("", load(s));
	CHECK_EQ(3, version(s));
	check_accounts(s, 1);
	agora_string_close(s);
	s = open_again(AGORA_READ);
	CHECK_STR("", load(s));
	agora_string_close(s);
}

TEST(values_of_every_size_come_back_whole)
{
	static const size_t sizes[] = {0, 1, 7, 8, 63, 64, 65, 119, 120, 121,
		127, 128, 129, 231, 232, 233, 1000, 4095, 4096, 4097, 8424,
		60000, sizeof(data)};
	const size_t count = sizeof(sizes) / sizeof(*sizes);
	struct agora_string *s = open_with(NULL);
	struct agora_buffer b = {.data = other, .capacity = sizeof(other)};

	for (size_t i = 0; i < count * count; i++) {
		size_t size = sizes[i % 2 ? i % count : i / count];

		fill(data, size, (unsigned)i);
		CHECK_OK(agora_string_store(s, data, size));
		CHECK_OK(agora_string_load(s, &b));
		CHECK_EQ(size, b.size);
		CHECK_EQ(i + 1, b.version);
		CHECK(!memcmp(data, other, size));
	}
	check_accounts(s, 1);
	agora_string_close(s);
}

TEST(a_cleared_string_has_no_value_and_a_newer_version)
{
	struct agora_string *s = open_with(NULL);
	struct agora_buffer b = {.data = other, .capacity = sizeof(other)};
	struct agora_stat stat;

	CHECK_OK(store(s, "x"));
	CHECK_OK(agora_string_clear(s));
	CHECK_ERROR(-ENOENT, agora_string_load(s, &b));
	CHECK_EQ(2, b.version);
	CHECK_EQ(2, version(s));
	CHECK_ERROR(-ENOENT, agora_string_clear(s));
	CHECK_OK(agora_object_stat(agora_string_object(s), &stat));
	CHECK_EQ(0, stat.count);
	CHECK_EQ(0, stat.version);
	CHECK_OK(agora_string_append(s, "new", 3));
	CHECK_STR("new", load(s));
	check_accounts(s, 1);
	agora_string_close(s);
}

TEST(values_beyond_the_limit_are_refused_and_the_old_one_stays)
{
	struct agora_options options = {.message_size = 100};
	struct agora_string *s = open_with(&options);
	struct agora_buffer in = {.data = data, .size = 101};
	struct agora_buffer out = {.data = other, .capacity = sizeof(other)};

	CHECK_OK(store(s, "stays"));
	CHECK_ERROR(-EMSGSIZE, agora_string_store(s, data, 101));
	CHECK_ERROR(-EMSGSIZE, agora_string_swap(s, &in, &out));
	CHECK_ERROR(-EMSGSIZE, agora_string_compare(s, &in, NULL));
	CHECK_ERROR(-EMSGSIZE, agora_string_append(s, data, 96));
	CHECK_ERROR(-EMSGSIZE, agora_string_append(s, data, SIZE_MAX));
	CHECK_STR("stays", load(s));
	CHECK_EQ(1, version(s));
	CHECK_OK(agora_string_append(s, data, 95));
	CHECK_OK(agora_string_load(s, &out));
	CHECK_EQ(100, out.size);
	check_accounts(s, 1);
	agora_string_close(s);
}

TEST(a_small_buffer_learns_the_size_and_gets_nothing)
{
	struct agora_string *s = open_with(NULL);
	struct agora_buffer b = {
		.data = other, .capacity = 4, .size = 99, .version = 99};

	other[0] = 'x';
	for (size_t size = 5; size < 10000; size *= 9) {
		CHECK_OK(agora_string_store(s, data, size));
		CHECK_ERROR(-EMSGSIZE, agora_string_load(s, &b));
		CHECK_EQ(size, b.size);
		CHECK_EQ(99, b.version);
		CHECK_EQ('x', other[0]);
	}
	agora_string_close(s);
}

TEST(swap_replaces_what_is_there_and_nothing_else)
{
	struct agora_string *s = open_with(NULL);
	struct agora_buffer in = {.data = (void *)"new!", .size = 4};
	struct agora_buffer out = {.data = other, .capacity = sizeof(other)};
	struct agora_buffer small = {.data = other, .capacity = 3};

	CHECK_ERROR(-ENOENT, agora_string_swap(s, &in, &out));
	CHECK_EQ(0, version(s));
	CHECK_OK(store(s, "old"));
	CHECK_OK(agora_string_swap(s, &in, &out));
	CHECK_EQ(3, out.size);
	CHECK_EQ(1, out.version);
	CHECK(!memcmp(other, "old", 3));
	CHECK_STR("new!", load(s));
	CHECK_ERROR(-EMSGSIZE, agora_string_swap(s, &in, &small));
	CHECK_EQ(4, small.size);
	CHECK_EQ(2, version(s));
	check_accounts(s, 1);
	agora_string_close(s);
}

TEST(compare_stores_only_over_the_version_that_was_given)
{
	struct agora_string *s = open_with(NULL);
	struct agora_buffer in = {.data = (void *)"one", .size = 3};
	uint64_t v = 99;

	in.version = 5;
	CHECK_ERROR(-ESTALE, agora_string_compare(s, &in, &v));
	CHECK_EQ(0, v);
	in.version = 0;
	CHECK_OK(agora_string_compare(s, &in, &v));
	CHECK_EQ(1, v);
	CHECK_ERROR(-ESTALE, agora_string_compare(s, &in, &v));
	CHECK_EQ(1, v);
	in.version = 1;
	in.data = (void *)"two";
	CHECK_OK(agora_string_compare(s, &in, &v));
	CHECK_EQ(2, v);
	CHECK_STR("two", load(s));
	CHECK_OK(agora_string_clear(s));
	in.version = 3;
	CHECK_ERROR(-ESTALE, agora_string_compare(s, &in, &v));
	CHECK_EQ(0, v);
	in.version = 0;
	CHECK_OK(agora_string_compare(s, &in, NULL));
	CHECK_EQ(4, version(s));
	check_accounts(s, 1);
	agora_string_close(s);
}

TEST(append_adds_to_the_end_whatever_the_size)
{
	struct agora_string *s = open_with(NULL);
	struct agora_buffer b = {.data = other, .capacity = sizeof(other)};
	size_t size = 0;

	fill(data, 20000, 3);
	for (size_t step = 0; size + step <= 20000; step++) {
		CHECK_OK(agora_string_append(s, data + size, step));
		size += step;
		CHECK_OK(agora_string_load(s, &b));
		CHECK_EQ(size, b.size);
		CHECK_EQ(step + 1, b.version);
		CHECK(!memcmp(data, other, size));
	}
	check_accounts(s, 1);
	agora_string_close(s);
}

TEST(a_handle_that_checks_refuses_what_does_not_fit_the_type)
{
	struct agora_options options = {.type = "utf8"};
	struct agora_string *s = open_with(&options), *checks;
	struct agora_buffer bad = {.data = (void *)"\xff", .size = 1};
	struct agora_buffer out = {.data = other, .capacity = sizeof(other)};

	agora_string_close(s);
	checks = open_again(AGORA_WRITE | AGORA_CHECK);
	CHECK_ERROR(-EBADMSG, agora_string_store(checks, "\xff", 1));
	CHECK_ERROR(-EBADMSG, agora_string_append(checks, "\xff", 1));
	CHECK_EQ(0, version(checks));
	CHECK_OK(store(checks, "\xc3\xa4"));
	CHECK_ERROR(-EBADMSG, agora_string_swap(checks, &bad, &out));
	bad.version = 1;
	CHECK_ERROR(-EBADMSG, agora_string_compare(checks, &bad, NULL));
	CHECK_OK(agora_string_append(checks, "\xc3\xb6", 2));
	CHECK_STR("\xc3\xa4\xc3\xb6", load(checks));
	agora_string_close(checks);
}

TEST(a_reader_may_look_and_not_write)
{
	struct agora_string *s = open_with(NULL), *reader;
	struct agora_buffer in = {.data = data, .size = 1};
	struct agora_buffer out = {.data = other, .capacity = sizeof(other)};

	CHECK_OK(store(s, "seen"));
	reader = open_again(AGORA_READ);
	CHECK_STR("seen", load(reader));
	CHECK_EQ(1, version(reader));
	CHECK_ERROR(-EACCES, store(reader, "x"));
	CHECK_ERROR(-EACCES, agora_string_append(reader, "x", 1));
	CHECK_ERROR(-EACCES, agora_string_swap(reader, &in, &out));
	CHECK_ERROR(-EACCES, agora_string_compare(reader, &in, NULL));
	CHECK_ERROR(-EACCES, agora_string_clear(reader));
	CHECK_OK(store(s, "again"));
	CHECK_STR("again", load(reader));
	check_accounts(reader, 1);
	agora_string_close(reader);
	agora_string_close(s);
}

TEST(the_number_of_writers_is_kept)
{
	struct agora_string *a = open_with(NULL), *b;
	int expected = WRITERS == AGORA_WRITERS_ONE ? -EBUSY : 0;

	CHECK_OK(store(a, "a"));
	b = open_again(AGORA_WRITE);
	CHECK_EQ(expected, store(b, "b"));
	CHECK_STR(expected ? "a" : "b", load(b));
	CHECK_OK(agora_object_yield(agora_string_object(a)));
	CHECK_OK(store(b, "c"));
	CHECK_EQ(expected, store(a, "d"));
	agora_string_close(b);
	CHECK_OK(store(a, "e"));
	agora_string_close(a);
}

TEST(the_same_verbs_work_for_any_kind)
{
	struct agora_string *s = open_with(NULL);
	struct agora_object *o = agora_string_object(s);
	struct agora_buffer b = {.data = other, .capacity = sizeof(other)};
	const struct agora_kind *kind = agora_object_kind(o);
	struct agora_stat stat;
	uint64_t cursor;

	CHECK_EQ(AGORA_VALUE, kind->shape);
	CHECK_OK(agora_object_store(o, "ab", 2));
	CHECK_OK(agora_object_append(o, "c", 1));
	CHECK_OK(agora_object_load(o, &b));
	CHECK(b.size == 3 && !memcmp(other, "abc", 3));
	CHECK_OK(agora_object_stat(o, &stat));
	CHECK_EQ(1, stat.count);
	CHECK_EQ(3, stat.bytes);
	CHECK_EQ(2, stat.version);
	CHECK_EQ(WRITERS, stat.writers);
	CHECK_OK(agora_object_end(o, &cursor));
	CHECK_EQ(2, cursor);
	CHECK_ERROR(-EOPNOTSUPP, agora_object_push(o, "x", 1));
	CHECK_ERROR(-EOPNOTSUPP, agora_object_walk(o, &cursor, &b));
	CHECK_ERROR(-EOPNOTSUPP, agora_object_get(o, "x", 1, &b));
	agora_string_close(s);
}

TEST(a_tap_gives_the_present_value_when_it_is_newer)
{
	struct agora_string *s = open_with(NULL);
	struct agora_object *o = agora_string_object(s);
	struct agora_buffer b = {.data = other, .capacity = sizeof(other)};
	uint64_t cursor = 0;

	CHECK_ERROR(-EAGAIN, agora_object_tap(o, &cursor, &b));
	CHECK_OK(store(s, "a"));
	CHECK_OK(store(s, "b"));
	CHECK_OK(agora_object_tap(o, &cursor, &b));
	CHECK(b.size == 1 && other[0] == 'b');
	CHECK_EQ(2, b.version);
	CHECK_ERROR(-EAGAIN, agora_object_tap(o, &cursor, &b));
	CHECK_OK(agora_string_clear(s));
	CHECK_ERROR(-EAGAIN, agora_object_tap(o, &cursor, &b));
	CHECK_EQ(3, cursor);
	CHECK_OK(store(s, "cd"));
	b.capacity = 1;
	CHECK_ERROR(-EMSGSIZE, agora_object_tap(o, &cursor, &b));
	b.capacity = 2;
	CHECK_OK(agora_object_tap(o, &cursor, &b));
	agora_string_close(s);
}

TEST(options_that_a_string_has_not_are_refused)
{
	const struct agora_kind *kind = agora_kind_of("x.string");
	static const struct agora_options wrong[] = {{.capacity = 2},
		{.key_size = 1}, {.message_size = (1 << 30) + 1},
		{.writers = 3}, {.flags = AGORA_FIXED}, {.flags = AGORA_SPSC},
		{.inline_size = 65537}, {.memory = UINT64_C(1) << 41},
		{.message_size = 1 << 20, .memory = 1 << 20}};
	struct agora_options fine = {.capacity = 1,
		.message_size = 1 << 30,
		.inline_size = 65536,
		.writers = WRITERS};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		CHECK(agora_options_problem(kind, &wrong[i]));
	CHECK(!agora_options_problem(kind, NULL));
	CHECK(!agora_options_problem(kind, &fine));
	agora_string_close(open_with(&fine));
}

TEST(a_full_memory_is_enospc_and_leaves_the_value)
{
	struct agora_options options = {
		.message_size = 4 * 4096, .memory = 8 * 4096};
	struct agora_string *s = open_with(&options);
	struct agora_buffer b = {.data = other, .capacity = sizeof(other)};

	/* Two values of the largest size fit: one is replaced by the other. */
	for (unsigned i = 0; i < 50; i++) {
		fill(data, 4 * 4096, i);
		CHECK_OK(agora_string_store(s, data, 4 * 4096));
		CHECK_OK(agora_string_load(s, &b));
		CHECK(!memcmp(data, other, 4 * 4096));
	}
	check_accounts(s, 1);
	agora_string_close(s);
}
