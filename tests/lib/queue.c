/* queue.c - behaviour of agora/queue.h. */
#include "queue.h"

static unsigned char data[1 << 20];

static struct agora_queue *open_again(uint32_t flags)
{
	struct agora_queue *q;

	CHECK_OK(agora_queue_open(space, PATH, flags, NULL, &q));
	return q;
}

static void push_number(struct agora_queue *q, int number)
{
	CHECK_OK(agora_queue_push(q, &number, sizeof(number)));
}

static int pop_number(struct agora_queue *q)
{
	int number;
	struct agora_buffer b = {.data = &number, .capacity = sizeof(number)};

	CHECK_OK(agora_queue_pop(q, &b));
	CHECK_EQ(sizeof(number), b.size);
	return number;
}

static int try_pop(struct agora_queue *q)
{
	struct agora_buffer b = {.data = data, .capacity = sizeof(data)};

	return agora_queue_pop(q, &b);
}

static void check_nothing_leaked(struct agora_queue *q)
{
	struct agora_check report;

	CHECK_OK(agora_object_check(agora_queue_object(q), 0, &report));
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

TEST(messages_come_out_in_the_order_they_went_in)
{
	struct agora_queue *q = open_with(NULL);

	for (int i = 0; i < 1000; i++)
		push_number(q, i);
	for (int i = 0; i < 1000; i++)
		CHECK_EQ(i, pop_number(q));
	check_nothing_leaked(q);
	agora_queue_close(q);
}

TEST(pop_from_empty_returns_eagain)
{
	struct agora_queue *q = open_with(NULL);

	CHECK_ERROR(-EAGAIN, try_pop(q));
	push_number(q, 1);
	pop_number(q);
	CHECK_ERROR(-EAGAIN, try_pop(q));
	agora_queue_close(q);
}

TEST(full_is_exactly_the_capacity)
{
	for (unsigned capacity = 1; capacity < 70; capacity += 3) {
		struct agora_options options = {.capacity = capacity};
		struct agora_queue *q = open_with(&options);

		for (unsigned round = 0; round < 5; round++) {
			for (unsigned i = 0; i < capacity; i++)
				push_number(q, (int)i);
			CHECK_ERROR(-EAGAIN, agora_queue_push(q, "x", 1));
			CHECK_EQ(0, pop_number(q));
			push_number(q, (int)capacity);
			CHECK_ERROR(-EAGAIN, agora_queue_push(q, "x", 1));
			for (unsigned i = 1; i <= capacity; i++)
				CHECK_EQ(i, pop_number(q));
			CHECK_ERROR(-EAGAIN, try_pop(q));
		}
		check_nothing_leaked(q);
		agora_queue_close(q);
		CHECK_OK(agora_object_remove(space, PATH));
	}
}

TEST(messages_of_any_size_come_back_whole)
{
	struct agora_options options = {.message_size = sizeof(data)};
	struct agora_queue *q = open_with(&options);
	static unsigned char out[sizeof(data)];

	for (size_t size = 0; size <= sizeof(data);
		size += size < 600 ? 1 : size / 7) {
		struct agora_buffer b = {.data = out, .capacity = size};

		fill(size, (unsigned)size);
		CHECK_OK(agora_queue_push(q, data, size));
		CHECK_OK(agora_queue_pop(q, &b));
		CHECK_EQ(size, b.size);
		check_filled(out, size, (unsigned)size);
	}
	check_nothing_leaked(q);
	agora_queue_close(q);
}

TEST(a_message_of_64_MiB_takes_memory_only_while_needed)
{
	const size_t size = 64 << 20;
	struct agora_options options = {.message_size = size};
	struct agora_queue *q = open_with(&options);
	struct agora_buffer b = {.data = malloc(size), .capacity = size};
	unsigned char *big = calloc(1, size);
	struct agora_stat stat;

	CHECK_OK(agora_object_stat(agora_queue_object(q), &stat));
	CHECK(stat.memory < 1 << 20);
	memset(big + size - 9, 5, 9);
	CHECK_OK(agora_queue_push(q, big, size));
	CHECK_OK(agora_queue_pop(q, &b));
	CHECK_EQ(size, b.size);
	CHECK(!memcmp(big, b.data, size));
	CHECK_OK(agora_object_stat(agora_queue_object(q), &stat));
	CHECK(stat.memory < 2 * size);
	check_nothing_leaked(q);
	free(big);
	free(b.data);
	agora_queue_close(q);
}

TEST(too_large_a_message_is_refused)
{
	struct agora_options options = {.message_size = 100};
	struct agora_queue *q = open_with(&options);

	CHECK_ERROR(-EMSGSIZE, agora_queue_push(q, data, 101));
	CHECK_OK(agora_queue_push(q, data, 100));
	CHECK_ERROR(-EMSGSIZE, agora_queue_push(q, data, SIZE_MAX));
	agora_queue_close(q);
}

TEST(too_small_a_buffer_takes_nothing_and_tells_the_size)
{
	struct agora_queue *q = open_with(NULL);
	struct agora_buffer b = {.data = data, .capacity = 299};

	fill(300, 1);
	CHECK_OK(agora_queue_push(q, data, 300));
	CHECK_ERROR(-EMSGSIZE, agora_queue_pop(q, &b));
	CHECK_EQ(300, b.size);
	CHECK_ERROR(-EMSGSIZE, agora_queue_peek(q, &b));
	b.capacity = 300;
	CHECK_OK(agora_queue_pop(q, &b));
	check_filled(data, 300, 1);
	agora_queue_close(q);
}

TEST(fixed_messages_have_exactly_their_size)
{
	for (size_t size = 1; size < 5000; size = size * 3 + 1) {
		struct agora_options options = {
			.message_size = size, .flags = AGORA_FIXED};
		struct agora_queue *q = open_with(&options);

		CHECK_ERROR(-EMSGSIZE, agora_queue_push(q, data, size + 1));
		CHECK_ERROR(-EMSGSIZE, agora_queue_push(q, data, size - 1));
		fill(size, 3);
		CHECK_OK(agora_queue_push(q, data, size));
		memset(data, 0, size);
		CHECK_OK(try_pop(q));
		check_filled(data, size, 3);
		check_nothing_leaked(q);
		agora_queue_close(q);
		CHECK_OK(agora_object_remove(space, PATH));
	}
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
		{.flags = 1u << 31},
		{.clients = 4096},
		{.type = "utf7"},
		{.type = ""},
		{.memory = 1},
		{.mode = 0100644},
		{.reserved = {0, 0, 1}},
	};
	char **names;

	CHECK_OK(agora_program_create(space, "p", NULL));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK_ERROR(-EINVAL, agora_object_create(space, PATH, &bad[i]));
	CHECK_EQ(0, agora_space_list(space, "p", &names));
	agora_list_free(names);
}

