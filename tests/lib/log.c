/* log.c - behaviour of logs, with many writers and with one. */
#include "log.h"

/* ---- read ---- */

TEST(each_reader_reads_every_record_in_order_at_its_own_pace)
{
	EACH_LAYOUT(l, 100) {
		uint64_t fast = 0, slow = 0, missed = 1;

		for (int i = 0; i < 1000; i++) {
			append_number(l, i);
			CHECK_EQ(i, read_number(l, &fast, &missed));
			CHECK_EQ(0, missed);
			if (i % 50 == 49)
				while (slow < (uint64_t)i) {
					int next = (int)slow;

					CHECK_EQ(next,
						read_number(l, &slow, &missed));
					CHECK_EQ(0, missed);
				}
		}
		CHECK_ERROR(-EAGAIN, try_read(l, &fast));
		CHECK_EQ(1000, fast);
		CHECK_EQ(1000, stat_of(l).pushed);
		CHECK_EQ(100, stat_of(l).count);
		check_sound(l);
	}
}

TEST(an_empty_log_has_nothing_to_read)
{
	EACH_LAYOUT(l, 10) {
		uint64_t cursor = 0, oldest = 1, end = 1;
		struct agora_buffer b = {.data = data, .capacity = 10};

		CHECK_ERROR(-EAGAIN, try_read(l, &cursor));
		CHECK_ERROR(-EAGAIN, agora_log_newest(l, &b));
		CHECK_OK(agora_log_oldest(l, &oldest));
		CHECK_OK(agora_log_end(l, &end));
		CHECK_EQ(0, cursor + oldest + end);
		CHECK_OK(agora_log_back(l, 5, &end));
		CHECK_EQ(0, end);
		check_sound(l);
	}
}

TEST(a_lapped_reader_is_told_how_many_it_missed_and_goes_on_with_the_oldest)
{
	static const int capacities[] = {1, 2, 3, 8, 15, 16, 17, 100};

	for (size_t c = 0; c < 8; c++)
		EACH_LAYOUT(l, (uint64_t)capacities[c]) {
			uint64_t cursor = 0, missed, oldest;
			int count = capacities[c];

			append_some(l, 0, 5 * count + 7);
			CHECK_OK(agora_log_oldest(l, &oldest));
			CHECK_EQ(4 * count + 7, oldest);
			CHECK_EQ(count, stat_of(l).count);
			if (layout < 2) {
				CHECK_EQ(oldest,
					read_number(l, &cursor, &missed));
				CHECK_EQ(oldest, missed);
			}
			cursor = oldest;
			for (int i = 0; i < count; i++) {
				CHECK_EQ(4 * count + 7 + i,
					read_number(l, &cursor, &missed));
				CHECK_EQ(0, missed);
			}
			CHECK_ERROR(-EAGAIN, try_read(l, &cursor));
			append_some(l, 1000, 40 * count + 40);
			cursor = 0;
			CHECK(read_number(l, &cursor, &missed) >= 1000);
			CHECK(missed >= 5u * (unsigned)count + 7);
			check_sound(l);
		}
}

TEST(a_reader_who_cannot_hold_a_record_stays_where_it_is)
{
	EACH_LAYOUT(l, 10) {
		uint64_t cursor = 0;
		struct agora_buffer b = {.data = data, .capacity = 3};

		append_number(l, 1);
		CHECK_ERROR(-EMSGSIZE, agora_log_read(l, &cursor, &b, NULL));
		CHECK_EQ(sizeof(int), b.size);
		CHECK_EQ(0, cursor);
		CHECK_ERROR(-EMSGSIZE, agora_log_newest(l, &b));
		CHECK_EQ(1, read_number(l, &cursor, NULL));
	}
}

TEST(a_cursor_may_be_set_anywhere)
{
	EACH_LAYOUT(l, 64) {
		uint64_t cursor, missed;
		int number;
		struct agora_buffer b = {
			.data = &number, .capacity = sizeof(number)};

		append_some(l, 0, 50);
		CHECK_OK(agora_log_back(l, 3, &cursor));
		CHECK_EQ(47, read_number(l, &cursor, &missed));
		CHECK_OK(agora_log_back(l, 0, &cursor));
		CHECK_EQ(50, cursor);
		CHECK_OK(agora_log_back(l, 1000, &cursor));
		CHECK_EQ(0, cursor);
		cursor = 17;
		CHECK_EQ(17, read_number(l, &cursor, &missed));
		cursor = 1 << 20;
		CHECK_ERROR(-EAGAIN, try_read(l, &cursor));
		CHECK_EQ(1 << 20, cursor);
		CHECK_OK(agora_log_newest(l, &b));
		CHECK_EQ(49, number);
		CHECK_EQ(49, b.version);
	}
}

