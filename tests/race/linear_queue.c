/*
 * linear_queue.c - queues, also with one producer and one consumer, for
 * linear.c.
 *
 * The specification: a sequence, and what one who died had taken. That is
 * delivered again before all others, or it was consumed.
 */
#include "linear.h"

#include <sys/uio.h>

enum op { PUSH, POP, TAKE, PEEK, DRAIN };

static const char *const names[] = {"push", "pop", "take", "peek", "drain"};

static struct agora_queue *queue;
static bool is_spsc;

static struct agora_object *open_queue(uint32_t flags)
{
	struct agora_options options = {.capacity = linear_capacity,
		.message_size = 8,
		.flags = AGORA_FIXED | (is_spsc ? AGORA_SPSC : 0),
		.clients = 16};

	linear_check(agora_queue_open(linear_space, "p/x.queue", flags,
			     &options, &queue),
		"open");
	return agora_queue_object(queue);
}

static struct agora_object *open_spsc(uint32_t flags)
{
	is_spsc = true;
	return open_queue(flags);
}

/* ---- operations ---- */

/* Pop by acquire and release. */
static int take(uint64_t *value)
{
	struct agora_message m;
	int result = agora_queue_acquire(queue, &m);

	if (result)
		return result;
	memcpy(value, m.data, sizeof(*value));
	return agora_queue_release(queue, &m);
}

static void perform(struct event *e)
{
	uint64_t value = 0;
	struct agora_buffer b = {.data = &value, .capacity = sizeof(value)};

	if (e->op == PUSH)
		e->result = agora_queue_push(queue, &e->arg, sizeof(e->arg));
	else if (e->op == POP)
		e->result = agora_queue_pop(queue, &b);
	else if (e->op == TAKE)
		e->result = take(&value);
	else
		e->result = agora_queue_peek(queue, &b);
	if (e->op != PUSH)
		e->out = value;
	/* Who has no role did nothing. */
	if (e->result && e->result != -EAGAIN &&
		!(is_spsc && e->result == -EBUSY))
		linear_fail("operation", (long)e->op, e->result);
}

/* What a batch of two did, as two operations of the same time. */
static int perform_batch(struct event *e)
{
	uint64_t value[2] = {0, 0};
	struct agora_buffer out[2] = {{.data = &value[0], .capacity = 8},
		{.data = &value[1], .capacity = 8}};
	struct iovec in[2] = {{&e[0].arg, 8}, {&e[1].arg, 8}};
	bool push = e->op == PUSH;
	int result = push ? agora_queue_push_batch(queue, in, 2)
			  : agora_queue_pop_batch(queue, out, 2);

	if (result < 0 && result != -EAGAIN)
		linear_fail("batch", (long)e->op, result);
	for (int i = 0; i < 2; i++) {
		e[i].result = i < result ? 0 : -EAGAIN;
		e[i].out = push ? 0 : value[i];
	}
	/* The first that found no room tells; a pop need not take all. */
	return result == 2 || (push && result == 1) ? 2 : 1;
}

/* ---- workers ---- */

static const enum op choices[] = {
	PUSH, PUSH, PUSH, POP, POP, TAKE, PEEK, PUSH, POP};

static uint64_t number_of(int self, int count)
{
	return (uint64_t)(self * OPS + count + 1);
}

/* One who may be killed takes one message at a time: judge has room for it. */
static void work(int self, int count)
{
	unsigned choice = linear_below(9);
	struct event e[2] = {
		{.op = (int)choices[choice], .arg = number_of(self, count)},
		{.op = (int)choices[choice],
			.arg = number_of(self, count + 1)}};

	if (choice > 6 && count < OPS - 2 &&
		(e->op == PUSH || !linear_may_die()))
		linear_record_several(self, e, 2, perform_batch);
	else
		linear_record(self, e[0]);
}

static void yield(int self)
{
	(void)self;
	agora_object_yield(agora_queue_object(queue));
}

static void work_spsc(int self, int count)
{
	struct event e = {.op = (int)choices[linear_below(9)],
		.arg = number_of(self, count)};

	/* What an SPSC queue has in hand still takes room. */
	if (e.op == TAKE)
		e.op = POP;
	linear_record(self, e);
	/* Roles wander. Another can have one only when we have none. */
	if (!linear_below(3))
		yield(self);
}

