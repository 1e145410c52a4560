/* stack.c - behaviour of agora/stack.h. */
#include "driver.h"

#define PATH "p/s.stack"

static unsigned char data[1 << 20];

static struct agora_stack *open_with(const struct agora_options *options)
{
	struct agora_stack *s;
	int error = agora_program_create(space, "p", NULL);

	CHECK(!error || error == -EEXIST);
	CHECK_OK(agora_stack_open(
		space, PATH, AGORA_WRITE | AGORA_CREATE, options, &s));
	return s;
}

static struct agora_stack *open_again(uint32_t flags)
{
	struct agora_stack *s;

	CHECK_OK(agora_stack_open(space, PATH, flags, NULL, &s));
	return s;
}

static void push_number(struct agora_stack *s, int number)
{
	CHECK_OK(agora_stack_push(s, &number, sizeof(number)));
}

static int pop_number(struct agora_stack *s)
{
	int number;
	struct agora_buffer b = {.data = &number, .capacity = sizeof(number)};

	CHECK_OK(agora_stack_pop(s, &b));
	CHECK_EQ(sizeof(number), b.size);
	return number;
}

static int try_pop(struct agora_stack *s)
{
	struct agora_buffer b = {.data = data, .capacity = sizeof(data)};

	return agora_stack_pop(s, &b);
}

static int acquire_number(struct agora_stack *s, struct agora_message *m)
{
	int number;

	CHECK_OK(agora_stack_acquire(s, m));
	CHECK_EQ(sizeof(number), m->size);
	memcpy(&number, m->data, sizeof(number));
	return number;
}

static uint64_t count(struct agora_stack *s)
{
	struct agora_stat stat;

	CHECK_OK(agora_object_stat(agora_stack_object(s), &stat));
	return stat.count;
}

static void check_nothing_leaked(struct agora_stack *s)
{
	struct agora_check report;

	CHECK_OK(agora_object_check(agora_stack_object(s), 0, &report));
	CHECK_EQ(report.blocks, report.free);
}

static void fill(size_t size, unsigned seed)
{
	for (size_t i = 0; i < size; i++)
		data[i] = (unsigned char)(seed + i * 7 + (i >> 8));
}

static void check_filled(const unsigned char *bytes, size_t size, unsigned seed)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i] != (unsigned char)(seed + i * 7 + (i >> 8)))
			driver_fail("byte %zu of %zu is wrong", i, size);
}

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