TEST(peek_and_walk_take_nothing)
{
	struct agora_queue *q = open_with(NULL);
	struct agora_queue *reader = open_again(AGORA_READ);
	struct agora_buffer b = {.data = data, .capacity = sizeof(data)};

	for (int i = 0; i < 100; i++)
		push_number(q, i);
	for (int round = 0; round < 3; round++) {
		uint64_t cursor = 0;
		int number, n = 0;

		CHECK_OK(agora_queue_peek(reader, &b));
		while (!agora_queue_walk(reader, &cursor, &b)) {
			memcpy(&number, data, sizeof(number));
			CHECK_EQ(n++, number);
		}
		CHECK_EQ(100, n);
	}
	for (int i = 0; i < 100; i++)
		CHECK_EQ(i, pop_number(q));
	CHECK_ERROR(-EAGAIN, agora_queue_peek(reader, &b));
	agora_queue_close(reader);
	agora_queue_close(q);
}

TEST(a_snapshot_has_what_was_there_when_it_was_made)
{
	struct agora_queue *q = open_with(NULL);
	struct agora_queue *reader = open_again(AGORA_READ);
	struct agora_buffer b = {.data = data, .capacity = 1};
	struct agora_snapshot *snapshot;
	int number;

	for (int i = 0; i < 10; i++)
		push_number(q, i);
	CHECK_OK(agora_object_snapshot(agora_queue_object(reader), &snapshot));
	CHECK_EQ(0, pop_number(q));
	push_number(q, 10);
	CHECK_ERROR(-EMSGSIZE, agora_snapshot_next(snapshot, &b));
	b.capacity = sizeof(data);
	for (int i = 1; i < 10; i++) {
		CHECK_OK(agora_snapshot_next(snapshot, &b));
		memcpy(&number, data, sizeof(number));
		CHECK_EQ(i, number);
	}
	CHECK_ERROR(-EAGAIN, agora_snapshot_next(snapshot, &b));
	CHECK_ERROR(-EAGAIN, agora_snapshot_next(snapshot, &b));
	agora_snapshot_close(snapshot);
	agora_queue_close(reader);
	agora_queue_close(q);
}

TEST(a_read_only_handle_cannot_change_anything)
{
	struct agora_queue *q = open_with(NULL);
	struct agora_queue *reader = open_again(AGORA_READ);
	struct agora_message message;

	push_number(q, 1);
	CHECK_ERROR(-EACCES, agora_queue_push(reader, "x", 1));
	CHECK_ERROR(-EACCES, try_pop(reader));
	CHECK_ERROR(-EACCES, agora_queue_acquire(reader, &message));
	CHECK_EQ(1, pop_number(q));
	agora_queue_close(reader);
	agora_queue_close(q);
}

TEST(a_tap_sees_what_others_have_taken)
{
	struct agora_queue *q = open_with(NULL);
	struct agora_queue *reader = open_again(AGORA_READ);
	struct agora_buffer b = {.data = data, .capacity = sizeof(data)};
	uint64_t cursor;
	int number;

	push_number(q, 1);
	CHECK_OK(agora_queue_end(reader, &cursor));
	CHECK_ERROR(-EAGAIN, agora_queue_tap(reader, &cursor, &b));
	push_number(q, 2);
	CHECK_EQ(1, pop_number(q));
	CHECK_EQ(2, pop_number(q));
	CHECK_OK(agora_queue_tap(reader, &cursor, &b));
	memcpy(&number, data, sizeof(number));
	CHECK_EQ(2, number);
	CHECK_ERROR(-EAGAIN, agora_queue_tap(reader, &cursor, &b));
	agora_queue_close(reader);
	agora_queue_close(q);
}

