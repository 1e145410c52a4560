/*
 * tree.c - the path scheme: from a name to what it stands for.
 *
 * Names of programs and objects are looked up in the space's own directories
 * each time; nothing is believed that could be out of date. Symbolic links
 * in a space are never followed: in a shared one anybody may put them there.
 */
#include "tree.h"

#include "loop.h"
#include "object.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct tree_file tree_root_files[] = {
	{"README", FACET_README, true, 0},
	{".events", FACET_EVENTS, true, 0},
	{".follow", FACET_FOLLOW, false, 0},
	{NULL, 0, false, 0},
};

const struct tree_file tree_dot_files[] = {
	{"pop", FACET_POP, true, AGORA_CAN_POP},
	{"pipe", FACET_PIPE, true, AGORA_CAN_POP},
	{"tap", FACET_TAP, true, AGORA_CAN_WALK},
	{"put", FACET_PUT, true, AGORA_CAN_PUSH},
	{"stat", FACET_STAT, true, 0},
	{"holders", FACET_HOLDERS, true, 0},
	{"errors", FACET_ERRORS, true, 0},
	{NULL, 0, false, 0},
};

void tree_path(const struct place *place, char ret_path[520])
{
	snprintf(ret_path, 520, "%s/%s", place->program, place->object);
}

static void set_name(char out[256], const char *name)
{
	snprintf(out, 256, "%s", name);
}

/* ---- programs --------------------------------------------------------- */

