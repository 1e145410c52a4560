/*
 * follow.c - agora follow: print the value that a reference names.
 */
#include "tool.h"

#include <agora/reference.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char doc[] =
	"Print the value that REFERENCE names, of a text type with a newline; "
	"without REFERENCE those of the lines of standard input."
	"\v"
	"A reference is PROGRAM/OBJECT[#KEY][@VERSION]: a table's or a map's "
	"value with its KEY, or that of a string. In each part %, #, @, spaces "
	"and what cannot be shown are %XX. Exits with 1 when there is no such "
	"value, or when it has another version by now: the message tells "
	"which.\n\n"
	"Examples:\n"
	"  agora follow 'weather/prices.table#umbrella'\n"
	"  agora follow weather/mode.string@3\n"
	"  agora follow --latest weather/mode.string@3\n"
	"  agora pop weather/jobs.queue | agora follow\n";

struct arguments {
	const char *words[1];
	bool raw;
	bool latest;
};

static const struct argp_option options[] = {
	{"latest", 'l', NULL, 0,
		"Print the present value, whatever its version", 0},
	{"raw", 'r', NULL, 0, "Print the bytes only, add no newline", 0}, {0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	static const struct tool_words words = {{"REFERENCE"}, 0, 1};
	struct arguments *a = state->input;

	switch (key) {
	case 'r':
		a->raw = true;
		return 0;
	case 'l':
		a->latest = true;
		return 0;
	default:
		return tool_words(key, arg, state, &words, a->words);
	}
}

static const struct argp argp = {.options = options,
	.parser = parse,
	.args_doc = "[REFERENCE]",
	.doc = doc,
	.children = tool_json_children};

/* Say why a value was not found, or was another one. */
static int refuse(const char *shown, int error, uint64_t present)
{
	if (error == -ENOENT)
		return tool_say(shown, "there is no such value");
	if (error == -ESTALE)
		return tool_say(shown, "stale: its version is %" PRIu64 " now",
			present);
	return tool_error(shown, error);
}

static int copy(struct agora_object *object, const struct agora_reference *r,
	struct agora_buffer *value)
{
	int error;

	do {
		error = r->has_key ? agora_object_get(
					     object, r->key, r->key_size, value)
				   : agora_object_load(object, value);
	} while (tool_grow(value, &error));
	if (!error && r->version && r->version != value->version)
		error = -ESTALE;
	return error;
}

static int show(const struct arguments *a, struct agora_object *object,
	const struct agora_reference *r, const char *shown)
{
	const struct tool_look look = tool_look(object, a->raw);
	struct agora_buffer value = {0};
	struct text out = {0};
	int error = copy(object, r, &value);

	if (error == -ESTALE && a->latest)
		error = 0;
	if (error) {
		free(value.data);
		return refuse(shown, error, value.version);
	}
	error = tool_show_value(&out, &look, &value);
	free(value.data);
	return tool_print(&out, error);
}

/* Follow one; shown is its text as a string. */
static int follow(const struct arguments *a, const char *shown, size_t size)
{
	static struct agora_reference r;
	const struct agora_kind *kind;
	struct agora_object *object;
	int status;

	if (agora_reference_parse(shown, size, &r)) {
		tool_say(shown, "not a reference: see agora follow --help");
		return TOOL_WRONG;
	}
	status = tool_check_path(r.path, &kind);
	if (status)
		return status;
	if (r.has_key != (kind->shape == AGORA_KEYED)) {
		tool_say(shown,
			r.has_key ? "a %s has no keys"
				  : "a %s needs a key: #KEY",
			kind->name);
		return TOOL_WRONG;
	}
	status = tool_open(r.path, AGORA_READ,
		r.has_key ? AGORA_CAN_GET : AGORA_CAN_LOAD, &object);
	if (status)
		return status;
	status = show(a, object, &r, shown);
	agora_object_close(object);
	return status;
}

/* Each line; the status is that of the last that failed. */
static int follow_lines(const struct arguments *a)
{
	struct text in = {0};
	int error = tool_read_all(&in), status = TOOL_DONE;
	char *line = in.data, *end = in.data + in.size;

	if (error)
		return tool_error("standard input", error);
	while (line < end) {
		char *stop = memchr(line, '\n', (size_t)(end - line));
		char *shown;
		int one;

		if (!stop)
			stop = end;
		shown = strndup(line, (size_t)(stop - line));
		one = shown ? follow(a, shown, (size_t)(stop - line))
			    : tool_error("standard input", -ENOMEM);
		free(shown);
		status = one ? one : status;
		line = stop + 1;
	}
	text_free(&in);
	return status;
}

int follow_main(int argc, char **argv)
{
	struct arguments a = {0};

	tool_parse(&argp, argc, argv, &a);
	if (!a.words[0])
		return follow_lines(&a);
	return follow(&a, a.words[0], strlen(a.words[0]));
}
