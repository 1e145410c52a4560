/*
 * peek.c - agora peek: show the next message and leave it where it is.
 */
#include "tool.h"

#include <errno.h>
#include <stdlib.h>

static const char doc[] =
	"Print the message that would be taken next, and leave it."
	"\v"
	"Exits with 1 when there is none.\n\n"
	"Examples:\n"
	"  agora peek weather/alerts.queue\n";

struct arguments {
	const char *words[1];
	bool raw;
};

static const struct argp_option options[] = {
	{"raw", 'r', NULL, 0, "Print the bytes only, add no newline", 0}, {0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	static const struct tool_words words = {{"PATH"}, 1, 1};
	struct arguments *a = state->input;

	if (key != 'r')
		return tool_words(key, arg, state, &words, a->words);
	a->raw = true;
	return 0;
}

static const struct argp argp = {.options = options,
	.parser = parse,
	.args_doc = "PATH",
	.doc = doc,
	.children = tool_children};

static int peek(const struct arguments *a, struct agora_object *object)
{
	const char *type = a->raw ? "bytes" : agora_object_type(object);
	struct agora_buffer buffer = {0};
	struct text out = {0};
	int r;

	do {
		r = agora_object_peek(object, &buffer);
	} while (tool_grow(&buffer, &r));
	if (r == 0)
		r = text_message(&out, type, buffer.data, buffer.size);
	free(buffer.data);
	if (r == -EAGAIN)
		return tool_say(a->words[0], "empty");
	if (r < 0)
		return tool_error(a->words[0], r);
	return tool_print(&out, r);
}

int peek_main(int argc, char **argv)
{
	struct arguments a = {0};
	struct agora_object *object;
	int r;

	tool_parse(&argp, argc, argv, &a);
	r = tool_open(a.words[0], AGORA_READ, AGORA_CAN_POP, &object);
	if (r)
		return r;
	r = peek(&a, object);
	agora_object_close(object);
	return r;
}
