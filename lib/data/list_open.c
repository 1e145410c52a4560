/*
 * list_open.c - a list's geometry, its row among the kinds, its public door.
 *
 * The algorithm is in list.c.
 */
#include "data/list.h"

/* ---- create, open, the row ---- */

static const struct bag_ops ops = {.find = list_find,
	.put_back = list_put_back,
	.settle = list_settle,
	.count = list_count,
	.verify = list_verify};

static const char *plan(
	const struct agora_options *options, struct params_shm *params)
{
	return bag_plan(options, params,
		"fixed: a list has messages of any size",
		sizeof(struct element_shm));
}

static int lay_out(const struct params_shm *params, struct layout *layout)
{
	return bag_lay_out(params, layout, sizeof(struct element_shm));
}

static int open_handle(void *handle)
{
	bag_open(handle, &ops);
	return 0;
}

const struct kind kind_list = {
	.row = {.name = "list",
		.shape = AGORA_SEQUENCE,
		.verbs = AGORA_CAN_PUSH | AGORA_CAN_POP | AGORA_CAN_WALK,
		.doc = "ordered sequence, changed at both ends and in between"},
	.segment = {.id = 5,
		.layout = lay_out,
		.attached = bag_attached,
		.recover = bag_recover},
	.handle_size = sizeof(struct agora_list),
	.plan = plan,
	.open = open_handle,
	.close = bag_close,
	.stat = list_stat,
	.check = bag_check,
	.claims = bag_claims,
	.ready = list_ready,
	.push = list_push,
	.push_batch = bag_push_batch,
	.pop = list_pop_first,
	.pop_batch = bag_pop_batch,
	.peek = list_peek_first,
	.tap = bag_tap,
	.end = bag_end,
	.snapshot = list_snapshot,
	.look = bag_look_up,
	.acquire = list_acquire_first,
	.read = bag_read,
	.release = bag_release,
	.restore = bag_restore,
};

/* ---- the public door ---- */

#define RUN(list, call) OBJECT_RUN(&(list)->bag, call)

int agora_list_open(struct agora_space *space, const char *path, uint32_t flags,
	const struct agora_options *options, struct agora_list **ret_list)
{
	void *handle;
	int error = object_open_kind(
		space, path, flags, options, &kind_list, &handle);

	if (!error)
		*ret_list = handle;
	return error;
}

void agora_list_close(struct agora_list *list)
{
	if (list)
		agora_object_close(&list->bag.object);
}

struct agora_object *agora_list_object(struct agora_list *list)
{
	return &list->bag.object;
}

/* The arguments of a verb that is tried again and again. */
struct attempt {
	struct agora_list *list;
	struct place place;
	const void *data;
	size_t size;
	struct agora_element *element;
	struct agora_buffer *buffer;
	struct agora_message *message;
};

static int try_insert(void *argument)
{
	struct attempt *a = argument;

	return list_insert(
		&a->list->bag, &a->place, a->data, a->size, a->element);
}

static int try_pop(void *argument)
{
	struct attempt *a = argument;

	return list_pop(&a->list->bag, a->place.side, a->buffer);
}

static int try_acquire(void *argument)
{
	struct attempt *a = argument;

	return list_acquire(&a->list->bag, a->place.side, a->message);
}

#define RUN_WAITING(attempt, event, try, deadline)                            \
	RUN((attempt)->list, event_wait(&(attempt)->list->bag.object.segment, \
				     event, try, attempt, deadline))

static int insert(struct attempt *a)
{
	RUN(a->list, try_insert(a));
}

static int insert_wait(struct attempt *a, const struct timespec *deadline)
{
	RUN_WAITING(a, EVENT_WRITABLE, try_insert, deadline);
}

int agora_list_push_front(struct agora_list *list, const void *data,
	size_t size, struct agora_element *ret_element)
{
	struct attempt a = {.list = list,
		.place = {.side = NEXT},
		.data = data,
		.size = size,
		.element = ret_element};

	return insert(&a);
}

int agora_list_push_back(struct agora_list *list, const void *data, size_t size,
	struct agora_element *ret_element)
{
	struct attempt a = {.list = list,
		.place = {.side = PREVIOUS},
		.data = data,
		.size = size,
		.element = ret_element};

	return insert(&a);
}

int agora_list_push_front_wait(struct agora_list *list, const void *data,
	size_t size, const struct timespec *deadline,
	struct agora_element *ret_element)
{
	struct attempt a = {.list = list,
		.place = {.side = NEXT},
		.data = data,
		.size = size,
		.element = ret_element};

	return insert_wait(&a, deadline);
}

int agora_list_push_back_wait(struct agora_list *list, const void *data,
	size_t size, const struct timespec *deadline,
	struct agora_element *ret_element)
{
	struct attempt a = {.list = list,
		.place = {.side = PREVIOUS},
		.data = data,
		.size = size,
		.element = ret_element};

