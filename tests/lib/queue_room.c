/* queue_room.c - reserve, write, commit and abort; what stat says of them. */
#include "queue.h"

static unsigned char data[300000], out[sizeof(data)];

static int pop(struct agora_queue *q, size_t *ret_size)
{
	struct agora_buffer b = {.data = out, .capacity = sizeof(out)};
	int error = agora_queue_pop(q, &b);

	*ret_size = b.size;
	return error;
}

static void check_nothing_leaked(struct agora_queue *q)
{
	struct agora_check report;

	CHECK_OK(agora_object_check(agora_queue_object(q), 0, &report));
	CHECK_EQ(report.blocks, report.free);
}

TEST(what_is_reserved_is_seen_once_it_is_committed)
{
	struct agora_queue *q = open_with(NULL);
	struct agora_reservation r;
	size_t size;

	CHECK_OK(agora_queue_reserve(q, 5, &r));
	CHECK_EQ(5, r.size);
	CHECK(r.data);
	memcpy(r.data, "hello", 5);
	CHECK_ERROR(-EAGAIN, pop(q, &size));
	CHECK_OK(agora_queue_commit(q, &r));
	CHECK_ERROR(-EINVAL, agora_queue_commit(q, &r));
	CHECK_ERROR(-EINVAL, agora_queue_abort(q, &r));
	CHECK_OK(pop(q, &size));
	CHECK_EQ(5, size);
	CHECK(!memcmp(out, "hello", 5));
	check_nothing_leaked(q);
	agora_queue_close(q);
}

TEST_MANY(a_message_may_turn_out_shorter_than_reserved)
{
	struct agora_queue *q = open_with(NULL);
	static const size_t sizes[] = {0, 1, 100, 224, 225, 5000, 60000};
	struct agora_reservation r;
	size_t size;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		CHECK_OK(agora_queue_reserve(q, 60000, &r));
		CHECK(!r.data);
		for (size_t j = 0; j < sizes[i]; j++)
			data[j] = (unsigned char)(i + j * 7);
		CHECK_OK(agora_queue_write(q, &r, 0, data, sizes[i]));
		r.size = sizes[i];
		CHECK_OK(agora_queue_commit(q, &r));
		CHECK_OK(pop(q, &size));
		CHECK_EQ(sizes[i], size);
		CHECK(!memcmp(out, data, size));
	}
	check_nothing_leaked(q);
	agora_queue_close(q);
}

TEST(long_messages_are_written_piece_by_piece_in_any_order)
{
	struct agora_options options = {.message_size = sizeof(data)};
	struct agora_queue *q = open_with(&options);
	struct agora_reservation r;
	size_t size;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)(i * 31 + (i >> 9));
	CHECK_OK(agora_queue_reserve(q, sizeof(data), &r));
	for (size_t end = sizeof(data); end;) {
		size_t piece = end < 777 ? end : 777;

		end -= piece;
		CHECK_OK(agora_queue_write(q, &r, end, data + end, piece));
	}
	CHECK_ERROR(-EINVAL, agora_queue_write(q, &r, sizeof(data), data, 1));
	CHECK_ERROR(-EINVAL, agora_queue_write(q, &r, SIZE_MAX, data, 2));
	CHECK_OK(agora_queue_commit(q, &r));
	CHECK_ERROR(-EINVAL, agora_queue_write(q, &r, 0, data, 1));
	CHECK_OK(pop(q, &size));
	CHECK_EQ(sizeof(data), size);
	CHECK(!memcmp(out, data, size));
	check_nothing_leaked(q);
	agora_queue_close(q);
}

TEST_MANY(what_is_aborted_never_was)
{
	struct agora_queue *q = open_with(NULL);
	struct agora_reservation short_one, long_one;
	size_t size;

	CHECK_OK(agora_queue_reserve(q, 10, &short_one));
	CHECK_OK(agora_queue_reserve(q, 50000, &long_one));
	CHECK_OK(agora_queue_abort(q, &short_one));
	CHECK_OK(agora_queue_abort(q, &long_one));
	CHECK_ERROR(-EINVAL, agora_queue_abort(q, &long_one));
	CHECK_ERROR(-EAGAIN, pop(q, &size));
	check_nothing_leaked(q);
	agora_queue_close(q);
}

