/*
 * stage.c - what is written as one piece: put, a value, that of a key.
 *
 * All that is written to an open file is gathered and published when it is
 * closed. A file has many closes: a shell makes a copy of the descriptor and
 * closes the first one before anything is written, and each child that
 * inherits it closes it too. So what counts is a close by the process that
 * opened the file, after something was written; it waits for room and
 * returns the error. Where that does not come, the last close publishes,
 * and an error is only seen in "errors".
 */
#include "stage.h"

#include "loop.h"
#include "park.h"
#include "show.h"
#include "view.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define TRIES_MAX 1000

/* Whether the file is what was written to it, and not a door for it. */
static bool is_value(const struct file *file)
{
	return file->place.facet != FACET_PUT;
}

/* The object itself is its only value. */
static bool is_only(const struct file *file)
{
	return file->place.facet == FACET_OBJECT;
}

int stage_open(struct file *file, bool created)
{
	struct stage *s = &file->stage;
	int mode = file->flags & O_ACCMODE, r;

	if (mode == O_RDONLY)
		return view_open(file, created);
	if (!is_value(file))
		return 0;
	if (created || file->flags & O_TRUNC) {
		/* a new object has the empty value */
		s->dirty = !created || !is_only(file);
		return 0;
	}
	s->appends = is_only(file) && file->flags & O_APPEND;
	if (s->appends)
		return 0;
	r = view_render(&file->place, file->object, &s->bytes);
	return r < 0 ? r : file_charge(file, s->bytes.size);
}

/* ---- gathering -------------------------------------------------------- */

/* One more byte than a message may have: text ends in a newline. */
static uint64_t size_limit(const struct file *file)
{
	const struct object *o = file->object;
	uint64_t limit = o->message_size + o->lines;

	if (!is_value(file) && o->kind->traits & AGORA_PRIORITIES)
		limit += TEXT_PRIORITY_MAX;
	return limit;
}

/* A member is there or not, and nothing is in it. */
static int check_size(const struct object *o, uint64_t size, uint64_t limit)
{
	if (size && o->kind->traits & AGORA_MEMBERS)
		return -EOPNOTSUPP;
	return size > limit ? -EMSGSIZE : 0;
}

static int resize(struct file *file, uint64_t size)
{
	struct text *t = &file->stage.bytes;
	size_t capacity = t->capacity ? t->capacity : 4096;
	int r;

	r = check_size(file->object, size, size_limit(file));
	if (r < 0)
		return r;
	while (capacity < size)
		capacity *= 2;
	r = file_charge(file, capacity);
	if (!r)
		r = show_grow(t, capacity);
	if (r < 0)
		return r;
	if (size > t->size)
		memset(t->data + t->size, 0, size - t->size);
	t->size = size;
	return 0;
}

/*
 * A shell's builtins do not look at what close(2) returns: say here what can
 * be said. At its end a first piece may just be cut.
 */
static bool is_hopeless(struct file *file, const char *data, size_t size)
{
	const struct object *o = file->object;
	struct text_said said = {.data = data, .size = size};
	size_t offset;

	if (!is_value(file) && text_message_parse(o->kind->traits, data, size,
				       &said, &offset) == -EBADMSG)
		return offset < size;
	return object_check(o, said.data, said.size, &offset) == -EBADMSG &&
	       offset + 4 <= said.size;
}

static int gather(
	struct file *file, const char *data, size_t size, uint64_t off)
{
	struct stage *s = &file->stage;
	int r = 0;

	if (!is_value(file) || file->flags & O_APPEND)
		off = s->bytes.size; /* put is a stream */
	if (off > UINT64_MAX - size)
		return -EMSGSIZE;
	if (!off && is_hopeless(file, data, size))
		return -EBADMSG;
	if (off + size > s->bytes.size)
		r = resize(file, off + size);
	if (r < 0)
		return r;
	memcpy(s->bytes.data + off, data, size);
	s->dirty = s->written = true;
	return 0;
}

