/*
 * stack_open.c - a stack's geometry, its row among the kinds, its public door.
 *
 * The algorithm is in stack.c.
 */
#include "data/stack.h"

/* ---- create, open, the row ---- */

static const struct bag_ops ops = {.find = stack_find,
	.put_back = stack_put_back,
	.settle = stack_settle,
	.count = stack_count,
	.verify = stack_verify};

static const char *plan(
	const struct agora_options *options, struct params_shm *params)
{
	return bag_plan(options, params,
		"fixed: a stack has messages of any size",
		sizeof(struct level_shm));
}

static int lay_out(const struct params_shm *params, struct layout *layout)
{
	return bag_lay_out(params, layout, sizeof(struct level_shm));
}

static int open_handle(void *handle)
{
	bag_open(handle, &ops);
	return 0;
}

const struct kind kind_stack = {
	.row = {.name = "stack",
		.shape = AGORA_SEQUENCE,
		.verbs = AGORA_CAN_PUSH | AGORA_CAN_POP | AGORA_CAN_WALK,
		.doc = "LIFO of messages, many producers and consumers"},
	.segment = {.id = 4,
		.layout = lay_out,
		.attached = bag_attached,
		.recover = bag_recover},
	.handle_size = sizeof(struct agora_stack),
	.plan = plan,
	.open = open_handle,
	.close = bag_close,
	.stat = stack_stat,
	.check = bag_check,
	.claims = bag_claims,
	.ready = stack_ready,
	.push = stack_push,
	.push_batch = bag_push_batch,
	.pop = stack_pop,
	.pop_batch = bag_pop_batch,
	.peek = stack_peek,
	.tap = bag_tap,
	.end = bag_end,
	.snapshot = stack_snapshot,
	.look = bag_look_up,
	.acquire = stack_acquire,
	.read = bag_read,
	.release = bag_release,
	.restore = bag_restore,
};

/* ---- the public door ---- */

#define RUN(stack, call) OBJECT_RUN(&(stack)->bag, call)

int agora_stack_open(struct agora_space *space, const char *path,
	uint32_t flags, const struct agora_options *options,
	struct agora_stack **ret_stack)
{
	void *handle;
	int error = object_open_kind(
		space, path, flags, options, &kind_stack, &handle);

	if (!error)
		*ret_stack = handle;
	return error;
}

void agora_stack_close(struct agora_stack *stack)
{
	if (stack)
		agora_object_close(&stack->bag.object);
}

struct agora_object *agora_stack_object(struct agora_stack *stack)
{
	return &stack->bag.object;
}

int agora_stack_push(struct agora_stack *stack, const void *data, size_t size)
{
	RUN(stack, stack_push(stack, data, size));
}

int agora_stack_push_wait(struct agora_stack *stack, const void *data,
	size_t size, const struct timespec *deadline)
{
	return agora_object_push_wait(&stack->bag.object, data, size, deadline);
}

int agora_stack_push_batch(
	struct agora_stack *stack, const struct iovec *messages, size_t count)
{
	RUN(stack, bag_push_batch(stack, messages, count));
}

int agora_stack_push_batch_wait(struct agora_stack *stack,
	const struct iovec *messages, size_t count,
	const struct timespec *deadline)
{
	return agora_object_push_batch_wait(
		&stack->bag.object, messages, count, deadline);
}

int agora_stack_pop(struct agora_stack *stack, struct agora_buffer *ret_message)
{
	RUN(stack, stack_pop(stack, ret_message));
}

int agora_stack_pop_wait(struct agora_stack *stack,
	const struct timespec *deadline, struct agora_buffer *ret_message)
{
	return agora_object_pop_wait(&stack->bag.object, deadline, ret_message);
}

int agora_stack_pop_batch(struct agora_stack *stack,
	struct agora_buffer *ret_messages, size_t count)
{
	RUN(stack, bag_pop_batch(stack, ret_messages, count));
}

int agora_stack_pop_batch_wait(struct agora_stack *stack,
	const struct timespec *deadline, struct agora_buffer *ret_messages,
	size_t count)
{
	return agora_object_pop_batch_wait(
		&stack->bag.object, deadline, ret_messages, count);
}

int agora_stack_peek(
	struct agora_stack *stack, struct agora_buffer *ret_message)
{
	RUN(stack, stack_peek(stack, ret_message));
}

int agora_stack_tap(struct agora_stack *stack, uint64_t *cursor,
	struct agora_buffer *ret_message)
{
	RUN(stack, bag_tap(stack, cursor, ret_message));
}

int agora_stack_end(struct agora_stack *stack, uint64_t *ret_cursor)
{
	RUN(stack, bag_end(stack, ret_cursor));
}

int agora_stack_acquire(
	struct agora_stack *stack, struct agora_message *ret_message)
{
	RUN(stack, stack_acquire(stack, ret_message));
}

int agora_stack_acquire_wait(struct agora_stack *stack,
	const struct timespec *deadline, struct agora_message *ret_message)
{
	return agora_object_acquire_wait(
		&stack->bag.object, deadline, ret_message);
}

int agora_stack_read(struct agora_stack *stack,
	const struct agora_message *message, size_t offset, void *ret_data,
	size_t size)
{
	RUN(stack, bag_read(stack, message, offset, ret_data, size));
}

int agora_stack_release(
	struct agora_stack *stack, const struct agora_message *message)
{
	RUN(stack, bag_release(stack, message));
}

int agora_stack_restore(
	struct agora_stack *stack, const struct agora_message *message)
{
	RUN(stack, bag_restore(stack, message));
}
