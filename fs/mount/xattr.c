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

struct attribute {
	const char *name;
	enum agora_shape shape; /* of the kinds that have it; 0: all */
	int (*render)(const struct agora_stat *st, struct text *out);
};

static int number(struct text *out, uint64_t n)
{
	return text_print(out, "%llu", (unsigned long long)n);
}

static int render_kind(const struct agora_stat *st, struct text *out)
{
	return text_print(out, "%s", st->kind->name);
}

static int render_type(const struct agora_stat *st, struct text *out)
{
	return text_print(out, "%s", st->type);
}

static int render_capacity(const struct agora_stat *st, struct text *out)
{
	return number(out, st->capacity);
}

static int render_message_size(const struct agora_stat *st, struct text *out)
{
	return number(out, st->message_size);
}

static int render_key_size(const struct agora_stat *st, struct text *out)
{
	return number(out, st->key_size);
}

static int render_memory_max(const struct agora_stat *st, struct text *out)
{
	return number(out, st->memory_max);
}

static int render_writers(const struct agora_stat *st, struct text *out)
{
	return text_print(
		out, st->writers == AGORA_WRITERS_ONE ? "one" : "many");
}

static int render_fixed(const struct agora_stat *st, struct text *out)
{
	return text_print(out, st->flags & AGORA_FIXED ? "yes" : "no");
}

static int render_spsc(const struct agora_stat *st, struct text *out)
{
	return text_print(out, st->flags & AGORA_SPSC ? "yes" : "no");
}

static int render_format(const struct agora_stat *st, struct text *out)
{
	return number(out, st->format);
}

static const struct attribute attributes[] = {
	{PREFIX "kind", 0, render_kind},
	{PREFIX "type", 0, render_type},
	{PREFIX "capacity", 0, render_capacity},
	{PREFIX "message-size", AGORA_SEQUENCE, render_message_size},
	{PREFIX "value-size", AGORA_KEYED, render_message_size},
	{PREFIX "key-size", AGORA_KEYED, render_key_size},
	{PREFIX "memory-max", 0, render_memory_max},
	{PREFIX "writers", AGORA_KEYED, render_writers},
	{PREFIX "fixed", 0, render_fixed},
	{PREFIX "spsc", AGORA_SEQUENCE, render_spsc},
	{PREFIX "format", 0, render_format},
	{NULL, 0, NULL},
};

static bool has(const struct place *place, const struct attribute *a)
{
	const struct agora_kind *kind = agora_kind_of(place->object);

	return kind && (!a->shape || kind->shape == a->shape);
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
