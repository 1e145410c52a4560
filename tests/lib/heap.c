/* heap.c - what a strict heap does, through the public door. */
#include "heap.h"

#include <inttypes.h>

static unsigned char data[1 << 20], other[1 << 20];

TEST(the_smallest_priority_is_taken_first)
{
	struct agora_heap *h = open_with(&any);
	uint64_t priority;

	push_number(h, 30, 3);
	push_number(h, 10, 1);
	push_number(h, UINT64_MAX, 5);
	push_number(h, 0, 0);
	push_number(h, UINT64_MAX - 1, 4);
	push_number(h, 20, 2);
	for (uint64_t i = 0; i < 6; i++)
		CHECK_EQ(i, pop_number(h, &priority));
	CHECK(priority == UINT64_MAX);
	close_empty(h);
}

TEST(equal_priorities_are_taken_in_the_order_of_pushing)
{
	static const uint64_t priorities[] = {0, 7, 32767, 32768, 1u << 20,
		INT64_MAX, UINT64_C(1) << 63, (UINT64_C(1) << 63) + 32768,
		UINT64_MAX - 1, UINT64_MAX};
	const uint64_t count = sizeof(priorities) / sizeof(*priorities);
	struct agora_options options = {.capacity = 10 * count};
	struct agora_heap *h = open_with(&options);
	uint64_t priority;

	for (uint64_t i = 0; i < 10; i++)
		for (uint64_t k = 0; k < count; k++)
			push_number(h, priorities[(k * 7 + i) % count], i);
	for (uint64_t k = 0; k < count; k++)
		for (uint64_t i = 0; i < 10; i++) {
			CHECK_EQ(i, pop_number(h, &priority));
			CHECK(priority == priorities[k]);
		}
	close_empty(h);
}

/* What a heap must do, in the simplest way. */
static struct model {
	uint64_t priority[2000], number[2000];
	size_t count;
} model;

static void model_push(uint64_t priority, uint64_t number)
{
	size_t i = model.count++;

	for (; i && model.priority[i - 1] > priority; i--) {
		model.priority[i] = model.priority[i - 1];
		model.number[i] = model.number[i - 1];
	}
	model.priority[i] = priority;
	model.number[i] = number;
}

static void model_pop(uint64_t priority, uint64_t number)
{
	CHECK(model.count);
	CHECK(priority == model.priority[0]);
	CHECK_EQ(model.number[0], number);
	model.count--;
	memmove(model.priority, model.priority + 1, model.count * 8);
	memmove(model.number, model.number + 1, model.count * 8);
}

static void compare_with_model(
	const struct agora_options *like, uint64_t range, unsigned shift)
{
	struct agora_options options = *like;
	struct agora_heap *h;
	uint64_t number = 0, priority;

	options.capacity = 2000;
	h = open_with(&options);
	for (int i = 0; i < 30000; i++) {
		uint64_t wish = (uint64_t)(i / 3000 % 2 ? 40 : 60);

		if (chance() % 100 < wish && model.count < 2000) {
			priority = chance() % range << shift;
			push_number(h, priority, ++number);
			model_push(priority, number);
		} else if (model.count) {
			uint64_t got = pop_number(h, &priority);

			model_pop(priority, got);
		} else {
			CHECK_ERROR(-EAGAIN, pop_nothing(h));
		}
	}
	while (model.count) {
		uint64_t got = pop_number(h, &priority);

		model_pop(priority, got);
	}
	close_empty(h);
}

TEST(any_row_of_pushes_and_pops_is_in_order)
{
	compare_with_model(&any, 10, 0);
	compare_with_model(&any, 100000, 0);
	compare_with_model(&fixed, 1 << 20, 10);
	compare_with_model(&fixed, 4, 62);
	compare_with_model(&any, 1, 0);
	compare_with_model(&any, 2, 62);
}

TEST(messages_of_any_size_are_whole)
{
	struct agora_options options = {.message_size = sizeof(data)};
	struct agora_heap *h = open_with(&options);
	static const size_t sizes[] = {
		0, 1, 7, 216, 217, 4096, 5000, 65536, 300001, sizeof(data)};
	const size_t count = sizeof(sizes) / sizeof(*sizes);

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)(i * 7 + i / 256);
	for (size_t i = 0; i < count; i++)
		CHECK_OK(agora_heap_push(h, count - i, data + sizes[i] % 7, 0));
	for (size_t i = 0; i < count; i++)
		CHECK_OK(agora_heap_push(h, 100 + count - i, data, sizes[i]));
	for (size_t i = 0; i < count; i++)
		CHECK_OK(agora_heap_pop(h,
			&(struct agora_buffer){.data = other, .capacity = 0}));
	for (size_t i = count; i--;) {
		struct agora_buffer b = {
			.data = other, .capacity = sizeof(other)};

		CHECK_OK(agora_heap_pop(h, &b));
		CHECK_EQ(sizes[i], b.size);
		CHECK_EQ(100 + count - i, b.priority);
		CHECK(!memcmp(data, other, sizes[i]));
	}
	close_empty(h);
}

