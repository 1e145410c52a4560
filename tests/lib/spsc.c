/* spsc.c - behaviour of queues with one producer and one consumer. */
#include "spsc.h"

#include <pthread.h>

/* ---- the queue ---- */

TEST(messages_come_out_in_the_order_they_went_in)
{
	EACH_LAYOUT(q, 1000) {
		for (int i = 0; i < 100000; i++) {
			push_number(q, i);
			push_number(q, -i);
			CHECK_EQ(i, pop_number(q));
			CHECK_EQ(-i, pop_number(q));
		}
		CHECK_ERROR(-EAGAIN, try_pop(q));
		check_sound(q);
	}
}

TEST(full_is_exactly_the_capacity_at_every_place_of_the_ring)
{
	static const int capacities[] = {1, 2, 3, 7, 8, 100};

	for (size_t c = 0; c < 6; c++)
		EACH_LAYOUT(q, (uint64_t)capacities[c]) {
			for (int lap = 0; lap < 50; lap++) {
				for (int i = 0; i < capacities[c]; i++)
					push_number(q, i);
				CHECK_ERROR(-EAGAIN, try_push(q, 0));
				CHECK_EQ(capacities[c], stat_of(q).count);
				CHECK_EQ(0, pop_number(q));
				push_number(q, capacities[c]);
				CHECK_ERROR(-EAGAIN, try_push(q, 0));
				for (int i = 1; i <= capacities[c]; i++)
					CHECK_EQ(i, pop_number(q));
				CHECK_ERROR(-EAGAIN, try_pop(q));
				push_number(q, lap); /* move on by one */
				pop_number(q);
			}
			CHECK_EQ(50 * (capacities[c] + 2), stat_of(q).pushed);
			CHECK_EQ(0, stat_of(q).count);
		}
}

TEST(messages_of_all_sizes_come_back_whole_whatever_lies_before_them)
{
	struct agora_queue *q = open_with((struct agora_options){
		.capacity = 8, .message_size = 3000, .memory = 16384});
	struct agora_buffer b = {.data = data, .capacity = sizeof(data)};
	static unsigned char bytes[3000];
	unsigned sum = 1;

	for (unsigned i = 0; i < 20000; i++) {
		size_t first = (sum = sum * 1103515245 + 12345) % 3001;
		size_t second = (sum >> 7) % 3001;

		fill(bytes, first, i);
		CHECK_OK(agora_queue_push(q, bytes, first));
		fill(bytes, second, i + 1);
		CHECK_OK(agora_queue_push(q, bytes, second));
		CHECK_OK(agora_queue_pop(q, &b));
		CHECK_EQ(first, b.size);
		CHECK_EQ(2 * i, b.version);
		check_filled(data, first, i);
		CHECK_OK(agora_queue_pop(q, &b));
		CHECK_EQ(second, b.size);
		check_filled(data, second, i + 1);
	}
	check_sound(q);
	agora_queue_close(q);
}

TEST(the_largest_message_fits_an_empty_queue_at_every_place)
{
	struct agora_queue *q = open_with(
		(struct agora_options){.message_size = 4088, .memory = 8192});

	for (size_t i = 0; i < 2000; i++) {
		CHECK_OK(agora_queue_push(q, data, i % 300));
		CHECK_OK(try_pop(q));
		CHECK_OK(agora_queue_push(q, data, 4088));
		CHECK_OK(try_pop(q));
	}
	agora_queue_close(q);
}

TEST(sizes_buffers_and_options_are_checked)
{
	struct agora_queue *q = open_any(4);
	struct agora_buffer b = {.data = data, .capacity = 3};
	struct agora_options o = {.flags = AGORA_SPSC, .inline_size = 10};
	const struct agora_kind *kind = agora_kind_of("x.queue");

	CHECK_ERROR(-EMSGSIZE, agora_queue_push(q, data, 1001));
	CHECK_OK(agora_queue_push(q, data, 4));
	CHECK_ERROR(-EMSGSIZE, agora_queue_pop(q, &b));
	CHECK_EQ(4, b.size);
	CHECK_ERROR(-EMSGSIZE, agora_queue_peek(q, &b));
	CHECK_EQ(1, stat_of(q).count);
	CHECK_EQ(4, stat_of(q).bytes);
	CHECK(stat_of(q).flags & AGORA_SPSC);
	agora_queue_close(q);
	q = open_fixed(4);
	CHECK_ERROR(-EMSGSIZE, agora_queue_push(q, data, 3));
	CHECK_ERROR(-EMSGSIZE, agora_queue_push(q, data, 5));
	agora_queue_close(q);
	CHECK(agora_options_problem(kind, &o));
	o = (struct agora_options){.flags = AGORA_SPSC, .memory = 1000};
	CHECK(agora_options_problem(kind, &o));
	o.message_size = 400;
	CHECK(!agora_options_problem(kind, &o));
}

