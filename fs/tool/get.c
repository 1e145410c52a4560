/*
 * get.c - agora get: print the value of a key.
 */
#include "tool.h"

#include <errno.h>
#include <stdlib.h>

static const char doc[] =
	"Print the value of a key; of a text type with a newline."
	"\v"
	"KEY is written as agora ls shows it: a backslash as \\\\, bytes that "
	"cannot be shown as \\xHH. Exits with 1 when there is no such key.\n\n"
	"Examples:\n"
	"  agora get weather/prices.table umbrella\n"
	"  agora get --raw camera/frames.table left > left.png\n";

struct arguments {
	const char *words[2];
	bool raw;
};

static const struct argp_option options[] = {
	{"raw", 'r', NULL, 0, "Print the bytes only, add no newline", 0}, {0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	static const struct tool_words words = {{"PATH", "KEY"}, 2, 2};
	struct arguments *a = state->input;

	if (key != 'r')
		return tool_words(key, arg, state, &words, a->words);
	a->raw = true;
	return 0;
}

static const struct argp argp = {.options = options,
	.parser = parse,
	.args_doc = "PATH KEY",
	.doc = doc,
	.children = tool_json_children};

static int get(const struct arguments *a, struct agora_object *object,
	const struct text *key)
{
	const struct tool_look look = tool_look(object, a->raw);
	struct agora_buffer value = {0};
	struct text out = {0};
	int r;

	do {
		r = agora_object_get(object, key->data, key->size, &value);
	} while (tool_grow(&value, &r));
	if (r == 0)
		r = tool_show_value(&out, &look, &value);
	free(value.data);
	if (r == -ENOENT)
		return tool_say(
			a->words[0], "there is no key '%s'", a->words[1]);
	if (r == -EINVAL)
		return tool_say(a->words[0], "a key of %zu bytes is too long",
			key->size);
	if (r < 0)
		return tool_error(a->words[0], r);
	return tool_print(&out, r);
}

int get_main(int argc, char **argv)
{
	struct arguments a = {0};
	struct agora_object *object;
	struct text key = {0};
	int r;

	tool_parse(&argp, argc, argv, &a);
	r = tool_key(a.words[1], &key);
	if (r == 0)
		r = tool_open(a.words[0], AGORA_READ, AGORA_CAN_GET, &object);
	if (r == 0) {
		r = get(&a, object, &key);
		agora_object_close(object);
	}
	text_free(&key);
	return r;
}
