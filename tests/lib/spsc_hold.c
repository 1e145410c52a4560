/* spsc_hold.c - SPSC queues: messages in hand, batches. */
#include "spsc.h"

/* ---- in hand ---- */

TEST(reserved_messages_are_written_in_place_one_at_a_time)
{
	EACH_LAYOUT(q, 4) {
		struct agora_reservation r, second;

		for (int i = 0; i < 1000; i++) {
			CHECK_OK(agora_queue_reserve(q, 4, &r));
			CHECK_ERROR(-EBUSY, agora_queue_reserve(q, 4, &second));
			CHECK_ERROR(-EBUSY, try_push(q, 1));
			CHECK_ERROR(-EAGAIN, try_pop(q));
			CHECK_ERROR(
				-EINVAL, agora_queue_write(q, &r, 3, "xx", 2));
			CHECK_OK(agora_queue_write(q, &r, 0, &i, 4));
			if (i % 3 == 0) {
				CHECK_OK(agora_queue_abort(q, &r));
				CHECK_ERROR(-EINVAL, agora_queue_commit(q, &r));
				CHECK_ERROR(-EAGAIN, try_pop(q));
				continue;
			}
			CHECK_OK(agora_queue_commit(q, &r));
			CHECK_ERROR(-EINVAL, agora_queue_commit(q, &r));
			CHECK_ERROR(-EINVAL, agora_queue_abort(q, &r));
			CHECK_EQ(i, pop_number(q));
		}
	}
}

TEST(a_message_may_turn_out_shorter_than_reserved)
{
	struct agora_queue *q = open_any(10);
	struct agora_buffer b = {.data = data, .capacity = sizeof(data)};
	struct agora_reservation r;

	for (size_t i = 0; i < 900; i++) {
		CHECK_OK(agora_queue_reserve(q, 1000, &r));
		fill(r.data, i, (unsigned)i);
		r.size = i;
		CHECK_OK(agora_queue_commit(q, &r));
		CHECK_OK(agora_queue_pop(q, &b));
		CHECK_EQ(i, b.size);
		check_filled(data, i, (unsigned)i);
	}
	CHECK_OK(agora_queue_reserve(q, 10, &r));
	r.size = 11;
	CHECK_ERROR(-EINVAL, agora_queue_commit(q, &r));
	agora_queue_close(q);
	q = open_fixed(10);
	CHECK_OK(agora_queue_reserve(q, 4, &r));
	r.size = 3;
	CHECK_ERROR(-EMSGSIZE, agora_queue_commit(q, &r));
	r.size = 4;
	CHECK_OK(agora_queue_commit(q, &r));
	agora_queue_close(q);
}

TEST(up_to_48_messages_are_released_in_any_order)
{
	EACH_LAYOUT(q, 100) {
		struct agora_message m[48], more;

		for (int i = 0; i < 60; i++)
			push_number(q, i);
		for (int i = 0; i < 48; i++)
			m[i] = acquire_number(q, i);
		CHECK_ERROR(-EBUSY, agora_queue_acquire(q, &more));
		CHECK_ERROR(-EBUSY, try_pop(q));
		CHECK_EQ(12, stat_of(q).count);
		for (int i = 0; i < 48; i++) {
			int n = (i * 35 + 5) % 48;

			CHECK_OK(agora_queue_release(q, &m[n]));
			CHECK_ERROR(-EINVAL, agora_queue_release(q, &m[n]));
			CHECK_ERROR(-EINVAL, agora_queue_restore(q, &m[n]));
		}
		for (int i = 48; i < 60; i++)
			CHECK_EQ(i, pop_number(q));
		CHECK_ERROR(-EAGAIN, agora_queue_acquire(q, &more));
		check_sound(q);
	}
}

TEST(what_is_restored_is_the_next_to_be_delivered)
{
	EACH_LAYOUT(q, 100) {
		struct agora_message m[5];
		int number;

		for (int i = 0; i < 10; i++)
			push_number(q, i);
		for (int i = 0; i < 5; i++)
			m[i] = acquire_number(q, i);
		CHECK_OK(agora_queue_restore(q, &m[3]));
		CHECK_OK(agora_queue_restore(q, &m[1]));
		CHECK_EQ(7, stat_of(q).count);
		CHECK_EQ(1, pop_number(q));
		CHECK_OK(agora_queue_release(q, &m[0]));
		m[3] = acquire_number(q, 3);
		CHECK_EQ(5, pop_number(q));
		CHECK_EQ(sizeof(number),
			agora_queue_read(q, &m[3], 0, &number, 99));
		CHECK_EQ(3, number);
		CHECK_OK(agora_queue_release(q, &m[2]));
		CHECK_OK(agora_queue_release(q, &m[3]));
		CHECK_OK(agora_queue_restore(q, &m[4]));
		CHECK_EQ(4, pop_number(q));
		for (int i = 6; i < 10; i++)
			CHECK_EQ(i, pop_number(q));
		CHECK_ERROR(-EAGAIN, try_pop(q));
		CHECK_EQ(0, stat_of(q).count);
	}
}

TEST(closing_gives_back_what_was_acquired)
{
	EACH_LAYOUT(q, 10) {
		struct agora_queue *other = open_again(AGORA_WRITE);
		struct agora_message m[2];

		for (int i = 0; i < 3; i++)
			push_number(q, i);
		m[0] = acquire_number(other, 0);
		m[1] = acquire_number(other, 1);
		CHECK_OK(agora_queue_release(other, &m[1]));
		agora_queue_close(other);
		CHECK_EQ(2, stat_of(q).count);
		CHECK_EQ(0, pop_number(q));
		CHECK_EQ(2, pop_number(q));
		CHECK_ERROR(-EAGAIN, try_pop(q));
	}
}

/* ---- batches ---- */

TEST(batches_are_taken_as_far_as_there_is_room_or_messages)
{
	EACH_LAYOUT(q, 100) {
		struct iovec in[250];
		struct agora_buffer out[250];
		int numbers[250], got[250];

		for (int i = 0; i < 250; i++) {
			numbers[i] = i;
			in[i] = (struct iovec){&numbers[i], 4};
			out[i] = (struct agora_buffer){
				.data = &got[i], .capacity = 4};
		}
		for (int lap = 0; lap < 100; lap++) {
			CHECK_EQ(30, agora_queue_push_batch(q, in, 30));
			CHECK_EQ(70, agora_queue_push_batch(q, in + 30, 220));
			CHECK_ERROR(-EAGAIN, agora_queue_push_batch(q, in, 1));
			CHECK_EQ(0, agora_queue_push_batch(q, in, 0));
			CHECK_EQ(99, agora_queue_pop_batch(q, out, 99));
			CHECK_EQ(1, agora_queue_pop_batch(q, out + 99, 100));
			for (int i = 0; i < 100; i++)
				CHECK_EQ(i, got[i]);
			CHECK_ERROR(-EAGAIN, agora_queue_pop_batch(q, out, 1));
		}
		in[2].iov_len = 5000;
		CHECK_EQ(2, agora_queue_push_batch(q, in, 5));
		CHECK_ERROR(-EMSGSIZE, agora_queue_push_batch(q, in + 2, 1));
		out[1].capacity = 3;
		CHECK_EQ(1, agora_queue_pop_batch(q, out, 2));
		CHECK_ERROR(-EMSGSIZE, agora_queue_pop_batch(q, out + 1, 1));
		CHECK_EQ(4, out[1].size);
	}
}
