/* map.c - behaviour of agora/map.h that a table does not have: the order. What
 * both have is tested by lib/table.c, which is built for maps too. */
#include "driver.h"

#define KEY_MAX 40

static struct agora_map *open_with(uint64_t capacity, uint64_t key_size)
{
	struct agora_options options = {
		.capacity = capacity, .key_size = key_size};
	struct agora_map *m;
	int error = agora_program_create(space, "p", NULL);

	CHECK(!error || error == -EEXIST);
	CHECK_OK(agora_map_open(
		space, "p/m.map", AGORA_WRITE | AGORA_CREATE, &options, &m));
	return m;
}

static void put(struct agora_map *m, const char *key, const char *value)
{
	CHECK_OK(agora_map_put(m, key, strlen(key), value, strlen(value)));
}

/* ---- what a range has ---- */

static char shown[4000];

static int show(void *argument, const struct agora_entry *entry)
{
	(void)argument;
	snprintf(shown + strlen(shown), sizeof(shown) - strlen(shown),
		"%.*s=%.*s ", (int)entry->key_size, (const char *)entry->key,
		(int)entry->value_size, (const char *)entry->value);
	CHECK(entry->version);
	return 0;
}

static const char *range(
	struct agora_map *m, const char *from, const char *to, uint64_t limit)
{
	struct agora_range range = {.from = from,
		.from_size = from ? strlen(from) : 0,
		.to = to,
		.to_size = to ? strlen(to) : 0,
		.limit = limit};
	uint64_t count, told = 0;

	shown[0] = 0;
	CHECK_OK(agora_map_range(m, &range, show, NULL));
	CHECK_OK(agora_map_count(m, &range, &count));
	for (const char *at = shown; *at; at++)
		told += *at == ' ';
	CHECK_EQ(told, count);
	return shown;
}

TEST(a_range_is_half_open_and_in_the_order_of_bytes)
{
	struct agora_map *m = open_with(100, KEY_MAX);

	put(m, "b", "2");
	put(m, "a", "1");
	put(m, "ab", "3");
	put(m, "", "0");
	put(m, "\xff", "9");
	put(m, "abcdefgh2", "5");
	put(m, "abcdefgh", "4");
	CHECK_STR("=0 a=1 ab=3 abcdefgh=4 abcdefgh2=5 b=2 \xff=9 ",
		range(m, NULL, NULL, 0));
	CHECK_STR("a=1 ab=3 abcdefgh=4 abcdefgh2=5 ", range(m, "a", "b", 0));
	CHECK_STR("ab=3 abcdefgh=4 ", range(m, "aa", "abcdefgh1", 0));
	CHECK_STR("a=1 ab=3 ", range(m, "a", NULL, 2));
	CHECK_STR("=0 ", range(m, "", "a", 0));
	CHECK_STR("", range(m, "c", "d", 0));
	CHECK_STR("", range(m, "b", "b", 0));
	CHECK_STR("", range(m, "b", "a", 0));
	CHECK_STR("", range(m, NULL, "", 0));
	agora_map_close(m);
}

TEST(bounds_may_be_longer_than_keys)
{
	struct agora_map *m = open_with(100, 4);
	char bound[100];

	put(m, "abcd", "1");
	put(m, "abce", "2");
	memset(bound, 'd', sizeof(bound) - 1);
	bound[99] = 0;
	memcpy(bound, "abc", 3);
	CHECK_STR("abce=2 ", range(m, bound, NULL, 0));
	CHECK_STR("abcd=1 ", range(m, NULL, bound, 0));
	agora_map_close(m);
}

static int stop_at_b(void *argument, const struct agora_entry *entry)
{
	++*(int *)argument;
	return *(const char *)entry->key == 'b' ? 77 : 0;
}

