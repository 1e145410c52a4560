/* reference.c - behaviour of agora/reference.h. */
#include "driver.h"

#include <dirent.h>

static char text[AGORA_REFERENCE_MAX], got[10000];

static const char *format(const struct agora_reference *r)
{
	struct agora_buffer b = {.data = text, .capacity = sizeof(text) - 1};

	CHECK_OK(agora_reference_format(r, &b));
	text[b.size] = 0;
	return text;
}

static int parse(const char *from, struct agora_reference *r)
{
	return agora_reference_parse(from, strlen(from), r);
}

static struct agora_reference parsed(const char *from)
{
	static struct agora_reference r;

	CHECK_OK(parse(from, &r));
	return r;
}

/* ---- text ---- */

TEST(a_reference_says_program_object_key_and_version)
{
	struct agora_reference r = parsed("weather/prices.table#umbrella@17");

	CHECK_STR("weather/prices.table", r.path);
	CHECK_EQ(1, r.has_key);
	CHECK_EQ(8, r.key_size);
	CHECK(!memcmp(r.key, "umbrella", 8));
	CHECK_EQ(17, r.version);
	r = parsed("w/mode.string");
	CHECK_EQ(0, r.has_key);
	CHECK_EQ(0, r.version);
	r = parsed("w/p.table#@18446744073709551615");
	CHECK_EQ(1, r.has_key);
	CHECK_EQ(0, r.key_size);
	CHECK(r.version == UINT64_MAX);
}

TEST(what_was_formatted_is_what_parse_gives_whatever_the_key)
{
	struct agora_reference r = parsed("p/t.table#x@5"), back;

	for (unsigned size = 0; size < 3; size++) {
		for (unsigned pair = 0; pair<65536; pair += size> 1 ? 7 : 1) {
			r.key_size = size;
			r.key[0] = (unsigned char)pair;
			r.key[1] = (unsigned char)(pair >> 8);
			back = parsed(format(&r));
			CHECK_EQ(size, back.key_size);
			CHECK(!memcmp(back.key, r.key, size));
			CHECK_STR("p/t.table", back.path);
			CHECK_EQ(5, back.version);
		}
	}
	r.key_size = AGORA_KEY_MAX;
	memset(r.key, 0, AGORA_KEY_MAX);
	back = parsed(format(&r));
	CHECK_EQ(AGORA_KEY_MAX, back.key_size);
}

