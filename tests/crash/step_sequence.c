/* step_sequence.c - the judge of what has push and pop: see step_sequence.h. */
#include "step_sequence.h"

#define OURS 90 /* the id of the survivor's message */

uint64_t sequence_list[CAPACITY];
unsigned char sequence_must[IDS];

static uint64_t room; /* for so many messages */
static bool exact;    /* full and empty are so, to the message */

/* ---- states ---- */

int sequence_push(uint64_t id)
{
	return agora_object_push(step_object(), bytes_of(id), size_of(id));
}

long sequence_pop(uint64_t *ret_version)
{
	static unsigned char data[LARGEST];
	struct agora_buffer b = {.data = data, .capacity = LARGEST};
	int result = agora_object_pop(step_object(), &b);

	if (ret_version)
		*ret_version = b.version;
	return result ? result : (long)id_of(data, b.size);
}

uint64_t batch_id(uint64_t from, unsigned number)
{
	return number % 3 ? id_in(SHORT, from % 1000 + number) : from + number;
}

struct iovec sequence_messages[MANY];

void sequence_ready(const struct step_task *task)
{
	static unsigned char data[MANY][LARGEST];

	for (unsigned i = 0; i < MANY; i++) {
		uint64_t id = batch_id(task->id, i);

		sequence_messages[i] = (struct iovec){data[i], size_of(id)};
		memcpy(data[i], bytes_of(id), size_of(id));
	}
}

void sequence_warm(void)
{
	for (unsigned n = 0; n < 3; n++)
		if (sequence_push(id_in(n, 1)) || sequence_pop(NULL) < 0)
			fail("first use", n, 0);
	step_account();
}

void sequence_restore_first(void)
{
	struct agora_message m;

	check(agora_object_acquire(step_object(), &m), "acquire");
	check(agora_object_restore(step_object(), &m), "restore");
}

void sequence_begin(void)
{
	memset(sequence_must, 0, sizeof(sequence_must));
	step_task.id = 0;
}

void sequence_fill(int count, int shape)
{
	for (unsigned i = 0; i < (unsigned)count; i++) {
		uint64_t id = id_in(((unsigned)shape + i) % 3, 20 + i);

		check(sequence_push(id), "fill");
		sequence_must[id] = 1;
	}
}

void sequence_look(void)
{
	static unsigned char data[LARGEST];
	struct agora_buffer b = {.data = data, .capacity = LARGEST};
	struct agora_snapshot *snapshot;

	memset(sequence_list, 0, sizeof(sequence_list));
	check(agora_object_snapshot(step_object(), &snapshot), "snapshot");
	for (int i = 0; i < CAPACITY; i++) {
		if (agora_snapshot_next(snapshot, &b))
			break;
		sequence_list[i] = id_of(data, b.size);
	}
	agora_snapshot_close(snapshot);
}

static uint64_t count_before;

static bool had_effect(void)
{
	return step_count() != count_before;
}

void sequence_strand(const struct step_task *dead, int eighth)
{
	struct sequence_effect effect = sequence_kind.effect(dead->op);

	sequence_look();
	count_before = step_count();
	if (eighth)
		step_strand_at(dead, eighth);
	else
		step_strand(dead, had_effect);
	for (int i = 0; i < effect.pushes; i++)
		sequence_must[batch_id(dead->id, (unsigned)i)] = eighth ? 2 : 1;
	for (int i = 0; i < effect.pops && eighth; i++)
		sequence_must[sequence_list[i]] = 2;
}

void sequence_note(uint64_t returned)
{
	sequence_look();
	/* What is returned has no place in the order. */
	room = CAPACITY - step_count() + returned;
	exact = !returned && step_task.op != STEP_REPAIR &&
		!sequence_kind.effect(step_task.op).moves;
}

/* ---- judges ---- */