TEST(what_visit_returns_ends_a_range)
{
	struct agora_map *m = open_with(100, KEY_MAX);
	struct agora_range all = {.limit = 0}, wrong = {.reserved = {1}};
	int calls = 0;
	uint64_t count;

	put(m, "a", "");
	put(m, "b", "");
	put(m, "c", "");
	CHECK_EQ(77, agora_map_range(m, &all, stop_at_b, &calls));
	CHECK_EQ(2, calls);
	CHECK_ERROR(-EINVAL, agora_map_range(m, &wrong, stop_at_b, &calls));
	CHECK_ERROR(-EINVAL, agora_map_count(m, &wrong, &count));
	CHECK_OK(agora_map_count(m, NULL, &count));
	CHECK_EQ(3, count);
	agora_map_close(m);
}

static int change_on(void *argument, const struct agora_entry *entry)
{
	struct agora_map *m = argument;
	char next[3] = {*(const char *)entry->key, 'x', 0};

	show(NULL, entry);
	CHECK_OK(agora_map_delete(m, entry->key, entry->key_size));
	if (entry->key_size == 1)
		put(m, next, "new");
	return 0;
}

TEST(a_range_may_be_changed_while_it_is_passed)
{
	struct agora_map *m = open_with(100, KEY_MAX);
	struct agora_range all = {.limit = 0};
	uint64_t count;

	put(m, "a", "1");
	put(m, "b", "2");
	put(m, "c", "3");
	shown[0] = 0;
	CHECK_OK(agora_map_range(m, &all, change_on, m));
	CHECK_STR("a=1 ax=new b=2 bx=new c=3 cx=new ", shown);
	CHECK_OK(agora_map_count(m, NULL, &count));
	CHECK_EQ(0, count);
	agora_map_close(m);
}

/* ---- neighbours ---- */

static char found[100];

static const char *told(int error, const struct agora_buffer *key)
{
	if (error == -ENOENT)
		return NULL;
	CHECK_OK(error);
	found[key->size] = 0;
	return found;
}

static const char *beside(struct agora_map *m,
	int (*step)(struct agora_map *map, struct agora_buffer *key,
		struct agora_buffer *value),
	const char *key)
{
	struct agora_buffer b = {.data = found,
		.capacity = 99,
		.size = key ? strlen(key) : SIZE_MAX};

	if (key)
		strcpy(found, key);
	return told(step(m, &b, NULL), &b);
}

TEST(next_and_previous_go_to_the_nearest_key)
{
	struct agora_map *m = open_with(100, KEY_MAX);

	CHECK(!beside(m, agora_map_first, NULL));
	CHECK(!beside(m, agora_map_last, NULL));
	CHECK(!beside(m, agora_map_next, "a"));
	CHECK(!beside(m, agora_map_previous, "a"));
	put(m, "d", "4");
	CHECK_STR("d", beside(m, agora_map_first, NULL));
	CHECK_STR("d", beside(m, agora_map_last, NULL));
	CHECK(!beside(m, agora_map_next, "d"));
	CHECK(!beside(m, agora_map_previous, "d"));
	put(m, "b", "2");
	put(m, "", "0");
	CHECK_STR("", beside(m, agora_map_first, NULL));
	CHECK_STR("", beside(m, agora_map_next, NULL));
	CHECK_STR("b", beside(m, agora_map_next, ""));
	CHECK_STR("d", beside(m, agora_map_next, "c"));
	CHECK_STR("b", beside(m, agora_map_previous, "c"));
	CHECK_STR("b", beside(m, agora_map_previous, "d"));
	CHECK_STR("", beside(m, agora_map_previous, "a"));
	CHECK(!beside(m, agora_map_previous, ""));
	CHECK_STR("d", beside(m, agora_map_previous, NULL));
	agora_map_close(m);
}

TEST(first_and_last_bring_values_and_know_small_buffers)
{
	struct agora_map *m = open_with(100, KEY_MAX);
	char value[10];
	struct agora_buffer key = {.data = found, .capacity = 99};
	struct agora_buffer v = {.data = value, .capacity = 3};

	put(m, "a", "one");
	put(m, "z", "large");
	CHECK_OK(agora_map_first(m, &key, &v));
	CHECK_EQ(3, v.size);
	CHECK(!memcmp(value, "one", 3));
	CHECK(v.version);
	CHECK_ERROR(-EMSGSIZE, agora_map_last(m, &key, &v));
	CHECK_EQ(5, v.size);
	key.capacity = KEY_MAX - 1;
	CHECK_ERROR(-EINVAL, agora_map_last(m, &key, &v));
	key = (struct agora_buffer){
		.data = found, .capacity = 99, .size = KEY_MAX + 1};
	CHECK_ERROR(-EINVAL, agora_map_previous(m, &key, &v));
	agora_map_close(m);
}

