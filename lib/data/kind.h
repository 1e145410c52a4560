/*
 * kind.h - a row of the table of kinds: all that object.c must know of one.
 *
 * A kind is one file, which defines one struct kind; kinds.c lists them. The
 * verbs take the kind's handle, which begins with a struct agora_object.
 * object.c has done segment_enter() and does segment_leave(); a verb that a
 * kind lacks is NULL.
 */
#ifndef LIB_DATA_KIND_H
#define LIB_DATA_KIND_H

#include "shm/segment.h"

#include <agora/object.h>

struct kind;

/* A message of a snapshot: what the kind needs to find it again. */
struct token {
	uint64_t word[2];
};

/* The beginning of every handle. */
struct agora_object {
	const struct kind *kind; /* perhaps a variant of named */
	const struct kind *named;
	uint32_t flags;          /* those of opening */
	struct agora_type *type; /* parsed, with AGORA_CHECK; else NULL */
	char *path;              /* by which it was opened */
	struct segment segment;
};

struct kind {
	struct agora_kind row;
	struct segment_kind segment;
	size_t handle_size; /* the largest of all variants */

	/*
	 * The row that works on a segment with these parameters, which have
	 * been checked, when one kind is made in several ways. The layout is
	 * that of the row in the table, and so is what the row says of itself.
	 * May be NULL.
	 */
	const struct kind *(*variant)(const struct params_shm *params);
	/*
	 * Turn options into parameters, with defaults. type and clients are
	 * done by the caller. Returns NULL, or what is wrong with them: see
	 * agora_options_problem().
	 */
	const char *(*plan)(
		const struct agora_options *options, struct params_shm *params);
	/* Set the handle up; the segment is mapped and has no client yet. */
	int (*open)(void *handle);
	/* Give blocks back; the client id is still ours. */
	void (*close)(void *handle);

	int (*stat)(void *handle, struct agora_stat *stat);
	int (*check)(void *handle, int repair, struct agora_check *check);
	/* Count, for each client id, what it acquired and did not release. */
	void (*claims)(void *handle, uint32_t counts[CLIENTS_MAX + 1]);
	/* Give back the roles this handle has; may be NULL. */
	void (*yield)(void *handle);
	/* Which of events hold now, or a negative errno. */
	int (*ready)(void *handle, uint32_t events, uint64_t cursor);

	int (*push)(void *handle, const void *data, size_t size);
	int (*push_priority)(
		void *handle, uint64_t priority, const void *data, size_t size);
	int (*push_batch)(
		void *handle, const struct iovec *messages, size_t count);
	int (*reserve)(void *handle, size_t size, struct agora_reservation *r);
	int (*write)(void *handle, const struct agora_reservation *r,
		size_t offset, const void *data, size_t size);
	int (*commit)(void *handle, const struct agora_reservation *r);
	int (*abort)(void *handle, const struct agora_reservation *r);
	int (*pop)(void *handle, struct agora_buffer *message);
	int (*pop_batch)(
		void *handle, struct agora_buffer *messages, size_t count);
	int (*peek)(void *handle, struct agora_buffer *message);
	int (*walk)(void *handle, uint64_t *cursor, struct agora_buffer *m);
	int (*tap)(void *handle, uint64_t *cursor, struct agora_buffer *m);
	int (*end)(void *handle, uint64_t *cursor);
	/*
	 * Kinds whose messages have no place that a cursor could name have
	 * these two instead of walk. snapshot: the tokens of what is there, in
	 * order, to be freed with free(3); returns 0 or a negative errno.
	 * look: copy the message of a token; -ESTALE when it is gone.
	 */
	int (*snapshot)(
		void *handle, struct token **ret_tokens, size_t *ret_count);
	int (*look)(void *handle, const struct token *token,
		struct agora_buffer *m);
	int (*acquire)(void *handle, struct agora_message *message);
	int (*read)(void *handle, const struct agora_message *message,
		size_t offset, void *data, size_t size);
	int (*release)(void *handle, const struct agora_message *message);
	int (*restore)(void *handle, const struct agora_message *message);

	int (*get)(void *handle, const void *key, size_t key_size,
		struct agora_buffer *value);
	int (*put)(void *handle, const void *key, size_t key_size,
		const void *value, size_t value_size);
	int (*delete)(void *handle, const void *key, size_t key_size);
	int (*next)(void *handle, struct agora_buffer *key,
		struct agora_buffer *value);

	int (*load)(void *handle, struct agora_buffer *value);
	int (*store)(void *handle, const void *data, size_t size);
	int (*append)(void *handle, const void *data, size_t size);
	/* *ret_version: the new one, or on -ESTALE the present one. */
	int (*compare)(void *handle, const struct agora_buffer *value,
		uint64_t *ret_version);
};

/* One for each file of this directory that is a structure. */
extern const struct kind kind_heap;
extern const struct kind kind_list;
extern const struct kind kind_log;
extern const struct kind kind_map;
extern const struct kind kind_queue;
extern const struct kind kind_set;
extern const struct kind kind_stack;
extern const struct kind kind_string;
extern const struct kind kind_table;

/* The row of a public kind. */
static inline const struct kind *kind_of_row(const struct agora_kind *row)
{
	return (const struct kind *)row;
}

/* Open an object that must be of a kind. Returns as agora_object_open(). */
int object_open_kind(struct agora_space *space, const char *path,
	uint32_t flags, const struct agora_options *options,
	const struct kind *kind, void **ret_handle);

/* Return what call gives between segment_enter() and segment_leave(). */
#define OBJECT_RUN(handle, call)                                           \
	do {                                                               \
		const struct segment *segment = &(handle)->object.segment; \
		int error = segment_enter(segment);                        \
                                                                           \
		return error ? error : segment_leave(segment, call);       \
	} while (0)

/* 0, or why this handle must not write. */
static inline int object_writable(const struct agora_object *object)
{
	return likely(object->segment.client) ? 0 : -EACCES;
}

/* 0, or -EBADMSG when the handle checks types and the value does not fit. */
static inline int object_fits(
	const struct agora_object *object, const void *data, size_t size)
{
	if (likely(!(object->flags & AGORA_CHECK)))
		return 0;
	return agora_type_validate(object->type, data, size, NULL);
}

#endif
