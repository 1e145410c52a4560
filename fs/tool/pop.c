/*
 * pop.c - agora pop: take messages and print them.
 *
 * A message is claimed, printed, and only then released: killed anywhere, a
 * pop loses nothing, and what it had claimed is delivered to somebody else.
 */
#include "tool.h"

#include <errno.h>
#include <stdlib.h>

#define PIECE 65536

static const char doc[] =
	"Take messages and print them."
	"\v"
	"A message of a text type ends with a newline; where messages have "
	"priorities, PRIORITY and a tab stand before it. Exits with 1 when "
	"there is none at once; --wait waits. A message counts as taken when "
	"it was written out.\n\n"
	"Examples:\n"
	"  agora pop weather/alerts.queue\n"
	"  agora pop -n all weather/alerts.queue > alerts.txt\n"
	"  agora pop -n all --wait weather/jobs.queue | while read job; do "
	"...; done\n"
	"  agora pop --raw camera/frames.queue > frame.png\n"
	"  agora pop --back weather/notes.list\n"
	"  agora pop --json weather/jobs.heap | jq -r .message\n";

enum { BACK = 256 };

struct arguments {
	const char *words[1];
	uint64_t count;
	bool wait;
	bool back;
	bool raw;
};

static const struct argp_option options[] = {
	{"count", 'n', "N", 0, "Take N messages, or all", 0},
	{"wait", 'w', NULL, 0, "Wait for messages", 0},
	{"back", BACK, NULL, 0, "The last one, of a list", 0},
	{"raw", 'r', NULL, 0, "Print the bytes of messages only", 0}, {0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	static const struct tool_words words = {{"PATH"}, 1, 1};
	struct arguments *a = state->input;

	switch (key) {
	case 'n':
		a->count = tool_count(state, "-n", arg);
		return 0;
	case BACK:
		a->back = true;
		return 0;
	case 'w':
		a->wait = true;
		return 0;
	case 'r':
		a->raw = true;
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

struct pop {
	const struct arguments *a;
	struct agora_object *object;
	struct agora_list *list; /* the same, where the back is meant */
	struct tool_look look;
	struct text out;
	struct text whole; /* a message that is not in one piece */
};

/* Print what is not in one piece. Sets *ret_write if writing failed. */
static int print_pieces(
	struct pop *pop, const struct agora_message *message, int *ret_write)
{
	static char piece[PIECE];
	size_t at = 0;
	int n, r;

	pop->out.size = 0;
	r = text_priority(&pop->out, pop->look.traits, message->priority);
	if (r < 0)
		return r;
	*ret_write = tool_write(pop->out.data, pop->out.size);
	while (at < message->size && *ret_write == 0) {
		n = agora_object_read(
			pop->object, message, at, piece, sizeof(piece));
		if (n <= 0)
			return n < 0 ? n : -EUCLEAN;
		*ret_write = tool_write(piece, (size_t)n);
		at += (size_t)n;
	}
	if (*ret_write == 0 && agora_type_is_lines(pop->look.type))
		*ret_write = tool_write("\n", 1);
	return 0;
}

/* Copy what is not in one piece. */
static int gather(struct pop *pop, const struct agora_message *message)
{
	static char piece[PIECE];
	int n, r = 0;

	pop->whole.size = 0;
	while (r == 0 && pop->whole.size < message->size) {
		n = agora_object_read(pop->object, message, pop->whole.size,
			piece, sizeof(piece));
		if (n <= 0)
			return n < 0 ? n : -EUCLEAN;
		r = text_append(&pop->whole, piece, (size_t)n);
	}
	return r;
}

/* Print a claimed message. Sets *ret_write if writing failed. */
static int print(
	struct pop *pop, const struct agora_message *message, int *ret_write)
{
	struct text_said said = {
		message->data, message->size, message->priority};
	int r = 0;

	*ret_write = 0;
	if (!message->data && message->size) {
		if (!tool_json())
			return print_pieces(pop, message, ret_write);
		r = gather(pop, message);
		said.data = pop->whole.data;
	}
	pop->out.size = 0;
	if (r == 0)
		r = tool_show_message(&pop->out, &pop->look, &said);
	if (r == 0)
		*ret_write = tool_write(pop->out.data, pop->out.size);
	return r;
}

/* Take one message. Returns 0, an exit status, or a negative errno. */
static int take(struct pop *pop)
{
	struct agora_message message;
	int written;
	int r = pop->list ? agora_list_acquire_back(pop->list, &message)
			  : agora_object_acquire(pop->object, &message);

	if (r < 0)
		return r;
	r = print(pop, &message, &written);
	if (r == 0 && written == 0)
		return agora_object_release(pop->object, &message);
	agora_object_restore(pop->object, &message);
	if (r < 0)
		return r;
	agora_object_close(pop->object); /* writing may have ended us */
	pop->object = NULL;
	return tool_write_failed(written);
}

/* The queue is empty: returns 0 to try again, or an exit status. */
static int empty(struct pop *pop, uint64_t taken)
{
	int r;

	if (!pop->a->wait)
		return taken ? -EAGAIN : tool_say(pop->a->words[0], "empty");
	agora_object_yield(pop->object);
	r = tool_wait(pop->object, AGORA_READABLE, 0);
	if (r == -EINTR)
		return tool_stopped();
	return r < 0 ? tool_error(pop->a->words[0], r) : 0;
}

static int pop_messages(struct pop *pop)
{
	uint64_t taken = 0;
	int r;

	while (taken < pop->a->count) {
		if (tool_stopped())
			return tool_stopped();
		r = take(pop);
		if (r == 0) {
			taken++;
			continue;
		}
		if (r == -EAGAIN)
			r = empty(pop, taken);
		if (r == -EAGAIN)
			return TOOL_DONE;
		if (r < 0)
			return tool_error(pop->a->words[0], r);
		if (r > 0)
			return r;
	}
	return TOOL_DONE;
}

/* Returns 0 or, after a line, an exit status. */
static int open_object(struct pop *pop)
{
	const char *path = pop->a->words[0];
	int r;

	if (!pop->a->back)
		return tool_open(
			path, AGORA_WRITE, AGORA_CAN_POP, &pop->object);
	r = tool_open_list(path, AGORA_WRITE, "back", &pop->list);
	if (r == 0)
		pop->object = agora_list_object(pop->list);
	return r;
}

int pop_main(int argc, char **argv)
{
	struct arguments a = {.count = 1};
	struct pop pop = {.a = &a};
	int r;

	tool_parse(&argp, argc, argv, &a);
	tool_catch();
	r = open_object(&pop);
	if (r)
		return r;
	pop.look = tool_look(pop.object, a.raw);
	r = pop_messages(&pop);
	text_free(&pop.out);
	text_free(&pop.whole);
	agora_object_close(pop.object);
	return r;
}
