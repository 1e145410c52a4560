/* type.c - names, types, errors and versions. */
#include "driver.h"

TEST(known_types_parse_and_others_do_not)
{
	CHECK_OK(agora_type_parse("bytes"));
	CHECK_OK(agora_type_parse("bytes/line"));
	CHECK_OK(agora_type_parse("utf8"));
	CHECK_OK(agora_type_parse("utf8/reference"));
	CHECK_ERROR(-EINVAL, agora_type_parse("utf9"));
	CHECK_ERROR(-EINVAL, agora_type_parse("utf8/"));
	CHECK_ERROR(-EINVAL, agora_type_parse(""));
	CHECK_ERROR(-EINVAL, agora_type_parse(NULL));
}

TEST(bytes_take_anything)
{
	CHECK_OK(agora_type_check("bytes", "\xff\0\n", 3, NULL));
	CHECK_OK(agora_type_check("bytes/line", "\xff\0\n", 3, NULL));
	CHECK_OK(agora_type_check("bytes", NULL, 0, NULL));
	CHECK_OK(agora_type_check("utf8", NULL, 0, NULL));
}

TEST(utf8_tells_where_it_is_broken)
{
	static const struct {
		const char *bytes;
		size_t size, offset;
	} bad[] = {
		{"\x80", 1, 0},                 /* a continuation alone */
		{"abc\xff", 4, 3},              /* never a byte of UTF-8 */
		{"ab\xc3", 3, 2},               /* cut */
		{"\xe2\x82\xac\xe2\x82", 5, 3}, /* cut in the second */
		{"\xc0\x80", 2, 0},             /* overlong */
		{"x\xed\xa0\x80", 4, 1},        /* a surrogate */
		{"\xf4\x90\x80\x80", 4, 0},     /* above U+10FFFF */
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		size_t offset = 99;

		CHECK_ERROR(-EBADMSG, agora_type_check("utf8", bad[i].bytes,
					      bad[i].size, &offset));
		CHECK_EQ(bad[i].offset, offset);
	}
}

TEST(valid_utf8_leaves_the_offset_alone)
{
	size_t offset = 99;

	CHECK_OK(agora_type_check("utf8", "gr\xc3\xbc\xc3\x9f\0e", 8, &offset));
	CHECK_EQ(99, offset);
}

TEST(check_of_unknown_type_is_einval)
{
	CHECK_ERROR(-EINVAL, agora_type_check("what", "", 0, NULL));
}

TEST(text_views_of_lines_and_text_have_lines)
{
	CHECK_EQ(0, agora_type_is_lines("bytes"));
	CHECK_EQ(1, agora_type_is_lines("bytes/line"));
	CHECK_EQ(1, agora_type_is_lines("utf8"));
	CHECK_EQ(0, agora_type_is_lines("what"));
}

TEST(names_of_up_to_200_bytes_are_names)
{
	char name[300];

	memset(name, 'n', sizeof(name));
	name[200] = 0;
	CHECK_OK(agora_name_check(name));
	name[200] = 'n';
	name[201] = 0;
	CHECK_ERROR(-ENAMETOOLONG, agora_name_check(name));
}

TEST(names_may_be_in_any_language)
{
	CHECK_OK(agora_name_check("wetter station"));
	CHECK_OK(agora_name_check("\xe5\xa4\xa9\xe6\xb0\x97"));
	CHECK_OK(agora_name_check("a.b"));
	CHECK_OK(agora_name_check("-x"));
}

TEST(names_have_no_slash_dot_in_front_or_control_character)
{
	static const char *const bad[] = {"", ".", "..", ".hidden", "a/b", "/",
		"a\nb", "\t", "a\x7f", "a\x1b[31m", "a\xc2\x85", "a\xc2\x9f",
		"\xff", "a\xc3", "\xed\xa0\x80"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK_ERROR(-EINVAL, agora_name_check(bad[i]));
	CHECK_ERROR(-EINVAL, agora_name_check(NULL));
}

TEST(every_error_has_a_text_of_one_line)
{
	CHECK_STR("full or empty now", agora_strerror(-EAGAIN));
	CHECK_STR("full or empty now", agora_strerror(EAGAIN));
	CHECK_STR("handle belongs to the parent process: open again after fork",
		agora_strerror(-ECHILD));
	CHECK_STR("success", agora_strerror(0));
	CHECK_STR("unknown error", agora_strerror(-100000));
	CHECK_STR("unknown error", agora_strerror(INT32_MIN));
	for (int i = 0; i < 200; i++) {
		const char *text = agora_strerror(-i);

		CHECK(text && *text && !strchr(text, '\n'));
		CHECK(text[strlen(text) - 1] != '.');
	}
}

TEST(the_library_has_the_version_of_its_headers)
{
	char version[16];

	snprintf(version, sizeof(version), "%d.%d", AGORA_VERSION_MAJOR,
		AGORA_VERSION_MINOR);
	CHECK_STR(version, agora_version());
}

TEST(deadlines_lie_in_the_future_of_the_monotonic_clock)
{
	struct timespec now, later = agora_deadline(1500000000);
	long long ns;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ns = (later.tv_sec - now.tv_sec) * 1000000000ll + later.tv_nsec -
	     now.tv_nsec;
	CHECK(ns > 500000000 && ns <= 1500000000);
	CHECK(later.tv_nsec >= 0 && later.tv_nsec < 1000000000);
}
