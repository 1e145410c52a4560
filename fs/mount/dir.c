/*
 * dir.c - listing a directory.
 *
 * The list is made when the directory is opened and served from then on; an
 * offset is a place in that list. READDIRPLUS is not offered: attributes
 * that come with a list would have to be cached for a while to be of use,
 * and the size of an object must never be one that it had some time ago.
 */
#include "dir.h"

#include "keys.h"
#include "tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An entry of the list; its name follows, with a NUL. */
struct entry {
	uint64_t ino;
	uint32_t mode;
	uint32_t name_size;
};

static int add(struct file *file, const char *name, const struct place *place)
{
	struct entry e = {.mode = S_IFREG, .name_size = strlen(name) + 1};
	int r;

	e.ino = node_ino(place);
	if (facet_is_dir(place->facet))
		e.mode = S_IFDIR;
	r = text_append(&file->snapshot, &e, sizeof(e));
	if (!r)
		r = text_append(&file->snapshot, name, e.name_size);
	if (!r && file->snapshot.size > OPEN_BYTES_MAX)
		r = -EFBIG;
	return r;
}

static int add_files(struct file *file, const struct tree_file *list)
{
	struct place place;
	int r = 0;

	place_copy(&place, &file->place);
	for (; !r && list->name; list++) {
		place.facet = list->facet;
		if (list->listed && tree_dot_has(list, &place))
			r = add(file, list->name, &place);
	}
	return r;
}

/* Add a name if it still leads to something. */
static int add_name(struct file *file, const char *name)
{
	struct place place;

	if (tree_lookup(&file->place, name, &place) < 0)
		return 0;
	return add(file, name, &place);
}

static int list_programs(struct file *file)
{
	char **names;
	int r;

	r = add_files(file, tree_root_files);
	if (r < 0)
		return r;
	r = agora_space_list(server.space, NULL, &names);
	if (r < 0)
		return r;
	r = 0;
	for (char **name = names; *name && !r; name++)
		if (strcmp(*name, tree_root_files[0].name) != 0)
			r = add_name(file, *name);
	agora_list_free(names);
	return r;
}

/* The folder stands before the object, without which it is gone: rm -r. */
static int list_object(struct file *file, const char *name)
{
	const struct agora_kind *kind = agora_kind_of(name);
	char folder[256];
	int r = 0;

	if (kind && kind->shape == AGORA_KEYED) {
		snprintf(folder, sizeof(folder), "%.*s",
			(int)(strlen(name) - strlen(kind->name) - 1), name);
		r = add_name(file, folder);
	}
	return r < 0 ? r : add_name(file, name);
}

static int list_objects(struct file *file)
{
	char **names;
	int r;

	r = add_name(file, ".program");
	if (r < 0)
		return r;
	r = agora_space_list(server.space, file->place.program, &names);
	if (r == -ENOENT)
		return -ESTALE;
	if (r < 0)
		return r;
	r = 0;
	for (char **name = names; *name && !r; name++)
		r = list_object(file, *name);
	agora_list_free(names);
	return r;
}

static int list(struct file *file)
{
	switch (file->place.facet) {
	case FACET_ROOT:
		return list_programs(file);
	case FACET_PROGRAM:
		return list_objects(file);
	case FACET_FOLDER:
	case FACET_KEYS:
		return keys_list(file, add);
	default:
		return add_files(file, tree_dot_files);
	}
}

int dir_open(struct file *file, bool created)
{
	struct place parent;
	int r;

	(void)created;
	place_copy(&parent, &file->place);
	parent.key_size = 0;
	parent.facet = FACET_PROGRAM;
	if (file->place.facet <= FACET_PROGRAM)
		parent.facet = FACET_ROOT;
	else
		parent.ino = parent.program_ino;
	r = add(file, ".", &file->place);
	if (!r)
		r = add(file, "..", &parent);
	if (!r)
		r = list(file);
	if (!r)
		r = file_charge(file, file->snapshot.size);
	return r;
}

void dir_read(fuse_req_t req, struct file *file, size_t size, off_t off)
{
	const struct text *t = &file->snapshot;
	struct stat st = {0};
	struct entry e;
	size_t used = 0, n, at = off;
	char *buf;

	buf = malloc(size);
	if (!buf) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	pthread_mutex_lock(&file->lock);
	while (at < t->size && t->size - at > sizeof(e)) {
		memcpy(&e, t->data + at, sizeof(e));
		if (e.name_size > t->size - at - sizeof(e))
			break; /* not an offset that we gave out */
		st.st_ino = e.ino;
		st.st_mode = e.mode;
		n = fuse_add_direntry(req, buf + used, size - used,
			t->data + at + sizeof(e), &st,
			at + sizeof(e) + e.name_size);
		if (n > size - used)
			break;
		used += n;
		at += sizeof(e) + e.name_size;
	}
	pthread_mutex_unlock(&file->lock);
	fuse_reply_buf(req, buf, used);
	free(buf);
}
