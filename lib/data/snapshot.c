/*
 * snapshot.c - what a sequence holds at one moment, for any kind.
 *
 * A kind whose messages have places in an order that lasts is walked with a
 * cursor, up to where its end was at the beginning. Others give the tokens of
 * all their messages at once, and look each up when it is asked for; what is
 * gone by then is left out. Only this process' memory is written.
 */
#include "data/kind.h"

#include <stdlib.h>

struct agora_snapshot {
	struct agora_object *object;
	uint64_t cursor, end; /* of a walk */
	struct token *tokens; /* or NULL */
	size_t next, count;
};

/* Returns 0 or a negative errno. */
static int snapshot_start(struct agora_snapshot *s)
{
	const struct kind *kind = s->object->kind;

	if (kind->snapshot)
		return kind->snapshot(s->object, &s->tokens, &s->count);
	if (kind->walk && kind->end)
		return kind->end(s->object, &s->end);
	return -EOPNOTSUPP;
}

int agora_object_snapshot(
	struct agora_object *object, struct agora_snapshot **ret_snapshot)
{
	struct agora_snapshot *s = calloc(1, sizeof(*s));
	int error;

	if (!s)
		return -ENOMEM;
	s->object = object;
	error = segment_enter(&object->segment);
	if (!error)
		error = snapshot_start(s);
	error = segment_leave(&object->segment, error);
	if (error)
		agora_snapshot_close(s);
	else
		*ret_snapshot = s;
	return error;
}

void agora_snapshot_close(struct agora_snapshot *snapshot)
{
	if (!snapshot)
		return;
	free(snapshot->tokens);
	free(snapshot);
}

static int next_token(struct agora_snapshot *s, struct agora_buffer *message)
{
	int error = -ESTALE;

	while (error == -ESTALE && s->next < s->count) {
		error = s->object->kind->look(
			s->object, &s->tokens[s->next], message);
		if (!error || error == -ESTALE)
			s->next++;
	}
	return error == -ESTALE ? -EAGAIN : error;
}

static int next_walked(struct agora_snapshot *s, struct agora_buffer *message)
{
	int error;

	if (s->cursor >= s->end)
		return -EAGAIN;
	error = s->object->kind->walk(s->object, &s->cursor, message);
	if (!error && s->cursor > s->end) {
		s->cursor = s->end;
		return -EAGAIN;
	}
	return error;
}

int agora_snapshot_next(
	struct agora_snapshot *snapshot, struct agora_buffer *ret_message)
{
	const struct segment *segment = &snapshot->object->segment;
	int error = segment_enter(segment);

	if (!error && snapshot->object->kind->snapshot)
		error = next_token(snapshot, ret_message);
	else if (!error)
		error = next_walked(snapshot, ret_message);
	return segment_leave(segment, error);
}
