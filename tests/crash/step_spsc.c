/*
 * step_spsc.c - kill clients of an SPSC queue behind every instruction.
 *
 *   step_spsc [--stride N] [--phase N] GROUP      as step.c
 *   step_spsc --list
 *
 * As step.c, with which it shares step.h: a victim is led through its
 * operation, at each instruction the segment is copied to a twin whose locks
 * (and roles) the victim never had, and there the survivor judges. One victim
 * of each state is killed for real.
 *
 * A victim does its operation twice: the first time it takes the role, the
 * second time it goes the plain way. Messages are numbers in a row, and what
 * became of each is written down in a story that the victim shares.
 */
#include "step_spsc.h"

#include <getopt.h>

struct group {
	const char *name;
	bool fixed;
	enum op op;
	enum op before; /* REPAIR: what the dead one was about */
};

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

static const struct group groups[] = {
	{"fixed-push", true, PUSH, NONE},
	{"fixed-pop", true, POP, NONE},
	{"fixed-push-batch", true, PUSH_BATCH, NONE},
	{"fixed-pop-batch", true, POP_BATCH, NONE},
	{"fixed-commit", true, COMMIT, NONE},
	{"fixed-release", true, IN_ORDER, NONE},
	{"fixed-release-any-order", true, OUT_OF_ORDER, NONE},
	{"fixed-restore", true, RESTORE, NONE},
	{"fixed-yield", true, YIELD, NONE},
	{"push", false, PUSH, NONE},
	{"pop", false, POP, NONE},
	{"push-batch", false, PUSH_BATCH, NONE},
	{"pop-batch", false, POP_BATCH, NONE},
	{"commit", false, COMMIT, NONE},
	{"abort", false, ABORT, NONE},
	{"release", false, IN_ORDER, NONE},
	{"release-any-order", false, OUT_OF_ORDER, NONE},
	{"restore", false, RESTORE, NONE},
	{"yield", false, YIELD, NONE},
	{"repair-push", false, REPAIR, PUSH_BATCH},
	{"repair-commit", false, REPAIR, COMMIT},
	{"repair-pop", false, REPAIR, POP_BATCH},
	{"repair-release", false, REPAIR, OUT_OF_ORDER},
	{"repair-restore", true, REPAIR, RESTORE},
	{"repair-yield", true, REPAIR, YIELD},
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

#define HALF_FULL    1
#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* ---- states ---- */

/* The state under test. */
static struct {
	const struct group *group;
	char *image;
	struct story story;
} scene;

/* Bytes, or messages, from the tail to the end of the ring. */
static uint64_t left(void)
{
	uint64_t cursor, size = fixed ? CAPACITY : RING;

	check(agora_queue_end(survivor, &cursor), "end");
	return size - cursor % size;
}

static void rotate(void)
{
	push(survivor);
	pop_some(survivor, 1);
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
	for (int i = 0; i < state->fill && push(survivor); i++)
		;
	check(agora_object_yield(agora_queue_object(survivor)), "yield");
}

/* Somebody does this and dies, with what it has in hand. */
static void strand(enum op op)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		struct agora_queue *q = attach(&first);

		perform(q, op);
		raise(SIGKILL);
	}
	check(waitpid(pid, &status, 0), "waitpid");
	if (!WIFSIGNALED(status))
		fail("who was to die before", status, 0);
}

/* Somebody is killed after that part of its instructions. */
static void strand_at(enum op op, int eighth)
{
	char *image = file_save(&first.file);
	struct story before = *story;
	pid_t pid = start(op);
	long steps = 0;

	while (victim_step(pid, 1))
		steps++;
	file_restore(&first.file, image);
	munmap(image, first.file.size);
	*story = before;
	pid = start(op);
	if (!victim_step(pid, steps * eighth / 8 - 20))
		fail("it came to its end", steps, eighth);
	victim_kill(pid);
}