TEST(records_of_all_sizes_come_back_whole_from_both_sorts)
{
	static unsigned char bytes[9000];

	for (uint32_t writers = AGORA_WRITERS_MANY;
		writers <= AGORA_WRITERS_ONE; writers++) {
		struct agora_log *l =
			open_with((struct agora_options){.capacity = 16,
				.message_size = 9000,
				.memory = 65536,
				.writers = writers});
		struct agora_buffer b = {
			.data = data, .capacity = sizeof(data)};
		uint64_t cursor = 0, missed;
		unsigned sum = 1;

		for (unsigned i = 0; i < 20000; i++) {
			size_t size = (sum = sum * 1103515245 + 12345) % 9001;

			fill(bytes, size, i);
			CHECK_OK(agora_log_append(l, bytes, size));
			CHECK_OK(agora_log_read(l, &cursor, &b, &missed));
			CHECK_EQ(0, missed);
			CHECK_EQ(size, b.size);
			CHECK_EQ(i, b.version);
			check_filled(data, size, i);
		}
		check_sound(l);
		agora_log_close(l);
	}
}

TEST(where_memory_is_short_old_records_go_sooner)
{
	static unsigned char bytes[20000];

	for (uint32_t writers = AGORA_WRITERS_MANY;
		writers <= AGORA_WRITERS_ONE; writers++) {
		struct agora_log *l =
			open_with((struct agora_options){.capacity = 1000,
				.message_size = 20000,
				.memory = 131072,
				.writers = writers});
		struct agora_buffer b = {
			.data = data, .capacity = sizeof(data)};
		uint64_t cursor = 0, missed = 0, count = 0;

		for (unsigned i = 0; i < 3000; i++) {
			size_t size = i % 20 ? 20000 - i % 5 : 10;

			fill(bytes, size, i);
			CHECK_OK(agora_log_append(l, bytes, size));
		}
		while (!agora_log_read(l, &cursor, &b, &missed)) {
			check_filled(data, b.size, (unsigned)b.version);
			CHECK(!count || !missed);
			count++;
		}
		CHECK_EQ(3000, cursor);
		CHECK(count >= 4 && count <= 20);
		check_sound(l);
		agora_log_close(l);
	}
}

TEST(a_row_of_records_is_appended_and_read_at_once)
{
	EACH_LAYOUT(l, 200) {
		int in[100], out[150];
		struct iovec row[100];
		struct agora_buffer b[150];
		uint64_t cursor = 0, missed = 1;

		for (int i = 0; i < 100; i++) {
			in[i] = i;
			row[i] = (struct iovec){&in[i], sizeof(int)};
		}
		for (int i = 0; i < 150; i++)
			b[i] = (struct agora_buffer){
				.data = &out[i], .capacity = sizeof(int)};
		CHECK_EQ(0, agora_log_append_batch(l, row, 0));
		CHECK_EQ(100, agora_log_append_batch(l, row, 100));
		CHECK_EQ(
			100, agora_log_read_batch(l, &cursor, b, 150, &missed));
		CHECK_EQ(0, missed);
		for (int i = 0; i < 100; i++) {
			CHECK_EQ(i, out[i]);
			CHECK_EQ(i, b[i].version);
		}
		CHECK_ERROR(-EAGAIN,
			agora_log_read_batch(l, &cursor, b, 150, &missed));
		row[3].iov_len = 2000;
		CHECK_EQ(3, agora_log_append_batch(l, row, 100));
		CHECK_ERROR(-EMSGSIZE, agora_log_append_batch(l, row + 3, 1));
		CHECK_EQ(0, agora_log_read_batch(l, &cursor, b, 0, &missed));
		CHECK_EQ(103, stat_of(l).pushed);
	}
}

