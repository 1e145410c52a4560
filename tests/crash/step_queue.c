/*
 * step_queue.c - queues, for step.c: sequence_messages alone, and packets of
 * several.
 */
#include "step_sequence.h"

#include <sys/uio.h>

enum op {
	NONE,
	PUSH,
	PUSH_BATCH,
	COMMIT, /* reserve, write, commit */
	ABORT,
	POP,
	POP_BATCH,
	RELEASE, /* acquire and release */
	RESTORE
};

/* The states that a group is for. */
enum { SINGLES = 1, PACKETS = 2, BOTH = 3 };

static const struct step_group groups[] = {
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
	{"repair-push", STEP_REPAIR, PARTS, PUSH, SINGLES},
	{"repair-pop", STEP_REPAIR, LONG, POP, SINGLES},
	{"repair-restore", STEP_REPAIR, SHORT, RESTORE, SINGLES},
	{"repair-push-batch", STEP_REPAIR, SHORT, PUSH_BATCH, PACKETS},
	{"repair-pop-batch", STEP_REPAIR, SHORT, POP_BATCH, PACKETS},
	{"repair-acquire", STEP_REPAIR, SHORT, RELEASE, PACKETS},
	{"repair-commit", STEP_REPAIR, LONG, COMMIT, SINGLES},
};

struct state {
	const char *name;
	int rotate;    /* sequence_messages pushed and popped before */
	int batch;     /* then pushed at once, ... */
	int taken;     /* ... and so many of them popped */
	int fill;      /* then pushed */
	bool returned; /* the first message was claimed and given back */
	enum op dead;
	int blocks; /* that the dead one had taken; 0: it had its effect */
};

/* So many messages later the ring, of 128 cells, begins anew behind
 * the next two; sequence_warm() has pushed 3. */
#define ROUND (128 - 3 - 2)

