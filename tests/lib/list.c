/* list.c - behaviour of agora/list.h: order, handles, walks. */
#include "list.h"

TEST(both_ends_push_and_pop)
{
	struct agora_list *l = open_with(NULL);

	for (int i = 0; i < 100; i++) {
		push_back(l, i);
		push_front(l, -i - 1);
	}
	for (int i = 100; i-- > 50;) {
		CHECK_EQ(-i - 1, pop_front(l));
		CHECK_EQ(i, pop_back(l));
	}
	for (int i = -50; i < 50; i++)
		CHECK_EQ(i, pop_front(l));
	check_nothing_leaked(l);
	agora_list_close(l);
}

TEST(pop_from_empty_returns_eagain_at_both_ends)
{
	struct agora_list *l = open_with(NULL);
	struct agora_buffer b = {.data = data, .capacity = sizeof(data)};
	struct agora_element e = {{0}};

	CHECK_ERROR(-EAGAIN, agora_list_pop_front(l, &b));
	CHECK_ERROR(-EAGAIN, agora_list_pop_back(l, &b));
	CHECK_ERROR(-EAGAIN, agora_list_peek_front(l, &b));
	CHECK_ERROR(-EAGAIN, agora_list_peek_back(l, &b));
	CHECK_ERROR(-EAGAIN, agora_list_next(l, NULL, &e));
	CHECK_ERROR(-EAGAIN, agora_list_previous(l, &e, &e));
	push_front(l, 1);
	CHECK_EQ(1, pop_back(l));
	CHECK_ERROR(-EAGAIN, agora_list_pop_front(l, &b));
	agora_list_close(l);
}

/* The same list as an array, with a handle for each element. */
struct model {
	int number[256];
	struct agora_element element[256];
	int count;
};

static void model_insert(
	struct model *m, int at, int number, struct agora_element e)
{
	int after = m->count++ - at;

	memmove(m->number + at + 1, m->number + at,
		(size_t)after * sizeof(*m->number));
	memmove(m->element + at + 1, m->element + at,
		(size_t)after * sizeof(*m->element));
	m->number[at] = number;
	m->element[at] = e;
}

static void model_remove(struct model *m, int at)
{
	int after = --m->count - at;

	memmove(m->number + at, m->number + at + 1,
		(size_t)after * sizeof(*m->number));
	memmove(m->element + at, m->element + at + 1,
		(size_t)after * sizeof(*m->element));
}

static void grow(struct agora_list *l, struct model *m, unsigned random, int i)
{
	struct agora_element e = {{0}};
	int at = (int)(random % (unsigned)(m->count + 1));

	switch (random >> 8 & 3) {
	case 0:
		model_insert(m, 0, i, push_front(l, i));
		return;
	case 1:
		model_insert(m, m->count, i, push_back(l, i));
		return;
	case 2:
		if (at < m->count)
			e = m->element[at];
		CHECK_OK(agora_list_insert_before(l, &e, &i, sizeof(i), &e));
		model_insert(m, at, i, e);
		return;
	default:
		if (at)
			e = m->element[at - 1];
		CHECK_OK(agora_list_insert_after(l, &e, &i, sizeof(i), &e));
		model_insert(m, at, i, e);
	}
}

static void shrink(struct agora_list *l, struct model *m, unsigned random)
{
	int at = (int)(random % (unsigned)m->count);
	struct agora_element gone = m->element[at];

	switch (random >> 8 & 3) {
	case 0:
		CHECK_EQ(m->number[0], pop_front(l));
		model_remove(m, 0);
		return;
	case 1:
		CHECK_EQ(m->number[m->count - 1], pop_back(l));
		model_remove(m, m->count - 1);
		return;
	default:
		CHECK_OK(agora_list_remove(l, &gone));
		CHECK_ERROR(-ESTALE, agora_list_remove(l, &gone));
		model_remove(m, at);
	}
}

TEST(it_is_the_same_as_an_array_that_is_changed_in_the_same_way)
{
	struct agora_list *l[] = {open_with(NULL), open_again(AGORA_WRITE),
		open_again(AGORA_WRITE)};
	struct agora_list *reader = open_again(AGORA_READ);
	static struct model m;
	unsigned random = 7;

	for (int i = 0; i < 20000; i++) {
		random = random * 1664525 + 1013904223;
		if (m.count < 255 && (!m.count || (random >> 29) % 2))
			grow(l[i % 3], &m, random >> 9, i);
		else
			shrink(l[i % 3], &m, random >> 9);
		if (i % 64 == 0)
			check_is(reader, m.number, m.count);
	}
	for (int i = 0; i < m.count; i++)
		CHECK_EQ(m.number[i], get(reader, &m.element[i]));
	while (m.count)
		shrink(l[0], &m, 0);
	check_nothing_leaked(l[0]);
	agora_list_close(reader);
	for (int i = 0; i < 3; i++)
		agora_list_close(l[i]);
}

