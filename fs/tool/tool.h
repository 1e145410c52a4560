/*
 * tool.h - what the subcommands of agora share.
 *
 * A subcommand is a function that gets its own arguments and returns the
 * exit status. Its argp has tool_children (or tool_json_children) and its
 * parser lets tool_words() take what is not an option.
 */
#ifndef FS_TOOL_TOOL_H
#define FS_TOOL_TOOL_H

#include "record.h"

#include <argp.h>
#include <limits.h>

/* Exit statuses. Ended by a signal, a wait exits with 128 + its number. */
enum { TOOL_DONE = 0, TOOL_NO = 1, TOOL_WRONG = 2 };

/* ---- the subcommands (one file each) ---------------------------------- */

int create_main(int argc, char **argv);
int del_main(int argc, char **argv);
int doctor_main(int argc, char **argv);
int follow_main(int argc, char **argv);
int get_main(int argc, char **argv);
int ls_main(int argc, char **argv);
int mount_main(int argc, char **argv);
int peek_main(int argc, char **argv);
int pop_main(int argc, char **argv);
int push_main(int argc, char **argv);
int put_main(int argc, char **argv);
int range_main(int argc, char **argv);
int register_main(int argc, char **argv);
int rm_main(int argc, char **argv);
int stat_main(int argc, char **argv);
int tail_main(int argc, char **argv);
int umount_main(int argc, char **argv);
int watch_main(int argc, char **argv);

/* ---- arguments (args.c) ----------------------------------------------- */

/* --space for all, --json for those that print records. */
extern const struct argp_child tool_children[];
extern const struct argp_child tool_json_children[];

/** Parse argv; wrong use ends the process with one line and TOOL_WRONG. */
void tool_parse(const struct argp *argp, int argc, char **argv, void *input);

/** Say in one line what is wrong with the arguments, and end. */
void tool_wrong(const struct argp_state *state, const char *format, ...)
	__attribute__((format(printf, 2, 3), noreturn));

/** Names of the arguments that are not options: the first min must be. */
struct tool_words {
	const char *names[4]; /* "PATH", "KEY" */
	unsigned int min;
	unsigned int max;
};

/**
 * Take an argument that is not an option into words[], which has room for
 * expected->max, or tell that one is missing or too many.
 * Returns what an argp parser returns for the key.
 */
error_t tool_words(int key, char *arg, struct argp_state *state,
	const struct tool_words *expected, const char **words);

/** Read a number with an optional suffix K, M or G (of 1024). */
uint64_t tool_size(
	const struct argp_state *state, const char *option, const char *arg);

/** Read a number of messages: 1 or more, or "all", which is UINT64_MAX. */
uint64_t tool_count(
	const struct argp_state *state, const char *option, const char *arg);

/** Read a number of 64 bits. */
uint64_t tool_number(
	const struct argp_state *state, const char *option, const char *arg);

/** Whether --json was given. */
bool tool_json(void);

/* ---- the space and its objects (tool.c) ------------------------------- */

/** Choose the space: what --space says. */
void tool_set_space(const char *path);

/** Open the space, once, or say why not and end with TOOL_NO. */
struct agora_space *tool_space(void);