void stage_write(fuse_req_t req, struct file *file, const char *data,
	size_t size, off_t off)
{
	int r;

	pthread_mutex_lock(&file->lock);
	r = gather(file, data, size, off);
	if (r < 0) { /* a part of it would not be what was meant */
		file->stage.dirty = file->stage.written = false;
		text_free(&file->stage.bytes);
	}
	pthread_mutex_unlock(&file->lock);
	if (r < 0) {
		object_reject(file->object, fuse_req_ctx(req)->pid, off, r);
		fuse_reply_err(req, -r);
	} else {
		fuse_reply_write(req, size);
	}
}

/* What was to be appended becomes a part of all that there is. */
static int stop_appending(struct file *file)
{
	struct stage *s = &file->stage;
	struct text all = {0};
	int r;

	if (!s->appends)
		return 0;
	r = view_render(&file->place, file->object, &all);
	if (!r)
		r = text_append(&all, s->bytes.data, s->bytes.size);
	if (r < 0) {
		text_free(&all);
		return r;
	}
	text_free(&s->bytes);
	s->bytes = all;
	s->appends = false;
	return 0;
}

int stage_truncate(struct file *file, uint64_t size)
{
	int r = 0;

	pthread_mutex_lock(&file->lock);
	if (is_value(file)) {
		r = stop_appending(file);
		if (!r)
			r = resize(file, size);
		if (!r) /* by who has it open: his close will do it */
			file->stage.dirty = file->stage.written = true;
	}
	pthread_mutex_unlock(&file->lock);
	return r;
}

/* ---- publishing ------------------------------------------------------- */

/*
 * What a file of text has behind its end begins on a new line, if there is
 * one before it: so it depends on what is there, which must not change.
 */
static int append_line(struct object *o, const char *data, size_t size)
{
	struct agora_buffer all = {0};
	struct text value = {0};
	int r = show_load(o, &value, &all.version);

	if (r == -ENOENT) {
		all.version = 0;
		r = 0;
	}
	if (!r && value.size)
		r = text_append(&value, "\n", 1);
	if (!r)
		r = text_append(&value, data, size);
	all.data = value.data;
	all.size = value.size;
	if (!r)
		r = agora_object_compare(object_writer(o), &all, NULL);
	text_free(&value);
	return r;
}

static int append(struct object *o, const char *data, size_t size)
{
	int r = -ESTALE;

	if (!o->lines)
		return agora_object_append(object_writer(o), data, size);
	for (int i = 0; r == -ESTALE && i < TRIES_MAX; i++)
		r = append_line(o, data, size);
	return r == -ESTALE ? -EBUSY : r;
}

static int store_value(struct object *o, const struct place *place,
	struct text_said said, bool appends)
{
	struct agora_object *handle = object_writer(o);

	if (place->facet == FACET_KEY)
		return agora_object_put(handle, place->key, place->key_size,
			said.data, said.size);
	if (appends)
		return append(o, said.data, said.size);
	return agora_object_store(handle, said.data, said.size);
}

/* Publish a value, from which a final newline is gone. */
static int put_value(struct object *o, const struct place *place,
	struct text_said said, bool appends, size_t *ret_offset)
{
	int r = object_check(o, said.data, said.size, ret_offset);

	if (r == -EBADMSG)
		return r;
	*ret_offset = 0;
	object_begin(o);
	r = store_value(o, place, said, appends);
	object_end(o);
	return r == -EAGAIN ? -ENOSPC : r;
}

static int publish(struct file *file, size_t *ret_offset)
{
	const struct text *bytes = &file->stage.bytes;
	struct object *o = file->object;
	struct text_said said = {.data = bytes->data ? bytes->data : ""};

	said.size = text_value_size(o->type, said.data, bytes->size);
	if (!is_value(file))
		return object_push(o, said.data, said.size, ret_offset);
	return put_value(
		o, &file->place, said, file->stage.appends, ret_offset);
}

