/* threads.c - threads are the clients: every verb at once. See threads.h. */
#include "threads.h"

#define QUEUE "p/x.queue"
#define TABLE "p/x.table"
#define MAP   "p/x.map"
#define STEPS 10000

static void *open_object(const char *path, uint32_t flags, const void *options)
{
	struct agora_object *object;
	int error = agora_program_create(space, "p", NULL);

	CHECK(!error || error == -EEXIST);
	CHECK_OK(agora_object_open(space, path, flags, options, &object));
	return object;
}

/* Each with a handle of its own, or all with the same. */
static void open_all(struct worker *w, const char *path,
	const struct agora_options *options, bool shared)
{
	uint32_t create = AGORA_CREATE;

	for (int i = 0; i < THREADS; i++, create = 0) {
		w[i].handle = w[0].handle;
		w[i].reader = w[0].reader;
		if (i && shared)
			continue;
		w[i].handle = open_object(path, AGORA_WRITE | create, options);
		w[i].reader = open_object(path, AGORA_READ, NULL);
	}
}

static void close_all(struct worker *w, bool shared)
{
	for (int i = 0; i < (shared ? 1 : THREADS); i++) {
		agora_object_close(w[i].handle);
		agora_object_close(w[i].reader);
	}
}

static void check_sound(struct agora_object *object)
{
	struct agora_check report;

	CHECK_OK(agora_object_check(object, 0, &report));
}

static void stat_and_check(struct worker *w)
{
	struct agora_client *clients;
	struct agora_check report;
	struct agora_stat stat;

	CHECK_OK(agora_object_stat(w->reader, &stat));
	CHECK_OK(agora_object_clients(w->handle, &clients));
	free(clients);
	if (draw(w, 4))
		check_sound(w->reader);
	else
		CHECK_OK(agora_object_check(w->handle, 1, &report));
}

/* ---- queue ---- */

static size_t fixed_size; /* 0: any */
static _Atomic unsigned char taken[NOTES];

static void take(uint32_t id)
{
	CHECK_EQ(0,
		atomic_fetch_add_explicit(&taken[id], 1, memory_order_relaxed));
}

static struct agora_buffer buffer_of(struct worker *w)
{
	return (struct agora_buffer){.data = w->data, .capacity = LARGEST};
}

static void push_next(struct worker *w, bool wait)
{
	uint32_t id = w->next;
	size_t size = fixed_size ? fixed_size : size_of(id);
	struct timespec deadline = agora_deadline(1000000);
	int error;

	if (id == (uint32_t)(w->number + 1) * IDS)
		return;
	write_note(id);
	fill(w->data, id, size);
	error = wait ? agora_object_push_wait(
			       w->handle, w->data, size, &deadline)
		     : agora_object_push(w->handle, w->data, size);
	if (error)
		CHECK_EQ(wait ? -ETIMEDOUT : -EAGAIN, error);
	else
		w->next++;
}

static bool pop_one(struct worker *w, bool wait)
{
	struct agora_buffer b = buffer_of(w);
	struct timespec deadline = agora_deadline(1000000);
	int error = wait ? agora_object_pop_wait(w->handle, &deadline, &b)
			 : agora_object_pop(w->handle, &b);

	if (error)
		CHECK_EQ(wait ? -ETIMEDOUT : -EAGAIN, error);
	else
		take(id_of(w->data, b.size));
	return !error;
}

/* Claim, look, and then keep it or give it back. */
static void claim_one(struct worker *w, bool wait)
{
	struct timespec deadline = agora_deadline(1000000);
	struct agora_message m;
	int error = wait ? agora_object_acquire_wait(w->handle, &deadline, &m)
			 : agora_object_acquire(w->handle, &m);
	uint32_t id;

	if (error) {
		CHECK_EQ(wait ? -ETIMEDOUT : -EAGAIN, error);
		return;
	}
	CHECK_EQ(m.size, agora_object_read(w->handle, &m, 0, w->data, LARGEST));
	id = id_of(m.data ? m.data : w->data, m.size);
	if (draw(w, 3)) {
		take(id);
		CHECK_OK(agora_object_release(w->handle, &m));
	} else {
		CHECK_OK(agora_object_restore(w->handle, &m));
	}
}

static void walk_all(struct worker *w,
	int (*look)(struct agora_object *, uint64_t *, struct agora_buffer *))
{
	struct agora_buffer b = buffer_of(w);
	uint64_t cursor = 0;

	while (!look(w->reader, &cursor, &b))
		id_of(w->data, b.size);
}

static void peek(struct worker *w)
{
	struct agora_buffer b = buffer_of(w);
	uint64_t cursor;
	int error = agora_object_peek(w->reader, &b);

	CHECK_OK(agora_object_end(w->reader, &cursor));
	if (error)
		CHECK_EQ(-EAGAIN, error);
	else
		id_of(w->data, b.size);
}