TEST(a_message_that_does_not_fit_the_buffer_stays)
{
	struct agora_heap *h = open_with(&any);
	struct agora_buffer b = {.data = other, .capacity = 4};

	CHECK_OK(agora_heap_push(h, 1, "longer", 6));
	CHECK_OK(agora_heap_push(h, 2, "long", 4));
	CHECK_ERROR(-EMSGSIZE, agora_heap_pop(h, &b));
	CHECK_EQ(6, b.size);
	CHECK_ERROR(-EMSGSIZE, agora_heap_peek(h, &b));
	CHECK_EQ(6, b.size);
	b.capacity = 6;
	CHECK_OK(agora_heap_pop(h, &b));
	CHECK(!memcmp(other, "longer", 6));
	b.capacity = 4;
	CHECK_OK(agora_heap_pop(h, &b));
	close_empty(h);
}

TEST(what_does_not_fit_is_refused)
{
	struct agora_options options = {.capacity = 3, .message_size = 10};
	struct agora_heap *h = open_with(&options);

	CHECK_ERROR(-EMSGSIZE, agora_heap_push(h, 0, data, 11));
	for (uint64_t i = 0; i < 3; i++)
		push_number(h, i, i);
	CHECK_ERROR(-EAGAIN, agora_heap_push(h, 0, data, 1));
	for (uint64_t i = 0; i < 3; i++)
		CHECK_EQ(i, pop_number(h, NULL));
	close_empty(h);
	h = open_with(&fixed);
	CHECK_ERROR(-EMSGSIZE, agora_heap_push(h, 0, data, 7));
	CHECK_ERROR(-EMSGSIZE, agora_heap_push(h, 0, data, 9));
	close_empty(h);
}

TEST(options_that_make_no_sense_are_named)
{
	static const struct {
		const char *name;
		struct agora_options options;
	} wrong[] = {{"capacity", {.capacity = (1 << 24) + 1}},
		{"message-size", {.message_size = (1 << 30) + 1}},
		{"key-size", {.key_size = 8}},
		{"writers", {.writers = AGORA_WRITERS_ONE}},
		{"flags", {.flags = AGORA_SPSC}},
		{"memory", {.flags = AGORA_FIXED, .memory = 4096}}};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		const char *problem = agora_options_problem(
			agora_kind_of("h.heap"), &wrong[i].options);

		CHECK(problem);
		CHECK(!strncmp(problem, wrong[i].name, strlen(wrong[i].name)));
	}
}

TEST(peek_shows_the_first_one_and_takes_nothing)
{
	struct agora_heap *h = open_with(&any),
			  *reader = open_again(AGORA_READ);
	uint64_t number;
	struct agora_buffer b = {.data = &number, .capacity = sizeof(number)};

	CHECK_ERROR(-EAGAIN, agora_heap_peek(reader, &b));
	push_number(h, 5, 50);
	push_number(h, 4, 40);
	for (int i = 0; i < 3; i++) {
		CHECK_OK(agora_heap_peek(reader, &b));
		CHECK_EQ(40, number);
		CHECK_EQ(4, b.priority);
	}
	CHECK_ERROR(-EACCES, agora_heap_pop(reader, &b));
	CHECK_ERROR(-EACCES, agora_heap_push(reader, 1, &number, 8));
	CHECK_EQ(40, pop_number(h, NULL));
	CHECK_EQ(50, pop_number(h, NULL));
	agora_heap_close(reader);
	close_empty(h);
}

static void check_snapshot(struct agora_heap *h, uint64_t count)
{
	struct agora_snapshot *snapshot;
	uint64_t number;
	struct agora_buffer b = {.data = &number, .capacity = sizeof(number)};

	CHECK_OK(agora_object_snapshot(agora_heap_object(h), &snapshot));
	for (uint64_t i = 0; i < count; i++) {
		CHECK_OK(agora_snapshot_next(snapshot, &b));
		CHECK_EQ(i, b.priority * 3 + number % 3);
	}
	CHECK_ERROR(-EAGAIN, agora_snapshot_next(snapshot, &b));
	agora_snapshot_close(snapshot);
}

TEST(a_snapshot_is_in_the_order_of_taking)
{
	struct agora_heap *h = open_with(&any),
			  *reader = open_again(AGORA_READ);

	check_snapshot(reader, 0);
	for (uint64_t i = 0; i < 900; i++)
		push_number(h, i * 7 % 300, i / 300);
	check_snapshot(reader, 900);
	check_snapshot(h, 900);
	for (uint64_t i = 0; i < 900; i++)
		CHECK_EQ(i % 3, pop_number(h, NULL));
	check_snapshot(reader, 0);
	agora_heap_close(reader);
	close_empty(h);
}

