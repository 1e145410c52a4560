/*
 * step_state.h - the groups of step.c, and the states that they are tried in.
 */
#ifndef TESTS_CRASH_STEP_STATE_H
#define TESTS_CRASH_STEP_STATE_H

#include "step_client.h"

/* Where the one that died before was killed. */
enum { AT_EFFECT = 0, EIGHTH = 1 /* to 7: that part of its instructions */ };

/* The states that a group is for. */
enum kind { SINGLES = 1, PACKETS = 2, BOTH = 3 };

/* Of a table with one writer where the name says "one-". */
struct group {
	const char *name;
	enum op op;
	enum shape shape;
	enum op before; /* REPAIR: what the dead one was about */
	enum kind kind;
};

struct state {
	const char *name;
	int rotate;    /* messages pushed and popped before */
	int batch;     /* then pushed at once, ... */
	int taken;     /* ... and so many of them popped */
	int fill;      /* then pushed; of a table: key 2 is there */
	bool returned; /* the first message was claimed and given back */
	enum op dead;
	int blocks; /* that the dead one had taken; 0: it had its effect */
	int key;    /* of the dead one's operation */
};

/* So many messages later the ring, of 128 cells, begins anew behind the next
 * two; make_blank() has pushed 3. */
#define ROUND (128 - 3 - 2)

static const struct group groups[] = {
	{"push-short", PUSH, SHORT, NONE, SINGLES},
	{"push-parts", PUSH, PARTS, NONE, SINGLES},
	{"push-long", PUSH, LONG, NONE, SINGLES},
	{"pop-short", POP, SHORT, NONE, SINGLES},
	{"pop-parts", POP, PARTS, NONE, SINGLES},
	{"pop-long", POP, LONG, NONE, SINGLES},
	{"release-short", RELEASE, SHORT, NONE, SINGLES},
	{"release-long", RELEASE, LONG, NONE, SINGLES},
	{"restore", RESTORE, SHORT, NONE, SINGLES},
	{"push-batch", PUSH_BATCH, SHORT, NONE, BOTH},
	{"push-mixed-batch", PUSH_BATCH, LONG, NONE, SINGLES},
	{"push-behind-packet", PUSH, SHORT, NONE, PACKETS},
	{"commit-short", COMMIT, SHORT, NONE, SINGLES},
	{"commit-long", COMMIT, LONG, NONE, SINGLES},
	{"abort", ABORT, LONG, NONE, SINGLES},
	{"pop-batch", POP_BATCH, SHORT, NONE, BOTH},
	{"pop-packet", POP, SHORT, NONE, PACKETS},
	{"acquire-packet", RELEASE, SHORT, NONE, PACKETS},
	{"restore-packet", RESTORE, SHORT, NONE, PACKETS},
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
	{"repair-push", REPAIR, PARTS, PUSH, SINGLES},
	{"repair-pop", REPAIR, LONG, POP, SINGLES},
	{"repair-restore", REPAIR, SHORT, RESTORE, SINGLES},
	{"repair-push-batch", REPAIR, SHORT, PUSH_BATCH, PACKETS},
	{"repair-pop-batch", REPAIR, SHORT, POP_BATCH, PACKETS},
	{"repair-acquire", REPAIR, SHORT, RELEASE, PACKETS},
	{"repair-commit", REPAIR, LONG, COMMIT, SINGLES},
	{"repair-put", REPAIR, PARTS, PUT, SINGLES},
	{"repair-delete", REPAIR, LONG, DELETE, SINGLES},
	{"repair-one-put", REPAIR, PARTS, PUT, SINGLES},
	{"repair-one-delete", REPAIR, LONG, DELETE, SINGLES},
};