/* ---- beside a model ---- */

#define MODEL 3000

static uint32_t model[MODEL]; /* the value of each key; 0: none */

/* Keys whose order is that of their numbers, and of many lengths. */
static size_t model_key(unsigned number, char key[KEY_MAX])
{
	size_t size;

	sprintf(key, "%04u", number);
	size = 4 + number % 3 * 9;
	memset(key + 4, 'k', size - 4);
	return size;
}

static unsigned model_next(unsigned from, int by)
{
	while (from < MODEL && !model[from])
		from += (unsigned)by;
	return from;
}

static void model_change(struct agora_map *m, unsigned number)
{
	char key[KEY_MAX];
	size_t size = model_key(number, key);

	if (random() % 3) {
		model[number] = (uint32_t)random() | 1;
		CHECK_OK(agora_map_put(m, key, size, &model[number], 4));
		return;
	}
	CHECK_ERROR(
		model[number] ? 0 : -ENOENT, agora_map_delete(m, key, size));
	model[number] = 0;
}

static void model_look(struct agora_map *m, unsigned number)
{
	char key[KEY_MAX], expected[KEY_MAX];
	uint32_t value = 0;
	struct agora_buffer v = {.data = &value, .capacity = 4};
	bool back = random() % 2;
	unsigned is =
		back ? model_next(number - 1, -1) : model_next(number + 1, 1);
	struct agora_buffer k = {.data = key,
		.capacity = KEY_MAX,
		.size = model_key(number, key)};
	int error = back ? agora_map_previous(m, &k, &v)
			 : agora_map_next(m, &k, &v);

	CHECK_ERROR(is < MODEL ? 0 : -ENOENT, error);
	if (error)
		return;
	CHECK_EQ(model_key(is, expected), k.size);
	CHECK(!memcmp(key, expected, k.size));
	CHECK_EQ(model[is], value);
}

struct passing {
	unsigned next, count;
};

static int model_pass(void *argument, const struct agora_entry *entry)
{
	struct passing *passing = argument;
	char expected[KEY_MAX];
	unsigned is = model_next(passing->next, 1);

	CHECK(is < MODEL);
	CHECK_EQ(model_key(is, expected), entry->key_size);
	CHECK(!memcmp(entry->key, expected, entry->key_size));
	CHECK(!memcmp(entry->value, &model[is], 4));
	passing->next = is + 1;
	passing->count++;
	return 0;
}

static void model_range(struct agora_map *m, unsigned from, unsigned to)
{
	char low[KEY_MAX], high[KEY_MAX];
	struct agora_range range = {.from = low,
		.from_size = model_key(from, low),
		.to = high,
		.to_size = model_key(to, high)};
	struct passing passing = {from, 0};

	CHECK_OK(agora_map_range(m, &range, model_pass, &passing));
	CHECK(model_next(passing.next, 1) >= to);
}

static void model_account(struct agora_map *m)
{
	struct agora_check report;
	uint64_t count, expected = 0;

	for (unsigned i = 0; i < MODEL; i++)
		expected += model[i] != 0;
	CHECK_OK(agora_map_count(m, NULL, &count));
	CHECK_EQ(expected, count);
	CHECK_OK(agora_object_check(agora_map_object(m), 0, &report));
	CHECK_EQ(expected, report.published);
	CHECK_EQ(0, report.owned);
}

