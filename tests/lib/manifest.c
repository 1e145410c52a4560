/* manifest.c - what programs may say of themselves, and what others wrote. */
#include "programs.h"

static void check_refused(struct agora_program_options options)
{
	struct agora_program *program;

	CHECK_ERROR(-EINVAL, agora_program_create(space, "bad", &options));
	CHECK_ERROR(-EINVAL,
		agora_program_register(space, "bad", &options, &program));
	CHECK_OK(agora_program_register(space, "good", NULL, &program));
	CHECK_ERROR(-EINVAL, agora_program_declare(program, &options));
	agora_program_unregister(program);
	check_tidy("good", 0);
}

TEST(what_would_not_be_one_line_is_refused)
{
	static const char *const docs[] = {
		"two\nlines", "\r", "\x1b[2J", "a\xc2\x85", "\xff"};
	static const char *const tags[] = {"", "=v", "a\nb", "a=b\nc", ".a",
		"a/b", "a=\x7f", "\xff", "a=\xc3"};
	const char *list[] = {NULL, NULL};

	for (size_t i = 0; i < sizeof(docs) / sizeof(*docs); i++)
		check_refused((struct agora_program_options){.doc = docs[i]});
	for (size_t i = 0; i < sizeof(tags) / sizeof(*tags); i++) {
		list[0] = tags[i];
		check_refused((struct agora_program_options){.tags = list});
	}
	check_refused((struct agora_program_options){.reserved = {0, 0, 0, 1}});
	check_refused((struct agora_program_options){.mode = 0100755});
	check_refused((struct agora_program_options){.pid = -1});
}

TEST(a_description_of_more_than_64_kib_is_refused)
{
	static char doc[70000];
	const struct agora_program_options options = {.doc = doc};

	memset(doc, 'd', sizeof(doc) - 1);
	check_refused(options);
	doc[65500] = 0;
	CHECK_OK(agora_program_create(space, "fits", &options));
	CHECK(!is_alive("fits"));
}

/* ---- what others wrote ---------------------------------------------- */

static void check_damaged(const char *text, size_t size)
{
	struct agora_program_info *info;

	put_file("p/.program", text, size);
	CHECK_ERROR(-EUCLEAN, agora_program_info(space, "p", &info));
}

#define CHECK_DAMAGED(text) check_damaged(text, sizeof(text) - 1)

TEST(what_is_no_manifest_is_euclean)
{
	static char large[65537];
	struct agora_program_info *info;

	CHECK_OK(agora_program_create(space, "p", NULL));
	CHECK_DAMAGED("program p");
	CHECK_DAMAGED("program p\ndoc\n");
	CHECK_DAMAGED("\n");
	CHECK_DAMAGED(" x\n");
	CHECK_DAMAGED("doc a\0b\n");
	CHECK_DAMAGED("doc \xff\n");
	CHECK_DAMAGED("doc \x1b[2J\n");
	CHECK_DAMAGED("unknown \xc3\n");
	CHECK_DAMAGED("pid 0\n");
	CHECK_DAMAGED("pid -1\n");
	CHECK_DAMAGED("pid 1x\n");
	CHECK_DAMAGED("pid 99999999999\n");
	CHECK_DAMAGED("pid 99999999999999999999\n");
	CHECK_DAMAGED("since yesterday\n");
	CHECK_DAMAGED("since 2026-11-23T05:15:00Z\n");
	CHECK_DAMAGED("since 2026-11-23T05:15:00.12345678xZ\n");
	CHECK_DAMAGED("since 2026-13-23T05:15:00.123456789Z\n");
	CHECK_DAMAGED("tag a/b\n");
	CHECK_DAMAGED("tag =\n");
	memset(large, 'x', sizeof(large));
	memcpy(large, "doc ", 4);
	large[65536] = '\n';
	check_damaged(large, sizeof(large));
	CHECK_SYS(unlinkat(agora_space_fd(space), "p/.program", 0));
	CHECK_SYS(
		symlinkat("/etc/passwd", agora_space_fd(space), "p/.program"));
	CHECK_ERROR(-EUCLEAN, agora_program_info(space, "p", &info));
	CHECK_SYS(unlinkat(agora_space_fd(space), "p/.program", 0));
	CHECK_SYS(mkfifoat(agora_space_fd(space), "p/.program", 0644));
	CHECK_ERROR(-EUCLEAN, agora_program_info(space, "p", &info));
}

TEST(a_damaged_manifest_is_replaced_by_registering)
{
	struct agora_program *program;

	CHECK_OK(agora_program_create(space, "p", NULL));
	CHECK_DAMAGED("\xff");
	CHECK_OK(agora_program_register(space, "p", NULL, &program));
	CHECK(is_alive("p"));
	agora_program_unregister(program);
}

TEST(keys_of_later_versions_are_skipped)
{
	static const char text[] = "accepts utf8/url at fetch.queue\n"
				   "pid 2147483647\n"
				   "since 2026-11-23T05:15:00.123456789Z\n"
				   "tag a=b=c\n"
				   "doc first\n"
				   "doc  gr\xc3\xbc\xc3\x9f\n";
	struct agora_program_info *info;

	CHECK_OK(agora_program_create(space, "p", NULL));
	put_file("p/.program", text, sizeof(text) - 1);
	CHECK_OK(agora_program_info(space, "p", &info));
	CHECK_EQ(2147483647, info->pid);
	CHECK_EQ(1795410900, info->since.tv_sec);
	CHECK_EQ(123456789, info->since.tv_nsec);
	CHECK_STR("a=b=c", info->tags[0]);
	CHECK_STR(" gr\xc3\xbc\xc3\x9f", info->doc);
	agora_program_info_free(info);
}