static const struct state queue_states[] = {
	{.name = "empty"},
	{.name = "half full", .fill = 4},
	{.name = "full", .fill = CAPACITY},
	{.name = "wrapped", .rotate = ROUND, .fill = 5},
	{.name = "wrapped and full", .rotate = ROUND - 5, .fill = CAPACITY},
	{.name = "tail behind", .rotate = 3, .fill = 3, .dead = PUSH},
	{.name = "tail behind, full", .fill = CAPACITY - 1, .dead = PUSH},
	{.name = "head behind", .rotate = 3, .fill = 3, .dead = POP},
	{.name = "head behind, full", .fill = CAPACITY, .dead = POP},
	{.name = "returned", .rotate = 3, .fill = 3, .returned = true},
	{.name = "a packet", .batch = 6},
	{.name = "half taken", .batch = 6, .taken = 3},
	{.name = "one left", .batch = 6, .taken = 5},
	{.name = "packet and full", .batch = CAPACITY},
	{.name = "half taken and full",
		.rotate = ROUND,
		.batch = CAPACITY,
		.taken = 3,
		.fill = 3},
	{.name = "wrapped packet",
		.rotate = ROUND,
		.batch = 6,
		.taken = 1,
		.fill = 1},
	{.name = "tail behind packet",
		.rotate = ROUND,
		.batch = 2,
		.taken = 1,
		.dead = PUSH_BATCH},
	{.name = "head behind packet",
		.rotate = ROUND,
		.batch = 4,
		.fill = 3,
		.dead = POP_BATCH},
	{.name = "half taken by the dead", .batch = 6, .dead = POP},
	{.name = "opened", .batch = 6, .dead = RELEASE, .blocks = 1},
	{.name = "half opened",
		.batch = 6,
		.fill = 2,
		.dead = RELEASE,
		.blocks = 4},
	{.name = "half taken and half opened",
		.rotate = ROUND,
		.batch = 7,
		.taken = 2,
		.dead = RELEASE,
		.blocks = 4},
	{.name = "claimed where it was opened", .batch = 5, .dead = RELEASE},
	{.name = "opened and returned", .batch = 6, .returned = true},
};

#define HALF_TAKEN 11

