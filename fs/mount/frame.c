/*
 * frame.c - what is written to an object becomes messages or entries.
 *
 * A sequence of a type without lines: a write is a message, whole or not at
 * all. One with lines: each line is a message. Where messages have
 * priorities, PRIORITY<TAB> stands before each. A keyed object: each line is
 * KEY<TAB>VALUE, or a member. A line that a write cuts off waits in the open
 * file for its rest, and counts as it is when the process that opened the file
 * closes it.
 *
 * Of several lines in one write, those before a full object or a bad line
 * are stored and the write returns short; the next write meets the same line
 * again, and then waits or fails.
 */
#include "frame.h"

#include "park.h"
#include "view.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define LINE_MAX_BYTES (64u << 20) /* longer ones go through put */

static bool is_keyed(const struct file *file)
{
	return file->object->kind->shape == AGORA_KEYED;
}

static bool has_lines(const struct file *file)
{
	return is_keyed(file) || file->object->lines;
}

int frame_open(struct file *file, bool created)
{
	struct object *o = file->object;
	uint64_t limit = o->message_size;

	/* an escaped byte has four characters, and there is a tab */
	if (o->kind->traits & AGORA_PRIORITIES)
		limit += TEXT_PRIORITY_MAX;
	if (is_keyed(file))
		limit = 4 * (o->key_size + o->message_size) + 1;
	file->lines.limit = limit < LINE_MAX_BYTES ? limit : LINE_MAX_BYTES;
	return view_open(file, created);
}

/* ---- storing one piece ------------------------------------------------ */

/* Where in the line a byte of what it stores lies; escapes make it longer. */
static size_t stored_offset(
	const char *line, size_t size, bool members, size_t at)
{
	const char *value = members ? NULL : memchr(line, '\t', size);
	size_t start = value ? value + 1 - line : 0;

	return memchr(line + start, '\\', size - start) ? start : start + at;
}

static int put_line(
	struct object *o, const char *line, size_t size, size_t *ret_offset)
{
	bool members = o->kind->traits & AGORA_MEMBERS;
	struct text key = {0}, value = {0};
	const struct text *typed = members ? &key : &value;
	size_t at;
	int r;

	r = text_entry_parse(
		o->kind->traits, line, size, &key, &value, ret_offset);
	if (r < 0)
		goto out;
	r = object_check(o, typed->data, typed->size, &at);
	if (r == -EBADMSG) {
		*ret_offset = stored_offset(line, size, members, at);
		goto out;
	}
	object_begin(o);
	r = agora_object_put(
		object_writer(o), key.data, key.size, value.data, value.size);
	object_end(o);
out:
	text_free(&key);
	text_free(&value);
	return r == -EAGAIN ? -ENOSPC : r;
}

static int store(
	struct file *file, const char *data, size_t size, size_t *ret_offset)
{
	*ret_offset = 0;
	if (is_keyed(file))
		return put_line(file->object, data, size, ret_offset);
	return object_push(file->object, data, size, ret_offset);
}

/* ---- writing ---------------------------------------------------------- */

/* Store what there is; returns the bytes used up, or the first error. */
static ssize_t store_lines(struct want *w, size_t *ret_offset)
{
	struct file *file = w->file;
	struct text_line line;
	size_t used = 0, held, at = 0;
	int r = 0;

	while (used < w->size) {
		held = file->lines.held;
		r = text_lines_next(
			&file->lines, w->data + used, w->size - used, &line);
		if (r == 0)
			return w->size;
		if (r > 0)
			r = store(file, line.data, line.size, &at);
		if (r < 0)
			break;
		text_lines_accept(&file->lines);
		used += line.used;
	}
	if (r < 0 && !used) {
		*ret_offset = at > held ? at - held : 0;
		return r;
	}
	return used;
}

static ssize_t store_message(struct want *w, size_t *ret_offset)
{
	int r;

	if (w->size > WRITE_MAX)
		return -EMSGSIZE;
	r = store(w->file, w->data, w->size, ret_offset);
	return r < 0 ? r : (ssize_t)w->size;
}

