/* step_list.c - lists, for step.c. */
#include "step_sequence.h"

enum op {
	NONE,
	FRONT, /* push there */
	BACK,
	AFTER,  /* insert behind the first element */
	BEFORE, /* and before it */
	POP,
	POP_BACK,
	REMOVE,  /* the second element, or the only one */
	RELEASE, /* acquire and release */
	RESTORE
};

static const struct step_group groups[] = {
	{"push-front-short", FRONT, SHORT, NONE, 1},
	{"push-back-parts", BACK, PARTS, NONE, 1},
	{"push-back-long", BACK, LONG, NONE, 1},
	{"insert-after", AFTER, SHORT, NONE, 1},
	{"insert-before", BEFORE, SHORT, NONE, 1},
	{"pop-short", POP, SHORT, NONE, 1},
	{"pop-long", POP, LONG, NONE, 1},
	{"pop-back-short", POP_BACK, SHORT, NONE, 1},
	{"remove-short", REMOVE, SHORT, NONE, 1},
	{"remove-long", REMOVE, LONG, NONE, 1},
	{"release-short", RELEASE, SHORT, NONE, 1},
	{"restore", RESTORE, SHORT, NONE, 1},
	{"repair-insert", STEP_REPAIR, PARTS, AFTER, 1},
	{"repair-pop", STEP_REPAIR, LONG, POP, 1},
	{"repair-remove", STEP_REPAIR, LONG, REMOVE, 1},
	{"repair-restore", STEP_REPAIR, SHORT, RESTORE, 1},
};

static const struct state {
	const char *name;
	int fill;
	bool restored; /* the first was taken and put back */
	enum op dead;
} states[] = {
	{.name = "empty"},
	{.name = "half full", .fill = 4},
	{.name = "one", .fill = 1},
	{.name = "full", .fill = CAPACITY},
	{.name = "restored", .fill = 3, .restored = true},
	{.name = "an insertion in the root", .fill = 3, .dead = AFTER},
	{.name = "the first one in the root", .dead = BACK},
	{.name = "full, the last one in the root",
		.fill = CAPACITY - 1,
		.dead = BACK},
	{.name = "a pop in the root", .fill = 3, .dead = POP},
	{.name = "the only one in the root", .fill = 1, .dead = POP},
	{.name = "full, a pop in the root", .fill = CAPACITY, .dead = POP},
	{.name = "a removal in the root", .fill = 4, .dead = REMOVE},
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
		[FRONT] = {.pushes = 1},
		[BACK] = {.pushes = 1},
		[AFTER] = {.pushes = 1},
		[BEFORE] = {.pushes = 1},
		[POP] = {.pops = 1, .copies = true},
		[POP_BACK] = {.pops = 1, .copies = true},
		[REMOVE] = {.pops = 1},
		[RELEASE] = {.pops = 1},
		[RESTORE] = {.moves = true},
	};

	return effects[op];
}

const struct sequence_kind sequence_kind = {effect_of, NULL};

static void *open_list(
	struct agora_space *space, const char *path, uint32_t flags)
{
	struct agora_options options = {.capacity = CAPACITY,
		.message_size = LARGEST,
		.inline_size = 984,
		.memory = 64 * 4096,
		.clients = 8};
	struct agora_list *list;

	check(agora_list_open(space, path, flags, &options, &list), "open");
	return list;
}

static struct agora_object *object_of(void *list)
{
	return agora_list_object(list);
}

static int take(struct agora_list *l, bool restore)
{
	struct agora_message m;
	int result = agora_list_acquire_front(l, &m);

	if (result)
		return result;
	return restore ? agora_list_restore(l, &m) : agora_list_release(l, &m);
}

static int remove_second(struct agora_list *l)
{
	struct agora_element e;
	int result = agora_list_next(l, NULL, &e);

	if (result)
		return result;
	agora_list_next(l, &e, &e);
	return agora_list_remove(l, &e);
}

/* What a victim pushes. */
static unsigned char data[LARGEST];
static size_t size;

static void ready(const struct step_task *task)
{
	size = size_of(task->id);
	memcpy(data, bytes_of(task->id), size);
}

static int perform(void *handle, const struct step_task *task)
{
	struct agora_list *l = handle;
	struct sequence_shared *shared = step_shared;
	struct agora_buffer out = {
		.data = shared->buffer[0], .capacity = LARGEST};
	struct agora_element first = {{0}};

	switch (task->op) {
	case FRONT:
		return agora_list_push_front(l, data, size, NULL);
	case BACK:
		return agora_list_push_back(l, data, size, NULL);
	case AFTER:
		agora_list_next(l, NULL, &first);
		return agora_list_insert_after(l, &first, data, size, NULL);
	case BEFORE:
		agora_list_next(l, NULL, &first);
		return agora_list_insert_before(l, &first, data, size, NULL);
	case POP:
		return agora_list_pop_front(l, &out);
	case POP_BACK:
		return agora_list_pop_back(l, &out);
	case REMOVE:
		return remove_second(l);
	default:
		return take(l, task->op == RESTORE);
	}
}

/* ---- states ---- */

/* The harness takes it that the first one leaves: not always. */
static uint64_t leaving(int op)
{
	int last = 0;

	while (last + 1 < CAPACITY && sequence_list[last + 1])
		last++;
	if (op == POP_BACK)
		return sequence_list[last];
	return sequence_list[op == REMOVE && last ? 1 : 0];
}

static void strand(const struct step_task *dead, int eighth)
{
	sequence_strand(dead, eighth);
	if (dead->op != REMOVE)
		return;
	sequence_must[sequence_list[0]] = 1;
	sequence_must[leaving(REMOVE)] = eighth ? 2 : 0;
}

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
		strand(&dead, eighth);
	step_task.id = id_in((enum shape)group->shape, 50);
	sequence_note(0);
	sequence_list[0] = leaving(group->op);
}

const struct step_kind step_kind = {.name = "list",
	.groups = groups,
	.group_count = COUNT(groups),
	.shared_size = sizeof(struct sequence_shared),
	.variants = 1,
	.open = open_list,
	.object = object_of,
	.warm = sequence_warm,
	.state = state_of,
	.repaired = repaired,
	.arrange = arrange,
	.ready = ready,
	.perform = perform,
	.judge = sequence_judge};