/* How often the victim's messages must come out. */
static void judge_push(unsigned char *must, int pushes)
{
	uint64_t fit = room < (uint64_t)pushes ? room : (uint64_t)pushes;
	int result = step_told->result, done = 0;

	if (step_told->done && pushes > 1) {
		done = result;
		if (done != (int)fit && !(done == -EAGAIN && !room))
			fail("pushed", done, (long)room);
	} else if (step_told->done) {
		done = !result;
		if (result && result != -EAGAIN)
			fail("push", result, (long)room);
	}
	for (int i = 0; i < pushes; i++)
		must[batch_id(step_task.id, (unsigned)i)] =
			step_told->done    ? i < done
			: step_told->begun ? 2
					   : 0;
}

static void judge_pop(
	unsigned char *out, unsigned char *must, struct sequence_effect effect)
{
	const struct sequence_shared *shared = step_shared;
	int got = step_told->result;

	if (effect.pops == 1 && !got)
		got = 1;
	for (int i = 0; i < effect.pops; i++)
		if (!step_told->done && step_told->begun)
			must[sequence_list[i]] = 2;
	if (!step_told->done)
		return;
	if (sequence_list[0] ? got < 1 || got > effect.pops : got != -EAGAIN)
		fail("pop", got, (long)sequence_list[0]);
	for (int i = 0; i < got; i++) {
		uint64_t id = sequence_list[i];

		out[id]++;
		if (effect.copies &&
			id_of(shared->buffer[i], size_of(id)) != id)
			fail("another message", (long)id, 0);
	}
}

/* A part of a batch is its beginning. */
static void judge_batch(const unsigned char *out, struct sequence_effect effect)
{
	const uint64_t *list = sequence_list;

	for (unsigned i = 1; i < (unsigned)effect.pushes; i++)
		if (out[batch_id(step_task.id, i)] >
			out[batch_id(step_task.id, i - 1)])
			fail("pushed without the one before", i, 0);
	for (int i = 1; i < effect.pops; i++)
		if (list[i] && out[list[i]] < out[list[i - 1]])
			fail("taken without the one before", i, 0);
}

/* The survivor works while the dead one is not recovered: full is full and
 * empty is empty, to the message, but for those that wait to be returned. */
static void work(unsigned char *out, unsigned char *must)
{
	uint64_t count = step_count();
	int pushed = sequence_push(OURS);
	long popped = sequence_pop(NULL);

	if (popped >= 0)
		out[popped]++;
	must[OURS] = !pushed;
	if (pushed && (pushed != -EAGAIN || popped < 0))
		fail("no progress", pushed, popped);
	if (exact && !pushed != (count < CAPACITY))
		fail("full is not exact", pushed, (long)count);
	if (popped < 0 && (popped != -EAGAIN || count))
		fail("empty is not exact", popped, (long)count);
}

/* Messages leave in their order, whoever had them before. */
static void drain(unsigned char *out)
{
	uint64_t version = 0, before = 0, version_before = 0;
	long id;

	while ((id = sequence_pop(&version)) >= 0) {
		out[id]++;
		if (sequence_kind.follows &&
			!sequence_kind.follows(
				(uint64_t)id, version, before, version_before))
			fail("order", id, (long)before);
		before = (uint64_t)id;
		version_before = version;
	}
	if (id != -EAGAIN)
		fail("drain", id, 0);
}

void sequence_judge(int variant)
{
	static const struct sequence_effect nothing;
	unsigned char out[IDS] = {0}, must[IDS];
	struct sequence_effect effect =
		step_task.op == STEP_REPAIR
			? nothing
			: sequence_kind.effect(step_task.op);

	(void)variant;
	memcpy(must, sequence_must, IDS);
	if (effect.pushes)
		judge_push(must, effect.pushes);
	if (effect.pops)
		judge_pop(out, must, effect);
	work(out, must);
	step_repair(1);
	drain(out);
	for (long id = 1; id < IDS; id++)
		if (must[id] == 2 ? out[id] > 1 : out[id] != must[id])
			fail("lost or repeated", id, out[id]);
	judge_batch(out, effect);
	step_account();
}
