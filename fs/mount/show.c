/*
 * show.c - what an object and its keys show when they are read.
 *
 * By the shape of its kind: messages in their order, entries sorted by their
 * keys, or one value. Segments are not trusted: each walk ends after as many
 * steps as a sound object could need.
 */
#include "show.h"

#include "loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TRIES_MAX   32 /* from the least capacity to the largest */
#define SMALLEST    4096
#define SIZED_BYTES 1048576 /* render no more than that to tell its size */
#define SIZED_COUNT 16384

int show_grow(struct text *t, size_t capacity)
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

uint64_t show_bound(const struct object *o)
{
	return 2 * o->capacity + 65536;
}

/* What is larger than it was said to be a moment ago may well grow again. */
static size_t next_capacity(size_t capacity, size_t needed)
{
	size_t twice = capacity < SMALLEST ? SMALLEST : 2 * capacity;

	if (twice > OPEN_BYTES_MAX)
		twice = OPEN_BYTES_MAX;
	return needed > twice ? needed : twice;
}

int show_copy(show_copy_fn *copy, void *from, struct text *scratch,
	struct agora_buffer *ret_copy)
{
	struct agora_buffer *b = ret_copy;
	int r;

	b->data = scratch->data;
	b->capacity = scratch->capacity;
	r = copy(from, b);
	for (int i = 0; r == -EMSGSIZE && i < TRIES_MAX; i++) {
		r = show_grow(
			scratch, next_capacity(scratch->capacity, b->size));
		if (r < 0)
			return r;
		b->data = scratch->data;
		b->capacity = scratch->capacity;
		r = copy(from, b);
	}
	if (!r)
		scratch->size = b->size;
	return r == -EMSGSIZE ? -EUCLEAN : r;
}

/* ---- sequences -------------------------------------------------------- */

static int copy_message(void *from, struct agora_buffer *b)
{
	return agora_snapshot_next(from, b);
}

static int show_messages(
	struct object *o, struct agora_snapshot *snapshot, struct text *out)
{
	uint64_t left = show_bound(o);
	struct agora_buffer b = {0};
	struct text scratch = {0};
	struct text_said said;
	int r = 0;

	while (!r && left--) {
		r = show_copy(copy_message, snapshot, &scratch, &b);
		said = (struct text_said){b.data, b.size, b.priority};
		if (!r)
			r = text_message(out, o->kind->traits, o->type, &said);
		if (!r && out->size > OPEN_BYTES_MAX)
			r = -EFBIG;
	}
	text_free(&scratch);
	return r == -EAGAIN ? 0 : r;
}

