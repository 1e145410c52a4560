/*
 * range.c - agora range: print the entries of a sorted object, in order.
 *
 * It goes from key to key, each looked for behind the one before: what others
 * do meanwhile is seen or not, and nothing is seen twice.
 */
#include "tool.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PART ((size_t)1 << 20) /* so much is printed at once */

static const char doc[] =
	"Print the entries of a map, or the members of a set, from FROM on and "
	"before TO, in the order of the bytes of their keys: KEY, a tab and "
	"the value on a line each."
	"\v"
	"Without TO all that follow, without FROM all from the first. A key "
	"that is not there may be named. Keys are written as agora ls shows "
	"them: a backslash as \\\\, bytes that cannot be shown as \\xHH.\n\n"
	"Examples:\n"
	"  agora range weather/index.map\n"
	"  agora range weather/index.map 2026-01 2026-02\n"
	"  agora range -n 10 weather/index.map 2026-01\n"
	"  agora range --count weather/members.set a b\n";

enum { COUNT = 256 };

struct arguments {
	const char *words[3];
	uint64_t limit;
	bool counts;
};

static const struct argp_option options[] = {
	{"limit", 'n', "N", 0, "Print N at most, or all", 0},
	{"count", COUNT, NULL, 0, "Print only how many there are", 0}, {0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	static const struct tool_words words = {{"PATH", "FROM", "TO"}, 1, 3};
	struct arguments *a = state->input;

	switch (key) {
	case 'n':
		a->limit = tool_count(state, "-n", arg);
		return 0;
	case COUNT:
		a->counts = true;
		return 0;
	default:
		return tool_words(key, arg, state, &words, a->words);
	}
}

static const struct argp argp = {.options = options,
	.parser = parse,
	.args_doc = "PATH [FROM [TO]]",
	.doc = doc,
	.children = tool_json_children};

struct range {
	const struct arguments *a;
	struct agora_object *object;
	struct tool_look look;
	struct text from, to;
	struct agora_buffer key;   /* where we are */
	struct agora_buffer value; /* of key */
	struct text out;
	uint64_t count;
};

/* Read the entry of the first key, if it is there. */
static int read_first(struct range *range)
{
	int r;

	if (range->from.size > range->key.capacity)
		return -ENOENT;
	do {
		r = agora_object_get(range->object, range->from.data,
			range->from.size, &range->value);
	} while (tool_grow(&range->value, &r));
	return r;
}

/* Read the entry behind the key. */
static int read_next(struct range *range)
{
	struct agora_buffer *value = range->a->counts ? NULL : &range->value;
	int r;

	do {
		r = agora_object_next(range->object, &range->key, value);
	} while (value && tool_grow(value, &r));
	return r;
}

static bool is_before_end(const struct range *range)
{
	const struct text *to = &range->to;
	size_t size = range->key.size < to->size ? range->key.size : to->size;
	int r = size ? memcmp(range->key.data, to->data, size) : 0;

	if (!range->a->words[2])
		return true;
	return r < 0 || (r == 0 && range->key.size < to->size);
}

/* Returns 0, an exit status, or a negative errno. */
static int print_entry(struct range *range)
{
	const struct text_pair pair = {range->key.data, range->key.size,
		range->value.data, range->value.size};
	int r;

	range->count++;
	if (range->a->counts)
		return 0;
	r = tool_show_entry(&range->out, &range->look, &pair);
	if (r == 0 && range->out.size > PART)
		return tool_print(&range->out, 0);
	return r;
}

static int walk(struct range *range)
{
	int r = -ENOENT;

	range->key.size = SIZE_MAX;
	if (range->a->words[1]) {
		range->key.size = range->from.size < range->key.capacity
					  ? range->from.size
					  : range->key.capacity;
		memcpy(range->key.data,
			range->from.data ? range->from.data : "",
			range->key.size);
		r = read_first(range);
	}
	if (r == -ENOENT)
		r = read_next(range);
	while (r == 0 && is_before_end(range)) {
		r = print_entry(range);
		if (r || range->count == range->a->limit)
			return r;
		r = tool_stopped() ? tool_stopped() : read_next(range);
	}
	return r == -ENOENT ? 0 : r;
}

static int print_range(struct range *range)
{
	const char *path = range->a->words[0];
	struct agora_stat stat;
	int r = agora_object_stat(range->object, &stat);

	if (r == 0) {
		range->key.capacity = stat.key_size;
		range->key.data = malloc(stat.key_size + 1);
		r = range->key.data ? walk(range) : -ENOMEM;
	}
	if (r < 0)
		r = tool_error(path, r);
	if (r == 0 && range->a->counts)
		r = text_print(&range->out, "%" PRIu64 "\n", range->count);
	return r > 0 ? r : tool_print(&range->out, r);
}

static int check(const struct arguments *a)
{
	const struct agora_kind *kind;
	int r = tool_check_path(a->words[0], &kind);

	if (r)
		return r;
	if (kind->traits & AGORA_SORTED)
		return 0;
	tool_say(a->words[0], "a %s has no order of keys", kind->name);
	return TOOL_WRONG;
}

int range_main(int argc, char **argv)
{
	struct arguments a = {.limit = UINT64_MAX};
	struct range range = {.a = &a};
	int r;

	tool_parse(&argp, argc, argv, &a);
	tool_catch();
	r = check(&a);
	if (r == 0 && a.words[1])
		r = tool_key(a.words[1], &range.from);
	if (r == 0 && a.words[2])
		r = tool_key(a.words[2], &range.to);
	if (r == 0)
		r = tool_open(
			a.words[0], AGORA_READ, AGORA_CAN_GET, &range.object);
	if (r == 0) {
		range.look = tool_look(range.object, false);
		r = print_range(&range);
		agora_object_close(range.object);
	}
	free(range.key.data);
	free(range.value.data);
	text_free(&range.out);
	text_free(&range.from);
	text_free(&range.to);
	return r;
}
