/*
 * print.c - values as JSON on a line.
 */
#include "type/print.h"

#include <agora/object.h>

#include <errno.h>
#include <string.h>
#include <unistr.h>

void type_put(struct type_sink *sink, const void *data, size_t size)
{
	size_t room = sink->size < sink->room ? sink->room - sink->size : 0;

	if (size && room)
		memcpy(sink->at + sink->size, data, size < room ? size : room);
	sink->size += size;
}

static void put_word(struct type_sink *sink, const char *word)
{
	type_put(sink, word, strlen(word));
}

/* ---- strings ---- */

static void put_escape(struct type_sink *sink, unsigned code)
{
	static const char hex[] = "0123456789abcdef";
	char escape[6] = {'\\', 'u', hex[code >> 12 & 15], hex[code >> 8 & 15],
		hex[code >> 4 & 15], hex[code & 15]};

	type_put(sink, escape, sizeof(escape));
}

/* Write a byte of ASCII. */
static void put_ascii(struct type_sink *sink, uint8_t c)
{
	static const char plain[] = "\"\\\b\f\n\r\t";
	static const char letter[] = "\"\\bfnrt";
	const char *found = c ? strchr(plain, c) : NULL;
	char escape[2] = {'\\', found ? letter[found - plain] : 0};

	if (found)
		type_put(sink, escape, 2);
	else if (c < 0x20 || c == 0x7f)
		put_escape(sink, c);
	else
		type_put(sink, &c, 1);
}

static void put_string(struct type_sink *sink, const uint8_t *data, size_t size)
{
	put_word(sink, "\"");
	while (size) {
		ucs4_t code;
		int length = u8_mbtoucr(&code, data, size);

		if (length < 1) {
			put_escape(sink, 0xdc00 + *data);
			length = 1;
		} else if (length == 1) {
			put_ascii(sink, *data);
		} else {
			type_put(sink, data, (size_t)length);
		}
		data += length;
		size -= (size_t)length;
	}
	put_word(sink, "\"");
}

/* ---- structs ---- */

/* A field, or an element of it. Returns how many bytes it has. */
static size_t put_scalar(struct type_sink *sink, const struct agora_type *type,
	unsigned n, unsigned dim, const uint8_t *data);

static void put_struct(struct type_sink *sink, const struct agora_type *type,
	unsigned n, const uint8_t *data)
{
	put_word(sink, "{");
	for (n = type->node[n].first; n; n = type->node[n].next) {
		const struct type_node *field = &type->node[n];

		put_word(sink, "\"");
		type_put(sink, type_name(type, field), field->name_size);
		put_word(sink, "\":");
		put_scalar(sink, type, n, 0, data + field->offset);
		put_word(sink, field->next ? "," : "");
	}
	put_word(sink, "}");
}

static size_t put_text(struct type_sink *sink, const uint8_t *data, size_t room)
{
	size_t size = room;

	while (size && !data[size - 1])
		size--;
	put_string(sink, data, size);
	return room;
}

static size_t put_array(struct type_sink *sink, const struct agora_type *type,
	unsigned n, unsigned dim, const uint8_t *data)
{
	size_t size = 0;

	put_word(sink, "[");
	for (uint32_t i = 0; i < type->node[n].dim[dim]; i++) {
		put_word(sink, i ? "," : "");
		size += put_scalar(sink, type, n, dim + 1, data + size);
	}
	put_word(sink, "]");
	return size;
}

static size_t put_scalar(struct type_sink *sink, const struct agora_type *type,
	unsigned n, unsigned dim, const uint8_t *data)
{
	const struct type_node *field = &type->node[n];
	bool text = field->form == FORM_PATH && field->scalar == SCALAR_CHAR;
	char number[TYPE_NUMBER];

	if (text && dim + 1 >= field->dims)
		return put_text(sink, data, field->dims ? field->dim[dim] : 1);
	if (dim < field->dims)
		return put_array(sink, type, n, dim, data);
	if (field->form == FORM_STRUCT)
		put_struct(sink, type, n, data);
	else
		type_put(sink, number,
			type_number_print(field->scalar, data, number));
	return field->bytes;
}

/* ---- combinations ---- */

static void put_list(struct type_sink *sink, const struct agora_type *type,
	unsigned n, struct type_value value)
{
	struct type_value element;
	const char *comma = "";

	n = type->node[n].first;
	put_word(sink, "[");
	while (value.size && !type_element(type, n, &value, &element, NULL)) {
		put_word(sink, comma);
		type_print(sink, type, n, element);
		comma = ",";
	}
	put_word(sink, "]");
}

static void put_map(struct type_sink *sink, const struct agora_type *type,
	unsigned n, struct type_value value)
{
	unsigned first = type->node[n].first;
	unsigned second = type->node[first].next;
	bool object = type_is_text(type, first);
	struct type_value key, item;
	const char *comma = "";

	put_word(sink, object ? "{" : "[");
	while (value.size && !type_element(type, first, &value, &key, NULL) &&
		!type_element(type, second, &value, &item, NULL)) {
		put_word(sink, comma);
		put_word(sink, object ? "" : "[");
		type_print(sink, type, first, key);
		put_word(sink, object ? ":" : ",");
		type_print(sink, type, second, item);
		put_word(sink, object ? "" : "]");
		comma = ",";
	}
	put_word(sink, object ? "}" : "]");
}

static void put_union(struct type_sink *sink, const struct agora_type *type,
	unsigned n, struct type_value value)
{
	n = type->node[n].first;
	while (type->node[n].next && type_check(type, n, value, NULL))
		n = type->node[n].next;
	type_print(sink, type, n, value);
}

void type_print(struct type_sink *sink, const struct agora_type *type,
	unsigned n, struct type_value value)
{
	const struct type_node *node = &type->node[n];
	const struct agora_type *shape = type_shape(node);

	if (shape)
		type_print(sink, shape, shape->root, value);
	else if (node->form == FORM_STRUCT)
		put_struct(sink, type, n, value.data);
	else if (node->form == FORM_LIST)
		put_list(sink, type, n, value);
	else if (node->form == FORM_MAP)
		put_map(sink, type, n, value);
	else if (node->form == FORM_UNION)
		put_union(sink, type, n, value);
	else if (node->base == BASE_SCALAR)
		put_scalar(sink, type, n, 0, value.data);
	else
		put_string(sink, value.data, value.size);
}

int agora_type_print(const struct agora_type *type, const void *data,
	size_t size, struct agora_buffer *ret_text)
{
	struct type_sink sink = {ret_text->data, ret_text->capacity, 0};
	struct type_value value = {data, size, 0};
	int error = type_check(type, type->root, value, NULL);

	if (error)
		return error;
	type_print(&sink, type, type->root, value);
	ret_text->size = sink.size;
	return sink.size > sink.room ? -EMSGSIZE : 0;
}