static int attempt_write(struct want *w)
{
	struct file *file = w->file;
	size_t offset = 0;
	ssize_t r;

	pthread_mutex_lock(&file->lock);
	if (has_lines(file))
		r = store_lines(w, &offset);
	else
		r = store_message(w, &offset);
	if (r < 0 && r != -EAGAIN)
		text_lines_free(&file->lines); /* the bad line is over */
	else if (r >= 0 && file_charge(file, file->lines.held) < 0)
		text_lines_free(&file->lines);
	pthread_mutex_unlock(&file->lock);
	if (r == -EAGAIN)
		return r;
	if (r < 0) {
		object_reject(file->object, w->pid, offset, r);
		fuse_reply_err(w->req, -r);
	} else {
		fuse_reply_write(w->req, r);
	}
	return 0;
}

void frame_write(fuse_req_t req, struct file *file, const char *data,
	size_t size, off_t off)
{
	struct want want = {
		.req = req,
		.file = file,
		.attempt = attempt_write,
		.events = AGORA_WRITABLE,
		.pid = fuse_req_ctx(req)->pid,
		.size = size,
		.data = data,
	};

	(void)off;
	park_or_answer(&want, file->flags & O_NONBLOCK);
}

/* ---- closing ---------------------------------------------------------- */

/* Store the unfinished line. Returns 0 also when there is none. */
static int finish(struct want *w)
{
	struct file *file = w->file;
	struct text_line line;
	size_t offset = 0;
	int r = 0;

	pthread_mutex_lock(&file->lock);
	if (text_lines_finish(&file->lines, &line) > 0)
		r = store(file, line.data, line.size, &offset);
	if (r != -EAGAIN)
		text_lines_free(&file->lines);
	pthread_mutex_unlock(&file->lock);
	if (r < 0 && r != -EAGAIN)
		object_reject(file->object, w->pid, offset, r);
	return r;
}

static int attempt_finish(struct want *w)
{
	int r = finish(w);

	if (r == -EAGAIN)
		return r;
	if (w->req)
		fuse_reply_err(w->req, -r);
	return 0;
}

/* Of who was killed or interrupted nothing is stored by halves. */
static void forget(struct file *file)
{
	pthread_mutex_lock(&file->lock);
	text_lines_free(&file->lines);
	pthread_mutex_unlock(&file->lock);
}

static void cancel_finish(struct want *w)
{
	forget(w->file);
}

static bool is_unfinished(struct file *file)
{
	bool is;

	pthread_mutex_lock(&file->lock);
	is = file->lines.held > 0;
	pthread_mutex_unlock(&file->lock);
	return is;
}

void frame_flush(fuse_req_t req, struct file *file)
{
	pid_t pid = fuse_req_ctx(req)->pid;
	struct want want = {
		.req = req,
		.file = file,
		.attempt = attempt_finish,
		.cancel = cancel_finish,
		.events = AGORA_WRITABLE,
		.pid = pid,
	};
	enum leaving leaving = STAYS;
	bool due = is_unfinished(file) && file_is_opener(file, pid);

	if (due)
		leaving = file_leaving(pid);
	if (leaving == DIES)
		forget(file);
	if (due && leaving == STAYS)
		park_or_answer(&want, file->flags & O_NONBLOCK);
	else
		fuse_reply_err(req, 0); /* the last close will store it */
}

void frame_end(struct file *file)
{
	struct want want = {
		.file = file,
		.attempt = attempt_finish,
		.events = AGORA_WRITABLE,
		.pid = file->opener,
	};

	if (!is_unfinished(file))
		return;
	if (attempt_finish(&want) != -EAGAIN)
		return;
	if (file->flags & O_NONBLOCK)
		object_reject(file->object, file->opener, 0, -EAGAIN);
	else
		park(&want);
}