TEST(keys_are_shown_readable_and_always_in_the_same_way)
{
	struct agora_reference r = parsed("p/t.table#");
	static const struct {
		const char *key, *shown;
	} cases[] = {
		{"", ""},
		{"a/b", "a/b"},
		{"a#b@c%d e", "a%23b%40c%25d%20e"},
		{"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
		{"\xc3\xbc\n", "%C3%BC%0A"},
		{"\xff", "%FF"},
		{"\xc2\x85", "%C2%85"},
		{"\x7f", "%7F"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char expected[100];

		r.key_size = strlen(cases[i].key);
		memcpy(r.key, cases[i].key, r.key_size);
		sprintf(expected, "p/t.table#%s", cases[i].shown);
		CHECK_STR(expected, format(&r));
		CHECK_OK(agora_type_check(
			"utf8/reference", expected, strlen(expected), NULL));
	}
}

TEST(names_are_escaped_as_keys_are)
{
	struct agora_reference r = parsed("a%23b/c%40d%20e.string@3");

	CHECK_STR("a#b/c@d e.string", r.path);
	CHECK_STR("a%23b/c%40d%20e.string@3", format(&r));
	strcpy(r.path, "100%/x.string");
	CHECK_STR("100%25/x.string@3", format(&r));
}

TEST(other_escapes_are_understood_too)
{
	struct agora_reference r = parsed("p/t.table#%61%6a%6A");

	CHECK_STR("p/t.table#ajj", format(&r));
}

TEST(what_is_no_reference_is_refused)
{
	static const struct {
		const char *text;
		size_t offset;
	} bad[] = {
		{"", 0},
		{"/", 1},
		{"p", 1},
		{"p/", 2},
		{"p/x", 3},
		{"p/x.", 4},
		{"p/.string", 9},
		{"/x.string", 9},
		{".p/x.string", 11},
		{"p/a/b.string", 12},
		{"p%2Fq/x.string", 14},
		{"p/x%00.string", 13},
		{"p/x.string@", 11},
		{"p/x.string@0", 11},
		{"p/x.string@01", 11},
		{"p/x.string@1x", 12},
		{"p/x.string@18446744073709551616", 30},
		{"p/x.table#a#b", 11},
		{"p/x.table#a@1@2", 13},
		{"p/x.table#a%", 11},
		{"p/x.table#a%4", 11},
		{"p/x.table#a%4g", 11},
		{"p/x.table#a b", 11},
		{"p/x.table#a\n", 11},
		{"p/x.table#\x7f", 10},
		{"p/x.table#\xc2\x80", 10},
		{"p/x.table#\xff", 10},
		{"p/x.table@1#a", 11},
		{"../x.string", 11},
	};
	struct agora_reference r;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		size_t offset = 99;

		CHECK_ERROR(-EBADMSG, parse(bad[i].text, &r));
		CHECK_ERROR(-EBADMSG,
			agora_type_check("utf8/reference", bad[i].text,
				strlen(bad[i].text), &offset));
		if (bad[i].offset != offset)
			driver_fail("%s: %zu", bad[i].text, offset);
	}
	CHECK_ERROR(
		-EBADMSG, agora_type_check("utf8/reference", NULL, 0, NULL));
}

TEST(names_and_keys_that_are_too_long_are_refused)
{
	struct agora_reference r = parsed("p/t.table#"), other;
	struct agora_buffer b = {.data = text, .capacity = sizeof(text)};
	char *at = text;

	at += sprintf(at, "p/t.table#");
	memset(at, 'k', AGORA_KEY_MAX + 1);
	CHECK_OK(agora_reference_parse(text, 10 + AGORA_KEY_MAX, &other));
	CHECK_ERROR(-EBADMSG,
		agora_reference_parse(text, 11 + AGORA_KEY_MAX, &other));
	memset(text, 'p', 300);
	memcpy(text + 201, "/x.string", 9);
	CHECK_ERROR(-EBADMSG, agora_reference_parse(text, 210, &other));
	CHECK_OK(agora_reference_parse(text + 1, 209, &other));
	r.key_size = AGORA_KEY_MAX + 1;
	CHECK_ERROR(-EINVAL, agora_reference_format(&r, &b));
	r.key_size = 0;
	memset(r.path, 'x', sizeof(r.path));
	CHECK_ERROR(-EINVAL, agora_reference_format(&r, &b));
}

TEST(a_small_buffer_learns_the_size_of_the_text)
{
	struct agora_reference r = parsed("p/x.string@42");
	struct agora_buffer b = {.data = text, .capacity = 5};

	text[5] = 'x';
	CHECK_ERROR(-EMSGSIZE, agora_reference_format(&r, &b));
	CHECK_EQ(13, b.size);
	CHECK_EQ('x', text[5]);
	b.capacity = 13;
	CHECK_OK(agora_reference_format(&r, &b));
}

/* Bytes are changed, cut out and put in; ends where nothing may be read. */
TEST(any_text_is_a_reference_that_comes_back_or_is_refused)
{
	static const char marks[] = "/#@%09aA. \xff\xc3\xbc";
	static const char *const seeds[] = {"weather/prices.table#a%20b@17",
		"p/s.string@18446744073709551615", "a%23/b.map#"};
	static struct agora_reference r, back;
	unsigned seed = 1, sound = 0;

	for (unsigned i = 0; i < 300000; i++) {
		const char *from = seeds[i % 3];
		size_t size = strlen(from);
		char *at = got + sizeof(got) - size;

		memcpy(at, from, size);
		for (int n = rand_r(&seed) % 4; n; n--)
			at[(size_t)rand_r(&seed) % size] =
				rand_r(&seed) % 2
					? marks[(size_t)rand_r(&seed) %
						  (sizeof(marks) - 1)]
					: (char)rand_r(&seed);
		at += (size_t)rand_r(&seed) % (i % 5 ? 1 : size);
		size = (size_t)(got + sizeof(got) - at);
		if (agora_reference_parse(at, size, &r))
			continue;
		sound++;
		back = parsed(format(&r));
		CHECK_STR(r.path, back.path);
		CHECK_EQ(r.version, back.version);
		CHECK_EQ(r.has_key, back.has_key);
		CHECK_EQ(r.key_size, back.key_size);
		CHECK(!memcmp(r.key, back.key, r.key_size));
	}
	CHECK(sound > 30000 && sound < 270000);
}

/* ---- make and follow ---- */

static struct agora_object *open_object(const char *path)
{
	struct agora_object *object;
	int error = agora_program_create(space, "p", NULL);

	CHECK(!error || error == -EEXIST);
	CHECK_OK(agora_object_open(
		space, path, AGORA_WRITE | AGORA_CREATE, NULL, &object));
	return object;
}

static struct agora_resolver *open_resolver(void)
{
	struct agora_resolver *r;

	CHECK_OK(agora_resolver_open(space, &r));
	return r;
}

/* Follow into got; its first bytes are a string afterwards. */
static int follow(struct agora_resolver *resolver,
	const struct agora_reference *r, uint64_t *ret_version)
{
	struct agora_buffer b = {.data = got, .capacity = sizeof(got) - 1};
	int error = agora_resolver_follow(resolver, r, &b);

	if (!error || error == -ESTALE)
		got[b.size] = 0;
	if (ret_version)
		*ret_version = b.version;
	return error;
}

TEST(a_reference_to_a_string_is_followed_until_it_changes)
{
	struct agora_resolver *resolver = open_resolver();
	struct agora_object *s = open_object("p/mode.string");
	struct agora_reference r;
	uint64_t version;

	CHECK_OK(agora_object_store(s, "on", 2));
	CHECK_OK(agora_reference_make(s, NULL, 0, 1, &r));
	CHECK_STR("p/mode.string@1", format(&r));
	CHECK_OK(follow(resolver, &r, &version));
	CHECK_STR("on", got);
	CHECK_EQ(1, version);
	CHECK_OK(agora_object_store(s, "off", 3));
	CHECK_ERROR(-ESTALE, follow(resolver, &r, &version));
	CHECK_STR("off", got);
	CHECK_EQ(2, version);
	r.version = 0;
	CHECK_OK(follow(resolver, &r, &version));
	CHECK_STR("off", got);
	agora_object_close(s);
	agora_resolver_close(resolver);
}

static void follow_a_key_of(const char *path)
{
	struct agora_resolver *resolver = open_resolver();
	struct agora_object *t = open_object(path);
	struct agora_buffer b = {.data = got, .capacity = sizeof(got)};
	struct agora_reference r;
	uint64_t version;

	CHECK_OK(agora_object_put(t, "a#\n", 3, "one", 3));
	CHECK_OK(agora_object_put(t, "", 0, "empty", 5));
	CHECK_OK(agora_object_get(t, "a#\n", 3, &b));
	CHECK_OK(agora_reference_make(t, "a#\n", 3, b.version, &r));
	r = parsed(format(&r));
	CHECK_OK(follow(resolver, &r, NULL));
	CHECK_STR("one", got);
	CHECK_OK(agora_object_put(t, "a#\n", 3, "two", 3));
	CHECK_ERROR(-ESTALE, follow(resolver, &r, &version));
	CHECK_STR("two", got);
	r.version = version;
	CHECK_OK(follow(resolver, &r, NULL));
	CHECK_OK(agora_object_delete(t, "a#\n", 3));
	CHECK_ERROR(-ENOENT, follow(resolver, &r, NULL));
	CHECK_OK(agora_reference_make(t, "", 0, 0, &r));
	CHECK_OK(follow(resolver, &r, NULL));
	CHECK_STR("empty", got);
	agora_object_close(t);
	agora_resolver_close(resolver);
}

TEST(a_reference_to_a_key_of_a_table_is_followed_until_it_changes)
{
	follow_a_key_of("p/t.table");
}

TEST(a_reference_to_a_key_of_a_map_is_followed_until_it_changes)
{
	follow_a_key_of("p/t.map");
}

TEST(what_is_gone_is_enoent_and_what_has_no_values_is_said)
{
	struct agora_resolver *resolver = open_resolver();
	struct agora_object *s = open_object("p/s.string");
	struct agora_object *q = open_object("p/q.queue");
	struct agora_object *t = open_object("p/t.table");
	struct agora_reference r;

	CHECK_ERROR(-EOPNOTSUPP, agora_reference_make(q, NULL, 0, 0, &r));
	CHECK_ERROR(-EINVAL, agora_reference_make(s, "k", 1, 0, &r));
	CHECK_ERROR(-EINVAL, agora_reference_make(t, NULL, 0, 0, &r));
	CHECK_ERROR(-EINVAL, agora_reference_make(t, got, 4097, 0, &r));
	r = parsed("p/s.string@1");
	CHECK_ERROR(-ENOENT, follow(resolver, &r, NULL));
	r = parsed("p/none.string");
	CHECK_ERROR(-ENOENT, follow(resolver, &r, NULL));
	r = parsed("none/s.string");
	CHECK_ERROR(-ENOENT, follow(resolver, &r, NULL));
	r = parsed("p/s.string#k");
	CHECK_ERROR(-EINVAL, follow(resolver, &r, NULL));
	r = parsed("p/t.table");
	CHECK_ERROR(-EINVAL, follow(resolver, &r, NULL));
	r = parsed("p/q.queue");
	CHECK_ERROR(-EOPNOTSUPP, follow(resolver, &r, NULL));
	r = parsed("p/x.unknown");
	CHECK_ERROR(-EINVAL, follow(resolver, &r, NULL));
	agora_object_close(s);
	agora_object_close(q);
	agora_object_close(t);
	agora_resolver_close(resolver);
}

TEST(a_small_buffer_learns_the_size_of_the_value)
{
	struct agora_object *s = open_object("p/s.string");
	struct agora_buffer b = {.data = got, .capacity = 3};

	CHECK_OK(agora_object_store(s, "four", 4));
	CHECK_ERROR(-EMSGSIZE,
		agora_reference_follow(space, "p/s.string@1", 12, &b));
	CHECK_EQ(4, b.size);
	b.capacity = 4;
	CHECK_OK(agora_reference_follow(space, "p/s.string@1", 12, &b));
	CHECK_OK(agora_object_store(s, "five", 4));
	CHECK_ERROR(
		-ESTALE, agora_reference_follow(space, "p/s.string@1", 12, &b));
	CHECK_EQ(2, b.version);
	CHECK_ERROR(-EBADMSG, agora_reference_follow(space, "x", 1, &b));
	agora_object_close(s);
}

TEST(a_message_of_a_queue_leads_to_the_value)
{
	struct agora_options options = {.type = "utf8/reference"};
	struct agora_object *s = open_object("p/s.string"), *q;
	struct agora_buffer m = {.data = text, .capacity = sizeof(text)};
	struct agora_buffer b = {.data = got, .capacity = sizeof(got)};
	struct agora_reference r;

	CHECK_OK(agora_object_open(space, "p/q.queue",
		AGORA_WRITE | AGORA_CREATE | AGORA_CHECK, &options, &q));
	CHECK_OK(agora_object_store(s, "a large value", 13));
	CHECK_OK(agora_reference_make(s, NULL, 0, 1, &r));
	CHECK_OK(agora_reference_push(q, &r));
	CHECK_ERROR(-EBADMSG, agora_object_push(q, "no reference", 12));
	CHECK_OK(agora_object_pop(q, &m));
	CHECK_OK(agora_reference_follow(space, text, m.size, &b));
	CHECK(b.size == 13 && !memcmp(got, "a large value", 13));
	agora_object_close(q);
	agora_object_close(s);
}

/* ---- what a resolver keeps ---- */

static int count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	CHECK(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

TEST(following_many_opens_each_object_once_and_keeps_64_at_most)
{
	struct agora_resolver *resolver = open_resolver();
	int before, most = 0;

	for (int i = 0; i < 100; i++) {
		char path[30];

		sprintf(path, "p/%d.string", i);
		struct agora_object *s = open_object(path);
		CHECK_OK(agora_object_store(s, path, strlen(path)));
		agora_object_close(s);
	}
	before = count_descriptors();
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 100; i++) {
			struct agora_reference r;
			char path[30];

			sprintf(path, "p/%d.string", i);
			r = parsed(path);
			CHECK_OK(follow(resolver, &r, NULL));
			CHECK_STR(path, got);
			CHECK_OK(follow(resolver, &r, NULL));
		}
		CHECK(!round || most == count_descriptors());
		most = count_descriptors();
		CHECK(most > before && most <= before + 64);
	}
	agora_resolver_close(resolver);
	CHECK_EQ(before, count_descriptors());
}

TEST(another_object_under_the_name_is_found_at_once)
{
	struct agora_resolver *resolver = open_resolver();
	struct agora_reference r = parsed("p/s.string@1");
	struct agora_object *s = open_object("p/s.string");

	CHECK_OK(agora_object_store(s, "first", 5));
	CHECK_OK(follow(resolver, &r, NULL));
	CHECK_STR("first", got);
	CHECK_OK(agora_object_remove(space, "p/s.string"));
	CHECK_ERROR(-ENOENT, follow(resolver, &r, NULL));
	agora_object_close(s);
	s = open_object("p/s.string");
	CHECK_OK(agora_object_store(s, "second", 6));
	CHECK_OK(follow(resolver, &r, NULL));
	CHECK_STR("second", got);
	CHECK_OK(agora_object_rename(space, "p/s.string", "p/t.string"));
	CHECK_ERROR(-ENOENT, follow(resolver, &r, NULL));
	r = parsed("p/t.string@1");
	CHECK_OK(follow(resolver, &r, NULL));
	agora_object_close(s);
	agora_resolver_close(resolver);
}