static const struct state table_states[] = {
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

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* ---- states ---- */

/* The state under test, and what may and must come of it. */
static struct {
	const struct group *group;
	const struct state *state;
	struct task task;
	char *image;
	uint64_t list[CAPACITY]; /* what is to be popped, in order; 0: none */
	uint64_t room;           /* for so many messages */
	unsigned char must[IDS]; /* come out exactly once */
	uint64_t value[KEYS];    /* of each key; 0: none */
} scene;

static uint64_t count_messages(void)
{
	struct agora_stat stat;

	check(agora_object_stat(survivor.object, &stat), "stat");
	return stat.count;
}

/* What others can see of the object: changes with an operation's effect. */
static uint64_t look(int key)
{
	return is_table ? get(key, NULL) : count_messages();
}

static uint64_t count_used(void)
{
	struct agora_check report;

	check(agora_object_check(survivor.object, 0, &report), "check");
	return report.blocks - report.free;
}

/* How many instructions a task has; the object is as before afterwards. */
static long count_steps(const struct task *task)
{
	char *image = file_save(&first.file);
	pid_t pid = start(task);
	long steps = 0;

	while (victim_step(pid, 1))
		steps++;
	file_restore(&first.file, image);
	munmap(image, first.file.size);
	return steps;
}

/* Kill a client in the middle of its operation, and leave it there. */
static void strand(const struct task *task, int at)
{
	long steps = at == AT_EFFECT ? 0 : count_steps(task) * at / 8;
	pid_t pid = start(task);
	uint64_t before = look(task->key);

	while (at == AT_EFFECT && look(task->key) == before)
		if (!victim_step(pid, 1))
			fail("no effect", task->op, 0);
	victim_step(pid, steps);
	victim_kill(pid);
}

/* Kill a client that has taken so many blocks. */
static void strand_with_blocks(const struct task *task, uint64_t blocks)
{
	pid_t pid = start(task);
	uint64_t before = count_used();

	while (count_used() < before + blocks)
		if (!victim_step(pid, 1))
			fail("blocks were not taken", task->op, 0);
	victim_kill(pid);
}

static uint64_t fill_id(int i)
{
	return id_in((scene.group->shape + (unsigned)i) % 3, 20 + (unsigned)i);
}

static void push_packet(int count, int taken)
{
	struct iovec messages[CAPACITY];
	uint64_t ids[CAPACITY];

	for (int i = 0; i < count; i++) {
		ids[i] = id_in(SHORT, 10 + (unsigned)i);
		messages[i] = (struct iovec){&ids[i], size_of(ids[i])};
		scene.must[ids[i]] = i >= taken;
	}
	if (count && agora_queue_push_batch(
			     survivor.queue, messages, (size_t)count) != count)
		fail("push a packet", count, 0);
	for (int i = 0; i < taken; i++)
		if (pop(NULL) != (long)ids[i])
			fail("take", i, 0);
}

static void fill_queue(const struct state *state)
{
	struct agora_message m;

	for (int i = 0; i < state->rotate; i++)
		if (push(1) || pop(NULL) != 1)
			fail("rotate", i, 0);
	push_packet(state->batch, state->taken);
	for (int i = 0; i < state->fill; i++) {
		check(push(fill_id(i)), "fill");
		scene.must[fill_id(i)] = 1;
	}
	if (state->returned) {
		check(agora_queue_acquire(survivor.queue, &m), "acquire");
		check(agora_queue_restore(survivor.queue, &m), "restore");
	}
}

static void fill_table(const struct state *state)
{
	enum shape shape =
		scene.group->op == ADD ? SHORT : (scene.group->shape + 1) % 3;

	for (int i = 0; is_single && i < OTHERS; i++)
		check(put(KEYS + i, id_in(SHORT, 30)), "fill");
	for (int i = 0; i < KEYS - 1; i++)
		if (i != 2 || state->fill)
			check(put(i, id_in(shape, 10 + (unsigned)i)), "fill");
	if (!is_single)
		return;
	/* Others are to write from here on. */
	agora_object_close(survivor.object);
	survivor = attach(&first, 0);
}

/* What is to be popped, without popping it. */
static void list_messages(void)
{
	static unsigned char data[LARGEST];
	struct agora_buffer b = {.data = data, .capacity = LARGEST};
	uint64_t cursor = 0;

	memset(scene.list, 0, sizeof(scene.list));
	for (int i = 0; i < CAPACITY; i++) {
		if (agora_queue_walk(survivor.queue, &cursor, &b))
			return;
		scene.list[i] = id_of(data, b.size);
	}
}

/* What became of the messages of one that died in the middle, or after. */
static void note_dead(const struct task *dead, int at)
{
	bool pushes = dead->op <= COMMIT;
	int count = dead->op == PUSH_BATCH  ? MANY
		    : dead->op == POP_BATCH ? SEVERAL
					    : 1;

	for (int i = 0; i < count; i++) {
		uint64_t id = pushes ? batch_id(dead->id, (unsigned)i)
				     : scene.list[i];

		if (at != AT_EFFECT)
			scene.must[id] = 2;
		else if (pushes)
			scene.must[id] = 1;
		else if (dead->op != RELEASE && scene.state->batch)
			scene.must[id] = 0; /* taken, once and for all */
	}
}

static void note_state(void)
{
	scene.task.id = id_in(scene.group->shape, 50);
	scene.task.op = scene.group->op;
	scene.task.key = 2;
	if (!is_table) {
		list_messages();
		/* What is returned has no place in the ring. */
		scene.room =
			CAPACITY - count_messages() + scene.state->returned;
		return;
	}
	for (int i = 0; i < KEYS; i++)
		scene.value[i] = get(i, i == 2 ? &scene.task.version : NULL);
}

static void strand_one(const struct task *dead, int at)
{
	if (!is_table)
		list_messages();
	if (at == AT_EFFECT && scene.state->blocks) {
		strand_with_blocks(dead, (uint64_t)scene.state->blocks);
		return;
	}
	strand(dead, at);
	if (!is_table)
		note_dead(dead, at);
}

/* Build a state and save it. at: where who died before was killed. */
static void arrange(
	const struct group *group, const struct state *state, int at)
{
	struct task dead = {.op = at == AT_EFFECT ? state->dead : group->before,
		.id = id_in(group->op == ADD ? SHORT : group->shape, 60),
		.key = at == AT_EFFECT ? state->key : 2};
	struct client second;

	memset(&scene, 0, sizeof(scene));
	scene.group = group;
	scene.state = state;
	snprintf(step_doing, sizeof(step_doing), "%s, %s, %d", group->name,
		state->name, at);
	file_restore(&first.file, first.blank);
	survivor = attach(&first, 0);
	second = attach(&first, 0);
	if (is_table)
		fill_table(state);
	else
		fill_queue(state);
	if (dead.op != NONE)
		strand_one(&dead, at);
	note_state();
	scene.image = file_save(&first.file);
	agora_object_close(second.object);
	agora_object_close(survivor.object);
}

#endif
