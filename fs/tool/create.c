/*
 * create.c - agora create: make an object, or a program without a process.
 */
#include "tool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char doc[] =
	"Make the object PROGRAM/NAME.KIND, or, given PROGRAM only, a program "
	"that no process stands behind. Sizes take a suffix K, M or G."
	"\v"
	"Examples:\n"
	"  agora create weather\n"
	"  agora create weather/alerts.queue\n"
	"  agora create -p cam/frames.queue --type bytes --message-size 8M\n"
	"  agora create weather/prices.table --writers one --mode 0644\n"
	"  agora create weather/jobs.heap --order relaxed\n"
	"  agora create weather/audit.log --reliable --capacity 100000\n"
	"  agora create weather/mode.string --message-size 64\n";

enum {
	CAPACITY = 256,
	MESSAGE_SIZE,
	TYPE,
	WRITERS,
	ORDER,
	RELIABLE,
	MODE,
	FIXED,
	SPSC,
	KEY_SIZE,
	MEMORY,
	INLINE_SIZE,
	CLIENTS
};

struct arguments {
	const char *words[1];
	bool parents;
	bool any; /* an option that is only for objects */
	struct agora_options options;
};

static const struct argp_option options[] = {
	{"capacity", CAPACITY, "N", 0, "Most messages, or keys", 0},
	{"message-size", MESSAGE_SIZE, "BYTES", 0, "Largest message, or value",
		0},
	{"type", TYPE, "TYPE", 0,
		"Declared type: bytes, bytes/line, utf8 (default), "
		"utf8/reference",
		0},
	{"writers", WRITERS, "one|many", 0, "Who may write to it", 0},
	{"order", ORDER, "strict|relaxed", 0,
		"Whether always the least priority is taken, or nearly", 0},
	{"reliable", RELIABLE, NULL, 0,
		"Registered readers hold back who appends", 0},
	{"mode", MODE, "OCTAL", 0, "Permission bits, such as 0640", 0},
	{"fixed", FIXED, NULL, 0, "Each message has --message-size", 0},
	{"spsc", SPSC, NULL, 0,
		"One producer and one consumer at a time, for speed", 0},
	{"key-size", KEY_SIZE, "BYTES", 0, "Longest key", 0},
	{"memory", MEMORY, "BYTES", 0, "Ceiling for long messages", 0},
	{"inline-size", INLINE_SIZE, "BYTES", 0,
		"Bytes of a message kept in one piece", 0},
	{"clients", CLIENTS, "N", 0, "Most handles at one time", 0},
	{"parents", 'p', NULL, 0, "Make the program too, accept what is there",
		0},
	{0}};

static mode_t mode_of(const struct argp_state *state, const char *arg)
{
	char *end;
	unsigned long mode = strtoul(arg, &end, 8);

	if (*arg < '0' || *arg > '7' || *end || mode > 0777 || !mode)
		tool_wrong(state, "--mode: '%s' is not like 0640", arg);
	return (mode_t)mode;
}

static uint32_t writers_of(const struct argp_state *state, const char *arg)
{
	if (strcmp(arg, "one") == 0)
		return AGORA_WRITERS_ONE;
	if (strcmp(arg, "many") != 0)
		tool_wrong(state, "--writers: '%s' is not one or many", arg);
	return AGORA_WRITERS_MANY;
}

static uint32_t order_of(const struct argp_state *state, const char *arg)
{
	if (strcmp(arg, "relaxed") == 0)
		return AGORA_RELAXED;
	if (strcmp(arg, "strict") != 0)
		tool_wrong(
			state, "--order: '%s' is not strict or relaxed", arg);
	return 0;
}

/* A size of which 0 is not allowed: to the library it means the default. */
static uint64_t positive(
	const struct argp_state *state, const char *option, const char *arg)
{
	uint64_t size = tool_size(state, option, arg);

	if (!size)
		tool_wrong(state, "%s: must not be 0", option);
	return size;
}

static uint32_t positive32(
	const struct argp_state *state, const char *option, const char *arg)
{
	uint64_t size = positive(state, option, arg);

	if (size > UINT32_MAX)
		tool_wrong(state, "%s: '%s' is too large", option, arg);
	return (uint32_t)size;
}

static const char *type_of(const struct argp_state *state, const char *arg)
{
	if (agora_type_parse(arg) < 0)
		tool_wrong(state, "--type: '%s' is not a known type", arg);
	return arg;
}

