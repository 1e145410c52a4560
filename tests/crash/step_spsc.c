/*
 * step_spsc.c - SPSC queues, for step.c.
 *
 * A victim does its operation twice: the first time it takes the role, the
 * second time it goes the plain way. Messages are numbers in a row, and what
 * became of each is written down in a story that the victim shares.
 */
#include "step_spsc.h"

enum { ANY_SIZE, FIXED };

enum place {
	HERE,   /* wherever that is */
	PAD,    /* the next message does not fit before the end of the ring */
	WRAPPED /* the messages lie around it */
};

struct state {
	const char *name;
	int rotate;
	enum place place;
	int fill; /* messages then pushed, until it is full */
	enum op dead;
};

static const struct step_group groups[] = {
	{"fixed-push", PUSH, FIXED, NONE, 0},
	{"fixed-pop", POP, FIXED, NONE, 0},
	{"fixed-push-batch", PUSH_BATCH, FIXED, NONE, 0},
	{"fixed-pop-batch", POP_BATCH, FIXED, NONE, 0},
	{"fixed-commit", COMMIT, FIXED, NONE, 0},
	{"fixed-release", IN_ORDER, FIXED, NONE, 0},
	{"fixed-release-any-order", OUT_OF_ORDER, FIXED, NONE, 0},
	{"fixed-restore", RESTORE, FIXED, NONE, 0},
	{"fixed-yield", YIELD, FIXED, NONE, 0},
	{"push", PUSH, ANY_SIZE, NONE, 0},
	{"pop", POP, ANY_SIZE, NONE, 0},
	{"push-batch", PUSH_BATCH, ANY_SIZE, NONE, 0},
	{"pop-batch", POP_BATCH, ANY_SIZE, NONE, 0},
	{"commit", COMMIT, ANY_SIZE, NONE, 0},
	{"abort", ABORT, ANY_SIZE, NONE, 0},
	{"release", IN_ORDER, ANY_SIZE, NONE, 0},
	{"release-any-order", OUT_OF_ORDER, ANY_SIZE, NONE, 0},
	{"restore", RESTORE, ANY_SIZE, NONE, 0},
	{"yield", YIELD, ANY_SIZE, NONE, 0},
	{"repair-push", STEP_REPAIR, ANY_SIZE, PUSH_BATCH, 0},
	{"repair-commit", STEP_REPAIR, ANY_SIZE, COMMIT, 0},
	{"repair-pop", STEP_REPAIR, ANY_SIZE, POP_BATCH, 0},
	{"repair-release", STEP_REPAIR, ANY_SIZE, OUT_OF_ORDER, 0},
	{"repair-restore", STEP_REPAIR, FIXED, RESTORE, 0},
	{"repair-yield", STEP_REPAIR, FIXED, YIELD, 0},
};

static const struct state states[] = {
	{"empty", 0, HERE, 0, NONE},
	{"half full", 1, HERE, 4, NONE},
	{"full", 0, HERE, CAPACITY, NONE},
	{"pad at the end", 0, PAD, 0, NONE},
	{"wrapped", 0, WRAPPED, 4, NONE},
	{"wrapped and full", 0, WRAPPED, CAPACITY, NONE},
	{"messages in the hands of the dead", 3, WRAPPED, 6, HOLDING},
	{"full, in the hands of the dead", 0, HERE, CAPACITY, HOLDING},
	{"reserved by the dead", 2, HERE, 3, RESERVED},
	{"reserved by the dead behind a pad", 0, PAD, 0, RESERVED},
};

#define HALF_FULL 1

static const char *state_of(const struct step_group *group, size_t number)
{
	(void)group;
	return number == COUNT(states) ? NULL : states[number].name;
}

static size_t repaired(const struct step_group *group)
{
	(void)group;
	return HALF_FULL;
}

static void begin(const struct step_group *group)
{
	fixed = group->shape == FIXED;
	story = step_shared;
}

static void *open_queue(
	struct agora_space *space, const char *path, uint32_t flags)
{
	struct agora_options options = {.capacity = CAPACITY,
		.message_size = fixed ? 24 : LARGEST,
		.flags = AGORA_SPSC | (fixed ? AGORA_FIXED : 0),
		.memory = fixed ? 0 : RING,
		.clients = 8};
	struct agora_queue *queue;

	check(agora_queue_open(space, path, flags, &options, &queue), "open");
	return queue;
}

static struct agora_object *object_of(void *queue)
{
	return agora_queue_object(queue);
}

