/*
 * typed.c - messages as the views of their type have them.
 */
#include "text.h"

#include <errno.h>
#include <string.h>

/* What is free behind what there is. */
static struct agora_buffer rest(const struct text *t)
{
	return (struct agora_buffer){.data = t->data ? t->data + t->size : NULL,
		.capacity = t->capacity - t->size};
}

static int print(struct text *out, const struct agora_type *type,
	const void *data, size_t size)
{
	struct agora_buffer room = rest(out);
	int r = agora_type_print(type, data, size, &room);

	if (r == -EMSGSIZE) {
		r = text_reserve(out, room.size);
		if (r < 0)
			return r;
		room = rest(out);
		r = agora_type_print(type, data, size, &room);
	}
	if (r == 0)
		out->size += room.size;
	return r;
}

int text_typed(struct text *out, const struct agora_type *type,
	const void *data, size_t size)
{
	int view = agora_type_view(type);
	size_t mark = out->size;
	int r;

	if (view == AGORA_VIEW_JSON)
		r = print(out, type, data, size);
	else
		r = text_append(out, data, size);
	if (r == 0 && view != AGORA_VIEW_BYTES)
		r = text_append(out, "\n", 1);
	if (r < 0)
		out->size = mark;
	return r;
}

static int scan(struct text *out, const struct agora_type *type,
	const char *line, size_t size, struct agora_type_error *ret_error)
{
	struct agora_buffer room = rest(out);
	int r = agora_type_scan(type, line, size, &room, ret_error);

	if (r == -EMSGSIZE) {
		r = text_reserve(out, room.size);
		if (r < 0)
			return r;
		room = rest(out);
		r = agora_type_scan(type, line, size, &room, ret_error);
	}
	if (r == 0)
		out->size += room.size;
	return r;
}

int text_typed_parse(struct text *out, const struct agora_type *type,
	const char *line, size_t size, struct agora_type_error *ret_error)
{
	int r;

	if (agora_type_view(type) == AGORA_VIEW_JSON)
		return scan(out, type, line, size, ret_error);
	r = agora_type_validate(type, line, size, ret_error);
	return r < 0 ? r : text_append(out, line, size);
}
