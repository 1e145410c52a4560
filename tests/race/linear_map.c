/*
 * linear_map.c - ordered maps and sets, for linear.c.
 *
 * The specification: the value of each of a few keys, 0 for none; members of
 * a set have 1. What comes before or behind a key depends on all of them, so
 * there is one history for all.
 */
#include "linear.h"

enum op { PUT, GET, DELETE, NEXT, PREVIOUS, DRAIN };

static const char *const names[] = {
	"put", "get", "delete", "next", "previous", "drain"};

#define KEYS 4

/* e->key of who asks for the first or the last. */
#define OUTSIDE KEYS

static struct agora_map *map;
static struct agora_set *set;
static bool is_set;

static struct agora_object *open_map(uint32_t flags)
{
	struct agora_options options = {.capacity = 64,
		.message_size = 8,
		.key_size = 8,
		.clients = 16};

	linear_check(
		agora_map_open(linear_space, "p/x.map", flags, &options, &map),
		"open");
	return agora_map_object(map);
}

static struct agora_object *open_set(uint32_t flags)
{
	struct agora_options options = {
		.capacity = 64, .key_size = 8, .clients = 16};

	is_set = true;
	linear_check(
		agora_set_open(linear_space, "p/x.set", flags, &options, &set),
		"open");
	return agora_set_object(set);
}

/* ---- operations ---- */

static struct agora_object *object(void)
{
	return is_set ? agora_set_object(set) : agora_map_object(map);
}

static int put(const char *key, struct event *e)
{
	int result;

	if (!is_set)
		return agora_map_put(map, key, 1, &e->arg, 8);
	result = agora_set_add(set, key, 1);
	if (result < 0)
		return result;
	e->out = (uint64_t)result;
	return 0;
}

static int step_beside(
	bool back, struct agora_buffer *key, struct agora_buffer *value)
{
	if (is_set)
		return back ? agora_set_previous(set, key)
			    : agora_set_next(set, key);
	return back ? agora_map_previous(map, key, value)
		    : agora_map_next(map, key, value);
}

/* more[0]: the key that was found. */
static int beside(struct event *e, bool back)
{
	char bytes[8] = {(char)('a' + e->key)};
	struct agora_buffer key = {.data = bytes,
		.capacity = 8,
		.size = e->key == OUTSIDE ? SIZE_MAX : 1};
	struct agora_buffer value = {.data = &e->out, .capacity = 8};
	int result = step_beside(back, &key, &value);

	if (result)
		return result;
	e->more[0] = (uint64_t)(bytes[0] - 'a');
	if (is_set)
		e->out = 1;
	return key.size == 1 ? 0 : -EINVAL;
}

/* more: the value of each key. */
static void empty(struct event *e)
{
	for (int key = 0; key < KEYS; key++) {
		char bytes = (char)('a' + key);
		struct agora_buffer b = {.data = &e->more[key], .capacity = 8};
		int result = agora_object_get(object(), &bytes, 1, &b);

		if (is_set)
			e->more[key] = !result;
		if (!result)
			result = agora_object_delete(object(), &bytes, 1);
		if (result != -ENOENT)
			linear_check(result, "drain");
	}
}

static void perform(struct event *e)
{
	char key = (char)('a' + e->key);
	struct agora_buffer b = {.data = &e->out, .capacity = 8};

	switch (e->op) {
	case PUT:
		e->result = put(&key, e);
		break;
	case GET:
		e->result = agora_object_get(object(), &key, 1, &b);
		if (is_set)
			e->out = !e->result;
		break;
	case DELETE:
		e->result = agora_object_delete(object(), &key, 1);
		break;
	case NEXT:
		e->result = beside(e, false);
		break;
	case PREVIOUS:
		e->result = beside(e, true);
		break;
	default:
		empty(e);
	}
	if (e->result && e->result != -ENOENT)
		linear_fail("operation", (long)e->op, e->result);
}

static void work(int self, int count)
{
	static const enum op ops[] = {
		PUT, PUT, PUT, GET, DELETE, DELETE, NEXT, PREVIOUS};
	struct event e = {.op = (int)ops[linear_below(8)],
		.arg = is_set ? 1 : (uint64_t)(self * OPS + count + 1)};
	bool looks = e.op == NEXT || e.op == PREVIOUS;

	e.key = (int)linear_below(looks ? KEYS + 1 : KEYS);
	linear_record(self, e);
}

static void drain(struct event *e, bool last)
{
	(void)last;
	e->op = DRAIN;
	perform(e);
}

static bool stops(int self, const char *point)
{
	static const char *const words[] = {"chain_", "map_", "pool_", NULL};

	(void)self;
	return linear_is_of(point, words);
}

/* ---- the specification ---- */

static bool step_beside_is(const struct event *e, const uint64_t *value)
{
	int by = e->op == NEXT ? 1 : -1;
	int key = e->key == OUTSIDE ? by > 0 ? 0 : KEYS - 1 : e->key + by;

	while (key >= 0 && key < KEYS && !value[key])
		key += by;
	if (key < 0 || key >= KEYS)
		return e->result != 0;
	return !e->result && e->more[0] == (uint64_t)key &&
	       e->out == value[key];
}

static bool step_put(const struct event *e, uint64_t *value)
{
	uint64_t before = *value;

	*value = e->arg;
	/* A set tells whether it was new. */
	return !e->end || !is_set || e->out == !before;
}

static bool step(const struct event *e, union state *state)
{
	uint64_t *value = state->word;

	switch (e->op) {
	case PUT:
		return step_put(e, &value[e->key]);
	case GET:
		return !e->end || (e->result ? 0 : e->out) == value[e->key];
	case DELETE:
		if (e->end && !e->result != (value[e->key] != 0))
			return false;
		value[e->key] = 0;
		return true;
	case DRAIN:
		if (memcmp(value, e->more, sizeof(e->more)))
			return false;
		memset(value, 0, sizeof(e->more));
		return true;
	default:
		return !e->end || step_beside_is(e, value);
	}
}

static const struct verdict verdicts[] = {
	{true, {EVENT(PUT, 1, 0, 4, 0, 1, 5),
		       EVENT(NEXT, 0, -ENOENT, 0, 0, 2, 3),
		       EVENT(GET, 1, 0, 0, 4, 4, 6)}},
	{false, {EVENT(PUT, 1, 0, 4, 0, 1, 2), EVENT(PUT, 1, 0, 8, 0, 3, 6),
			EVENT(NEXT, 0, -ENOENT, 0, 0, 4, 5)}},
	{false, {EVENT(PUT, 1, 0, 4, 0, 1, 2), EVENT(PUT, 2, 0, 8, 0, 3, 6),
			EVENT(PREVIOUS, 1, 0, 0, 4, 4, 5)}},
	{false, {EVENT(PUT, 1, 0, 4, 0, 1, 2),
			EVENT(DELETE, 1, -ENOENT, 0, 0, 3, 4)}},
};

static struct subject subject_map = {.name = "map",
	.path = "p/x.map",
	.ops = names,
	.open = open_map,
	.work = work,
	.perform = perform,
	.drain = drain,
	.step = step,
	.stops = stops,
	.verdicts = verdicts,
	.verdict_count = sizeof(verdicts) / sizeof(*verdicts)};

SUBJECT(subject_map);

static struct subject subject_set = {.name = "set",
	.path = "p/x.set",
	.ops = names,
	.open = open_set,
	.work = work,
	.perform = perform,
	.drain = drain,
	.step = step,
	.stops = stops};

SUBJECT(subject_set);
