/*
 * operate.h - what the files of operate.c share.
 *
 * A file has the operations of some kinds, and its rows of them.
 */
#ifndef TESTS_FUZZ_OPERATE_H
#define TESTS_FUZZ_OPERATE_H

#include "fuzz.h"

struct run {
	struct agora_object *object;
	struct agora_message held[4];
	unsigned held_count;
	size_t room;         /* in buffers */
	unsigned char *data; /* room bytes, and a fence */
	unsigned char *key;  /* key_size bytes */
	size_t key_size;
	unsigned turn;  /* how often all was done */
	unsigned first; /* of the input: where to begin */
};

struct operation {
	const char *name;
	const struct kind *kind; /* NULL: any */
	bool writes;
	int (*run)(struct run *r);
};

/* The rows of one file. */
struct operations {
	const struct operation *rows;
	size_t count;
};

extern const struct operations operate_keyed, operate_lists, operate_logs,
	operate_queues, operate_values;

#define OPERATIONS(rows)                             \
	{                                            \
		rows, sizeof(rows) / sizeof(*(rows)) \
	}

static const struct timespec past = {0, 1};

/* Of operate_queue.c, for logs. */
int operate_walk(struct run *r);
int operate_tap(struct run *r);
int operate_push(struct run *r);
int operate_push_wait(struct run *r);
int operate_push_batch(struct run *r);
int operate_reserve(struct run *r);

/* Where to copy to. */
static inline struct agora_buffer buffer(const struct run *r)
{
	return (struct agora_buffer){.data = r->data, .capacity = r->room};
}

/* What was copied must fit. */
static inline int copied(int result, const struct agora_buffer *b)
{
	if (!result && b->size > b->capacity)
		fuzz_fail("%zu bytes in a buffer of %zu", b->size, b->capacity);
	return result;
}

/* Of messages and values. */
static inline size_t size_to_write(const struct run *r)
{
	uint64_t size = r->object->segment.header.params.message_size;

	if (r->object->segment.header.params.flags & AGORA_FIXED || r->turn)
		return num_min(size, FUZZ_LONG);
	return num_min(size, 20);
}

#endif
