/*
 * object.c - the segments that the server has open.
 *
 * All open files on a segment share one handle to look with and, where
 * somebody writes, takes or waits, one to change with: the server is then
 * one client of the object. Handles stay open for a few idle seconds. An
 * open handle keeps the inode from being used again, so inode numbers are
 * good names for what is in this table.
 */
#include "object.h"

#include "loop.h"
#include "park.h"
#include "tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define IDLE_SECONDS      5
#define IDLE_SLOW_SECONDS 600 /* of one that takes long to describe */
#define SLOW_NSEC         20000000
#define BRIEF_NSEC        10000
#define NOT_BRIEF_NSEC    50000 /* it may have been interrupted */
#define IDLE_MAX          256

static struct {
	pthread_mutex_t lock;
	LIST_HEAD(, object) list[256];
	unsigned int count;
} objects = {.lock = PTHREAD_MUTEX_INITIALIZER};

static time_t seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now.tv_sec;
}

static uint64_t nsec_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static struct object *find(uint64_t ino)
{
	struct object *o;

	LIST_FOREACH(o, &objects.list[ino % 256], link)
		if (o->ino == ino)
			return o;
	return NULL;
}

static struct object *create(uint64_t ino)
{
	struct object *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->ino = ino;
	pthread_mutex_init(&o->lock, NULL);
	pthread_mutex_init(&o->acting, NULL);
	TAILQ_INIT(&o->park.wants);
	LIST_INIT(&o->park.polls);
	LIST_INSERT_HEAD(&objects.list[ino % 256], o, link);
	objects.count++;
	return o;
}

/* Called without the lock of the table, after o was taken out of it. */
static void destroy(struct object *o)
{
	agora_object_close(o->writer);
	agora_object_close(o->reader);
	pthread_mutex_destroy(&o->acting);
	pthread_mutex_destroy(&o->lock);
	agora_type_close(o->parsed);
	free(o);
}

static void take_out(struct object *o)
{
	LIST_REMOVE(o, link);
	objects.count--;
}

void object_ref(struct object *o)
{
	pthread_mutex_lock(&objects.lock);
	o->refs++;
	pthread_mutex_unlock(&objects.lock);
}

void object_put(struct object *o)
{
	bool last;

	if (!o)
		return;
	pthread_mutex_lock(&objects.lock);
	last = !--o->refs && !o->reader && !o->writer;
	o->idle_since = seconds_now();
	if (last)
		take_out(o);
	pthread_mutex_unlock(&objects.lock);
	if (last)
		destroy(o);
}

static bool may_go(const struct object *o, bool all)
{
	if (o->refs)
		return false;
	if (all)
		return true;
	if (o->rejected) /* object_find_gone() lets these go */
		return false;
	return seconds_now() - o->idle_since >
	       (o->slow ? IDLE_SLOW_SECONDS : IDLE_SECONDS);
}

void object_expire(bool all)
{
	struct object *o, *next;
	LIST_HEAD(, object) going = LIST_HEAD_INITIALIZER(going);

	pthread_mutex_lock(&objects.lock);
	for (int i = 0; i < 256; i++) {
		for (o = LIST_FIRST(&objects.list[i]); o; o = next) {
			next = LIST_NEXT(o, link);
			if (!may_go(o, all))
				continue;
			take_out(o);
			LIST_INSERT_HEAD(&going, o, link);
		}
	}
	pthread_mutex_unlock(&objects.lock);
	while ((o = LIST_FIRST(&going))) {
		LIST_REMOVE(o, link);
		destroy(o);
	}
}

/* Counting takes time in proportion to what is in the object. */
int object_count(
	struct object *o, struct agora_object *handle, struct agora_stat *st)
{
	uint64_t start, took;
	int r;

