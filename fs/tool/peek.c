/*
 * peek.c - agora peek: show the next message and leave it where it is.
 */
#include "tool.h"

#include <errno.h>
#include <stdlib.h>

static const char doc[] =
	"Print the message that would be taken next, and leave it."
	"\v"
	"With priorities, PRIORITY and a tab stand before it. Exits with 1 "
	"when there is none.\n\n"
	"Examples:\n"
	"  agora peek weather/alerts.queue\n"
	"  agora peek --json weather/jobs.heap | jq .priority\n";

struct arguments {
	const char *words[1];
	bool raw;
};

static const struct argp_option options[] = {
	{"raw", 'r', NULL, 0, "Print the bytes of the message only", 0}, {0}};

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
	.children = tool_json_children};

static int peek(const struct arguments *a, struct agora_object *object)
{
	const struct tool_look look = tool_look(object, a->raw);
	struct agora_buffer buffer = {0};
	struct text out = {0};
	struct text_said said;
	int r;

	do {
		r = agora_object_peek(object, &buffer);
	} while (tool_grow(&buffer, &r));
	said = (struct text_said){buffer.data, buffer.size, buffer.priority};
	if (r == 0)
		r = tool_show_message(&out, &look, &said);
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
