/*
 * step_heap.c - heaps, for step.c: turns that somebody died in.
 *
 * Priorities follow from the ids, and are such that messages rise and sink
 * through the levels of the heap.
 */
#include "step_sequence.h"

#include <agora/heap.h>

enum op { NONE, PUSH, PUSH_BATCH, POP, POP_BATCH, RELEASE, RESTORE };

static const struct step_group groups[] = {
	{"push-short", PUSH, SHORT, NONE, 0},
	{"push-parts", PUSH, PARTS, NONE, 0},
	{"push-long", PUSH, LONG, NONE, 0},
	{"push-batch", PUSH_BATCH, SHORT, NONE, 0},
	{"pop-short", POP, SHORT, NONE, 0},
	{"pop-long", POP, LONG, NONE, 0},
	{"pop-batch", POP_BATCH, SHORT, NONE, 0},
	{"release-short", RELEASE, SHORT, NONE, 0},
	{"release-long", RELEASE, LONG, NONE, 0},
	{"restore", RESTORE, SHORT, NONE, 0},
	{"repair-push", STEP_REPAIR, PARTS, PUSH, 0},
	{"repair-push-batch", STEP_REPAIR, SHORT, PUSH_BATCH, 0},
	{"repair-pop", STEP_REPAIR, LONG, POP, 0},
	{"repair-pop-batch", STEP_REPAIR, SHORT, POP_BATCH, 0},
	{"repair-acquire", STEP_REPAIR, SHORT, RELEASE, 0},
	{"repair-restore", STEP_REPAIR, SHORT, RESTORE, 0},
};

struct state {
	const char *name;
	int rotate; /* messages pushed and popped before */
	int fill;
	enum op dead; /* in whose turn somebody died */
};

/* So many turns later a cell is given a new version: it takes two to push and
 * pop, and sequence_warm() has taken some. */
#define ROUND 122

static const struct state states[] = {
	{.name = "empty"},
	{.name = "one", .fill = 1},
	{.name = "half full", .fill = 5},
	{.name = "full", .fill = CAPACITY},
	{.name = "about to renew", .rotate = ROUND, .fill = 4},
	{.name = "died in push", .fill = 4, .dead = PUSH},
	{.name = "died in push, full", .fill = CAPACITY - 1, .dead = PUSH},
	{.name = "died in pop", .fill = 6, .dead = POP},
	{.name = "died in the last pop", .fill = 1, .dead = POP},
	{.name = "died in a batch of pushes", .fill = 2, .dead = PUSH_BATCH},
	{.name = "died in a batch of pops", .fill = 7, .dead = POP_BATCH},
};

#define HALF_FULL 2

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

/* The survivor's message, which knows of no priority, has 0. */
static uint64_t priority_of(uint64_t id)
{
	return id % 1000 == 90 || id == 1 ? 0 : id * 5 % 7;
}

static bool follows(
	uint64_t id, uint64_t version, uint64_t before, uint64_t version_before)
{
	uint64_t mine = priority_of(id), its = priority_of(before);

	if (!before)
		return true;
	return mine > its || (mine == its && version > version_before);
}

const struct sequence_kind sequence_kind = {effect_of, follows};

static void *open_heap(
	struct agora_space *space, const char *path, uint32_t flags)
{
	struct agora_options options = {.capacity = CAPACITY,
		.message_size = LARGEST,
		.inline_size = 984,
		.memory = 64 * 4096,
		.clients = 8};
	struct agora_heap *heap;

	check(agora_heap_open(space, path, flags, &options, &heap), "open");
	return heap;
}

static struct agora_object *object_of(void *heap)
{
	return agora_heap_object(heap);
}

static int take(struct agora_heap *h, bool restore)
{
	struct agora_message m;
	int result = agora_heap_acquire(h, &m);

	if (result)
		return result;
	return restore ? agora_heap_restore(h, &m) : agora_heap_release(h, &m);
}

/* What a victim pushes. */
static struct agora_heap_item items[MANY];

static void ready(const struct step_task *task)
{
	sequence_ready(task);
	for (unsigned i = 0; i < MANY; i++)
		items[i] = (struct agora_heap_item){
			priority_of(batch_id(task->id, i)),
			sequence_messages[i].iov_base,
			sequence_messages[i].iov_len};
}

static int perform(void *handle, const struct step_task *task)
{
	struct agora_heap *h = handle;
	struct sequence_shared *shared = step_shared;
	struct agora_buffer out[SEVERAL];

	for (int i = 0; i < SEVERAL; i++)
		out[i] = (struct agora_buffer){
			.data = shared->buffer[i], .capacity = LARGEST};
	switch (task->op) {
	case PUSH:
		return agora_heap_push(
			h, items->priority, items->data, items->size);
	case PUSH_BATCH:
		return agora_heap_push_batch(h, items, MANY);
	case POP:
		return agora_heap_pop(h, out);
	case POP_BATCH:
		return agora_heap_pop_batch(h, out, SEVERAL);
	default:
		return take(h, task->op == RESTORE);
	}
}

/* ---- states ---- */

/* As sequence_fill(), with priorities. */
static void fill(int count, int shape)
{
	for (unsigned i = 0; i < (unsigned)count; i++) {
		uint64_t id = id_in(((unsigned)shape + i) % 3, 20 + i);

		check(agora_object_push_priority(step_object(), priority_of(id),
			      bytes_of(id), size_of(id)),
			"fill");
		sequence_must[id] = 1;
	}
}

static void arrange(const struct step_group *group, size_t number, int eighth)
{
	const struct state *state = &states[number];
	struct step_task dead = {
		.op = eighth ? group->before : (int)state->dead,
		.id = id_in((enum shape)group->shape, 60)};

	sequence_begin();
	for (int i = 0; i < state->rotate; i++)
		if (sequence_push(1) || sequence_pop(NULL) != 1)
			fail("rotate", i, 0);
	fill(state->fill, group->shape);
	if (dead.op)
		sequence_strand(&dead, eighth);
	step_task.id = id_in((enum shape)group->shape, 50);
	sequence_note(0);
}

const struct step_kind step_kind = {.name = "heap",
	.groups = groups,
	.group_count = COUNT(groups),
	.shared_size = sizeof(struct sequence_shared),
	.variants = 1,
	.open = open_heap,
	.object = object_of,
	.warm = sequence_warm,
	.state = state_of,
	.repaired = repaired,
	.arrange = arrange,
	.ready = ready,
	.perform = perform,
	.judge = sequence_judge};
