/* step_stack.c - stacks, for step.c. */
#include "step_sequence.h"

#include <sys/uio.h>

enum op {
	NONE,
	PUSH,
	PUSH_BATCH,
	POP,
	POP_BATCH,
	RELEASE, /* acquire and release */
	RESTORE
};

static const struct step_group groups[] = {
	{"push-short", PUSH, SHORT, NONE, 1},
	{"push-parts", PUSH, PARTS, NONE, 1},
	{"push-long", PUSH, LONG, NONE, 1},
	{"pop-short", POP, SHORT, NONE, 1},
	{"pop-parts", POP, PARTS, NONE, 1},
	{"pop-long", POP, LONG, NONE, 1},
	{"release-short", RELEASE, SHORT, NONE, 1},
	{"release-long", RELEASE, LONG, NONE, 1},
	{"restore", RESTORE, SHORT, NONE, 1},
	{"push-batch", PUSH_BATCH, SHORT, NONE, 1},
	{"pop-batch", POP_BATCH, SHORT, NONE, 1},
	{"repair-push", STEP_REPAIR, PARTS, PUSH, 1},
	{"repair-pop", STEP_REPAIR, LONG, POP, 1},
	{"repair-restore", STEP_REPAIR, SHORT, RESTORE, 1},
};

static const struct state {
	const char *name;
	int fill;
	bool restored; /* the top was taken and put back */
	enum op dead;
} states[] = {
	{.name = "empty"},
	{.name = "half full", .fill = 4},
	{.name = "full", .fill = CAPACITY},
	{.name = "restored", .fill = 3, .restored = true},
	{.name = "the top has an owner", .fill = 3, .dead = PUSH},
	{.name = "one, with an owner", .dead = PUSH},
	{.name = "full, the top has an owner",
		.fill = CAPACITY - 1,
		.dead = PUSH},
	{.name = "a pop in the root", .fill = 3, .dead = POP},
	{.name = "the last one in the root", .fill = 1, .dead = POP},
	{.name = "full, a pop in the root", .fill = CAPACITY, .dead = POP},
};

#define HALF_FULL 1

static const char *state_of(const struct step_group *group, size_t number)
{
	(void)group;
	return number < COUNT(states) ? states[number].name : NULL;
}

static size_t repaired(const struct step_group *group)
{
	(void)group;
	return HALF_FULL;
}

/* ---- operations ---- */

static struct sequence_effect effect_of(int op)
{
	static const struct sequence_effect effects[] = {
		[PUSH] = {.pushes = 1},
		[PUSH_BATCH] = {.pushes = MANY},
		[POP] = {.pops = 1, .copies = true},
		[POP_BATCH] = {.pops = SEVERAL, .copies = true},
		[RELEASE] = {.pops = 1},
		[RESTORE] = {.moves = true},
	};

	return effects[op];
}

/* Who was pushed last leaves first, whoever had it before. */
static bool follows(
	uint64_t id, uint64_t version, uint64_t before, uint64_t version_before)
{
	(void)id;
	return !before || version < version_before;
}

const struct sequence_kind sequence_kind = {effect_of, follows};

static void *open_stack(
	struct agora_space *space, const char *path, uint32_t flags)
{
	struct agora_options options = {.capacity = CAPACITY,
		.message_size = LARGEST,
		.inline_size = 992,
		.memory = 64 * 4096,
		.clients = 8};
	struct agora_stack *stack;

	check(agora_stack_open(space, path, flags, &options, &stack), "open");
	return stack;
}

static struct agora_object *object_of(void *stack)
{
	return agora_stack_object(stack);
}

static int take(struct agora_stack *s, bool restore)
{
	struct agora_message m;
	int result = agora_stack_acquire(s, &m);

	if (result)
		return result;
	return restore ? agora_stack_restore(s, &m)
		       : agora_stack_release(s, &m);
}

static int perform(void *handle, const struct step_task *task)
{
	struct agora_stack *s = handle;
	struct sequence_shared *shared = step_shared;
	struct agora_buffer out[SEVERAL];

	for (int i = 0; i < SEVERAL; i++)
		out[i] = (struct agora_buffer){
			.data = shared->buffer[i], .capacity = LARGEST};
	switch (task->op) {
	case PUSH:
		return agora_stack_push(s, sequence_messages->iov_base,
			sequence_messages->iov_len);
	case PUSH_BATCH:
		return agora_stack_push_batch(s, sequence_messages, MANY);
	case POP:
		return agora_stack_pop(s, out);
	case POP_BATCH:
		return agora_stack_pop_batch(s, out, SEVERAL);
	default:
		return take(s, task->op == RESTORE);
	}
}

/* ---- states ---- */

static void arrange(const struct step_group *group, size_t number, int eighth)
{
	const struct state *state = &states[number];
	struct step_task dead = {
		.op = eighth ? group->before : (int)state->dead,
		.id = id_in((enum shape)group->shape, 60)};

	sequence_begin();
	sequence_fill(state->fill, group->shape);
	if (state->restored)
		sequence_restore_first();
	if (dead.op)
		sequence_strand(&dead, eighth);
	step_task.id = id_in((enum shape)group->shape, 50);
	sequence_note(0);
}

const struct step_kind step_kind = {.name = "stack",
	.groups = groups,
	.group_count = COUNT(groups),
	.shared_size = sizeof(struct sequence_shared),
	.variants = 1,
	.open = open_stack,
	.object = object_of,
	.warm = sequence_warm,
	.state = state_of,
	.repaired = repaired,
	.arrange = arrange,
	.ready = sequence_ready,
	.perform = perform,
	.judge = sequence_judge};
