/*
 * del.c - agora del: remove a key.
 */
#include "tool.h"

static const char doc[] =
	"Remove a key and its value, or a member."
	"\v"
	"KEY is written as agora ls shows it: a backslash as \\\\, bytes that "
	"cannot be shown as \\xHH. Exits with 1 when there is no such key.\n\n"
	"Examples:\n"
	"  agora del weather/prices.table umbrella\n"
	"  agora del weather/members.set bob\n";

struct arguments {
	const char *words[2];
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	static const struct tool_words words = {{"PATH", "KEY"}, 2, 2};
	struct arguments *a = state->input;

	return tool_words(key, arg, state, &words, a->words);
}

static const struct argp argp = {.parser = parse,
	.args_doc = "PATH KEY",
	.doc = doc,
	.children = tool_children};

static int del(const struct arguments *a, struct agora_object *object,
	const struct text *key)
{
	int r = agora_object_delete(object, key->data, key->size);

	if (r < 0)
		return tool_key_error(a->words[0], a->words[1], key->size, r);
	return TOOL_DONE;
}

int del_main(int argc, char **argv)
{
	struct arguments a = {0};
	struct agora_object *object;
	struct text key = {0};
	int r;

	tool_parse(&argp, argc, argv, &a);
	r = tool_key(a.words[1], &key);
	if (r == 0)
		r = tool_open(a.words[0], AGORA_WRITE, AGORA_CAN_PUT, &object);
	if (r == 0) {
		r = del(&a, object, &key);
		agora_object_close(object);
	}
	text_free(&key);
	return r;
}
