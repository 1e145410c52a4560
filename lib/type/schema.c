/*
 * schema.c - a type described in lines, with an example of a value.
 */
#include "type/print.h"

#include <agora/object.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define EXAMPLE_MAX 4096

/* ---- an example ---- */

static void put_text(struct type_sink *sink, const char *text)
{
	type_put(sink, text, strlen(text));
}

static void put_number(struct type_sink *sink, enum type_scalar scalar)
{
	bool real = scalar == SCALAR_F32 || scalar == SCALAR_F64;
	const char *text = real ? "1.5" : "1";
	uint64_t number = 0;

	type_number_scan(scalar, text, strlen(text), &number);
	type_put(sink, &number, type_scalar_bytes(scalar));
}

static void put_zeros(struct type_sink *sink, size_t size)
{
	static const char zeros[64];

	for (; size && sink->size < EXAMPLE_MAX; size--)
		type_put(sink, zeros, 1);
	sink->size += size;
}

static void put_struct(
	struct type_sink *sink, const struct agora_type *type, unsigned n);

/* One of a field; text takes its last dimension at a time. */
static void put_one(struct type_sink *sink, const struct agora_type *type,
	unsigned n, size_t room)
{
	const struct type_node *field = &type->node[n];

	if (field->form == FORM_STRUCT) {
		put_struct(sink, type, n);
	} else if (field->scalar == SCALAR_CHAR) {
		type_put(sink, "text", room < 4 ? room : 4);
		put_zeros(sink, room < 4 ? 0 : room - 4);
	} else {
		put_number(sink, field->scalar);
	}
}

static void put_struct(
	struct type_sink *sink, const struct agora_type *type, unsigned n)
{
	size_t base = sink->size, end = base + type->node[n].bytes;

	for (n = type->node[n].first; n; n = type->node[n].next) {
		const struct type_node *field = &type->node[n];
		unsigned dims = field->dims;
		uint64_t count = 1;
		size_t room = 1;

		if (field->form == FORM_PATH && field->scalar == SCALAR_CHAR &&
			dims)
			room = field->dim[--dims];
		for (unsigned i = 0; i < dims; i++)
			count *= field->dim[i];
		put_zeros(sink, base + field->offset - sink->size);
		for (; count && sink->size < EXAMPLE_MAX; count--)
			put_one(sink, type, n, room);
	}
	if (sink->size < end)
		put_zeros(sink, end - sink->size);
}

static void put_path(struct type_sink *sink, const struct agora_type *type,
	const struct type_node *node)
{
	static const char *const texts[] = {[BASE_BYTES] = "bytes",
		[BASE_LINE] = "line",
		[BASE_MIME] = "",
		[BASE_UTF8] = "text",
		[BASE_URL] = "https://example.org/",
		[BASE_SCHEME] = "://example.org/",
		[BASE_JSON] = "{}",
		[BASE_CSV] = "a,b",
		[BASE_REFERENCE] = "weather/prices.table#umbrella",
		[BASE_DIGITS] = "1"};
	const char *word;
	size_t size;

	if (node->base == BASE_SCALAR) {
		put_number(sink, node->scalar);
		return;
	}
	if (node->base == BASE_SCHEME) {
		word = type_word(
			type->source + node->text, node->size, 2, &size);
		type_put(sink, word, size);
	}
	put_text(sink, texts[node->base]);
}

static void put_example(
	struct type_sink *sink, const struct agora_type *type, unsigned n);

/* As an element: with its size before it, if it has none of its own. */
static void put_element(
	struct type_sink *sink, const struct agora_type *type, unsigned n)
{
	size_t start = sink->size;
	uint32_t size;

	if (type->node[n].bytes) {
		put_example(sink, type, n);
		return;
	}
	put_zeros(sink, 4);
	put_example(sink, type, n);
	size = (uint32_t)(sink->size - start - 4);
	if (sink->size <= sink->room)
		memcpy(sink->at + start, &size, 4);
}

static void put_example(
	struct type_sink *sink, const struct agora_type *type, unsigned n)
{
	const struct type_node *node = &type->node[n];
	const struct agora_type *shape = type_shape(node);

	if (shape)
		put_example(sink, shape, shape->root);
	else if (node->form == FORM_STRUCT)
		put_struct(sink, type, n);
	else if (node->form == FORM_UNION)
		put_example(sink, type, node->first);
	else if (node->form == FORM_PATH)
		put_path(sink, type, node);
	else
		for (n = node->first; n; n = type->node[n].next)
			put_element(sink, type, n);
}

/* Lines only of what fits: refinements may have none that we could guess. */
static void write_example(struct type_sink *out, const struct agora_type *type)
{
	char value[EXAMPLE_MAX], text[EXAMPLE_MAX];
	struct type_sink sink = {value, sizeof(value), 0};
	struct agora_buffer line = {text, sizeof(text), 0, 0, 0};

	put_example(&sink, type, type->root);
	if (sink.size > sizeof(value) || !sink.size ||
		agora_type_validate(type, value, sink.size, NULL))
		return;
	if (agora_type_view(type) == AGORA_VIEW_JSON) {
		if (agora_type_print(type, value, sink.size, &line))
			return;
	} else {
		line.data = value;
		line.size = sink.size;
	}
	put_text(out, "example\t");
	type_put(out, line.data, line.size);
	put_text(out, "\n");
}

/* ---- lines ---- */

/* The names of the structs around a field, and its own. */
struct names {
	char text[AGORA_TYPE_MAX + 64];
	size_t end[TYPE_DEPTH + 2]; /* of the name at each depth */
};

static void write_field(struct type_sink *out, struct names *names,
	const struct agora_type_field *field)
{
	struct type_text name = {names->text, sizeof(names->text),
		field->depth ? names->end[field->depth - 1] : 0};
	char line[AGORA_TYPE_MAX + 256];
	struct type_text text = {line, sizeof(line), 0};

	type_write(&name, "%s%.*s", field->depth ? "." : "",
		(int)field->name_size, field->name);
	for (unsigned i = 0; i < field->dims; i++)
		type_write(&name, "[%u]", field->count[i]);
	names->end[field->depth] = name.size;
	type_write(&text, "field\t%s\t%s\t%zu\t%zu\n", names->text, field->type,
		field->offset, field->size);
	type_put(out, line, text.size);
}

static void write_lines(struct type_sink *out, const struct agora_type *type)
{
	static const char *const views[] = {[AGORA_VIEW_BYTES] = "bytes",
		[AGORA_VIEW_LINES] = "lines",
		[AGORA_VIEW_JSON] = "json"};
	char line[AGORA_TYPE_MAX + 64];
	struct type_text text = {line, sizeof(line), 0};
	struct agora_type_field field;
	struct names names = {.text = ""};

	type_write(&text, "type\t%s\n", type->canon);
	if (agora_type_size(type))
		type_write(&text, "size\t%zu\n", agora_type_size(type));
	type_write(&text, "view\t%s\n", views[agora_type_view(type)]);
	type_put(out, line, text.size);
	for (size_t i = 0; !agora_type_field(type, i, &field); i++)
		write_field(out, &names, &field);
}

int agora_type_schema(
	const struct agora_type *type, struct agora_buffer *ret_text)
{
	struct type_sink out = {ret_text->data, ret_text->capacity, 0};

	write_lines(&out, type);
	write_example(&out, type);
	ret_text->size = out.size;
	return out.size > out.room ? -EMSGSIZE : 0;
}
