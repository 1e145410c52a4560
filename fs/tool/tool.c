/*
 * tool.c - the space and its objects, and what is said when they fail.
 */
#include "tool.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* No message or value is larger: see agora/queue.h and agora/table.h. */
#define LARGEST ((size_t)1 << 30)

static const char *space_path;
static struct agora_space *space;

void tool_set_space(const char *path)
{
	space_path = path;
}

/* The name under which a space that cannot be opened is mentioned. */
static const char *space_name(char s[64])
{
	const char *path = space_path ? space_path : getenv("AGORA_SPACE");

	if (path && *path)
		return path;
	snprintf(s, 64, "/dev/shm/agora-%u", (unsigned int)geteuid());
	return s;
}

struct agora_space *tool_space(void)
{
	char name[64];
	int r;

	if (space)
		return space;
	r = agora_space_open(space_path, &space);
	if (r == 0)
		return space;
	if (r == -ENOENT)
		tool_say(space_name(name), "there is no such space");
	else
		tool_error(space_name(name), r);
	exit(TOOL_NO);
}

int tool_say(const char *name, const char *format, ...)
{
	struct text shown = {0};
	va_list args;

	if (text_escape(&shown, name, strlen(name)) < 0)
		shown.size = 0;
	fprintf(stderr, "agora: %.*s: ", (int)shown.size, shown.data);
	text_free(&shown);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return TOOL_NO;
}

int tool_error(const char *name, int error)
{
	if (error == -ENOENT)
		return tool_say(name, "there is no such %s",
			strchr(name, '/') ? "object" : "program");
	return tool_say(name, "%s", agora_strerror(error));
}

int tool_missing(const char *path, int error)
{
	if (error != -ENOENT)
		return tool_error(path, error);
	return tool_say(path,
		"there is no such object (agora create -p %s makes it)", path);
}

int tool_check_program(const char *name)
{
	int r = agora_name_check(name);

	if (r == 0)
		return 0;
	tool_say(name, "not a name for a program: %s", agora_strerror(r));
	return TOOL_WRONG;
}

/* Print what kinds there are, after a path that has none of them. */
static int not_a_path(const char *path)
{
	const struct agora_kind *kind = NULL;
	struct text kinds = {0};

	while ((kind = agora_kind_next(kind)))
		if (text_print(&kinds, " .%s", kind->name) < 0)
			break;
	tool_say(path, "not PROGRAM/NAME.KIND with one of the kinds%.*s",
		(int)kinds.size, kinds.data ? kinds.data : "");
	text_free(&kinds);
	return TOOL_WRONG;
}

int tool_check_path(const char *path, const struct agora_kind **ret_kind)
{
	char program[256], object[256];
	int r = agora_path_parse(path, program, object, ret_kind);

	if (r == -EINVAL)
		return not_a_path(path);
	if (r < 0) {
		tool_error(path, r);
		return TOOL_WRONG;
	}
	return 0;
}

/* By bit of AGORA_CAN_. */
static const char *const verbs[] = {
	"push", "pop", "walk", "get", "put", "load", "store"};

int tool_open(const char *path, uint32_t flags, uint32_t verb,
	struct agora_object **ret_object)
{
	const struct agora_kind *kind;
	int r = tool_check_path(path, &kind);

	if (r)
		return r;
	if ((kind->verbs & verb) != verb) {
		tool_say(path, "a %s cannot %s", kind->name,
			verbs[__builtin_ctz(verb)]);
		return TOOL_WRONG;
	}
	r = agora_object_open(tool_space(), path, flags, NULL, ret_object);
	return r < 0 ? tool_missing(path, r) : 0;
}

int tool_open_list(const char *path, uint32_t flags, const char *option,
	struct agora_list **ret_list)
{
	const struct agora_kind *kind;
	struct agora_object *object;
	int r = tool_check_path(path, &kind);

	if (r)
		return r;
	r = agora_list_open(tool_space(), path, flags, NULL, ret_list);
	if (r == -EPROTOTYPE) {
		/* or is it not what its name says? */
		r = tool_open(path, AGORA_READ, 0, &object);
		if (r)
			return r;
		agora_object_close(object);
		tool_say(path, "a %s has no %s", kind->name, option);
		return TOOL_WRONG;
	}
	return r < 0 ? tool_missing(path, r) : 0;
}

bool tool_grow(struct agora_buffer *buffer, int *r)
{
	void *data;

	if (*r != -EMSGSIZE)
		return false;
	if (buffer->size > LARGEST || buffer->size <= buffer->capacity) {
		*r = -EUCLEAN;
		return false;
	}
	data = realloc(buffer->data, buffer->size);
	if (!data) {
		*r = -ENOMEM;
		return false;
	}
	buffer->data = data;
	buffer->capacity = buffer->size;
	return true;
}

int tool_key(const char *shown, struct text *ret_key)
{
	size_t offset;
	int r = text_unescape(ret_key, shown, strlen(shown), &offset);

	if (r == -EBADMSG) {
		fprintf(stderr,
			"agora: %s: no such escape at byte %zu "
			"(a backslash in a key is written \\\\)\n",
			shown, offset);
		return TOOL_WRONG;
	}
	return r < 0 ? tool_error(shown, r) : 0;
}

int tool_wants_key(const char *path, const char *shown, bool *ret_keyed)
{
	const struct agora_kind *kind;
	int r = tool_check_path(path, &kind);

	if (r)
		return r;
	*ret_keyed = shown != NULL;
	if (kind->shape == AGORA_KEYED && !shown) {
		tool_say(path, "KEY is missing");
		return TOOL_WRONG;
	}
	if (kind->shape == AGORA_VALUE && shown) {
		tool_say(path, "a %s has no keys", kind->name);
		return TOOL_WRONG;
	}
	return 0;
}

int tool_key_error(
	const char *path, const char *shown, size_t key_size, int error)
{
	if (error == -ENOENT)
		return tool_say(path, "there is no key '%s'", shown);
	if (error == -EINVAL)
		return tool_say(
			path, "a key of %zu bytes is too long", key_size);
	return tool_error(path, error);
}

int tool_refused(struct agora_object *object, const char *path,
	const void *data, size_t size, int error)
{
	const char *type = agora_object_type(object);
	struct agora_stat stat;
	size_t offset = 0;

	if (error == -EBADMSG &&
		agora_type_check(type, data, size, &offset) == -EBADMSG)
		return tool_say(path, "%s: not %s at byte %zu",
			agora_strerror(error), type, offset);
	if (error == -EMSGSIZE && agora_object_stat(object, &stat) == 0)
		return tool_say(path, "%s: %zu bytes, and the %s is %llu",
			agora_strerror(error), size,
			stat.flags & AGORA_FIXED ? "size" : "limit",
			(unsigned long long)stat.message_size);
	return tool_error(path, error);
}
