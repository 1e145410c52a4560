/*
 * record.h - named values of one thing, to be shown in any form.
 *
 * A view is made once as a record; then it is printed as lines (a file in
 * the tree), as a row (a list) or as JSON (by the command), always with the
 * same names.
 */
#ifndef FS_TEXT_RECORD_H
#define FS_TEXT_RECORD_H

#include "text.h"

enum record_form {
	RECORD_NUMBER, /* number */
	RECORD_FLAG,   /* number is 0 or 1; shown as no or yes */
	RECORD_STRING, /* string of size bytes */
	RECORD_NONE    /* shown as "-" */
};

struct record_field {
	const char *name; /* lives as long as the program */
	enum record_form form;
	bool repeats; /* one of perhaps many of that name */
	uint64_t number;
	char *string;
	size_t size;
};

/** All-zero is an empty one. */
struct record {
	struct record_field *fields;
	size_t count;
	size_t capacity;
	int error; /* the first failure of those that add; they do no more */
};

void record_free(struct record *record);

void record_number(struct record *record, const char *name, uint64_t number);
void record_flag(struct record *record, const char *name, bool flag);
void record_string(struct record *record, const char *name, const char *s);
void record_bytes(
	struct record *record, const char *name, const void *data, size_t size);
/* A string that may come many times, and is a list in JSON. */
void record_item(struct record *record, const char *name, const char *s);
/* As "2026-01-31T23:59:59Z". */
void record_time(struct record *record, const char *name, struct timespec time);
void record_none(struct record *record, const char *name);

/** Write the value of a field as it stands in a line. 0 or -ENOMEM. */
int record_value(struct text *out, const struct record_field *field);

/** Write "name<TAB>value" lines. Returns 0, -ENOMEM, or record->error. */
int record_lines(struct text *out, const struct record *record);

/** Write one line: the values, separated by tabs. Returns as above. */
int record_row(struct text *out, const struct record *record);

/* ---- views (view.c); see text.h for their words ----------------------- */

void record_of_stat(struct record *record, const struct agora_stat *stat);
void record_of_program(
	struct record *record, const struct agora_program_info *info);
void record_of_client(struct record *record, const struct agora_client *client);
void record_of_event(struct record *record, const struct agora_event *event);

#endif