/* Returns false for an option that is none of an object. */
static bool parse_option(
	int key, const char *arg, struct argp_state *s, struct agora_options *o)
{
	switch (key) {
	case CAPACITY:
		o->capacity = positive(s, "--capacity", arg);
		return true;
	case MESSAGE_SIZE:
		o->message_size = positive(s, "--message-size", arg);
		return true;
	case TYPE:
		o->type = type_of(s, arg);
		return true;
	case WRITERS:
		o->writers = writers_of(s, arg);
		return true;
	case ORDER:
		o->flags |= order_of(s, arg);
		return true;
	case RELIABLE:
		o->flags |= AGORA_RELIABLE;
		return true;
	case FIXED:
		o->flags |= AGORA_FIXED;
		return true;
	case SPSC:
		o->flags |= AGORA_SPSC;
		return true;
	case KEY_SIZE:
		o->key_size = positive(s, "--key-size", arg);
		return true;
	case MEMORY:
		o->memory = positive(s, "--memory", arg);
		return true;
	case INLINE_SIZE:
		o->inline_size = positive32(s, "--inline-size", arg);
		return true;
	case CLIENTS:
		o->clients = positive32(s, "--clients", arg);
		return true;
	default:
		return false;
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	static const struct tool_words words = {{"PATH"}, 1, 1};
	struct arguments *a = state->input;

	switch (key) {
	case 'p':
		a->parents = true;
		return 0;
	case MODE:
		a->options.mode = mode_of(state, arg);
		return 0;
	case ARGP_KEY_END:
		if (a->any && state->arg_num && !strchr(a->words[0], '/'))
			tool_wrong(state, "a program takes only --mode");
		break;
	}
	if (parse_option(key, arg, state, &a->options)) {
		a->any = true;
		return 0;
	}
	return tool_words(key, arg, state, &words, a->words);
}

static const struct argp argp = {.options = options,
	.parser = parse,
	.args_doc = "PATH",
	.doc = doc,
	.children = tool_children};

/* Returns 0 or, after a line, an exit status. */
static int create_program(const char *name, bool accept, mode_t mode)
{
	struct agora_program_options made = {.mode = mode};
	int r = tool_check_program(name);

	if (r)
		return r;
	r = agora_program_create(tool_space(), name, &made);
	if (r == 0 || (r == -EEXIST && accept))
		return 0;
	return tool_error(name, r);
}

static int create_object(const struct arguments *a)
{
	const char *path = a->words[0];
	int r = agora_object_create(tool_space(), path, &a->options);

	if (r == 0)
		return TOOL_DONE;
	if (r == -EEXIST && a->parents) {
		struct agora_object *object;

		/* there, or is it only the folder's name that is taken? */
		r = tool_open(path, AGORA_READ, 0, &object);
		if (r == 0)
			agora_object_close(object);
		return r;
	}
	if (r == -ENOENT)
		return tool_say(path, "there is no such program (-p makes it)");
	return tool_error(path, r);
}

/* Say which flag the kind does not have. Returns 0 when there is none. */
static int check_flags(
	const char *path, const struct agora_kind *kind, uint32_t flags)
{
	static const struct {
		uint32_t flag;
		const char *option;
	} known[] = {{AGORA_SPSC, "spsc"}, {AGORA_RELAXED, "order"},
		{AGORA_RELIABLE, "reliable"}};
	const struct agora_stat stat = {.kind = kind};
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (flags & known[i].flag && !text_flag(&stat, known[i].flag))
			return tool_say(path, "a %s has no --%s", kind->name,
				known[i].option);
	return 0;
}

int create_main(int argc, char **argv)
{
	struct arguments a = {.options = {.type = "utf8"}};
	const struct agora_kind *kind;
	char program[256], object[256];
	const char *problem;
	int r;

	tool_parse(&argp, argc, argv, &a);
	if (!strchr(a.words[0], '/'))
		return create_program(a.words[0], a.parents, a.options.mode);
	r = tool_check_path(a.words[0], &kind);
	if (r)
		return r;
	r = check_flags(a.words[0], kind, a.options.flags);
	if (r)
		return r;
	problem = agora_options_problem(kind, &a.options);
	if (problem)
		return tool_say(a.words[0], "%s", problem);
	agora_path_parse(a.words[0], program, object, &kind);
	if (a.parents)
		r = create_program(program, true, 0);
	return r ? r : create_object(&a);
}