static void model_run(uint64_t capacity, unsigned rounds)
{
	struct agora_map *m = open_with(capacity, KEY_MAX);

	srandom(7);
	for (unsigned i = 0; i < rounds; i++) {
		model_change(m, (unsigned)random() % MODEL);
		model_look(m, (unsigned)random() % MODEL);
		if (i % 500 == 0)
			model_range(m, (unsigned)random() % 1000,
				1000 + (unsigned)random() % 2000);
	}
	model_account(m);
	agora_map_close(m);
}

TEST(it_is_as_a_sorted_array_would_be)
{
	model_run(MODEL, 30000);
}

TEST(it_is_so_with_few_levels_too)
{
	model_run(8, 12000);
}

TEST(ascending_and_descending_keys_do_no_harm)
{
	struct agora_map *m = open_with(4096, KEY_MAX);

	for (unsigned i = 0; i < MODEL; i++) {
		char key[KEY_MAX];
		unsigned number = i < MODEL / 2 ? i : MODEL + MODEL / 2 - 1 - i;
		size_t size = model_key(number, key);

		model[number] = number + 1;
		CHECK_OK(agora_map_put(m, key, size, &model[number], 4));
	}
	model_range(m, 0, MODEL - 1);
	model_account(m);
	for (unsigned i = 0; i < MODEL; i += 2) {
		char key[KEY_MAX];

		CHECK_OK(agora_map_delete(m, key, model_key(i, key)));
		model[i] = 0;
	}
	model_range(m, 0, MODEL - 1);
	model_account(m);
	agora_map_close(m);
}

TEST(large_values_come_whole_through_a_range)
{
	struct agora_map *m = open_with(10, KEY_MAX);
	struct agora_range all = {.limit = 0};
	static char large[300000];
	struct agora_buffer b = {.data = shown, .capacity = sizeof(shown)};
	int calls = 0;

	memset(large, 'v', sizeof(large));
	CHECK_OK(agora_map_put(m, "a", 1, large, 2000));
	CHECK_OK(agora_map_put(m, "b", 1, large, sizeof(large)));
	CHECK_OK(agora_map_put(m, "c", 1, large, 9000));
	CHECK_EQ(77, agora_map_range(m, &all, stop_at_b, &calls));
	CHECK_ERROR(-EMSGSIZE, agora_map_get(m, "b", 1, &b));
	CHECK_EQ(sizeof(large), b.size);
	agora_map_close(m);
}

TEST(a_million_keys_are_found)
{
	struct agora_options options = {.capacity = 1000000, .key_size = 8};
	struct agora_map *m;
	uint64_t count;

	CHECK_OK(agora_program_create(space, "p", NULL));
	CHECK_OK(agora_map_open(
		space, "p/m.map", AGORA_WRITE | AGORA_CREATE, &options, &m));
	for (uint64_t i = 0; i < 1000000; i++) {
		uint64_t key = i * UINT64_C(0x9e3779b97f4a7c15);

		CHECK_OK(agora_map_put(m, &key, 8, &i, 8));
	}
	for (uint64_t i = 0; i < 1000000; i += 37) {
		uint64_t key = i * UINT64_C(0x9e3779b97f4a7c15), value;
		struct agora_buffer b = {.data = &value, .capacity = 8};

		CHECK_OK(agora_map_get(m, &key, 8, &b));
		CHECK_EQ(i, value);
	}
	CHECK_OK(agora_map_count(m, NULL, &count));
	CHECK_EQ(1000000, count);
	agora_map_close(m);
}

/* ---- sets ---- */

static int show_member(void *argument, const struct agora_entry *entry)
{
	(void)argument;
	CHECK(!entry->value && !entry->value_size);
	snprintf(shown + strlen(shown), sizeof(shown) - strlen(shown), "%.*s ",
		(int)entry->key_size, (const char *)entry->key);
	return 0;
}

static struct agora_set *open_set(uint32_t flags)
{
	struct agora_options options = {.key_size = KEY_MAX, .type = "utf8"};
	struct agora_set *s;
	int error = agora_program_create(space, "p", NULL);

	CHECK(!error || error == -EEXIST);
	CHECK_OK(agora_set_open(space, "p/s.set", flags, &options, &s));
	return s;
}

