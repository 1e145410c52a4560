/*
 * type.c - declared types: see agora/type.h.
 *
 * A type is one row of the table below. What it holds beyond its parent is
 * said by its check, which returns where the first byte that does not fit
 * lies, or NULL.
 */
#include <agora/type.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistr.h>

struct type {
	const char *name;
	bool lines; /* text views show one message on each line */
	const uint8_t *(*check)(const uint8_t *data, size_t size);
};

static const struct type types[] = {
	{"bytes", false, NULL},
	{"bytes/line", true, NULL},
	{"utf8", true, u8_check},
};

static const struct type *find(const char *name)
{
	for (size_t i = 0; name && i < sizeof(types) / sizeof(*types); i++)
		if (!strcmp(types[i].name, name))
			return &types[i];
	return NULL;
}

int agora_type_parse(const char *type)
{
	return find(type) ? 0 : -EINVAL;
}

int agora_type_check(
	const char *type, const void *data, size_t size, size_t *ret_offset)
{
	const struct type *t = find(type);
	const uint8_t *bad;

	if (!t)
		return -EINVAL;
	if (!t->check || !size)
		return 0;
	bad = t->check(data, size);
	if (!bad)
		return 0;
	if (ret_offset)
		*ret_offset = (size_t)(bad - (const uint8_t *)data);
	return -EBADMSG;
}

int agora_type_is_lines(const char *type)
{
	const struct type *t = find(type);

	return t && t->lines;
}
