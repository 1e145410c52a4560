/*
 * keys.c - the keys of a keyed object, and the folders they are in.
 *
 * Most keys are files of the object's folder. One whose name would be too
 * long is in a folder of that folder, with all others that begin alike:
 * text.h has the form of the names. Such a folder is always there, as the dot
 * folder is, and is listed when there is a key in it.
 */
#include "keys.h"

#include "loop.h"
#include "show.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

static bool begins_so(const struct agora_buffer *key, const struct place *f)
{
	return key->size >= f->key_size &&
	       !memcmp(key->data, f->key, f->key_size);
}

/* Whether the path of a key leads through the folder: one that begins with
 * the same bytes may be cut elsewhere. Returns 1, 0, -ENOMEM. */
static int is_in(const struct agora_buffer *key, const struct place *f,
	struct text *scratch)
{
	size_t at = 0;
	int r = 1;

	if (!begins_so(key, f))
		return 0;
	while (r > 0 && at < f->key_size) {
		scratch->size = 0;
		r = text_key_part(scratch, key->data, key->size, &at);
	}
	return r > 0 ? at == f->key_size : r;
}

int keys_each(
	struct object *o, const struct place *folder, keys_fn *fn, void *arg)
{
	struct agora_buffer key = {.capacity = o->key_size, .size = SIZE_MAX};
	bool sorted = o->kind->traits & AGORA_SORTED;
	struct text scratch = {0};
	uint64_t left = show_bound(o);
	int r = 0;

	loop_hand_over();
	key.data = malloc(o->key_size + 1);
	if (!key.data)
		return -ENOMEM;
	if (sorted && folder->key_size && folder->key_size <= o->key_size) {
		memcpy(key.data, folder->key, folder->key_size);
		key.size = folder->key_size;
	}
	while (!r && left--) {
		r = agora_object_next(object_reader(o), &key, NULL);
		if (!r && sorted && !begins_so(&key, folder))
			break;
		if (!r)
			r = is_in(&key, folder, &scratch);
		if (r > 0)
			r = fn(&key, arg);
	}
	text_free(&scratch);
	free(key.data);
	return r == -ENOENT ? 0 : r;
}

static int stop(const struct agora_buffer *key, void *arg)
{
	(void)key;
	(void)arg;
	return 1;
}

int keys_are_none(struct place *folder)
{
	struct object *o;
	int r = object_get(folder, AGORA_READ, &o);

	if (r < 0)
		return r;
	r = keys_each(o, folder, stop, NULL);
	object_put(o);
	return r < 0 ? r : !r;
}

/* ---- listing ----------------------------------------------------------- */

struct listing {
	struct file *file;
	int (*add)(struct file *, const char *, const struct place *);
	struct text name;
	struct place place; /* of the entry */
	void *folders;      /* names of those that were added */
};

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Remember a folder. Returns 1 when it is new, 0, or -ENOMEM. */
static int remember(struct listing *l, const char *name)
{
	char *copy = strdup(name), **found;

	if (!copy)
		return -ENOMEM;
	found = tsearch(copy, &l->folders, compare_names);
	if (found && *found == copy)
		return 1;
	free(copy);
	return found ? 0 : -ENOMEM;
}

static int add_key(const struct agora_buffer *key, void *arg)
{
	struct listing *l = arg;
	size_t at = l->file->place.key_size;
	int more, r = 1;

	if (key->size > AGORA_KEY_MAX)
		return 0;
	l->name.size = 0;
	more = text_key_part(&l->name, key->data, key->size, &at);
	if (more < 0 || text_append(&l->name, "", 1) < 0)
		return -ENOMEM;
	if (more)
		r = remember(l, l->name.data);
	if (r <= 0)
		return r;
	l->place.facet = more ? FACET_KEYS : FACET_KEY;
	l->place.key_size = at;
	memcpy(l->place.key, key->data, at);
	return l->add(l->file, l->name.data, &l->place);
}

int keys_list(struct file *file,
	int (*add)(struct file *, const char *name, const struct place *))
{
	struct listing *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	l->file = file;
	l->add = add;
	place_copy(&l->place, &file->place);
	r = keys_each(file->object, &file->place, add_key, l);
	tdestroy(l->folders, free);
	text_free(&l->name);
	free(l);
	return r;
}
