/* heap_hold.c - messages in hand: acquire, read, release, restore. */
#include "heap.h"

static unsigned char data[100000], other[100000];

TEST(an_acquired_message_is_read_where_it_lies)
{
	struct agora_heap *h = open_with(&any);
	struct agora_message message;

	CHECK_ERROR(-EAGAIN, agora_heap_acquire(h, &message));
	CHECK_OK(agora_heap_push(h, 9, "hello", 5));
	CHECK_OK(agora_heap_acquire(h, &message));
	CHECK_EQ(5, message.size);
	CHECK_EQ(9, message.priority);
	CHECK(!memcmp(message.data, "hello", 5));
	CHECK_ERROR(-EAGAIN, pop_nothing(h));
	CHECK_OK(agora_heap_release(h, &message));
	CHECK_ERROR(-EINVAL, agora_heap_release(h, &message));
	CHECK_ERROR(-EINVAL, agora_heap_restore(h, &message));
	close_empty(h);
}

TEST(a_long_message_is_read_in_pieces)
{
	struct agora_options options = {.message_size = sizeof(data)};
	struct agora_heap *h = open_with(&options);
	struct agora_message message;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)(i / 3);
	CHECK_OK(agora_heap_push(h, 0, data, sizeof(data)));
	CHECK_OK(agora_heap_acquire(h, &message));
	CHECK(!message.data);
	CHECK_EQ(sizeof(data), message.size);
	CHECK_EQ(1000, agora_heap_read(h, &message, 99000, other, 5000));
	CHECK(!memcmp(data + 99000, other, 1000));
	CHECK_EQ(0, agora_heap_read(h, &message, sizeof(data), other, 1));
	CHECK_ERROR(-EINVAL,
		agora_heap_read(h, &message, sizeof(data) + 1, other, 1));
	CHECK_OK(agora_heap_release(h, &message));
	CHECK_ERROR(-EINVAL, agora_heap_read(h, &message, 0, other, 1));
	close_empty(h);
}

TEST(a_restored_message_keeps_its_place_among_its_equals)
{
	struct agora_heap *h = open_with(&any);
	struct agora_message first, second;
	uint64_t version;
	struct agora_buffer b = {.data = other, .capacity = sizeof(other)};

	for (uint64_t i = 0; i < 4; i++)
		push_number(h, 7, i);
	CHECK_OK(agora_heap_acquire(h, &first));
	CHECK_OK(agora_heap_acquire(h, &second));
	push_number(h, 3, 100);
	CHECK_OK(agora_heap_restore(h, &second));
	CHECK_ERROR(-EINVAL, agora_heap_restore(h, &second));
	CHECK_OK(agora_heap_restore(h, &first));
	version = first.sequence;
	CHECK_EQ(100, pop_number(h, NULL));
	CHECK_OK(agora_heap_peek(h, &b));
	CHECK_EQ(version, b.version);
	for (uint64_t i = 0; i < 4; i++)
		CHECK_EQ(i, pop_number(h, NULL));
	close_empty(h);
}

TEST(what_is_restored_counts_beside_the_capacity)
{
	struct agora_options options = {.capacity = 4};
	struct agora_heap *h = open_with(&options);
	struct agora_message held[4];
	uint64_t number = 9;

	for (uint64_t i = 0; i < 4; i++)
		push_number(h, i, i);
	for (int i = 0; i < 4; i++)
		CHECK_OK(agora_heap_acquire(h, &held[i]));
	for (uint64_t i = 0; i < 4; i++)
		push_number(h, 10 + i, 10 + i);
	for (int i = 0; i < 4; i++)
		CHECK_OK(agora_heap_restore(h, &held[i]));
	CHECK_ERROR(-EAGAIN, agora_heap_push(h, 0, &number, 8));
	for (uint64_t i = 0; i < 4; i++)
		CHECK_EQ(i, pop_number(h, NULL));
	CHECK_ERROR(-EAGAIN, agora_heap_push(h, 0, &number, 8));
	for (uint64_t i = 0; i < 4; i++)
		CHECK_EQ(10 + i, pop_number(h, NULL));
	close_empty(h);
}

static void hold_and_die(const struct agora_options *options, bool closes)
{
	struct agora_heap *h = open_with(options);
	struct agora_check report;
	struct agora_stat stat;
	pid_t child;

	for (uint64_t i = 0; i < 10; i++)
		push_number(h, i / 3, i);
	child = driver_fork();
	if (!child) {
		struct agora_message message;

		h = open_again(AGORA_WRITE);
		for (int i = 0; i < 5; i++)
			CHECK_OK(agora_heap_acquire(h, &message));
		CHECK_OK(agora_heap_release(h, &message));
		if (closes)
			agora_heap_close(h);
		_exit(0);
	}
	driver_join(child);
	CHECK_OK(agora_object_check(agora_heap_object(h), 1, &report));
	CHECK_EQ(9, report.published);
	CHECK_OK(agora_object_stat(agora_heap_object(h), &stat));
	CHECK_EQ(4, stat.redelivered);
	for (uint64_t i = 0; i < 10; i++)
		if (i != 4 || options->flags & AGORA_RELAXED)
			if (i != 9 || !(options->flags & AGORA_RELAXED)) {
				uint64_t got = pop_number(h, NULL);

				if (!(options->flags & AGORA_RELAXED))
					CHECK_EQ(i, got);
			}
	close_empty(h);
}

TEST(what_the_dead_had_acquired_is_delivered_again)
{
	hold_and_die(&any, false);
	hold_and_die(&fixed, false);
	hold_and_die(&relaxed, false);
}

TEST(closing_gives_back_what_was_acquired)
{
	hold_and_die(&any, true);
	hold_and_die(&relaxed, true);
}
