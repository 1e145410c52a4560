/*
 * names.c - mkdir, create, unlink, rmdir, rename.
 *
 * Only names with a known kind become objects, so that what editors and
 * copying tools leave behind does not.
 */
#include "names.h"

#include "caller.h"
#include "events.h"
#include "keys.h"
#include "object.h"
#include "tree.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Make sure that the directory is where its names say. */
static int find_program(struct place *parent)
{
	int fd = tree_program_fd(parent);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static int object_path(
	const struct place *parent, const char *name, char ret_path[520])
{
	struct place place;

	if (strlen(name) > 255)
		return -ENAMETOOLONG;
	place_copy(&place, parent);
	strcpy(place.object, name);
	tree_path(&place, ret_path);
	return 0;
}

/* ---- making ----------------------------------------------------------- */

int names_mkdir(fuse_req_t req, struct place *parent, const char *name,
	mode_t mode, struct place *ret_place)
{
	struct agora_program_options options = {.mode = mode & 07777};
	int r;

	if (strlen(name) > 255)
		return -ENAMETOOLONG;
	if (parent->facet != FACET_ROOT)
		return -EPERM;
	if (!options.mode) /* would mean: the usual */
		options.mode = 0700;
	caller_enter(req);
	r = agora_program_create(server.space, name, &options);
	caller_leave();
	return r < 0 ? r : tree_lookup(parent, name, ret_place);
}

static int create_object(fuse_req_t req, struct place *parent, const char *name,
	mode_t mode, struct place *ret_place)
{
	struct agora_options options = {.type = "utf8", .mode = mode & 0777};
	char path[520];
	int r;

	if (!agora_kind_of(name) || name[0] == '.')
		return -EPERM;
	r = object_path(parent, name, path);
	if (!r)
		r = find_program(parent);
	if (r < 0)
		return r;
	if (!options.mode)
		options.mode = 0600;
	caller_enter(req);
	r = agora_object_create(server.space, path, &options);
	caller_leave();
	return r < 0 ? r : tree_lookup(parent, name, ret_place);
}

/* Whether there may be such a key: as long, and as a member of the type. */
static int check_key(struct place *place)
{
	struct object *o;
	int r = object_get(place, AGORA_READ, &o);

	if (r < 0)
		return r;
	r = place->key_size > o->key_size ? -ENAMETOOLONG : 0;
	if (!r && o->kind->traits & AGORA_MEMBERS &&
		object_check(o, place->key, place->key_size, NULL) == -EBADMSG)
		r = -EBADMSG;
	object_put(o);
	return r;
}

static int create_key(
	struct place *parent, const char *name, struct place *ret_place)
{
	int r = tree_key(parent, name, ret_place);

	if (!r)
		r = check_key(ret_place);
	if (r < 0)
		return r;
	if (ret_place->facet == FACET_KEYS)
		return -EEXIST;
	r = object_key_size(ret_place, NULL);
	if (r != -ENOENT)
		return r < 0 ? r : -EEXIST;
	return 0;
}

int names_create(fuse_req_t req, struct place *parent, const char *name,
	mode_t mode, struct place *ret_place)
{
	if (strlen(name) > 255)
		return -ENAMETOOLONG;
	switch (parent->facet) {
	case FACET_PROGRAM:
		return create_object(req, parent, name, mode, ret_place);
	case FACET_FOLDER:
	case FACET_KEYS:
		return create_key(parent, name, ret_place);
	default:
		return -EPERM;
	}
}

/* ---- removing --------------------------------------------------------- */

static int remove_object(
	fuse_req_t req, const struct place *parent, const char *name)
{
	char path[520];
	int r = object_path(parent, name, path);

	if (r < 0)
		return r;
	caller_enter(req);
	r = agora_object_remove(server.space, path);
	caller_leave();
	return r;
}

static int remove_key(struct place *place)
{
	struct object *o;
	int r = object_get(place, AGORA_WRITE, &o);

	if (r < 0)
		return r;
	object_begin(o);
	r = agora_object_delete(object_writer(o), place->key, place->key_size);
	object_end(o);
	object_put(o);
	return r;
}

int names_unlink(fuse_req_t req, struct place *parent, const char *name)
{
	struct place place;
	int r = tree_lookup(parent, name, &place);

	if (r < 0)
		return r;
	if (place.facet == FACET_OBJECT) {
		r = remove_object(req, &place, name);
		if (!r) /* its folder is gone, too */
			events_forget_names();
		return r;
	}
	if (place.facet == FACET_KEY)
		return remove_key(&place);
	if (place.facet != FACET_MANIFEST)
		return -EPERM;
	caller_enter(req);
	r = agora_program_forget(server.space, place.program);
	caller_leave();
	return r;
}

/*
 * A folder goes with its object. That an empty one can be removed, which
 * does nothing, lets "rm -r PROGRAM" do what it says.
 */
static int remove_folder(struct place *place)
{
	int r = keys_are_none(place);

	return r < 0 ? r : r ? 0 : -ENOTEMPTY;
}

static bool is_folder(const struct place *place)
{
	return place->facet == FACET_FOLDER || place->facet == FACET_KEYS;
}

int names_rmdir(fuse_req_t req, struct place *parent, const char *name)
{
	struct place place;
	int r = tree_lookup(parent, name, &place);

	if (r < 0)
		return r;
	if (is_folder(&place))
		return remove_folder(&place);
	if (place.facet != FACET_PROGRAM)
		return -EPERM;
	caller_enter(req);
	r = agora_program_remove(server.space, name);
	caller_leave();
	return r;
}

/* ---- renaming --------------------------------------------------------- */

static int rename_object(fuse_req_t req, struct place *parent, const char *name,
	struct place *new_parent, const char *new_name)
{
	const struct agora_kind *kind = agora_kind_of(name);
	char from[520], to[520];
	int r;

	if (!kind || name[0] == '.' || !agora_kind_of(new_name) ||
		new_name[0] == '.')
		return -EPERM;
	r = find_program(parent);
	if (!r)
		r = find_program(new_parent);
	if (!r)
		r = object_path(parent, name, from);
	if (!r)
		r = object_path(new_parent, new_name, to);
	if (r < 0)
		return r;
	caller_enter(req);
	r = agora_object_rename(server.space, from, to);
	caller_leave();
	if (!r) /* its folder has another name, too */
		events_forget_names();
	return r;
}

static int rename_program(
	fuse_req_t req, struct place *parent, const char *name, const char *to)
{
	struct place place;
	int r = tree_lookup(parent, name, &place);

	if (r < 0)
		return r;
	if (place.facet != FACET_PROGRAM)
		return -EPERM;
	if (!tree_lookup(parent, to, &place))
		return -EEXIST;
	caller_enter(req);
	r = agora_program_rename(server.space, name, to);
	caller_leave();
	return r;
}

int names_rename(fuse_req_t req, struct place *parent, const char *name,
	struct place *new_parent, const char *new_name)
{
	if (strlen(new_name) > 255)
		return -ENAMETOOLONG;
	if (parent->facet == FACET_ROOT && new_parent->facet == FACET_ROOT)
		return rename_program(req, parent, name, new_name);
	if (parent->facet == FACET_PROGRAM &&
		new_parent->facet == FACET_PROGRAM)
		return rename_object(req, parent, name, new_parent, new_name);
	if (is_folder(parent) || is_folder(new_parent))
		return -EOPNOTSUPP;
	return -EPERM;
}
