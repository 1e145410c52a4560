/* stack_hold.c - behaviour of agora/stack.h: messages in hand, waiting. */
#include "stack.h"

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
