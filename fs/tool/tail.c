/*
 * tail.c - agora tail: show the last messages and follow; takes nothing.
 */
#include "tool.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LOOK_AGAIN 50 /* milliseconds, where we may only read */

static const char doc[] =
	"Print the last messages of an object and take none of them."
	"\v"
	"With -f, print each new message as it is pushed, also when somebody "
	"else takes it; what was overwritten before it could be shown is "
	"counted on standard error.\n\n"
	"Examples:\n"
	"  agora tail weather/alerts.queue\n"
	"  agora tail -n all weather/alerts.queue\n"
	"  agora tail -f -n 0 weather/alerts.queue\n"
	"  agora tail -n 100 -f weather/feed.log\n"
	"  agora tail -f weather/mode.string\n";

struct arguments {
	const char *words[1];
	uint64_t count;
	bool follow;
};

static const struct argp_option options[] = {
	{"count", 'n', "N", 0, "Show the last N messages (10), or all", 0},
	{"follow", 'f', NULL, 0, "Go on with what is pushed", 0}, {0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	static const struct tool_words words = {{"PATH"}, 1, 1};
	struct arguments *a = state->input;

	switch (key) {
	case 'n':
		a->count = 0;
		if (arg[0] != '0' || arg[1])
			a->count = tool_count(state, "-n", arg);
		return 0;
	case 'f':
		a->follow = true;
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

struct tail {
	const struct arguments *a;
	struct agora_object *object;
	struct agora_buffer buffer;
	struct agora_snapshot *snapshot; /* of what cannot be walked */
	uint64_t cursor;
	uint64_t seen; /* sequence number of the last message, if any */
	bool any;
	bool may_wait; /* we can write, and so can sleep until a push */
};

/* Append what is to be printed of the message in the buffer. */
static int show(const struct tail *tail, struct text *out)
{
	const struct tool_look look = tool_look(tail->object, false);
	const struct text_said said = {
		tail->buffer.data, tail->buffer.size, tail->buffer.priority};

	return tool_show_message(out, &look, &said);
}

/* ---- what is there ---------------------------------------------------- */

/*
 * Where messages have no lasting places, note which are there. What comes
 * from here on is followed: what comes right now may be shown twice.
 */
static int begin_snapshot(struct tail *tail)
{
	int r = agora_object_end(tail->object, &tail->cursor);

	return r < 0 ? r : agora_object_snapshot(tail->object, &tail->snapshot);
}

static int look(struct tail *tail)
{
	if (tail->snapshot)
		return agora_snapshot_next(tail->snapshot, &tail->buffer);
	return agora_object_walk(tail->object, &tail->cursor, &tail->buffer);
}

static int walk(struct tail *tail)
{
	int r;

	do {
		r = look(tail);
		if (r == -EOPNOTSUPP && !tail->snapshot) {
			r = begin_snapshot(tail);
			if (r == 0)
				r = look(tail);
		}
	} while (tool_grow(&tail->buffer, &r));
	if (r == 0) {
		tail->seen = tail->buffer.version;
		tail->any = true;
	}
	return r;
}

/* The last messages: a ring of at most count. */
struct ring {
	struct text *messages;
	uint64_t used;
	uint64_t capacity;
	uint64_t next; /* the oldest, once the ring is full */
};

/* The place for one more message. */
static struct text *place(struct ring *ring, uint64_t count)
{
	uint64_t capacity = ring->capacity ? ring->capacity * 2 : 16;
	struct text *messages;

	if (count && ring->used == count) {
		messages = &ring->messages[ring->next++ % count];
		messages->size = 0;
		return messages;
	}
	if (ring->used == ring->capacity) {
		messages = reallocarray(
			ring->messages, capacity, sizeof(*messages));
		if (!messages)
			return NULL;
		ring->messages = messages;
		ring->capacity = capacity;
	}
	messages = &ring->messages[ring->used++];
	*messages = (struct text){0};
	return messages;
}

static int fill(struct tail *tail, struct ring *ring)
{
	struct text *message;
	int r;

	while ((r = walk(tail)) == 0 && !tool_stopped()) {
		message = place(ring, tail->a->count);
		if (!message)
			return -ENOMEM;
		r = show(tail, message);
		if (r < 0)
			return r;
	}
	return r == -EAGAIN ? 0 : r;
}

/* Returns an exit status. */
static int print_ring(const struct ring *ring)
{
	const struct text *message;
	uint64_t i;
	int r = 0;

	for (i = 0; i < ring->used && r == 0; i++) {
		message = &ring->messages[(ring->next + i) % ring->used];
		r = tool_write(message->data, message->size);
	}
	return r < 0 ? tool_write_failed(r) : TOOL_DONE;
}

static int show_last(struct tail *tail)
{
	struct ring ring = {0};
	uint64_t i;
	int r = fill(tail, &ring);

	if (r < 0)
		r = tool_error(tail->a->words[0], r);
	else
		r = print_ring(&ring);
	for (i = 0; i < ring.used; i++)
		text_free(&ring.messages[i]);
	free(ring.messages);
	return r;
}

/* ---- what comes ------------------------------------------------------- */

/* How many were overwritten between the last message and this one. A value
 * that was replaced is not missed. */
static uint64_t count_missed(const struct tail *tail, uint64_t cursor)
{
	const struct agora_kind *kind = agora_object_kind(tail->object);
	uint64_t sequence = tail->buffer.version;

	if (kind->shape != AGORA_SEQUENCE)
		return 0;
	if (!(kind->verbs & AGORA_CAN_POP)) /* each is at its number */
		return tail->cursor > cursor ? tail->cursor - cursor - 1 : 0;
	if (!tail->any || tail->snapshot || sequence <= tail->seen)
		return 0;
	return sequence - tail->seen - 1;
}

static void report_missed(struct tail *tail, uint64_t cursor)
{
	uint64_t missed = count_missed(tail, cursor);

	if (missed)
		tool_say(tail->a->words[0], "%" PRIu64 " messages missed",
			missed);
	tail->seen = tail->buffer.version;
	tail->any = true;
}

/* Print the next message. Returns 0, an exit status, or -errno. */
static int tap(struct tail *tail)
{
	uint64_t cursor = tail->cursor;
	struct text out = {0};
	int r;

	do {
		r = agora_object_tap(
			tail->object, &tail->cursor, &tail->buffer);
	} while (tool_grow(&tail->buffer, &r));
	if (r < 0)
		return r;
	report_missed(tail, cursor);
	r = show(tail, &out);
	if (r == 0)
		return tool_print(&out, r);
	return r;
}

/* Nothing new: returns 0 to look again, or an exit status. */
static int pause_for(struct tail *tail)
{
	int r;

	if (tool_stopped())
		return tool_stopped();
	if (!tail->may_wait) {
		tool_sleep(LOOK_AGAIN);
		return 0;
	}
	r = tool_wait(tail->object, AGORA_ADVANCED, tail->cursor);
	if (r == -EINTR)
		return tool_stopped();
	return r < 0 ? tool_error(tail->a->words[0], r) : 0;
}

static int follow(struct tail *tail)
{
	int r = 0;

	while (r == 0) {
		r = tool_stopped() ? tool_stopped() : tap(tail);
		if (r == -EAGAIN)
			r = pause_for(tail);
		else if (r < 0)
			r = tool_error(tail->a->words[0], r);
	}
	return r;
}

/* Of a value there is only the present one. */
static int show_value(struct tail *tail)
{
	int r = tap(tail);

	if (r == -EAGAIN)
		return 0;
	return r < 0 ? tool_error(tail->a->words[0], r) : r;
}

static int begin(struct tail *tail)
{
	bool value = agora_object_kind(tail->object)->shape == AGORA_VALUE;
	int r;

	if (tail->a->count)
		return value ? show_value(tail) : show_last(tail);
	r = agora_object_end(tail->object, &tail->cursor);
	return r < 0 ? tool_error(tail->a->words[0], r) : 0;
}

/* To sleep one must be a client: that needs write permission. */
static int open_object(struct tail *tail)
{
	const char *path = tail->a->words[0];
	const struct agora_kind *kind;
	int r = tool_check_path(path, &kind);

	if (r)
		return r;
	if (!tail->a->follow || !(kind->verbs & AGORA_CAN_WALK))
		return tool_open(
			path, AGORA_READ, AGORA_CAN_WALK, &tail->object);
	r = agora_object_open(
		tool_space(), path, AGORA_WRITE, NULL, &tail->object);
	tail->may_wait = r == 0;
	if (r == 0)
		return 0;
	return tool_open(path, AGORA_READ, AGORA_CAN_WALK, &tail->object);
}

int tail_main(int argc, char **argv)
{
	struct arguments a = {.count = 10};
	struct tail tail = {.a = &a};
	int r;

	tool_parse(&argp, argc, argv, &a);
	tool_catch();
	r = open_object(&tail);
	if (r)
		return r;
	r = begin(&tail);
	if (r == 0 && a.follow)
		r = follow(&tail);
	if (r == 0)
		r = tool_stopped();
	agora_snapshot_close(tail.snapshot);
	free(tail.buffer.data);
	agora_object_close(tail.object);
	return r;
}
