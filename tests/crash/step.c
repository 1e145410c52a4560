/*
 * step.c - kill clients behind every single instruction of what they do.
 *
 *   step [--stride N] [--phase N] [--real] GROUP
 *               every N-th instruction, from the phase-th on
 *   step --list the groups, one on each line
 *
 * A group is an operation in one shape; it is tried in each state that a
 * queue or a table can be in. A victim is led through it, one instruction at
 * a time. What kill -9 leaves there is the memory as it is and no lock. So
 * the segment is copied at each instruction to a twin whose locks the victim
 * never had: there another client works on it, only then the dead one is
 * recovered, and everything is looked through. In each state one victim is
 * killed for real, at an instruction of the phase's choice, and judged in the
 * same way; with --real all are, which takes hours.
 *
 * Some states hold what another client left that died in the middle of its
 * own operation.
 *
 * Clients: 1 is the survivor, 2 the victim, 3 died before. Who is attached
 * stands in the state as it is saved, so 1 and 2 attach to a blank object
 * first, and the state is put under them.
 */
#include "step_state.h"

#include <getopt.h>

/* ---- judges ---- */

static void repair(void)
{
	struct agora_check report;
	int result = agora_object_check(survivor.object, 1, &report);

	/* Who becomes the only writer has done it. */
	if (result || (report.repaired < 1 && !is_single))
		fail("repair", result, (long)report.repaired);
}

static void account(void)
{
	struct agora_check report;
	int result = agora_object_check(survivor.object, 0, &report);

	if (result || report.free != report.blocks)
		fail("blocks leaked", (long)report.free, (long)report.blocks);
}

/* How often the victim's messages must come out: 0, 1, or 2: perhaps once. */
static void judge_push(unsigned char *must, uint64_t room)
{
	int count = scene.task.op == PUSH_BATCH ? MANY : 1, done = 0;

	if (told->done && scene.task.op == PUSH_BATCH) {
		done = told->result;
		if (done != (room < MANY ? (int)room : MANY) &&
			!(done == -EAGAIN && !room))
			fail("pushed", done, (long)room);
	} else if (told->done) {
		done = !told->result;
	}
	for (int i = 0; i < count; i++)
		must[batch_id(scene.task.id, (unsigned)i)] = told->done
								     ? i < done
							     : told->begun ? 2
									   : 0;
}

/* A part of a batch is its beginning. */
static void judge_batch(const unsigned char *out)
{
	const uint64_t *list = scene.list;

	for (unsigned i = 1; scene.task.op == PUSH_BATCH && i < MANY; i++)
		if (out[batch_id(scene.task.id, i)] >
			out[batch_id(scene.task.id, i - 1)])
			fail("pushed without the one before", i, 0);
	for (unsigned i = 1; scene.task.op == POP_BATCH && i < SEVERAL; i++)
		if (list[i] && out[list[i]] < out[list[i - 1]])
			fail("taken without the one before", i, 0);
}

/* Messages leave the queue in their order, whoever had them before. */
static void drain(unsigned char *out)
{
	uint64_t ticket = 0, last = 0;
	long id;

	while ((id = pop(&ticket)) >= 0) {
		out[id]++;
		if (ticket <= last)
			fail("order", (long)ticket, (long)last);
		last = ticket;
	}
	if (id != -EAGAIN)
		fail("drain", id, 0);
}

/* The survivor works while the dead one is not recovered: full is full and
 * empty is empty, to the message, but for those that wait to be returned. */
static void work_on_queue(unsigned char *out, unsigned char *must)
{
	uint64_t count = count_messages();
	bool exact = scene.task.op != RESTORE && scene.task.op != REPAIR &&
		     !scene.state->returned;
	int pushed = push(90);
	long popped = pop(NULL);

	if (popped >= 0)
		out[popped]++;
	must[90] = !pushed;
	if (pushed && (pushed != -EAGAIN || popped < 0))
		fail("no progress", pushed, popped);
	if (exact && !pushed != (count < CAPACITY))
		fail("full is not exact", pushed, (long)count);
	if (popped < 0 && (popped != -EAGAIN || count))
		fail("empty is not exact", popped, (long)count);
}

