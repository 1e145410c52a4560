/*
 * tap.c - a stream of what is new, which takes nothing.
 *
 * Of a sequence each new message is shown, of a value each new value that is
 * seen: values that were replaced before anybody looked are not.
 *
 * Where messages are not taken from an object, as in a log, who reads is who
 * they are for. If he is so slow that some were overwritten, one read fails
 * with EPIPE, as it does for /dev/kmsg, how many were missed stands in
 * "errors", and the next read goes on with the oldest that is there.
 */
#include "tap.h"

#include "park.h"
#include "ready.h"
#include "show.h"
#include "take.h"

#include <errno.h>
#include <fcntl.h>

/* Whether a message that is overwritten is one that somebody should have. */
static bool is_broadcast(const struct file *file)
{
	const struct agora_kind *kind = file->object->kind;

	return kind->shape == AGORA_SEQUENCE && !(kind->verbs & AGORA_CAN_POP);
}

int tap_open(struct file *file, bool created)
{
	(void)created;
	return agora_object_end(object_reader(file->object), &file->cursor);
}

static int copy_next(void *from, struct agora_buffer *b)
{
	struct file *file = from;

	return agora_object_tap(object_reader(file->object), &file->cursor, b);
}

/* Copy what is at the cursor into scratch, which grows as needed. */
static int next(
	struct file *file, struct text *scratch, struct text_said *ret_said)
{
	struct agora_buffer b = {0};
	int r = show_copy(copy_next, file, scratch, &b);

	if (!r)
		*ret_said = (struct text_said){b.data, b.size, b.priority};
	return r;
}

/* How many messages were between the cursor and the one it is behind now. */
static uint64_t count_missed(const struct file *file, uint64_t cursor)
{
	return is_broadcast(file) && file->cursor > cursor
		       ? file->cursor - cursor - 1
		       : 0;
}

/* Append what is next to the batch. Returns 0, 1: not now, or an error. */
static int add_next(struct want *w, struct text *scratch)
{
	struct file *file = w->file;
	struct object *o = file->object;
	struct text *bytes = &file->take.bytes;
	uint64_t cursor = file->cursor, missed;
	size_t size = bytes->size;
	struct text_said said;
	int r;

	r = next(file, scratch, &said);
	if (r < 0)
		return r;
	missed = count_missed(file, cursor);
	if (missed && !size) { /* the message itself is next */
		object_reject(o, w->pid, missed, -EPIPE);
		file->cursor--;
		return -EPIPE;
	}
	r = text_message(bytes, o->kind->traits, o->type, &said);
	if (!r && (!size || (!missed && bytes->size <= w->size)))
		return 0;
	bytes->size = size;
	file->cursor = cursor;
	return r < 0 ? r : 1;
}

static int fill(struct want *w)
{
	struct file *file = w->file;
	struct take *t = &file->take;
	struct text scratch = {0};
	int r;

	take_drop(t);
	t->start = w->off;
	do
		r = add_next(w, &scratch);
	while (!r && file->object->lines && t->bytes.size < w->size);
	text_free(&scratch);
	return t->bytes.size ? 0 : r;
}

static int attempt_tap(struct want *w)
{
	struct file *file = w->file;
	int r = 0;

	pthread_mutex_lock(&file->lock);
	if (!take_holds(&file->take, w->off))
		r = fill(w);
	if (!r)
		take_deliver(w);
	w->cursor = file->cursor;
	pthread_mutex_unlock(&file->lock);
	if (r < 0 && r != -EAGAIN) {
		fuse_reply_err(w->req, -r);
		r = 0;
	}
	return r;
}

void tap_read(fuse_req_t req, struct file *file, size_t size, off_t off)
{
	struct want want = {
		.req = req,
		.file = file,
		.attempt = attempt_tap,
		.events = AGORA_ADVANCED,
		.pid = fuse_req_ctx(req)->pid,
		.size = size,
		.off = off,
	};

	park_or_answer(&want, file->flags & O_NONBLOCK);
}