	if (!o->brief)
		loop_hand_over();
	start = nsec_now();
	r = agora_object_stat(handle, st);
	took = nsec_now() - start;
	if (took > SLOW_NSEC)
		o->slow = true;
	/* of others this is only a part of telling their size: see show.c */
	o->brief = took < (o->brief ? NOT_BRIEF_NSEC : BRIEF_NSEC) && !r &&
		   st->kind->shape != AGORA_KEYED &&
		   !(st->kind->traits & AGORA_PRIORITIES);
	return r;
}

/* ---- opening ---------------------------------------------------------- */

static int describe(struct object *o, struct agora_object *handle)
{
	struct agora_stat st;
	int r;

	if (o->kind)
		return 0;
	r = object_count(o, handle, &st);
	if (r < 0)
		return r;
	memcpy(o->type, st.type, sizeof(o->type));
	o->type[sizeof(o->type) - 1] = '\0';
	if (!o->parsed)
		r = agora_type_open(o->type, NULL, &o->parsed, NULL);
	if (r < 0)
		return r;
	o->lines = agora_type_view(o->parsed) == AGORA_VIEW_LINES;
	o->capacity = st.capacity;
	o->message_size = st.message_size;
	o->key_size = st.key_size;
	o->made = st;
	o->kind = agora_object_kind(handle);
	return 0;
}

/* Open the segment by its name, if what has that name is it. */
static int try_open(struct object *o, const struct place *place, uint32_t flags,
	struct agora_object **ret_handle)
{
	struct agora_object *handle;
	struct stat st;
	char path[520];
	int r;

	tree_path(place, path);
	r = agora_object_open(server.space, path, flags, NULL, &handle);
	if (r < 0)
		return r;
	if (fstat(agora_object_fd(handle), &st) < 0 || st.st_ino != o->ino)
		r = -ESTALE;
	if (!r)
		r = describe(o, handle);
	if (r < 0)
		agora_object_close(handle);
	else
		*ret_handle = handle;
	return r;
}

static int open_handle(struct object *o, struct place *place, uint32_t flags,
	struct agora_object **handle)
{
	struct stat st;
	int r;

	if (*handle)
		return 0;
	loop_hand_over();
	r = try_open(o, place, flags, handle);
	if (r != -ENOENT && r != -ESTALE)
		return r;
	r = tree_segment_stat(place, &st);
	if (!r)
		r = try_open(o, place, flags, handle);
	return r == -ENOENT ? -ESTALE : r;
}

int object_get(struct place *place, uint32_t flags, struct object **ret_object)
{
	struct object *o;
	bool crowded;
	int r = 0;

	pthread_mutex_lock(&objects.lock);
	crowded = objects.count > IDLE_MAX;
	o = find(place->ino);
	if (!o)
		o = create(place->ino);
	if (o)
		o->refs++;
	pthread_mutex_unlock(&objects.lock);
	if (!o)
		return -ENOMEM;
	if (crowded)
		object_expire(true);
	pthread_mutex_lock(&o->lock);
	if (flags & AGORA_WRITE)
		r = open_handle(o, place, AGORA_WRITE, &o->writer);
	else if (!o->writer)
		r = open_handle(o, place, AGORA_READ, &o->reader);
	pthread_mutex_unlock(&o->lock);
	if (r < 0)
		object_put(o);
	else
		*ret_object = o;
	return r;
}

struct agora_object *object_reader(struct object *o)
{
	struct agora_object *handle;

	pthread_mutex_lock(&o->lock);
	handle = o->reader ? o->reader : o->writer;
	pthread_mutex_unlock(&o->lock);
	return handle;
}

struct agora_object *object_writer(struct object *o)
{
	struct agora_object *handle;

	pthread_mutex_lock(&o->lock);
	handle = o->writer;
	pthread_mutex_unlock(&o->lock);
	return handle;
}

static bool has_roles(const struct object *o)
{
	return o->made.flags & AGORA_SPSC ||
	       o->made.writers == AGORA_WRITERS_ONE;
}

void object_begin(struct object *o)
{
	if (has_roles(o))
		pthread_mutex_lock(&o->acting);
}

void object_end(struct object *o)
{
	if (!has_roles(o))
		return;
	agora_object_yield(object_writer(o));
	pthread_mutex_unlock(&o->acting);
}