TEST(an_acquired_message_is_released_or_restored_in_its_place)
{
	struct agora_queue *q = open_with(NULL);
	struct agora_message m[3];

	for (int i = 0; i < 4; i++)
		push_number(q, i);
	for (int i = 0; i < 3; i++)
		CHECK_OK(agora_queue_acquire(q, &m[i]));
	CHECK_EQ(1, *(const int *)m[1].data);
	CHECK_OK(agora_queue_restore(q, &m[2]));
	CHECK_OK(agora_queue_release(q, &m[1]));
	CHECK_OK(agora_queue_restore(q, &m[0]));
	CHECK_ERROR(-EINVAL, agora_queue_release(q, &m[1]));
	CHECK_ERROR(-EINVAL, agora_queue_restore(q, &m[0]));
	CHECK_EQ(0, pop_number(q));
	CHECK_EQ(2, pop_number(q));
	CHECK_EQ(3, pop_number(q));
	check_nothing_leaked(q);
	agora_queue_close(q);
}

TEST_MANY(an_acquired_long_message_is_read_piece_by_piece)
{
	struct agora_queue *q = open_with(NULL);
	unsigned char piece[1000];
	struct agora_message m;
	size_t at = 0;
	int n;

	fill(50000, 9);
	CHECK_OK(agora_queue_push(q, data, 50000));
	CHECK_OK(agora_queue_acquire(q, &m));
	CHECK(!m.data);
	CHECK_EQ(50000, m.size);
	while ((n = agora_queue_read(q, &m, at, piece, sizeof(piece))) > 0) {
		CHECK(!memcmp(piece, data + at, (size_t)n));
		at += (size_t)n;
	}
	CHECK_EQ(0, n);
	CHECK_EQ(50000, at);
	CHECK_ERROR(-EINVAL, agora_queue_read(q, &m, 50001, piece, 1));
	CHECK_OK(agora_queue_release(q, &m));
	check_nothing_leaked(q);
	agora_queue_close(q);
}

TEST_MANY(closing_gives_back_what_was_acquired)
{
	struct agora_queue *q = open_with(NULL);
	struct agora_queue *other = open_again(AGORA_WRITE);
	struct agora_message m;
	struct agora_stat stat;

	push_number(q, 7);
	CHECK_OK(agora_queue_acquire(other, &m));
	CHECK_ERROR(-EAGAIN, try_pop(q));
	agora_queue_close(other);
	CHECK_EQ(7, pop_number(q));
	CHECK_OK(agora_object_stat(agora_queue_object(q), &stat));
	CHECK_EQ(1, stat.redelivered);
	agora_queue_close(q);
}

TEST(what_a_dead_consumer_held_is_delivered_again)
{
	struct agora_queue *q = open_with(NULL);
	struct driver_signal ready = driver_signal();
	struct agora_check report;
	pid_t child;

	push_number(q, 1);
	push_number(q, 2);
	child = driver_fork();
	if (!child) {
		struct agora_queue *mine = open_again(AGORA_WRITE);
		struct agora_message m;

		CHECK_OK(agora_queue_acquire(mine, &m));
		driver_post(&ready);
		pause();
	}
	driver_await(&ready);
	driver_kill(child);
	CHECK_OK(agora_object_check(agora_queue_object(q), 1, &report));
	CHECK_EQ(1, report.dead_clients);
	CHECK_EQ(1, report.repaired);
	CHECK_EQ(1, pop_number(q));
	CHECK_EQ(2, pop_number(q));
	check_nothing_leaked(q);
	agora_queue_close(q);
}

TEST_MANY(types_are_checked_on_request)
{
	struct agora_options options = {.type = "utf8"};
	struct agora_queue *q = open_with(&options);
	struct agora_queue *checked = open_again(AGORA_WRITE | AGORA_CHECK);

	CHECK_OK(agora_queue_push(q, "\xff", 1));
	CHECK_ERROR(-EBADMSG, agora_queue_push(checked, "a\xff", 2));
	CHECK_OK(agora_queue_push(checked, "\xc3\xa4", 2));
	agora_queue_close(checked);
	agora_queue_close(q);
}

TEST(stat_tells_depth_and_history)
{
	struct agora_queue *q = open_with(NULL);
	struct agora_stat stat;

	for (int i = 0; i < 10; i++)
		push_number(q, i);
	for (int i = 0; i < 4; i++)
		pop_number(q);
	CHECK_OK(agora_object_stat(agora_queue_object(q), &stat));
	CHECK_EQ(6, stat.count);
	CHECK_EQ(24, stat.bytes);
	CHECK_EQ(10, stat.pushed);
	CHECK_EQ(4, stat.popped);
	CHECK_EQ(1024, stat.capacity);
	CHECK_EQ(1, stat.clients);
	CHECK_STR("bytes", stat.type);
	CHECK_STR("queue", stat.kind->name);
	agora_queue_close(q);
}