/** Print "agora: NAME: MESSAGE". Returns TOOL_NO. */
int tool_say(const char *name, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** Print the text of an error of the library. Returns TOOL_NO. */
int tool_error(const char *name, int error);

/** As tool_error(), and for what is missing how to make it. */
int tool_missing(const char *path, int error);

/** Check the name of a program. Returns 0 or, after a line, TOOL_WRONG. */
int tool_check_program(const char *name);

/** Check that path names an object. Returns 0 or, after a line, an exit. */
int tool_check_path(const char *path, const struct agora_kind **ret_kind);

/**
 * Open an object that can do verb (AGORA_CAN_...; 0 is anything).
 * Returns 0 or, after a line about it, an exit status.
 */
int tool_open(const char *path, uint32_t flags, uint32_t verb,
	struct agora_object **ret_object);

/**
 * Open an object that has two ends, for an option that names one.
 * Returns 0 or, after a line about it, an exit status.
 */
int tool_open_list(const char *path, uint32_t flags, const char *option,
	struct agora_list **ret_list);

/** Make room in buffer and return true if that is why *r is a failure. */
bool tool_grow(struct agora_buffer *buffer, int *r);

/** Turn a key as it is shown into bytes. Returns 0 or an exit status. */
int tool_key(const char *shown, struct text *ret_key);

/**
 * Tell whether a key was named, and check that it was if the object of a path
 * has keys, and was not if that is one value. Of what is neither, opening it
 * says more. Returns 0 or, after a line, an exit status.
 */
int tool_wants_key(const char *path, const char *shown, bool *ret_keyed);

/** Say that a key is not there, or too long, or what else error is. */
int tool_key_error(
	const char *path, const char *shown, size_t key_size, int error);

/** Say why data does not fit: -EBADMSG and its like. Returns TOOL_NO. */
int tool_refused(struct agora_object *object, const char *path,
	const void *data, size_t size, int error);

/* ---- output (output.c) ------------------------------------------------ */

/** Write to standard output. Returns 0 or a negative errno. */
int tool_write(const void *data, size_t size);

/** Tell that writing failed. Returns an exit status; may end by SIGPIPE. */
int tool_write_failed(int error);

/** Write text, free it, and return an exit status. r: if < 0, no memory. */
int tool_print(struct text *text, int r);

/** Print "name value" lines, or JSON. Frees record. Returns an exit. */
int tool_print_record(struct record *record);

/** Print a record as a row, or as JSON on one line. Frees record. */
int tool_print_row(struct record *record);

/** Append a record to out as JSON on one line. Frees record. 0 or -ENOMEM. */
int tool_json_row(struct text *out, struct record *record);

/** Records that all have the same names. All-zero is an empty list. */
struct list {
	struct record *records;
	size_t count;
	size_t capacity;
};

/** Put a record at the end; it belongs to the list from now on. */
int list_add(struct list *list, struct record *record);

/** Print as columns, rows or JSON. Frees list. Returns an exit status. */
int list_print(struct list *list);

/* ---- messages and values (message.c) ---------------------------------- */

/** How what is in an object is printed. */
struct tool_look {
	const char *type;
	uint32_t traits;
};

/** raw: only the bytes. */
struct tool_look tool_look(const struct agora_object *object, bool raw);

/** Append what is to be printed of a message. Returns 0 or -ENOMEM. */
int tool_show_message(struct text *out, const struct tool_look *look,
	const struct text_said *said);

/** The same of a value, which is one or belongs to a key. */
int tool_show_value(struct text *out, const struct tool_look *look,
	const struct agora_buffer *value);

/** The same of a key with its value. */
int tool_show_entry(struct text *out, const struct tool_look *look,
	const struct text_pair *pair);

/* ---- keys (keys.c) ---------------------------------------------------- */

/** Print the keys of an object, if full with the sizes of their values. */
int list_keys(const char *path, bool full);

/* ---- signals and waiting (wait.c) ------------------------------------- */

/** From now on SIGINT, SIGTERM and SIGHUP only end waits. */
void tool_catch(void);

/** The exit status for the signal that came, or 0. */
int tool_stopped(void);

/** Read standard input. Returns as read(2), or a negative errno. */
ssize_t tool_read(void *data, size_t size);

/** Read standard input to its end. Returns 0 or a negative errno. */
int tool_read_all(struct text *ret_text);

/**
 * Wait until one of events holds. Needs tool_catch().
 * Returns 0, -EINTR (a signal: see tool_stopped), or another error.
 */
int tool_wait(struct agora_object *object, uint32_t events, uint64_t cursor);

/** Sleep, shorter when a signal comes. */
void tool_sleep(unsigned int milliseconds);

/** SIGPIPE as it was when we were started. */
void tool_ignore_pipe(void);
void tool_restore_pipe(void);

/* ---- mounts (mounts.c) ------------------------------------------------ */

/**
 * Find what is mounted on a directory.
 *
 * path: absolute, without symbolic links.
 * Returns 1 and its type ("fuse.agora"), 0 when nothing is, -errno.
 */
int mounts_find(const char *path, char ret_type[64]);

/**
 * Make a directory's name absolute; that of a mount point without looking
 * at it, which hangs or fails when the server behind it does.
 * Returns 0 or a negative errno.
 */
int mounts_resolve(const char *path, char ret_path[PATH_MAX]);

#endif
