/*
 * view.c - what reading shows: snapshots made when a file is opened.
 *
 * A reader gets the bytes that were there when it opened the file, however
 * long it takes to read them.
 */
#include "view.h"

#include "events.h"
#include "show.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* ---- the dot folder --------------------------------------------------- */

static int render_stat(struct object *o, struct text *out)
{
	struct agora_stat st;
	int r = object_count(o, object_reader(o), &st);

	return r < 0 ? r : text_stat(out, &st);
}

static int render_holders(struct object *o, struct text *out)
{
	struct agora_client *clients;
	int count, r;

	count = agora_object_clients(object_reader(o), &clients);
	if (count < 0)
		return count;
	r = text_clients(out, clients, count);
	free(clients);
	return r;
}

static int render_rejection(const struct rejection *e, struct text *out)
{
	char when[32];
	struct tm tm;

	gmtime_r(&e->when.tv_sec, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return text_print(out, "%s\t%d\t%llu\t%s\n", when, (int)e->pid,
		(unsigned long long)e->offset,
		e->error == -EPIPE ? "messages missed: read too late"
				   : agora_strerror(e->error));
}

static int render_errors(struct object *o, struct text *out)
{
	unsigned int i;
	int r = 0;

	pthread_mutex_lock(&o->lock);
	i = o->rejected > ERRORS_MAX ? o->rejected - ERRORS_MAX : 0;
	for (; !r && i < o->rejected; i++)
		r = render_rejection(&o->errors[i % ERRORS_MAX], out);
	pthread_mutex_unlock(&o->lock);
	return r;
}

static int render_manifest(const struct place *place, struct text *out)
{
	struct agora_program_info *info;
	int r = agora_program_info(server.space, place->program, &info);

	if (r < 0)
		return r;
	r = text_program(out, info);
	agora_program_info_free(info);
	return r;
}

/* ---- all --------------------------------------------------------------- */

int view_render(
	const struct place *place, struct object *object, struct text *out)
{
	switch (place->facet) {
	case FACET_README:
		return text_append(out, readme_text, strlen(readme_text));
	case FACET_EVENTS:
		return events_render(out);
	case FACET_MANIFEST:
		return render_manifest(place, out);
	case FACET_KEY:
		return show_key(object, place, out);
	case FACET_STAT:
		return render_stat(object, out);
	case FACET_HOLDERS:
		return render_holders(object, out);
	case FACET_ERRORS:
		return render_errors(object, out);
	case FACET_OBJECT:
		return show_object(object, out);
	default:
		return -EACCES;
	}
}

static uint64_t rendered_size(const struct place *place)
{
	struct text out = {0};
	uint64_t size;

	size = view_render(place, NULL, &out) < 0 ? 0 : out.size;
	text_free(&out);
	return size;
}

uint64_t view_size(struct place *place)
{
	struct object *o;
	uint64_t size = 0;

	switch (place->facet) {
	case FACET_README:
		return strlen(readme_text);
	case FACET_EVENTS:
	case FACET_MANIFEST:
		return rendered_size(place);
	case FACET_KEY:
		return object_key_size(place, &size) < 0 ? 0 : size;
	case FACET_OBJECT:
		if (object_get(place, AGORA_READ, &o) < 0)
			return 0;
		size = show_size(o);
		object_put(o);
		return size;
	default:
		return 0;
	}
}

/* ---- snapshots of open files ------------------------------------------ */

static int take_snapshot(struct file *file)
{
	int r;

	if (file->shown)
		return 0;
	r = view_render(&file->place, file->object, &file->snapshot);
	if (!r)
		r = file_charge(file, file->snapshot.size);
	if (r < 0)
		text_free(&file->snapshot);
	else
		file->shown = true;
	return r;
}

int view_open(struct file *file, bool created)
{
	(void)created;
	if ((file->flags & O_ACCMODE) != O_RDONLY)
		return 0; /* made by the first read, if one comes */
	return take_snapshot(file);
}

void view_read(fuse_req_t req, struct file *file, size_t size, off_t off)
{
	int r;

	pthread_mutex_lock(&file->lock);
	r = take_snapshot(file);
	if (r < 0)
		fuse_reply_err(req, r == -ENOENT ? ESTALE : -r);
	else
		file_reply_part(req, &file->snapshot, size, off);
	pthread_mutex_unlock(&file->lock);
}