static void judge_pop(unsigned char *out, unsigned char *must)
{
	int most = scene.task.op == POP_BATCH ? SEVERAL : 1;
	int got = told->result;

	if (scene.task.op != POP_BATCH && !got)
		got = 1;
	for (int i = 0; i < most && !told->done && told->begun; i++)
		must[scene.list[i]] = 2;
	if (!told->done)
		return;
	if (scene.list[0] ? got < 1 || got > most : got != -EAGAIN)
		fail("pop", got, (long)scene.list[0]);
	for (int i = 0; i < got; i++) {
		uint64_t id = scene.list[i];

		out[id]++;
		if (scene.task.op != RELEASE &&
			id_of(told->buffer[i], size_of(id)) != id)
			fail("another message", (long)id, 0);
	}
}

static void judge_queue(void)
{
	unsigned char out[IDS] = {0}, must[IDS];

	memcpy(must, scene.must, IDS);
	if (scene.task.op <= COMMIT)
		judge_push(must, scene.room);
	else if (scene.task.op == POP || scene.task.op == POP_BATCH ||
		 scene.task.op == RELEASE)
		judge_pop(out, must);
	work_on_queue(out, must);
	repair();
	drain(out);
	for (long id = 1; id < IDS; id++)
		if (must[id] == 2 ? out[id] > 1 : out[id] != must[id])
			fail("lost or repeated", id, out[id]);
	judge_batch(out);
	account();
}

/* The value that key 2 has once the victim's operation took place. */
static uint64_t value_after(void)
{
	switch (scene.task.op) {
	case PUT:
	case COMPARE:
		return scene.task.id;
	case ADD:
		return scene.value[2] + 7;
	case DELETE:
		return 0;
	default:
		return scene.value[2];
	}
}

static void judge_key(uint64_t now)
{
	uint64_t after = value_after();
	int result = scene.task.op == DELETE && !scene.value[2] ? -ENOENT : 0;

	if (now != scene.value[2] && now != after)
		fail("neither old nor new", (long)now, (long)after);
	if (!told->begun && now != scene.value[2])
		fail("changed by nobody", (long)now, (long)after);
	if (told->done && (now != after || told->result != result))
		fail("not changed", (long)now, told->result);
}

/* Every key has its value, and a walk meets each key once. */
static void look_through(const uint64_t *value, bool repaired)
{
	uint64_t key, there = is_single ? OTHERS : 0, met = 0;
	struct agora_buffer k = {
		.data = &key, .capacity = 512, .size = SIZE_MAX};

	for (int i = 0; i < KEYS; i++) {
		if (get(i, NULL) != value[i])
			fail("value of a key", i, (long)get(i, NULL));
		there += value[i] != 0;
	}
	while (!agora_table_next(survivor.table, &k, NULL))
		met++;
	if (met != there || (repaired && count_messages() != there))
		fail("keys", (long)met, (long)there);
}

static void judge_table(bool rewrite)
{
	uint64_t value[KEYS];

	memcpy(value, scene.value, sizeof(value));
	value[2] = get(2, NULL);
	judge_key(value[2]);
	look_through(value, false);
	if (rewrite) {
		value[2] = id_in(PARTS, 70);
		check(put(2, value[2]), "put");
	}
	if (agora_table_delete(survivor.table, &keys[0], 8))
		fail("delete", 0, 0);
	value[0] = 0;
	value[4] = id_in(LONG, 71);
	check(put(4, value[4]), "put");
	look_through(value, false);
	repair();
	look_through(value, true);
	for (int i = 0; i < KEYS + (is_single ? OTHERS : 0); i++)
		if ((i >= KEYS || value[i]) &&
			agora_table_delete(survivor.table, &keys[i], 8))
			fail("delete", i, 0);
	account();
}

/* ---- killing ---- */

static void judge(bool rewrite)
{
	if (is_table)
		judge_table(rewrite);
	else
		judge_queue();
	agora_object_close(survivor.object);
}

/* Judge what the victim would leave if it were killed where it stands. */
static void judge_twin(bool rewrite)
{
	file_restore(&twin.file, twin.blank);
	survivor = attach(&twin, 0);
	file_copy(&twin.file, &first.file);
	judge(rewrite);
}