TEST(types_are_checked_on_request)
{
	struct agora_queue *q = open_with(
		(struct agora_options){.type = "utf8", .message_size = 100});
	struct agora_queue *strict;
	struct agora_reservation r;

	agora_queue_close(q);
	strict = open_again(AGORA_WRITE | AGORA_CHECK);
	CHECK_ERROR(-EBADMSG, agora_queue_push(strict,
				      "a\xff"
				      "b",
				      3));
	CHECK_OK(agora_queue_push(strict, "ab", 2));
	CHECK_ERROR(-EBADMSG, agora_queue_push(strict,
				      "a\xff"
				      "b",
				      3));
	CHECK_OK(agora_queue_reserve(strict, 3, &r));
	memcpy(r.data,
		"a\xff"
		"b",
		3);
	CHECK_ERROR(-EBADMSG, agora_queue_commit(strict, &r));
	r.size = 1;
	CHECK_OK(agora_queue_commit(strict, &r));
	agora_queue_close(strict);
}

/* ---- roles ---- */

TEST(a_role_belongs_to_one_handle_until_it_is_closed_or_yielded)
{
	EACH_LAYOUT(q, 8) {
		struct agora_queue *other = open_again(AGORA_WRITE);
		struct agora_message m;
		struct agora_reservation r;

		push_number(q, 1);
		CHECK_ERROR(-EBUSY, try_push(other, 2));
		CHECK_ERROR(-EBUSY, agora_queue_reserve(other, 4, &r));
		CHECK_EQ(1, pop_number(other));
		CHECK_ERROR(-EBUSY, try_pop(q));
		CHECK_ERROR(-EBUSY, agora_queue_acquire(q, &m));
		CHECK_OK(agora_object_yield(agora_queue_object(q)));
		push_number(other, 3);
		CHECK_ERROR(-EBUSY, try_push(q, 4));
		agora_queue_close(other);
		push_number(q, 5);
		CHECK_EQ(3, pop_number(q));
		CHECK_EQ(5, pop_number(q));
	}
}

TEST(yielding_waits_until_nothing_is_in_hand)
{
	EACH_LAYOUT(q, 8) {
		struct agora_queue *other = open_again(AGORA_WRITE);
		struct agora_message m;
		struct agora_reservation r;

		push_number(q, 1);
		m = acquire_number(q, 1);
		CHECK_OK(agora_queue_reserve(q, 4, &r));
		CHECK_OK(agora_object_yield(agora_queue_object(q)));
		CHECK_ERROR(-EBUSY, try_push(other, 2));
		CHECK_ERROR(-EBUSY, try_pop(other));
		CHECK_OK(agora_queue_restore(q, &m));
		CHECK_OK(agora_queue_abort(q, &r));
		CHECK_OK(agora_object_yield(agora_queue_object(q)));
		push_number(other, 2);
		CHECK_EQ(1, pop_number(other));
		CHECK_EQ(2, pop_number(other));
		agora_queue_close(other);
		CHECK_EQ(0, stat_of(q).redelivered);
	}
}

/* A child that has both roles, a message in hand and one half written. */
static pid_t start_owner(const struct driver_signal *ready)
{
	pid_t pid = driver_fork();
	struct agora_queue *q;
	struct agora_reservation r;

	if (pid)
		return pid;
	q = open_again(AGORA_WRITE);
	for (int i = 0; i < 5; i++)
		push_number(q, i);
	CHECK_EQ(0, pop_number(q));
	struct agora_message one = acquire_number(q, 1);
	struct agora_message two = acquire_number(q, 2);

	acquire_number(q, 3);
	CHECK_OK(agora_queue_release(q, &two));
	(void)one;
	CHECK_OK(agora_queue_reserve(q, 4, &r));
	memset(r.data, 0xff, 4);
	driver_post(ready);
	pause();
	_exit(1);
}

