/*
 * put.c - agora put: store a value, under a key or as the only one.
 */
#include "tool.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char doc[] =
	"Store a value under a key, or in an object which is one value, in "
	"place of the one that was there. Without VALUE, all of standard input "
	"is the value; of text one final newline is dropped. A set gets KEY as "
	"a member."
	"\v"
	"KEY is written as agora ls shows it: a backslash as \\\\, bytes that "
	"cannot be shown as \\xHH.\n\n"
	"Examples:\n"
	"  agora put weather/prices.table umbrella 12.50\n"
	"  agora put camera/frames.table left < left.png\n"
	"  agora put weather/mode.string storm\n"
	"  agora put --if-version 7 weather/mode.string calm\n"
	"  agora put weather/members.set bob\n";

enum { IF_VERSION = 256 };

struct arguments {
	const char *words[3];
	const char *path;
	const char *key;   /* as it was written, or NULL */
	const char *value; /* or NULL: standard input */
	bool raw;
	bool compares;
	uint64_t version;
};

static const struct argp_option options[] = {
	{"raw", 'r', NULL, 0, "Keep the final newline", 0},
	{"if-version", IF_VERSION, "N", 0,
		"Only in place of the value with this version, 0: of none", 0},
	{0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	static const struct tool_words words = {{"PATH", "KEY", "VALUE"}, 1, 3};
	struct arguments *a = state->input;

	switch (key) {
	case 'r':
		a->raw = true;
		return 0;
	case IF_VERSION:
		a->compares = true;
		a->version = tool_number(state, "--if-version", arg);
		return 0;
	default:
		return tool_words(key, arg, state, &words, a->words);
	}
}

static const struct argp argp = {.options = options,
	.parser = parse,
	.args_doc = "PATH [KEY] [VALUE]",
	.doc = doc,
	.children = tool_children};

static int too_many(const char *path, const char *word)
{
	tool_say(path, "'%s' is one argument too many", word);
	return TOOL_WRONG;
}

/* Tell which word is what. Returns 0 or, after a line, an exit status. */
static int name_words(struct arguments *a, const struct agora_kind *kind)
{
	a->path = a->words[0];
	if (kind->shape == AGORA_VALUE) {
		a->value = a->words[1];
		return a->words[2] ? too_many(a->path, a->words[2]) : 0;
	}
	a->key = a->words[1];
	a->value = a->words[2];
	if (kind->traits & AGORA_MEMBERS && a->value)
		return too_many(a->path, a->value);
	if (a->compares) {
		tool_say(a->path, "a %s has no --if-version", kind->name);
		return TOOL_WRONG;
	}
	return 0;
}

/* Returns 0 or, after a line, an exit status. */
static int read_value(
	const struct arguments *a, const char *type, struct text *ret_value)
{
	int r;

	if (a->value) {
		r = text_append(ret_value, a->value, strlen(a->value));
		return r < 0 ? tool_error(a->path, r) : 0;
	}
	r = tool_read_all(ret_value);
	if (r < 0 && tool_stopped())
		return tool_stopped();
	if (r < 0)
		return tool_say("standard input", "%s", strerror(-r));
	if (!a->raw)
		ret_value->size =
			text_value_size(type, ret_value->data, ret_value->size);
	return 0;
}

/* Store in an object that is one value. Returns as agora_object_store(). */
static int store(const struct arguments *a, struct agora_object *object,
	const struct text *value)
{
	struct agora_buffer b = {.data = value->data,
		.size = value->size,
		.version = a->version};

	if (!a->compares)
		return agora_object_store(object, value->data, value->size);
	return agora_object_compare(object, &b, NULL);
}

/* Say that somebody else was faster, and with which version. */
static int is_stale(const struct arguments *a, struct agora_object *object)
{
	struct agora_stat stat;

	if (agora_object_stat(object, &stat) < 0 || !stat.version)
		return tool_error(a->path, -ESTALE);
	return tool_say(a->path, "the version is %" PRIu64 ", not %" PRIu64,
		stat.version, a->version);
}

static int put(const struct arguments *a, struct agora_object *object,
	const struct text *key)
{
	const struct agora_kind *kind = agora_object_kind(object);
	struct text value = {0};
	int r = 0;

	if (!(kind->traits & AGORA_MEMBERS))
		r = read_value(a, agora_object_type(object), &value);
	if (r)
		goto out;
	if (a->key)
		r = agora_object_put(
			object, key->data, key->size, value.data, value.size);
	else
		r = store(a, object, &value);
	if (r == -ESTALE)
		r = is_stale(a, object);
	else if (r == -EINVAL && a->key)
		r = tool_key_error(a->path, a->key, key->size, r);
	else if (r == -EBADMSG && kind->traits & AGORA_MEMBERS)
		r = tool_refused(object, a->path, key->data, key->size, r);
	else if (r < 0)
		r = tool_refused(object, a->path, value.data, value.size, r);
out:
	text_free(&value);
	return r;
}

int put_main(int argc, char **argv)
{
	struct arguments a = {0};
	struct agora_object *object;
	const struct agora_kind *kind;
	struct text key = {0};
	bool keyed;
	int r;

	tool_parse(&argp, argc, argv, &a);
	r = tool_check_path(a.words[0], &kind);
	if (r == 0)
		r = name_words(&a, kind);
	if (r == 0)
		r = tool_wants_key(a.path, a.key, &keyed);
	if (r == 0 && keyed)
		r = tool_key(a.key, &key);
	if (r == 0)
		r = tool_open(a.path, AGORA_WRITE | AGORA_CHECK,
			keyed ? AGORA_CAN_PUT : AGORA_CAN_STORE, &object);
	if (r == 0) {
		tool_catch();
		r = put(&a, object, &key);
		agora_object_close(object);
	}
	text_free(&key);
	return r;
}
