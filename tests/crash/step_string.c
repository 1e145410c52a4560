/*
 * step_string.c - strings, for step.c: with many writers, and with one where
 * the name of the group says "one-".
 *
 * A value is that of an id, and what was appended to it, a word at a time.
 */
#include "step.h"
#include "step_bytes.h"

enum op { NONE, STORE, SWAP, COMPARE, APPEND, CLEAR };

static const struct step_group groups[] = {
	{"store-short", STORE, SHORT, NONE, 0},
	{"store-parts", STORE, PARTS, NONE, 0},
	{"store-long", STORE, LONG, NONE, 0},
	{"swap", SWAP, PARTS, NONE, 0},
	{"compare", COMPARE, PARTS, NONE, 0},
	{"append-short", APPEND, SHORT, NONE, 0},
	{"append-long", APPEND, LONG, NONE, 0},
	{"clear", CLEAR, SHORT, NONE, 0},
	{"one-store-short", STORE, SHORT, NONE, 0},
	{"one-store-parts", STORE, PARTS, NONE, 0},
	{"one-store-long", STORE, LONG, NONE, 0},
	{"one-swap", SWAP, PARTS, NONE, 0},
	{"one-compare", COMPARE, PARTS, NONE, 0},
	{"one-append-short", APPEND, SHORT, NONE, 0},
	{"one-append-long", APPEND, LONG, NONE, 0},
	{"one-clear", CLEAR, SHORT, NONE, 0},
	{"repair-store", STEP_REPAIR, PARTS, STORE, 0},
	{"repair-append", STEP_REPAIR, LONG, APPEND, 0},
	{"repair-clear", STEP_REPAIR, PARTS, CLEAR, 0},
	{"repair-one-store", STEP_REPAIR, PARTS, STORE, 0},
	{"repair-one-append", STEP_REPAIR, LONG, APPEND, 0},
};

struct state {
	const char *name;
	int shape; /* of what is there; -1: the group's, -2: nothing */
	enum op dead;
};

static const struct state states[] = {
	{"nothing there", -2, NONE},
	{"a value of the same size there", -1, NONE},
	{"a short value there", SHORT, NONE},
	{"a long value there", LONG, NONE},
	{"one died when it had stored", PARTS, STORE},
	{"one died when it had appended", LONG, APPEND},
	{"one died when it had cleared", PARTS, CLEAR},
};

/* What was appended to a value, up to so many times. */
#define WORD "a word that was appended to it.."
#define MOST 4
#define ROOM (LARGEST + MOST * sizeof(WORD))

static bool is_single;
static uint64_t before; /* the value as it was found: value_of() */
static unsigned char value[ROOM], found[ROOM];

/* ---- values: an id, and how often something was appended ---- */

static uint64_t value_of(uint64_t id, unsigned appended)
{
	return id * (MOST + 1) + appended;
}

static uint64_t read_value(const unsigned char *data, size_t size)
{
	size_t first, left;
	uint64_t id = IDS;

	if (size >= 8)
		memcpy(&id, data, 8);
	first = id < IDS ? size_of(id) : size + 1;
	if (first > size)
		fail("bytes that nobody wrote", (long)id, (long)size);
	id_of(data, first);
	left = size - first;
	for (size_t at = first; at < size; at += sizeof(WORD))
		if (size - at < sizeof(WORD) ||
			memcmp(data + at, WORD, sizeof(WORD)))
			fail("torn where it was appended", (long)at, 0);
	return value_of(id, (unsigned)(left / sizeof(WORD)));
}

/* 0: there is none. */
static uint64_t load(uint64_t *ret_version)
{
	struct agora_buffer b = {.data = found, .capacity = ROOM};
	int result = agora_object_load(step_object(), &b);

	if (result != -ENOENT)
		check(result, "load");
	if (ret_version)
		*ret_version = result ? 0 : b.version;
	return result ? 0 : read_value(found, b.size);
}

static int store(uint64_t id)
{
	return agora_object_store(step_object(), bytes_of(id), size_of(id));
}

/* ---- operations ---- */

static void begin(const struct step_group *group)
{
	is_single = strstr(group->name, "one-") != NULL;
}

static void *open_string(
	struct agora_space *space, const char *path, uint32_t flags)
{
	struct agora_options options = {.message_size = ROOM,
		.inline_size = 984,
		.memory = 64 * 4096,
		.writers = is_single ? AGORA_WRITERS_ONE : 0,
		.clients = 8};
	struct agora_string *string;

