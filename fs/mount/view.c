/*
 * view.c - what reading shows: snapshots made when a file is opened.
 *
 * A reader gets the bytes that were there when it opened the file, however
 * long it takes to read them. Segments are not trusted: each walk ends after
 * as many steps as a sound object could need.
 */
#include "view.h"

#include "events.h"
#include "loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define TRIES_MAX   16
#define SIZED_BYTES 1048576 /* of a table: render it to tell its size */
#define SIZED_KEYS  16384
#define SLOW_NSEC   20000000

int view_grow(struct text *t, size_t capacity)
{
	void *p;

	if (capacity <= t->capacity)
		return 0;
	if (capacity > OPEN_BYTES_MAX)
		return -EFBIG;
	p = realloc(t->data, capacity);
	if (!p)
		return -ENOMEM;
	t->data = p;
	t->capacity = capacity;
	return 0;
}

uint64_t view_bound(const struct object *o)
{
	return 2 * o->capacity + 65536;
}

/* ---- sequences -------------------------------------------------------- */

static int walk_next(struct object *o, uint64_t *cursor, struct text *scratch,
	size_t *ret_size)
{
	struct agora_object *handle = object_reader(o);
	struct agora_buffer b = {0};
	int r = -EMSGSIZE;

	for (int i = 0; r == -EMSGSIZE && i < TRIES_MAX; i++) {
		r = view_grow(scratch, b.size ? b.size : 4096);
		if (r < 0)
			return r;
		b.data = scratch->data;
		b.capacity = scratch->capacity;
		r = agora_object_walk(handle, cursor, &b);
	}
	if (!r)
		*ret_size = b.size;
	return r == -EMSGSIZE ? -EUCLEAN : r;
}

static int render_sequence(struct object *o, struct text *out)
{
	struct text scratch = {0};
	uint64_t cursor = 0, end = UINT64_MAX, left = view_bound(o);
	size_t size;
	int r;

	if (!o->brief)
		loop_hand_over();
	/* what is pushed while we look is for the next look */
	r = agora_object_end(object_reader(o), &end);
	if (r == -EOPNOTSUPP)
		r = 0;
	while (!r && cursor < end && left--) {
		r = walk_next(o, &cursor, &scratch, &size);
		if (!r)
			r = text_message(out, o->type, scratch.data, size);
		if (!r && out->size > OPEN_BYTES_MAX)
			r = -EFBIG;
	}
	text_free(&scratch);
	return r == -EAGAIN ? 0 : r;
}

/* ---- keyed kinds ------------------------------------------------------ */

struct entry {
	size_t key; /* where in the bytes */
	size_t key_size;
	size_t value_size; /* follows the key */
};

struct entries {
	struct text bytes;
	struct entry *list;
	size_t count, max;
};

static int add_entry(struct entries *e, const struct agora_buffer *key,
	const struct agora_buffer *value)
{
	size_t max = e->max ? e->max * 2 : 64;
	void *p;
	int r;

	if (e->count == e->max) {
		p = reallocarray(e->list, max, sizeof(*e->list));
		if (!p)
			return -ENOMEM;
		e->list = p;
		e->max = max;
	}
	e->list[e->count] = (struct entry){
		e->bytes.size, key->size, value ? value->size : 0};
	r = text_append(&e->bytes, key->data, key->size);
	if (!r && value)
		r = text_append(&e->bytes, value->data, value->size);
	if (r < 0)
		return r;
	e->count++;
	if (e->bytes.size + e->count * sizeof(*e->list) > OPEN_BYTES_MAX)
		return -EFBIG;
	return 0;
}

static int compare_entries(const void *a, const void *b, void *arg)
{
	const struct entry *x = a, *y = b;
	const char *bytes = arg;
	size_t n = x->key_size < y->key_size ? x->key_size : y->key_size;
	int r = n ? memcmp(bytes + x->key, bytes + y->key, n) : 0;

	if (r)
		return r;
	return (x->key_size > y->key_size) - (x->key_size < y->key_size);
}

static int next_entry(struct object *o, struct agora_buffer *key,
	struct agora_buffer *value, struct text *scratch)
{
	int r = -EMSGSIZE;

	for (int i = 0; r == -EMSGSIZE && i < TRIES_MAX; i++) {
		r = view_grow(scratch, value->size ? value->size : 4096);
		if (r < 0)
			return r;
		value->data = scratch->data;
		value->capacity = scratch->capacity;
		r = agora_object_next(object_reader(o), key, value);
	}
	return r == -EMSGSIZE ? -EUCLEAN : r;
}

static int gather(struct object *o, struct entries *e)
{
	struct agora_buffer key = {.capacity = o->key_size, .size = SIZE_MAX};
	struct agora_buffer value = {0};
	struct text scratch = {0};
	uint64_t left = view_bound(o);
	int r = 0;

	loop_hand_over();
	key.data = malloc(o->key_size + 1);
	if (!key.data)
		return -ENOMEM;
	while (!r && left--) {
		r = next_entry(o, &key, &value, &scratch);
		if (!r)
			r = add_entry(e, &key, &value);
	}
	text_free(&scratch);
	free(key.data);
	if (r == -ENOENT)
		r = 0;
	if (!r && e->count)
		qsort_r(e->list, e->count, sizeof(*e->list), compare_entries,
			e->bytes.data);
	return r;
}

static int render_keyed(struct object *o, struct text *out)
{
	struct entries e = {0};
	const struct entry *x;
	int r;

	r = gather(o, &e);
	for (size_t i = 0; !r && i < e.count; i++) {
		x = &e.list[i];
		r = text_entry(out, e.bytes.data + x->key, x->key_size,
			e.bytes.data + x->key + x->key_size, x->value_size);
		if (!r && out->size > OPEN_BYTES_MAX)
			r = -EFBIG;
	}
	free(e.list);
	text_free(&e.bytes);
	return r;
}

