/* log_wait.c - logs whose writers wait for readers, and the other way round. */
#include "log.h"

/* ---- reliable ---- */

TEST(a_registered_reader_holds_writers_back_until_it_has_read)
{
	EACH_LAYOUT_WITH(l, 10, AGORA_RELIABLE)
	{
		struct agora_log *reader = open_again(AGORA_WRITE);
		uint64_t cursor = 0, missed = 1;
		int next;

		append_some(l, 0, 45);
		cursor = 3;
		CHECK_OK(agora_log_register(reader, &cursor));
		CHECK_EQ(35, cursor);
		CHECK_EQ(1, stat_of(l).readers);
		/* one writer may have begun to use what is to spare */
		for (next = 45; !try_append(l, next); next++)
			CHECK(layout >= 2 && next < 50);
		for (int i = 35; i < 1000; i++) {
			CHECK_EQ(i, read_number(reader, &cursor, &missed));
			CHECK_EQ(0, missed);
			next += !try_append(l, next);
			CHECK_ERROR(-EAGAIN, try_append(l, 0));
			CHECK(next >= i + 10);
		}
		CHECK_EQ(1010, next);
		check_sound(l);
		CHECK_OK(agora_log_unregister(reader));
		CHECK_EQ(0, stat_of(l).readers);
		append_some(l, 1000, 100);
		CHECK_OK(agora_log_register(reader, &cursor));
		agora_log_close(reader);
		append_some(l, 1100, 100);
		CHECK_EQ(0, stat_of(l).readers);
		check_sound(l);
	}
}

TEST(the_slowest_of_several_registered_readers_counts)
{
	EACH_LAYOUT_WITH(l, 10, AGORA_RELIABLE)
	{
		struct agora_log *a = open_again(AGORA_WRITE);
		struct agora_log *b = open_again(AGORA_WRITE);
		uint64_t at = 0, bt = 0, elsewhere = 0;

		CHECK_OK(agora_log_register(a, &at));
		CHECK_OK(agora_log_register(b, &bt));
		CHECK_EQ(2, stat_of(l).readers);
		append_some(l, 0, 10);
		for (int i = 0; i < 10; i++)
			CHECK_EQ(i, read_number(a, &at, NULL));
		CHECK_ERROR(-EAGAIN, try_append(l, 10));
		CHECK_EQ(0, read_number(b, &bt, NULL));
		append_number(l, 10);
		CHECK_ERROR(-EAGAIN, try_append(l, 11));
		/* what was read before does not count again */
		elsewhere = 1;
		CHECK_EQ(1, read_number(a, &elsewhere, NULL));
		CHECK_EQ(1, read_number(b, &bt, NULL));
		append_number(l, 11);
		agora_log_close(a);
		CHECK_ERROR(-EAGAIN, try_append(l, 12));
		agora_log_close(b);
		append_some(l, 12, 100);
	}
}

TEST(a_dead_reader_is_dropped_at_once_and_counted)
{
	EACH_LAYOUT_WITH(l, 10, AGORA_RELIABLE)
	{
		struct driver_signal ready = driver_signal();
		pid_t pid = driver_fork();

		if (!pid) {
			uint64_t cursor = 0;

			l = open_again(AGORA_WRITE);
			CHECK_OK(agora_log_register(l, &cursor));
			driver_post(&ready);
			pause();
		}
		driver_await(&ready);
		append_some(l, 0, 10);
		CHECK_ERROR(-EAGAIN, try_append(l, 10));
		driver_kill(pid);
		append_some(l, 10, 30);
		CHECK_EQ(0, stat_of(l).readers);
		CHECK_EQ(1, stat_of(l).recovered);
		check_sound(l);
	}
}

TEST(only_a_reliable_log_registers_readers)
{
	EACH_LAYOUT(l, 10) {
		uint64_t cursor = 0;

		CHECK_ERROR(-EOPNOTSUPP, agora_log_register(l, &cursor));
		CHECK_OK(agora_log_unregister(l));
	}
	EACH_LAYOUT_WITH(l, 10, AGORA_RELIABLE)
	{
		struct agora_log *reader = open_again(AGORA_READ);
		uint64_t cursor = 0;

		CHECK_ERROR(-EACCES, agora_log_register(reader, &cursor));
		agora_log_close(reader);
	}
}

TEST(readers_of_a_reliable_log_that_are_not_registered_are_lapped)
{
	EACH_LAYOUT_WITH(l, 10, AGORA_RELIABLE)
	{
		uint64_t cursor = 0, missed;

		append_some(l, 0, 100);
		CHECK(read_number(l, &cursor, &missed) > 50);
		CHECK(missed > 50);
	}
}

/* ---- waiting ---- */

TEST(whoever_waits_for_a_record_wakes_with_it)
{
	EACH_LAYOUT(l, 100) {
		for (uint32_t flags = AGORA_READ; flags <= AGORA_WRITE;
			flags += AGORA_WRITE - AGORA_READ) {
			struct driver_signal ready = driver_signal();
			uint64_t cursor;
			pid_t pid;

			CHECK_OK(agora_log_end(l, &cursor));
			pid = driver_fork();
			if (!pid) {
				int n;
				struct agora_buffer b = {
					.data = &n, .capacity = sizeof(n)};

				l = open_again(flags);
				for (int i = 0; i < 20; i++) {
					driver_post(&ready);
					CHECK_OK(agora_log_read_wait(
						l, &cursor, NULL, &b, NULL));
					CHECK_EQ(i, n);
				}
				exit(0);
			}
			for (int i = 0; i < 20; i++) {
				driver_await(&ready);
				append_number(l, i);
			}
			driver_join(pid);
		}
	}
}