static int show_sequence(struct object *o, struct text *out)
{
	struct agora_snapshot *snapshot;
	int r;

	if (!o->brief)
		loop_hand_over();
	r = agora_object_snapshot(object_reader(o), &snapshot);
	if (r < 0)
		return r;
	r = show_messages(o, snapshot, out);
	agora_snapshot_close(snapshot);
	return r;
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

static int add_entry(void *arg, const struct agora_buffer *key,
	const struct agora_buffer *value)
{
	struct entries *e = arg;
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
	e->list[e->count] =
		(struct entry){e->bytes.size, key->size, value->size};
	r = text_append(&e->bytes, key->data, key->size);
	if (!r)
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

struct walk {
	struct object *o;
	struct agora_buffer key;
};

static int copy_next(void *from, struct agora_buffer *value)
{
	struct walk *w = from;

	return agora_object_next(object_reader(w->o), &w->key, value);
}

/* Called for each entry; an answer other than 0 ends it. */
typedef int entry_fn(void *arg, const struct agora_buffer *key,
	const struct agora_buffer *value);

static int each_entry(struct object *o, entry_fn *fn, void *arg)
{
	struct walk w = {o, {.capacity = o->key_size, .size = SIZE_MAX}};
	uint64_t left = show_bound(o);
	struct agora_buffer value = {0};
	struct text scratch = {0};
	int r = 0;

	loop_hand_over();
	w.key.data = malloc(o->key_size + 1);
	if (!w.key.data)
		return -ENOMEM;
	while (!r && left--) {
		r = show_copy(copy_next, &w, &scratch, &value);
		if (!r)
			r = fn(arg, &w.key, &value);
	}
	text_free(&scratch);
	free(w.key.data);
	return r == -ENOENT ? 0 : r;
}

/* Where entries are added as they are shown. */
struct shown {
	const struct object *o;
	struct text *out;
};

static int show_entry(void *arg, const struct agora_buffer *key,
	const struct agora_buffer *value)
{
	const struct shown *s = arg;
	const struct text_pair pair = {
		key->data, key->size, value->data, value->size};
	int r = text_entry(s->out, s->o->kind->traits, &pair);

	return !r && s->out->size > OPEN_BYTES_MAX ? -EFBIG : r;
}

static int show_unsorted(struct object *o, struct shown *s)
{
	struct entries e = {0};
	int r = each_entry(o, add_entry, &e);

	if (!r && e.count)
		qsort_r(e.list, e.count, sizeof(*e.list), compare_entries,
			e.bytes.data);
	for (size_t i = 0; !r && i < e.count; i++) {
		char *bytes = e.bytes.data + e.list[i].key;
		const struct agora_buffer key = {
			.data = bytes, .size = e.list[i].key_size};
		const struct agora_buffer value = {
			.data = bytes + key.size, .size = e.list[i].value_size};

		r = show_entry(s, &key, &value);
	}
	free(e.list);
	text_free(&e.bytes);
	return r;
}

static int show_keyed(struct object *o, struct text *out)
{
	struct shown shown = {o, out};

	if (o->kind->traits & AGORA_SORTED)
		return each_entry(o, show_entry, &shown);
	return show_unsorted(o, &shown);
}

struct lookup {
	struct object *o;
	const struct place *key;
};

static int copy_value(void *from, struct agora_buffer *value)
{
	struct lookup *l = from;

	return agora_object_get(
		object_reader(l->o), l->key->key, l->key->key_size, value);
}

int show_key(struct object *o, const struct place *key, struct text *out)
{
	struct lookup lookup = {o, key};
	struct agora_buffer b = {0};
	struct text scratch = {0};
	int r;

	r = show_copy(copy_value, &lookup, &scratch, &b);
	if (!r)
		r = text_value(out, o->type, scratch.data, b.size);
	text_free(&scratch);
	return r;
}

/* ---- single values ---------------------------------------------------- */

static int copy_load(void *from, struct agora_buffer *value)
{
	return agora_object_load(object_reader(from), value);
}

int show_load(struct object *o, struct text *scratch, uint64_t *ret_version)
{
	struct agora_buffer b = {0};
	int r = show_copy(copy_load, o, scratch, &b);

	if (!r)
		*ret_version = b.version;
	return r;
}

static int show_value(struct object *o, struct text *out)
{
	struct text scratch = {0};
	uint64_t version;
	int r = show_load(o, &scratch, &version);

	if (!r)
		r = text_value(out, o->type, scratch.data, scratch.size);
	text_free(&scratch);
	return r == -ENOENT ? 0 : r; /* there is none yet: an empty file */
}

/* ---- all shapes ------------------------------------------------------- */

int show_object(struct object *o, struct text *out)
{
	switch (o->kind->shape) {
	case AGORA_SEQUENCE:
		return show_sequence(o, out);
	case AGORA_KEYED:
		return show_keyed(o, out);
	default:
		return show_value(o, out);
	}
}

static uint64_t shown_size(struct object *o)
{
	struct text out = {0};
	uint64_t size;

	size = show_object(o, &out) < 0 ? 0 : out.size;
	text_free(&out);
	return size;
}

/* Whether a line of it is as long as its message says. */
static bool is_plain(const struct object *o)
{
	return o->kind->shape == AGORA_SEQUENCE &&
	       !(o->kind->traits & AGORA_PRIORITIES);
}

uint64_t show_size(struct object *o)
{
	struct agora_stat st;

	if (o->slow || object_count(o, object_reader(o), &st) < 0)
		return 0; /* not twice, where it took long */
	if (is_plain(o))
		return st.bytes + (o->lines ? st.count : 0);
	if (o->kind->shape == AGORA_VALUE)
		return st.bytes + (o->lines && st.bytes);
	if (st.bytes > SIZED_BYTES || st.count > SIZED_COUNT)
		return 0;
	return shown_size(o);
}
