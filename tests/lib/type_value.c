/*
 * Tests of values: what fits a type, what does not, where and why; and of
 * what programs declare that types mean.
 */
#include "driver.h"

#include <locale.h>
#include <pthread.h>

/* Check a value that ends in a NUL, which is not of it. */
static int check(const char *type, const char *value)
{
	return agora_type_check(type, value, strlen(value), NULL);
}

#define fits(type, value) CHECK_OK(check(type, value))

/* The place and a part of the reason. */
static void refuses(
	const char *name, const char *value, size_t offset, const char *reason)
{
	struct agora_type *type;
	struct agora_type_error error;
	size_t found = 0;

	CHECK_OK(agora_type_open(name, NULL, &type, &error));
	CHECK_ERROR(-EBADMSG,
		agora_type_validate(type, value, strlen(value), &error));
	if (error.offset != offset || !strstr(error.reason, reason))
		driver_fail("%s: %s: at %zu: %s", name, value, error.offset,
			error.reason);
	agora_type_close(type);
	CHECK_ERROR(
		-EBADMSG, agora_type_check(name, value, strlen(value), &found));
	CHECK_EQ(offset, found);
}

/* ---- text ---------------------------------------------------------------- */

TEST(a_url_is_absolute)
{
	fits("utf8/url", "https://example.org/a%20b?c=d#e");
	fits("utf8/url", "mailto:a@example.org");
	fits("utf8/url", "urn:isbn:1");
	fits("utf8/url", "file:///etc/passwd");
	fits("utf8/url", "http://[::1]:80/");
	refuses("utf8/url", "", 0, "empty");
	refuses("utf8/url", "/a/b", 0, "no scheme");
	refuses("utf8/url", "https://a b/", 9, "not a URL");
	refuses("utf8/url", "https://a/\n", 10, "not a URL");
	refuses("utf8/url", "https:///a", 6, "no host");
	refuses("utf8/url", "https://a/\xff", 10, "not UTF-8");
}

TEST(a_url_has_the_scheme_of_its_type)
{
	fits("utf8/url/https", "https://example.org");
	fits("utf8/url/https", "HTTPS://example.org");
	fits("utf8/url/mailto", "mailto:a@b");
	refuses("utf8/url/https", "http://example.org", 0, "not https");
	refuses("utf8/url/http", "https://example.org", 0, "not http");
	/* What it does not know of it does not refuse. */
	fits("utf8/url/https/mine", "https://example.org");
	refuses("utf8/url/https/mine", "ftp://example.org", 0, "not https");
}

TEST(a_long_url_is_refused_and_takes_no_stack)
{
	static const char *const parts[] = {
		"a", "/", "%41", ":", "?", "a.", "@"};
	static char url[40000];

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		char *end = stpcpy(url, "x://h/");

		while (end + 4 < url + 32768)
			end = stpcpy(end, parts[i]);
		check("utf8/url", url);
		strcpy(url, "x://");
		for (end = url + 4; end + 4 < url + 32768;)
			end = stpcpy(end, parts[i]);
		check("utf8/url", url);
	}
	memset(url, 'a', sizeof(url) - 1);
	memcpy(url, "x:", 2);
	refuses("utf8/url", url, 32768, "more than 32768 bytes");
}

TEST(json_is_one_text_of_any_size_and_depth)
{
	static char deep[200001];

	fits("utf8/json", "{\"a\":[1,2.5e3,null,true,\"\\u00e9\"]}");
	fits("utf8/json", " 123456789012345678901234567890 ");
	fits("utf8/json", "1e999");
	fits("utf8/json", "\"\xc3\xa9\"");
	refuses("utf8/json", "", 0, "empty");
	refuses("utf8/json", "{\"a\":}", 6, "not JSON");
	refuses("utf8/json", "[1,2", 4, "not JSON: premature EOF");
	refuses("utf8/json", "[1] 2", 5, "not JSON: trailing garbage");
	refuses("utf8/json", "{'a':1}", 2, "not JSON");
	refuses("utf8/json", "[\"\xff\"]", 2, "not UTF-8");
	memset(deep, '[', 100000);
	memset(deep + 100000, ']', 100000);
	fits("utf8/json", deep);
}

