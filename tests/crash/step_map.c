/*
 * step_map.c - ordered maps, for step.c; and sets, with MEMBERS: step_set.c.
 *
 * How high towers are follows from the segment's seed: it differs from group
 * to group, and from run to run.
 */
#include "step_keyed.h"

enum op { NONE, PUT, DELETE, COMPARE, ADD };

enum { ALL = 1 };

static const struct step_group groups[] = {
	{"put-short", PUT, SHORT, NONE, ALL},
	{"delete", DELETE, SHORT, NONE, ALL},
#ifndef MEMBERS
	{"put-parts", PUT, PARTS, NONE, ALL},
	{"put-long", PUT, LONG, NONE, ALL},
	{"compare", COMPARE, SHORT, NONE, ALL},
	{"add", ADD, SHORT, NONE, ALL},
#endif
	{"repair-put", STEP_REPAIR, PARTS, PUT, ALL},
	{"repair-delete", STEP_REPAIR, LONG, DELETE, ALL},
};

struct state {
	const char *name;
	int fill; /* key 2 is there */
	enum op dead;
	int key; /* of the dead one's operation */
};

static const struct state states[] = {
	{.name = "absent"},
	{.name = "present", .fill = 1},
	{.name = "dead entry of the key", .fill = 1, .dead = DELETE, .key = 2},
	{.name = "dead entry before, key absent", .dead = DELETE, .key = 1},
	{.name = "dead entry before, key present",
		.fill = 1,
		.dead = DELETE,
		.key = 1},
#ifndef MEMBERS
	{.name = "key half replaced", .fill = 1, .dead = PUT, .key = 2},
	{.name = "neighbour half replaced", .fill = 1, .dead = PUT, .key = 1},
#endif
};

static const char *state_of(const struct step_group *group, size_t number)
{
	(void)group;
	return number == COUNT(states) ? NULL : states[number].name;
}

static size_t repaired(const struct step_group *group)
{
	(void)group;
	return 1;
}

/* ---- operations ---- */

static uint64_t after(const struct step_task *task, uint64_t before)
{
	switch (task->op) {
	case ADD:
		return before + 7;
	case DELETE:
		return 0;
	default:
		return task->id;
	}
}

static int result(const struct step_task *task, uint64_t before)
{
	return task->op == DELETE && !before ? -ENOENT : 0;
}

static struct agora_object *object_of(void *handle)
{
	return handle;
}

static unsigned char value[LARGEST];

static void ready(const struct step_task *task)
{
	memcpy(value, bytes_of(task->id), size_of(task->id));
}

#ifdef MEMBERS

const struct keyed_kind keyed_kind = {after, result, true};

static void *open_object(
	struct agora_space *space, const char *path, uint32_t flags)
{
	struct agora_options options = {.capacity = 64, .clients = 8};
	struct agora_set *set;

	check(agora_set_open(space, path, flags, &options, &set), "open");
	return agora_set_object(set);
}

static int perform(void *handle, const struct step_task *task)
{
	const struct keyed_key *k = &keyed_keys[task->key];

	if (task->op == PUT)
		return agora_object_put(handle, k->bytes, k->size, NULL, 0);
	return agora_object_delete(handle, k->bytes, k->size);
}

#else

const struct keyed_kind keyed_kind = {after, result, false};

static void *open_object(
	struct agora_space *space, const char *path, uint32_t flags)
{
	struct agora_options options = {.capacity = 64,
		.message_size = LARGEST,
		.inline_size = 984,
		.memory = 64 * 4096,
		.clients = 8};
	struct agora_map *map;

	check(agora_map_open(space, path, flags, &options, &map), "open");
	return agora_map_object(map);
}

static int perform(void *handle, const struct step_task *task)
{
	struct agora_map *m = handle; /* the same as its object */
	const struct keyed_key *k = &keyed_keys[task->key];
	struct agora_buffer in = {.data = value,
		.size = size_of(task->id),
		.version = task->version};

	switch (task->op) {
	case PUT:
		return agora_map_put(
			m, k->bytes, k->size, value, size_of(task->id));
	case DELETE:
		return agora_map_delete(m, k->bytes, k->size);
	case COMPARE:
		return agora_map_compare(m, k->bytes, k->size, &in, NULL);
	default:
		return agora_map_add(m, k->bytes, k->size, 7, NULL);
	}
}

#endif

/* ---- states ---- */

/* More keys than the judge looks at, so that there are levels. */
static void warm(void)
{
	keyed_more = 8;
	for (int i = 0; i < KEYS + keyed_more; i++) {
		keyed_keys[i].size = (size_t)(7 + i % 3 * 6);
		memset(keyed_keys[i].bytes, 'a' + i % KEYS * 3 + i / KEYS,
			keyed_keys[i].size);
	}
	for (unsigned n = 0; n < 3; n++)
		if (keyed_put(0, id_in(n, 1)) || keyed_delete(0))
			fail("first use", n, 0);
	step_account();
}

static void arrange(const struct step_group *group, size_t number, int eighth)
{
	const struct state *state = &states[number];
	enum shape shape = (enum shape)group->shape;
	struct step_task dead = {
		.op = eighth ? group->before : (int)state->dead,
		.id = id_in(group->op == ADD ? SHORT : shape, 60),
		.key = eighth ? 2 : state->key};

	keyed_fill(
		state->fill, group->op == ADD ? SHORT : (group->shape + 1) % 3);
	if (dead.op != NONE)
		keyed_strand(&dead, eighth);
	step_task.id = id_in(shape, 50);
	step_task.key = 2;
	keyed_note();
}

const struct step_kind step_kind = {
#ifdef MEMBERS
	.name = "set",
#else
	.name = "map",
#endif
	.groups = groups,
	.group_count = COUNT(groups),
	.variants = 2,
	.open = open_object,
	.object = object_of,
	.warm = warm,
	.state = state_of,
	.repaired = repaired,
	.arrange = arrange,
	.ready = ready,
	.perform = perform,
	.judge = keyed_judge};