TEST_MANY(commit_to_a_full_queue_keeps_the_reservation)
{
	struct agora_options options = {.capacity = 2};
	struct agora_queue *q = open_with(&options);
	struct timespec now = agora_deadline(0);
	struct agora_reservation r, other;
	size_t size;

	CHECK_OK(agora_queue_reserve(q, 1, &r));
	memcpy(r.data, "c", 1);
	CHECK_OK(agora_queue_push(q, "a", 1));
	CHECK_OK(agora_queue_push(q, "b", 1));
	CHECK_ERROR(-EAGAIN, agora_queue_reserve(q, 1, &other));
	CHECK_ERROR(-EAGAIN, agora_queue_commit(q, &r));
	CHECK_ERROR(-ETIMEDOUT, agora_queue_commit_wait(q, &r, &now));
	CHECK_OK(pop(q, &size));
	CHECK_OK(agora_queue_commit_wait(q, &r, &now));
	CHECK_OK(pop(q, &size));
	CHECK_OK(pop(q, &size));
	CHECK_EQ('c', out[0]);
	check_nothing_leaked(q);
	agora_queue_close(q);
}

TEST(sizes_and_types_are_checked)
{
	struct agora_options options = {
		.type = "utf8", .message_size = 9000, .capacity = 4};
	struct agora_queue *q = open_with(&options), *checked;
	struct agora_reservation r;

	CHECK_OK(agora_queue_open(
		space, PATH, AGORA_WRITE | AGORA_CHECK, NULL, &checked));
	CHECK_ERROR(-EMSGSIZE, agora_queue_reserve(q, 9001, &r));
	CHECK_OK(agora_queue_reserve(checked, 2, &r));
	memcpy(r.data, "a\xff", 2);
	CHECK_ERROR(-EBADMSG, agora_queue_commit(checked, &r));
	CHECK_ERROR(-EINVAL, agora_queue_commit(q, &r));
	r.size = 3;
	CHECK_ERROR(-EINVAL, agora_queue_commit(checked, &r));
	r.size = 1;
	CHECK_OK(agora_queue_commit(checked, &r));
	CHECK_OK(agora_queue_reserve(checked, 9000, &r));
	memset(data, 'x', 9000);
	data[8999] = 0xff;
	CHECK_OK(agora_queue_write(checked, &r, 0, data, 9000));
	CHECK_ERROR(-EBADMSG, agora_queue_commit(checked, &r));
	CHECK_OK(agora_queue_abort(checked, &r));
	agora_queue_close(checked);
	agora_queue_close(q);
}

TEST_MANY(closing_frees_what_was_reserved)
{
	struct agora_queue *q = open_with(NULL), *other = open_with(NULL);
	struct agora_reservation r;

	CHECK_OK(agora_queue_reserve(other, 10, &r));
	CHECK_OK(agora_queue_reserve(other, 40000, &r));
	agora_queue_close(other);
	check_nothing_leaked(q);
	agora_queue_close(q);
}

TEST_MANY(what_a_dead_producer_had_reserved_comes_back_and_is_counted)
{
	struct agora_queue *q = open_with(NULL);
	struct driver_signal ready = driver_signal();
	struct agora_check report;
	struct agora_stat stat;
	pid_t child = driver_fork();

	if (!child) {
		struct agora_queue *mine = open_with(NULL);
		struct agora_reservation r;

		CHECK_OK(agora_queue_reserve(mine, 10, &r));
		CHECK_OK(agora_queue_reserve(mine, 40000, &r));
		driver_post(&ready);
		pause();
	}
	driver_await(&ready);
	driver_kill(child);
	CHECK_OK(agora_object_check(agora_queue_object(q), 1, &report));
	CHECK_EQ(1, report.repaired);
	CHECK_OK(agora_object_stat(agora_queue_object(q), &stat));
	CHECK_EQ(2, stat.reclaimed);
	CHECK_EQ(0, stat.redelivered);
	check_nothing_leaked(q);
	agora_queue_close(q);
}

TEST(a_reader_cannot_reserve)
{
	struct agora_queue *q = open_with(NULL), *reader;
	struct agora_reservation r;

	CHECK_OK(agora_queue_open(space, PATH, AGORA_READ, NULL, &reader));
	CHECK_ERROR(-EACCES, agora_queue_reserve(reader, 1, &r));
	CHECK_OK(agora_queue_reserve(q, 1, &r));
	CHECK_ERROR(-EINVAL, agora_queue_commit(reader, &r));
	CHECK_OK(agora_queue_abort(q, &r));
	agora_queue_close(reader);
	agora_queue_close(q);
}
