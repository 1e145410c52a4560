/*
 * output.c - columns for people, tabs for programs, JSON on request.
 */
#include "tool.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uniwidth.h>

/* ---- bytes ------------------------------------------------------------ */

int tool_write(const void *data, size_t size)
{
	const char *from = data;
	ssize_t n;

	while (size) {
		n = write(STDOUT_FILENO, from, size);
		if (n < 0 && errno == EINTR && !tool_stopped())
			continue;
		if (n < 0)
			return -errno;
		from += n;
		size -= (size_t)n;
	}
	return 0;
}

int tool_write_failed(int error)
{
	if (tool_stopped())
		return tool_stopped();
	if (error != -EPIPE)
		return tool_say("standard output", "%s", strerror(-error));
	tool_restore_pipe();
	raise(SIGPIPE);
	return TOOL_NO;
}

int tool_print(struct text *text, int r)
{
	if (r < 0) {
		text_free(text);
		return tool_error("standard output", r);
	}
	r = tool_write(text->data, text->size);
	text_free(text);
	return r < 0 ? tool_write_failed(r) : TOOL_DONE;
}

/* ---- JSON ------------------------------------------------------------- */

/* A string as it is, or as a line shows it when it is not UTF-8. */
static json_t *json_of_string(const struct record_field *field)
{
	json_t *json = NULL;
	struct text shown = {0};

	if (field->form == RECORD_STRING)
		json = json_stringn(field->string, field->size);
	if (json)
		return json;
	if (record_value(&shown, field) == 0)
		json = json_stringn(shown.data, shown.size);
	text_free(&shown);
	return json;
}

/* What no signed integer can hold is written as a line shows it. */
static json_t *json_of_number(const struct record_field *field)
{
	if (field->number > INT64_MAX)
		return json_of_string(field);
	return json_integer((json_int_t)field->number);
}

static json_t *json_of_field(const struct record_field *field)
{
	switch (field->form) {
	case RECORD_NUMBER:
		return json_of_number(field);
	case RECORD_FLAG:
		return json_boolean(field->number);
	case RECORD_NONE:
		return json_null();
	default:
		return json_of_string(field);
	}
}

static int add_field(json_t *object, const struct record_field *field)
{
	json_t *list;

	if (!field->repeats)
		return json_object_set_new(
			object, field->name, json_of_field(field));
	list = json_object_get(object, field->name);
	if (!list) {
		list = json_array();
		if (json_object_set_new(object, field->name, list) < 0)
			return -1;
	}
	return json_array_append_new(list, json_of_field(field));
}