TEST(what_was_taken_is_left_out_of_a_snapshot)
{
	struct agora_heap *h = open_with(&any);
	struct agora_snapshot *snapshot;
	uint64_t number;
	struct agora_buffer b = {.data = &number, .capacity = sizeof(number)};

	for (uint64_t i = 0; i < 6; i++)
		push_number(h, i, i);
	CHECK_OK(agora_object_snapshot(agora_heap_object(h), &snapshot));
	CHECK_EQ(0, pop_number(h, NULL));
	CHECK_EQ(1, pop_number(h, NULL));
	push_number(h, 0, 77);
	CHECK_OK(agora_snapshot_next(snapshot, &b));
	CHECK_EQ(2, number);
	agora_snapshot_close(snapshot);
	for (int i = 0; i < 5; i++)
		pop_number(h, NULL);
	close_empty(h);
}

TEST(a_tap_follows_what_is_pushed)
{
	struct agora_heap *h = open_with(&any),
			  *reader = open_again(AGORA_READ);
	uint64_t number, cursor = 0, late;
	struct agora_buffer b = {.data = &number, .capacity = sizeof(number)};

	CHECK_ERROR(-EAGAIN, agora_heap_tap(reader, &cursor, &b));
	for (uint64_t i = 0; i < 1000; i++)
		push_number(h, 1000 - i, i);
	/* What was taken is there until its block is used again. */
	for (uint64_t i = 0; i < 3; i++)
		CHECK_EQ(999 - i, pop_number(h, NULL));
	CHECK_OK(agora_heap_end(reader, &late));
	for (uint64_t i = 0; i < 1000; i++) {
		CHECK_OK(agora_heap_tap(reader, &cursor, &b));
		CHECK_EQ(i, number);
		CHECK_EQ(1000 - i, b.priority);
	}
	CHECK_ERROR(-EAGAIN, agora_heap_tap(reader, &cursor, &b));
	CHECK_ERROR(-EAGAIN, agora_heap_tap(reader, &late, &b));
	push_number(h, 0, 1000);
	b.capacity = 4;
	CHECK_ERROR(-EMSGSIZE, agora_heap_tap(reader, &cursor, &b));
	b.capacity = 8;
	CHECK_OK(agora_heap_tap(reader, &cursor, &b));
	CHECK_EQ(1000, number);
	CHECK_OK(agora_heap_tap(reader, &late, &b));
	CHECK_EQ(1000, number);
	CHECK_ERROR(-EAGAIN, agora_heap_tap(reader, &late, &b));
	agora_heap_close(reader);
	while (!pop_nothing(h))
		;
	close_empty(h);
}

TEST(stat_counts)
{
	struct agora_heap *h = open_with(&any);
	struct agora_object *object = agora_heap_object(h);
	struct agora_message message;
	struct agora_stat stat;

	for (uint64_t i = 0; i < 700; i++)
		push_number(h, i, i);
	for (int i = 0; i < 300; i++)
		pop_number(h, NULL);
	for (int i = 0; i < 50; i++) {
		CHECK_OK(agora_heap_acquire(h, &message));
		CHECK_OK(agora_heap_restore(h, &message));
	}
	CHECK_OK(agora_heap_acquire(h, &message));
	CHECK_OK(agora_object_stat(object, &stat));
	CHECK_EQ(399, stat.count);
	CHECK_EQ(399 * 8, stat.bytes);
	CHECK_EQ(700, stat.pushed);
	CHECK_EQ(301, stat.popped);
	CHECK_EQ(0, stat.rank_bound);
	CHECK_EQ(1024, stat.capacity);
	CHECK_OK(agora_heap_release(h, &message));
	for (int i = 0; i < 399; i++)
		pop_number(h, NULL);
	close_empty(h);
}

TEST(a_heap_grows_to_its_capacity)
{
	struct agora_options options = {
		.capacity = 300000, .message_size = 8, .flags = AGORA_FIXED};
	struct agora_heap *h = open_with(&options);
	uint64_t last = 0, priority;

	for (uint64_t i = 0; i < 300000; i++)
		push_number(h, chance(), i);
	CHECK_ERROR(-EAGAIN, agora_heap_push(h, 0, &last, 8));
	for (int i = 0; i < 300000; i++) {
		pop_number(h, &priority);
		CHECK(priority >= last);
		last = priority;
	}
	close_empty(h);
}

TEST(processes_push_and_pop_each_message_once)
{
	struct agora_options options = {
		.capacity = 1000, .message_size = 8, .flags = AGORA_FIXED};
	struct agora_heap *h = open_with(&options);
	pid_t child[3];
	static unsigned char seen[30000];

	for (uint64_t k = 0; k < 3; k++) {
		child[k] = driver_fork();
		if (child[k])
			continue;
		h = open_again(AGORA_WRITE);
		for (uint64_t i = 0; i < 10000; i++) {
			uint64_t number = k * 10000 + i;

			CHECK_OK(agora_heap_push_wait(h, chance() % 50, &number,
				sizeof(number), NULL));
		}
		agora_heap_close(h);
		exit(0);
	}
	for (int i = 0; i < 30000; i++) {
		uint64_t number;
		struct agora_buffer b = {.data = &number, .capacity = 8};

		CHECK_OK(agora_heap_pop_wait(h, NULL, &b));
		CHECK(number < 30000 && !seen[number]++);
	}
	for (int k = 0; k < 3; k++)
		driver_join(child[k]);
	close_empty(h);
}