TEST(csv_has_as_many_fields_in_each_record)
{
	fits("utf8/csv", "");
	fits("utf8/csv", "a,b\n1,2");
	fits("utf8/csv", "a,b\r\n1,2\r\n");
	fits("utf8/csv", "\"a,\"\"b\n\",c\n,\n");
	refuses("utf8/csv", "a,b\n1\n", 4, "1 fields, not 2");
	refuses("utf8/csv", "a,b\n1,2,3", 4, "3 fields, not 2");
	refuses("utf8/csv", "a\"b", 1, "a quote within");
	refuses("utf8/csv", "\"a\"b", 3, "behind quotes");
	refuses("utf8/csv", "\"ab", 3, "ends within quotes");
	refuses("utf8/csv", "a\rb", 1, "carriage return");
}

TEST(numbers_in_digits_are_those_of_json_in_their_range)
{
	fits("utf8/i8", "-128");
	fits("utf8/u64", "18446744073709551615");
	fits("utf8/i64", "-9223372036854775808");
	fits("utf8/f64", "1e308");
	fits("utf8/f32", "-inf");
	fits("utf8/f64", "nan");
	refuses("utf8/i8", "128", 3, "-128 to 127");
	refuses("utf8/u8", "-1", 2, "0 to 255");
	refuses("utf8/u64", "18446744073709551616", 20, "0 to 1844");
	refuses("utf8/i64", "1.0", 3, "not an integer");
	refuses("utf8/i64", "01", 0, "not a number");
	refuses("utf8/i64", "+1", 0, "not a number");
	refuses("utf8/i64", " 1", 0, "not a number");
	refuses("utf8/i64", "", 0, "not a number");
	refuses("utf8/i64", "nan", 0, "not a number");
	refuses("utf8/f64", "1e309", 5, "too large");
	refuses("utf8/f32", "1e39", 4, "too large");
}

TEST(numbers_do_not_hang_on_the_locale)
{
	struct agora_type *type;
	double number = 0.5;
	char text[64];
	struct agora_buffer line = {text, sizeof(text), 0, 0, 0};

	if (!setlocale(LC_NUMERIC, "de_DE.UTF-8"))
		SKIP("there is no German locale");
	CHECK_OK(agora_type_open("f64", NULL, &type, NULL));
	CHECK_OK(agora_type_print(type, &number, 8, &line));
	CHECK(line.size == 3 && !memcmp(text, "0.5", 3));
	fits("utf8/f64", "0.5");
	agora_type_close(type);
}

/* ---- bytes --------------------------------------------------------------- */

