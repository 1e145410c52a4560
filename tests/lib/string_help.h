/* string_help.h - what the drivers of strings share. */
#ifndef TESTS_LIB_STRING_HELP_H
#define TESTS_LIB_STRING_HELP_H

#include "driver.h"

/* All are built a second time for strings with one writer. */
#ifndef WRITERS
#define WRITERS AGORA_WRITERS_MANY
#endif

#define PATH "p/s.string"

static unsigned char data[1 << 20], other[1 << 20];

static struct agora_string *open_with(const struct agora_options *given)
{
	struct agora_options options = {.writers = WRITERS};
	struct agora_string *s;
	int error = agora_program_create(space, "p", NULL);

	CHECK(!error || error == -EEXIST);
	if (given)
		options = *given;
	if (!options.writers)
		options.writers = WRITERS;
	CHECK_OK(agora_string_open(
		space, PATH, AGORA_WRITE | AGORA_CREATE, &options, &s));
	return s;
}

static struct agora_string *open_again(uint32_t flags)
{
	struct agora_string *s;

	CHECK_OK(agora_string_open(space, PATH, flags, NULL, &s));
	return s;
}

__attribute__((unused)) static int store(
	struct agora_string *s, const char *value)
{
	return agora_string_store(s, value, strlen(value));
}

/* The value as a string; NULL when there is none. */
__attribute__((unused)) static const char *load(struct agora_string *s)
{
	static char text[1000];
	struct agora_buffer b = {.data = text, .capacity = sizeof(text) - 1};
	int error = agora_string_load(s, &b);

	if (error == -ENOENT)
		return NULL;
	CHECK_OK(error);
	text[b.size] = 0;
	return text;
}

static uint64_t version(struct agora_string *s)
{
	uint64_t v;

	CHECK_OK(agora_string_version(s, &v));
	return v;
}

/* All blocks are free or of the values that the structure keeps. */
static void check_accounts(struct agora_string *s, uint64_t count)
{
	struct agora_check report;
	struct agora_stat stat;

	CHECK_OK(agora_object_check(agora_string_object(s), 0, &report));
	CHECK_OK(agora_object_stat(agora_string_object(s), &stat));
	CHECK_EQ(count, stat.count);
	CHECK_EQ(1, stat.capacity);
	CHECK_EQ(0, report.owned);
	CHECK_EQ(0, report.held);
	CHECK_EQ(report.blocks, report.free + report.published + report.parts);
	if (WRITERS == AGORA_WRITERS_MANY)
		CHECK_EQ(version(s) != 0, report.published);
	else
		CHECK(report.published <= 2);
}

#endif
