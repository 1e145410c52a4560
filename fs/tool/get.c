/*
 * get.c - agora get: print a value, that of a key or the only one.
 */
#include "tool.h"

#include <errno.h>
#include <stdlib.h>

static const char doc[] =
	"Print the value of a key, or that of an object which is one value; of "
	"a text type with a newline. Of a set, only the exit status tells "
	"whether KEY is in it."
	"\v"
	"KEY is written as agora ls shows it: a backslash as \\\\, bytes that "
	"cannot be shown as \\xHH. Exits with 1 when there is no such key, or "
	"no value.\n\n"
	"Examples:\n"
	"  agora get weather/prices.table umbrella\n"
	"  agora get --raw camera/frames.table left > left.png\n"
	"  agora get weather/mode.string\n"
	"  agora get --json weather/mode.string | jq .version\n"
	"  agora get weather/members.set bob && echo welcome\n";

struct arguments {
	const char *words[2];
	bool raw;
};

static const struct argp_option options[] = {
	{"raw", 'r', NULL, 0, "Print the bytes only, add no newline", 0}, {0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	static const struct tool_words words = {{"PATH", "KEY"}, 1, 2};
	struct arguments *a = state->input;

	if (key != 'r')
		return tool_words(key, arg, state, &words, a->words);
	a->raw = true;
	return 0;
}

static const struct argp argp = {.options = options,
	.parser = parse,
	.args_doc = "PATH [KEY]",
	.doc = doc,
	.children = tool_json_children};

/* Copy the value of a key, or the only one where key is NULL. */
static int copy(struct agora_object *object, const struct text *key,
	struct agora_buffer *value)
{
	int r;

	do {
		r = key ? agora_object_get(object, key->data, key->size, value)
			: agora_object_load(object, value);
	} while (tool_grow(value, &r));
	return r;
}

/* Say why there is no value. */
static int fail(const struct arguments *a, size_t key_size, int error)
{
	if (error == -ENOENT && !a->words[1])
		return tool_say(a->words[0], "there is no value");
	return tool_key_error(a->words[0], a->words[1], key_size, error);
}

static int get(const struct arguments *a, struct agora_object *object,
	const struct text *key)
{
	const struct tool_look look = tool_look(object, a->raw);
	struct agora_buffer value = {0};
	struct text out = {0};
	int r = copy(object, key, &value);

	if (r < 0) {
		free(value.data);
		return fail(a, key ? key->size : 0, r);
	}
	if (!(agora_object_kind(object)->traits & AGORA_MEMBERS))
		r = tool_show_value(&out, &look, &value);
	free(value.data);
	return tool_print(&out, r);
}

int get_main(int argc, char **argv)
{
	struct arguments a = {0};
	struct agora_object *object;
	struct text key = {0};
	bool keyed;
	int r;

	tool_parse(&argp, argc, argv, &a);
	r = tool_wants_key(a.words[0], a.words[1], &keyed);
	if (r == 0 && keyed)
		r = tool_key(a.words[1], &key);
	if (r == 0)
		r = tool_open(a.words[0], AGORA_READ,
			keyed ? AGORA_CAN_GET : AGORA_CAN_LOAD, &object);
	if (r == 0) {
		r = get(&a, object, keyed ? &key : NULL);
		agora_object_close(object);
	}
	text_free(&key);
	return r;
}
