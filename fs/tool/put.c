/*
 * put.c - agora put: store a value under a key.
 */
#include "tool.h"

#include <errno.h>
#include <string.h>

static const char doc[] =
	"Store a value under a key, in place of the one it had. Without VALUE, "
	"all of standard input is the value; of text one final newline is "
	"dropped."
	"\v"
	"KEY is written as agora ls shows it: a backslash as \\\\, bytes that "
	"cannot be shown as \\xHH.\n\n"
	"Examples:\n"
	"  agora put weather/prices.table umbrella 12.50\n"
	"  agora put camera/frames.table left < left.png\n";

struct arguments {
	const char *words[3];
	bool raw;
};

static const struct argp_option options[] = {
	{"raw", 'r', NULL, 0, "Keep the final newline", 0}, {0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	static const struct tool_words words = {{"PATH", "KEY", "VALUE"}, 2, 3};
	struct arguments *a = state->input;

	if (key != 'r')
		return tool_words(key, arg, state, &words, a->words);
	a->raw = true;
	return 0;
}

static const struct argp argp = {.options = options,
	.parser = parse,
	.args_doc = "PATH KEY [VALUE]",
	.doc = doc,
	.children = tool_children};

/* Returns 0 or, after a line, an exit status. */
static int read_value(
	const struct arguments *a, const char *type, struct text *ret_value)
{
	int r;

	if (a->words[2]) {
		r = text_append(ret_value, a->words[2], strlen(a->words[2]));
		return r < 0 ? tool_error(a->words[0], r) : 0;
	}
	r = tool_read_all(ret_value);
	if (r < 0 && tool_stopped())
		return tool_stopped();
	if (r < 0)
		return tool_say("standard input", "%s", strerror(-r));
	if (!a->raw)
		ret_value->size =
			text_value_size(type, ret_value->data, ret_value->size);
	return 0;
}

static int put(const struct arguments *a, struct agora_object *object,
	const struct text *key)
{
	struct text value = {0};
	int r = read_value(a, agora_object_type(object), &value);

	if (r == 0) {
		r = agora_object_put(
			object, key->data, key->size, value.data, value.size);
		if (r == -EINVAL)
			r = tool_say(a->words[0],
				"a key of %zu bytes is too long", key->size);
		else if (r < 0)
			r = tool_refused(
				object, a->words[0], value.data, value.size, r);
	}
	text_free(&value);
	return r;
}

int put_main(int argc, char **argv)
{
	struct arguments a = {0};
	struct agora_object *object;
	struct text key = {0};
	int r;

	tool_parse(&argp, argc, argv, &a);
	r = tool_key(a.words[1], &key);
	if (r == 0)
		r = tool_open(a.words[0], AGORA_WRITE | AGORA_CHECK,
			AGORA_CAN_PUT, &object);
	if (r == 0) {
		tool_catch();
		r = put(&a, object, &key);
		agora_object_close(object);
	}
	text_free(&key);
	return r;
}