static int open_dir(const char *name, struct stat *ret_stat)
{
	int fd = openat(server.space_fd, name,
		O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (fstat(fd, ret_stat) < 0 || ret_stat->st_dev != server.space_dev) {
		close(fd);
		return -ENOENT;
	}
	return fd;
}

/* Whether place, with its program open as dir, is what is looked for. */
typedef bool match_fn(struct place *place, int dir, fuse_ino_t id);

/* Go through all programs. Returns the directory of the one that matches. */
static int scan_programs(match_fn *match, fuse_ino_t id, struct place *place)
{
	struct stat st = {0};
	char **names;
	int fd = -ESTALE;

	loop_hand_over();
	if (agora_space_list(server.space, NULL, &names) < 0)
		return -ESTALE;
	for (char **name = names; *name && fd < 0; name++) {
		fd = open_dir(*name, &st);
		if (fd < 0)
			continue;
		set_name(place->program, *name);
		if (!id && st.st_ino == place->program_ino)
			break;
		if (id) {
			place->program_ino = st.st_ino;
			if (match(place, fd, id))
				break;
		}
		close(fd);
		fd = -ESTALE;
	}
	agora_list_free(names);
	return fd < 0 ? -ESTALE : fd;
}

int tree_program_fd(struct place *place)
{
	struct stat st = {0};
	int fd = open_dir(place->program, &st);

	if (fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM)
		return fd;
	if (fd >= 0 && st.st_ino == place->program_ino)
		return fd;
	if (fd >= 0)
		close(fd);
	return scan_programs(NULL, 0, place);
}

/*
 * Directories that were used last stay open. As long as one is, its inode
 * number is not used again: a look at the name tells whether it still leads
 * there.
 */
struct dir {
	char name[256];
	uint64_t ino;
	int fd;
	unsigned int refs;
};

static struct {
	pthread_mutex_t lock;
	struct dir *slots[16]; /* with a reference each */
} dirs = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void dir_put(struct dir *d)
{
	bool last;

	if (!d)
		return;
	pthread_mutex_lock(&dirs.lock);
	last = !--d->refs;
	pthread_mutex_unlock(&dirs.lock);
	if (!last)
		return;
	close(d->fd);
	free(d);
}

/* Put d, or NULL, where the directory with this inode is kept. */
static void dir_keep(uint64_t ino, struct dir *d)
{
	struct dir **slot = &dirs.slots[ino % 16], *old;

	pthread_mutex_lock(&dirs.lock);
	old = *slot;
	*slot = d;
	if (d)
		d->refs++;
	pthread_mutex_unlock(&dirs.lock);
	dir_put(old);
}

static struct dir *dir_open_kept(const struct place *place)
{
	struct dir *d;
	struct stat st;

	pthread_mutex_lock(&dirs.lock);
	d = dirs.slots[place->program_ino % 16];
	if (d && (d->ino != place->program_ino ||
			 strcmp(d->name, place->program) != 0))
		d = NULL;
	if (d)
		d->refs++;
	pthread_mutex_unlock(&dirs.lock);
	if (!d)
		return NULL;
	if (!fstatat(server.space_fd, d->name, &st, AT_SYMLINK_NOFOLLOW) &&
		st.st_ino == d->ino && st.st_dev == server.space_dev)
		return d;
	dir_keep(d->ino, NULL);
	dir_put(d);
	return NULL;
}

/* As tree_program_fd(); to be given back with dir_put(). */
static int dir_get(struct place *place, struct dir **ret_dir)
{
	struct dir *d = dir_open_kept(place);
	int fd;

	if (d) {
		*ret_dir = d;
		return 0;
	}
	fd = tree_program_fd(place);
	if (fd < 0)
		return fd;
	d = malloc(sizeof(*d));
	if (!d) {
		close(fd);
		return -ENOMEM;
	}
	*d = (struct dir){.ino = place->program_ino, .fd = fd, .refs = 1};
	set_name(d->name, place->program);
	dir_keep(d->ino, d);
	*ret_dir = d;
	return 0;
}

void tree_close_idle(void)
{
	for (uint64_t i = 0; i < 16; i++)
		dir_keep(i, NULL);
}

/* ---- objects ---------------------------------------------------------- */

static int stat_object(int dir, const char *name, struct stat *ret_stat)
{
	if (fstatat(dir, name, ret_stat, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!S_ISREG(ret_stat->st_mode) || ret_stat->st_dev != server.space_dev)
		return -ENOENT;
	return 0;
}

/* Find the segment with a certain inode under any name. */
static int scan_objects(int dir, struct place *place, struct stat *ret_stat)
{
	char **names;
	int r = -ESTALE;

	loop_hand_over();
	if (agora_space_list(server.space, place->program, &names) < 0)
		return -ESTALE;
	for (char **name = names; *name && r < 0; name++) {
		r = stat_object(dir, *name, ret_stat);
		if (!r && ret_stat->st_ino != place->ino)
			r = -ESTALE;
		if (!r)
			set_name(place->object, *name);
	}
	agora_list_free(names);
	return r < 0 ? -ESTALE : 0;
}

int tree_segment_stat(struct place *place, struct stat *ret_stat)
{
	int dir, r;

	dir = tree_program_fd(place);
	if (dir < 0)
		return dir;
	r = stat_object(dir, place->object, ret_stat);
	if (r < 0 || ret_stat->st_ino != place->ino)
		r = scan_objects(dir, place, ret_stat);
	close(dir);
	return r;
}

int tree_segment_fd(struct place *place)
{
	struct stat st;
	int dir, fd, r;

	r = tree_segment_stat(place, &st);
	if (r < 0)
		return r;
	dir = tree_program_fd(place);
	if (dir < 0)
		return dir;
	fd = openat(dir, place->object, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	close(dir);
	if (fd < 0)
		return -ESTALE;
	if (fstat(fd, &st) < 0 || st.st_ino != place->ino ||
		!S_ISREG(st.st_mode)) {
		close(fd);
		return -ESTALE;
	}
	return fd;
}

/* ---- ids of an earlier server ------------------------------------------ */

static bool match_program(struct place *place, int dir, fuse_ino_t id)
{
	(void)dir;
	place->ino = place->program_ino;
	return node_is_of(id, place->ino);
}

static bool match_object(struct place *place, int dir, fuse_ino_t id)
{
	struct stat st;
	char **names;
	bool is = false;

	if (agora_space_list(server.space, place->program, &names) < 0)
		return false;
	for (char **name = names; *name && !is; name++) {
		is = !stat_object(dir, *name, &st) && node_is_of(id, st.st_ino);
		place->ino = st.st_ino;
		set_name(place->object, *name);
	}
	agora_list_free(names);
	return is;
}

static int revive(fuse_ino_t id, struct place *place)
{
	int fd;

	memset(place, 0, sizeof(*place));
	place->facet = node_facet(id);
	if (place->facet <= FACET_ROOT || place->facet >= FACET_COUNT)
		return -ESTALE;
	if (place->facet < FACET_PROGRAM)
		return 0;
	if (place->facet == FACET_KEY || place->facet == FACET_KEYS)
		/* only a hash of it is in the id */
		return -ESTALE;
	if (place->facet <= FACET_MANIFEST)
		fd = scan_programs(match_program, id, place);
	else
		fd = scan_programs(match_object, id, place);
	if (fd < 0)
		return -ESTALE;
	close(fd);
	return 0;
}

int tree_find(fuse_ino_t id, struct place *ret_place)
{
	int r = node_find(id, ret_place);

	if (!r)
		return 0;
	r = revive(id, ret_place);
	if (!r)
		node_adopt(id, ret_place);
	return r;
}

/* ---- names ------------------------------------------------------------ */

static int find_file(
	const struct tree_file *file, const char *name, struct place *place)
{
	while (file->name && strcmp(file->name, name) != 0)
		file++;
	if (!file->name)
		return -ENOENT;
	if (!tree_dot_has(file, place))
		return -ENOENT;
	place->facet = file->facet;
	return 0;
}

bool tree_dot_has(const struct tree_file *file, const struct place *place)
{
	const struct agora_kind *kind;

	if (!file->verbs)
		return true;
	kind = agora_kind_of(place->object);
	return kind && kind->verbs & file->verbs;
}

static int lookup_root(const char *name, struct place *place)
{
	struct stat st = {0};
	int fd;

	if (!find_file(tree_root_files, name, place))
		return 0;
	if (agora_name_check(name) < 0)
		return -ENOENT;
	fd = open_dir(name, &st);
	if (fd < 0)
		return fd == -ENOTDIR || fd == -ELOOP ? -ENOENT : fd;
	close(fd);
	place->facet = FACET_PROGRAM;
	place->ino = place->program_ino = st.st_ino;
	set_name(place->program, name);
	return 0;
}

static int lookup_object(
	int dir, const char *name, struct place *place, struct stat *st)
{
	int r;

	if (!agora_kind_of(name))
		return -ENOENT;
	r = stat_object(dir, name, st);
	if (r < 0)
		return r;
	place->ino = st->st_ino;
	set_name(place->object, name);
	return 0;
}

/* Find the keyed object that opens as a folder of this name. */
static int lookup_folder(
	int dir, const char *name, struct place *place, struct stat *st)
{
	const struct agora_kind *kind = NULL;
	char full[256];
	int r = -ENOENT;

	while (r == -ENOENT && (kind = agora_kind_next(kind))) {
		if (kind->shape != AGORA_KEYED)
			continue;
		if (snprintf(full, sizeof(full), "%s.%s", name, kind->name) <
			(int)sizeof(full))
			r = lookup_object(dir, full, place, st);
	}
	return r;
}

static int lookup_program(
	const char *name, struct place *place, struct stat *st)
{
	struct dir *d;
	int r;

	if (!strcmp(name, ".program")) {
		place->facet = FACET_MANIFEST;
		place->ino = place->program_ino;
		return 0;
	}
	r = dir_get(place, &d);
	if (r < 0)
		return r;
	if (name[0] == '.') {
		place->facet = FACET_DOT;
		r = lookup_object(d->fd, name + 1, place, st);
	} else {
		place->facet = FACET_OBJECT;
		r = lookup_object(d->fd, name, place, st);
		if (r == -ENOENT) {
			place->facet = FACET_FOLDER;
			r = lookup_folder(d->fd, name, place, st);
		}
	}
	dir_put(d);
	return r;
}

int tree_key(
	const struct place *parent, const char *name, struct place *ret_place)
{
	struct text key = {0};
	int r = text_append(&key, parent->key, parent->key_size);

	if (!r)
		r = text_key_find(&key, name);
	if (r >= 0 && key.size > AGORA_KEY_MAX)
		r = -EINVAL;
	if (r >= 0) {
		place_copy(ret_place, parent);
		ret_place->facet = r ? FACET_KEYS : FACET_KEY;
		ret_place->key_size = key.size;
		if (key.size)
			memcpy(ret_place->key, key.data, key.size);
	}
	text_free(&key);
	return r < 0 ? r : 0;
}

/* A folder of keys is there if a key can be in it. */
static int find_keys(struct place *place)
{
	struct object *o;
	int r = object_get(place, AGORA_READ, &o);

	if (r < 0)
		return r;
	r = place->key_size < o->key_size ? 0 : -ENOENT;
	object_put(o);
	return r;
}

static int lookup_key(
	const struct place *parent, const char *name, struct place *place)
{
	int r = tree_key(parent, name, place);

	if (r < 0)
		return r == -EINVAL ? -ENOENT : r;
	r = place->facet == FACET_KEYS ? find_keys(place)
				       : object_key_size(place, NULL);
	return r == -ESTALE ? -ENOENT : r;
}

int tree_lookup_stat(const struct place *parent, const char *name,
	struct place *ret_place, struct stat *ret_source)
{
	struct place place;
	struct stat source = {0};
	int r;

	place_copy(&place, parent);
	if (strlen(name) > 255)
		return -ENAMETOOLONG;
	switch (parent->facet) {
	case FACET_ROOT:
		r = lookup_root(name, &place);
		break;
	case FACET_PROGRAM:
		r = lookup_program(name, &place, &source);
		break;
	case FACET_FOLDER:
	case FACET_KEYS:
		r = lookup_key(parent, name, &place);
		break;
	case FACET_DOT:
		r = find_file(tree_dot_files, name, &place);
		break;
	default:
		r = -ENOTDIR;
	}
	if (!r) {
		place_copy(ret_place, &place);
		*ret_source = source;
	}
	return r;
}

int tree_lookup(
	const struct place *parent, const char *name, struct place *ret_place)
{
	struct stat source;

	return tree_lookup_stat(parent, name, ret_place, &source);
}
