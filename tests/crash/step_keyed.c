/* step_keyed.c - the judge of structures with keys: see step_keyed.h. */
#include "step_keyed.h"

struct keyed_key keyed_keys[KEYS + MORE];
int keyed_more;
bool keyed_repairs;

static uint64_t values[KEYS]; /* of each key; 0: none */

/* ---- states ---- */

int keyed_put(int key, uint64_t id)
{
	const struct keyed_key *k = &keyed_keys[key];

	return agora_object_put(step_object(), k->bytes, k->size, bytes_of(id),
		keyed_kind.members ? 0 : size_of(id));
}

int keyed_delete(int key)
{
	const struct keyed_key *k = &keyed_keys[key];

	return agora_object_delete(step_object(), k->bytes, k->size);
}

uint64_t keyed_get(int key, uint64_t *ret_version)
{
	static unsigned char data[LARGEST];
	const struct keyed_key *k = &keyed_keys[key];
	struct agora_buffer b = {.data = data, .capacity = LARGEST};
	int result = agora_object_get(step_object(), k->bytes, k->size, &b);

	if (result != -ENOENT)
		check(result, "get");
	if (ret_version)
		*ret_version = result ? 0 : b.version;
	if (result)
		return 0;
	return keyed_kind.members ? 1 : id_of(data, b.size);
}

/* What is to be found where an id was put. */
static uint64_t value_of(uint64_t id)
{
	return keyed_kind.members ? id != 0 : id;
}

void keyed_fill(bool present, int shape)
{
	for (int i = 0; i < keyed_more; i++)
		check(keyed_put(KEYS + i, id_in(SHORT, 30)), "fill");
	for (int i = 0; i < KEYS - 1; i++)
		if (i != 2 || present)
			check(keyed_put(i, id_in((enum shape)shape,
						   10 + (unsigned)i)),
				"fill");
}

static uint64_t before;
static int key_of_dead;

static bool had_effect(void)
{
	return keyed_get(key_of_dead, NULL) != before;
}

void keyed_strand(const struct step_task *dead, int eighth)
{
	key_of_dead = dead->key;
	before = keyed_get(dead->key, NULL);
	if (eighth)
		step_strand_at(dead, eighth);
	else
		step_strand(dead, had_effect);
}

void keyed_note(void)
{
	for (int i = 0; i < KEYS; i++)
		values[i] = keyed_get(i, i == 2 ? &step_task.version : NULL);
}

/* ---- judges ---- */

/* The value that key 2 has once the victim's operation took place. */
static uint64_t value_after(void)
{
	if (step_task.op == STEP_REPAIR)
		return values[2];
	return value_of(keyed_kind.after(&step_task, values[2]));
}

static int result_after(void)
{
	if (step_task.op == STEP_REPAIR || !keyed_kind.result)
		return 0;
	return keyed_kind.result(&step_task, values[2]);
}

static void judge_key(uint64_t now)
{
	uint64_t after = value_after();

	if (now != values[2] && now != after)
		fail("neither old nor new", (long)now, (long)after);
	if (!step_told->begun && now != values[2])
		fail("changed by nobody", (long)now, (long)after);
	if (step_told->done &&
		(now != after || step_told->result != result_after()))
		fail("not changed", (long)now, step_told->result);
}

static uint64_t count_walked(void)
{
	unsigned char bytes[512];
	struct agora_buffer k = {
		.data = bytes, .capacity = sizeof(bytes), .size = SIZE_MAX};
	uint64_t count = 0;

	while (!agora_object_next(step_object(), &k, NULL))
		count++;
	return count;
}

/* Every key has its value, and a walk meets each key once. */
static void look_through(const uint64_t *value, bool repaired)
{
	uint64_t there = (uint64_t)keyed_more, met;

	for (int i = 0; i < KEYS; i++) {
		uint64_t now = keyed_get(i, NULL);

		if (now != value_of(value[i]))
			fail("value of a key", i, (long)now);
		there += value[i] != 0;
	}
	met = count_walked();
	if (met != there || (repaired && step_count() != there))
		fail("keys", (long)met, (long)there);
}

static void empty(const uint64_t *value)
{
	for (int i = 0; i < KEYS + keyed_more; i++)
		if ((i >= KEYS || value[i]) && keyed_delete(i))
			fail("delete", i, 0);
	step_account();
}

/* variant: whether the survivor writes the very key of the dead one. */
void keyed_judge(int variant)
{
	uint64_t value[KEYS];

	memcpy(value, values, sizeof(value));
	value[2] = keyed_get(2, NULL);
	judge_key(value[2]);
	look_through(value, false);
	if (variant) {
		value[2] = id_in(PARTS, 70);
		check(keyed_put(2, value[2]), "put");
	}
	if (keyed_delete(0))
		fail("delete", 0, 0);
	value[0] = 0;
	value[4] = id_in(LONG, 71);
	check(keyed_put(4, value[4]), "put");
	look_through(value, false);
	step_repair(keyed_repairs ? 0 : 1);
	look_through(value, true);
	empty(value);
}
