/* stack.c - behaviour of agora/stack.h: order, sizes, looking. */
#include "stack.h"

TEST(the_last_message_pushed_comes_out_first)
{
	struct agora_stack *s = open_with(NULL);

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 1000; i++)
			push_number(s, i);
		for (int i = 1000; i--;)
			CHECK_EQ(i, pop_number(s));
	}
	check_nothing_leaked(s);
	agora_stack_close(s);
}

TEST(pushes_and_pops_in_between_keep_the_order)
{
	struct agora_stack *s = open_with(NULL);
	struct agora_stack *other = open_again(AGORA_WRITE);
	int expected[100], depth = 0;
	unsigned random = 1;

	for (int i = 0; i < 20000; i++) {
		struct agora_stack *one = i % 3 ? s : other;

		random = random * 1103515245 + 12345;
		if (depth < 100 && (!depth || random >> 31)) {
			push_number(one, i);
			expected[depth++] = i;
		} else {
			CHECK_EQ(expected[--depth], pop_number(one));
		}
	}
	while (depth)
		CHECK_EQ(expected[--depth], pop_number(s));
	check_nothing_leaked(s);
	agora_stack_close(other);
	agora_stack_close(s);
}

TEST(pop_from_empty_returns_eagain)
{
	struct agora_stack *s = open_with(NULL);

	CHECK_ERROR(-EAGAIN, try_pop(s));
	push_number(s, 1);
	pop_number(s);
	CHECK_ERROR(-EAGAIN, try_pop(s));
	agora_stack_close(s);
}

TEST(full_is_exactly_the_capacity)
{
	for (unsigned capacity = 1; capacity < 70; capacity += 3) {
		struct agora_options options = {.capacity = capacity};
		struct agora_stack *s = open_with(&options);

		for (unsigned round = 0; round < 5; round++) {
			for (unsigned i = 0; i < capacity; i++)
				push_number(s, (int)i);
			CHECK_ERROR(-EAGAIN, agora_stack_push(s, "x", 1));
			CHECK_EQ(capacity - 1, pop_number(s));
			push_number(s, (int)capacity - 1);
			CHECK_ERROR(-EAGAIN, agora_stack_push(s, "x", 1));
			CHECK_EQ(capacity, count(s));
			for (unsigned i = capacity; i--;)
				CHECK_EQ(i, pop_number(s));
			CHECK_ERROR(-EAGAIN, try_pop(s));
		}
		check_nothing_leaked(s);
		agora_stack_close(s);
		CHECK_OK(agora_object_remove(space, PATH));
	}
}

TEST(messages_of_any_size_come_back_whole)
{
	struct agora_options options = {.message_size = sizeof(data)};
	struct agora_stack *s = open_with(&options);
	static unsigned char out[sizeof(data)];

	for (size_t size = 0; size <= sizeof(data);
		size += size < 600 ? 1 : size / 7) {
		struct agora_buffer b = {.data = out, .capacity = size};

		fill(size, (unsigned)size);
		CHECK_OK(agora_stack_push(s, data, size));
		CHECK_OK(agora_stack_pop(s, &b));
		CHECK_EQ(size, b.size);
		check_filled(out, size, (unsigned)size);
	}
	check_nothing_leaked(s);
	agora_stack_close(s);
}

TEST(too_large_a_message_is_refused)
{
	struct agora_options options = {.message_size = 100};
	struct agora_stack *s = open_with(&options);

	CHECK_ERROR(-EMSGSIZE, agora_stack_push(s, data, 101));
	CHECK_OK(agora_stack_push(s, data, 100));
	CHECK_ERROR(-EMSGSIZE, agora_stack_push(s, data, SIZE_MAX));
	agora_stack_close(s);
}

TEST(too_small_a_buffer_takes_nothing_and_tells_the_size)
{
	struct agora_stack *s = open_with(NULL);
	struct agora_buffer b = {.data = data, .capacity = 299};

	fill(300, 1);
	CHECK_OK(agora_stack_push(s, data, 300));
	CHECK_ERROR(-EMSGSIZE, agora_stack_pop(s, &b));
	CHECK_EQ(300, b.size);
	CHECK_ERROR(-EMSGSIZE, agora_stack_peek(s, &b));
	CHECK_EQ(300, b.size);
	b.capacity = 300;
	CHECK_OK(agora_stack_pop(s, &b));
	check_filled(data, 300, 1);
	agora_stack_close(s);
}

TEST(memory_that_is_full_is_eagain_and_comes_back)
{
	struct agora_options options = {
		.message_size = 65536, .memory = 4 * 65536};
	struct agora_stack *s = open_with(&options);
	unsigned pushed = 0;

	while (!agora_stack_push(s, data, 65536))
		pushed++;
	CHECK(pushed >= 4 && pushed < 10);
	CHECK_ERROR(-EAGAIN, agora_stack_push(s, data, 65536));
	CHECK_OK(try_pop(s));
	CHECK_OK(agora_stack_push(s, data, 65536));
	while (pushed--)
		CHECK_OK(try_pop(s));
	check_nothing_leaked(s);
	agora_stack_close(s);
}

