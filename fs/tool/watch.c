/*
 * watch.c - agora watch: print what comes, goes and changes.
 */
#include "tool.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

static const char doc[] =
	"Print a line for each program or object that comes, goes or changes: "
	"in the whole space, in one program, or for one object."
	"\v"
	"Examples:\n"
	"  agora watch\n"
	"  agora watch weather | while read event path; do ...; done\n"
	"  agora watch -n 1 --json weather/alerts.queue\n";

struct arguments {
	const char *words[1];
	uint64_t count;
};

static const struct argp_option options[] = {
	{"count", 'n', "N", 0, "End after N events", 0}, {0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	static const struct tool_words words = {{"PATH"}, 0, 1};
	struct arguments *a = state->input;

	if (key != 'n')
		return tool_words(key, arg, state, &words, a->words);
	a->count = tool_count(state, "-n", arg);
	return 0;
}

static const struct argp argp = {.options = options,
	.parser = parse,
	.args_doc = "[PATH]",
	.doc = doc,
	.children = tool_json_children};

/* What to watch: "" is everything. */
struct target {
	char program[256];
	char object[256];
};

/* Returns 0 or, after a line, an exit status. */
static int find_target(const char *path, struct target *ret_target)
{
	const struct agora_kind *kind;
	int r;

	if (!path)
		return 0;
	if (strchr(path, '/')) {
		r = tool_check_path(path, &kind);
		if (r == 0)
			agora_path_parse(path, ret_target->program,
				ret_target->object, &kind);
		return r;
	}
	r = tool_check_program(path);
	if (r == 0)
		strcpy(ret_target->program, path);
	return r;
}

static bool is_wanted(
	const struct target *target, const struct agora_event *event)
{
	if (event->type == AGORA_EVENT_OVERFLOW || !target->object[0])
		return true;
	return strcmp(event->object, target->object) == 0 ||
	       event->type == AGORA_PROGRAM_REMOVED;
}

/* Returns 0 and an event, or an exit status. */
static int next(struct agora_watch *watch, struct agora_event *ret_event)
{
	struct pollfd item = {.fd = agora_watch_fd(watch), .events = POLLIN};
	int r;

	while ((r = agora_watch_next(watch, ret_event)) == -EAGAIN) {
		if (tool_stopped())
			return tool_stopped();
		poll(&item, 1, -1);
	}
	return r < 0 ? tool_error("watching", r) : 0;
}

static int print_events(const struct arguments *a, struct agora_watch *watch,
	const struct target *target)
{
	struct agora_event event;
	uint64_t n = 0;
	int r = 0;

	while (r == 0 && n < a->count) {
		struct record record = {0};

		r = next(watch, &event);
		if (r || !is_wanted(target, &event))
			continue;
		record_of_event(&record, &event);
		r = tool_print_row(&record);
		n++;
	}
	return r;
}

int watch_main(int argc, char **argv)
{
	struct arguments a = {.count = UINT64_MAX};
	struct target target = {0};
	struct agora_watch *watch;
	const char *name;
	int r;

	tool_parse(&argp, argc, argv, &a);
	r = find_target(a.words[0], &target);
	if (r)
		return r;
	tool_catch();
	r = agora_watch_open(tool_space(),
		target.program[0] ? target.program : NULL, &watch);
	if (r < 0) {
		name = a.words[0];
		return tool_error(
			name ? name : agora_space_path(tool_space()), r);
	}
	r = print_events(&a, watch, &target);
	agora_watch_close(watch);
	return r;
}
