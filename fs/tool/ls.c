/*
 * ls.c - agora ls: list programs, a program's objects, or an object's keys.
 */
#include "tool.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char doc[] =
	"List the programs of the space, the objects of a PROGRAM, or the keys "
	"of PROGRAM/NAME.KIND if it has keys."
	"\v"
	"Programs: name, alive, pid, objects, doc; with -l also since, mode, "
	"owner, tags. Objects: name, kind, type, count, capacity; with -l also "
	"bytes, memory, clients, mode, owner, created. Keys are sorted and "
	"written as agora get takes them; with -l the size of the value "
	"follows.\n\n"
	"Examples:\n"
	"  agora ls\n"
	"  agora ls -l weather\n"
	"  agora ls --json | jq '.[] | select(.alive) | .name'\n"
	"  agora ls weather/prices.table\n";

struct arguments {
	const char *words[1];
	bool full;
};

static const struct argp_option options[] = {
	{NULL, 'l', NULL, 0, "Tell more about each", 0}, {0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	static const struct tool_words words = {{"PATH"}, 0, 1};
	struct arguments *a = state->input;

	if (key != 'l')
		return tool_words(key, arg, state, &words, a->words);
	a->full = true;
	return 0;
}

static const struct argp argp = {.options = options,
	.parser = parse,
	.args_doc = "[PATH]",
	.doc = doc,
	.children = tool_json_children};

static void add_mode(struct record *record, mode_t mode)
{
	char s[16];

	snprintf(s, sizeof(s), "%04o", (unsigned int)mode & 07777);
	record_string(record, "mode", s);
}

static void add_owner(struct record *record, uid_t uid, gid_t gid)
{
	const struct passwd *user = getpwuid(uid);
	const struct group *group = getgrgid(gid);
	struct text out = {0};
	int r;

	r = user ? text_print(&out, "%s:", user->pw_name)
		 : text_print(&out, "%u:", uid);
	if (r == 0)
		r = group ? text_print(&out, "%s", group->gr_name)
			  : text_print(&out, "%u", gid);
	if (r == 0)
		record_bytes(record, "owner", out.data, out.size);
	else
		record->error = r;
	text_free(&out);
}

/* ---- programs --------------------------------------------------------- */

static void add_tags(struct record *record, char **tags)
{
	struct text out = {0};
	int r = 0;

	for (; tags && *tags && r == 0; tags++)
		r = text_print(&out, "%s%s", out.size ? " " : "", *tags);
	if (r < 0)
		record->error = r;
	else if (out.size)
		record_bytes(record, "tags", out.data, out.size);
	else
		record_none(record, "tags");
	text_free(&out);
}

static void add_objects(struct record *record, const char *program)
{
	char **names;
	int count = agora_space_list(tool_space(), program, &names);

	if (count < 0) {
		record_none(record, "objects");
		return;
	}
	agora_list_free(names);
	record_number(record, "objects", (uint64_t)count);
}

static void short_program(
	struct record *record, const struct agora_program_info *info, bool full)
{
	record_string(record, "name", info->name);
	record_flag(record, "alive", info->alive);
	if (info->pid)
		record_number(record, "pid", (uint64_t)info->pid);
	else
		record_none(record, "pid");
	add_objects(record, info->name);
	if (full) {
		if (info->pid)
			record_time(record, "since", info->since);
		else
			record_none(record, "since");
		add_mode(record, info->mode);
		add_owner(record, info->uid, info->gid);
		add_tags(record, info->tags);
	}
	record_string(record, "doc", info->doc ? info->doc : "");
}

/* In JSON all is told, with tags as a list. */
static void json_program(
	struct record *record, const struct agora_program_info *info)
{
	record_of_program(record, info);
	add_objects(record, info->name);
	add_mode(record, info->mode);
	add_owner(record, info->uid, info->gid);
}

static void unknown_program(struct record *record, const char *name, bool full)
{
	static const char *const names[] = {"alive", "pid", "objects", "since",
		"mode", "owner", "tags", "doc"};
	size_t i;

	record_string(record, "name", name);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (full || i < 3 || i == 7)
			record_none(record, names[i]);
}

/* Returns 0, or TOOL_NO when something about it could not be told. */
static int list_program(struct list *list, const char *name, bool full)
{
	struct agora_program_info *info;
	struct record record = {0};
	int r = agora_program_info(tool_space(), name, &info);
	int status = 0;

	if (r == -ENOENT)
		return 0; /* gone meanwhile */
	if (r < 0) {
		status = tool_error(name, r);
		unknown_program(&record, name, full);
	} else if (tool_json()) {
		json_program(&record, info);
	} else {
		short_program(&record, info, full);
	}
	if (r == 0)
		agora_program_info_free(info);
	r = list_add(list, &record);
	return r < 0 ? tool_error(name, r) : status;
}

static int list_programs(bool full)
{
	struct list list = {0};
	char **names;
	int count = agora_space_list(tool_space(), NULL, &names);
	int status = TOOL_DONE;
	int i, r;

	if (count < 0)
		return tool_error(agora_space_path(tool_space()), count);
	for (i = 0; i < count; i++)
		if (list_program(&list, names[i], full))
			status = TOOL_NO;
	agora_list_free(names);
	r = list_print(&list);
	return r ? r : status;
}

/* ---- objects ---------------------------------------------------------- */

static void add_file(struct record *record, const struct agora_object *object)
{
	struct stat file;

	if (fstat(agora_object_fd(object), &file) < 0) {
		record_none(record, "mode");
		record_none(record, "owner");
		return;
	}
	add_mode(record, file.st_mode);
	add_owner(record, file.st_uid, file.st_gid);
}

static void describe(struct record *record, const char *name,
	struct agora_object *object, const struct agora_stat *stat, bool full)
{
	record_string(record, "name", name);
	if (tool_json()) {
		record_of_stat(record, stat);
		add_file(record, object);
		return;
	}
	record_string(record, "kind", stat->kind->name);
	record_string(record, "type", stat->type);
	record_number(record, "count", stat->count);
	record_number(record, "capacity", stat->capacity);
	if (!full)
		return;
	record_number(record, "bytes", stat->bytes);
	record_number(record, "memory", stat->memory);
	record_number(record, "clients", stat->clients);
	add_file(record, object);
	record_time(record, "created", stat->created);
}

static void unknown_object(struct record *record, const char *name, bool full)
{
	static const char *const names[] = {"type", "count", "capacity",
		"bytes", "memory", "clients", "mode", "owner", "created"};
	const struct agora_kind *kind = agora_kind_of(name);
	size_t i;

	record_string(record, "name", name);
	record_string(record, "kind", kind ? kind->name : "");
	for (i = 0; i < (full ? sizeof(names) / sizeof(names[0]) : 3); i++)
		record_none(record, names[i]);
}

/* Returns 0, or TOOL_NO when something about it could not be told. */
static int list_object(
	struct list *list, const char *path, const char *name, bool full)
{
	struct agora_object *object = NULL;
	struct record record = {0};
	struct agora_stat stat;
	int r, status = 0;

	r = agora_object_open(tool_space(), path, AGORA_READ, NULL, &object);
	if (r == -ENOENT)
		return 0; /* gone meanwhile */
	if (r == 0)
		r = agora_object_stat(object, &stat);
	if (r == 0) {
		describe(&record, name, object, &stat, full);
	} else {
		status = tool_error(path, r);
		unknown_object(&record, name, full);
	}
	agora_object_close(object);
	r = list_add(list, &record);
	return r < 0 ? tool_error(path, r) : status;
}

static int list_objects(const char *program, bool full)
{
	struct list list = {0};
	char path[2 * 256];
	char **names;
	int status = TOOL_DONE;
	int i, count, r = tool_check_program(program);

	if (r)
		return r;
	count = agora_space_list(tool_space(), program, &names);
	if (count < 0)
		return tool_error(program, count);
	for (i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%s", program, names[i]);
		if (list_object(&list, path, names[i], full))
			status = TOOL_NO;
	}
	agora_list_free(names);
	r = list_print(&list);
	return r ? r : status;
}

static int list_one(const char *path, bool full)
{
	struct agora_object *object;
	struct list list = {0};
	int r = tool_open(path, AGORA_READ, 0, &object);

	if (r)
		return r;
	agora_object_close(object);
	r = list_object(&list, path, path, full);
	if (r == 0)
		r = list_print(&list);
	return r;
}

int ls_main(int argc, char **argv)
{
	struct arguments a = {0};
	const struct agora_kind *kind;
	int r;

	tool_parse(&argp, argc, argv, &a);
	if (!a.words[0])
		return list_programs(a.full);
	if (!strchr(a.words[0], '/'))
		return list_objects(a.words[0], a.full);
	r = tool_check_path(a.words[0], &kind);
	if (r)
		return r;
	if (kind->shape == AGORA_KEYED)
		return list_keys(a.words[0], a.full);
	return list_one(a.words[0], a.full);
}
