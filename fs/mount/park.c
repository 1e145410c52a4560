/*
 * park.c - requests that wait for an object.
 *
 * A request that cannot be answered yet costs a struct want and no thread.
 * One thread waits for all objects for which somebody waits, here or with
 * poll(2), and then attempts what is wanted, in the order of arrival.
 *
 * An interrupt (a signal to the caller) may come at any moment. libfuse calls
 * interrupted() with the request, which answers it if it is still waiting;
 * one that is being attempted gets its answer from the attempt, or is found
 * interrupted when it is about to wait again.
 *
 * An object is in the list of the busy from the first want or armed poll
 * until this thread finds it without any; the list holds a reference.
 */
#include "park.h"

#include "quota.h"
#include "ready.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_SIZE  1024
#define POLL_NSEC  20000000 /* how often to look where we cannot wait */
#define FUTILE_MAX 8        /* ready, and yet nothing was there */

LIST_HEAD(want_hash, want);
LIST_HEAD(busy_list, object);

static struct {
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct busy_list busy;
	struct want_hash by_req[HASH_SIZE];
	struct want_list followers;
	bool follow; /* something happened for them */
	bool stop;
	uint64_t round;
	struct agora_waiter *waiter;
	pthread_t thread;

	struct agora_wait *items; /* the thread's own, as are: */
	struct object **objects;
	size_t item_max;
} parked = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.work = PTHREAD_COND_INITIALIZER,
};

/* ---- wants ------------------------------------------------------------ */

static struct want_hash *bucket_of(fuse_req_t req)
{
	return &parked.by_req[((uintptr_t)req >> 6) % HASH_SIZE];
}

static struct want_list *list_of(struct want *w)
{
	struct object *o = w->file->object;

	return o ? &o->park.wants : &parked.followers;
}

static void want_free(struct want *w)
{
	quota_give(w->uid, 1, w->data ? w->size : 0);
	file_put(w->file);
	free(w);
}

static void answer(struct want *w, int error)
{
	if (w->cancel)
		w->cancel(w);
	if (w->req && error)
		fuse_reply_err(w->req, error);
	else if (w->req)
		fuse_reply_buf(w->req, NULL, 0);
	want_free(w);
}

/* Called with the lock, as are all up to interrupted(). */
static void unlink_want(struct want *w)
{
	TAILQ_REMOVE(list_of(w), w, link);
	if (w->req)
		LIST_REMOVE(w, hash);
}

static void kick(void)
{
	pthread_cond_signal(&parked.work);
	agora_waiter_kick(parked.waiter);
}

static void make_busy(struct object *o, struct agora_object *handle)
{
	o->park.handle = handle;
	if (o->park.busy)
		return;
	o->park.busy = true;
	object_ref(o);
	LIST_INSERT_HEAD(&parked.busy, o, park.link);
}

/* An interrupt: libfuse holds a lock of the request. */
static void interrupted(fuse_req_t req, void *data)
{
	struct want *w;

	(void)data;
	pthread_mutex_lock(&parked.lock);
	LIST_FOREACH(w, bucket_of(req), hash)
		if (w->req == req)
			break;
	if (w)
		unlink_want(w);
	pthread_mutex_unlock(&parked.lock);
	if (w)
		answer(w, EINTR);
}

static void enqueue(struct want *w, bool first)
{
	struct object *o = w->file->object;
	struct agora_object *handle = o ? object_writer(o) : NULL;
	bool late;

	pthread_mutex_lock(&parked.lock);
	late = w->req && fuse_req_interrupted(w->req);
	if (!late) {
		if (first)
			TAILQ_INSERT_HEAD(list_of(w), w, link);
		else
			TAILQ_INSERT_TAIL(list_of(w), w, link);
		if (w->req)
			LIST_INSERT_HEAD(bucket_of(w->req), w, hash);
		if (o)
			make_busy(o, handle);
		else
			parked.follow |= !first;
		if (!first)
			kick();
	}
	pthread_mutex_unlock(&parked.lock);
	if (late)
		answer(w, EINTR);
}

static void refuse(const struct want *want, int error)
{
	if (want->req)
		fuse_reply_err(want->req, error);
}

