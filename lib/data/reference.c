/*
 * reference.c - make references, send them, follow them: agora/reference.h.
 *
 * A resolver keeps what it opened in sets of a few places, chosen by the hash
 * of the path. What it finds there is used only while the path still leads to
 * the very same file: its inode cannot be another's while we have it open.
 */
#include <agora/reference.h>

#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SETS 16
#define WAYS 4

/* ---- make and send ---- */

/* Is a key, or none, what a kind wants? 0, -EINVAL, -EOPNOTSUPP. */
static int check_key(const struct agora_kind *kind, bool has_key)
{
	if (kind->shape != AGORA_KEYED && kind->shape != AGORA_VALUE)
		return -EOPNOTSUPP;
	return has_key == (kind->shape == AGORA_KEYED) ? 0 : -EINVAL;
}

int agora_reference_make(const struct agora_object *object, const void *key,
	size_t key_size, uint64_t version,
	struct agora_reference *ret_reference)
{
	const char *path = agora_object_path(object);
	int error = check_key(agora_object_kind(object), key);

	if (!error && key && key_size > AGORA_KEY_MAX)
		error = -EINVAL;
	if (error)
		return error;
	strcpy(ret_reference->path, path);
	ret_reference->has_key = key != NULL;
	ret_reference->key_size = key ? key_size : 0;
	if (key && key_size)
		memcpy(ret_reference->key, key, key_size);
	ret_reference->version = version;
	return 0;
}

int agora_reference_push(
	struct agora_object *object, const struct agora_reference *reference)
{
	char text[AGORA_REFERENCE_MAX];
	struct agora_buffer b = {.data = text, .capacity = sizeof(text)};
	int error = agora_reference_format(reference, &b);

	return error ? error : agora_object_push(object, text, b.size);
}

/* ---- the resolver ---- */

/* An object that was opened, and the file that it is in. */
struct slot {
	struct agora_object *object;
	dev_t device;
	ino_t inode;
};

struct agora_resolver {
	struct agora_space *space;
	struct slot slot[SETS][WAYS];
	unsigned next[SETS]; /* which of a set goes first */
};

int agora_resolver_open(
	struct agora_space *space, struct agora_resolver **ret_resolver)
{
	struct agora_resolver *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->space = space;
	*ret_resolver = r;
	return 0;
}

static void forget(struct slot *slot)
{
	agora_object_close(slot->object);
	slot->object = NULL;
}

void agora_resolver_close(struct agora_resolver *resolver)
{
	if (!resolver)
		return;
	for (unsigned i = 0; i < SETS * WAYS; i++)
		forget(&resolver->slot[i / WAYS][i % WAYS]);
	free(resolver);
}

/* Does the path of an open object still lead to its file? */
static bool is_there(const struct agora_resolver *r, const struct slot *slot)
{
	struct stat st;

	return !fstatat(agora_space_fd(r->space),
		       agora_object_path(slot->object), &st,
		       AT_SYMLINK_NOFOLLOW) &&
	       st.st_dev == slot->device && st.st_ino == slot->inode;
}

static int fill(struct agora_resolver *r, const char *path, struct slot *slot)
{
	struct stat st;
	int error = agora_object_open(
		r->space, path, AGORA_READ, NULL, &slot->object);

	if (error)
		return error;
	if (fstat(agora_object_fd(slot->object), &st)) {
		error = -errno;
		forget(slot);
		return error;
	}
	slot->device = st.st_dev;
	slot->inode = st.st_ino;
	return 0;
}

/* The object of a path, opened now or before. */
static int find(struct agora_resolver *r, const char *path,
	struct agora_object **ret_object)
{
	unsigned set = hash_bytes(path, strlen(path), 0) % SETS;
	struct slot *slot = NULL;
	int error = 0;

	for (unsigned i = 0; i < WAYS && !slot; i++) {
		struct agora_object *object = r->slot[set][i].object;

		if (object && !strcmp(agora_object_path(object), path))
			slot = &r->slot[set][i];
	}
	if (slot && !is_there(r, slot))
		forget(slot);
	if (!slot) {
		slot = &r->slot[set][r->next[set]];
		r->next[set] = (r->next[set] + 1) % WAYS;
		forget(slot);
	}
	if (!slot->object)
		error = fill(r, path, slot);
	if (!error)
		*ret_object = slot->object;
	return error;
}

/* ---- follow ---- */

static int read_value(struct agora_object *object,
	const struct agora_reference *r, struct agora_buffer *value)
{
	int error = check_key(agora_object_kind(object), r->has_key);

	if (error)
		return error;
	if (r->has_key)
		error = agora_object_get(object, r->key, r->key_size, value);
	else
		error = agora_object_load(object, value);
	if (!error && r->version && r->version != value->version)
		error = -ESTALE;
	return error;
}

int agora_resolver_follow(struct agora_resolver *resolver,
	const struct agora_reference *reference, struct agora_buffer *ret_value)
{
	struct agora_object *object;
	int error;

	if (!memchr(reference->path, 0, sizeof(reference->path)) ||
		(reference->has_key && reference->key_size > AGORA_KEY_MAX))
		return -EINVAL;
	error = find(resolver, reference->path, &object);
	return error ? error : read_value(object, reference, ret_value);
}

int agora_reference_follow(struct agora_space *space, const void *text,
	size_t size, struct agora_buffer *ret_value)
{
	struct agora_reference reference;
	struct agora_object *object;
	int error = agora_reference_parse(text, size, &reference);

	if (!error)
		error = agora_object_open(
			space, reference.path, AGORA_READ, NULL, &object);
	if (error)
		return error;
	error = read_value(object, &reference, ret_value);
	agora_object_close(object);
	return error;
}