static int attempt_publish(struct want *w)
{
	struct file *file = w->file;
	struct stage *s = &file->stage;
	size_t offset = 0;
	int r = 0;

	pthread_mutex_lock(&file->lock);
	if (s->bytes.size > BRIEF_BYTES)
		loop_hand_over();
	if (s->dirty)
		r = publish(file, &offset);
	if (r != -EAGAIN) {
		s->dirty = s->written = false;
		if (!is_value(file) || s->appends)
			text_free(&s->bytes);
	}
	pthread_mutex_unlock(&file->lock);
	if (r == -EAGAIN)
		return r;
	if (r < 0)
		object_reject(file->object, w->pid, offset, r);
	if (w->req)
		fuse_reply_err(w->req, -r);
	return 0;
}

/* Of who was killed or interrupted nothing is stored by halves. */
static void forget(struct file *file)
{
	pthread_mutex_lock(&file->lock);
	file->stage.dirty = file->stage.written = false;
	text_free(&file->stage.bytes);
	pthread_mutex_unlock(&file->lock);
}

static void cancel_publish(struct want *w)
{
	forget(w->file);
}

/* Whether this close is the one that publishes. */
static bool is_due(struct file *file, pid_t pid)
{
	struct stage *s = &file->stage;
	enum leaving leaving;
	bool due;

	if (!s->dirty || !file_is_opener(file, pid))
		return false;
	leaving = file_leaving(pid);
	if (leaving == DIES)
		forget(file);
	if (leaving != STAYS)
		return false;
	pthread_mutex_lock(&file->lock);
	/* nothing was written: the first close may be that of a shell that
	 * has yet to start, a second one is meant (": > KEY") */
	due = s->written || (s->dirty && s->flushes++ > 0);
	pthread_mutex_unlock(&file->lock);
	return due;
}

void stage_flush(fuse_req_t req, struct file *file)
{
	pid_t pid = fuse_req_ctx(req)->pid;
	struct want want = {
		.req = req,
		.file = file,
		.attempt = attempt_publish,
		.cancel = cancel_publish,
		.events = AGORA_WRITABLE,
		.pid = pid,
	};

	if (is_due(file, pid))
		park_or_answer(&want, file->flags & O_NONBLOCK);
	else
		fuse_reply_err(req, 0);
}

void stage_end(struct file *file)
{
	struct want want = {
		.file = file,
		.attempt = attempt_publish,
		.events = AGORA_WRITABLE,
		.pid = file->opener,
	};

	if (!file->stage.dirty || attempt_publish(&want) != -EAGAIN)
		return;
	if (file->flags & O_NONBLOCK)
		object_reject(file->object, file->opener, 0, -EAGAIN);
	else
		park(&want);
}

int stage_touch(struct file *file)
{
	struct want want = {
		.file = file, .attempt = attempt_publish, .pid = file->opener};

	if (is_value(file) && file->stage.dirty && !file->stage.written)
		attempt_publish(&want);
	return 0;
}

int stage_resize(struct place *place, uint64_t size)
{
	struct text value = {0};
	struct text_said said = {.data = ""};
	struct object *o;
	size_t offset;
	int r;

	r = object_get(place, AGORA_WRITE, &o);
	if (r < 0)
		return r;
	r = check_size(o, size, o->message_size + o->lines);
	if (!r)
		r = view_render(place, o, &value);
	if (r == -ENOENT && place->facet == FACET_KEY)
		r = 0; /* mknod: a new one */
	if (!r)
		r = show_grow(&value, size + 1);
	if (!r && size > value.size)
		memset(value.data + value.size, 0, size - value.size);
	if (!r) {
		said.data = value.data;
		said.size = text_value_size(o->type, value.data, size);
		r = put_value(o, place, said, false, &offset);
	}
	text_free(&value);
	object_put(o);
	return r == -ENOENT ? -ESTALE : r;
}