void park(const struct want *want)
{
	size_t extra = want->data ? want->size : 0;
	uid_t uid = want->file->uid;
	struct want *w;

	if (quota_take(uid, 1, extra) < 0) {
		refuse(want, ENOBUFS);
		return;
	}
	w = malloc(sizeof(*w) + extra);
	if (!w) {
		quota_give(uid, 1, extra);
		refuse(want, ENOMEM);
		return;
	}
	*w = *want;
	w->uid = uid;
	w->round = 0;
	if (extra)
		w->data = memcpy(w->copy, want->data, extra);
	file_ref(w->file);
	if (w->req)
		fuse_req_interrupt_func(w->req, interrupted, NULL);
	enqueue(w, false);
}

void park_or_answer(const struct want *want, bool nonblock)
{
	struct want w = *want;

	if (w.attempt(&w) != -EAGAIN)
		return;
	if (!nonblock) {
		park(&w);
		return;
	}
	ready_arm(w.file);
	fuse_reply_err(w.req, EAGAIN);
}

void park_watch(struct object *o)
{
	struct agora_object *handle = object_writer(o);

	pthread_mutex_lock(&parked.lock);
	make_busy(o, handle);
	kick();
	pthread_mutex_unlock(&parked.lock);
}

/* ---- the thread ------------------------------------------------------- */

static struct want *next_want(
	struct want_list *list, uint32_t ready, uint64_t round)
{
	struct want *w;

	pthread_mutex_lock(&parked.lock);
	TAILQ_FOREACH(w, list, link)
		/* What is freed was unlinked. NOLINTNEXTLINE(clang-*Malloc) */
		if (w->events & ready && w->round != round)
			break;
	if (w)
		unlink_want(w);
	pthread_mutex_unlock(&parked.lock);
	return w;
}

/* Attempt each want once, until nothing more is there. */
static unsigned int serve_wants(struct want_list *list, uint32_t ready)
{
	uint64_t round = ++parked.round;
	unsigned int served = 0;
	struct want *w;

	while ((w = next_want(list, ready, round))) {
		w->round = round;
		if (w->attempt(w) != -EAGAIN) {
			want_free(w);
			served++;
			continue;
		}
		/* Each tap has a place of its own; of all others the
		 * first tells that there is nothing for the next. */
		if (!(w->events & AGORA_ADVANCED))
			ready &= ~w->events;
		enqueue(w, true);
	}
	return served;
}

static void serve(struct object *o, uint32_t ready)
{
	unsigned int done;

	done = serve_wants(&o->park.wants, ready) + ready_notify(o, ready);
	if (done)
		o->park.futile = 0;
	else
		o->park.futile++;
}

static void dismiss(struct object *o)
{
	struct want *w;

	while ((w = next_want(&o->park.wants, UINT32_MAX, UINT64_MAX)))
		answer(w, w->events & AGORA_WRITABLE ? ESTALE : 0);
	ready_notify(o, UINT32_MAX);
}

/* Gather what an object is waited for. Called with the lock. */
static struct agora_wait make_item(struct object *o)
{
	struct agora_wait item = {
		.object = o->park.handle, .cursor = UINT64_MAX};
	struct want *w;

	TAILQ_FOREACH(w, &o->park.wants, link) {
		item.events |= w->events;
		if (w->events & AGORA_ADVANCED && w->cursor < item.cursor)
			item.cursor = w->cursor;
	}
	ready_gather(o, &item);
	return item;
}

static bool make_room(size_t count)
{
	size_t max = parked.item_max ? parked.item_max : 16;
	void *p;

	if (count < parked.item_max)
		return true;
	while (max <= count)
		max *= 2;
	p = reallocarray(parked.items, max, sizeof(*parked.items));
	if (!p)
		return false;
	parked.items = p;
	p = reallocarray(parked.objects, max, sizeof(*parked.objects));
	if (!p)
		return false;
	parked.objects = p;
	parked.item_max = max;
	return true;
}

/*
 * Fill in items and objects: first those to wait for, then those that must
 * be looked at now and then. Returns how many; the first *ret_waited are to
 * be waited for.
 */
static size_t collect(size_t *ret_waited)
{
	size_t waited = 0, count = 0;
	struct agora_wait item;
	struct object *o;

	LIST_FOREACH(o, &parked.busy, park.link) {
		if (!make_room(count))
			break;
		item = make_item(o);
		parked.items[count] = item;
		parked.objects[count] = o;
		if (item.object && !o->park.gone &&
			o->park.futile < FUTILE_MAX) {
			parked.items[count] = parked.items[waited];
			parked.objects[count] = parked.objects[waited];
			parked.items[waited] = item;
			parked.objects[waited++] = o;
		}
		count++;
	}
	*ret_waited = waited;
	return count;
}