static const unsigned char png[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0"
				   "\1\x08\6\0\0\0\x1f\x15\xc4\x89";

TEST(bytes_of_a_mime_type_are_what_libmagic_says)
{
	size_t offset = 99;

	CHECK_OK(agora_type_check("bytes/png", png, sizeof(png) - 1, NULL));
	CHECK_ERROR(-EBADMSG,
		agora_type_check("bytes/jpeg", png, sizeof(png) - 1, &offset));
	CHECK_EQ(0, offset);
	fits("bytes/pdf", "%PDF-1.4\n");
	refuses("bytes/png", "hello", 0, "not png: it looks like text/plain");
	refuses("bytes/png", "", 0, "not png");
	/* What it never heard of, and what anything is. */
	fits("bytes/tick-of-mine", "hello");
	fits("bytes/octet-stream", "hello");
}

static void *check_many(void *failed)
{
	for (int i = 0; i < 200; i++)
		if (agora_type_check("bytes/png", png, sizeof(png) - 1, NULL) ||
			check("bytes/png", "hello") != -EBADMSG ||
			check("utf8/json", "[1]") ||
			check("utf8/url", "https://a/"))
			*(bool *)failed = true;
	return NULL;
}

TEST(threads_may_check_at_the_same_time)
{
	bool failed[6] = {false};
	pthread_t threads[6];

	for (int i = 0; i < 6; i++)
		CHECK_EQ(0, pthread_create(
				    &threads[i], NULL, check_many, &failed[i]));
	for (int i = 0; i < 6; i++) {
		pthread_join(threads[i], NULL);
		CHECK(!failed[i]);
	}
}

TEST(values_of_fixed_size_have_that_size)
{
	size_t offset;

	CHECK_OK(agora_type_check("i64", "12345678", 8, NULL));
	CHECK_ERROR(-EBADMSG, agora_type_check("i64", "1234567", 7, &offset));
	CHECK_EQ(7, offset);
	CHECK_ERROR(-EBADMSG, agora_type_check("u8", "12", 2, &offset));
	CHECK_EQ(1, offset);
	refuses("struct{u64 a; u8 b;}", "123456789", 9, "9 bytes, not 16");
	fits("struct{u64 a; u8 b;}", "1234567890123456");
	/* A name that nobody explained refines what is before it. */
	fits("i64/percent", "12345678");
	refuses("i64/percent", "1234", 4, "4 bytes, not 8");
}

/* ---- combinations ---------------------------------------------------------
 */

TEST(a_list_has_elements_of_its_type)
{
	static const char good[] = "\2\0\0\0ab\0\0\0\0\1\0\0\0c";
	size_t offset;

	CHECK_OK(agora_type_check("list(utf8)", good, sizeof(good) - 1, NULL));
	CHECK_OK(agora_type_check("list(utf8)", "", 0, NULL));
	CHECK_OK(agora_type_check("list(u16)", "abcd", 4, NULL));
	CHECK_ERROR(-EBADMSG, agora_type_check("list(u16)", "abc", 3, &offset));
	CHECK_EQ(3, offset);
	for (size_t size = 1; size < sizeof(good) - 1; size++) {
		int r = agora_type_check("list(utf8)", good, size, &offset);

		/* Whole elements are a shorter list. */
		if (size == 6 || size == 10)
			CHECK_OK(r);
		else
			CHECK_ERROR(-EBADMSG, r);
	}
	CHECK_ERROR(-EBADMSG, agora_type_check("list(utf8)",
				      "\1\0\0\0a\2\0\0\0b\xff", 11, &offset));
	CHECK_EQ(10, offset);
	CHECK_ERROR(-EBADMSG,
		agora_type_check("list(bytes)", "\xff\xff\xff\xff", 4, NULL));
}

TEST(a_map_has_ascending_keys)
{
	size_t offset;

	CHECK_OK(agora_type_check("map(u8,u8)", "a1b2", 4, NULL));
	CHECK_ERROR(
		-EBADMSG, agora_type_check("map(u8,u8)", "b1a2", 4, &offset));
	CHECK_EQ(2, offset);
	CHECK_ERROR(
		-EBADMSG, agora_type_check("map(u8,u8)", "a1a2", 4, &offset));
	CHECK_ERROR(
		-EBADMSG, agora_type_check("map(u8,u8)", "a1b", 3, &offset));
	CHECK_EQ(3, offset);
}

TEST(a_value_of_several_types_fits_one_of_them)
{
	fits("utf8/json|utf8/url", "[1]");
	fits("utf8/json|utf8/url", "https://a/");
	refuses("utf8/json|utf8/url", "hello", 0, "none of what it may be");
	fits("u8|utf8/i64", "7");
	fits("list(u8|u16)|utf8", "");
}

/* ---- what programs declare ------------------------------------------------
 */

static struct agora_type_set *set;

static void declare(const char *path, const char *meaning)
{
	struct agora_type_error error = {.reason = ""};
	int r;

	if (!set)
		CHECK_OK(agora_type_set_open(&set));
	r = agora_type_set_add(set, path, meaning, &error);
	if (r)
		driver_fail("%s = %s: %d: %s", path, meaning, r, error.reason);
}

static int declared(const char *name, const char *value, const char *reason)
{
	struct agora_type_error error = {.reason = ""};
	struct agora_type *type;
	int r;

	CHECK_OK(agora_type_open(name, set, &type, &error));
	r = agora_type_validate(type, value, strlen(value), &error);
	agora_type_close(type);
	if (r && !strstr(error.reason, reason))
		driver_fail("%s: %s: %s", name, value, error.reason);
	return r;
}

TEST(an_expression_refines_a_type)
{
	declare("utf8/order-id", "^[A-Z]{3}-[0-9]+$");
	CHECK_OK(declared("utf8/order-id", "ABC-12", ""));
	CHECK_ERROR(-EBADMSG,
		declared("utf8/order-id", "ABC-12\n", "does not match"));
	CHECK_ERROR(-EBADMSG, declared("utf8/order-id", "abc-12", "match"));
	CHECK_ERROR(-EBADMSG, declared("utf8/order-id", "\xff", "UTF-8"));
	/* Also what refines it, in what is made of it, and not without it. */
	CHECK_OK(declared("utf8/order-id/mine", "ABC-1", ""));
	CHECK_ERROR(-EBADMSG, declared("utf8/order-id/mine", "x", "match"));
	CHECK_ERROR(-EBADMSG,
		declared("utf8/order-id|utf8/json", "x", "not the last"));
	fits("utf8/order-id", "x");
	agora_type_set_close(set);
}

TEST(an_expression_sees_bytes_behind_a_nul)
{
	struct agora_type *type;

	declare("bytes/abc", "^a[^x]c$");
	CHECK_OK(agora_type_open("bytes/abc", set, &type, NULL));
	CHECK_OK(agora_type_validate(type, "a\0c", 3, NULL));
	CHECK_ERROR(-EBADMSG, agora_type_validate(type, "abc\0", 4, NULL));
	CHECK_ERROR(-EBADMSG, agora_type_validate(type, NULL, 0, NULL));
	agora_type_close(type);
	agora_type_set_close(set);
}

TEST(another_type_and_a_condition_refine_a_type)
{
	declare("utf8/percent", "utf8/i64 where value >= 0 && value <= 100");
	CHECK_OK(declared("utf8/percent", "100", ""));
	CHECK_ERROR(-EBADMSG, declared("utf8/percent", "101", "not true"));
	CHECK_ERROR(-EBADMSG, declared("utf8/percent", "x", "not a number"));
	declare("utf8/short",
		"where size < 4 && (value > 'b' || value == 'a')");
	CHECK_OK(declared("utf8/short", "a", ""));
	CHECK_OK(declared("utf8/short", "ba", ""));
	CHECK_ERROR(-EBADMSG, declared("utf8/short", "aa", "not true"));
	CHECK_ERROR(-EBADMSG, declared("utf8/short", "bbbb", "not true"));
	declare("bytes/tick",
		"struct{f64 bid, ask; struct{u8 n; char s[2][3];} x[2];} "
		"where !(bid > ask) && x[1].n < 3 && x[1].s[1] != 'no'");
	agora_type_set_close(set);
}

TEST(a_condition_speaks_of_fields)
{
	struct {
		double bid, ask;
		struct {
			uint8_t n;
			char s[2][3];
		} x[2];
	} tick = {1, 2, {{9, {"", ""}}, {2, {"no", "yes"}}}};
	struct agora_type *type;

	declare("bytes/tick",
		"struct{f64 bid, ask; struct{u8 n; char s[2][3];} x[2];} "
		"where !(bid > ask) && x[1].n < 3 && x[1].s[1] != 'no'");
	declare("bytes/tick/low", "where ask <= 2");
	CHECK_OK(agora_type_open("bytes/tick/low", set, &type, NULL));
	CHECK_EQ(sizeof(tick), agora_type_size(type));
	CHECK_EQ(AGORA_VIEW_JSON, agora_type_view(type));
	CHECK_OK(agora_type_validate(type, &tick, sizeof(tick), NULL));
	tick.ask = 2.5;
	CHECK_ERROR(
		-EBADMSG, agora_type_validate(type, &tick, sizeof(tick), NULL));
	tick.ask = 2;
	tick.bid = 2.1;
	CHECK_ERROR(
		-EBADMSG, agora_type_validate(type, &tick, sizeof(tick), NULL));
	tick.bid = 2;
	tick.x[1].n = 3;
	CHECK_ERROR(
		-EBADMSG, agora_type_validate(type, &tick, sizeof(tick), NULL));
	tick.x[1].n = 0;
	memcpy(tick.x[1].s[1], "no", 3);
	CHECK_ERROR(
		-EBADMSG, agora_type_validate(type, &tick, sizeof(tick), NULL));
	CHECK_ERROR(-EBADMSG, agora_type_validate(type, &tick, 3, NULL));
	agora_type_close(type);
	agora_type_set_close(set);
}

TEST(numbers_are_compared_exactly)
{
	struct agora_type *type;
	uint64_t number = UINT64_MAX;

	declare("u64/x", "where value == 18446744073709551615");
	CHECK_OK(agora_type_open("u64/x", set, &type, NULL));
	CHECK_OK(agora_type_validate(type, &number, 8, NULL));
	number--;
	CHECK_ERROR(-EBADMSG, agora_type_validate(type, &number, 8, NULL));
	agora_type_close(type);
	agora_type_set_close(set);
}

TEST(a_malformed_meaning_is_refused_with_its_column)
{
	static const struct {
		const char *path, *meaning;
		int error;
		unsigned column;
		const char *reason;
	} bad[] = {
		{"utf8/a", "", -EINVAL, 1, "is missing"},
		{"utf8/a", "^(a", -EINVAL, 1, "not a regular expression"},
		{"utf8/a", "^(a)\\1", -EINVAL, 6, "back-reference"},
		{"utf8/a", "^[\xc3\xa9]", -EINVAL, 3, "ASCII"},
		{"utf8/a", "^(a{99}){99}$", -EINVAL, 13, "repetitions"},
		{"utf8/a", "^((((((((((a+)+)+)+)+)+)+)+)+)+)+$", -EINVAL, 30,
			"repetitions"},
		{"utf8/a", "^a{99999999999999999999}", -EINVAL, 25,
			"repetitions"},
		{"utf8/a", "utf9", -EINVAL, 1, "types begin with"},
		{"utf8/a", "utf8/i64 where", -EINVAL, 15, "is missing here"},
		{"utf8/a", "where ", -EINVAL, 6, "is missing here"},
		{"utf8/a", "where bid > 1", -EINVAL, 7, "no field"},
		{"utf8/a", "where value > 1", -EINVAL, 16, "be compared"},
		{"utf8/a", "where size > 1 size", -EINVAL, 16, "nothing more"},
		{"utf8/a", "where size = 1", -EINVAL, 12, "is missing here"},
		{"utf8/a", "where (size > 1", -EINVAL, 16, "')' is missing"},
		{"utf8/a", "where value == 'a", -EINVAL, 17, "without its end"},
		{"bytes/a", "struct{u8 x[2];} where x > 1", -EINVAL, 26,
			"'[' is missing"},
		{"bytes/a", "struct{u8 x[2];} where x[2] > 1", -EINVAL, 26,
			"has 2 elements"},
		{"utf8/a/b", "^x", -EINVAL, 1, "parent is not declared"},
		{"utf8|u8", "^x", -EINVAL, 1, "only a path"},
		{"utf8", "^x", -EINVAL, 1, "only a path"},
		{"list(u8)", "^x", -EINVAL, 1, "only a path"},
		{"utf8/url", "^x", -EEXIST, 1, "built in"},
		{"utf8/i64", "^x", -EEXIST, 1, "built in"},
		{"bytes/line", "^x", -EEXIST, 1, "built in"},
		{"utf8/known", "^x", -EEXIST, 1, "declared already: ^y"},
	};

	declare("utf8/known", "^y");
	declare("utf8/known", " ^y ");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct agora_type_error error = {.reason = ""};
		int r = agora_type_set_add(
			set, bad[i].path, bad[i].meaning, &error);

		if (r != bad[i].error || error.column != bad[i].column ||
			!strstr(error.reason, bad[i].reason))
			driver_fail("%s = %s: %d at %u: %s", bad[i].path,
				bad[i].meaning, r, error.column, error.reason);
	}
	agora_type_set_close(set);
}