TEST(what_is_reserved_is_seen_when_it_is_committed)
{
	EACH_LAYOUT(l, 8) {
		struct agora_reservation r, other;
		uint64_t cursor = 0;
		int number = 7;

		for (int lap = 0; lap < 30; lap++) {
			CHECK_OK(agora_log_reserve(l, sizeof(int), &r));
			CHECK_ERROR(-EAGAIN, try_read(l, &cursor));
			CHECK_OK(agora_log_write(
				l, &r, 0, &number, sizeof(int)));
			CHECK(!memcmp(r.data, &number, sizeof(int)));
			CHECK_ERROR(
				-EINVAL, agora_log_write(l, &r, 1, &number, 4));
			CHECK_OK(agora_log_commit(l, &r));
			CHECK_ERROR(-EINVAL, agora_log_commit(l, &r));
			CHECK_EQ(7, read_number(l, &cursor, NULL));
			CHECK_OK(agora_log_reserve(l, sizeof(int), &r));
			if (layout >= 2) {
				CHECK_ERROR(-EBUSY,
					agora_log_reserve(l, 4, &other));
				CHECK_ERROR(-EBUSY, try_append(l, 1));
			}
			CHECK_OK(agora_log_abort(l, &r));
			CHECK_ERROR(-EINVAL, agora_log_abort(l, &r));
			CHECK_ERROR(-EAGAIN, try_read(l, &cursor));
		}
		check_sound(l);
	}
}

TEST(a_reader_needs_no_more_than_a_mapping_to_read)
{
	EACH_LAYOUT(l, 10) {
		struct agora_log *reader;
		uint64_t cursor = 0, missed, place = 0;
		struct agora_buffer b = {.data = data, .capacity = 1000};
		struct timespec soon;

		append_some(l, 0, 100);
		reader = open_again(AGORA_READ);
		CHECK(read_number(reader, &cursor, &missed) >= 0);
		while (cursor < 100)
			CHECK_EQ(cursor, read_number(reader, &cursor, NULL));
		CHECK_OK(agora_log_newest(reader, &b));
		CHECK_EQ(10, stat_of(reader).count);
		soon = agora_deadline(20000000);
		CHECK_ERROR(-ETIMEDOUT, agora_log_read_wait(reader, &cursor,
						&soon, &b, &missed));
		CHECK_ERROR(-EACCES, try_append(reader, 1));
		CHECK_ERROR(-EOPNOTSUPP, agora_log_register(reader, &place));
		check_sound(reader);
		agora_log_close(reader);
	}
}

TEST(a_generic_walk_shows_the_history_and_takes_nothing)
{
	EACH_LAYOUT(l, 10) {
		struct agora_object *o = agora_log_object(l);
		struct agora_snapshot *s;
		uint64_t end;
		int number;
		struct agora_buffer b = {
			.data = &number, .capacity = sizeof(number)};

		for (int i = 0; i < 25; i++)
			CHECK_OK(agora_object_push(o, &i, sizeof(i)));
		for (int again = 0; again < 2; again++) {
			CHECK_OK(agora_object_snapshot(o, &s));
			append_number(l, 25 + again);
			/* the oldest one went meanwhile */
			for (int i = 16 + again; i < 25 + again; i++) {
				CHECK_OK(agora_snapshot_next(s, &b));
				CHECK_EQ(i, number);
			}
			CHECK_ERROR(-EAGAIN, agora_snapshot_next(s, &b));
			agora_snapshot_close(s);
		}
		CHECK_OK(agora_object_end(o, &end));
		CHECK_ERROR(-EAGAIN, agora_object_tap(o, &end, &b));
		append_number(l, 99);
		CHECK_OK(agora_object_tap(o, &end, &b));
		CHECK_EQ(99, number);
		CHECK_ERROR(-EOPNOTSUPP, agora_object_pop(o, &b));
		CHECK_ERROR(-EOPNOTSUPP, agora_object_peek(o, &b));
	}
}

/* ---- options ---- */