/* eighth: where the dead one was killed, or 0: see strand(). */
static void arrange(
	const struct group *group, const struct state *state, int eighth)
{
	struct agora_queue *second;

	scene.group = group;
	snprintf(step_doing, sizeof(step_doing), "%s, %s, %d", group->name,
		state->name, eighth);
	memset(story, 0, sizeof(*story));
	file_restore(&first.file, first.blank);
	survivor = attach(&first);
	second = attach(&first);
	build(state);
	if (eighth)
		strand_at(group->before, eighth);
	else if (state->dead)
		strand(state->dead);
	scene.image = file_save(&first.file);
	scene.story = *story;
	agora_queue_close(second);
	agora_queue_close(survivor);
}

/* ---- judges ---- */

static int pop_one(void)
{
	unsigned char bytes[LARGEST];
	struct agora_buffer b = {.data = bytes, .capacity = LARGEST};
	int result = agora_queue_pop(survivor, &b);

	return result ? result : read_number(bytes, b.size);
}

/* Nothing is damaged, though the dead may have left something. */
static void look_out(struct agora_check *report, int repair)
{
	int result = agora_object_check(
		agora_queue_object(survivor), repair, report);

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
	result = agora_queue_push(survivor, bytes, fill(OURS, bytes));
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
static void judge(bool repaired)
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
	agora_queue_close(survivor);
}

static void judge_twin(bool repaired)
{
	file_restore(&twin.file, twin.blank);
	survivor = attach(&twin);
	file_copy(&twin.file, &first.file);
	judge(repaired);
}

/* ---- killing ---- */

struct pace {
	long stride, phase, deaths;
};

static pid_t prepare(void)
{
	pid_t pid;

	file_restore(&first.file, first.blank);
	survivor = attach(&first);
	pid = start(scene.group->op);
	file_restore(&first.file, scene.image);
	*story = scene.story;
	return pid;
}

static void kill_all(struct pace *pace)
{
	pid_t pid = prepare();
	struct agora_queue *idle = survivor;
	long steps = pace->phase;
	bool alive = victim_step(pid, steps);
	size_t length = strlen(step_doing);

	for (;;) {
		snprintf(step_doing + length, sizeof(step_doing) - length,
			", at instruction %ld", steps);
		judge_twin(false);
		judge_twin(true);
		if (!alive)
			break;
		pace->deaths++;
		alive = victim_step(pid, pace->stride);
		steps += pace->stride;
	}
	agora_queue_close(idle);
	pid = prepare();
	steps = pace->phase * 97 % (steps + 1);
	snprintf(step_doing + length, sizeof(step_doing) - length,
		", killed at instruction %ld", steps);
	if (victim_step(pid, steps)) {
		victim_kill(pid);
		pace->deaths++;
	}
	judge(steps % 2);
	munmap(scene.image, first.file.size);
}

static void run(const struct group *group, struct pace *pace)
{
	int sample = pace->stride > 1 ? (int)(pace->phase % 3) : 0;

	fixed = group->fixed;
	make_space();
	for (size_t i = 0; i < COUNT(states) && group->op != REPAIR; i++) {
		arrange(group, &states[i], 0);
		kill_all(pace);
	}
	/* A sample of instructions goes with a sample of states. */
	for (int at = 1 + sample; at <= 8 && group->op == REPAIR; at++) {
		arrange(group, &states[HALF_FULL], at);
		kill_all(pace);
		at += pace->stride > 1 ? 2 : 0;
	}
}

static int run_named(const char *name, struct pace *pace)
{
	for (size_t i = 0; i < COUNT(groups); i++) {
		if (strcmp(groups[i].name, name))
			continue;
		run(&groups[i], pace);
		printf("%ld deaths\n", pace->deaths);
		return 0;
	}
	return 2;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"stride", required_argument, NULL, 's'},
		{"phase", required_argument, NULL, 'p'},
		{"list", no_argument, NULL, 'l'}, {NULL, 0, NULL, 0}};
	struct pace pace = {1, 0, 0};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option == 's')
			pace.stride = atol(optarg);
		else if (option == 'p')
			pace.phase = atol(optarg);
		else if (option == 'l')
			for (size_t i = 0; i < COUNT(groups); i++)
				puts(groups[i].name);
		else
			return 2;
	}
	if (pace.stride < 1 || pace.phase < 0)
		return 2;
	return optind + 1 == argc ? run_named(argv[optind], &pace)
				  : optind != argc;
}
