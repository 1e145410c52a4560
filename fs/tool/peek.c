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

enum { BACK = 256 };

struct arguments {
	const char *words[1];
	bool raw;
	bool back;
};

static const struct argp_option options[] = {
	{"back", BACK, NULL, 0, "The last one, of a list", 0},
	{"raw", 'r', NULL, 0, "Print the bytes of the message only", 0}, {0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	static const struct tool_words words = {{"PATH"}, 1, 1};
	struct arguments *a = state->input;

	switch (key) {
	case 'r':
		a->raw = true;
		return 0;
	case BACK:
		a->back = true;
		return 0;
	default:
		return tool_words(key, arg, state, &words, a->words);
	}
}

static const struct argp argp = {.options = options,
	.parser = parse,
	.args_doc = "PATH",
	.doc = doc,
	.children = tool_json_children};

static int peek(const struct arguments *a, struct agora_object *object,
	struct agora_list *list)
{
	const struct tool_look look = tool_look(object, a->raw);
	struct agora_buffer buffer = {0};
	struct text out = {0};
	struct text_said said;
	int r;

	do {
		r = list ? agora_list_peek_back(list, &buffer)
			 : agora_object_peek(object, &buffer);
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
	struct agora_list *list = NULL;
	int r;

	tool_parse(&argp, argc, argv, &a);
	if (a.back)
		r = tool_open_list(a.words[0], AGORA_READ, "back", &list);
	else
		r = tool_open(a.words[0], AGORA_READ, AGORA_CAN_POP, &object);
	if (r)
		return r;
	if (list)
		object = agora_list_object(list);
	r = peek(&a, object, list);
	agora_object_close(object);
	return r;
}
