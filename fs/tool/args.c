/*
 * args.c - arguments that all subcommands take, and how they are refused.
 *
 * Wrong use is one line. argp would add "Try ... --help" to it, which it
 * does not when it has no stream for errors; the line itself then comes
 * from getopt or from tool_wrong().
 */
#include "tool.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool json;

bool tool_json(void)
{
	return json;
}

static error_t parse_common(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case ARGP_KEY_INIT:
		state->err_stream = NULL;
		return 0;
	case 'S':
		if (!*arg)
			tool_wrong(state, "--space needs a directory");
		tool_set_space(arg);
		return 0;
	case 'J':
		json = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option space_options[] = {
	{"space", 'S', "DIR", 0,
		"The space; else $AGORA_SPACE, else /dev/shm/agora-UID", -2},
	{0}};

static const struct argp_option json_options[] = {
	{"json", 'J', NULL, 0, "Print JSON", -2}, {0}};

static const struct argp space_argp = {
	.options = space_options, .parser = parse_common};
static const struct argp json_argp = {
	.options = json_options, .parser = parse_common};

const struct argp_child tool_children[] = {{&space_argp, 0, NULL, 0}, {0}};
const struct argp_child tool_json_children[] = {
	{&space_argp, 0, NULL, 0}, {&json_argp, 0, NULL, 0}, {0}};

void tool_parse(const struct argp *argp, int argc, char **argv, void *input)
{
	if (argp_parse(argp, argc, argv, 0, NULL, input) != 0)
		exit(TOOL_WRONG);
}

void tool_wrong(const struct argp_state *state, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s: ", state->name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(TOOL_WRONG);
}

error_t tool_words(int key, char *arg, struct argp_state *state,
	const struct tool_words *expected, const char **words)
{
	switch (key) {
	case ARGP_KEY_ARG:
		if (state->arg_num >= expected->max)
			tool_wrong(state, "'%s' is one argument too many", arg);
		words[state->arg_num] = arg;
		return 0;
	case ARGP_KEY_END:
		if (state->arg_num < expected->min)
			tool_wrong(state, "%s is missing",
				expected->names[state->arg_num]);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Read a number; *ret_end is what follows it. */
static bool number(const char *arg, uint64_t *ret_number, char **ret_end)
{
	if (*arg < '0' || *arg > '9')
		return false;
	errno = 0;
	*ret_number = strtoull(arg, ret_end, 10);
	return errno == 0;
}

/* The factor that a suffix stands for, or 0. */
static uint64_t factor(const char *suffix)
{
	if (!*suffix)
		return 1;
	if (suffix[1])
		return 0;
	switch (*suffix) {
	case 'K':
	case 'k':
		return (uint64_t)1 << 10;
	case 'M':
	case 'm':
		return (uint64_t)1 << 20;
	case 'G':
	case 'g':
		return (uint64_t)1 << 30;
	default:
		return 0;
	}
}

uint64_t tool_size(
	const struct argp_state *state, const char *option, const char *arg)
{
	uint64_t size;
	char *end;

	if (!number(arg, &size, &end) || !factor(end) ||
		__builtin_mul_overflow(size, factor(end), &size))
		tool_wrong(state, "%s: '%s' is not a size", option, arg);
	return size;
}

uint64_t tool_number(
	const struct argp_state *state, const char *option, const char *arg)
{
	uint64_t n;
	char *end;

	if (!number(arg, &n, &end) || *end)
		tool_wrong(state, "%s: '%s' is not a number", option, arg);
	return n;
}

uint64_t tool_count(
	const struct argp_state *state, const char *option, const char *arg)
{
	uint64_t count;
	char *end;

	if (strcmp(arg, "all") == 0)
		return UINT64_MAX;
	if (!number(arg, &count, &end) || *end || !count)
		tool_wrong(state, "%s: '%s' is not a number from 1, or all",
			option, arg);
	return count;
}