static int perform(void *handle, const struct step_task *task)
{
	perform_once(handle, (enum op)task->op);
	return 0;
}

/* ---- states ---- */

/* Bytes, or messages, from the tail to the end of the ring. */
static uint64_t left(void)
{
	uint64_t cursor, size = fixed ? CAPACITY : RING;

	check(agora_queue_end(step_survivor, &cursor), "end");
	return size - cursor % size;
}

static void rotate(void)
{
	push(step_survivor);
	pop_some(step_survivor, 1);
}

static void build(const struct state *state)
{
	for (int i = 0; i < state->rotate; i++)
		rotate();
	while (state->place == PAD &&
		left() >= (fixed ? 2 : 8 + size_of(story->pushed)))
		rotate();
	while (state->place == WRAPPED && left() > (fixed ? 2 : 256))
		rotate();
	for (int i = 0; i < state->fill && push(step_survivor); i++)
		;
	check(agora_object_yield(step_object()), "yield");
}

static void arrange(const struct step_group *group, size_t number, int eighth)
{
	const struct state *state = &states[number];
	struct step_task dead = {
		.op = eighth ? group->before : (int)state->dead};

	build(state);
	if (eighth)
		step_strand_at(&dead, eighth);
	else if (state->dead)
		step_strand_after(&dead);
}

/* ---- judges ---- */

static int pop_one(void)
{
	unsigned char bytes[LARGEST];
	struct agora_buffer b = {.data = bytes, .capacity = LARGEST};
	int result = agora_queue_pop(step_survivor, &b);

	return result ? result : read_number(bytes, b.size);
}

/* Nothing is damaged, though the dead may have left something. */
static void look_out(struct agora_check *report, int repair)
{
	int result = agora_object_check(step_object(), repair, report);

	if ((result && (repair || result != -EUCLEAN)) || report->damaged)
		fail("check", result, (long)report->damaged);
}

/* The survivor takes both roles before anybody is recovered, or after. */
static bool work(void)
{
	unsigned char bytes[LARGEST];
	struct agora_check report;
	int result;

	look_out(&report, 0);
	result = agora_queue_push(step_survivor, bytes, fill(OURS, bytes));
	if (result && (result != -EAGAIN || report.free > 4))
		fail("no progress", result, (long)report.free);
	/* With messages of one size only the count is the limit. */
	if (fixed && !result && !report.free)
		fail("full is not exact", result, (long)report.free);
	return !result;
}

/* Take all that is there, in order and once. */
static void drain(bool ours)
{
	int last = -1, number;

	while ((number = pop_one()) >= 0) {
		if (number <= last || story->taken[number])
			fail("out of order, or again", number, last);
		if (number == OURS ? !ours : number >= story->pushing)
			fail("pushed by nobody", number, story->pushing);
		story->taken[number] = 1;
		last = number;
	}
	if (number != -EAGAIN)
		fail("drain", number, 0);
	if (story->taken[OURS] != ours)
		fail("the survivor's message", ours, 0);
}

static void judge_story(const struct story *before)
{
	bool began = true; /* what may be taken was taken up to here */

	for (int i = 0; i < OURS; i++) {
		bool maybe = i >= before->maybe[0] && i < before->maybe[1];

		if (i > before->pushed && story->taken[i] &&
			!story->taken[i - 1])
			fail("not the first of a batch", i, before->pushed);
		if (i >= before->pushed || before->taken[i])
			continue;
		if (!maybe && !story->taken[i])
			fail("lost", i, before->pushed);
		if (maybe && !began && !story->taken[i])
			fail("a later one was taken", i, 0);
		began = began && (!maybe || !story->taken[i]);
	}
}

/* repaired: the dead are recovered first, and roles taken then. */
static void judge(int repaired)
{
	struct story before = *story;
	struct agora_check report;
	bool ours;

	if (repaired)
		look_out(&report, 1);
	ours = work();
	drain(ours);
	look_out(&report, 1);
	look_out(&report, 0);
	if (report.free != report.blocks || report.unreachable)
		fail("something is left", (long)report.free,
			(long)report.unreachable);
	judge_story(&before);
	*story = before;
}

const struct step_kind step_kind = {.name = "queue",
	.groups = groups,
	.group_count = COUNT(groups),
	.shared_size = sizeof(struct story),
	.variants = 2,
	.twice = true,
	.begin = begin,
	.open = open_queue,
	.object = object_of,
	.state = state_of,
	.repaired = repaired,
	.arrange = arrange,
	.perform = perform,
	.judge = judge};
