/*
 * Tests of the text of types: what is one, what is refused and where, which
 * is a special case of which.
 */
#include "driver.h"

/* ---- what is a type --------------------------------------------------- */

static void check_canon(const char *text, const char *canon)
{
	char found[AGORA_TYPE_MAX];

	CHECK_OK(agora_type_canon(text, found, NULL));
	CHECK_STR(canon, found);
	CHECK_OK(agora_type_canon(found, found, NULL));
	CHECK_STR(canon, found);
}

TEST(a_type_has_a_canonical_form)
{
	check_canon("bytes", "bytes");
	check_canon(" utf8/url/https\n", "utf8/url/https");
	check_canon("bytes/vnd.oasis-3+x_y", "bytes/vnd.oasis-3+x_y");
	check_canon("i64 | utf8 |f32", "i64|utf8|f32");
	check_canon("list ( map( utf8 , i64 ) )", "list(map(utf8,i64))");
	check_canon("struct tick {uint64_t ts;double bid,ask[2] ;char c;};",
		"struct{u64 ts; f64 bid; f64 ask[2]; char c;}");
	check_canon("struct{struct{float x,y;}at[2][3],to;}",
		"struct{struct{f32 x; f32 y;} at[2][3]; "
		"struct{f32 x; f32 y;} to;}");
}

TEST(an_object_has_the_canonical_form_of_its_type)
{
	struct agora_options options = {.type = "struct { double x , y; }"};
	struct agora_object *object;

	CHECK_OK(agora_program_create(space, "p", NULL));
	CHECK_OK(agora_object_open(space, "p/q.queue",
		AGORA_WRITE | AGORA_CREATE, &options, &object));
	CHECK_STR("struct{f64 x; f64 y;}", agora_object_type(object));
	agora_object_close(object);
}

/* ---- what is refused, and where ---------------------------------------- */

