/*
 * text.h - how agora's things look as text.
 *
 * The mount and the command print through these functions, so that a line
 * read in the tree and a line printed by the command are the same line.
 *
 * Functions that make text append to a buffer and return 0 or -ENOMEM; on
 * failure the buffer keeps the size it had before the call.
 */
#ifndef FS_TEXT_TEXT_H
#define FS_TEXT_TEXT_H

#include <agora/agora.h>
#include <stdbool.h>
#include <stddef.h>

/* ---- a growing buffer (text.c) ---------------------------------------- */

/** All-zero is an empty one. data is NULL or has capacity bytes. */
struct text {
	char *data;
	size_t size;
	size_t capacity;
};

/** Free the bytes and make the buffer empty. */
void text_free(struct text *t);

/** Make room for size more bytes. */
int text_reserve(struct text *t, size_t size);

int text_append(struct text *t, const void *data, size_t size);
int text_print(struct text *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* ---- bytes in a line (escape.c) --------------------------------------- */

/**
 * Write bytes so that they fit in a field of a line, reversibly.
 *
 * A backslash is "\\", a tab "\t", a newline "\n", a carriage return "\r".
 * Bytes that are not part of a printable character of valid UTF-8 are
 * "\xHH" each: control and format characters (but the joiners), unassigned
 * ones, and stray bytes. All else is as it is.
 */
int text_escape(struct text *out, const void *data, size_t size);

/**
 * Undo text_escape(). Bytes that need not be escaped are taken as they are.
 *
 * Returns 0, -ENOMEM, -EBADMSG (a backslash followed by something else than
 * \\ \t \n \r \xHH; *ret_offset, if not NULL, is where that backslash is).
 */
int text_unescape(
	struct text *out, const char *line, size_t size, size_t *ret_offset);

/**
 * Write a key as the name of a file: as text_escape(), and "/" as "\x2F",
 * the first dot of "." and ".." as "\x2E". text_unescape() undoes it.
 *
 * Returns 0, -ENOMEM, -EINVAL (the empty key), -ENAMETOOLONG (the name would
 * have more than 255 bytes).
 */
int text_key_name(struct text *out, const void *key, size_t size);

/* ---- a line for an entry: key<TAB>value (escape.c) -------------------- */

/** Write a whole line, with its newline. */
int text_entry(struct text *out, const void *key, size_t key_size,
	const void *value, size_t value_size);

/**
 * Take a line without its newline apart at its first tab.
 *
 * key, value: what they held is replaced. Their contents are undefined
 * after a failure.
 * Returns 0, -ENOMEM, -EBADMSG (no tab: *ret_offset is size; or a bad
 * escape, see text_unescape()).
 */
int text_entry_parse(const char *line, size_t size, struct text *key,
	struct text *value, size_t *ret_offset);

/* ---- messages and values (text.c) ------------------------------------- */

/**
 * Write a message or a value as reading shows it: of a type with lines
 * (agora_type_is_lines) as it is and a newline, of others as it is.
 */
int text_message(
	struct text *out, const char *type, const void *data, size_t size);

/**
 * Write a message as the views of its type have it (agora_type_view): as it
 * is; as it is and a newline; or as JSON and a newline.
 *
 * Returns 0, -ENOMEM, -EBADMSG (it does not fit its type, so that there is no
 * JSON of it), -EOPNOTSUPP.
 */
int text_typed(struct text *out, const struct agora_type *type,
	const void *data, size_t size);

/**
 * Make a message of what was written for it, without its newline: JSON is
 * read, and all is checked.
 *
 * Returns 0, -ENOMEM, -EBADMSG (*ret_error, if not NULL, says why),
 * -EOPNOTSUPP.
 */
int text_typed_parse(struct text *out, const struct agora_type *type,
	const char *line, size_t size, struct agora_type_error *ret_error);

/** Size of a value as written to a file: text loses one final newline. */
size_t text_value_size(const char *type, const void *data, size_t size);

/* ---- what is written becomes lines (lines.c) -------------------------- */

/**
 * A splitter for one stream of writes. All-zero is a fresh one.
 *
 *	while (size) {
 *		r = text_lines_next(&lines, data, size, &line);
 *		if (r == 0)
 *			break;              all of data is used up
 *		if (r < 0 || push(line.data, line.size) < 0)
 *			break;              line is not used: try it again later
 *		text_lines_accept(&lines);
 *		data += line.used;
 *		size -= line.used;
 *	}
 */
struct text_lines {
	struct text rest; /* the beginning of a line, and scratch after it */
	size_t held;      /* bytes of rest that earlier writes left */
	size_t limit;     /* longest line; 0 means any */
};

/** One line, without its newline. Valid until the next call. */
struct text_line {
	const char *data;
	size_t size;
	size_t used; /* bytes of the caller's data that it used up */
};

/**
 * Find the next line: what earlier writes left, and data up to a newline.
 *
 * Returns 1: *ret_line is a line. Nothing is consumed until
 * text_lines_accept(): the same line can be asked for again.
 * Returns 0: there is no newline in data; all of data is kept as the
 * beginning of a line (also when size is 0).
 * Returns -EMSGSIZE (line longer than limit), -ENOMEM: nothing of data is
 * consumed, and what earlier writes left is still there.
 */
int text_lines_next(struct text_lines *lines, const char *data, size_t size,
	struct text_line *ret_line);

/**
 * Get the unfinished line at the end of the stream; its used is 0.
 * Returns 1, or 0 when the stream ended with a newline or is empty.
 */
int text_lines_finish(struct text_lines *lines, struct text_line *ret_line);

/** The line was delivered: go on behind it. */
void text_lines_accept(struct text_lines *lines);

/** Forget the unfinished line and free its memory. The limit stays. */
void text_lines_free(struct text_lines *lines);

/* ---- views (view.c) --------------------------------------------------- */

/*
 * text_stat, text_program: lines "name<TAB>value". Words are names of
 * agora_stat with '-' for '_', and those that a shape lacks are left out:
 * kind, type, depth (sequences) or keys (keyed), capacity, bytes,
 * message-size or value-size, key-size, memory, memory-max, pushed, popped,
 * redelivered, recovered, clients, clients-max, waiters, writers (one|many),
 * fixed (yes|no), format, created.
 */
int text_stat(struct text *out, const struct agora_stat *stat);

/*
 * name, pid, alive (yes|no), since, a line for each tag, doc. Without pid and
 * since when nobody ever registered, without doc when there is none.
 */
int text_program(struct text *out, const struct agora_program_info *info);

/*
 * A line for each client: id, pid, command, claims, age in seconds, and
 * state (waiting|open|dead), separated by tabs. The command is "-" when
 * the process is gone.
 */
int text_clients(
	struct text *out, const struct agora_client *clients, size_t count);

/* A line: the event's name, a tab, PROGRAM or PROGRAM/OBJECT. */
int text_event(struct text *out, const struct agora_event *event);

#endif
