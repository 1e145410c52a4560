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
 * Write the first character of data, which has size > 0 bytes, as
 * text_escape() does. *ret_used: of how many bytes it is made.
 */
int text_escape_next(
	struct text *out, const void *data, size_t size, size_t *ret_used);

/* ---- keys as names of files (key.c) ----------------------------------- */

/**
 * Write the part of a key's path that begins with byte *at, and move *at
 * behind it. Most keys have one part: the key as in a line, but "/" is
 * "\x2F", "." and ".." are "\x2E" and "\x2E.", the empty key is "\e". Of
 * keys that this makes longer than 255 bytes each part but the last is a
 * folder and ends in "\+".
 *
 * Returns 1 (more parts follow), 0 (it was the last), -ENOMEM.
 */
int text_key_part(struct text *out, const void *key, size_t size, size_t *at);

/**
 * Find what a name in a folder of keys stands for. No two names stand for the
 * same.
 *
 * key: what the keys of that folder begin with, nothing at the top; the bytes
 * of the name are appended.
 *
 * Returns 0 (a key), 1 (a folder of all keys that begin so), -EINVAL (no key
 * has this name; key is as it was), -ENOMEM.
 */
int text_key_find(struct text *key, const char *name);

/* ---- what a line says (entry.c) --------------------------------------- */

/* traits: those of the object's kind (AGORA_PRIORITIES, AGORA_MEMBERS). */

struct text_pair {
	const void *key;
	size_t key_size;
	const void *value;
	size_t value_size;
};

/** Write the line of an entry, KEY<TAB>VALUE, or that of a member, KEY. */
int text_entry(struct text *out, uint32_t traits, const struct text_pair *pair);

/**
 * Take a line without its newline apart: an entry at its first tab.
 *
 * key, value: what they held is replaced. Their contents are undefined
 * after a failure.
 * Returns 0, -ENOMEM, -EBADMSG (no tab: *ret_offset is size; or a bad
 * escape, see text_unescape()).
 */
int text_entry_parse(uint32_t traits, const char *line, size_t size,
	struct text *key, struct text *value, size_t *ret_offset);

/** A message of a sequence; the priority is 0 where there are none. */
struct text_said {
	const void *data;
	size_t size;
	uint64_t priority;
};

#define TEXT_PRIORITY_MAX 21 /* most bytes of PRIORITY<TAB> */

/** Write what stands before a message: PRIORITY<TAB>, or nothing. */
int text_priority(struct text *out, uint32_t traits, uint64_t priority);

/**
 * Write a message as reading shows it: with priorities PRIORITY<TAB>, then
 * the bytes as they are, and of a type with lines (agora_type_is_lines) a
 * newline.
 */
int text_message(struct text *out, uint32_t traits, const char *type,
	const struct text_said *said);

/**
 * Take what was written as one message apart; its bytes stay where they are.
 *
 * Returns 0, -EBADMSG: *ret_offset is where the priority ceases to be a
 * decimal number of 64 bits that a tab follows.
 */
int text_message_parse(uint32_t traits, const char *line, size_t size,
	struct text_said *ret_said, size_t *ret_offset);

/**
 * Write a value as a file has it: of a type with lines with a newline, but
 * the empty one is the empty file.
 */
int text_value(
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
 * How options are told; NULL where a kind does not have them: writers as one
 * or many, order as strict or relaxed, a bit of flags as yes or no.
 */
const char *text_writers(const struct agora_stat *stat);
const char *text_order(const struct agora_stat *stat);
const char *text_flag(const struct agora_stat *stat, uint32_t flag);

/** The word for the limit of what is stored: message-size or value-size. */
const char *text_size_word(const struct agora_kind *kind);

/*
 * text_stat, text_program: lines "name<TAB>value". Words are names of
 * agora_stat with '-' for '_', and those that say nothing of a kind are left
 * out: kind, type, version (values), depth (sequences) or keys (keyed),
 * capacity, bytes, message-size or value-size, key-size, memory, memory-max,
 * pushed, popped, redelivered, reclaimed, recovered, clients, clients-max,
 * waiters, readers, writers (one|many), order (strict|relaxed), rank-bound,
 * reliable, fixed, spsc (yes|no), format, created.
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