/* Put the state under the survivor and a victim that is ready. */
static pid_t prepare(void)
{
	pid_t pid;

	file_restore(&first.file, first.blank);
	survivor = attach(&first, 0);
	pid = start(&scene.task);
	file_restore(&first.file, scene.image);
	return pid;
}

/* Returns false when the victim came to its end before. */
static bool kill_at(long steps)
{
	pid_t pid = prepare();
	bool alive = victim_step(pid, steps);

	if (alive)
		victim_kill(pid);
	judge(steps % 2);
	return alive;
}

struct pace {
	long stride, phase, deaths;
	bool real;
};

static char doing[150];

static void say(const char *how, long steps)
{
	snprintf(step_doing, sizeof(step_doing), "%s, %s instruction %ld",
		doing, how, steps);
}

/* Returns how many instructions the operation has, more or less. */
static long judge_all(struct pace *pace)
{
	pid_t pid = prepare();
	struct client idle = survivor;
	bool alive = victim_step(pid, pace->phase);
	long steps = pace->phase;

	for (;;) {
		say("at", steps);
		judge_twin(false);
		if (is_table)
			judge_twin(true);
		if (!alive)
			break;
		pace->deaths++;
		alive = victim_step(pid, pace->stride);
		steps += pace->stride;
	}
	agora_object_close(idle.object);
	return steps;
}

static void kill_all(struct pace *pace)
{
	long steps = pace->phase;

	memcpy(doing, step_doing, sizeof(doing) - 1);
	if (!pace->real) {
		steps = pace->phase * 97 % judge_all(pace);
		say("killed at", steps);
		pace->deaths += kill_at(steps);
	}
	for (bool alive = pace->real; alive; steps += pace->stride) {
		say("killed at", steps);
		alive = kill_at(steps);
		pace->deaths += alive;
	}
	munmap(scene.image, first.file.size);
}

/* Commit all the memory that will be needed, and leave an empty object. */
static void make_blank(void)
{
	make_place(&first, "first");
	make_place(&twin, "twin");
	find_keys();
	survivor = attach(&first, 0);
	for (unsigned n = 0; n < 3; n++)
		if (is_table ? put(0, id_in(n, 1)) ||
					agora_table_delete(
						survivor.table, &keys[0], 8)
			     : push(id_in(n, 1)) || pop(NULL) < 0)
			fail("first use", n, 0);
	account();
	agora_object_close(survivor.object);
	first.blank = file_save(&first.file);
	file_copy(&twin.file, &first.file);
	twin.blank = file_save(&twin.file);
}

static enum kind kind_of(const struct state *state)
{
	return state->batch ? PACKETS : SINGLES;
}

static void run(const struct group *group, struct pace *pace)
{
	enum op op = group->op == REPAIR ? group->before : group->op;
	int sample = pace->stride > 1 ? (int)(pace->phase % 3) : 0;
	const struct state *states, *repaired;
	size_t count;

	is_table = op >= PUT;
	is_single = strstr(group->name, "one-") != NULL;
	states = is_table ? table_states : queue_states;
	count = is_table ? COUNT(table_states) : COUNT(queue_states);
	repaired = &states[1];
	make_blank();
	for (size_t i = 0; i < count && group->op != REPAIR; i++) {
		if (!(group->kind & kind_of(&states[i])))
			continue;
		arrange(group, &states[i], AT_EFFECT);
		kill_all(pace);
	}
	if (group->kind & PACKETS)
		repaired = &queue_states[HALF_TAKEN];
	/* A sample of instructions goes with a sample of states. */
	for (int at = EIGHTH + sample; at < 8 && group->op == REPAIR; at++) {
		arrange(group, repaired, at);
		kill_all(pace);
		at += pace->stride > 1 ? 2 : 0;
	}
}

/* ---- main ---- */

static int run_named(const char *name, struct pace *pace)
{
	for (size_t i = 0; i < COUNT(groups); i++) {
		if (strcmp(groups[i].name, name))
			continue;
		make_space();
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
		{"real", no_argument, NULL, 'r'},
		{"list", no_argument, NULL, 'l'}, {NULL, 0, NULL, 0}};
	struct pace pace = {1, 0, 0, false};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option == 's')
			pace.stride = atol(optarg);
		else if (option == 'p')
			pace.phase = atol(optarg);
		else if (option == 'r')
			pace.real = true;
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