	check(agora_string_open(space, path, flags, &options, &string), "open");
	return string;
}

static struct agora_object *object_of(void *string)
{
	return agora_string_object(string);
}

static void ready(const struct step_task *task)
{
	memcpy(value, bytes_of(task->id), size_of(task->id));
}

static int perform(void *string, const struct step_task *task)
{
	struct agora_buffer in = {.data = value,
		.size = size_of(task->id),
		.version = task->version};
	struct agora_buffer old = {.data = found, .capacity = ROOM};

	switch (task->op) {
	case STORE:
		return agora_string_store(string, value, in.size);
	case SWAP:
		return agora_string_swap(string, &in, &old);
	case COMPARE:
		return agora_string_compare(string, &in, NULL);
	case APPEND:
		return before ? agora_string_append(string, WORD, sizeof(WORD))
			      : agora_string_append(string, value, in.size);
	default:
		return agora_string_clear(string);
	}
}

/* What it makes of a value, and what it returns. */
static uint64_t after(int *ret_result)
{
	bool refused =
		!before && (step_task.op == SWAP || step_task.op == CLEAR);

	*ret_result = refused ? -ENOENT : 0;
	if (step_task.op == STEP_REPAIR)
		return before;
	if (refused || step_task.op == CLEAR)
		return 0;
	return step_task.op == APPEND && before ? before + 1
						: value_of(step_task.id, 0);
}

/* ---- states ---- */

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

/* Nothing is there, and no block is in use but for the one that says so. */
static void account(void)
{
	uint64_t last = is_single ? 0 : 1;

	check(store(id_in(SHORT, 1)), "store");
	check(store(id_in(SHORT, 1)), "store");
	check(agora_string_clear(step_survivor), "clear");
	if (step_count() || step_used() != last)
		fail("blocks leaked", (long)step_used(), (long)step_count());
}

static void warm(void)
{
	for (unsigned n = 0; n < 3; n++)
		check(store(id_in(LONG, 1 + n)), "first use");
	account();
}

static bool had_effect(void)
{
	return load(NULL) != before;
}

static void arrange(const struct step_group *group, size_t number, int eighth)
{
	const struct state *state = &states[number];
	int shape = state->shape == -1 ? group->shape : state->shape;
	struct step_task dead = {
		.op = eighth ? group->before : (int)state->dead,
		.id = id_in((enum shape)group->shape, 60)};

	if (shape >= 0)
		check(store(id_in((enum shape)shape, 10)), "fill");
	/* Others are to write from here on. */
	if (is_single)
		step_reopen();
	before = load(NULL);
	if (dead.op != NONE && eighth)
		step_strand_at(&dead, eighth);
	else if (dead.op != NONE)
		step_strand(&dead, had_effect);
	step_task.id = id_in((enum shape)group->shape, 50);
	before = load(&step_task.version);
}

/* ---- the judge ---- */

static void judge_value(uint64_t now)
{
	int result;
	uint64_t then = after(&result);

	if (now != before && now != then)
		fail("neither old nor new", (long)now, (long)then);
	if (!step_told->begun && now != before)
		fail("changed by nobody", (long)now, (long)then);
	if (step_told->done && (now != then || step_told->result != result))
		fail("not changed", (long)now, step_told->result);
}

/* variant: whether the survivor adds to the value, or replaces it. */
static void judge(int variant)
{
	uint64_t now = load(NULL), then = value_of(id_in(LONG, 70), 0);

	judge_value(now);
	if (variant && now) {
		then = now + 1;
		check(agora_string_append(step_survivor, WORD, sizeof(WORD)),
			"append");
	} else {
		check(store(id_in(LONG, 70)), "store");
	}
	if (load(NULL) != then)
		fail("what was written beside", (long)load(NULL), (long)then);
	/* Who becomes the only writer has repaired it. */
	step_repair(is_single ? 0 : 1);
	if (load(NULL) != then || step_count() != 1)
		fail("repaired away", (long)load(NULL), (long)then);
	account();
}

const struct step_kind step_kind = {.name = "string",
	.groups = groups,
	.group_count = COUNT(groups),
	.variants = 2,
	.begin = begin,
	.open = open_string,
	.object = object_of,
	.warm = warm,
	.state = state_of,
	.repaired = repaired,
	.arrange = arrange,
	.ready = ready,
	.perform = perform,
	.judge = judge};
