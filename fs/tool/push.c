/*
 * push.c - agora push: append messages, from arguments or standard input.
 */
#include "tool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PIECE   ((size_t)256 << 10)
#define LONGEST ((size_t)1 << 30) /* no message may be longer */

static const char doc[] =
	"Append messages: one for each argument, or one for each line of "
	"standard input. Where messages have priorities, each begins with its "
	"own and a tab; the least is taken first."
	"\v"
	"Waits for room when the object is full. Exits with 1 at the first "
	"message that is refused.\n\n"
	"Examples:\n"
	"  agora push weather/alerts.queue storm 'high tide'\n"
	"  seq 1000000 | agora push weather/jobs.queue\n"
	"  agora push --raw camera/frames.queue < frame.png\n"
	"  agora push --no-wait weather/alerts.queue -- -5\n"
	"  agora push weather/jobs.heap $'5\\tsweep' $'1\\tfire'\n"
	"  agora push --priority 3 weather/jobs.heap 'water the plants'\n"
	"  agora push weather/feed.log 'it rains'\n"
	"  agora push --front weather/notes.list 'read me first'\n";

enum { WAIT = 256, NO_WAIT, PRIORITY, FRONT };

struct arguments {
	const char *path;
	char **messages;
	int count;
	bool no_wait;
	bool raw;
	bool front;
	bool has_priority; /* the same for all */
	uint64_t priority;
};

