/* threads_sequence.c - threads at a stack, a list and a heap: every verb at
 * once. See threads.h. */
#include "threads.h"

#include <agora/list.h>

#define STEPS 6000

static _Atomic unsigned char taken[NOTES];
static const char *path;
static uint32_t flags; /* of the heap */

static bool is_list(void)
{
	return strstr(path, ".list");
}

static struct agora_object *open_it(uint32_t how)
{
	const struct agora_options options = {
		.capacity = 16, .message_size = LARGEST, .flags = flags};
	int error = agora_program_create(space, "p", NULL);
	struct agora_object *object;

	CHECK(!error || error == -EEXIST);
	CHECK_OK(agora_object_open(space, path, how, &options, &object));
	return object;
}

/* What begins every handle is agora_object's. */
static struct agora_list *list_of(void *handle)
{
	return handle;
}

static void take(uint32_t id)
{
	CHECK_EQ(0,
		atomic_fetch_add_explicit(&taken[id], 1, memory_order_relaxed));
}

static struct agora_buffer buffer_of(struct worker *w)
{
	return (struct agora_buffer){.data = w->data, .capacity = LARGEST};
}

/* Somewhere in a list. */
static int insert(struct worker *w, size_t size)
{
	struct agora_element e = {{0}};

	switch (draw(w, 4)) {
	case 0:
		return agora_list_push_front(
			list_of(w->handle), w->data, size, NULL);
	case 1:
		return agora_list_push_back(
			list_of(w->handle), w->data, size, NULL);
	case 2:
		agora_list_previous(list_of(w->handle), NULL, &e);
		return agora_list_insert_before(
			list_of(w->handle), &e, w->data, size, NULL);
	default:
		agora_list_next(list_of(w->handle), NULL, &e);
		return agora_list_insert_after(
			list_of(w->handle), &e, w->data, size, NULL);
	}
}

static int push(struct worker *w, uint32_t id)
{
	if (is_list())
		return insert(w, size_of(id));
	if (strstr(path, ".heap"))
		return agora_object_push_priority(
			w->handle, draw(w, 5), w->data, size_of(id));
	return agora_object_push(w->handle, w->data, size_of(id));
}

static void push_next(struct worker *w)
{
	uint32_t id = w->next;
	int error;

	if (id == (uint32_t)(w->number + 1) * IDS)
		return;
	write_note(id);
	fill(w->data, id, size_of(id));
	error = push(w, id);
	if (!error)
		w->next++;
	else
		CHECK(error == -EAGAIN || error == -ESTALE);
}

static bool pop_one(struct worker *w)
{
	struct agora_buffer b = buffer_of(w);
	int error = is_list() && draw(w, 2)
			    ? agora_list_pop_back(list_of(w->handle), &b)
			    : agora_object_pop(w->handle, &b);

	if (error)
		CHECK_EQ(-EAGAIN, error);
	else
		take(id_of(w->data, b.size));
	return !error;
}

static void claim_one(struct worker *w)
{
	struct agora_object *object = w->handle;
	struct timespec deadline = agora_deadline(1000000);
	struct agora_message m;
	int error = agora_object_acquire_wait(object, &deadline, &m);
	uint32_t id;

	if (error) {
		CHECK_EQ(-ETIMEDOUT, error);
		return;
	}
	CHECK_EQ(m.size, agora_object_read(object, &m, 0, w->data, LARGEST));
	id = id_of(m.data ? m.data : w->data, m.size);
	if (draw(w, 3)) {
		take(id);
		CHECK_OK(agora_object_release(object, &m));
	} else {
		CHECK_OK(agora_object_restore(object, &m));
	}
}

/* Who succeeds has taken what it was. */
static void remove_one(struct worker *w)
{
	struct agora_buffer b = buffer_of(w);
	struct agora_element e;
	uint32_t id;

	if (agora_list_next(list_of(w->handle), NULL, &e) ||
		agora_list_next(list_of(w->handle), &e, &e) ||
		agora_list_get(list_of(w->handle), &e, &b))
		return;
	id = id_of(w->data, b.size);
	if (!agora_list_remove(list_of(w->handle), &e))
		take(id);
}

static void look(struct worker *w)
{
	struct agora_object *object = w->reader;
	struct agora_buffer b = buffer_of(w);
	struct agora_snapshot *snapshot;
	uint64_t cursor = 0;

	if (!agora_object_peek(object, &b))
		id_of(w->data, b.size);
	CHECK_OK(agora_object_snapshot(object, &snapshot));
	while (!agora_snapshot_next(snapshot, &b))
		id_of(w->data, b.size);
	agora_snapshot_close(snapshot);
	while (draw(w, 8) && !agora_object_tap(object, &cursor, &b))
		id_of(w->data, b.size);
}

static void check_all(struct worker *w)
{
	struct agora_check report;
	struct agora_stat stat;

	CHECK_OK(agora_object_stat(w->reader, &stat));
	CHECK_OK(agora_object_check(w->reader, 0, &report));
	CHECK_OK(agora_object_check(w->handle, 1, &report));
}

static void *use(void *worker)
{
	struct worker *w = worker;

	for (int step = 0; step < STEPS; step++) {
		uint32_t choice = draw(w, 16);

		if (choice < 6)
			push_next(w);
		else if (choice < 9)
			pop_one(w);
		else if (choice < 11)
			claim_one(w);
		else if (choice < 13 && is_list())
			remove_one(w);
		else if (choice < 15)
			look(w);
		else if (!draw(w, 8))
			check_all(w);
	}
	return NULL;
}

static void in_threads(const char *name, uint32_t how, bool shared)
{
	static struct worker w[THREADS];
	struct agora_check report;

	path = name;
	flags = how;
	for (int i = 0; i < THREADS; i++) {
		w[i].handle = i && shared ? w[0].handle
					  : open_it(AGORA_WRITE | AGORA_CREATE);
		w[i].reader = i && shared ? w[0].reader : open_it(AGORA_READ);
	}
	run_threads(use, w);
	while (pop_one(&w[0]))
		;
	for (uint32_t id = 0; id < NOTES; id++)
		CHECK_EQ(id < w[id / IDS].next, taken[id]);
	CHECK_OK(agora_object_check(w[0].handle, 0, &report));
	CHECK_EQ(report.blocks, report.free);
	for (int i = 0; i < (shared ? 1 : THREADS); i++) {
		agora_object_close(w[i].handle);
		agora_object_close(w[i].reader);
	}
}

TEST(each_with_a_handle_on_a_stack)
{
	in_threads("p/x.stack", 0, false);
}

TEST(all_with_one_handle_on_a_stack)
{
	in_threads("p/x.stack", 0, true);
}

TEST(each_with_a_handle_on_a_list)
{
	in_threads("p/x.list", 0, false);
}

TEST(all_with_one_handle_on_a_list)
{
	in_threads("p/x.list", 0, true);
}

TEST(each_with_a_handle_on_a_heap)
{
	in_threads("p/x.heap", 0, false);
}

TEST(all_with_one_handle_on_a_heap)
{
	in_threads("p/x.heap", 0, true);
}

TEST(each_with_a_handle_on_a_relaxed_heap)
{
	in_threads("p/x.heap", AGORA_RELAXED, false);
}

TEST(all_with_one_handle_on_a_relaxed_heap)
{
	in_threads("p/x.heap", AGORA_RELAXED, true);
}
