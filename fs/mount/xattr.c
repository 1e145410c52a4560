/*
 * xattr.c - options of an object as extended attributes.
 *
 * What was chosen when the object was made, under user.agora.*; all that
 * moves is in the file "stat" of the dot folder.
 */
#include "xattr.h"

#include "object.h"
#include "tree.h"

#include <errno.h>
#include <string.h>

#define PREFIX "user.agora."

/* Appends what the attribute says. Returns -ENODATA where it says nothing of
 * objects of the kind, which is all that is to be looked at for that. */
typedef int render_fn(const struct agora_stat *st, struct text *out);

struct attribute {
	const char *name;
	render_fn *render;
};

static int number(struct text *out, uint64_t n)
{
	return text_print(out, "%llu", (unsigned long long)n);
}

static int word(struct text *out, const char *s)
{
	return s ? text_append(out, s, strlen(s)) : -ENODATA;
}

static int render_kind(const struct agora_stat *st, struct text *out)
{
	return word(out, st->kind->name);
}

static int render_type(const struct agora_stat *st, struct text *out)
{
	return word(out, st->type);
}

static int render_capacity(const struct agora_stat *st, struct text *out)
{
	return st->kind->shape == AGORA_VALUE ? -ENODATA
					      : number(out, st->capacity);
}

/* Members have no values; others have them, or messages. */
static int render_size(
	const struct agora_stat *st, struct text *out, const char *name)
{
	if (st->kind->traits & AGORA_MEMBERS ||
		strcmp(text_size_word(st->kind), name) != 0)
		return -ENODATA;
	return number(out, st->message_size);
}

static int render_message_size(const struct agora_stat *st, struct text *out)
{
	return render_size(st, out, "message-size");
}

static int render_value_size(const struct agora_stat *st, struct text *out)
{
	return render_size(st, out, "value-size");
}

static int render_key_size(const struct agora_stat *st, struct text *out)
{
	return st->kind->shape == AGORA_KEYED ? number(out, st->key_size)
					      : -ENODATA;
}

static int render_memory_max(const struct agora_stat *st, struct text *out)
{
	return number(out, st->memory_max);
}

static int render_writers(const struct agora_stat *st, struct text *out)
{
	return word(out, text_writers(st));
}

static int render_order(const struct agora_stat *st, struct text *out)
{
	return word(out, text_order(st));
}

static int render_reliable(const struct agora_stat *st, struct text *out)
{
	return word(out, text_flag(st, AGORA_RELIABLE));
}

static int render_fixed(const struct agora_stat *st, struct text *out)
{
	return word(out, text_flag(st, AGORA_FIXED));
}

static int render_spsc(const struct agora_stat *st, struct text *out)
{
	return word(out, text_flag(st, AGORA_SPSC));
}

static int render_format(const struct agora_stat *st, struct text *out)
{
	return number(out, st->format);
}

static const struct attribute attributes[] = {
	{PREFIX "kind", render_kind},
	{PREFIX "type", render_type},
	{PREFIX "capacity", render_capacity},
	{PREFIX "message-size", render_message_size},
	{PREFIX "value-size", render_value_size},
	{PREFIX "key-size", render_key_size},
	{PREFIX "memory-max", render_memory_max},
	{PREFIX "writers", render_writers},
	{PREFIX "order", render_order},
	{PREFIX "reliable", render_reliable},
	{PREFIX "fixed", render_fixed},
	{PREFIX "spsc", render_spsc},
	{PREFIX "format", render_format},
	{NULL, NULL},
};

static bool has(const struct place *place, const struct attribute *a)
{
	struct agora_stat st = {.kind = agora_kind_of(place->object)};
	struct text out = {0};
	bool is;

	is = st.kind && a->render(&st, &out) != -ENODATA;
	text_free(&out);
	return is;
}

int xattr_list(struct place *place, struct text *out)
{
	int r = 0;

	if (place->facet != FACET_OBJECT)
		return 0;
	for (const struct attribute *a = attributes; a->name && !r; a++)
		if (has(place, a))
			r = text_append(out, a->name, strlen(a->name) + 1);
	return r;
}

int xattr_get(struct place *place, const char *name, struct text *out)
{
	const struct attribute *a = attributes;
	struct object *o;
	int r;

	while (a->name && strcmp(a->name, name) != 0)
		a++;
	if (!a->name || place->facet != FACET_OBJECT || !has(place, a))
		return -ENODATA;
	r = object_get(place, AGORA_READ, &o);
	if (r < 0)
		return r;
	r = a->render(&o->made, out);
	object_put(o);
	return r;
}