static const struct argp_option options[] = {
	{"wait", WAIT, NULL, 0, "Wait for room (default)", 0},
	{"no-wait", NO_WAIT, NULL, 0, "Exit with 1 when there is no room", 0},
	{"front", FRONT, NULL, 0, "Before all others, in a list", 0},
	{"priority", PRIORITY, "N", 0, "Priority of all messages", 0},
	{"raw", 'r', NULL, 0, "All of standard input is one message", 0}, {0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case WAIT:
	case NO_WAIT:
		a->no_wait = key == NO_WAIT;
		return 0;
	case FRONT:
		a->front = true;
		return 0;
	case PRIORITY:
		a->has_priority = true;
		a->priority = tool_number(state, "--priority", arg);
		return 0;
	case 'r':
		a->raw = true;
		return 0;
	case ARGP_KEY_ARG:
		if (!a->path)
			a->path = arg;
		else
			a->messages[a->count++] = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		tool_wrong(state, "PATH is missing");
	case ARGP_KEY_END:
		if (a->raw && a->count)
			tool_wrong(state,
				"--raw reads standard input, not '%s'",
				a->messages[0]);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {.options = options,
	.parser = parse,
	.args_doc = "PATH [MESSAGE...]",
	.doc = doc,
	.children = tool_children};

struct push {
	const struct arguments *a;
	struct agora_object *object;
	struct agora_list *list; /* the same, where the front is meant */
	uint32_t traits;         /* of the messages that are given */
	bool priorities;         /* of those that are pushed */
};

static int try_push(const struct push *push, const struct text_said *said)
{
	if (push->list)
		return agora_list_push_front(
			push->list, said->data, said->size, NULL);
	if (push->priorities)
		return agora_object_push_priority(
			push->object, said->priority, said->data, said->size);
	return agora_object_push(push->object, said->data, said->size);
}

static int wait_and_push(const struct push *push, const struct text_said *said)
{
	if (push->list)
		return agora_list_push_front_wait(
			push->list, said->data, said->size, NULL, NULL);
	if (push->priorities)
		return agora_object_push_priority_wait(push->object,
			said->priority, said->data, said->size, NULL);
	return agora_object_push_wait(
		push->object, said->data, said->size, NULL);
}

static int push_said(struct push *push, const struct text_said *said)
{
	int r = try_push(push, said);

	while ((r == -EAGAIN && !push->a->no_wait) || r == -EINTR) {
		if (tool_stopped())
			return tool_stopped();
		r = wait_and_push(push, said);
	}
	/* the next may be long in coming: leave the producer's role to others
	 */
	agora_object_yield(push->object);
	if (r == 0)
		return 0;
	if (r == -EAGAIN)
		return tool_say(push->a->path, "full");
	return tool_refused(
		push->object, push->a->path, said->data, said->size, r);
}

/* Push what was given. Returns 0 or, after a line, an exit status. */
static int push_one(struct push *push, const void *data, size_t size)
{
	struct text_said said;
	size_t at;

	if (text_message_parse(push->traits, data, size, &said, &at) < 0)
		return tool_say(push->a->path,
			"not PRIORITY<TAB>MESSAGE at byte %zu", at);
	if (push->a->has_priority)
		said.priority = push->a->priority;
	return push_said(push, &said);
}

static int push_arguments(struct push *push)
{
	const struct arguments *a = push->a;
	int i, r = 0;

	for (i = 0; i < a->count && r == 0; i++)
		r = push_one(push, a->messages[i], strlen(a->messages[i]));
	return r;
}

static int input_failed(const struct push *push, int error)
{
	if (error == -EINTR && tool_stopped())
		return tool_stopped();
	if (error == -EMSGSIZE)
		return tool_error(push->a->path, error);
	return tool_say("standard input", "%s", strerror(-error));
}

static int push_raw(struct push *push)
{
	struct text input = {0};
	int r = tool_read_all(&input);

	if (r < 0)
		r = input_failed(push, r);
	else
		r = push_one(push, input.data ? input.data : "", input.size);
	text_free(&input);
	return r;
}

/* Push the lines that end in data. Returns 0 or an exit status. */
static int push_lines(struct push *push, struct text_lines *lines,
	const char *data, size_t size)
{
	struct text_line line;
	int r;

	while (size) {
		r = text_lines_next(lines, data, size, &line);
		if (r <= 0)
			return r < 0 ? input_failed(push, r) : 0;
		r = push_one(push, line.data, line.size);
		if (r)
			return r;
		text_lines_accept(lines);
		data += line.used;
		size -= line.used;
	}
	return 0;
}

static int push_stream(struct push *push)
{
	static char piece[PIECE];
	struct text_lines lines = {.limit = LONGEST};
	struct text_line line;
	ssize_t n;
	int r = 0;

	while (r == 0 && (n = tool_read(piece, sizeof(piece))) != 0)
		r = n < 0 ? input_failed(push, (int)n)
			  : push_lines(push, &lines, piece, (size_t)n);
	if (r == 0 && text_lines_finish(&lines, &line))
		r = push_one(push, line.data, line.size);
	text_lines_free(&lines);
	return r;
}

static int push_all(struct push *push)
{
	if (push->a->raw)
		return push_raw(push);
	if (push->a->count)
		return push_arguments(push);
	return push_stream(push);
}

/* Look at the kind. Returns 0 or, after a line, an exit status. */
static int check(struct push *push)
{
	const struct arguments *a = push->a;
	const struct agora_kind *kind;
	int r = tool_check_path(a->path, &kind);

	if (r)
		return r;
	push->priorities = kind->traits & AGORA_PRIORITIES;
	if (a->has_priority && !push->priorities) {
		tool_say(a->path, "a %s has no priorities", kind->name);
		return TOOL_WRONG;
	}
	push->traits = a->has_priority ? 0 : kind->traits;
	return 0;
}

/* Returns 0 or, after a line, an exit status. */
static int open_object(struct push *push)
{
	const uint32_t flags = AGORA_WRITE | AGORA_CHECK;
	const char *path = push->a->path;
	int r = check(push);

	if (r)
		return r;
	if (!push->a->front)
		return tool_open(path, flags, AGORA_CAN_PUSH, &push->object);
	r = tool_open_list(path, flags, "front", &push->list);
	if (r == 0)
		push->object = agora_list_object(push->list);
	return r;
}

int push_main(int argc, char **argv)
{
	struct arguments a = {0};
	struct push push = {.a = &a};
	int r;

	a.messages = calloc((size_t)argc + 1, sizeof(*a.messages));
	if (!a.messages)
		return tool_error("arguments", -ENOMEM);
	tool_parse(&argp, argc, argv, &a);
	tool_catch();
	r = open_object(&push);
	if (r == 0) {
		r = push_all(&push);
		agora_object_close(push.object);
	}
	free(a.messages);
	return r;
}