TEST(a_member_is_added_once_and_removed_once)
{
	struct agora_set *s = open_set(AGORA_WRITE | AGORA_CREATE);
	struct agora_buffer b = {.data = found, .capacity = 99};
	struct agora_range all = {.limit = 0};
	uint64_t count;

	CHECK_EQ(0, agora_set_has(s, "a", 1));
	CHECK_EQ(1, agora_set_add(s, "a", 1));
	CHECK_EQ(0, agora_set_add(s, "a", 1));
	CHECK_EQ(1, agora_set_has(s, "a", 1));
	CHECK_EQ(1, agora_set_add(s, "", 0));
	CHECK_EQ(1, agora_set_add(s, "c", 1));
	CHECK_ERROR(-EINVAL, agora_set_add(s, found, KEY_MAX + 1));
	CHECK_ERROR(-EINVAL, agora_set_has(s, found, KEY_MAX + 1));
	shown[0] = 0;
	CHECK_OK(agora_set_range(s, &all, show_member, NULL));
	CHECK_STR(" a c ", shown);
	CHECK_STR("", told(agora_set_first(s, &b), &b));
	CHECK_STR("a", told(agora_set_next(s, &b), &b));
	CHECK_STR("c", told(agora_set_last(s, &b), &b));
	CHECK_STR("a", told(agora_set_previous(s, &b), &b));
	CHECK_OK(agora_set_delete(s, "a", 1));
	CHECK_ERROR(-ENOENT, agora_set_delete(s, "a", 1));
	CHECK_EQ(0, agora_set_has(s, "a", 1));
	CHECK_OK(agora_set_count(s, NULL, &count));
	CHECK_EQ(2, count);
	agora_set_close(s);
}

TEST(a_set_is_a_map_of_empty_values_to_tools)
{
	struct agora_set *s = open_set(AGORA_WRITE | AGORA_CREATE);
	struct agora_object *o = agora_set_object(s);
	struct agora_buffer b = {.data = found, .capacity = 99};
	struct agora_stat stat;

	CHECK_OK(agora_object_put(o, "m", 1, NULL, 0));
	CHECK_OK(agora_object_put(o, "m", 1, NULL, 0));
	CHECK_ERROR(-EMSGSIZE, agora_object_put(o, "n", 1, "v", 1));
	CHECK_OK(agora_object_get(o, "m", 1, &b));
	CHECK_EQ(0, b.size);
	CHECK_ERROR(-ENOENT, agora_object_get(o, "n", 1, &b));
	CHECK_OK(agora_object_stat(o, &stat));
	CHECK_EQ(1, stat.count);
	CHECK_EQ(0, stat.message_size);
	CHECK_EQ(AGORA_SORTED | AGORA_MEMBERS, stat.kind->traits);
	agora_set_close(s);
}

TEST(the_type_of_a_set_is_that_of_its_members)
{
	struct agora_set *w =
		open_set(AGORA_WRITE | AGORA_CREATE | AGORA_CHECK);
	struct agora_set *r = open_set(AGORA_READ);

	CHECK_EQ(1, agora_set_add(w, "fine", 4));
	CHECK_ERROR(-EBADMSG, agora_set_add(w, "\xff", 1));
	CHECK_EQ(1, agora_set_has(r, "fine", 4));
	CHECK_ERROR(-EACCES, agora_set_add(r, "x", 1));
	CHECK_ERROR(-EACCES, agora_set_delete(r, "fine", 4));
	agora_set_close(r);
	agora_set_close(w);
}

TEST(a_set_with_values_is_refused)
{
	struct agora_options options = {.message_size = 1};
	const struct agora_kind *set = agora_kind_of("x.set");

	CHECK(agora_options_problem(set, &options));
	options = (struct agora_options){.writers = AGORA_WRITERS_ONE};
	CHECK(agora_options_problem(set, &options));
	options = (struct agora_options){.key_size = 4097};
	CHECK(agora_options_problem(set, &options));
	options = (struct agora_options){.key_size = 4096};
	CHECK(!agora_options_problem(set, &options));
}
