/* threads_bag.c - threads at a stack and a list: every verb at once. See
 * threads.h. */
#include "threads.h"

#define STEPS 6000

static _Atomic unsigned char taken[NOTES];
static bool is_list;

static const char *path(void)
{
	return is_list ? "p/x.list" : "p/x.stack";
}

static void *open_bag(uint32_t flags)
{
	const struct agora_options options = {
		.capacity = 16, .message_size = LARGEST};
	int error = agora_program_create(space, "p", NULL);
	struct agora_stack *stack;
	struct agora_list *list;

	CHECK(!error || error == -EEXIST);
	if (is_list) {
		CHECK_OK(
			agora_list_open(space, path(), flags, &options, &list));
		return list;
	}
	CHECK_OK(agora_stack_open(space, path(), flags, &options, &stack));
	return stack;
}

static struct agora_object *object_of(void *bag)
{
	return is_list ? agora_list_object(bag) : agora_stack_object(bag);
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
		return agora_list_push_front(w->handle, w->data, size, NULL);
	case 1:
		return agora_list_push_back(w->handle, w->data, size, NULL);
	case 2:
		agora_list_previous(w->handle, NULL, &e);
		return agora_list_insert_before(
			w->handle, &e, w->data, size, NULL);
	default:
		agora_list_next(w->handle, NULL, &e);
		return agora_list_insert_after(
			w->handle, &e, w->data, size, NULL);
	}
}

static void push_next(struct worker *w)
{
	uint32_t id = w->next;
	int error;

	if (id == (uint32_t)(w->number + 1) * IDS)
		return;
	write_note(id);
	fill(w->data, id, size_of(id));
	error = is_list ? insert(w, size_of(id))
			: agora_stack_push(w->handle, w->data, size_of(id));
	if (!error)
		w->next++;
	else
		CHECK(error == -EAGAIN || error == -ESTALE);
}

static bool pop_one(struct worker *w)
{
	struct agora_buffer b = buffer_of(w);
	int error = is_list && draw(w, 2)
			    ? agora_list_pop_back(w->handle, &b)
			    : agora_object_pop(object_of(w->handle), &b);

	if (error)
		CHECK_EQ(-EAGAIN, error);
	else
		take(id_of(w->data, b.size));
	return !error;
}

static void claim_one(struct worker *w)
{
	struct agora_object *object = object_of(w->handle);
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

	if (agora_list_next(w->handle, NULL, &e) ||
		agora_list_next(w->handle, &e, &e) ||
		agora_list_get(w->handle, &e, &b))
		return;
	id = id_of(w->data, b.size);
	if (!agora_list_remove(w->handle, &e))
		take(id);
}

static void look(struct worker *w)
{
	struct agora_object *object = object_of(w->reader);
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

	CHECK_OK(agora_object_stat(object_of(w->reader), &stat));
	CHECK_OK(agora_object_check(object_of(w->reader), 0, &report));
	CHECK_OK(agora_object_check(object_of(w->handle), 1, &report));
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
		else if (choice < 13 && is_list)
			remove_one(w);
		else if (choice < 15)
			look(w);
		else if (!draw(w, 8))
			check_all(w);
	}
	return NULL;
}

static void in_threads(bool list, bool shared)
{
	static struct worker w[THREADS];
	struct agora_check report;

	is_list = list;
	for (int i = 0; i < THREADS; i++) {
		w[i].handle = i && shared
				      ? w[0].handle
				      : open_bag(AGORA_WRITE | AGORA_CREATE);
		w[i].reader = i && shared ? w[0].reader : open_bag(AGORA_READ);
	}
	run_threads(use, w);
	while (pop_one(&w[0]))
		;
	for (uint32_t id = 0; id < NOTES; id++)
		CHECK_EQ(id < w[id / IDS].next, taken[id]);
	CHECK_OK(agora_object_check(object_of(w[0].handle), 0, &report));
	CHECK_EQ(report.blocks, report.free);
	for (int i = 0; i < (shared ? 1 : THREADS); i++) {
		agora_object_close(object_of(w[i].handle));
		agora_object_close(object_of(w[i].reader));
	}
}

TEST(each_with_a_handle_on_a_stack)
{
	in_threads(false, false);
}

TEST(all_with_one_handle_on_a_stack)
{
	in_threads(false, true);
}

TEST(each_with_a_handle_on_a_list)
{
	in_threads(true, false);
}

TEST(all_with_one_handle_on_a_list)
{
	in_threads(true, true);
}
