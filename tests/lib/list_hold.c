/* list_hold.c - behaviour of agora/list.h: messages in hand, waiting. */
#include "list.h"

TEST(an_acquired_message_is_released_or_restored_at_its_end)
{
	struct agora_list *l = open_with(NULL);
	struct agora_message m[4];
	int number;
	const int expected[] = {1, 2, 3, 5};

	for (int i = 0; i < 6; i++)
		push_back(l, i);
	CHECK_OK(agora_list_acquire_front(l, &m[0]));
	CHECK_OK(agora_list_acquire_front(l, &m[1]));
	CHECK_OK(agora_list_acquire_back(l, &m[2]));
	CHECK_OK(agora_list_acquire_back(l, &m[3]));
	CHECK_EQ(2, length(l));
	CHECK_EQ(sizeof(number),
		agora_list_read(l, &m[3], 0, &number, sizeof(number)));
	CHECK_EQ(4, number);
	CHECK_OK(agora_list_release(l, &m[0]));
	CHECK_OK(agora_list_restore(l, &m[1]));
	CHECK_OK(agora_list_restore(l, &m[2]));
	CHECK_OK(agora_list_release(l, &m[3]));
	CHECK_ERROR(-EINVAL, agora_list_release(l, &m[3]));
	CHECK_ERROR(-EINVAL, agora_list_restore(l, &m[1]));
	check_is(l, expected, 4);
	while (length(l))
		pop_front(l);
	check_nothing_leaked(l);
	agora_list_close(l);
}

TEST(what_a_closed_handle_had_in_hand_lies_as_it_lay)
{
	struct agora_list *l = open_with(NULL);
	struct agora_list *other = open_again(AGORA_WRITE);
	struct agora_message m;

	for (int i = 0; i < 300; i++)
		push_back(l, i);
	for (int i = 0; i < 250; i++)
		CHECK_OK(i % 3 ? agora_list_acquire_front(other, &m)
			       : agora_list_acquire_back(other, &m));
	CHECK_EQ(50, length(l));
	agora_list_close(other);
	for (int i = 0; i < 300; i++)
		CHECK_EQ(i, pop_front(l));
	check_nothing_leaked(l);
	agora_list_close(l);
}

TEST(a_restored_message_does_not_ask_for_room)
{
	struct agora_options options = {.capacity = 1};
	struct agora_list *l = open_with(&options);
	struct agora_message m;

	push_back(l, 1);
	CHECK_OK(agora_list_acquire_front(l, &m));
	push_back(l, 2);
	CHECK_OK(agora_list_restore(l, &m));
	CHECK_EQ(2, length(l));
	CHECK_EQ(1, pop_front(l));
	CHECK_ERROR(-EAGAIN, agora_list_push_back(l, "x", 1, NULL));
	CHECK_EQ(2, pop_front(l));
	agora_list_close(l);
}

TEST(stat_counts_what_is_there_and_what_ever_was)
{
	struct agora_list *l = open_with(NULL);
	struct agora_stat stat;

	for (int i = 0; i < 30; i++)
		push_front(l, i);
	for (int i = 0; i < 12; i++)
		pop_front(l);
	CHECK_OK(agora_object_stat(agora_list_object(l), &stat));
	CHECK_EQ(18, stat.count);
	CHECK_EQ(18 * sizeof(int), stat.bytes);
	CHECK_EQ(30, stat.pushed);
	CHECK_EQ(12, stat.popped);
	agora_list_close(l);
}

static struct timespec soon(void)
{
	return agora_deadline(20000000000);
}

TEST(who_waits_at_either_end_is_woken)
{
	struct agora_options options = {.capacity = 1};
	struct agora_list *l = open_with(&options);
	struct agora_buffer b = {.data = data, .capacity = sizeof(data)};
	struct timespec past = agora_deadline(0), deadline;
	struct agora_message m;
	pid_t child;

	CHECK_ERROR(-ETIMEDOUT, agora_list_pop_front_wait(l, &past, &b));
	CHECK_ERROR(-ETIMEDOUT, agora_list_pop_back_wait(l, &past, &b));
	CHECK_ERROR(-ETIMEDOUT, agora_list_acquire_back_wait(l, &past, &m));
	push_back(l, 0);
	CHECK_ERROR(
		-ETIMEDOUT, agora_list_push_front_wait(l, "x", 1, &past, NULL));
	child = driver_fork();
	if (!child) {
		l = open_again(AGORA_WRITE);
		for (int i = 0; i < 6; i++) {
			deadline = soon();
			CHECK_OK(i % 2 ? agora_list_pop_back_wait(
						 l, &deadline, &b)
				       : agora_list_pop_front_wait(
						 l, &deadline, &b));
		}
		agora_list_close(l);
		_exit(0);
	}
	for (int i = 1; i < 6; i++) {
		deadline = soon();
		CHECK_OK(i % 2 ? agora_list_push_back_wait(
					 l, &i, sizeof(i), &deadline, NULL)
			       : agora_list_push_front_wait(
					 l, &i, sizeof(i), &deadline, NULL));
	}
	driver_join(child);
	check_nothing_leaked(l);
	agora_list_close(l);
}

TEST(events_hold_exactly_when_they_should)
{
	struct agora_options options = {.capacity = 1};
	struct agora_list *l = open_with(&options);
	struct agora_object *object = agora_list_object(l);
	struct agora_buffer b = {.data = data, .capacity = sizeof(data)};
	const uint32_t all = AGORA_READABLE | AGORA_WRITABLE | AGORA_ADVANCED;
	uint64_t cursor;

	CHECK_OK(agora_object_descriptor(object));
	CHECK_OK(agora_list_end(l, &cursor));
	CHECK_EQ(AGORA_WRITABLE, agora_object_arm(object, all, cursor));
	push_back(l, 1);
	CHECK_EQ(AGORA_READABLE | AGORA_ADVANCED,
		agora_object_arm(object, all, cursor));
	CHECK_OK(agora_list_tap(l, &cursor, &b));
	CHECK_EQ(0, agora_object_arm(object, AGORA_ADVANCED, cursor));
	pop_front(l);
	CHECK_EQ(0, agora_object_arm(object, AGORA_ADVANCED, cursor));
	agora_list_close(l);
}

TEST(the_general_verbs_push_at_the_back_and_pop_at_the_front)
{
	struct agora_list *l = open_with(NULL);
	struct agora_object *object = agora_list_object(l);
	struct agora_buffer b = {.data = data, .capacity = sizeof(data)};
	struct agora_message m;

	CHECK_OK(agora_object_push(object, "a", 1));
	CHECK_OK(agora_object_push(object, "b", 1));
	CHECK_OK(agora_object_peek(object, &b));
	CHECK_EQ('a', data[0]);
	CHECK_OK(agora_object_acquire(object, &m));
	CHECK_EQ('a', *(const char *)m.data);
	CHECK_OK(agora_object_restore(object, &m));
	CHECK_OK(agora_object_pop(object, &b));
	CHECK_EQ('a', data[0]);
	CHECK_OK(agora_list_peek_back(l, &b));
	CHECK_EQ('b', data[0]);
	agora_list_close(l);
}