TEST(a_handle_never_names_another_element)
{
	struct agora_options options = {.capacity = 2};
	struct agora_list *l = open_with(&options);
	struct agora_element old = push_back(l, 1), e;
	struct agora_buffer b = {.data = data, .capacity = sizeof(data)};

	CHECK_EQ(1, pop_front(l));
	for (int i = 0; i < 10000; i++) {
		struct agora_element now = push_back(l, i);

		CHECK(memcmp(&now, &old, sizeof(now)));
		CHECK_ERROR(-ESTALE, agora_list_get(l, &old, &b));
		CHECK_ERROR(-ESTALE, agora_list_remove(l, &old));
		CHECK_ERROR(-ESTALE, agora_list_next(l, &old, &e));
		CHECK_ERROR(-ESTALE, agora_list_previous(l, &old, &e));
		CHECK_ERROR(-ESTALE,
			agora_list_insert_after(l, &old, "x", 1, NULL));
		CHECK_ERROR(-ESTALE,
			agora_list_insert_before(l, &old, "x", 1, NULL));
		CHECK_EQ(i, pop_front(l));
	}
	check_nothing_leaked(l);
	agora_list_close(l);
}

TEST(a_handle_that_was_made_up_is_stale)
{
	struct agora_list *l = open_with(NULL);
	struct agora_element e = push_back(l, 1);
	const struct agora_element wrong[] = {{{UINT64_MAX, UINT64_MAX}},
		{{1u << 28, e.word[1]}}, {{e.word[0] + 1, e.word[1]}},
		{{e.word[0], e.word[1] + 1}}, {{e.word[0], 0}}};
	struct agora_buffer b = {.data = data, .capacity = sizeof(data)};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		CHECK_ERROR(-ESTALE, agora_list_get(l, &wrong[i], &b));
		CHECK_ERROR(-ESTALE, agora_list_remove(l, &wrong[i]));
		CHECK_ERROR(-ESTALE, agora_list_next(l, &wrong[i], &e));
	}
	CHECK_EQ(1, pop_front(l));
	agora_list_close(l);
}

TEST(full_is_exactly_the_capacity)
{
	for (unsigned capacity = 1; capacity < 70; capacity += 3) {
		struct agora_options options = {.capacity = capacity};
		struct agora_list *l = open_with(&options);
		struct agora_element e = {{0}};

		for (unsigned i = 0; i < capacity; i++)
			e = push_back(l, (int)i);
		CHECK_ERROR(-EAGAIN, agora_list_push_back(l, "x", 1, NULL));
		CHECK_ERROR(-EAGAIN, agora_list_push_front(l, "x", 1, NULL));
		CHECK_ERROR(
			-EAGAIN, agora_list_insert_after(l, &e, "x", 1, NULL));
		CHECK_OK(agora_list_remove(l, &e));
		push_back(l, (int)capacity - 1);
		CHECK_ERROR(-EAGAIN, agora_list_push_back(l, "x", 1, NULL));
		for (unsigned i = 0; i < capacity; i++)
			CHECK_EQ(i, pop_front(l));
		check_nothing_leaked(l);
		agora_list_close(l);
		CHECK_OK(agora_object_remove(space, PATH));
	}
}

static void fill(size_t size, unsigned seed)
{
	for (size_t i = 0; i < size; i++)
		data[i] = (unsigned char)(seed + i * 7 + (i >> 8));
}

static void check_filled(const unsigned char *bytes, size_t size, unsigned seed)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i] != (unsigned char)(seed + i * 7 + (i >> 8)))
			driver_fail("byte %zu of %zu is wrong", i, size);
}

TEST(messages_of_any_size_come_back_whole)
{
	struct agora_options options = {.message_size = sizeof(data)};
	struct agora_list *l = open_with(&options);
	static unsigned char out[sizeof(data)];

	for (size_t size = 0; size <= sizeof(data);
		size += size < 600 ? 1 : size / 7) {
		struct agora_buffer b = {.data = out, .capacity = size};
		struct agora_element e;

		fill(size, (unsigned)size);
		CHECK_OK(agora_list_push_front(l, data, size, &e));
		CHECK_OK(agora_list_get(l, &e, &b));
		check_filled(out, size, (unsigned)size);
		memset(out, 0, size);
		CHECK_OK(agora_list_pop_back(l, &b));
		CHECK_EQ(size, b.size);
		check_filled(out, size, (unsigned)size);
		CHECK_OK(agora_list_push_front(l, data, size, &e));
		CHECK_OK(agora_list_remove(l, &e));
	}
	CHECK_ERROR(-EMSGSIZE,
		agora_list_push_back(l, data, sizeof(data) + 1, NULL));
	check_nothing_leaked(l);
	agora_list_close(l);
}