TEST(the_roles_of_the_dead_are_taken_over_and_nothing_is_lost_or_repeated)
{
	EACH_LAYOUT(q, 8) {
		struct driver_signal ready = driver_signal();
		pid_t pid = start_owner(&ready);
		struct agora_stat st;

		driver_await(&ready);
		CHECK_ERROR(-EBUSY, try_push(q, 9));
		CHECK_ERROR(-EBUSY, try_pop(q));
		CHECK_EQ(1, stat_of(q).count); /* 4 */
		driver_kill(pid);
		push_number(q, 5);
		st = stat_of(q);
		CHECK_EQ(4, st.count); /* 1 3 4 5 */
		CHECK_EQ(2, st.redelivered);
		CHECK_EQ(1, st.reclaimed);
		CHECK_EQ(1, pop_number(q));
		CHECK_EQ(3, pop_number(q));
		CHECK_EQ(4, pop_number(q));
		CHECK_EQ(5, pop_number(q));
		CHECK_ERROR(-EAGAIN, try_pop(q));
		check_sound(q);
	}
}

/* ---- looking ---- */

TEST(a_read_only_handle_peeks_walks_and_changes_nothing)
{
	EACH_LAYOUT(q, 10) {
		struct agora_queue *reader = open_again(AGORA_READ);
		struct agora_message m[3];
		uint64_t cursor = 0;
		int number;
		struct agora_buffer b = {.data = &number, .capacity = 4};

		CHECK_ERROR(-EAGAIN, agora_queue_peek(reader, &b));
		for (int i = 0; i < 5; i++)
			push_number(q, i);
		for (int i = 0; i < 3; i++)
			m[i] = acquire_number(q, i);
		CHECK_OK(agora_queue_restore(q, &m[1]));
		CHECK_OK(agora_queue_peek(reader, &b));
		CHECK_EQ(1, number);
		for (int i = 1; i < 5; i += i == 1 ? 2 : 1) {
			CHECK_OK(agora_queue_walk(reader, &cursor, &b));
			CHECK_EQ(i, number);
			CHECK_EQ(i, b.version);
		}
		CHECK_ERROR(-EAGAIN, agora_queue_walk(reader, &cursor, &b));
		CHECK_ERROR(-EACCES, try_push(reader, 1));
		CHECK_ERROR(-EACCES, try_pop(reader));
		CHECK_ERROR(-EACCES, agora_queue_acquire(reader, &m[0]));
		CHECK_EQ(3, stat_of(reader).count);
		check_sound(reader);
		agora_queue_close(reader);
	}
}

TEST(a_tap_sees_what_others_have_taken_and_what_it_missed)
{
	EACH_LAYOUT(q, 64) {
		struct agora_queue *reader = open_again(AGORA_READ);
		uint64_t cursor = 0, next = 0;
		int number;
		struct agora_buffer b = {.data = &number, .capacity = 4};

		for (int i = 0; i < 10; i++) {
			push_number(q, i);
			pop_number(q);
		}
		for (int i = 0; i < 10; i++) {
			CHECK_OK(agora_queue_tap(reader, &cursor, &b));
			CHECK_EQ(i, number);
		}
		CHECK_ERROR(-EAGAIN, agora_queue_tap(reader, &cursor, &b));
		for (int i = 10; i < 50000; i++) {
			push_number(q, i);
			pop_number(q);
			if (i % 1000 > 100)
				continue;
			CHECK_OK(agora_queue_tap(reader, &cursor, &b));
			CHECK_EQ(b.version, number);
			CHECK(b.version >= next);
			next = b.version + 1;
		}
		while (!agora_queue_tap(reader, &cursor, &b))
			CHECK_EQ(b.version, number);
		CHECK_EQ(49999, number);
		CHECK_OK(agora_queue_end(reader, &cursor));
		CHECK_ERROR(-EAGAIN, agora_queue_tap(reader, &cursor, &b));
		push_number(q, 7);
		CHECK_OK(agora_queue_tap(reader, &cursor, &b));
		CHECK_EQ(7, number);
		agora_queue_close(reader);
	}
}

/* ---- two sides at work ---- */

#define ROUNDS 50000

struct side {
	struct agora_queue *queue;
	bool waits;
	int rounds;
};

static void *produce(void *argument)
{
	struct side *side = argument;

	for (int i = 0; i < side->rounds; i++) {
		int error;

		do
			error = side->waits ? agora_queue_push_wait(
						      side->queue, &i, 4, NULL)
					    : try_push(side->queue, i);
		while (error == -EAGAIN);
		CHECK_OK(error);
	}
	return NULL;
}

