/*
 * descriptor.c - a descriptor for poll(2), of an object of any kind.
 *
 * The protocol is that of bell.h. It is looked once before the flag is set
 * as well: who finds something to do makes nobody ring.
 */
#include "data/kind.h"

#include "shm/bell.h"
#include "shm/event.h"

/* 0, or why this handle cannot have a descriptor. */
static int enter(const struct agora_object *object)
{
	int error = segment_enter(&object->segment);

	if (!error)
		error = object_writable(object);
	if (!error && !object->kind->ready)
		error = -EOPNOTSUPP;
	return error;
}

int agora_object_descriptor(struct agora_object *object)
{
	int error = enter(object);

	return error ? error : bell_open(&object->segment);
}

static int look(struct agora_object *object, uint32_t events, uint64_t cursor)
{
	return segment_leave(
		&object->segment, object->kind->ready(object, events, cursor));
}

int agora_object_arm(
	struct agora_object *object, uint32_t events, uint64_t cursor)
{
	int result = enter(object);

	if (!result)
		result = bell_take(&object->segment);
	if (!result)
		result = look(object, events, cursor);
	if (result)
		return result;
	event_flag(
		&object->segment, EVENT_BELL(events & EVENT_ALL), EVENT_ROUND);
	result = look(object, events, cursor);
	if (!result)
		bell_doubt(&object->segment, events);
	return result;
}
