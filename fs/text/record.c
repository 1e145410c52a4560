/*
 * record.c - named values of one thing, to be shown in any form.
 */
#include "record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void record_free(struct record *record)
{
	size_t i;

	for (i = 0; i < record->count; i++)
		free(record->fields[i].string);
	free(record->fields);
	*record = (struct record){0};
}

/* Make room for one more field. */
static int grow(struct record *record)
{
	size_t capacity = record->capacity ? record->capacity * 2 : 16;
	struct record_field *fields;

	if (record->count < record->capacity)
		return 0;
	fields = reallocarray(record->fields, capacity, sizeof(*fields));
	if (!fields)
		return -ENOMEM;
	record->fields = fields;
	record->capacity = capacity;
	return 0;
}

/* Add a field, or NULL once something failed. */
static struct record_field *add(
	struct record *record, const char *name, enum record_form form)
{
	struct record_field *field;

	if (!record->error)
		record->error = grow(record);
	if (record->error)
		return NULL;
	field = &record->fields[record->count++];
	*field = (struct record_field){.name = name, .form = form};
	return field;
}

void record_number(struct record *record, const char *name, uint64_t number)
{
	struct record_field *field = add(record, name, RECORD_NUMBER);

	if (field)
		field->number = number;
}

void record_flag(struct record *record, const char *name, bool flag)
{
	struct record_field *field = add(record, name, RECORD_FLAG);

	if (field)
		field->number = flag;
}

void record_bytes(
	struct record *record, const char *name, const void *data, size_t size)
{
	struct record_field *field = add(record, name, RECORD_STRING);

	if (!field)
		return;
	field->string = malloc(size + 1);
	if (!field->string) {
		record->error = -ENOMEM;
		record->count--;
		return;
	}
	if (size)
		memcpy(field->string, data, size);
	field->string[size] = 0;
	field->size = size;
}

void record_string(struct record *record, const char *name, const char *s)
{
	record_bytes(record, name, s, strlen(s));
}

void record_item(struct record *record, const char *name, const char *s)
{
	record_string(record, name, s);
	if (!record->error)
		record->fields[record->count - 1].repeats = true;
}

void record_time(struct record *record, const char *name, struct timespec time)
{
	char s[64];
	struct tm tm;

	if (!gmtime_r(&time.tv_sec, &tm)) {
		record_none(record, name);
		return;
	}
	strftime(s, sizeof(s), "%Y-%m-%dT%H:%M:%SZ", &tm);
	record_string(record, name, s);
}

void record_none(struct record *record, const char *name)
{
	add(record, name, RECORD_NONE);
}

int record_value(struct text *out, const struct record_field *field)
{
	switch (field->form) {
	case RECORD_NUMBER:
		return text_print(out, "%" PRIu64, field->number);
	case RECORD_FLAG:
		return text_print(out, "%s", field->number ? "yes" : "no");
	case RECORD_STRING:
		return text_escape(out, field->string, field->size);
	default:
		return text_append(out, "-", 1);
	}
}

int record_lines(struct text *out, const struct record *record)
{
	size_t mark = out->size;
	int r = record->error;
	size_t i;

	for (i = 0; i < record->count && r == 0; i++) {
		r = text_print(out, "%s\t", record->fields[i].name);
		if (r == 0)
			r = record_value(out, &record->fields[i]);
		if (r == 0)
			r = text_append(out, "\n", 1);
	}
	if (r < 0)
		out->size = mark;
	return r;
}

int record_row(struct text *out, const struct record *record)
{
	size_t mark = out->size;
	int r = record->error;
	size_t i;

	for (i = 0; i < record->count && r == 0; i++) {
		if (i)
			r = text_append(out, "\t", 1);
		if (r == 0)
			r = record_value(out, &record->fields[i]);
	}
	if (r == 0)
		r = text_append(out, "\n", 1);
	if (r < 0)
		out->size = mark;
	return r;
}
