/*
 * verbs.c - the verbs of agora/object.h, for any kind.
 *
 * Each looks its function up in the row of the kind; their blocking twins
 * try the same function again whenever the event happens.
 */
#include "data/kind.h"

#include "shm/event.h"

/* Call a verb of the kind between segment_enter() and segment_leave(). */
#define RUN(object, verb, ...)                                     \
	do {                                                       \
		int error = segment_enter(&(object)->segment);     \
                                                                   \
		if (!error && !(object)->kind->verb)               \
			error = -EOPNOTSUPP;                       \
		if (!error)                                        \
			error = (object)->kind->verb(__VA_ARGS__); \
		return segment_leave(&(object)->segment, error);   \
	} while (0)

int agora_object_push(
	struct agora_object *object, const void *data, size_t size)
{
	RUN(object, push, object, data, size);
}

int agora_object_pop(
	struct agora_object *object, struct agora_buffer *ret_message)
{
	RUN(object, pop, object, ret_message);
}

int agora_object_peek(
	struct agora_object *object, struct agora_buffer *ret_message)
{
	RUN(object, peek, object, ret_message);
}

int agora_object_walk(struct agora_object *object, uint64_t *cursor,
	struct agora_buffer *ret_message)
{
	RUN(object, walk, object, cursor, ret_message);
}

int agora_object_tap(struct agora_object *object, uint64_t *cursor,
	struct agora_buffer *ret_message)
{
	RUN(object, tap, object, cursor, ret_message);
}

int agora_object_end(struct agora_object *object, uint64_t *ret_cursor)
{
	RUN(object, end, object, ret_cursor);
}

int agora_object_acquire(
	struct agora_object *object, struct agora_message *ret_message)
{
	RUN(object, acquire, object, ret_message);
}

int agora_object_read(struct agora_object *object,
	const struct agora_message *message, size_t offset, void *ret_data,
	size_t size)
{
	RUN(object, read, object, message, offset, ret_data, size);
}

int agora_object_release(
	struct agora_object *object, const struct agora_message *message)
{
	RUN(object, release, object, message);
}

int agora_object_restore(
	struct agora_object *object, const struct agora_message *message)
{
	RUN(object, restore, object, message);
}

int agora_object_get(struct agora_object *object, const void *key,
	size_t key_size, struct agora_buffer *ret_value)
{
	RUN(object, get, object, key, key_size, ret_value);
}

int agora_object_put(struct agora_object *object, const void *key,
	size_t key_size, const void *value, size_t value_size)
{
	RUN(object, put, object, key, key_size, value, value_size);
}

int agora_object_delete(
	struct agora_object *object, const void *key, size_t key_size)
{
	RUN(object, delete, object, key, key_size);
}

int agora_object_next(struct agora_object *object, struct agora_buffer *key,
	struct agora_buffer *ret_value)
{
	RUN(object, next, object, key, ret_value);
}

/* ---- the blocking twins ---- */

/* The arguments of a verb that is tried again and again. */
struct attempt {
	struct agora_object *object;
	const void *data;
	size_t size;
	struct agora_buffer *message;
	struct agora_message *claim;
};

static int try_push(void *argument)
{
	struct attempt *a = argument;

	return a->object->kind->push(a->object, a->data, a->size);
}

static int try_pop(void *argument)
{
	struct attempt *a = argument;

	return a->object->kind->pop(a->object, a->message);
}

static int try_acquire(void *argument)
{
	struct attempt *a = argument;

	return a->object->kind->acquire(a->object, a->claim);
}

int agora_object_push_wait(struct agora_object *object, const void *data,
	size_t size, const struct timespec *deadline)
{
	struct attempt a = {.object = object, .data = data, .size = size};
	int error = segment_enter(&object->segment);

	if (!error && !object->kind->push)
		error = -EOPNOTSUPP;
	if (!error)
		error = event_wait(&object->segment, EVENT_WRITABLE, try_push,
			&a, deadline);
	return segment_leave(&object->segment, error);
}

int agora_object_pop_wait(struct agora_object *object,
	const struct timespec *deadline, struct agora_buffer *ret_message)
{
	struct attempt a = {.object = object, .message = ret_message};
	int error = segment_enter(&object->segment);

	if (!error && !object->kind->pop)
		error = -EOPNOTSUPP;
	if (!error)
		error = event_wait(&object->segment, EVENT_READABLE, try_pop,
			&a, deadline);
	return segment_leave(&object->segment, error);
}

int agora_object_acquire_wait(struct agora_object *object,
	const struct timespec *deadline, struct agora_message *ret_message)
{
	struct attempt a = {.object = object, .claim = ret_message};
	int error = segment_enter(&object->segment);

	if (!error && !object->kind->acquire)
		error = -EOPNOTSUPP;
	if (!error)
		error = event_wait(&object->segment, EVENT_READABLE,
			try_acquire, &a, deadline);
	return segment_leave(&object->segment, error);
}