TEST(a_writer_who_waits_goes_on_when_the_reader_has_read)
{
	EACH_LAYOUT_WITH(l, 4, AGORA_RELIABLE)
	{
		struct driver_signal ready = driver_signal();
		pid_t pid = driver_fork();
		struct timespec past = {0, 0};
		int number = 0;

		if (!pid) {
			uint64_t cursor = 0;
			int n;
			struct agora_buffer b = {
				.data = &n, .capacity = sizeof(n)};

			l = open_again(AGORA_WRITE);
			CHECK_OK(agora_log_register(l, &cursor));
			driver_post(&ready);
			for (int i = 0; i < 1000; i++) {
				uint64_t missed;

				CHECK_OK(agora_log_read_wait(
					l, &cursor, NULL, &b, &missed));
				CHECK_EQ(0, missed);
				CHECK_EQ(i, n);
			}
			driver_post(&ready);
			pause();
		}
		driver_await(&ready);
		for (int i = 0; i < 1004; i++)
			CHECK_OK(agora_log_append_wait(l, &i, sizeof(i), NULL));
		driver_await(&ready);
		CHECK_ERROR(-ETIMEDOUT, agora_log_append_wait(l, &number,
						sizeof(number), &past));
		driver_kill(pid);
		CHECK_OK(agora_log_append_wait(
			l, &number, sizeof(number), NULL));
	}
}

TEST(a_waiter_sees_what_is_behind_its_cursor_and_room)
{
	EACH_LAYOUT_WITH(l, 4, AGORA_RELIABLE)
	{
		struct agora_waiter *waiter;
		struct agora_wait item = {.object = agora_log_object(l),
			.events = AGORA_ADVANCED};
		struct timespec past = {0, 0};
		uint64_t cursor = 0;

		CHECK_OK(agora_waiter_open(&waiter));
		CHECK_ERROR(
			-ETIMEDOUT, agora_waiter_wait(waiter, &item, 1, &past));
		CHECK_OK(agora_log_register(l, &cursor));
		append_some(l, 0, 4);
		CHECK_EQ(1, agora_waiter_wait(waiter, &item, 1, NULL));
		CHECK_EQ(AGORA_ADVANCED, item.ready);
		item.cursor = 4;
		item.events |= AGORA_WRITABLE;
		CHECK_ERROR(
			-ETIMEDOUT, agora_waiter_wait(waiter, &item, 1, &past));
		CHECK_EQ(0, read_number(l, &cursor, NULL));
		CHECK_EQ(1, agora_waiter_wait(waiter, &item, 1, NULL));
		CHECK_EQ(AGORA_WRITABLE, item.ready);
		item.events = AGORA_READABLE;
		CHECK_ERROR(-EOPNOTSUPP,
			agora_waiter_wait(waiter, &item, 1, &past));
		agora_waiter_close(waiter);
	}
}

/* ---- many at a time ---- */

#define EACH 20000

static void append_many(int who)
{
	struct agora_log *l = open_again(AGORA_WRITE);

	for (int i = 0; i < EACH; i++)
		CHECK_OK(agora_log_append_wait(
			l, &(int[]){who * EACH + i}[0], sizeof(int), NULL));
	agora_log_close(l);
}

TEST(records_of_many_writers_are_read_by_all_in_one_order)
{
	for (int layout = 0; layout < 2; layout++) {
		struct agora_log *l =
			open_layout(layout, 100000, AGORA_RELIABLE);
		uint64_t first = 0, second = 0;
		int next[3] = {0};
		pid_t pid[3];

		CHECK_OK(agora_log_register(l, &first));
		for (int i = 0; i < 3; i++) {
			pid[i] = driver_fork();
			if (!pid[i]) {
				append_many(i);
				exit(0);
			}
		}
		for (int i = 0; i < 3; i++)
			driver_join(pid[i]);
		for (int i = 0; i < 3 * EACH; i++) {
			int n = read_number(l, &first, NULL);

			CHECK_EQ(n, read_number(l, &second, NULL));
			CHECK_EQ(next[n / EACH]++, n % EACH);
		}
		check_sound(l);
		agora_log_close(l);
	}
}

TEST(records_are_never_torn_when_readers_are_lapped_all_the_time)
{
	for (int layout = 0; layout < 2; layout++) {
		struct agora_log *l =
			open_with((struct agora_options){.capacity = 3,
				.message_size = 500,
				.flags = layout ? AGORA_FIXED : 0,
				.writers = AGORA_WRITERS_ONE});
		static unsigned char bytes[500];
		uint64_t cursor = 0, missed, sum = 0;
		struct agora_buffer b = {
			.data = data, .capacity = sizeof(data)};
		pid_t pid = driver_fork();

		if (!pid) {
			l = open_again(AGORA_WRITE);
			for (unsigned i = 0;; i++) {
				fill(bytes, 500, i);
				CHECK_OK(agora_log_append(l, bytes, 500));
			}
		}
		for (int i = 0; i < 20000; i++) {
			CHECK_OK(agora_log_read_wait(
				l, &cursor, NULL, &b, &missed));
			check_filled(data, b.size, (unsigned)b.version);
			sum += missed + 1;
			CHECK_EQ(cursor, sum);
		}
		driver_kill(pid);
		agora_log_close(l);
	}
}
