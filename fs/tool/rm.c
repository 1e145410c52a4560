/*
 * rm.c - agora rm: remove objects and programs.
 */
#include "tool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char doc[] =
	"Remove objects (PROGRAM/NAME.KIND) and programs that hold no objects."
	"\v"
	"Who has an object open keeps it until it is closed.\n\n"
	"Examples:\n"
	"  agora rm weather/alerts.queue\n"
	"  agora rm -r weather           the program and all its objects\n";

struct arguments {
	char **paths;
	int count;
	bool recursive;
};

static const struct argp_option options[] = {
	{"recursive", 'r', NULL, 0, "Remove a program's objects too", 0}, {0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case 'r':
		a->recursive = true;
		return 0;
	case ARGP_KEY_ARG:
		a->paths[a->count++] = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		tool_wrong(state, "PATH is missing");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {.options = options,
	.parser = parse,
	.args_doc = "PATH...",
	.doc = doc,
	.children = tool_children};

static int remove_object(const char *path)
{
	const struct agora_kind *kind;
	int r = tool_check_path(path, &kind);

	if (r)
		return r;
	r = agora_object_remove(tool_space(), path);
	return r < 0 ? tool_error(path, r) : TOOL_DONE;
}

static int remove_objects(const char *program)
{
	char path[2 * 256];
	char **names;
	int count = agora_space_list(tool_space(), program, &names);
	int status = TOOL_DONE;
	int i, r;

	if (count < 0)
		return tool_error(program, count);
	for (i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%s", program, names[i]);
		r = agora_object_remove(tool_space(), path);
		if (r < 0 && r != -ENOENT)
			status = tool_error(path, r);
	}
	agora_list_free(names);
	return status;
}

static int remove_program(const char *name, bool recursive)
{
	int r = tool_check_program(name);

	if (r == 0 && recursive)
		r = remove_objects(name);
	if (r)
		return r;
	r = agora_program_remove(tool_space(), name);
	if (r == -EBUSY)
		return tool_say(name, "alive: its process holds the name");
	if (r == -ENOTEMPTY && !recursive)
		return tool_say(name, "it holds objects (-r removes them too)");
	return r < 0 ? tool_error(name, r) : TOOL_DONE;
}

int rm_main(int argc, char **argv)
{
	struct arguments a = {0};
	int status = TOOL_DONE;
	int i, r;

	a.paths = calloc((size_t)argc + 1, sizeof(*a.paths));
	if (!a.paths)
		return tool_error("arguments", -ENOMEM);
	tool_parse(&argp, argc, argv, &a);
	for (i = 0; i < a.count; i++) {
		if (strchr(a.paths[i], '/'))
			r = remove_object(a.paths[i]);
		else
			r = remove_program(a.paths[i], a.recursive);
		if (r > status)
			status = r;
	}
	free(a.paths);
	return status;
}