static int render_key(
	const struct place *place, struct object *o, struct text *out)
{
	struct agora_buffer b = {0};
	struct text scratch = {0};
	int r = -EMSGSIZE;

	for (int i = 0; r == -EMSGSIZE && i < TRIES_MAX; i++) {
		r = view_grow(&scratch, b.size ? b.size : 4096);
		if (r < 0)
			break;
		b.data = scratch.data;
		b.capacity = scratch.capacity;
		r = agora_object_get(
			object_reader(o), place->key, place->key_size, &b);
	}
	if (!r)
		r = text_message(out, o->type, scratch.data, b.size);
	text_free(&scratch);
	return r == -EMSGSIZE ? -EUCLEAN : r;
}

/* ---- the dot folder --------------------------------------------------- */

static int render_stat(struct object *o, struct text *out)
{
	struct agora_stat st;
	int r = object_count(o, object_reader(o), &st);

	return r < 0 ? r : text_stat(out, &st);
}

static int render_holders(struct object *o, struct text *out)
{
	struct agora_client *clients;
	int count, r;

	count = agora_object_clients(object_reader(o), &clients);
	if (count < 0)
		return count;
	r = text_clients(out, clients, count);
	free(clients);
	return r;
}

static int render_rejection(const struct rejection *e, struct text *out)
{
	char when[32];
	struct tm tm;

	gmtime_r(&e->when.tv_sec, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return text_print(out, "%s\t%d\t%llu\t%s\n", when, (int)e->pid,
		(unsigned long long)e->offset, agora_strerror(e->error));
}

static int render_errors(struct object *o, struct text *out)
{
	unsigned int i;
	int r = 0;

	pthread_mutex_lock(&o->lock);
	i = o->rejected > ERRORS_MAX ? o->rejected - ERRORS_MAX : 0;
	for (; !r && i < o->rejected; i++)
		r = render_rejection(&o->errors[i % ERRORS_MAX], out);
	pthread_mutex_unlock(&o->lock);
	return r;
}

static int render_manifest(const struct place *place, struct text *out)
{
	struct agora_program_info *info;
	int r = agora_program_info(server.space, place->program, &info);

	if (r < 0)
		return r;
	r = text_program(out, info);
	agora_program_info_free(info);
	return r;
}

/* ---- all --------------------------------------------------------------- */

int view_render(
	const struct place *place, struct object *object, struct text *out)
{
	switch (place->facet) {
	case FACET_README:
		return text_append(out, readme_text, strlen(readme_text));
	case FACET_EVENTS:
		return events_render(out);
	case FACET_MANIFEST:
		return render_manifest(place, out);
	case FACET_KEY:
		return render_key(place, object, out);
	case FACET_STAT:
		return render_stat(object, out);
	case FACET_HOLDERS:
		return render_holders(object, out);
	case FACET_ERRORS:
		return render_errors(object, out);
	case FACET_OBJECT:
		if (object->kind->shape == AGORA_SEQUENCE)
			return render_sequence(object, out);
		return render_keyed(object, out);
	default:
		return -EACCES;
	}
}

static uint64_t rendered_size(const struct place *place, struct object *o)
{
	struct text out = {0};
	uint64_t size;

	size = view_render(place, o, &out) < 0 ? 0 : out.size;
	text_free(&out);
	return size;
}

static uint64_t object_size(const struct place *place, struct object *o)
{
	struct agora_stat st;

	if (o->slow || object_count(o, object_reader(o), &st) < 0)
		return 0; /* not twice, where it took long */
	if (o->kind->shape == AGORA_SEQUENCE)
		return st.bytes + (o->lines ? st.count : 0);
	if (st.bytes > SIZED_BYTES || st.count > SIZED_KEYS)
		return 0;
	return rendered_size(place, o);
}

uint64_t view_size(struct place *place)
{
	struct object *o;
	uint64_t size = 0;

	switch (place->facet) {
	case FACET_README:
		return strlen(readme_text);
	case FACET_EVENTS:
	case FACET_MANIFEST:
		return rendered_size(place, NULL);
	case FACET_KEY:
		return object_key_size(place, &size) < 0 ? 0 : size;
	case FACET_OBJECT:
		if (object_get(place, AGORA_READ, &o) < 0)
			return 0;
		size = object_size(place, o);
		object_put(o);
		return size;
	default:
		return 0;
	}
}

/* ---- snapshots of open files ------------------------------------------ */

static int take_snapshot(struct file *file)
{
	int r;

	if (file->shown)
		return 0;
	r = view_render(&file->place, file->object, &file->snapshot);
	if (!r)
		r = file_charge(file, file->snapshot.size);
	if (r < 0)
		text_free(&file->snapshot);
	else
		file->shown = true;
	return r;
}

int view_open(struct file *file, bool created)
{
	(void)created;
	if ((file->flags & O_ACCMODE) != O_RDONLY)
		return 0; /* made by the first read, if one comes */
	return take_snapshot(file);
}

void view_read(fuse_req_t req, struct file *file, size_t size, off_t off)
{
	int r;

	pthread_mutex_lock(&file->lock);
	r = take_snapshot(file);
	if (r < 0)
		fuse_reply_err(req, r == -ENOENT ? ESTALE : -r);
	else
		file_reply_part(req, &file->snapshot, size, off);
	pthread_mutex_unlock(&file->lock);
}