static const struct state states[] = {
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

#define HALF_FULL  1
#define HALF_TAKEN 11

static const char *state_of(const struct step_group *group, size_t number)
{
	const struct state *state = &states[number];

	if (number == COUNT(states))
		return NULL;
	return group->states & (state->batch ? PACKETS : SINGLES) ? state->name
								  : "";
}

static size_t repaired(const struct step_group *group)
{
	return group->states & PACKETS ? HALF_TAKEN : HALF_FULL;
}

/* ---- operations ---- */

static struct sequence_effect effect_of(int op)
{
	static const struct sequence_effect effects[] = {
		[PUSH] = {.pushes = 1},
		[PUSH_BATCH] = {.pushes = MANY},
		[COMMIT] = {.pushes = 1},
		[ABORT] = {.pushes = 0},
		[POP] = {.pops = 1, .copies = true},
		[POP_BATCH] = {.pops = SEVERAL, .copies = true},
		[RELEASE] = {.pops = 1},
		[RESTORE] = {.moves = true},
	};

	return effects[op];
}

/* In the order of their tickets, whoever had them before. */
static bool follows(
	uint64_t id, uint64_t version, uint64_t before, uint64_t version_before)
{
	(void)id;
	(void)before;
	return version > version_before;
}

const struct sequence_kind sequence_kind = {effect_of, follows};

static void *open_queue(
	struct agora_space *space, const char *path, uint32_t flags)
{
	struct agora_options options = {.capacity = CAPACITY,
		.message_size = LARGEST,
		.inline_size = 992,
		.memory = 64 * 4096,
		.clients = 8};
	struct agora_queue *queue;

	check(agora_queue_open(space, path, flags, &options, &queue), "open");
	return queue;
}

static struct agora_object *object_of(void *queue)
{
	return agora_queue_object(queue);
}

static int take(struct agora_queue *q, bool restore)
{
	struct agora_message m;
	int result = agora_queue_acquire(q, &m);

	if (result)
		return result;
	return restore ? agora_queue_restore(q, &m)
		       : agora_queue_release(q, &m);
}

/* Reserve more than it takes, write, and commit or abort. */
static int reserve(
	struct agora_queue *q, const struct iovec *message, bool commit)
{
	struct agora_reservation r;
	int result = agora_queue_reserve(q, LARGEST, &r);

	if (result)
		return result;
	result = agora_queue_write(
		q, &r, 0, message->iov_base, message->iov_len);
	r.size = message->iov_len;
	if (!result && commit)
		result = agora_queue_commit(q, &r);
	if (result || !commit)
		check(agora_queue_abort(q, &r), "abort");
	return result;
}

static int perform(void *handle, const struct step_task *task)
{
	struct agora_queue *q = handle;
	struct sequence_shared *shared = step_shared;
	struct agora_buffer out[SEVERAL];

	for (int i = 0; i < SEVERAL; i++)
		out[i] = (struct agora_buffer){
			.data = shared->buffer[i], .capacity = LARGEST};
	switch (task->op) {
	case PUSH:
		return agora_queue_push(q, sequence_messages->iov_base,
			sequence_messages->iov_len);
	case PUSH_BATCH:
		return agora_queue_push_batch(q, sequence_messages, MANY);
	case COMMIT:
	case ABORT:
		return reserve(q, sequence_messages, task->op == COMMIT);
	case POP:
		return agora_queue_pop(q, out);
	case POP_BATCH:
		return agora_queue_pop_batch(q, out, SEVERAL);
	default:
		return take(q, task->op == RESTORE);
	}
}

/* ---- states ---- */

static void push_packet(int count, int taken)
{
	struct iovec packet[CAPACITY];
	uint64_t ids[CAPACITY];

	for (int i = 0; i < count; i++) {
		ids[i] = id_in(SHORT, 10 + (unsigned)i);
		packet[i] = (struct iovec){&ids[i], size_of(ids[i])};
		sequence_must[ids[i]] = i >= taken;
	}
	if (count && agora_object_push_batch(
			     step_object(), packet, (size_t)count) != count)
		fail("push a packet", count, 0);
	for (int i = 0; i < taken; i++)
		if (sequence_pop(NULL) != (long)ids[i])
			fail("take", i, 0);
}

static void build(const struct step_group *group, const struct state *state)
{
	struct agora_message m;

	for (int i = 0; i < state->rotate; i++)
		if (sequence_push(1) || sequence_pop(NULL) != 1)
			fail("rotate", i, 0);
	push_packet(state->batch, state->taken);
	sequence_fill(state->fill, group->shape);
	if (state->returned) {
		check(agora_object_acquire(step_object(), &m), "acquire");
		check(agora_object_restore(step_object(), &m), "restore");
	}
}

static uint64_t used_until;

static bool blocks_are_taken(void)
{
	return step_used() >= used_until;
}

/* One who died when it had its effect, or had opened a part of a packet. */
static void strand(const struct state *state, const struct step_task *dead)
{
	int pops = effect_of(dead->op).pops;

	if (state->blocks) {
		used_until = step_used() + (uint64_t)state->blocks;
		step_strand(dead, blocks_are_taken);
		return;
	}
	sequence_strand(dead, 0);
	/* What is popped from a packet is taken, once and for all. */
	for (int i = 0; i < pops && state->batch && dead->op != RELEASE; i++)
		sequence_must[sequence_list[i]] = 0;
}

static void arrange(const struct step_group *group, size_t number, int eighth)
{
	const struct state *state = &states[number];
	struct step_task dead = {
		.op = eighth ? group->before : (int)state->dead,
		.id = id_in((enum shape)group->shape, 60)};

	sequence_begin();
	build(group, state);
	if (eighth)
		sequence_strand(&dead, eighth);
	else if (state->dead)
		strand(state, &dead);
	step_task.id = id_in((enum shape)group->shape, 50);
	sequence_note(state->returned);
}

const struct step_kind step_kind = {.name = "queue",
	.groups = groups,
	.group_count = COUNT(groups),
	.shared_size = sizeof(struct sequence_shared),
	.variants = 1,
	.open = open_queue,
	.object = object_of,
	.warm = sequence_warm,
	.state = state_of,
	.repaired = repaired,
	.arrange = arrange,
	.ready = sequence_ready,
	.perform = perform,
	.judge = sequence_judge};
