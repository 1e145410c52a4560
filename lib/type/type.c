/*
 * type.c - types by name, and types that are opened: see agora/type.h.
 */
#include "type/type.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- opened ---- */

int agora_type_open(const char *text, const struct agora_type_set *set,
	struct agora_type **ret_type, struct agora_type_error *ret_error)
{
	struct agora_type type, *copy;
	int error = type_parse(text, set, &type, ret_error);

	if (error)
		return error;
	copy = type_copy(&type);
	if (!copy)
		return -ENOMEM;
	*ret_type = copy;
	return 0;
}

void agora_type_close(struct agora_type *type)
{
	free(type);
}

const char *agora_type_text(const struct agora_type *type)
{
	return type->canon;
}

int agora_type_validate(const struct agora_type *type, const void *data,
	size_t size, struct agora_type_error *ret_error)
{
	int error = type_check(type, type->root,
		(struct type_value){data, size, 0}, ret_error);

	if (error && ret_error)
		type_error_place(ret_error, data, size);
	return error;
}

/* ---- by name ---- */

/* What most objects have, known without parsing. */
static bool is_bytes(const char *type)
{
	return type && !strcmp(type, "bytes");
}

int agora_type_parse(const char *text)
{
	struct agora_type type;

	return is_bytes(text) ? 0 : type_parse(text, NULL, &type, NULL);
}

int agora_type_canon(const char *text, char ret_canon[AGORA_TYPE_MAX],
	struct agora_type_error *ret_error)
{
	struct agora_type type;
	int error = type_parse(text, NULL, &type, ret_error);

	if (!error)
		strcpy(ret_canon, type.canon);
	return error;
}

int agora_type_check(
	const char *text, const void *data, size_t size, size_t *ret_offset)
{
	struct agora_type_error why;
	struct agora_type type;
	int error;

	if (is_bytes(text))
		return 0;
	error = type_parse(text, NULL, &type, NULL);
	if (error)
		return error;
	error = type_check(
		&type, type.root, (struct type_value){data, size, 0}, &why);
	if (error == -EBADMSG && ret_offset)
		*ret_offset = why.offset;
	return error;
}

int agora_type_is_lines(const char *text)
{
	struct agora_type type;

	return !is_bytes(text) && !type_parse(text, NULL, &type, NULL) &&
	       type_view(&type, type.root) == AGORA_VIEW_LINES;
}
