/*
 * string.h - what the files of the string share: the bytes and the handle.
 *
 * The arguments stand at the heads of string.c and, for one writer,
 * string_one.c, but for one that both need:
 *
 *  [D] word of the one writer: stored with seq_cst (on account of [E] of
 *  event.h), read with acquire: who reads it sees the side, and the blocks
 *  that it names, written.
 */
#ifndef LIB_DATA_STRING_H
#define LIB_DATA_STRING_H

#include "base/copy.h"
#include "data/kind.h"
#include "shm/event.h"
#include "shm/message.h"

#include <agora/string.h>

/* An internal result, beside negative errnos: it changed, look again. */
enum { CHANGED = 1 };

/* ---- the bytes ---- */

/* Many writers: the root is version:48 | index + 1 of a head:16. */
#define ROOT_BITS  16
#define ROOT_INDEX ((UINT64_C(1) << ROOT_BITS) - 1)

/* Heads that a root can name. */
#define STRING_HEADS ((uint32_t)ROOT_INDEX)

/*
 * Many writers: what the key_size of a head says: index + 1 of the head that
 * it replaced, and whether it stands for no value.
 */
#define HEAD_PREVIOUS ((uint32_t)ROOT_INDEX)
#define HEAD_CLEARED  (UINT32_C(1) << 31)

/* Bytes of a side. */
#define SIDE_SIZE 128

/*
 * One writer: all of it, in the array. word: version:48 | what:16; the value
 * of a version is on side version % 2.
 */
struct cell_shm {
	_Alignas(CACHE_LINE) _Atomic uint64_t word;
	_Atomic uint64_t writing; /* the version whose side is being written */
	_Atomic uint32_t head[2]; /* of each side: index + 1; 0: none */
	uint64_t reserved[5];
	char side[2][SIDE_SIZE];
};

static_assert(sizeof(struct cell_shm) == 320, "format");

/* What a side holds: up to SIDE_SIZE bytes, or else one of these. */
enum { WHAT_BLOCKS = 0xfffe, WHAT_CLEARED = 0xffff };

/* ---- the handle ---- */

struct agora_string {
	struct agora_object object;
	struct store store;
	_Atomic uint64_t *root; /* many writers */
	struct cell_shm *cell;  /* one writer; NULL: many */
	size_t limit;           /* of the value */
	pthread_mutex_t turn;   /* of the only writer's threads */
	bool locked;            /* turn is held, by who is at work */
	bool role;              /* this handle is the only writer */
};

/* Times to look again before it is called damage: somebody may mean harm. */
#define LOAD_TRIES BUDGET(100000000)

static inline uint64_t root_version(uint64_t root)
{
	return root >> ROOT_BITS;
}

/* The version of the last change. */
static inline uint64_t string_version(const struct agora_string *s)
{
	/* [R] [D] */
	return root_version(atomic_load_explicit(
		s->cell ? &s->cell->word : s->root, memory_order_acquire));
}

/* As copy_out(), without a call for the size that matters most. */
static inline void string_copy_out(void *to, const void *shared, size_t size)
{
	if (size == 64)
		copy_out(to, shared, 64);
	else
		copy_out(to, shared, size);
}

static inline uint64_t string_state(
	const struct agora_string *s, struct block_ref head)
{
	/* [S] */
	return atomic_load_explicit(
		&store_head(&s->store, head)->state, memory_order_acquire);
}

/* What is asked of a change. */
struct write {
	enum write_verb {
		WRITE_STORE,
		WRITE_SWAP,
		WRITE_COMPARE,
		WRITE_APPEND,
		WRITE_CLEAR
	} verb;
	const void *data;
	size_t size;
	uint64_t version;         /* compare: to be found; then the new one */
	struct agora_buffer *old; /* swap */
};

/* Copy of a value to which something is appended. */
struct copy {
	char *data;
	size_t size;
	char some[1024];
	char *more; /* allocated; NULL: not needed */
};

/* Room for size bytes. 0, -ENOMEM. */
int copy_make(struct copy *copy, size_t size);
void copy_free(struct copy *copy);

/* Bound a value of so many bytes, and check it: 0, -EMSGSIZE, -EBADMSG. */
int string_fits(const struct agora_string *s, const void *data, size_t size);

/* ---- many writers: string.c ---- */

int string_load(void *handle, struct agora_buffer *value);
int string_write(struct agora_string *s, struct write *w);
void string_recover(struct segment *segment, const struct client_set *dead);

/* Free what the present head replaced, if who replaced it did not. */
void string_settle(struct agora_string *s);

/* Is the head the present one, or the one that it replaced? */
bool string_is_named(
	const struct agora_string *s, struct block_ref ref, uint64_t state);

/* ---- one writer: string_one.c ---- */

int string_one_load(void *handle, struct agora_buffer *value);
int string_one_write(struct agora_string *s, struct write *w);
void string_one_yield(void *handle);
void string_one_recover(struct segment *segment, const struct client_set *dead);
bool string_one_is_named(
	const struct agora_string *s, struct block_ref ref, uint64_t state);

/* ---- either: string_view.c ---- */

/* Copy the value if it is of a version after this one: as load, -EAGAIN. */
int string_load_after(
	struct agora_string *s, uint64_t version, struct agora_buffer *value);

int string_tap(void *handle, uint64_t *cursor, struct agora_buffer *value);
int string_end(void *handle, uint64_t *cursor);
int string_ready(void *handle, uint32_t events, uint64_t cursor);
int string_stat(void *handle, struct agora_stat *stat);
int string_check(void *handle, int repair, struct agora_check *check);

/* As string_load(), of either. */
static inline int string_look(
	struct agora_string *s, struct agora_buffer *value)
{
	return s->cell ? string_one_load(s, value) : string_load(s, value);
}

#endif