TEST(options_that_make_no_sense_are_named)
{
	static const struct {
		struct agora_options options;
		const char *begins;
	} bad[] = {
		{{.capacity = (1 << 24) + 1}, "capacity"},
		{{.message_size = (1u << 30) + 1u}, "message-size"},
		{{.key_size = 1}, "key-size"},
		{{.writers = 3}, "writers"},
		{{.flags = AGORA_SPSC}, "flags"},
		{{.flags = AGORA_FIXED, .memory = 1}, "memory"},
		{{.writers = 2, .inline_size = 8}, "inline-size"},
		{{.writers = 2, .message_size = 1000, .memory = 1999},
			"memory"},
		{{.writers = 2, .memory = UINT64_C(1) << 36}, "memory"},
		{{.message_size = 10000, .memory = 8192}, "memory"},
	};
	const struct agora_kind *kind = agora_kind_of("x.log");

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		const char *problem =
			agora_options_problem(kind, &bad[i].options);

		CHECK(problem);
		CHECK(!strncmp(problem, bad[i].begins, strlen(bad[i].begins)));
	}
	CHECK(!agora_options_problem(kind, &(struct agora_options){0}));
}

TEST(records_that_do_not_fit_are_refused)
{
	EACH_LAYOUT(l, 10) {
		CHECK_ERROR(-EMSGSIZE, agora_log_append(l, data, 1001));
		if (!(layout & 1))
			CHECK_ERROR(-EMSGSIZE, agora_log_append(l, data, 3));
		else
			CHECK_OK(agora_log_append(l, NULL, 0));
	}
}

TEST(types_are_checked_on_request)
{
	for (uint32_t writers = AGORA_WRITERS_MANY;
		writers <= AGORA_WRITERS_ONE; writers++) {
		struct agora_reservation r;
		struct agora_log *l = open_with((struct agora_options){
			.type = "utf8", .writers = writers});

		agora_log_close(l);
		l = open_again(AGORA_WRITE | AGORA_CHECK);
		CHECK_OK(agora_log_append(l, "fine", 4));
		CHECK_ERROR(-EBADMSG, agora_log_append(l, "\xff", 1));
		CHECK_OK(agora_log_reserve(l, 1, &r));
		memcpy(r.data, "\xff", 1);
		CHECK_ERROR(-EBADMSG, agora_log_commit(l, &r));
		memcpy(r.data, "f", 1);
		CHECK_OK(agora_log_commit(l, &r));
		CHECK_EQ(2, stat_of(l).pushed);
		agora_log_close(l);
	}
}

/* ---- one writer ---- */

TEST(only_one_handle_at_a_time_appends_where_there_is_one_writer)
{
	for (int layout = 2; layout < 4; layout++) {
		struct agora_log *l = open_layout(layout, 10, 0);
		struct agora_log *other = open_again(AGORA_WRITE);
		uint64_t cursor = 0;
		struct agora_reservation r;

		append_some(l, 0, 33);
		CHECK_ERROR(-EBUSY, try_append(other, 1));
		CHECK_OK(agora_object_yield(agora_log_object(l)));
		append_some(other, 33, 33);
		CHECK_ERROR(-EBUSY, try_append(l, 1));
		agora_log_close(other);
		append_some(l, 66, 34);
		CHECK_OK(agora_log_back(l, 10, &cursor));
		for (int i = 90; i < 100; i++)
			CHECK_EQ(i, read_number(l, &cursor, NULL));
		CHECK_OK(agora_log_reserve(l, sizeof(int), &r));
		CHECK_OK(agora_object_yield(agora_log_object(l)));
		CHECK_OK(agora_log_commit(l, &r));
		agora_log_close(l);
	}
}

TEST(the_next_writer_goes_on_behind_a_dead_one)
{
	for (int layout = 2; layout < 4; layout++) {
		struct agora_log *l = open_layout(layout, 10, 0);
		struct driver_signal done = driver_signal();
		uint64_t cursor = 25;
		pid_t pid;

		append_some(l, 0, 20);
		CHECK_OK(agora_object_yield(agora_log_object(l)));
		pid = driver_fork();
		if (!pid) {
			struct agora_reservation r;

			l = open_again(AGORA_WRITE);
			append_some(l, 20, 13);
			CHECK_OK(agora_log_reserve(l, sizeof(int), &r));
			memset(r.data, 0x55, sizeof(int));
			driver_post(&done);
			pause();
		}
		driver_await(&done);
		CHECK_ERROR(-EBUSY, try_append(l, 33));
		driver_kill(pid);
		append_some(l, 33, 5);
		for (int i = 25; i < 38; i++)
			CHECK_EQ(i, read_number(l, &cursor, NULL));
		CHECK_ERROR(-EAGAIN, try_read(l, &cursor));
		check_sound(l);
		agora_log_close(l);
	}
}
