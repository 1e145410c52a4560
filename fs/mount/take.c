/*
 * take.c - pop, pipe and tap: reading that takes, or waits.
 *
 * A message is claimed, its bytes are sent, and only when all of them have
 * arrived is the claim released: who is killed before that has taken
 * nothing. If the server is killed, the claims of its handle are delivered
 * again like those of any dead client.
 *
 * What is being delivered lies at an offset of the file, so that a reader
 * whose buffer is small goes on where it was, and one that seeks back (a
 * shell's read, head) finds the bytes again.
 */
#include "take.h"

#include "park.h"
#include "ready.h"
#include "view.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_MAX 1024
#define PIECE     65536

/* ---- claims ----------------------------------------------------------- */

static void drop_bytes(struct take *t)
{
	text_free(&t->bytes);
	t->sent = 0;
}

static void release_all(struct file *file)
{
	struct agora_object *handle = object_writer(file->object);
	struct take *t = &file->take;

	if (!t->claim_count)
		return;
	object_begin(file->object);
	for (size_t i = 0; i < t->claim_count; i++)
		agora_object_release(handle, &t->claims[i]);
	t->claim_count = 0;
	object_end(file->object);
}

static void restore_all(struct file *file)
{
	struct agora_object *handle = object_writer(file->object);
	struct take *t = &file->take;

	drop_bytes(t);
	if (!t->claim_count)
		return;
	object_begin(file->object);
	while (t->claim_count)
		agora_object_restore(handle, &t->claims[--t->claim_count]);
	object_end(file->object);
}

void take_end(struct file *file)
{
	restore_all(file);
	free(file->take.claims);
	file->take.claims = NULL;
	file->take.claim_max = 0;
}

static bool make_claim_room(struct take *t)
{
	size_t max = t->claim_max ? t->claim_max * 4 : 4;
	void *p;

	if (t->claim_count < t->claim_max)
		return true;
	p = reallocarray(t->claims, max, sizeof(*t->claims));
	if (!p)
		return false;
	t->claims = p;
	t->claim_max = max;
	return true;
}

static int copy_pieces(struct file *file, const struct agora_message *m)
{
	struct agora_object *handle = object_writer(file->object);
	char *piece = malloc(PIECE);
	size_t done = 0;
	int r = piece ? 0 : -ENOMEM;

	while (!r && done < m->size) {
		r = agora_object_read(handle, m, done, piece, PIECE);
		if (r == 0)
			r = -EUCLEAN; /* shorter than it said */
		if (r < 0)
			break;
		done += r;
		r = text_append(&file->take.bytes, piece, r);
	}
	free(piece);
	return r;
}

/* Append a message as it is shown. */
static int copy_message(struct file *file, const struct agora_message *m)
{
	struct take *t = &file->take;
	size_t before = t->bytes.size;
	int r;

	r = file_charge(file, before + m->size);
	if (r < 0)
		return r;
	if (m->data)
		return text_message(
			&t->bytes, file->object->type, m->data, m->size);
	r = copy_pieces(file, m);
	if (!r && file->object->lines)
		r = text_append(&t->bytes, "\n", 1);
	if (r < 0)
		t->bytes.size = before;
	return r;
}

static void restore(struct file *file, const struct agora_message *m)
{
	object_begin(file->object);
	agora_object_restore(object_writer(file->object), m);
	object_end(file->object);
}

/* Claim one message and append it. */
static int claim(struct file *file)
{
	struct agora_object *handle = object_writer(file->object);
	struct take *t = &file->take;
	struct agora_message m;
	int r;

	if (!make_claim_room(t))
		return -ENOMEM;
	object_begin(file->object);
	r = agora_object_acquire(handle, &m);
	object_end(file->object);
	if (r < 0)
		return r;
	r = copy_message(file, &m);
	if (r < 0) {
		restore(file, &m);
		return r == -EAGAIN ? -EIO : r;
	}
	t->claims[t->claim_count++] = m;
	return 0;
}

/* ---- delivering ------------------------------------------------------- */

static bool holds(const struct take *t, uint64_t off)
{
	return off >= t->start && off - t->start < t->bytes.size;
}

/* Whether one more message fits into what the reader asked for. */
static bool next_fits(struct file *file, size_t size)
{
	struct agora_buffer next = {0};
	int r = agora_object_peek(object_writer(file->object), &next);

	if (r < 0 && r != -EMSGSIZE)
		return false;
	return file->take.bytes.size + next.size + 1 <= size;
}