static void *use_queue(void *worker)
{
	struct worker *w = worker;

	for (int step = 0; step < STEPS; step++) {
		uint32_t choice = draw(w, 16);

		if (choice < 6)
			push_next(w, choice == 0);
		else if (choice < 9)
			pop_one(w, choice == 6);
		else if (choice < 11)
			claim_one(w, choice == 9);
		else if (choice < 13)
			peek(w);
		else if (choice == 13)
			walk_all(w, agora_object_walk);
		else if (choice == 14)
			walk_all(w, agora_object_tap);
		else if (!draw(w, 8))
			stat_and_check(w);
	}
	return NULL;
}

static void queue_in_threads(const struct agora_options *options, bool shared)
{
	static struct worker w[THREADS];
	struct agora_check report;

	fixed_size = options->flags & AGORA_FIXED ? options->message_size : 0;
	open_all(w, QUEUE, options, shared);
	run_threads(use_queue, w);
	while (pop_one(&w[0], false))
		;
	for (uint32_t id = 0; id < NOTES; id++)
		CHECK_EQ(id < w[id / IDS].next, taken[id]);
	CHECK_OK(agora_object_check(w[0].handle, 0, &report));
	CHECK_EQ(report.blocks, report.free);
	close_all(w, shared);
}

static const struct agora_options any = {
	.capacity = 16, .message_size = LARGEST};
static const struct agora_options fixed = {
	.capacity = 16, .message_size = 16, .flags = AGORA_FIXED};

TEST(each_with_a_handle_on_a_queue)
{
	queue_in_threads(&any, false);
}

TEST(all_with_one_handle_on_a_queue)
{
	queue_in_threads(&any, true);
}

TEST(each_with_a_handle_on_a_queue_of_fixed_messages)
{
	queue_in_threads(&fixed, false);
}

TEST(all_with_one_handle_on_a_queue_of_fixed_messages)
{
	queue_in_threads(&fixed, true);
}

/* ---- waiting ---- */

#define WAITS (IDS / 2) /* messages of each of two producers */

static void produce(struct worker *w)
{
	for (int i = 0; i < WAITS; i++, w->next++) {
		write_note(w->next);
		fill(w->data, w->next, size_of(w->next));
		CHECK_OK(agora_object_push_wait(
			w->handle, w->data, size_of(w->next), NULL));
	}
}

static struct agora_waiter *waiter;

/* Wait as a server does, on an object among others; kicked now and then. */
static void wait_many(struct worker *w)
{
	struct agora_wait item = {
		.object = w->handle, .events = AGORA_READABLE};
	int ready = agora_waiter_wait(waiter, &item, 1, NULL);

	if (ready < 0)
		CHECK_EQ(-ECANCELED, ready);
}

static _Atomic int consumed;

static void consume(struct worker *w)
{
	while (atomic_load_explicit(&consumed, memory_order_relaxed) <
		2 * WAITS) {
		bool patient = draw(w, 2);

		if (w->number == 3)
			wait_many(w);
		if (pop_one(w, patient))
			atomic_fetch_add_explicit(
				&consumed, 1, memory_order_relaxed);
		if (w->number == 2 && !draw(w, 20))
			agora_waiter_kick(waiter);
	}
	agora_waiter_kick(waiter);
}

static void *wait_on_queue(void *worker)
{
	struct worker *w = worker;

	if (w->number < 2)
		produce(w);
	else
		consume(w);
	return NULL;
}

TEST(who_waits_sees_what_the_waker_did)
{
	static struct worker w[THREADS];
	struct agora_options options = {.capacity = 2, .message_size = LARGEST};

	CHECK_OK(agora_waiter_open(&waiter));
	open_all(w, QUEUE, &options, false);
	run_threads(wait_on_queue, w);
	for (uint32_t id = 0; id < NOTES; id++)
		CHECK_EQ(id < w[id / IDS].next, taken[id]);
	close_all(w, false);
	agora_waiter_close(waiter);
}

static _Atomic bool kicked_enough;

/* Several kicks may be noticed as one, but none before it was made. */
static void *kick_or_wait(void *worker)
{
	struct worker *w = worker;
	uint32_t id = 0;

	if (w->number == 0)
		for (; id < 100; id++) {
			CHECK_EQ(-ECANCELED,
				agora_waiter_wait(waiter, NULL, 0, NULL));
			read_note(id);
		}
	if (w->number == 0)
		atomic_store_explicit(
			&kicked_enough, true, memory_order_relaxed);
	while (w->number == 1 &&
		!atomic_load_explicit(&kicked_enough, memory_order_relaxed)) {
		if (id < NOTES)
			write_note(id++);
		agora_waiter_kick(waiter);
	}
	return NULL;
}

TEST(who_is_kicked_sees_what_the_kicker_did)
{
	static struct worker w[THREADS];

	CHECK_OK(agora_waiter_open(&waiter));
	run_threads(kick_or_wait, w);
	agora_waiter_close(waiter);
}

/* ---- table ---- */

#define KEYS    12
#define COUNTER 1000

struct name {
	unsigned char bytes[400];
	size_t size;
};