static void drain(struct event *e, bool last)
{
	struct event pop = {.op = POP};

	(void)last;
	e->op = DRAIN;
	for (unsigned n = 0; perform(&pop), !pop.result; n++)
		e->out |= pop.out << 8 * n;
	if (pop.result != -EAGAIN)
		linear_fail("drain", pop.result, 0);
	yield(0);
}

static bool stops(int self, const char *point)
{
	static const char *const words[] = {"queue_", "pool_", NULL};

	(void)self;
	return linear_is_of(point, words);
}

static bool stops_spsc(int self, const char *point)
{
	static const char *const words[] = {"spsc_", NULL};

	(void)self;
	return linear_is_of(point, words);
}

/* ---- the specification ---- */

static bool step_push(const struct event *e, struct sequence *s)
{
	if (e->end && e->result)
		return s->count == linear_capacity;
	return s->count < linear_capacity &&
	       sequence_insert(s, s->count, e->arg, 0);
}

static bool step_pop(const struct event *e, struct sequence *s)
{
	if (e->end && e->result)
		return !s->count;
	if (!s->count || (e->end && s->item[0] != e->out))
		return false;
	if (!e->end)
		s->limbo = s->item[0];
	if (e->op != PEEK)
		sequence_remove(s, 0);
	return true;
}

static bool step_drain(const struct event *e, const struct sequence *s)
{
	uint64_t all = 0;

	for (int i = s->count; i-- > 0;)
		all = all << 8 | s->item[i];
	return e->out == all || (s->limbo && e->out == (all << 8 | s->limbo));
}

static bool step(const struct event *e, union state *state)
{
	struct sequence *s = &state->sequence;

	if (e->end && e->result == -EBUSY)
		return true;
	switch (e->op) {
	case PUSH:
		return step_push(e, s);
	case DRAIN:
		return step_drain(e, s);
	default:
		return step_pop(e, s);
	}
}

static const struct verdict verdicts[] = {
	{true, {EVENT(PUSH, 0, 0, 1, 0, 1, 4), EVENT(POP, 0, 0, 0, 1, 2, 3)}},
	{false, {EVENT(PUSH, 0, 0, 1, 0, 3, 4), EVENT(POP, 0, 0, 0, 1, 1, 2)}},
	{false, {EVENT(PUSH, 0, 0, 1, 0, 1, 2), EVENT(PUSH, 0, 0, 2, 0, 3, 4),
			EVENT(POP, 0, 0, 0, 2, 5, 6)}},
	{false, {EVENT(PUSH, 0, 0, 1, 0, 1, 2),
			EVENT(POP, 0, -EAGAIN, 0, 0, 3, 4)}},
	{false, {EVENT(PUSH, 0, 0, 1, 0, 1, 2),
			EVENT(PUSH, 0, -EAGAIN, 2, 0, 3, 4)}},
	/* One that died may have pushed or not, and popped or not. */
	{true, {EVENT(PUSH, 0, 0, 1, 0, 1, 0), EVENT(DRAIN, 0, 0, 0, 0, 2, 3)}},
	{true, {EVENT(PUSH, 0, 0, 1, 0, 1, 0), EVENT(DRAIN, 0, 0, 0, 1, 2, 3)}},
	{true, {EVENT(PUSH, 0, 0, 1, 0, 1, 2), EVENT(PUSH, 0, 0, 2, 0, 3, 4),
		       EVENT(POP, 0, 0, 0, 0, 5, 0),
		       EVENT(DRAIN, 0, 0, 0, 0x201, 6, 7)}},
	{false, {EVENT(PUSH, 0, 0, 1, 0, 1, 2),
			EVENT(DRAIN, 0, 0, 0, 0, 6, 7)}},
};

static struct subject subject_queue = {.name = "queue",
	.path = "p/x.queue",
	.ops = names,
	.open = open_queue,
	.work = work,
	.perform = perform,
	.drain = drain,
	.step = step,
	.stops = stops,
	.verdicts = verdicts,
	.verdict_count = sizeof(verdicts) / sizeof(*verdicts)};

SUBJECT(subject_queue);

static struct subject subject_spsc = {.name = "spsc",
	.path = "p/x.queue",
	.ops = names,
	.open = open_spsc,
	.work = work_spsc,
	.finish = yield,
	.perform = perform,
	.drain = drain,
	.step = step,
	.stops = stops_spsc};

SUBJECT(subject_spsc);