static int push_said(struct object *o, const struct text_said *said)
{
	struct agora_object *handle = object_writer(o);

	if (o->kind->traits & AGORA_PRIORITIES)
		return agora_object_push_priority(
			handle, said->priority, said->data, said->size);
	return agora_object_push(handle, said->data, said->size);
}

int object_check(const struct object *o, const void *data, size_t size,
	size_t *ret_offset)
{
	struct agora_type_error why;
	int r = agora_type_validate(o->parsed, data, size, &why);

	if (r == -EBADMSG && ret_offset)
		*ret_offset = why.offset;
	return r;
}

int object_push(
	struct object *o, const char *data, size_t size, size_t *ret_offset)
{
	struct text_said said;
	int r;

	r = text_message_parse(o->kind->traits, data, size, &said, ret_offset);
	if (r < 0)
		return r;
	r = object_check(o, said.data, said.size, ret_offset);
	*ret_offset += size - said.size;
	if (r == -EBADMSG)
		return r;
	*ret_offset = 0;
	object_begin(o);
	r = push_said(o, &said);
	object_end(o);
	return r;
}

/* ---- looking ---------------------------------------------------------- */

int object_fstat(uint64_t ino, struct stat *ret_stat)
{
	struct agora_object *handle = NULL;
	struct object *o;
	int r = -ESTALE;

	pthread_mutex_lock(&objects.lock);
	o = find(ino);
	if (o)
		o->refs++;
	pthread_mutex_unlock(&objects.lock);
	if (!o)
		return -ESTALE;
	handle = object_reader(o);
	if (handle && !fstat(agora_object_fd(handle), ret_stat))
		r = 0;
	object_put(o);
	return r;
}

bool object_is_brief(uint64_t ino)
{
	struct object *o;
	bool brief;

	pthread_mutex_lock(&objects.lock);
	o = find(ino);
	brief = o && o->brief;
	pthread_mutex_unlock(&objects.lock);
	return brief;
}

int object_key_size(struct place *place, uint64_t *ret_size)
{
	struct agora_buffer value = {0};
	struct object *o;
	int r;

	r = object_get(place, AGORA_READ, &o);
	if (r < 0)
		return r;
	r = agora_object_get(
		object_reader(o), place->key, place->key_size, &value);
	if (r == -EMSGSIZE)
		r = 0;
	if (r == -EINVAL) /* longer than any key */
		r = -ENOENT;
	if (!r && ret_size)
		*ret_size = value.size + (o->lines && value.size);
	object_put(o);
	return r;
}

void object_reject(struct object *o, pid_t pid, uint64_t offset, int error)
{
	struct rejection *e;

	pthread_mutex_lock(&o->lock);
	e = &o->errors[o->rejected++ % ERRORS_MAX];
	clock_gettime(CLOCK_REALTIME, &e->when);
	e->pid = pid;
	e->offset = offset;
	e->error = error;
	pthread_mutex_unlock(&o->lock);
}

/* Take a reference on each object of a bucket. */
static size_t hold_bucket(int bucket, struct object **out, size_t max)
{
	struct object *o;
	size_t n = 0;

	pthread_mutex_lock(&objects.lock);
	LIST_FOREACH(o, &objects.list[bucket], link) {
		if (n == max)
			break;
		o->refs++;
		out[n++] = o;
	}
	pthread_mutex_unlock(&objects.lock);
	return n;
}

void object_find_gone(void)
{
	struct agora_object *handle;
	struct object *held[64];
	struct stat st;
	size_t n;

	for (int i = 0; i < 256; i++) {
		n = hold_bucket(i, held, 64);
		for (size_t j = 0; j < n; j++) {
			handle = object_reader(held[j]);
			if (handle && !fstat(agora_object_fd(handle), &st) &&
				!st.st_nlink) {
				held[j]->rejected = 0;
				park_gone(held[j]);
			}
			object_put(held[j]);
		}
	}
}
