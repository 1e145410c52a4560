/*
 * file.c - open files: from an fh to its state.
 *
 * An fh is a number, not a pointer: one that another server gave out is
 * unknown, and the file is opened again with the flags that come with each
 * request. It has lost what was buffered, like the messages that were being
 * delivered (which are delivered again).
 */
#include "file.h"

#include "dir.h"
#include "events.h"
#include "frame.h"
#include "park.h"
#include "quota.h"
#include "ready.h"
#include "stage.h"
#include "take.h"
#include "tap.h"
#include "tree.h"
#include "view.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BUCKETS 1024

static struct {
	pthread_mutex_t lock;
	LIST_HEAD(, file) list[BUCKETS];
	uint64_t last; /* fh given out */
} files = {.lock = PTHREAD_MUTEX_INITIALIZER};

static const struct face faces[FACET_COUNT] = {
	[FACET_ROOT] = {.open = dir_open, .read = dir_read},
	[FACET_PROGRAM] = {.open = dir_open, .read = dir_read},
	[FACET_FOLDER] = {.open = dir_open, .read = dir_read},
	[FACET_KEYS] = {.open = dir_open, .read = dir_read},
	[FACET_DOT] = {.open = dir_open, .read = dir_read},
	[FACET_README] = {.open = view_open, .read = view_read},
	[FACET_EVENTS] = {.open = view_open, .read = view_read},
	[FACET_FOLLOW] =
		{
			.wait_read = AGORA_ADVANCED,
			.open = follow_open,
			.read = follow_read,
		},
	[FACET_MANIFEST] = {.open = view_open, .read = view_read},
	[FACET_OBJECT] =
		{
			.open = frame_open,
			.read = view_read,
			.write = frame_write,
			.flush = frame_flush,
			.end = frame_end,
		},
	[FACET_KEY] =
		{
			.open = stage_open,
			.read = view_read,
			.write = stage_write,
			.flush = stage_flush,
			.end = stage_end,
		},
	[FACET_POP] =
		{
			.takes = true,
			.wait_read = AGORA_READABLE,
			.read = take_pop,
		},
	[FACET_PIPE] =
		{
			.takes = true,
			.wait_read = AGORA_READABLE,
			.read = take_pipe,
		},
	[FACET_TAP] =
		{
			.takes = true,
			.wait_read = AGORA_ADVANCED,
			.open = tap_open,
			.read = tap_read,
		},
	[FACET_PUT] =
		{
			.write = stage_write,
			.flush = stage_flush,
			.end = stage_end,
		},
	[FACET_STAT] = {.open = view_open, .read = view_read},
	[FACET_HOLDERS] = {.open = view_open, .read = view_read},
	[FACET_ERRORS] = {.open = view_open, .read = view_read},
};

/* An object that is one value is written as a whole. */
static const struct face value_face = {
	.open = stage_open,
	.read = view_read,
	.write = stage_write,
	.flush = stage_flush,
	.end = stage_end,
};

static const struct face *face_of(const struct place *place)
{
	const struct agora_kind *kind;

	if (place->facet == FACET_OBJECT) {
		kind = agora_kind_of(place->object);
		if (kind && kind->shape == AGORA_VALUE)
			return &value_face;
	}
	return &faces[place->facet];
}

/* ---- the life of a file ------------------------------------------------ */

static void file_free(struct file *file)
{
	if (file->object && file->take.claims)
		take_end(file);
	text_free(&file->take.bytes);
	text_free(&file->snapshot);
	text_free(&file->stage.bytes);
	text_lines_free(&file->lines);
	quota_give(file->uid, 0, file->charged);
	object_put(file->object);
	pthread_mutex_destroy(&file->lock);
	free(file);
}

void file_ref(struct file *file)
{
	pthread_mutex_lock(&files.lock);
	file->refs++;
	pthread_mutex_unlock(&files.lock);
}

void file_put(struct file *file)
{
	bool last;

	if (!file)
		return;
	pthread_mutex_lock(&files.lock);
	last = !--file->refs;
	pthread_mutex_unlock(&files.lock);
	if (last)
		file_free(file);
}

/* Get the object that the file needs, to look or to change. */
static int attach(struct file *file)
{
	bool writes = (file->flags & O_ACCMODE) != O_RDONLY;
	int r;

	if (file->place.facet <= FACET_MANIFEST ||
		file->place.facet == FACET_DOT)
		return 0;
	r = object_get(&file->place,
		writes || file->face->takes ? AGORA_WRITE : AGORA_READ,
		&file->object);
	/* to tap, looking is enough: it is only waited for differently */
	if (r == -EACCES && file->face->wait_read == AGORA_ADVANCED)
		r = object_get(&file->place, AGORA_READ, &file->object);
	return r;
}

static bool allows(const struct face *face, int flags)
{
	int mode = flags & O_ACCMODE;

	if (mode != O_WRONLY && !face->read)
		return false;
	return mode == O_RDONLY || face->write;
}

static uint64_t new_fh(void)
{
	struct timespec now;

	if (!files.last) {
		/* numbers that no earlier server gave out */
		clock_gettime(CLOCK_REALTIME, &now);
		files.last = (uint64_t)now.tv_sec << 32;
	}
	return ++files.last;
}

/* The table takes over the reference of who opened the file. */
static void insert(struct file *file, uint64_t fh)
{
	pthread_mutex_lock(&files.lock);
	file->fh = fh ? fh : new_fh();
	LIST_INSERT_HEAD(&files.list[file->fh % BUCKETS], file, link);
	pthread_mutex_unlock(&files.lock);
}