static void consume(struct side *side)
{
	for (int i = 0; i < side->rounds; i++) {
		int number, error;
		struct agora_buffer b = {.data = &number, .capacity = 4};

		do
			error = side->waits ? agora_queue_pop_wait(
						      side->queue, NULL, &b)
					    : agora_queue_pop(side->queue, &b);
		while (error == -EAGAIN);
		CHECK_OK(error);
		CHECK_EQ(i, number);
	}
}

TEST(two_threads_may_be_the_two_sides_of_one_handle)
{
	EACH_LAYOUT(q, 100) {
		struct side side = {q, true, ROUNDS};
		pthread_t thread;

		CHECK_EQ(0, pthread_create(&thread, NULL, produce, &side));
		consume(&side);
		CHECK_EQ(0, pthread_join(thread, NULL));
	}
}

/* Small capacities make both sides sleep again and again. */
TEST(sleepers_on_both_sides_are_woken_in_time)
{
	static const uint64_t capacities[] = {1, 2, 16};

	for (int c = 0; c < 3; c++)
		EACH_LAYOUT(q, capacities[c]) {
			pid_t pid = driver_fork();
			struct side side;

			if (!pid) {
				side = (struct side){
					open_again(AGORA_WRITE), true, 10000};
				produce(&side);
				_exit(0);
			}
			side = (struct side){q, true, 10000};
			consume(&side);
			driver_join(pid);
		}
}

TEST(who_walks_beside_two_busy_sides_sees_whole_messages_in_order)
{
	EACH_LAYOUT(q, 64) {
		pid_t pid = driver_fork(), taker;
		struct side side;
		uint64_t seen = 0, cursor = 0, last = 0;
		int number;
		struct agora_buffer b = {.data = &number, .capacity = 4};

		if (!pid) {
			side = (struct side){
				open_again(AGORA_WRITE), true, 20000};
			produce(&side);
			_exit(0);
		}
		taker = driver_fork();
		if (!taker) {
			side = (struct side){
				open_again(AGORA_WRITE), true, 20000};
			consume(&side);
			_exit(0);
		}
		while (last + 1 < 20000) {
			uint64_t walk = 0;

			if (!agora_queue_tap(q, &cursor, &b)) {
				CHECK_EQ(b.version, number);
				CHECK(!seen || b.version > last);
				last = b.version;
				seen++;
			}
			if (!agora_queue_walk(q, &walk, &b))
				CHECK_EQ(b.version, number);
			if (!agora_queue_peek(q, &b))
				CHECK_EQ(b.version, number);
			CHECK(stat_of(q).count <= 64);
		}
		driver_join(pid);
		driver_join(taker);
	}
}

/* ---- damage ---- */

static int open_file(void)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", space_dir, PATH);
	fd = open(path, O_RDWR | O_CLOEXEC);
	CHECK_SYS(fd);
	return fd;
}

/* All words of a root, as anybody could write them. */
TEST(senseless_cursors_are_damage_and_no_crash)
{
	static const uint64_t words[] = {1, 7, 8, 1000, 1 << 20, UINT64_MAX / 2,
		UINT64_MAX - 7, UINT64_MAX};

	for (unsigned n = 0; n < 2 * 6 * 8; n++)
		EACH_LAYOUT(q, 16) {
			int fd = open_file(), number;
			struct agora_message m;
			struct agora_buffer b = {
				.data = &number, .capacity = 4};
			struct agora_check report;
			uint64_t cursor = 0;
			off_t at = 4096 + 256 + n % 2 * 128 + n / 2 % 6 * 8;

			for (int i = 0; i < 5; i++)
				push_number(q, i);
			agora_queue_acquire(q, &m);
			CHECK_SYS(pwrite(fd, &words[n / 12], 8, at));
			agora_queue_close(q);
			q = open_again(AGORA_WRITE);
			for (int i = 0; i < 40; i++) {
				agora_queue_walk(q, &cursor, &b);
				agora_queue_peek(q, &b);
				agora_queue_tap(q, &cursor, &b);
				try_push(q, i);
				agora_queue_acquire(q, &m);
				agora_queue_pop(q, &b);
				agora_object_check(
					agora_queue_object(q), i & 1, &report);
			}
			close(fd);
		}
}

TEST(a_truncated_file_is_an_error_and_no_crash)
{
	EACH_LAYOUT(q, 10000) {
		int fd = open_file();

		push_number(q, 1);
		CHECK_SYS(ftruncate(fd, 8192));
		CHECK_ERROR(-EUCLEAN, try_push(q, 2));
		CHECK_ERROR(-EUCLEAN, try_pop(q));
		close(fd);
	}
}