TEST(options_out_of_range_are_refused)
{
	const struct agora_options bad[] = {
		{.capacity = (1 << 24) + 1},
		{.capacity = UINT64_MAX},
		{.message_size = (1 << 30) + 1},
		{.message_size = UINT64_MAX},
		{.key_size = 1},
		{.writers = AGORA_WRITERS_ONE},
		{.flags = AGORA_FIXED},
		{.flags = AGORA_SPSC},
		{.flags = 1u << 31},
		{.inline_size = 65537},
		{.memory = 1},
		{.memory = UINT64_MAX},
	};
	char **names;

	CHECK_OK(agora_program_create(space, "p", NULL));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK_ERROR(-EINVAL, agora_object_create(space, PATH, &bad[i]));
	CHECK_EQ(0, agora_space_list(space, "p", &names));
	agora_list_free(names);
}

TEST(a_peek_takes_nothing)
{
	struct agora_stack *s = open_with(NULL);
	struct agora_stack *reader = open_again(AGORA_READ);
	struct agora_buffer b = {.data = data, .capacity = sizeof(data)};

	CHECK_ERROR(-EAGAIN, agora_stack_peek(reader, &b));
	for (int i = 0; i < 100; i++)
		push_number(s, i);
	for (int i = 100; i--;) {
		int number;

		CHECK_OK(agora_stack_peek(reader, &b));
		memcpy(&number, data, sizeof(number));
		CHECK_EQ(i, number);
		CHECK_EQ(i, pop_number(s));
	}
	CHECK_ERROR(-EAGAIN, agora_stack_peek(reader, &b));
	agora_stack_close(reader);
	agora_stack_close(s);
}

TEST(a_snapshot_has_what_was_there_when_it_was_made)
{
	struct agora_stack *s = open_with(NULL);
	struct agora_stack *reader = open_again(AGORA_READ);
	struct agora_buffer b = {.data = data, .capacity = 1};
	struct agora_snapshot *snapshot;

	for (int i = 0; i < 10; i++)
		push_number(s, i);
	CHECK_OK(agora_object_snapshot(agora_stack_object(reader), &snapshot));
	CHECK_EQ(9, pop_number(s));
	push_number(s, 10);
	CHECK_ERROR(-EMSGSIZE, agora_snapshot_next(snapshot, &b));
	CHECK_EQ(sizeof(int), b.size);
	b.capacity = sizeof(data);
	for (int i = 9; i--;) {
		int number;

		CHECK_OK(agora_snapshot_next(snapshot, &b));
		memcpy(&number, data, sizeof(number));
		CHECK_EQ(i, number);
	}
	CHECK_ERROR(-EAGAIN, agora_snapshot_next(snapshot, &b));
	CHECK_ERROR(-EAGAIN, agora_snapshot_next(snapshot, &b));
	agora_snapshot_close(snapshot);
	agora_stack_close(reader);
	agora_stack_close(s);
}

TEST(a_read_only_handle_cannot_change_anything)
{
	struct agora_stack *s = open_with(NULL);
	struct agora_stack *reader = open_again(AGORA_READ);
	struct agora_message message;

	push_number(s, 1);
	CHECK_ERROR(-EACCES, agora_stack_push(reader, "x", 1));
	CHECK_ERROR(-EACCES, try_pop(reader));
	CHECK_ERROR(-EACCES, agora_stack_acquire(reader, &message));
	CHECK_EQ(1, count(reader));
	CHECK_EQ(1, pop_number(s));
	agora_stack_close(reader);
	agora_stack_close(s);
}

TEST(a_tap_shows_what_is_there_in_the_order_of_pushing)
{
	struct agora_stack *s = open_with(NULL);
	struct agora_stack *reader = open_again(AGORA_READ);
	struct agora_buffer b = {.data = data, .capacity = sizeof(data)};
	uint64_t cursor = 0, late;

	for (int i = 0; i < 100; i++)
		push_number(s, i);
	CHECK_EQ(0, tap_number(reader, &cursor));
	CHECK_EQ(99, pop_number(s)); /* never seen */
	for (int i = 1; i < 99; i++)
		CHECK_EQ(i, tap_number(reader, &cursor));
	CHECK_ERROR(-EAGAIN, agora_stack_tap(reader, &cursor, &b));
	CHECK_OK(agora_stack_end(reader, &late));
	CHECK_ERROR(-EAGAIN, agora_stack_tap(reader, &late, &b));
	push_number(s, 100);
	b.capacity = 1;
	CHECK_ERROR(-EMSGSIZE, agora_stack_tap(reader, &cursor, &b));
	CHECK_EQ(sizeof(int), b.size);
	CHECK_EQ(100, tap_number(reader, &cursor));
	CHECK_EQ(100, tap_number(reader, &late));
	CHECK_ERROR(-EAGAIN, agora_stack_tap(reader, &cursor, &b));
	agora_stack_close(reader);
	agora_stack_close(s);
}
