/*
 * Tests of values as text: structs as JSON and back, what is refused with
 * which field, how a type is described.
 */
#include "driver.h"

#include <float.h>
#include <math.h>

static struct agora_type *open_type(const char *text)
{
	struct agora_type *type;

	CHECK_OK(agora_type_open(text, NULL, &type, NULL));
	return type;
}

/* Read JSON; returns bytes to be freed. */
static char *scan(const struct agora_type *type, const char *text, size_t *size)
{
	struct agora_buffer value = {NULL, 0, 0, 0, 0};
	struct agora_type_error error;
	int r = agora_type_scan(type, text, strlen(text), &value, &error);

	if (r == -EMSGSIZE) {
		value.capacity = value.size;
		value.data = malloc(value.size);
		r = agora_type_scan(type, text, strlen(text), &value, &error);
	}
	if (r)
		driver_fail("%s: %d: %s", text, r, error.reason);
	*size = value.size;
	return value.data;
}

/* Compare what is printed. */
static void check_print(const struct agora_type *type, const void *value,
	size_t size, const char *expected)
{
	char text[4096];
	struct agora_buffer line = {text, sizeof(text) - 1, 0, 0, 0};

	CHECK_OK(agora_type_print(type, value, size, &line));
	text[line.size] = '\0';
	CHECK_STR(expected, text);
}

static void check_round(const char *name, const char *text, const char *back)
{
	struct agora_type *type = open_type(name);
	size_t size;
	char *value = scan(type, text, &size);

	check_print(type, value, size, back);
	free(value);
	agora_type_close(type);
}

/* ---- structs --------------------------------------------------------------
 */

struct tick {
	uint64_t ts;
	double bid, ask;
	char sym[8];
	struct {
		float px;
		int16_t n[2];
	} leg[2];
	int8_t c;
};

#define TICK                                                                   \
	"struct{u64 ts; f64 bid, ask; char sym[8]; struct{f32 px; i16 n[2];} " \
	"leg[2]; i8 c;}"

TEST(a_struct_of_c_is_a_line_of_json_and_back)
{
	struct tick tick = {.ts = UINT64_MAX,
		.bid = 0.1,
		.ask = -2,
		.sym = "AAPL",
		.leg = {{1.5f, {1, -2}}, {0.1f, {INT16_MIN, 0}}},
		.c = -128};
	static const char line[] =
		"{\"ts\":18446744073709551615,\"bid\":0.1,\"ask\":-2,"
		"\"sym\":\"AAPL\",\"leg\":[{\"px\":1.5,\"n\":[1,-2]},"
		"{\"px\":0.1,\"n\":[-32768,0]}],\"c\":-128}";
	struct agora_type *type = open_type(TICK);
	size_t size;
	char *value;

	CHECK_EQ(sizeof(tick), agora_type_size(type));
	check_print(type, &tick, sizeof(tick), line);
	value = scan(type, line, &size);
	CHECK_EQ(sizeof(tick), size);
	CHECK(!memcmp(value, &tick, size));
	free(value);
	agora_type_close(type);
}

TEST(fields_come_in_any_order_with_space_between)
{
	check_round("struct{u8 a; struct{u8 b; u8 c;} d;}",
		" { \"d\" : {\"c\":3 ,\n\"b\":2},\t\"\\u0061\":1 }\r\n",
		"{\"a\":1,\"d\":{\"b\":2,\"c\":3}}");
}

