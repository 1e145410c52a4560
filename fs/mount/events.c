/*
 * events.c - what came and went: .events, .follow, coherence.
 *
 * One thread watches the space. It keeps the last events as lines, and tells
 * the kernel to forget the attributes of directories that changed. The names
 * of directories are cached where the kernel can be told to look all names
 * up anew (a new epoch), which takes no lock; to forget one name it would
 * wait for a lock that a request holds which may be waiting for this server.
 * Other names are never cached.
 */
#include "events.h"

#include "park.h"
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define EVENTS_MAX        1000
#define HOUSEKEEPING_MSEC 2000

static struct {
	pthread_mutex_t lock;
	char *lines[EVENTS_MAX]; /* number n is at n % EVENTS_MAX */
	uint64_t next;           /* number of the event to come */

	struct agora_watch *watch; /* the thread's own, as are: */
	int stop_fd;
	pthread_t thread;
} events = {.lock = PTHREAD_MUTEX_INITIALIZER, .stop_fd = -1};

/* ---- lines ------------------------------------------------------------- */

static uint64_t oldest(void)
{
	return events.next > EVENTS_MAX ? events.next - EVENTS_MAX : 0;
}

/* Append the events from number *next on, up to size bytes. */
static int render_from(struct text *out, uint64_t *next, size_t size)
{
	const char *line;
	int r = 0;

	pthread_mutex_lock(&events.lock);
	if (*next < oldest())
		*next = oldest();
	for (; !r && *next < events.next; ++*next) {
		line = events.lines[*next % EVENTS_MAX];
		if (out->size && out->size + strlen(line) > size)
			break;
		r = text_append(out, line, strlen(line));
	}
	pthread_mutex_unlock(&events.lock);
	return r;
}

int events_render(struct text *out)
{
	uint64_t next = 0;

	return render_from(out, &next, SIZE_MAX);
}

static void remember(const struct agora_event *event)
{
	struct text t = {0};
	char **slot;

	if (text_event(&t, event) < 0 || text_append(&t, "", 1) < 0) {
		text_free(&t);
		return;
	}
	pthread_mutex_lock(&events.lock);
	slot = &events.lines[events.next++ % EVENTS_MAX];
	free(*slot);
	*slot = t.data;
	pthread_mutex_unlock(&events.lock);
}

/* ---- .follow ----------------------------------------------------------- */

int follow_open(struct file *file, bool created)
{
	(void)created;
	pthread_mutex_lock(&events.lock);
	file->cursor = events.next;
	pthread_mutex_unlock(&events.lock);
	return 0;
}

bool follow_ready(uint64_t cursor)
{
	bool ready;

	pthread_mutex_lock(&events.lock);
	ready = cursor < events.next;
	pthread_mutex_unlock(&events.lock);
	return ready;
}

static int attempt_follow(struct want *w)
{
	struct file *file = w->file;
	struct take *t = &file->take;
	uint64_t off = w->off;
	int r = 0;

	pthread_mutex_lock(&file->lock);
	if (off < t->start || off - t->start >= t->bytes.size) {
		text_free(&t->bytes);
		t->start = off;
		r = render_from(&t->bytes, &file->cursor, w->size);
	}
	if (!r && !t->bytes.size)
		r = -EAGAIN;
	else if (!r)
		file_reply_part(w->req, &t->bytes, w->size, off - t->start);
	else
		fuse_reply_err(w->req, -r);
	pthread_mutex_unlock(&file->lock);
	return r == -EAGAIN ? r : 0;
}

void follow_read(fuse_req_t req, struct file *file, size_t size, off_t off)
{
	struct want want = {
		.req = req,
		.file = file,
		.attempt = attempt_follow,
		.events = AGORA_ADVANCED,
		.size = size,
		.off = off,
	};

	park_or_answer(&want, file->flags & O_NONBLOCK);
}

/* ---- coherence --------------------------------------------------------- */

static void forget_attributes(const struct place *place)
{
	fuse_ino_t id = node_peek(place);

	if (id)
		fuse_lowlevel_notify_inval_inode(server.session, id, -1, 0);
}

static void forget_object(const struct agora_event *event, struct place *place)
{
	char dot[257];
	struct place found;

	snprintf(dot, sizeof(dot), ".%s", event->object);
	if (tree_lookup(place, dot, &found) < 0)
		return;
	forget_attributes(&found);
	found.facet = FACET_FOLDER;
	forget_attributes(&found);
}

static void tell_kernel(const struct agora_event *event)
{
	struct place place = {.facet = FACET_ROOT}, program;

	forget_attributes(&place);
	if (tree_lookup(&place, event->program, &program) < 0 ||
		program.facet != FACET_PROGRAM)
		return;
	forget_attributes(&program);
	if (event->object[0])
		forget_object(event, &program);
}

/* FUSE_NOTIFY_INC_EPOCH, which the library has no function for. */
void events_forget_names(void)
{
	const struct {
		uint32_t size;
		int32_t code;
		uint64_t unique;
	} notice = {sizeof(notice), 8, 0};

	/* An error means that nothing is mounted any more. */
	if (server.can_forget_names && write(fuse_session_fd(server.session),
					       &notice, sizeof(notice)) < 0)
		return;
}

static void handle(const struct agora_event *event)
{
	bool gone = event->type == AGORA_OBJECT_REMOVED ||
		    event->type == AGORA_PROGRAM_REMOVED ||
		    event->type == AGORA_EVENT_OVERFLOW;

	if (gone) {
		tree_close_idle(); /* it may be one of them */
		events_forget_names();
	}
	remember(event);
	tell_kernel(event);
	if (gone)
		object_find_gone();
}

static void *run(void *arg)
{
	struct pollfd fds[2] = {
		{.fd = agora_watch_fd(events.watch), .events = POLLIN},
		{.fd = events.stop_fd, .events = POLLIN},
	};
	struct agora_event event;
	unsigned int count;

	(void)arg;
	while (!fds[1].revents) {
		poll(fds, 2, HOUSEKEEPING_MSEC);
		object_expire(false);
		for (count = 0; !agora_watch_next(events.watch, &event);
			count++)
			handle(&event);
		if (count)
			park_follow();
	}
	return NULL;
}

int events_start(void)
{
	int r = agora_watch_open(server.space, NULL, &events.watch);

	if (r < 0)
		return r;
	events.stop_fd = eventfd(0, EFD_CLOEXEC);
	if (events.stop_fd < 0)
		return -errno;
	return -pthread_create(&events.thread, NULL, run, NULL);
}

void events_stop(void)
{
	uint64_t one = 1;

	while (write(events.stop_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	pthread_join(events.thread, NULL);
	agora_watch_close(events.watch);
	close(events.stop_fd);
	for (int i = 0; i < EVENTS_MAX; i++)
		free(events.lines[i]);
}