static int tap_number(struct agora_stack *s, uint64_t *cursor)
{
	int number;
	struct agora_buffer b = {.data = &number, .capacity = sizeof(number)};

	CHECK_OK(agora_stack_tap(s, cursor, &b));
	CHECK(b.version < *cursor);
	return number;
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

TEST(an_acquired_message_is_released_or_restored_on_top)
{
	struct agora_stack *s = open_with(NULL);
	struct agora_message m[2];
	int number;

	for (int i = 0; i < 4; i++)
		push_number(s, i);
	CHECK_EQ(3, acquire_number(s, &m[0]));
	CHECK_EQ(2, acquire_number(s, &m[1]));
	CHECK_EQ(2, count(s));
	CHECK_EQ(sizeof(number),
		agora_stack_read(s, &m[0], 0, &number, sizeof(number)));
	CHECK_EQ(3, number);
	CHECK_EQ(0, agora_stack_read(s, &m[0], sizeof(number), &number, 1));
	CHECK_ERROR(-EINVAL, agora_stack_read(s, &m[0], 5, &number, 1));
	CHECK_OK(agora_stack_restore(s, &m[0]));
	CHECK_ERROR(-EINVAL, agora_stack_restore(s, &m[0]));
	CHECK_ERROR(-EINVAL, agora_stack_release(s, &m[0]));
	CHECK_OK(agora_stack_release(s, &m[1]));
	CHECK_ERROR(-EINVAL, agora_stack_release(s, &m[1]));
	CHECK_EQ(3, pop_number(s));
	CHECK_EQ(1, pop_number(s));
	CHECK_EQ(0, pop_number(s));
	check_nothing_leaked(s);
	agora_stack_close(s);
}

TEST(a_restored_message_does_not_ask_for_room)
{
	struct agora_options options = {.capacity = 1};
	struct agora_stack *s = open_with(&options);
	struct agora_message m;

	push_number(s, 1);
	CHECK_EQ(1, acquire_number(s, &m));
	push_number(s, 2);
	CHECK_OK(agora_stack_restore(s, &m));
	CHECK_EQ(2, count(s));
	CHECK_ERROR(-EAGAIN, agora_stack_push(s, "x", 1));
	CHECK_EQ(1, pop_number(s));
	CHECK_ERROR(-EAGAIN, agora_stack_push(s, "x", 1));
	CHECK_EQ(2, pop_number(s));
	agora_stack_close(s);
}

TEST(a_long_message_in_hand_is_read_in_pieces)
{
	struct agora_stack *s = open_with(NULL);
	struct agora_message m;
	unsigned char out[1000];

	fill(60000, 7);
	CHECK_OK(agora_stack_push(s, data, 60000));
	CHECK_OK(agora_stack_acquire(s, &m));
	CHECK(!m.data);
	memset(data, 0, sizeof(data));
	for (size_t at = 0; at < m.size; at += sizeof(out)) {
		CHECK_EQ(sizeof(out),
			agora_stack_read(s, &m, at, out, sizeof(out)));
		memcpy(data + at, out, sizeof(out));
	}
	check_filled(data, 60000, 7);
	CHECK_OK(agora_stack_release(s, &m));
	check_nothing_leaked(s);
	agora_stack_close(s);
}

TEST(what_a_closed_handle_had_in_hand_lies_as_it_lay)
{
	struct agora_stack *s = open_with(NULL);
	struct agora_stack *other = open_again(AGORA_WRITE);
	struct agora_message m;
	struct agora_check report;

	for (int i = 0; i < 300; i++)
		push_number(s, i);
	for (int i = 300; i-- > 50;)
		CHECK_EQ(i, acquire_number(other, &m));
	CHECK_OK(agora_object_check(agora_stack_object(s), 0, &report));
	CHECK_EQ(250, report.held);
	CHECK_EQ(50, report.published);
	agora_stack_close(other);
	for (int i = 300; i--;)
		CHECK_EQ(i, pop_number(s));
	check_nothing_leaked(s);
	agora_stack_close(s);
}

TEST(batches_push_and_pop_one_after_the_other)
{
	struct agora_options options = {.capacity = 10};
	struct agora_stack *s = open_with(&options);
	int in[12], out[12];
	struct iovec messages[12];
	struct agora_buffer b[12];

	for (int i = 0; i < 12; i++) {
		in[i] = i;
		messages[i] = (struct iovec){&in[i], sizeof(int)};
		b[i] = (struct agora_buffer){
			.data = &out[i], .capacity = sizeof(int)};
	}
	CHECK_EQ(0, agora_stack_push_batch(s, messages, 0));
	CHECK_EQ(10, agora_stack_push_batch(s, messages, 12));
	CHECK_ERROR(-EAGAIN, agora_stack_push_batch(s, messages, 1));
	CHECK_EQ(10, agora_stack_pop_batch(s, b, 12));
	for (int i = 0; i < 10; i++)
		CHECK_EQ(9 - i, out[i]);
	CHECK_ERROR(-EAGAIN, agora_stack_pop_batch(s, b, 12));
	agora_stack_close(s);
}

TEST(stat_counts_what_is_there_and_what_ever_was)
{
	struct agora_stack *s = open_with(NULL);
	struct agora_stat stat;

	for (int i = 0; i < 30; i++)
		push_number(s, i);
	for (int i = 0; i < 12; i++)
		pop_number(s);
	CHECK_OK(agora_object_stat(agora_stack_object(s), &stat));
	CHECK_EQ(18, stat.count);
	CHECK_EQ(18 * sizeof(int), stat.bytes);
	CHECK_EQ(30, stat.pushed);
	CHECK_EQ(12, stat.popped);
	agora_stack_close(s);
}

static void in_child(void (*run)(struct agora_stack *))
{
	pid_t child = driver_fork();

	if (!child) {
		struct agora_stack *s = open_again(AGORA_WRITE);

		run(s);
		agora_stack_close(s);
		_exit(0);
	}
	driver_join(child);
}

static struct timespec soon(void)
{
	return agora_deadline(20000000000);
}

static void pop_three(struct agora_stack *s)
{
	for (int i = 0; i < 3; i++) {
		struct timespec deadline = soon();
		struct agora_buffer b = {
			.data = data, .capacity = sizeof(data)};

		CHECK_OK(agora_stack_pop_wait(s, &deadline, &b));
	}
}

TEST(who_waits_for_room_is_woken_by_a_pop)
{
	struct agora_options options = {.capacity = 1};
	struct agora_stack *s = open_with(&options);
	struct timespec past = agora_deadline(0);
	pid_t child;

	push_number(s, 0);
	CHECK_ERROR(-ETIMEDOUT, agora_stack_push_wait(s, "x", 1, &past));
	child = driver_fork();
	if (!child) {
		s = open_again(AGORA_WRITE);
		pop_three(s);
		agora_stack_close(s);
		_exit(0);
	}
	for (int i = 1; i < 3; i++) {
		struct timespec deadline = soon();

		CHECK_OK(agora_stack_push_wait(s, &i, sizeof(i), &deadline));
	}
	driver_join(child);
	check_nothing_leaked(s);
	agora_stack_close(s);
}

static void acquire_one(struct agora_stack *s)
{
	struct timespec deadline = soon();
	struct agora_message m;

	CHECK_OK(agora_stack_acquire_wait(s, &deadline, &m));
	CHECK_OK(agora_stack_release(s, &m));
}

TEST(who_waits_for_a_message_is_woken_by_a_push)
{
	struct agora_stack *s = open_with(NULL);
	struct agora_buffer b = {.data = data, .capacity = sizeof(data)};
	struct timespec past = agora_deadline(0);

	CHECK_ERROR(-ETIMEDOUT, agora_stack_pop_wait(s, &past, &b));
	push_number(s, 1);
	in_child(acquire_one);
	CHECK_ERROR(-EAGAIN, try_pop(s));
	agora_stack_close(s);
}

TEST(events_hold_exactly_when_they_should)
{
	struct agora_options options = {.capacity = 1};
	struct agora_stack *s = open_with(&options);
	struct agora_object *object = agora_stack_object(s);
	uint64_t cursor;

	CHECK_OK(agora_object_descriptor(object));
	CHECK_OK(agora_stack_end(s, &cursor));
	CHECK_EQ(AGORA_WRITABLE,
		agora_object_arm(object,
			AGORA_READABLE | AGORA_WRITABLE | AGORA_ADVANCED,
			cursor));
	push_number(s, 1);
	CHECK_EQ(AGORA_READABLE | AGORA_ADVANCED,
		agora_object_arm(object,
			AGORA_READABLE | AGORA_WRITABLE | AGORA_ADVANCED,
			cursor));
	CHECK_EQ(1, tap_number(s, &cursor));
	CHECK_EQ(0, agora_object_arm(object, AGORA_ADVANCED, cursor));
	pop_number(s);
	CHECK_EQ(0, agora_object_arm(object, AGORA_ADVANCED, cursor));
	agora_stack_close(s);
}

TEST(a_typed_handle_refuses_what_does_not_fit)
{
	struct agora_options options = {.type = "utf8"};
	struct agora_stack *s = open_with(&options);
	struct agora_stack *strict = open_again(AGORA_WRITE | AGORA_CHECK);

	CHECK_ERROR(-EBADMSG, agora_stack_push(strict, "\xff", 1));
	CHECK_OK(agora_stack_push(strict, "{}", 2));
	CHECK_OK(agora_stack_push(s, "\xff", 1));
	agora_stack_close(strict);
	agora_stack_close(s);
}

TEST(the_general_verbs_are_those_of_the_stack)
{
	struct agora_stack *s = open_with(NULL);
	struct agora_object *object = agora_stack_object(s);
	struct agora_buffer b = {.data = data, .capacity = sizeof(data)};
	uint64_t cursor = 0;

	CHECK_OK(agora_object_push(object, "a", 1));
	CHECK_OK(agora_object_push(object, "b", 1));
	CHECK_OK(agora_object_peek(object, &b));
	CHECK_EQ('b', data[0]);
	CHECK_OK(agora_object_tap(object, &cursor, &b));
	CHECK_EQ('a', data[0]);
	CHECK_OK(agora_object_pop(object, &b));
	CHECK_EQ('b', data[0]);
	CHECK_ERROR(-EOPNOTSUPP, agora_object_walk(object, &cursor, &b));
	CHECK_ERROR(-EOPNOTSUPP, agora_object_get(object, "a", 1, &b));
	agora_stack_close(s);
}