static struct name name_of(uint32_t key)
{
	static const size_t sizes[] = {4, 4, 90, 300};
	struct name name = {.size = sizes[key % 4]};

	memset(name.bytes, (int)key, name.size);
	memcpy(name.bytes, &key, sizeof(key));
	return name;
}

/* A new value, with its note, to be stored. */
static struct agora_buffer next_value(struct worker *w)
{
	uint32_t id = w->next++;
	size_t size = size_of(id);

	CHECK(id < (uint32_t)(w->number + 1) * IDS);
	write_note(id);
	fill(w->data, id, size);
	return (struct agora_buffer){.data = w->data, .size = size};
}

/* Verbs that tables and ordered maps have, of the one that is tried. */
static bool is_map;

#define KEYED(verb, ...)                                \
	(is_map ? agora_map_##verb((void *)__VA_ARGS__) \
		: agora_table_##verb((void *)__VA_ARGS__))

static void swap_or_compare(
	struct worker *w, struct agora_object *t, const struct name *key)
{
	unsigned char out[LARGEST];
	struct agora_buffer old = {.data = out, .capacity = LARGEST};
	struct agora_buffer value = next_value(w);
	int error;

	if (draw(w, 2)) {
		error = KEYED(swap, t, key->bytes, key->size, &value, &old);
		CHECK(!error || error == -ENOENT);
		if (!error)
			id_of(out, old.size);
		return;
	}
	error = KEYED(get, t, key->bytes, key->size, &old);
	CHECK(!error || error == -ENOENT);
	value.version = error ? 0 : old.version;
	error = KEYED(compare, t, key->bytes, key->size, &value, NULL);
	CHECK(!error || error == -ESTALE);
}

static void add_one(struct agora_object *t)
{
	uint32_t key = COUNTER;

	CHECK_OK(KEYED(add, t, &key, sizeof(key), 1, NULL));
}

static void look_up(struct worker *w, const struct name *key)
{
	struct agora_buffer b = buffer_of(w);
	int error = agora_object_get(w->reader, key->bytes, key->size, &b);

	CHECK(!error || error == -ENOENT);
	if (!error)
		id_of(w->data, b.size);
}

static void walk_table(struct worker *w)
{
	unsigned char bytes[512];
	struct agora_buffer key = {
		.data = bytes, .capacity = sizeof(bytes), .size = SIZE_MAX};
	struct agora_buffer value = buffer_of(w);
	uint32_t number;
	int error;

	while (!(error = agora_object_next(w->reader, &key, &value))) {
		memcpy(&number, bytes, sizeof(number));
		if (number != COUNTER)
			id_of(w->data, value.size);
	}
	CHECK_EQ(-ENOENT, error);
}

static _Atomic int64_t added;

static void *use_table(void *worker)
{
	struct worker *w = worker;
	struct agora_buffer value;

	for (int step = 0; step < STEPS; step++) {
		struct name key = name_of(draw(w, KEYS));
		uint32_t choice = draw(w, 12);
		int error = 0;

		if (choice < 3) {
			value = next_value(w);
			error = agora_object_put(w->handle, key.bytes, key.size,
				value.data, value.size);
		} else if (choice < 5) {
			error = agora_object_delete(
				w->handle, key.bytes, key.size);
		} else if (choice < 7) {
			swap_or_compare(w, w->handle, &key);
		} else if (choice < 8) {
			add_one(w->handle);
			atomic_fetch_add_explicit(
				&added, 1, memory_order_relaxed);
		} else if (choice < 11) {
			look_up(w, &key);
		} else {
			walk_table(w);
			if (!draw(w, 8))
				stat_and_check(w);
		}
		CHECK(!error || error == -ENOENT);
	}
	return NULL;
}

static void table_in_threads(uint32_t writers, bool shared)
{
	static struct worker w[THREADS];
	struct agora_options options = {
		.capacity = 64, .message_size = LARGEST, .writers = writers};
	uint32_t key = COUNTER;
	int64_t sum;

	added = 0;
	open_all(w, is_map ? MAP : TABLE, &options, shared);
	run_threads(use_table, w);
	CHECK_OK(KEYED(add, w[0].handle, &key, sizeof(key), 0, &sum));
	CHECK_EQ(added, sum);
	check_sound(w[0].handle);
	close_all(w, shared);
}

TEST(each_with_a_handle_on_a_table)
{
	table_in_threads(AGORA_WRITERS_MANY, false);
}

TEST(all_with_one_handle_on_a_table)
{
	table_in_threads(AGORA_WRITERS_MANY, true);
}

TEST(all_with_the_handle_of_the_only_writer)
{
	table_in_threads(AGORA_WRITERS_ONE, true);
}

TEST(each_with_a_handle_on_a_map)
{
	is_map = true;
	table_in_threads(AGORA_WRITERS_MANY, false);
}

TEST(all_with_one_handle_on_a_map)
{
	is_map = true;
	table_in_threads(AGORA_WRITERS_MANY, true);
}