/* Take an object for which nobody waits out of the list. */
static struct object *next_idle(void)
{
	struct object *o;

	pthread_mutex_lock(&parked.lock);
	LIST_FOREACH(o, &parked.busy, park.link)
		if (!make_item(o).events)
			break;
	if (o) {
		LIST_REMOVE(o, park.link);
		o->park.busy = false;
	}
	pthread_mutex_unlock(&parked.lock);
	return o;
}

static void wait_work(bool only_looks)
{
	struct timespec until;

	pthread_mutex_lock(&parked.lock);
	if (only_looks) {
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += POLL_NSEC;
		if (until.tv_nsec >= 1000000000) {
			until.tv_sec++;
			until.tv_nsec -= 1000000000;
		}
		pthread_cond_timedwait(&parked.work, &parked.lock, &until);
	} else {
		while (!parked.stop && !parked.follow &&
			LIST_EMPTY(&parked.busy))
			pthread_cond_wait(&parked.work, &parked.lock);
	}
	pthread_mutex_unlock(&parked.lock);
}

/* Wait for the objects and mark in items what is ready. */
static void wait_items(size_t waited, size_t count)
{
	struct timespec deadline = agora_deadline(POLL_NSEC);
	bool looks = count > waited;
	int r;

	for (size_t i = 0; i < count; i++)
		parked.items[i].ready = 0;
	if (!waited) {
		wait_work(looks);
		r = -ETIMEDOUT;
	} else {
		r = agora_waiter_wait(parked.waiter, parked.items, waited,
			looks ? &deadline : NULL);
	}
	if (r == -ECANCELED || r == -EINTR)
		r = 0;
	if (r < 0 && r != -ETIMEDOUT) { /* one of them is damaged */
		wait_work(true);
		waited = 0;
	}
	for (size_t i = waited; i < count; i++)
		parked.items[i].ready = parked.items[i].events;
}

static void serve_all(size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (parked.objects[i]->park.gone)
			dismiss(parked.objects[i]);
		else if (parked.items[i].ready)
			serve(parked.objects[i], parked.items[i].ready);
	}
}

static void *run(void *arg)
{
	size_t count, waited;
	struct object *o;
	bool follow, stop;

	(void)arg;
	for (;;) {
		while ((o = next_idle()))
			object_put(o);
		pthread_mutex_lock(&parked.lock);
		follow = parked.follow;
		parked.follow = false;
		stop = parked.stop;
		count = collect(&waited);
		pthread_mutex_unlock(&parked.lock);
		if (stop)
			return NULL;
		if (follow) {
			serve_wants(&parked.followers, UINT32_MAX);
			ready_notify(NULL, UINT32_MAX);
		}
		wait_items(waited, count);
		serve_all(count);
	}
}

void park_follow(void)
{
	pthread_mutex_lock(&parked.lock);
	parked.follow = true;
	kick();
	pthread_mutex_unlock(&parked.lock);
}

void park_gone(struct object *o)
{
	pthread_mutex_lock(&parked.lock);
	if (!o->park.gone) {
		o->park.gone = true;
		kick();
	}
	pthread_mutex_unlock(&parked.lock);
}

int park_start(void)
{
	int r;

	TAILQ_INIT(&parked.followers);
	r = agora_waiter_open(&parked.waiter);
	if (!r)
		r = ready_start();
	if (!r)
		r = -pthread_create(&parked.thread, NULL, run, NULL);
	return r;
}

void park_stop(void)
{
	struct object *o;
	struct want *w;

	pthread_mutex_lock(&parked.lock);
	parked.stop = true;
	kick();
	pthread_mutex_unlock(&parked.lock);
	pthread_join(parked.thread, NULL);
	while ((w = next_want(&parked.followers, UINT32_MAX, UINT64_MAX)))
		answer(w, ECONNABORTED);
	while ((o = LIST_FIRST(&parked.busy))) {
		LIST_REMOVE(o, park.link);
		while ((w = next_want(&o->park.wants, UINT32_MAX, UINT64_MAX)))
			answer(w, ECONNABORTED);
		object_put(o);
	}
	free(parked.items);
	free(parked.objects);
	agora_waiter_close(parked.waiter);
	ready_stop();
}
