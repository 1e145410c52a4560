/* queue_batch.c - push_batch and pop_batch, and singles among them. */
#include "queue.h"

#define MOST 200

static const struct agora_options any,
	fixed = {.message_size = 8, .flags = AGORA_FIXED};

static struct agora_queue *open_one(int number, unsigned capacity)
{
	struct agora_options options = number ? fixed : any;

	options.capacity = capacity;
	return open_with(&options);
}

static void close_one(struct agora_queue *q)
{
	struct agora_check report;

	CHECK_OK(agora_object_check(agora_queue_object(q), 0, &report));
	CHECK_EQ(report.blocks, report.free);
	agora_queue_close(q);
	CHECK_OK(agora_object_remove(space, PATH));
}

/* The numbers from first on, as messages. */
static const struct iovec *numbers(uint64_t first, unsigned count)
{
	static uint64_t number[MOST];
	static struct iovec messages[MOST];

	for (unsigned i = 0; i < count; i++) {
		number[i] = first + i;
		messages[i] = (struct iovec){&number[i], sizeof(*number)};
	}
	return messages;
}

static int push(struct agora_queue *q, uint64_t first, unsigned count)
{
	return agora_queue_push_batch(q, numbers(first, count), count);
}

/* Pop up to count numbers in one call; they must go on from first. */
static int pop(struct agora_queue *q, uint64_t first, unsigned count)
{
	static uint64_t number[MOST];
	struct agora_buffer messages[MOST];
	uint64_t version = 0;
	int got;

	count = count < MOST ? count : MOST;
	for (unsigned i = 0; i < count; i++)
		messages[i] = (struct agora_buffer){
			.data = &number[i], .capacity = sizeof(*number)};
	got = agora_queue_pop_batch(q, messages, count);
	for (int i = 0; i < got; i++) {
		CHECK_EQ(sizeof(*number), messages[i].size);
		CHECK_EQ(first + (unsigned)i, number[i]);
		CHECK(!i || messages[i].version > version);
		version = messages[i].version;
	}
	return got;
}

static void pop_all(struct agora_queue *q, uint64_t first, unsigned count)
{
	while (count) {
		int got = pop(q, first, count);

		CHECK(got > 0);
		first += (unsigned)got;
		count -= (unsigned)got;
	}
	CHECK_ERROR(-EAGAIN, pop(q, 0, 1));
}

TEST(order_is_kept_across_singles_and_batches)
{
	for (int kind = 0; kind < 2; kind++) {
		struct agora_queue *q = open_one(kind, 1000);
		uint64_t in = 0, out = 0;

		for (unsigned round = 1; round < 3000; round++) {
			unsigned n = round * 7 % 45;
			int got = push(q, in, n % 3 ? n : 1);

			if (got > 0)
				in += (unsigned)got;
			got = pop(q, out, round * 11 % 41 + 1);
			if (got > 0)
				out += (unsigned)got;
			if (in - out > 900)
				out += (unsigned)pop(q, out, 100);
		}
		pop_all(q, out, (unsigned)(in - out));
		close_one(q);
	}
}

TEST(full_is_exactly_the_capacity_also_behind_a_half_taken_packet)
{
	for (unsigned capacity = 1; capacity < 70; capacity++) {
		struct agora_queue *q = open_one(capacity % 2, capacity);
		uint64_t in = 0, out = 0;

		for (unsigned round = 0; round < 20; round++) {
			unsigned taken = round % capacity + 1;

			int got;

			while ((got = push(q, in, 7)) > 0)
				in += (unsigned)got;
			CHECK_EQ(capacity, in - out);
			CHECK_ERROR(-EAGAIN, push(q, in, 40));
			for (unsigned i = 0; i < taken; i++)
				CHECK_EQ(1, pop(q, out++, 1));
			CHECK_EQ(taken, push(q, in, MOST));
			in += taken;
			CHECK_ERROR(-EAGAIN, push(q, in, 1));
		}
		pop_all(q, out, capacity);
		close_one(q);
	}
}

