/*
 * stat.c - agora stat: describe an object or a program.
 */
#include "tool.h"

#include <stdlib.h>
#include <string.h>

static const char doc[] =
	"Describe an object (PROGRAM/NAME.KIND) or a program."
	"\v"
	"The words are those of the files stat and holders in an object's dot "
	"folder, and of a program's file .program.\n\n"
	"Examples:\n"
	"  agora stat weather/alerts.queue\n"
	"  agora stat --json weather\n"
	"  agora stat --holders weather/alerts.queue\n";

struct arguments {
	const char *words[1];
	bool holders;
};

static const struct argp_option options[] = {
	{"holders", 'H', NULL, 0, "Tell who has the object open", 0}, {0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	static const struct tool_words words = {{"PATH"}, 1, 1};
	struct arguments *a = state->input;

	switch (key) {
	case 'H':
		a->holders = true;
		return 0;
	case ARGP_KEY_END:
		if (a->holders && state->arg_num && !strchr(a->words[0], '/'))
			tool_wrong(state, "only objects have --holders");
		break;
	}
	return tool_words(key, arg, state, &words, a->words);
}

static const struct argp argp = {.options = options,
	.parser = parse,
	.args_doc = "PATH",
	.doc = doc,
	.children = tool_json_children};

static int stat_program(const char *name)
{
	struct agora_program_info *info;
	struct record record = {0};
	int r = tool_check_program(name);

	if (r)
		return r;
	r = agora_program_info(tool_space(), name, &info);
	if (r < 0)
		return tool_error(name, r);
	record_of_program(&record, info);
	agora_program_info_free(info);
	return tool_print_record(&record);
}

static int stat_object(const char *path, struct agora_object *object)
{
	struct record record = {0};
	struct agora_stat stat;
	int r = agora_object_stat(object, &stat);

	if (r < 0)
		return tool_error(path, r);
	record_of_stat(&record, &stat);
	return tool_print_record(&record);
}

static int print_holders(const char *path, struct agora_object *object)
{
	struct agora_client *clients;
	struct list list = {0};
	int count = agora_object_clients(object, &clients);
	int i, r = 0;

	if (count < 0)
		return tool_error(path, count);
	for (i = 0; i < count && r == 0; i++) {
		struct record record = {0};

		record_of_client(&record, &clients[i]);
		r = list_add(&list, &record);
	}
	free(clients);
	if (r < 0)
		tool_error(path, r);
	i = list_print(&list);
	return r < 0 ? TOOL_NO : i;
}

int stat_main(int argc, char **argv)
{
	struct arguments a = {0};
	struct agora_object *object;
	int r;

	tool_parse(&argp, argc, argv, &a);
	if (!strchr(a.words[0], '/'))
		return stat_program(a.words[0]);
	r = tool_open(a.words[0], AGORA_READ, 0, &object);
	if (r)
		return r;
	r = a.holders ? print_holders(a.words[0], object)
		      : stat_object(a.words[0], object);
	agora_object_close(object);
	return r;
}
