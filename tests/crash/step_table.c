/*
 * step_table.c - tables, for step.c: with many writers, and with one where
 * the name of the group says "one-".
 */
#include "step_keyed.h"

#include "base/hash.h"
#include "shm/format.h"

enum op { NONE, PUT, DELETE, COMPARE, ADD };

enum { SINGLES = 1 };

static const struct step_group groups[] = {
	{"put-short", PUT, SHORT, NONE, SINGLES},
	{"put-parts", PUT, PARTS, NONE, SINGLES},
	{"put-long", PUT, LONG, NONE, SINGLES},
	{"delete", DELETE, SHORT, NONE, SINGLES},
	{"compare", COMPARE, SHORT, NONE, SINGLES},
	{"add", ADD, SHORT, NONE, SINGLES},
	{"one-put-short", PUT, SHORT, NONE, SINGLES},
	{"one-put-parts", PUT, PARTS, NONE, SINGLES},
	{"one-put-long", PUT, LONG, NONE, SINGLES},
	{"one-delete", DELETE, SHORT, NONE, SINGLES},
	{"one-delete-long", DELETE, PARTS, NONE, SINGLES},
	{"one-compare", COMPARE, SHORT, NONE, SINGLES},
	{"one-add", ADD, SHORT, NONE, SINGLES},
	{"repair-put", STEP_REPAIR, PARTS, PUT, SINGLES},
	{"repair-delete", STEP_REPAIR, LONG, DELETE, SINGLES},
	{"repair-one-put", STEP_REPAIR, PARTS, PUT, SINGLES},
	{"repair-one-delete", STEP_REPAIR, LONG, DELETE, SINGLES},
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
	{.name = "key half replaced", .fill = 1, .dead = PUT, .key = 2},
	{.name = "dead entry before, key absent", .dead = DELETE, .key = 1},
	{.name = "dead entry before, key present",
		.fill = 1,
		.dead = DELETE,
		.key = 1},
	{.name = "neighbour half replaced", .fill = 1, .dead = PUT, .key = 1},
};

static bool is_single;

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

const struct keyed_kind keyed_kind = {after, result, false};

static void begin(const struct step_group *group)
{
	is_single = strstr(group->name, "one-") != NULL;
}

static void *open_table(
	struct agora_space *space, const char *path, uint32_t flags)
{
	struct agora_options options = {.capacity = 8,
		.message_size = LARGEST,
		.inline_size = 984,
		.memory = 64 * 4096,
		.writers = is_single ? AGORA_WRITERS_ONE : 0,
		.clients = 8};
	struct agora_table *table;

	check(agora_table_open(space, path, flags, &options, &table), "open");
	return table;
}

static struct agora_object *object_of(void *table)
{
	return agora_table_object(table);
}

static unsigned char value[LARGEST];

static void ready(const struct step_task *task)
{
	memcpy(value, bytes_of(task->id), size_of(task->id));
}

static int perform(void *handle, const struct step_task *task)
{
	struct agora_table *t = handle;
	const struct keyed_key *k = &keyed_keys[task->key];
	struct agora_buffer in = {.data = value,
		.size = size_of(task->id),
		.version = task->version};

	switch (task->op) {
	case PUT:
		return agora_table_put(
			t, k->bytes, k->size, value, size_of(task->id));
	case DELETE:
		return agora_table_delete(t, k->bytes, k->size);
	case COMPARE:
		return agora_table_compare(t, k->bytes, k->size, &in, NULL);
	default:
		return agora_table_add(t, k->bytes, k->size, 7, NULL);
	}
}

/* ---- states ---- */

static uint64_t hash_of(const void *key)
{
	const struct header_shm *header = step_segment();

	return hash_bytes(key, 8, header->seed);
}

static int by_hash(const void *a, const void *b)
{
	const struct keyed_key *left = a, *right = b;

	return hash_of(left->bytes) < hash_of(right->bytes) ? -1 : 1;
}

/* Keys that share a bucket, in the order of its chain. With one writer they
 * share a line, of whose seven words others take all but the first key's. */
static void find_keys(void)
{
	int found = 0;

	keyed_more = 6;
	/* 64 buckets, or lines: see table_open.c. */
	for (uint64_t key = 0; found < KEYS + keyed_more; key++) {
		if (hash_of(&key) >> 58 != 5)
			continue;
		keyed_keys[found].size = 8;
		memcpy(keyed_keys[found++].bytes, &key, 8);
	}
	qsort(keyed_keys, KEYS, sizeof(*keyed_keys), by_hash);
	keyed_more = is_single ? keyed_more : 0;
	/* Who becomes the only writer has repaired it. */
	keyed_repairs = is_single;
}

static void warm(void)
{
	find_keys();
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
	/* Others are to write from here on. */
	if (is_single)
		step_reopen();
	if (dead.op != NONE)
		keyed_strand(&dead, eighth);
	step_task.id = id_in(shape, 50);
	step_task.key = 2;
	keyed_note();
}

const struct step_kind step_kind = {.name = "table",
	.groups = groups,
	.group_count = COUNT(groups),
	.variants = 2,
	.begin = begin,
	.open = open_table,
	.object = object_of,
	.warm = warm,
	.state = state_of,
	.repaired = repaired,
	.arrange = arrange,
	.ready = ready,
	.perform = perform,
	.judge = keyed_judge};