	return insert_wait(&a, deadline);
}

int agora_list_insert_before(struct agora_list *list,
	const struct agora_element *element, const void *data, size_t size,
	struct agora_element *ret_element)
{
	struct attempt a = {.list = list,
		.place = {element_name(element), element->word[1], PREVIOUS},
		.data = data,
		.size = size,
		.element = ret_element};

	return insert(&a);
}

int agora_list_insert_after(struct agora_list *list,
	const struct agora_element *element, const void *data, size_t size,
	struct agora_element *ret_element)
{
	struct attempt a = {.list = list,
		.place = {element_name(element), element->word[1], NEXT},
		.data = data,
		.size = size,
		.element = ret_element};

	return insert(&a);
}

int agora_list_pop_front(
	struct agora_list *list, struct agora_buffer *ret_message)
{
	RUN(list, list_pop(&list->bag, NEXT, ret_message));
}

int agora_list_pop_back(
	struct agora_list *list, struct agora_buffer *ret_message)
{
	RUN(list, list_pop(&list->bag, PREVIOUS, ret_message));
}

int agora_list_pop_front_wait(struct agora_list *list,
	const struct timespec *deadline, struct agora_buffer *ret_message)
{
	struct attempt a = {
		.list = list, .place = {.side = NEXT}, .buffer = ret_message};

	RUN_WAITING(&a, EVENT_READABLE, try_pop, deadline);
}

int agora_list_pop_back_wait(struct agora_list *list,
	const struct timespec *deadline, struct agora_buffer *ret_message)
{
	struct attempt a = {.list = list,
		.place = {.side = PREVIOUS},
		.buffer = ret_message};

	RUN_WAITING(&a, EVENT_READABLE, try_pop, deadline);
}

int agora_list_peek_front(
	struct agora_list *list, struct agora_buffer *ret_message)
{
	RUN(list, list_peek(&list->bag, NEXT, ret_message));
}

int agora_list_peek_back(
	struct agora_list *list, struct agora_buffer *ret_message)
{
	RUN(list, list_peek(&list->bag, PREVIOUS, ret_message));
}

int agora_list_remove(
	struct agora_list *list, const struct agora_element *element)
{
	RUN(list, list_remove(&list->bag, element));
}

int agora_list_next(struct agora_list *list, const struct agora_element *from,
	struct agora_element *ret_element)
{
	RUN(list, list_step(&list->bag, from, NEXT, ret_element));
}

int agora_list_previous(struct agora_list *list,
	const struct agora_element *from, struct agora_element *ret_element)
{
	RUN(list, list_step(&list->bag, from, PREVIOUS, ret_element));
}

int agora_list_get(struct agora_list *list, const struct agora_element *element,
	struct agora_buffer *ret_message)
{
	RUN(list, list_get(&list->bag, element, ret_message));
}

static int length(struct agora_list *list, uint64_t *ret_length)
{
	*ret_length = list_count(&list->bag);
	return 0;
}

int agora_list_length(struct agora_list *list, uint64_t *ret_length)
{
	RUN(list, length(list, ret_length));
}

int agora_list_tap(struct agora_list *list, uint64_t *cursor,
	struct agora_buffer *ret_message)
{
	RUN(list, bag_tap(list, cursor, ret_message));
}

int agora_list_end(struct agora_list *list, uint64_t *ret_cursor)
{
	RUN(list, bag_end(list, ret_cursor));
}

int agora_list_acquire_front(
	struct agora_list *list, struct agora_message *ret_message)
{
	RUN(list, list_acquire(&list->bag, NEXT, ret_message));
}

int agora_list_acquire_back(
	struct agora_list *list, struct agora_message *ret_message)
{
	RUN(list, list_acquire(&list->bag, PREVIOUS, ret_message));
}

int agora_list_acquire_front_wait(struct agora_list *list,
	const struct timespec *deadline, struct agora_message *ret_message)
{
	struct attempt a = {
		.list = list, .place = {.side = NEXT}, .message = ret_message};

	RUN_WAITING(&a, EVENT_READABLE, try_acquire, deadline);
}

int agora_list_acquire_back_wait(struct agora_list *list,
	const struct timespec *deadline, struct agora_message *ret_message)
{
	struct attempt a = {.list = list,
		.place = {.side = PREVIOUS},
		.message = ret_message};

	RUN_WAITING(&a, EVENT_READABLE, try_acquire, deadline);
}

int agora_list_read(struct agora_list *list,
	const struct agora_message *message, size_t offset, void *ret_data,
	size_t size)
{
	RUN(list, bag_read(list, message, offset, ret_data, size));
}

int agora_list_release(
	struct agora_list *list, const struct agora_message *message)
{
	RUN(list, bag_release(list, message));
}

int agora_list_restore(
	struct agora_list *list, const struct agora_message *message)
{
	RUN(list, bag_restore(list, message));
}