TEST(a_malformed_type_is_refused_with_its_line_and_column)
{
	static const struct {
		const char *text;
		unsigned line, column;
		const char *reason;
	} bad[] = {
		{"", 1, 1, "it ends too soon: a word is missing"},
		{"utf9", 1, 1, "types begin with bytes"},
		{"char", 1, 1, "types begin with bytes"},
		{"structure", 1, 1, "types begin with bytes"},
		{"Utf8", 1, 1, "letters are lower-case"},
		{"utf8/", 1, 6, "ends too soon"},
		{"utf8//url", 1, 6, "a word of a type is missing"},
		{"/utf8", 1, 1, "a word of a type is missing"},
		{"utf8/-a", 1, 6, "begins with a letter or digit"},
		{"utf8/..", 1, 6, "begins with a letter or digit"},
		{"utf8/a.", 1, 7, "ends in a letter or digit"},
		{"utf8/a b", 1, 8, "nothing more"},
		{"utf8;", 1, 5, "nothing more"},
		{"utf8\xc3\xa9", 1, 5, "nothing more"},
		{"i64|", 1, 5, "ends too soon"},
		{"i64||u8", 1, 5, "a word of a type is missing"},
		{"list", 1, 5, "'(' is missing"},
		{"list()", 1, 6, "a word of a type is missing"},
		{"list(u8", 1, 8, "')' is missing"},
		{"list(u8,u8)", 1, 8, "')' is missing"},
		{"map(u8)", 1, 7, "',' is missing"},
		{"map(u8,\n  u9)", 2, 3, "types begin with bytes"},
		{"struct", 1, 7, "'{' is missing"},
		{"struct{}", 1, 8, "a struct has fields"},
		{"struct{u8 a}", 1, 12, "';' is missing"},
		{"struct{u8;}", 1, 10, "the name of a field is missing"},
		{"struct{u8 1a;}", 1, 11, "the name of a field is missing"},
		{"struct{u8 a,;}", 1, 13, "the name of a field is missing"},
		{"struct{;}", 1, 8, "the type of a field is missing"},
		{"struct{u8 a;u16 a;}", 1, 17, "two fields of that name"},
		{"struct{int a;}", 1, 8, "int: fields are i8"},
		{"struct{u8 *a;}", 1, 11, "the name of a field is missing"},
		{"struct{u8 int;}", 1, 11, "int: no name of a field"},
		{"struct{utf8 a;}", 1, 8, "utf8: fields are"},
		{"struct{list(u8) a;}", 1, 8, "list: fields are"},
		{"struct{u8 a[];}", 1, 13, "a number of elements"},
		{"struct{u8 a[0];}", 1, 13, "a number of elements"},
		{"struct{u8 a[010];}", 1, 13, "a number of elements"},
		{"struct{u8 a[-1];}", 1, 13, "a number of elements"},
		{"struct{u8 a[9999999999999999999999];}", 1, 13, "too large"},
		{"struct{u8 a[2;}", 1, 14, "']' is missing"},
		{"struct{u8 a[1][1][1][1][1];}", 1, 25, "up to 4 dimensions"},
		{"struct{f64 a[30000][30000];}", 1, 11, "more than 1 GiB"},
		{"struct{\n u8 a;\n u8 b\n}", 4, 1, "';' is missing"},
		{"struct{u8 a;};;", 1, 15, "nothing more"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char found[AGORA_TYPE_MAX] = "untouched";
		struct agora_type_error error;

		CHECK_ERROR(
			-EINVAL, agora_type_canon(bad[i].text, found, &error));
		CHECK_ERROR(-EINVAL, agora_type_parse(bad[i].text));
		CHECK_STR("untouched", found);
		if (error.line != bad[i].line ||
			error.column != bad[i].column ||
			!strstr(error.reason, bad[i].reason))
			driver_fail("%s: %u:%u: %s", bad[i].text, error.line,
				error.column, error.reason);
	}
}

/* Text that is repeated n times, between what is around it. */
static char *repeat(const char *before, const char *text, size_t n,
	const char *middle, const char *after)
{
	char *found = calloc(1, strlen(before) + strlen(middle) + 1 +
					n * (strlen(text) + strlen(after)));

	strcpy(found, before);
	for (size_t i = 0; i < n; i++)
		strcat(found, text);
	strcat(found, middle);
	for (size_t i = 0; i < n; i++)
		strcat(found, after);
	return found;
}

static void check_limit(char *text, const char *reason)
{
	struct agora_type_error error;
	char found[AGORA_TYPE_MAX];

	CHECK_ERROR(-EINVAL, agora_type_canon(text, found, &error));
	if (!strstr(error.reason, reason))
		driver_fail("%s", error.reason);
	free(text);
}

TEST(a_type_that_is_too_long_or_deep_is_refused)
{
	char *text = repeat("", "list(", 16, "u8", ")");

	CHECK_OK(agora_type_parse(text));
	free(text);
	check_limit(repeat("", "list(", 17, "u8", ")"), "16 levels deep");
	check_limit(repeat("", "struct{", 17, "u8 a;", "} b;"), "16 levels");
	check_limit(repeat("utf8", "/a", 16, "", ""), "more than 16 words");
	check_limit(repeat("u8", "|u8", 255, "", ""), "255 parts");
	check_limit(repeat("bytes/", "a", 201, "", ""), "more than 200 bytes");
	check_limit(repeat("utf8", " ", 1020, "", ""), "longer than 1023");
}

TEST(what_is_too_long_only_in_full_is_refused)
{
	char text[AGORA_TYPE_MAX] = "struct{u64 a", name[16];

	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), ",b%d", i);
		strcat(text, name);
	}
	strcat(text, ";}");
	check_limit(strdup(text), "written in full");
}

/* ---- relations ---------------------------------------------------------- */

static const char *const family[] = {"bytes", "bytes/line", "bytes/png",
	"bytes/png/icon", "utf8", "utf8/url", "utf8/url/https", "utf8/urls",
	"utf8/json", "i64", "u64", "f64", "i64/percent", "struct{u64 a;}",
	"struct{u64 b;}", "struct{u64 a; u8 b;}", "list(i64)",
	"list(i64/percent)", "list(u64)", "list(i64|u64)", "list(utf8)",
	"list(utf8/url)", "list(bytes)", "list(bytes/png)", "map(utf8,i64)",
	"map(utf8/url,i64)", "map(utf8,bytes)", "map(bytes,bytes)",
	"list(list(utf8/url))", "list(list(bytes))", "utf8|i64", "i64|utf8",
	"utf8/url|i64/percent", "utf8/json|utf8/url", "bytes|utf8",
	"bytes/png|utf8", "list(utf8|bytes/png)"};

#define FAMILY (sizeof(family) / sizeof(*family))

TEST(each_type_is_a_case_of_itself_and_of_bytes)
{
	for (size_t i = 0; i < FAMILY; i++) {
		CHECK_EQ(1, agora_type_is_a(family[i], family[i]));
		CHECK_EQ(1, agora_type_is_a(family[i], "bytes"));
	}
}