TEST(messages_of_all_sizes_may_stand_in_one_batch)
{
	static const size_t sizes[] = {
		0, 8, 0, 223, 224, 225, 1, 50, 50, 50, 50, 50, 50, 60000, 0, 5};
	enum { COUNT = sizeof(sizes) / sizeof(*sizes) };
	static unsigned char in[60000 + COUNT], out[COUNT][60000];
	struct iovec messages[COUNT];
	struct agora_buffer buffers[COUNT];
	struct agora_queue *q = open_one(0, 100);
	int done = 0;

	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (unsigned char)(i * 7 + (i >> 8));
	for (int i = 0; i < COUNT; i++) {
		messages[i] =
			(struct iovec){in + i, sizes[i] - (sizes[i] > 99)};
		buffers[i] = (struct agora_buffer){
			.data = out[i], .capacity = sizeof(out[i])};
	}
	CHECK_EQ(COUNT, agora_queue_push_batch(q, messages, COUNT));
	while (done < COUNT) {
		int got = agora_queue_pop_batch(
			q, buffers + done, (size_t)(COUNT - done));

		CHECK(got > 0);
		done += got;
	}
	for (int i = 0; i < COUNT; i++) {
		CHECK_EQ(messages[i].iov_len, buffers[i].size);
		CHECK(!memcmp(out[i], in + i, buffers[i].size));
	}
	close_one(q);
}

TEST_MANY(a_message_that_is_refused_ends_the_batch_before_it)
{
	struct agora_options options = {.message_size = 100, .type = "utf8"};
	struct agora_queue *q = open_with(&options), *checked;
	static char big[101], a[] = "abc", wrong[] = "\xff";
	struct iovec messages[] = {{.iov_base = a, .iov_len = 1}, {a + 1, 1},
		{big, 101}, {a + 2, 1}};
	struct agora_buffer none = {.capacity = 0};

	CHECK_OK(agora_queue_open(
		space, PATH, AGORA_WRITE | AGORA_CHECK, NULL, &checked));
	CHECK_EQ(2, agora_queue_push_batch(q, messages, 4));
	CHECK_ERROR(-EMSGSIZE, agora_queue_push_batch(q, messages + 2, 2));
	messages[2] = (struct iovec){wrong, 1};
	CHECK_EQ(2, agora_queue_push_batch(checked, messages, 4));
	CHECK_ERROR(-EBADMSG, agora_queue_push_batch(checked, messages + 2, 2));
	CHECK_EQ(0, agora_queue_push_batch(q, messages, 0));
	CHECK_EQ(0, agora_queue_pop_batch(q, NULL, 0));
	CHECK_ERROR(-EMSGSIZE, agora_queue_pop_batch(q, &none, 1));
	CHECK_EQ(1, none.size);
	agora_queue_close(checked);
	agora_queue_close(q);
}

TEST(what_does_not_fit_its_buffer_stays)
{
	for (int kind = 0; kind < 2; kind++) {
		struct agora_queue *q = open_one(kind, 100);
		uint64_t number[5];
		struct agora_buffer b[5];

		for (int batch = 0; batch < 2; batch++) {
			for (unsigned i = 0; i < 5; i++)
				b[i] = (struct agora_buffer){.data = &number[i],
					.capacity = i == 3 ? 7 : 8};
			if (batch)
				CHECK_EQ(5, push(q, 10, 5));
			for (unsigned i = 0; !batch && i < 5; i++)
				CHECK_EQ(1, push(q, 10 + i, 1));
			CHECK_EQ(3, agora_queue_pop_batch(q, b, 5));
			CHECK_EQ(12, number[2]);
			CHECK_ERROR(
				-EMSGSIZE, agora_queue_pop_batch(q, b + 3, 2));
			CHECK_EQ(8, b[3].size);
			pop_all(q, 13, 2);
		}
		close_one(q);
	}
}

