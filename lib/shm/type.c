/*
 * type.c - declared types: see agora/type.h.
 *
 * A type is one row of the table below. What it holds beyond its parent is
 * said by its check, which returns where the first byte that does not fit
 * lies, or FITS.
 */
#include "shm/reference.h"

#include <agora/type.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistr.h>

struct type {
	const char *name;
	bool lines; /* text views show one message on each line */
	size_t (*check)(const uint8_t *data, size_t size);
};

#define FITS REFERENCE_SOUND

static size_t check_utf8(const uint8_t *data, size_t size)
{
	const uint8_t *bad = size ? u8_check(data, size) : NULL;

	return bad ? (size_t)(bad - data) : FITS;
}

static size_t check_reference(const uint8_t *data, size_t size)
{
	struct agora_reference ignored;

	return reference_read(data, size, &ignored);
}

static const struct type types[] = {
	{"bytes", false, NULL},
	{"bytes/line", true, NULL},
	{"utf8", true, check_utf8},
	{"utf8/reference", true, check_reference},
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
	size_t fault;

	if (!t)
		return -EINVAL;
	fault = t->check ? t->check(data, size) : FITS;
	if (fault == FITS)
		return 0;
	if (ret_offset)
		*ret_offset = fault;
	return -EBADMSG;
}

int agora_type_is_lines(const char *type)
{
	const struct type *t = find(type);

	return t && t->lines;
}
