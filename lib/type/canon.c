/*
 * canon.c - the canonical text of a type.
 */
#include "type/type.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void type_write(struct type_text *out, const char *format, ...)
{
	bool fits = out->size < out->room;
	va_list args;
	int size;

	va_start(args, format);
	size = vsnprintf(fits ? out->at + out->size : NULL,
		fits ? out->room - out->size : 0, format, args);
	va_end(args);
	out->size += size > 0 ? (size_t)size : 0;
}

static void write_fields(
	struct type_text *out, const struct agora_type *type, unsigned n)
{
	type_write(out, "struct{");
	for (n = type->node[n].first; n; n = type->node[n].next) {
		const struct type_node *field = &type->node[n];

		if (field->form == FORM_STRUCT)
			write_fields(out, type, n);
		else
			type_write(out, "%s", type_scalar_name(field->scalar));
		type_write(out, " %.*s", (int)field->name_size,
			type_name(type, field));
		for (unsigned i = 0; i < field->dims; i++)
			type_write(out, "[%u]", field->dim[i]);
		type_write(out, field->next ? "; " : ";");
	}
	type_write(out, "}");
}

void type_canon(
	struct type_text *out, const struct agora_type *type, unsigned n)
{
	static const char *const open[] = {"", "", "list(", "map(", ""};
	static const char *const between[] = {"", "", "", ",", "|"};
	const struct type_node *node = &type->node[n];

	if (node->form == FORM_STRUCT) {
		write_fields(out, type, n);
		return;
	}
	if (node->form == FORM_PATH)
		type_write(out, "%.*s", (int)node->size,
			type->source + node->text);
	type_write(out, "%s", open[node->form]);
	for (n = node->first; n; n = type->node[n].next) {
		type_canon(out, type, n);
		if (type->node[n].next)
			type_write(out, "%s", between[node->form]);
	}
	if (node->form == FORM_LIST || node->form == FORM_MAP)
		type_write(out, ")");
}