TEST_MANY(walking_and_peeking_see_what_is_left_of_a_packet)
{
	for (int kind = 0; kind < 2; kind++) {
		struct agora_queue *q = open_one(kind, 64);
		struct agora_queue *reader;
		struct agora_message held;
		struct agora_stat stat;
		uint64_t number, cursor, start;
		struct agora_buffer b = {.data = &number, .capacity = 8};

		CHECK_OK(agora_queue_open(
			space, PATH, AGORA_READ, NULL, &reader));
		CHECK_OK(agora_queue_end(reader, &start));
		CHECK_EQ(20, push(q, 100, 20));
		for (unsigned taken = 0; taken < 20; taken++) {
			cursor = 0;
			CHECK_OK(agora_queue_peek(reader, &b));
			CHECK_EQ(100 + taken, number);
			for (unsigned i = taken; i < 20; i++) {
				CHECK_OK(agora_queue_walk(reader, &cursor, &b));
				CHECK_EQ(100 + i, number);
				CHECK_EQ(start + i, b.version);
			}
			CHECK_ERROR(
				-EAGAIN, agora_queue_walk(reader, &cursor, &b));
			CHECK_OK(agora_object_stat(
				agora_queue_object(reader), &stat));
			CHECK_EQ(20 - taken, stat.count);
			CHECK_EQ(8 * (20 - taken), stat.bytes);
			CHECK_EQ(20, stat.pushed);
			/* From the middle on they have blocks of their own. */
			if (taken == 10) {
				CHECK_OK(agora_queue_acquire(q, &held));
				CHECK_EQ(start + 10, held.sequence);
				CHECK_OK(agora_queue_release(q, &held));
			} else {
				CHECK_EQ(1, pop(q, 100 + taken, 1));
			}
		}
		for (cursor = start; cursor < start + 20;) {
			CHECK_OK(agora_queue_tap(reader, &cursor, &b));
			CHECK_EQ(100 + cursor - 1 - start, number);
		}
		CHECK_ERROR(-EAGAIN, agora_queue_tap(reader, &cursor, &b));
		agora_queue_close(reader);
		close_one(q);
	}
}

TEST(each_message_of_a_packet_can_be_acquired_and_restored)
{
	for (unsigned before = 0; before < 12; before++) {
		struct agora_queue *q = open_one(before % 2, 16);
		struct agora_message held[12];
		unsigned left = 12 - before;

		CHECK_EQ(12, push(q, 0, 12));
		if (before)
			CHECK_EQ(before, pop(q, 0, before));
		for (unsigned i = 0; i < left; i++) {
			CHECK_OK(agora_queue_acquire(q, &held[i]));
			CHECK_EQ(8, held[i].size);
			CHECK_EQ(before + i, *(const uint64_t *)held[i].data);
		}
		CHECK_ERROR(-EAGAIN, pop(q, 0, 1));
		for (unsigned i = 0; i < left; i++)
			CHECK_OK(agora_queue_restore(q, &held[left - i - 1]));
		CHECK_EQ(2, push(q, 12, 2));
		pop_all(q, before, left + 2);
		close_one(q);
	}
}

TEST(a_reader_can_neither_push_nor_pop_batches)
{
	struct agora_queue *q = open_one(0, 16), *reader;

	CHECK_OK(agora_queue_open(space, PATH, AGORA_READ, NULL, &reader));
	CHECK_EQ(3, push(q, 0, 3));
	CHECK_ERROR(-EACCES, push(reader, 0, 2));
	CHECK_ERROR(-EACCES, pop(reader, 0, 2));
	agora_queue_close(reader);
	pop_all(q, 0, 3);
	close_one(q);
}

TEST_MANY(a_batch_wakes_as_many_sleepers_as_it_has_messages)
{
	enum { SLEEPERS = 5 };
	struct agora_queue *q = open_one(1, 16);
	struct agora_stat stat = {.waiters = 0};
	pid_t child[SLEEPERS];

	for (int i = 0; i < SLEEPERS; i++) {
		child[i] = driver_fork();
		if (!child[i]) {
			struct agora_queue *mine = open_one(1, 16);
			uint64_t number;
			struct agora_buffer b = {
				.data = &number, .capacity = 8};

			CHECK_EQ(1,
				agora_queue_pop_batch_wait(mine, NULL, &b, 1));
			agora_queue_close(mine);
			_exit(0);
		}
	}
	while (stat.waiters < SLEEPERS)
		CHECK_OK(agora_object_stat(agora_queue_object(q), &stat));
	CHECK_EQ(SLEEPERS, push(q, 0, SLEEPERS));
	for (int i = 0; i < SLEEPERS; i++)
		driver_join(child[i]);
	close_one(q);
}

TEST(waiting_for_a_batch_ends_at_the_deadline)
{
	struct agora_queue *q = open_one(1, 4);
	struct timespec soon = agora_deadline(1000000);
	uint64_t number;
	struct agora_buffer b = {.data = &number, .capacity = 8};

	CHECK_ERROR(-ETIMEDOUT, agora_queue_pop_batch_wait(q, &soon, &b, 1));
	CHECK_EQ(4, agora_queue_push_batch_wait(q, numbers(0, 9), 9, &soon));
	CHECK_ERROR(-ETIMEDOUT,
		agora_queue_push_batch_wait(q, numbers(0, 9), 9, &soon));
	pop_all(q, 0, 4);
	close_one(q);
}