/* Begin a new delivery. Returns 0, -EAGAIN: nothing is there. */
static int fill(struct file *file, uint64_t off, size_t size, bool many)
{
	struct take *t = &file->take;
	struct agora_message last;
	int r;

	restore_all(file);
	t->start = off;
	do {
		/* of bytes, an empty message shows as nothing: it is taken
		 * with the one after it, since reading nothing is the end */
		r = claim(file);
	} while (!r && !t->bytes.size && t->claim_count < BATCH_MAX);
	while (!r && many && t->claim_count < BATCH_MAX &&
		next_fits(file, size) && !claim(file)) {
		if (t->bytes.size <= size)
			continue;
		/* somebody else took the one that would have fitted */
		last = t->claims[--t->claim_count];
		t->bytes.size -= last.size + 1;
		restore(file, &last);
		break;
	}
	return r;
}

static void deliver(struct want *w)
{
	struct file *file = w->file;
	struct take *t = &file->take;
	uint64_t from = w->off - t->start, end;

	end = from + w->size < t->bytes.size ? from + w->size : t->bytes.size;
	if (file_reply_part(w->req, &t->bytes, w->size, from) != 0) {
		if (t->claim_count) /* else it had arrived before */
			restore_all(file);
		return;
	}
	if (from <= t->sent && end > t->sent)
		t->sent = end;
	if (t->sent < t->bytes.size)
		return;
	if (t->claim_count)
		t->done = true;
	release_all(file);
}

static int attempt_pipe(struct want *w)
{
	struct file *file = w->file;
	int r = 0;

	pthread_mutex_lock(&file->lock);
	if (!holds(&file->take, w->off))
		r = fill(file, w->off, w->size, file->object->lines);
	if (!r)
		deliver(w);
	pthread_mutex_unlock(&file->lock);
	if (r < 0 && r != -EAGAIN) {
		fuse_reply_err(w->req, -r);
		r = 0;
	}
	return r;
}

void take_pipe(fuse_req_t req, struct file *file, size_t size, off_t off)
{
	struct want want = {
		.req = req,
		.file = file,
		.attempt = attempt_pipe,
		.events = AGORA_READABLE,
		.size = size,
		.off = off,
	};

	park_or_answer(&want, file->flags & O_NONBLOCK);
}

void take_pop(fuse_req_t req, struct file *file, size_t size, off_t off)
{
	struct want want = {.req = req, .file = file, .size = size, .off = off};
	int r = 0;

	pthread_mutex_lock(&file->lock);
	if (!file->take.done && !file->take.claim_count)
		r = fill(file, 0, size, false);
	if (!r)
		deliver(&want);
	pthread_mutex_unlock(&file->lock);
	if (r == -EAGAIN) {
		ready_arm(file);
		fuse_reply_buf(req, NULL, 0);
	} else if (r < 0) {
		fuse_reply_err(req, -r);
	}
}

/* ---- tap -------------------------------------------------------------- */

int tap_open(struct file *file, bool created)
{
	(void)created;
	return agora_object_end(object_reader(file->object), &file->cursor);
}

/* Copy the message at the cursor into scratch, which grows as needed. */
static int tap_next(struct file *file, struct text *scratch, size_t *ret_size)
{
	struct agora_object *handle = object_reader(file->object);
	struct agora_buffer b = {.data = scratch->data};
	int r;

	b.capacity = scratch->capacity;
	r = agora_object_tap(handle, &file->cursor, &b);
	for (int tries = 0; r == -EMSGSIZE && tries < 16; tries++) {
		r = view_grow(scratch, b.size);
		if (r < 0)
			return r;
		b.data = scratch->data;
		b.capacity = scratch->capacity;
		r = agora_object_tap(handle, &file->cursor, &b);
	}
	if (!r)
		*ret_size = b.size;
	return r;
}

static int tap_fill(struct file *file, uint64_t off, size_t size)
{
	struct text scratch = {0};
	struct take *t = &file->take;
	uint64_t cursor;
	size_t before, n;
	int r;

	drop_bytes(t);
	t->start = off;
	do {
		before = t->bytes.size;
		cursor = file->cursor;
		r = tap_next(file, &scratch, &n);
		if (!r)
			r = text_message(
				&t->bytes, file->object->type, scratch.data, n);
	} while (!r && file->object->lines && t->bytes.size < size);
	if (before && t->bytes.size > size) { /* the last one next time */
		t->bytes.size = before;
		file->cursor = cursor;
	}
	text_free(&scratch);
	return t->bytes.size ? 0 : r;
}

static int attempt_tap(struct want *w)
{
	struct file *file = w->file;
	int r = 0;

	pthread_mutex_lock(&file->lock);
	if (!holds(&file->take, w->off))
		r = tap_fill(file, w->off, w->size);
	if (!r)
		deliver(w);
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
		.size = size,
		.off = off,
	};

	park_or_answer(&want, file->flags & O_NONBLOCK);
}