TEST(too_small_a_buffer_takes_nothing_and_tells_the_size)
{
	struct agora_list *l = open_with(NULL);
	struct agora_buffer b = {.data = data, .capacity = 299};
	struct agora_element e;

	CHECK_OK(agora_list_push_back(l, data, 300, &e));
	CHECK_ERROR(-EMSGSIZE, agora_list_pop_front(l, &b));
	CHECK_EQ(300, b.size);
	b.size = 0;
	CHECK_ERROR(-EMSGSIZE, agora_list_pop_back(l, &b));
	CHECK_EQ(300, b.size);
	b.size = 0;
	CHECK_ERROR(-EMSGSIZE, agora_list_get(l, &e, &b));
	CHECK_EQ(300, b.size);
	CHECK_ERROR(-EMSGSIZE, agora_list_peek_back(l, &b));
	CHECK_EQ(1, length(l));
	b.capacity = 300;
	CHECK_OK(agora_list_pop_front(l, &b));
	agora_list_close(l);
}

TEST(a_read_only_handle_cannot_change_anything)
{
	struct agora_list *l = open_with(NULL);
	struct agora_element e = push_back(l, 1);
	struct agora_list *r = open_again(AGORA_READ);
	struct agora_buffer b = {.data = data, .capacity = sizeof(data)};
	struct agora_message m;

	CHECK_ERROR(-EACCES, agora_list_push_back(r, "x", 1, NULL));
	CHECK_ERROR(-EACCES, agora_list_push_front(r, "x", 1, NULL));
	CHECK_ERROR(-EACCES, agora_list_insert_after(r, &e, "x", 1, NULL));
	CHECK_ERROR(-EACCES, agora_list_remove(r, &e));
	CHECK_ERROR(-EACCES, agora_list_pop_front(r, &b));
	CHECK_ERROR(-EACCES, agora_list_acquire_back(r, &m));
	CHECK_EQ(1, get(r, &e));
	CHECK_OK(agora_list_peek_front(r, &b));
	agora_list_close(r);
	agora_list_close(l);
}

TEST(a_walk_goes_on_from_an_element_that_is_still_there)
{
	struct agora_list *l = open_with(NULL);
	struct agora_element e[5], at, next;

	for (int i = 0; i < 5; i++)
		e[i] = push_back(l, i);
	CHECK_OK(agora_list_next(l, &e[0], &at));
	CHECK_OK(agora_list_next(l, &at, &at));
	CHECK_OK(agora_list_remove(l, &e[2]));
	next = at;
	CHECK_ERROR(-ESTALE, agora_list_next(l, &at, &next));
	CHECK(!memcmp(&next, &at, sizeof(at)));
	CHECK_OK(agora_list_next(l, &e[1], &next));
	CHECK(!memcmp(&next, &e[3], sizeof(next)));
	CHECK_OK(agora_list_previous(l, &e[3], &next));
	CHECK(!memcmp(&next, &e[1], sizeof(next)));
	CHECK_ERROR(-EAGAIN, agora_list_next(l, &e[4], &next));
	CHECK_ERROR(-EAGAIN, agora_list_previous(l, &e[0], &next));
	agora_list_close(l);
}

TEST(a_snapshot_has_what_was_there_in_order)
{
	struct agora_list *l = open_with(NULL);
	struct agora_list *reader = open_again(AGORA_READ);
	struct agora_buffer b = {.data = data, .capacity = 1};
	struct agora_snapshot *snapshot;
	int number;

	for (int i = 0; i < 1000; i++)
		push_front(l, i);
	CHECK_OK(agora_object_snapshot(agora_list_object(reader), &snapshot));
	CHECK_EQ(999, pop_front(l));
	push_back(l, 1000);
	CHECK_ERROR(-EMSGSIZE, agora_snapshot_next(snapshot, &b));
	b.capacity = sizeof(data);
	for (int i = 999; i--;) {
		CHECK_OK(agora_snapshot_next(snapshot, &b));
		memcpy(&number, data, sizeof(number));
		CHECK_EQ(i, number);
	}
	CHECK_ERROR(-EAGAIN, agora_snapshot_next(snapshot, &b));
	agora_snapshot_close(snapshot);
	agora_list_close(reader);
	agora_list_close(l);
}

TEST(a_tap_shows_what_is_there_in_the_order_of_inserting)
{
	struct agora_list *l = open_with(NULL);
	struct agora_list *reader = open_again(AGORA_READ);
	struct agora_buffer b = {.data = data, .capacity = sizeof(data)};
	uint64_t cursor = 0, late;
	int number;

	for (int i = 0; i < 100; i++) {
		if (i % 2)
			push_front(l, i);
		else
			push_back(l, i);
	}
	CHECK_EQ(99, pop_front(l));
	for (int i = 0; i < 99; i++) {
		CHECK_OK(agora_list_tap(reader, &cursor, &b));
		memcpy(&number, data, sizeof(number));
		CHECK_EQ(i, number);
	}
	CHECK_ERROR(-EAGAIN, agora_list_tap(reader, &cursor, &b));
	CHECK_OK(agora_list_end(reader, &late));
	push_front(l, 100);
	CHECK_OK(agora_list_tap(reader, &cursor, &b));
	CHECK_OK(agora_list_tap(reader, &late, &b));
	memcpy(&number, data, sizeof(number));
	CHECK_EQ(100, number);
	CHECK_ERROR(-EAGAIN, agora_list_tap(reader, &late, &b));
	agora_list_close(reader);
	agora_list_close(l);
}
