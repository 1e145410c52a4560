/*
 * ready.c - poll handles: whom to tell when a file becomes ready.
 *
 * The kernel asks with poll(2) and leaves a handle; told through it, it asks
 * again. A handle is armed while the file is not ready: park waits for the
 * object then. One that found the file ready sleeps until a read or a write
 * says EAGAIN: that is what an edge-triggered epoll goes by.
 */
#include "ready.h"

#include "events.h"
#include "park.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>

static struct {
	pthread_mutex_t lock; /* guards the poll part of all files */
	struct poll_list followers;

	pthread_mutex_t checker_lock;
	struct agora_waiter *checker; /* to look without waiting */
} polls = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.checker_lock = PTHREAD_MUTEX_INITIALIZER,
};

uint32_t ready_events(const struct file *file)
{
	if (file->face->wait_read)
		return file->face->wait_read;
	if (file->place.facet == FACET_OBJECT &&
		(file->flags & O_ACCMODE) != O_RDONLY &&
		file->object->kind->shape == AGORA_SEQUENCE)
		return AGORA_WRITABLE;
	return 0;
}

unsigned int ready_bits(const struct file *file, uint32_t ready)
{
	const unsigned int in = POLLIN | POLLRDNORM, out = POLLOUT | POLLWRNORM;
	int mode = file->flags & O_ACCMODE;
	unsigned int bits = 0;

	if (file->face->wait_read)
		return ready ? in : 0;
	if (mode != O_WRONLY)
		bits |= in; /* a snapshot is there */
	if (mode != O_RDONLY && (!ready_events(file) || ready))
		bits |= out;
	return bits;
}

static struct poll_list *list_of(struct object *o)
{
	return o ? &o->park.polls : &polls.followers;
}

static uint32_t look(struct file *file, uint32_t events, uint64_t cursor)
{
	struct agora_wait item = {.events = events, .cursor = cursor};
	const struct timespec past = {0, 0};
	int r;

	if (!file->object)
		return follow_ready(cursor) ? events : 0;
	item.object = object_writer(file->object);
	if (!item.object)
		return events;
	pthread_mutex_lock(&polls.checker_lock);
	r = agora_waiter_wait(polls.checker, &item, 1, &past);
	pthread_mutex_unlock(&polls.checker_lock);
	if (r == -ETIMEDOUT)
		return 0;
	return r < 0 ? events : item.ready & events;
}

static void arm(struct file *file, uint64_t cursor)
{
	bool armed;

	pthread_mutex_lock(&polls.lock);
	armed = file->poll.handle != NULL;
	file->poll.armed = armed;
	file->poll.cursor = cursor;
	pthread_mutex_unlock(&polls.lock);
	if (armed && file->object)
		park_watch(file->object);
	else if (armed)
		park_follow();
}

static uint64_t cursor_of(struct file *file)
{
	uint64_t cursor;

	pthread_mutex_lock(&file->lock);
	cursor = file->cursor;
	pthread_mutex_unlock(&file->lock);
	return cursor;
}

void ready_arm(struct file *file)
{
	arm(file, cursor_of(file));
}

static void keep(
	struct file *file, uint32_t events, struct fuse_pollhandle *handle)
{
	struct fuse_pollhandle *old;

	pthread_mutex_lock(&polls.lock);
	old = file->poll.handle;
	file->poll.handle = handle;
	file->poll.armed = false;
	file->poll.events = events;
	if (!file->poll.listed)
		LIST_INSERT_HEAD(list_of(file->object), file, poll.link);
	file->poll.listed = true;
	pthread_mutex_unlock(&polls.lock);
	if (old)
		fuse_pollhandle_destroy(old);
}

uint32_t ready_now(
	struct file *file, uint32_t events, struct fuse_pollhandle *handle)
{
	uint64_t cursor = cursor_of(file);
	uint32_t ready;

	if (handle)
		keep(file, events, handle);
	ready = look(file, events, cursor);
	if (!ready)
		arm(file, cursor);
	return ready;
}

void ready_forget(struct file *file)
{
	struct fuse_pollhandle *handle;

	pthread_mutex_lock(&polls.lock);
	handle = file->poll.handle;
	file->poll.handle = NULL;
	file->poll.armed = false;
	if (file->poll.listed)
		LIST_REMOVE(file, poll.link);
	file->poll.listed = false;
	pthread_mutex_unlock(&polls.lock);
	if (handle)
		fuse_pollhandle_destroy(handle);
}

void ready_gather(struct object *o, struct agora_wait *item)
{
	struct file *file;

	pthread_mutex_lock(&polls.lock);
	LIST_FOREACH(file, &o->park.polls, poll.link) {
		if (!file->poll.armed)
			continue;
		item->events |= file->poll.events;
		if (file->poll.events & AGORA_ADVANCED &&
			file->poll.cursor < item->cursor)
			item->cursor = file->poll.cursor;
	}
	pthread_mutex_unlock(&polls.lock);
}

static bool is_due(struct object *o, struct file *file, uint32_t ready)
{
	if (!file->poll.armed || !(file->poll.events & ready))
		return false;
	return o || follow_ready(file->poll.cursor);
}

/* Take the handle of one that waits for what is ready. */
static struct fuse_pollhandle *next(struct object *o, uint32_t ready)
{
	struct fuse_pollhandle *handle = NULL;
	struct file *file;

	pthread_mutex_lock(&polls.lock);
	LIST_FOREACH(file, list_of(o), poll.link)
		if (is_due(o, file, ready))
			break;
	if (file) {
		handle = file->poll.handle;
		file->poll.handle = NULL;
		file->poll.armed = false;
	}
	pthread_mutex_unlock(&polls.lock);
	return handle;
}

unsigned int ready_notify(struct object *o, uint32_t ready)
{
	struct fuse_pollhandle *handle;
	unsigned int count = 0;

	while ((handle = next(o, ready))) {
		fuse_lowlevel_notify_poll(handle);
		fuse_pollhandle_destroy(handle);
		count++;
	}
	return count;
}

int ready_start(void)
{
	LIST_INIT(&polls.followers);
	return agora_waiter_open(&polls.checker);
}

void ready_stop(void)
{
	agora_waiter_close(polls.checker);
}
