/*
 * take.c - pop and pipe: reading that takes, or waits.
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
#include "show.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_MAX 1024
#define PIECE     65536

/* ---- claims ----------------------------------------------------------- */

void take_drop(struct take *t)
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

	take_drop(t);
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
	const struct text_said said = {m->data, m->size, m->priority};
	const struct object *o = file->object;
	struct take *t = &file->take;
	size_t before = t->bytes.size;
	int r;

	r = file_charge(file, before + m->size);
	if (r < 0)
		return r;
	if (m->data)
		return text_message(&t->bytes, o->kind->traits, o->type, &said);
	r = text_priority(&t->bytes, o->kind->traits, m->priority);
	if (!r)
		r = copy_pieces(file, m);
	if (!r && o->lines)
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

bool take_holds(const struct take *t, uint64_t off)
{
	return off >= t->start && off - t->start < t->bytes.size;
}

/* Whether one more message fits into what the reader asked for. */
static bool next_fits(struct file *file, size_t size)
{
	bool priorities = file->object->kind->traits & AGORA_PRIORITIES;
	struct agora_buffer next = {0};
	int r = agora_object_peek(object_writer(file->object), &next);

	if (r < 0 && r != -EMSGSIZE)
		return false;
	if (priorities)
		next.size += TEXT_PRIORITY_MAX;
	return file->take.bytes.size + next.size + 1 <= size;
}

/* Claim as many more as the reader asked for. */
static void fill_more(struct file *file, size_t size)
{
	struct take *t = &file->take;
	struct agora_message last;
	size_t before;

	while (t->claim_count < BATCH_MAX && next_fits(file, size)) {
		before = t->bytes.size;
		if (claim(file) < 0)
			return;
		if (t->bytes.size <= size)
			continue;
		/* somebody else took the one that would have fitted */
		last = t->claims[--t->claim_count];
		t->bytes.size = before;
		restore(file, &last);
		return;
	}
}

/* Begin a new delivery. Returns 0, -EAGAIN: nothing is there. */
static int fill(struct file *file, uint64_t off, size_t size, bool many)
{
	struct take *t = &file->take;
	int r;

	restore_all(file);
	t->start = off;
	do {
		/* of bytes, an empty message shows as nothing: it is taken
		 * with the one after it, since reading nothing is the end */
		r = claim(file);
	} while (!r && !t->bytes.size && t->claim_count < BATCH_MAX);
	if (!r && many)
		fill_more(file, size);
	return r;
}

void take_deliver(struct want *w)
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
	if (!take_holds(&file->take, w->off))
		r = fill(file, w->off, w->size, file->object->lines);
	if (!r)
		take_deliver(w);
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
		take_deliver(&want);
	pthread_mutex_unlock(&file->lock);
	if (r == -EAGAIN) {
		ready_arm(file);
		fuse_reply_buf(req, NULL, 0);
	} else if (r < 0) {
		fuse_reply_err(req, -r);
	}
}