TEST(what_lies_between_fields_becomes_zero)
{
	struct agora_type *type = open_type("struct{u8 a; u64 b;}");
	size_t size;
	char *value = scan(type, "{\"a\":255,\"b\":0}", &size);

	CHECK_EQ(16, size);
	CHECK(!memcmp(value, "\xff\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16));
	free(value);
	agora_type_close(type);
}

TEST(numbers_that_json_has_no_word_for_are_strings)
{
	static const uint64_t odd[] = {UINT64_C(0x7ff8000000000000),
		UINT64_C(0xfff8000000000000), UINT64_C(0x7ff0000000000001),
		UINT64_C(0x7ff0000000000000), UINT64_C(0xfff0000000000000),
		UINT64_C(0x8000000000000000), 1};
	static const char line[] =
		"[\"nan\",\"nan(0xfff8000000000000)\","
		"\"nan(0x7ff0000000000001)\",\"inf\",\"-inf\",-0.0,"
		"4.94065645841247e-324]";
	struct agora_type *type = open_type("list(f64)");
	size_t size;
	char *value;

	check_print(type, odd, sizeof(odd), line);
	value = scan(type, line, &size);
	CHECK_EQ(sizeof(odd), size);
	CHECK(!memcmp(value, odd, size));
	free(value);
	agora_type_close(type);
	check_round("list(f32)",
		"[\"nan\",\"nan(0x7f800001)\",\"-inf\",3.4028235e38]",
		"[\"nan\",\"nan(0x7f800001)\",\"-inf\",3.4028235e+38]");
}

TEST(integers_are_exact)
{
	check_round("list(u64)", "[18446744073709551615,9007199254740993,0]",
		"[18446744073709551615,9007199254740993,0]");
	check_round("list(i64)",
		"[-9223372036854775808,9223372036854775807,-0]",
		"[-9223372036854775808,9223372036854775807,0]");
}

TEST(text_of_a_struct_keeps_all_bytes)
{
	static const char bytes[16] = "a\"\\\n\x01\0\xff\xc3\xa9\xed\xa0\x80";
	struct agora_type *type = open_type("struct{char s[16];}");
	size_t size;
	char *value;

	check_print(type, bytes, 16,
		"{\"s\":\"a\\\"\\\\\\n\\u0001\\u0000\\udcff\xc3\xa9"
		"\\udced\\udca0\\udc80\"}");
	value = scan(type,
		"{\"s\":\"a\\\"\\\\\\n\\u0001\\u0000\\udcff\\u00e9"
		"\\udced\\udca0\\udc80\"}",
		&size);
	CHECK(!memcmp(value, bytes, 16));
	free(value);
	agora_type_close(type);
	check_round("struct{char c; char d[2][3];}",
		"{\"c\":\"x\",\"d\":[\"abc\",\"\\u00e9\"]}",
		"{\"c\":\"x\",\"d\":[\"abc\",\"\xc3\xa9\"]}");
}

TEST(a_line_that_is_no_such_struct_names_the_field)
{
	static const struct {
		const char *text;
		size_t offset;
		const char *reason;
	} bad[] = {
		{"", 0, "not an object: '{' is missing here"},
		{"[]", 0, "not an object: '{' is missing here"},
		{"{}", 0, "a: missing"},
		{"{\"a\":1}", 0, "b: missing"},
		{"{\"a\":1,\"b\":[{\"x\":1},{\"x\":1,\"y\":\"\"}]}", 12,
			"b[0].y: missing"},
		{"{\"a\":1,\"b\":[{\"y\":\"\",\"x\":1},{\"y\":\"\"}]}", 27,
			"b[1].x: missing"},
		{"{\"a\":1,\"a\":2}", 7, "a: it is there twice"},
		{"{\"c\":1}", 1, "c: there is no such field"},
		{"{\"\":1}", 1, "no field has an empty name"},
		{"{\"b\":[{\"z\":1}]}", 7, "b[0].z: there is no such field"},
		{"{\"a\":256}", 5, "a: not a number from 0 to 255"},
		{"{\"a\":-1}", 5, "a: not a number from 0 to 255"},
		{"{\"a\":1.5}", 5, "a: not an integer"},
		{"{\"a\":1e2}", 5, "a: not an integer"},
		{"{\"a\":\"1\"}", 5, "a: not a number"},
		{"{\"a\":null}", 5, "a: not a number"},
		{"{\"a\":true}", 5, "a: not a number"},
		{"{\"a\":01}", 5, "a: not a number"},
		{"{\"a\":[1]}", 5, "a: not a number"},
		{"{\"a\":NaN}", 5, "a: not a number"},
		{"{\"a\" 1}", 5, "a: ':' is missing here"},
		{"{a:1}", 1, "not a string"},
		{"{\"a\":1", 6, "'}' is missing here"},
		{"{\"a\":1,}", 7, "not a string"},
		{"{\"b\":{}}", 5, "b: not a list of 2 elements"},
		{"{\"b\":[]}", 5, "b: not a list of 2 elements"},
		{"{\"b\":[{\"x\":1,\"y\":\"\"}]}", 5,
			"b: not a list of 2 elements"},
		{"{\"b\":[{\"x\":1e400,\"y\":\"\"}]}", 11,
			"b[0].x: too large a number for f64"},
		{"{\"b\":[{\"x\":\"infinity\"}]}", 11,
			"b[0].x: not a number (and not nan"},
		{"{\"b\":[{\"y\":\"abcd\"}]}", 11,
			"b[0].y: longer than 3 bytes"},
		{"{\"b\":[{\"y\":1}]}", 11, "b[0].y: not a string"},
		{"{\"b\":[{\"y\":\"\\x\"}]}", 13,
			"b[0].y: not an escape of JSON"},
		{"{\"b\":[{\"y\":\"\\u12\"}]}", 14,
			"b[0].y: \\u needs four digits"},
		{"{\"b\":[{\"y\":\"\\ud800\"}]}", 18,
			"b[0].y: half of a surrogate pair"},
		{"{\"b\":[{\"y\":\"\n\"}]}", 12,
			"b[0].y: a control character within a string"},
		{"{\"b\":[{\"y\":\"", 12, "b[0].y: it ends within a string"},
		{"{\"a\":\"\xff\"}", 6, "not UTF-8"},
		{"{\"a\":1,\"b\":[{\"x\":1,\"y\":\"\"},{\"x\":1,\"y\":\"\"}]} "
		 "x",
			44, "nothing more can stand here"},
	};
	struct agora_type *type =
		open_type("struct{u8 a; struct{f64 x; char y[3];} b[2];}");
	char value[64] = "untouched";

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct agora_buffer room = {value, sizeof(value), 7, 0, 0};
		struct agora_type_error error = {.reason = ""};

		CHECK_ERROR(
			-EBADMSG, agora_type_scan(type, bad[i].text,
					  strlen(bad[i].text), &room, &error));
		if (error.offset != bad[i].offset ||
			strncmp(error.reason, bad[i].reason,
				strlen(bad[i].reason)))
			driver_fail("%s: at %zu: %s", bad[i].text, error.offset,
				error.reason);
		CHECK_STR("untouched", value);
	}
	agora_type_close(type);
}

TEST(a_line_that_is_cut_short_anywhere_is_refused)
{
	static const char line[] =
		"{\"a\":1,\"b\":[{\"x\":-1.5e3,\"y\":\"\\u00e9\"},"
		"{\"x\":\"nan\",\"y\":\"\\ud83d\\ude00\"}]}";
	struct agora_type *type =
		open_type("struct{u8 a; struct{f64 x; char y[4];} b[2];}");
	char value[64], *text;
	struct agora_buffer room = {value, sizeof(value), 0, 0, 0};

	for (size_t size = 0; size < sizeof(line) - 1; size++) {
		text = malloc(size); /* with an end that is guarded */
		memcpy(text, line, size);
		CHECK_ERROR(-EBADMSG,
			agora_type_scan(type, text, size, &room, NULL));
		free(text);
	}
	CHECK_OK(agora_type_scan(type, line, sizeof(line) - 1, &room, NULL));
	agora_type_close(type);
}

TEST(what_has_no_room_says_how_much_it_needs)
{
	struct agora_type *type = open_type("struct{u32 a;}");
	char text[16];
	struct agora_buffer room = {text, 3, 0, 0, 0};

	CHECK_ERROR(-EMSGSIZE, agora_type_print(type, "\1\0\0\0", 4, &room));
	CHECK_EQ(7, room.size);
	CHECK_ERROR(
		-EMSGSIZE, agora_type_scan(type, "{\"a\":1}", 7, &room, NULL));
	CHECK_EQ(4, room.size);
	room.capacity = 7;
	CHECK_OK(agora_type_print(type, "\1\0\0\0", 4, &room));
	CHECK_ERROR(-EBADMSG, agora_type_print(type, "\1\0\0", 3, &room));
	room.capacity = 4;
	CHECK_OK(agora_type_scan(type, "{\"a\":1}", 7, &room, NULL));
	CHECK_EQ(4, room.size);
	agora_type_close(type);
}

/* ---- other types ----------------------------------------------------------
 */

TEST(lists_and_maps_are_lists_and_objects)
{
	check_round("list(utf8)", "[ \"a\" , \"\" ]", "[\"a\",\"\"]");
	check_round("list(bytes)", "[\"\\udcff\"]", "[\"\\udcff\"]");
	check_round("list(list(u8))", "[[],[1,2]]", "[[],[1,2]]");
	check_round("list(struct{u8 a;})", "[{\"a\":1}]", "[{\"a\":1}]");
	check_round("map(utf8,i64)", "{\"b\":2,\"a\":1,\"ab\":3}",
		"{\"a\":1,\"ab\":3,\"b\":2}");
	check_round("map(u8,list(utf8))", "[[2,[\"x\"]],[1,[]]]",
		"[[1,[]],[2,[\"x\"]]]");
	check_round("map(utf8,map(utf8,f64))", "{\"x\":{},\"b\":{\"c\":1.5}}",
		"{\"b\":{\"c\":1.5},\"x\":{}}");
	check_round("list(i64|utf8)", "[1,\"a\"]", "[1,\"a\"]");
	check_round("u8", " 7 ", "7");
}

TEST(values_within_values_are_checked)
{
	static const struct {
		const char *type, *text, *reason;
	} bad[] = {
		{"list(utf8/url)", "[\"https://a/\",\"x\"]",
			"[1]: not an absolute URL"},
		{"list(i64)", "[1,\"a\"]", "[1]: not a number"},
		{"list(i64)", "[1,]", "[1]: not a number"},
		{"list(i64)", "[1", "']' is missing here"},
		{"list(i64)", "1", "not a list"},
		{"map(utf8,i64)", "{\"a\":1,\"a\":2}",
			"a key that is there twice"},
		{"map(utf8,i64)", "[]", "not an object"},
		{"map(u8,i64)", "{}", "not a list of pairs"},
		{"map(u8,i64)", "[[1]]", "[0]: ',' is missing here"},
		{"map(utf8,struct{u8 a;})", "{\"k\":{\"a\":1},\"l\":{}}",
			"[1].a: missing"},
		{"u8|struct{u8 a;}", "{\"a\":256}", "a: not a number from"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct agora_type *type = open_type(bad[i].type);
		struct agora_buffer room = {NULL, 0, 0, 0, 0};
		struct agora_type_error error = {.reason = ""};

		CHECK_ERROR(
			-EBADMSG, agora_type_scan(type, bad[i].text,
					  strlen(bad[i].text), &room, &error));
		if (strncmp(error.reason, bad[i].reason, strlen(bad[i].reason)))
			driver_fail("%s: %s", bad[i].text, error.reason);
		agora_type_close(type);
	}
}

TEST(a_value_that_is_not_of_the_type_is_not_printed)
{
	struct agora_type *type = open_type("list(utf8/url)");
	char text[64];
	struct agora_buffer room = {text, sizeof(text), 0, 0, 0};

	CHECK_ERROR(-EBADMSG, agora_type_print(type, "\1\0\0\0x", 5, &room));
	CHECK_ERROR(-EBADMSG, agora_type_print(type, "\2\0\0\0x", 5, &room));
	agora_type_close(type);
}

TEST(types_say_how_they_look)
{
	static const struct {
		const char *type;
		int view;
	} views[] = {{"bytes", AGORA_VIEW_BYTES},
		{"bytes/png", AGORA_VIEW_BYTES},
		{"bytes/line", AGORA_VIEW_LINES}, {"utf8", AGORA_VIEW_LINES},
		{"utf8/json/mine", AGORA_VIEW_LINES}, {"i64", AGORA_VIEW_JSON},
		{"f32/x", AGORA_VIEW_JSON}, {"struct{u8 a;}", AGORA_VIEW_JSON},
		{"list(utf8)", AGORA_VIEW_JSON},
		{"utf8/url|bytes/line", AGORA_VIEW_LINES},
		{"utf8|bytes", AGORA_VIEW_BYTES}, {"utf8|i64", AGORA_VIEW_JSON},
		{"i64|utf8|bytes/png", AGORA_VIEW_BYTES}};

	for (size_t i = 0; i < sizeof(views) / sizeof(*views); i++) {
		struct agora_type *type = open_type(views[i].type);

		CHECK_EQ(views[i].view, agora_type_view(type));
		CHECK_EQ(views[i].view == AGORA_VIEW_LINES,
			agora_type_is_lines(views[i].type));
		agora_type_close(type);
	}
}

/* ---- descriptions ---------------------------------------------------------
 */

static void check_schema(const char *name, const char *expected)
{
	struct agora_type *type = open_type(name);
	char text[8192];
	struct agora_buffer room = {text, sizeof(text) - 1, 0, 0, 0};

	CHECK_OK(agora_type_schema(type, &room));
	text[room.size] = '\0';
	CHECK_STR(expected, text);
	room.capacity = room.size - 1;
	CHECK_ERROR(-EMSGSIZE, agora_type_schema(type, &room));
	agora_type_close(type);
}

TEST(a_schema_has_the_fields_and_an_example)
{
	check_schema(
		"struct{u64 ts; struct{f64 px; i32 n;} bid[2]; char s[3];}",
		"type\tstruct{u64 ts; struct{f64 px; i32 n;} bid[2]; "
		"char s[3];}\n"
		"size\t48\nview\tjson\n"
		"field\tts\tu64\t0\t8\n"
		"field\tbid[2]\tstruct\t8\t16\n"
		"field\tbid[2].px\tf64\t8\t8\n"
		"field\tbid[2].n\ti32\t16\t4\n"
		"field\ts[3]\tchar\t40\t1\n"
		"example\t{\"ts\":1,\"bid\":[{\"px\":1.5,\"n\":1},"
		"{\"px\":1.5,\"n\":1}],\"s\":\"tex\"}\n");
	check_schema("utf8/url/https", "type\tutf8/url/https\nview\tlines\n"
				       "example\thttps://example.org/\n");
	check_schema("map(utf8,list(f32))",
		"type\tmap(utf8,list(f32))\nview\tjson\n"
		"example\t{\"text\":[1.5]}\n");
	check_schema("u8", "type\tu8\nsize\t1\nview\tjson\nexample\t1\n");
	check_schema("bytes/png", "type\tbytes/png\nview\tbytes\n");
	/* Too long for an example. */
	check_schema("struct{u8 a[1000000];}",
		"type\tstruct{u8 a[1000000];}\nsize\t1000000\nview\tjson\n"
		"field\ta[1000000]\tu8\t0\t1\n");
}

TEST(what_is_known_of_a_path_is_told)
{
	struct agora_type *type = open_type("utf8/jsn/x");

	CHECK_EQ(4, agora_type_known(type));
	agora_type_close(type);
	type = open_type("utf8/json");
	CHECK_EQ(9, agora_type_known(type));
	agora_type_close(type);
	type = open_type("list(utf8)");
	CHECK_EQ(10, agora_type_known(type));
	agora_type_close(type);
}