static json_t *json_of_record(const struct record *record)
{
	json_t *object = json_object();
	size_t i;

	for (i = 0; object && i < record->count; i++) {
		if (add_field(object, &record->fields[i]) < 0) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

/* Write JSON as text, and be done with it. */
static int print_json(struct text *out, json_t *json, size_t flags)
{
	char *s = json ? json_dumps(json, flags) : NULL;
	int r = s ? text_print(out, "%s\n", s) : -ENOMEM;

	free(s);
	json_decref(json);
	return r;
}

/* ---- columns ---------------------------------------------------------- */

#define MAX_COLUMNS 16

static size_t width(const char *s, size_t size)
{
	int columns = u8_width((const uint8_t *)s, size, "UTF-8");

	return columns > 0 ? (size_t)columns : 0;
}

/* Write a cell and, if it is not the last, what fills its column. */
static int cell(
	struct text *out, const char *s, size_t size, size_t column, bool last)
{
	size_t used = width(s, size);
	int r = text_append(out, s, size);

	if (r < 0 || last)
		return r < 0 ? r : text_append(out, "\n", 1);
	used = column > used ? column - used : 0;
	return text_print(out, "%*s", (int)used + 2, "");
}

static int head(
	struct text *out, const struct record *record, const size_t *columns)
{
	size_t i, j;
	int r = 0;

	for (i = 0; i < record->count && r == 0; i++) {
		char name[32] = "";

		for (j = 0; record->fields[i].name[j] && j < 31; j++)
			name[j] = (char)toupper(record->fields[i].name[j]);
		r = cell(out, name, j, columns[i], i + 1 == record->count);
	}
	return r;
}

static int row(
	struct text *out, const struct record *record, const size_t *columns)
{
	struct text value = {0};
	size_t i;
	int r = 0;

	for (i = 0; i < record->count && r == 0; i++) {
		value.size = 0;
		r = record_value(&value, &record->fields[i]);
		if (r == 0)
			r = cell(out, value.data, value.size, columns[i],
				i + 1 == record->count);
	}
	text_free(&value);
	return r;
}

/* Widen columns to what a record needs. */
static int measure(const struct record *record, size_t *columns)
{
	struct text value = {0};
	size_t i, needed;
	int r = record->count > MAX_COLUMNS ? -EINVAL : 0;

	for (i = 0; i < record->count && r == 0; i++) {
		const struct record_field *field = &record->fields[i];

		value.size = 0;
		r = record_value(&value, field);
		needed = value.size ? width(value.data, value.size) : 0;
		if (needed < strlen(field->name))
			needed = strlen(field->name);
		if (columns[i] < needed)
			columns[i] = needed;
	}
	text_free(&value);
	return r;
}

static int print_columns(struct text *out, const struct list *list)
{
	size_t columns[MAX_COLUMNS] = {0};
	size_t i;
	int r = 0;

	for (i = 0; i < list->count && r == 0; i++)
		r = measure(&list->records[i], columns);
	if (r == 0 && list->count)
		r = head(out, &list->records[0], columns);
	for (i = 0; i < list->count && r == 0; i++)
		r = row(out, &list->records[i], columns);
	return r;
}

/* ---- records ---------------------------------------------------------- */

/* As record_lines(), with the values in a column. */
static int print_lines(struct text *out, const struct record *record)
{
	size_t i;
	int r = record->error;

	for (i = 0; i < record->count && r == 0; i++) {
		r = text_print(out, "%-12s  ", record->fields[i].name);
		if (r == 0)
			r = record_value(out, &record->fields[i]);
		if (r == 0)
			r = text_append(out, "\n", 1);
	}
	return r;
}

int tool_print_record(struct record *record)
{
	struct text out = {0};
	int r = record->error;

	if (r == 0 && tool_json())
		r = print_json(&out, json_of_record(record), JSON_INDENT(2));
	else if (r == 0 && isatty(STDOUT_FILENO))
		r = print_lines(&out, record);
	else if (r == 0)
		r = record_lines(&out, record);
	record_free(record);
	return tool_print(&out, r);
}

int tool_print_row(struct record *record)
{
	struct text out = {0};
	int r = record->error;

	if (r == 0 && tool_json())
		r = print_json(&out, json_of_record(record), JSON_COMPACT);
	else if (r == 0)
		r = record_row(&out, record);
	record_free(record);
	return tool_print(&out, r);
}

int tool_json_row(struct text *out, struct record *record)
{
	int r = record->error;

	if (r == 0)
		r = print_json(out, json_of_record(record), JSON_COMPACT);
	record_free(record);
	return r;
}

int list_add(struct list *list, struct record *record)
{
	size_t capacity = list->capacity ? list->capacity * 2 : 16;
	struct record *records = list->records;
	int r = record->error;

	if (r == 0 && list->count == list->capacity) {
		records = reallocarray(records, capacity, sizeof(*records));
		r = records ? 0 : -ENOMEM;
	}
	if (r < 0) {
		record_free(record);
		return r;
	}
	if (list->count == list->capacity)
		list->capacity = capacity;
	list->records = records;
	list->records[list->count++] = *record;
	*record = (struct record){0};
	return 0;
}

static int print_rows(struct text *out, const struct list *list)
{
	size_t i;
	int r = 0;

	for (i = 0; i < list->count && r == 0; i++)
		r = record_row(out, &list->records[i]);
	return r;
}

static int print_list_json(struct text *out, const struct list *list)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; array && i < list->count; i++)
		if (json_array_append_new(
			    array, json_of_record(&list->records[i])) < 0)
			break;
	if (array && i < list->count) {
		json_decref(array);
		return -ENOMEM;
	}
	return print_json(out, array, JSON_INDENT(2));
}

int list_print(struct list *list)
{
	struct text out = {0};
	size_t i;
	int r;

	if (tool_json())
		r = print_list_json(&out, list);
	else if (isatty(STDOUT_FILENO))
		r = print_columns(&out, list);
	else
		r = print_rows(&out, list);
	for (i = 0; i < list->count; i++)
		record_free(&list->records[i]);
	free(list->records);
	*list = (struct list){0};
	return tool_print(&out, r);
}
