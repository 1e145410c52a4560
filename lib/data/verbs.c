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

int agora_object_push_priority(struct agora_object *object, uint64_t priority,
	const void *data, size_t size)
{
	RUN(object, push_priority, object, priority, data, size);
}

int agora_object_push_batch(
	struct agora_object *object, const struct iovec *messages, size_t count)
{
	RUN(object, push_batch, object, messages, count);
}

int agora_object_reserve(struct agora_object *object, size_t size,
	struct agora_reservation *ret_reservation)
{
	RUN(object, reserve, object, size, ret_reservation);
}

int agora_object_write(struct agora_object *object,
	const struct agora_reservation *reservation, size_t offset,
	const void *data, size_t size)
{
	RUN(object, write, object, reservation, offset, data, size);
}

int agora_object_commit(struct agora_object *object,
	const struct agora_reservation *reservation)
{
	RUN(object, commit, object, reservation);
}

int agora_object_abort(struct agora_object *object,
	const struct agora_reservation *reservation)
{
	RUN(object, abort, object, reservation);
}

int agora_object_pop(
	struct agora_object *object, struct agora_buffer *ret_message)
{
	RUN(object, pop, object, ret_message);
}

int agora_object_pop_batch(struct agora_object *object,
	struct agora_buffer *ret_messages, size_t count)
{
	RUN(object, pop_batch, object, ret_messages, count);
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

int agora_object_load(
	struct agora_object *object, struct agora_buffer *ret_value)
{
	RUN(object, load, object, ret_value);
}

int agora_object_store(
	struct agora_object *object, const void *data, size_t size)
{
	RUN(object, store, object, data, size);
}

int agora_object_append(
	struct agora_object *object, const void *data, size_t size)
{
	RUN(object, append, object, data, size);
}

int agora_object_compare(struct agora_object *object,
	const struct agora_buffer *value, uint64_t *ret_version)
{
	uint64_t version = 0;
	int error = segment_enter(&object->segment);

	if (!error && !object->kind->compare)
		error = -EOPNOTSUPP;
	if (!error)
		error = object->kind->compare(object, value, &version);
	error = segment_leave(&object->segment, error);
	if (ret_version && (!error || error == -ESTALE))
		*ret_version = version;
	return error;
}

/* ---- the blocking twins ---- */

/* The arguments of a verb that is tried again and again. */
struct attempt {
	struct agora_object *object;
	const void *data;
	size_t size;
	uint64_t priority;
	struct agora_buffer *message;
	struct agora_message *claim;
	struct agora_reservation *room;
	const struct agora_reservation *reservation;
};

static int try_push(void *argument)
{
	struct attempt *a = argument;

	return a->object->kind->push(a->object, a->data, a->size);
}

static int try_push_priority(void *argument)
{
	struct attempt *a = argument;

	return a->object->kind->push_priority(
		a->object, a->priority, a->data, a->size);
}

static int try_push_batch(void *argument)
{
	struct attempt *a = argument;

	return a->object->kind->push_batch(a->object, a->data, a->size);
}

static int try_reserve(void *argument)
{
	struct attempt *a = argument;

	return a->object->kind->reserve(a->object, a->size, a->room);
}

static int try_commit(void *argument)
{
	struct attempt *a = argument;

	return a->object->kind->commit(a->object, a->reservation);
}

static int try_pop(void *argument)
{
	struct attempt *a = argument;

	return a->object->kind->pop(a->object, a->message);
}

static int try_pop_batch(void *argument)
{
	struct attempt *a = argument;

	return a->object->kind->pop_batch(a->object, a->message, a->size);
}

static int try_acquire(void *argument)
{
	struct attempt *a = argument;

	return a->object->kind->acquire(a->object, a->claim);
}

/* Try a verb of the kind again whenever event happens. */
#define RUN_WAITING(verb, event, attempt, deadline)                    \
	do {                                                           \
		struct segment *segment = &(attempt)->object->segment; \
		int error = segment_enter(segment);                    \
                                                                       \
		if (!error && !(attempt)->object->kind->verb)          \
			error = -EOPNOTSUPP;                           \
		if (!error)                                            \
			error = event_wait(segment, event, try_##verb, \
				attempt, deadline);                    \
		return segment_leave(segment, error);                  \
	} while (0)

int agora_object_push_wait(struct agora_object *object, const void *data,
	size_t size, const struct timespec *deadline)
{
	struct attempt a = {.object = object, .data = data, .size = size};

	RUN_WAITING(push, EVENT_WRITABLE, &a, deadline);
}

int agora_object_push_priority_wait(struct agora_object *object,
	uint64_t priority, const void *data, size_t size,
	const struct timespec *deadline)
{
	struct attempt a = {.object = object,
		.priority = priority,
		.data = data,
		.size = size};

	RUN_WAITING(push_priority, EVENT_WRITABLE, &a, deadline);
}

int agora_object_push_batch_wait(struct agora_object *object,
	const struct iovec *messages, size_t count,
	const struct timespec *deadline)
{
	struct attempt a = {.object = object, .data = messages, .size = count};

	RUN_WAITING(push_batch, EVENT_WRITABLE, &a, deadline);
}

int agora_object_reserve_wait(struct agora_object *object, size_t size,
	const struct timespec *deadline,
	struct agora_reservation *ret_reservation)
{
	struct attempt a = {
		.object = object, .size = size, .room = ret_reservation};

	RUN_WAITING(reserve, EVENT_WRITABLE, &a, deadline);
}

int agora_object_commit_wait(struct agora_object *object,
	const struct agora_reservation *reservation,
	const struct timespec *deadline)
{
	struct attempt a = {.object = object, .reservation = reservation};

	RUN_WAITING(commit, EVENT_WRITABLE, &a, deadline);
}

int agora_object_pop_wait(struct agora_object *object,
	const struct timespec *deadline, struct agora_buffer *ret_message)
{
	struct attempt a = {.object = object, .message = ret_message};

	RUN_WAITING(pop, EVENT_READABLE, &a, deadline);
}

int agora_object_pop_batch_wait(struct agora_object *object,
	const struct timespec *deadline, struct agora_buffer *ret_messages,
	size_t count)
{
	struct attempt a = {
		.object = object, .message = ret_messages, .size = count};

	RUN_WAITING(pop_batch, EVENT_READABLE, &a, deadline);
}

int agora_object_acquire_wait(struct agora_object *object,
	const struct timespec *deadline, struct agora_message *ret_message)
{
	struct attempt a = {.object = object, .claim = ret_message};

	RUN_WAITING(acquire, EVENT_READABLE, &a, deadline);
}