TEST(a_case_of_a_case_is_a_case)
{
	bool is[FAMILY][FAMILY];
	int count = 0;

	for (size_t i = 0; i < FAMILY; i++)
		for (size_t j = 0; j < FAMILY; j++) {
			int r = agora_type_is_a(family[i], family[j]);

			CHECK(r == 0 || r == 1);
			is[i][j] = r;
			count += r;
		}
	for (size_t i = 0; i < FAMILY; i++)
		for (size_t j = 0; j < FAMILY; j++)
			for (size_t k = 0; k < FAMILY; k++)
				if (is[i][j] && is[j][k] && !is[i][k])
					driver_fail("%s, %s, %s", family[i],
						family[j], family[k]);
	/* Not all, and not only themselves. */
	CHECK(count > 100 && count < 500);
}

TEST(subtypes_are_told_by_words_and_by_how_values_are_stored)
{
	static const struct {
		const char *sub, *super;
		int is;
	} cases[] = {
		{"utf8/url/https", "utf8/url", 1},
		{"utf8/url", "utf8/url/https", 0},
		{"utf8/urls", "utf8/url", 0},
		{"i64/percent", "i64", 1},
		{"i64", "u64", 0},
		{"struct{u64 a;}", "struct{uint64_t a;}", 1},
		{"struct{u64 a;}", "struct{u64 b;}", 0},
		{"list(utf8/url)", "list(utf8)", 1},
		/* One has the sizes of its elements, and the other has not. */
		{"list(i64)", "list(bytes)", 0},
		{"list(i64)", "list(i64|u64)", 1},
		{"list(i64)", "list(i64|utf8)", 0},
		{"map(utf8/url,i64)", "map(utf8,i64)", 1},
		{"map(utf8,i64)", "map(utf8/url,i64)", 0},
		{"utf8/url|i64", "i64|utf8", 1},
		{"i64|utf8", "utf8/url|i64", 0},
		{"utf8/url", "utf8|i64", 1},
		{"utf8/json|utf8/url", "utf8", 1},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (agora_type_is_a(cases[i].sub, cases[i].super) !=
			cases[i].is)
			driver_fail("%s, %s", cases[i].sub, cases[i].super);
	CHECK_ERROR(-EINVAL, agora_type_is_a("utf8", "utf9"));
	CHECK_ERROR(-EINVAL, agora_type_is_a("", "utf8"));
}

static void check_parents(const char *type, const char *expected)
{
	char parent[AGORA_TYPE_MAX], all[4 * AGORA_TYPE_MAX] = "";

	strcpy(parent, type);
	while (!agora_type_parent(parent, parent)) {
		strcat(all, *all ? " " : "");
		strcat(all, parent);
	}
	CHECK_STR(expected, all);
}

TEST(parents_lead_to_bytes)
{
	check_parents("bytes", "");
	check_parents("utf8", "bytes");
	check_parents("utf8/url/https", "utf8/url utf8 bytes");
	check_parents("i64", "bytes");
	check_parents("struct{u8 a;}", "bytes");
	check_parents("list(utf8/url)", "list(utf8) list(bytes) bytes");
	check_parents("list(i64)", "bytes");
	check_parents("list(i64/x)", "list(i64) bytes");
	check_parents("map(utf8/url,utf8)",
		"map(utf8/url,bytes) map(utf8,bytes) map(bytes,bytes) bytes");
	check_parents("utf8/url/http|utf8/url/https", "utf8/url utf8 bytes");
	check_parents("utf8/json|utf8/url", "utf8 bytes");
	check_parents("utf8|i64", "bytes");
}

TEST(each_type_is_a_case_of_its_parent)
{
	char parent[AGORA_TYPE_MAX];

	for (size_t i = 1; i < FAMILY; i++) {
		CHECK_OK(agora_type_parent(family[i], parent));
		CHECK_EQ(1, agora_type_is_a(family[i], parent));
	}
	CHECK_ERROR(-ENOENT, agora_type_parent("bytes", parent));
	CHECK_ERROR(-EINVAL, agora_type_parent("utf9", parent));
}

TEST(alternatives_are_taken_apart)
{
	char part[AGORA_TYPE_MAX];

	CHECK_OK(agora_type_part("utf8/url | list(i64|u64)", 0, part));
	CHECK_STR("utf8/url", part);
	CHECK_OK(agora_type_part("utf8/url | list(i64|u64)", 1, part));
	CHECK_STR("list(i64|u64)", part);
	CHECK_ERROR(-ENOENT, agora_type_part("utf8|i64", 2, part));
	CHECK_OK(agora_type_part("utf8", 0, part));
	CHECK_STR("utf8", part);
	CHECK_ERROR(-ENOENT, agora_type_part("utf8", 1, part));
	CHECK_ERROR(-EINVAL, agora_type_part("utf9", 0, part));
}