static int open_as(fuse_req_t req, const struct place *place, int flags,
	bool created, struct file **ret_file)
{
	const struct face *face = face_of(place);
	struct file *file;
	int r;

	if (!allows(face, flags))
		return -EACCES;
	file = calloc(1, sizeof(*file));
	if (!file)
		return -ENOMEM;
	pthread_mutex_init(&file->lock, NULL);
	file->refs = 1;
	place_copy(&file->place, place);
	file->face = face;
	file->flags = flags;
	file->opener = fuse_req_ctx(req)->pid;
	file->uid = fuse_req_ctx(req)->uid;
	r = attach(file);
	if (!r && face->open)
		r = face->open(file, created);
	if (r < 0)
		file_put(file);
	else
		*ret_file = file;
	return r;
}

int file_open(fuse_req_t req, const struct place *place, int flags,
	bool created, struct file **ret_file)
{
	int r = open_as(req, place, flags, created, ret_file);

	if (!r)
		insert(*ret_file, 0);
	return r;
}

static struct file *find(uint64_t fh)
{
	struct file *file;

	LIST_FOREACH(file, &files.list[fh % BUCKETS], link)
		if (file->fh == fh)
			return file;
	return NULL;
}

int file_get(fuse_req_t req, fuse_ino_t ino, const struct fuse_file_info *fi,
	struct file **ret_file)
{
	struct place place;
	struct file *file;
	int r;

	pthread_mutex_lock(&files.lock);
	file = find(fi->fh);
	if (file)
		file->refs++;
	pthread_mutex_unlock(&files.lock);
	if (file) {
		*ret_file = file;
		return 0;
	}
	r = tree_find(ino, &place);
	if (!r)
		r = open_as(req, &place, fi->flags & ~O_TRUNC, false, &file);
	if (r)
		return r;
	file_ref(file);
	insert(file, fi->fh);
	*ret_file = file;
	return 0;
}

void file_release(uint64_t fh)
{
	struct file *file;

	pthread_mutex_lock(&files.lock);
	file = find(fh);
	if (file)
		LIST_REMOVE(file, link);
	pthread_mutex_unlock(&files.lock);
	if (!file)
		return;
	ready_forget(file);
	if (file->face->end)
		file->face->end(file);
	file_put(file);
}

static struct file *first_file(void)
{
	struct file *file = NULL;

	pthread_mutex_lock(&files.lock);
	for (int i = 0; i < BUCKETS && !file; i++)
		file = LIST_FIRST(&files.list[i]);
	pthread_mutex_unlock(&files.lock);
	return file;
}

void file_end_all(void)
{
	struct file *file;

	while ((file = first_file()))
		file_release(file->fh);
}

bool file_wants_flush(const struct file *file)
{
	if (!file->face->flush || (file->flags & O_ACCMODE) == O_RDONLY)
		return false;
	/* a write to a sequence of bytes is over when it returns */
	return file->place.facet != FACET_OBJECT || file->object->lines ||
	       file->object->kind->shape != AGORA_SEQUENCE;
}

/* ---- who asks ---------------------------------------------------------- */

bool file_is_opener(const struct file *file, pid_t pid)
{
	char path[64];

	if (pid == file->opener)
		return true;
	/* requests come from threads: another one of the same process? */
	snprintf(path, sizeof(path), "/proc/%d/task/%d", (int)pid,
		(int)file->opener);
	return access(path, F_OK) == 0;
}

enum leaving file_leaving(pid_t pid)
{
	const unsigned int exiting = 0x4; /* PF_EXITING of the kernel */
	unsigned int flags = 0, code = 0;
	char path[64], line[1024] = "", *p, *word;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return STAYS;
	if (!fgets(line, sizeof(line), f))
		line[0] = '\0';
	fclose(f);
	p = strrchr(line, ')'); /* the name before it may hold anything */
	for (int field = 2; p && (word = strsep(&p, " ")); field++) {
		if (field == 9)
			flags = strtoul(word, NULL, 10);
		if (field == 52)
			code = strtoul(word, NULL, 10);
	}
	if (!(flags & exiting))
		return STAYS;
	return code & 0x7f ? DIES : EXITS;
}

bool file_is_being_made(const struct place *place)
{
	bool is = false;
	struct file *file;

	pthread_mutex_lock(&files.lock);
	for (int i = 0; i < BUCKETS && !is; i++) {
		LIST_FOREACH(file, &files.list[i], link) {
			is = file->place.facet == FACET_KEY &&
			     file->place.ino == place->ino &&
			     file->place.key_size == place->key_size &&
			     !memcmp(file->place.key, place->key,
				     place->key_size);
			if (is)
				break;
		}
	}
	pthread_mutex_unlock(&files.lock);
	return is;
}

/* ---- bytes ------------------------------------------------------------- */

int file_charge(struct file *file, uint64_t bytes)
{
	int r = 0;

	if (bytes > OPEN_BYTES_MAX)
		return -EFBIG;
	if (bytes > file->charged)
		r = quota_take(file->uid, 0, bytes - file->charged);
	else
		quota_give(file->uid, 0, file->charged - bytes);
	if (!r)
		file->charged = bytes;
	return r;
}

int file_reply_part(
	fuse_req_t req, const struct text *t, size_t size, uint64_t off)
{
	if (off >= t->size)
		return fuse_reply_buf(req, NULL, 0);
	if (size > t->size - off)
		size = t->size - off;
	return fuse_reply_buf(req, t->data + off, size);
}