TEST(what_means_what_means_what_has_an_end)
{
	struct agora_type_error error;
	char path[64], meaning[64];
	int r = 0, i;

	declare("bytes/a0", "u8");
	for (i = 1; i < 100 && !r; i++) {
		snprintf(path, sizeof(path), "bytes/a%d", i);
		snprintf(meaning, sizeof(meaning), "list(bytes/a%d|bytes/a%d)",
			i - 1, i - 1);
		r = agora_type_set_add(set, path, meaning, &error);
	}
	CHECK_ERROR(-EINVAL, r);
	CHECK(i < 20);
	agora_type_set_close(set);
}

TEST(a_condition_that_is_nested_too_deep_is_refused)
{
	struct agora_type_error error;
	char meaning[8000] = "where ";

	CHECK_OK(agora_type_set_open(&set));
	for (int i = 0; i < 3000; i++)
		strcat(meaning, "!(");
	CHECK_ERROR(
		-EINVAL, agora_type_set_add(set, "utf8/a", meaning, &error));
	CHECK(strstr(error.reason, "too deep"));
	strcpy(meaning, "where size>1");
	for (int i = 0; i < 200; i++)
		strcat(meaning, "||size>1");
	CHECK_ERROR(
		-EINVAL, agora_type_set_add(set, "utf8/a", meaning, &error));
	CHECK(strstr(error.reason, "too many parts"));
	agora_type_set_close(set);
}
