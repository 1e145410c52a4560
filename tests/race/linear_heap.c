/*
 * linear_heap.c - strict heaps, for linear.c.
 *
 * The specification: messages sorted by priority (key), those that are equal
 * in the order in which they were pushed; and what one who died had taken.
 * That goes back to its place, the first of its equals, or it was consumed.
 */
#include "linear.h"

enum op { PUSH, POP, TAKE, PEEK, DRAIN };

static const char *const names[] = {"push", "pop", "take", "peek", "drain"};

static struct agora_heap *heap;

static struct agora_object *open_heap(uint32_t flags)
{
	struct agora_options options = {.capacity = linear_capacity,
		.message_size = 8,
		.flags = AGORA_FIXED,
		.clients = 16};

	linear_check(agora_heap_open(
			     linear_space, "p/x.heap", flags, &options, &heap),
		"open");
	return agora_heap_object(heap);
}

/* ---- operations ---- */

/* Pop by acquire and release. */
static int take(struct agora_buffer *b)
{
	struct agora_message m;
	int result = agora_heap_acquire(heap, &m);

	if (result)
		return result;
	memcpy(b->data, m.data, 8);
	b->priority = m.priority;
	return agora_heap_release(heap, &m);
}

static void perform(struct event *e)
{
	uint64_t value = 0;
	struct agora_buffer b = {.data = &value, .capacity = sizeof(value)};

	if (e->op == PUSH)
		e->result = agora_heap_push(
			heap, (uint64_t)e->key, &e->arg, sizeof(e->arg));
	else if (e->op == POP)
		e->result = agora_heap_pop(heap, &b);
	else if (e->op == TAKE)
		e->result = take(&b);
	else
		e->result = agora_heap_peek(heap, &b);
	if (e->op != PUSH) {
		e->out = value;
		e->key = (int)b.priority;
	}
	if (e->result && e->result != -EAGAIN)
		linear_fail("operation", (long)e->op, e->result);
}

/* What a batch of two did, as two operations of the same time. */
static int perform_batch(struct event *e)
{
	uint64_t value[2] = {0, 0};
	struct agora_buffer out[2] = {{.data = &value[0], .capacity = 8},
		{.data = &value[1], .capacity = 8}};
	struct agora_heap_item in[2] = {{(uint64_t)e[0].key, &e[0].arg, 8},
		{(uint64_t)e[1].key, &e[1].arg, 8}};
	bool push = e->op == PUSH;
	int result = push ? agora_heap_push_batch(heap, in, 2)
			  : agora_heap_pop_batch(heap, out, 2);

	if (result < 0 && result != -EAGAIN)
		linear_fail("operation", (long)e->op, result);
	for (int i = 0; i < 2; i++) {
		e[i].result = i < result ? 0 : -EAGAIN;
		if (push)
			continue;
		e[i].out = value[i];
		e[i].key = (int)out[i].priority;
	}
	/* The first that found no room tells; a pop need not take all. */
	return result == 2 || (push && result == 1) ? 2 : 1;
}

/* ---- workers ---- */

static const enum op choices[] = {
	PUSH, PUSH, PUSH, POP, POP, TAKE, PEEK, PUSH, POP};

static struct event make(int self, int count, unsigned choice)
{
	return (struct event){.op = (int)choices[choice],
		.key = (int)linear_below(3),
		.arg = (uint64_t)(self * OPS + count + 1)};
}

/* One who may be killed takes one message at a time: judge has room for it. */
static void work(int self, int count)
{
	unsigned choice = linear_below(9);
	struct event e[2] = {
		make(self, count, choice), make(self, count + 1, choice)};

	if (choice > 6 && count < OPS - 2 &&
		(e->op == PUSH || !linear_may_die()))
		linear_record_several(self, e, 2, perform_batch);
	else
		linear_record(self, e[0]);
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
}

static bool stops(int self, const char *point)
{
	static const char *const words[] = {"heap_", "pool_", NULL};

	(void)self;
	return linear_is_of(point, words);
}

/* ---- the specification ---- */

static bool step_push(const struct event *e, struct sequence *s)
{
	int at = s->count;

	if (e->end && e->result)
		return s->count == linear_capacity;
	while (at && s->rank[at - 1] > e->key)
		at--;
	return s->count < linear_capacity &&
	       sequence_insert(s, at, e->arg, e->key);
}

static bool step_pop(const struct event *e, struct sequence *s)
{
	if (e->end && e->result)
		return !s->count;
	if (!s->count ||
		(e->end && (s->item[0] != e->out || s->rank[0] != e->key)))
		return false;
	if (!e->end) {
		s->limbo = s->item[0];
		s->limbo_rank = s->rank[0];
	}
	if (e->op != PEEK)
		sequence_remove(s, 0);
	return true;
}

static uint64_t all_of(const struct sequence *s)
{
	uint64_t all = 0;

	for (int i = s->count; i-- > 0;)
		all = all << 8 | s->item[i];
	return all;
}

static bool step_drain(const struct event *e, const struct sequence *s)
{
	struct sequence more = *s;
	int at = 0;

	if (e->out == all_of(s))
		return true;
	while (at < s->count && s->rank[at] < s->limbo_rank)
		at++;
	return s->limbo &&
	       sequence_insert(&more, at, s->limbo, s->limbo_rank) &&
	       e->out == all_of(&more);
}

static bool step(const struct event *e, union state *state)
{
	struct sequence *s = &state->sequence;

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
	{true, {EVENT(PUSH, 1, 0, 1, 0, 1, 4), EVENT(POP, 1, 0, 0, 1, 2, 3)}},
	{false, {EVENT(PUSH, 0, 0, 1, 0, 3, 4), EVENT(POP, 0, 0, 0, 1, 1, 2)}},
	/* The smaller one comes first, of equals the older one. */
	{true, {EVENT(PUSH, 2, 0, 1, 0, 1, 2), EVENT(PUSH, 1, 0, 2, 0, 3, 4),
		       EVENT(POP, 1, 0, 0, 2, 5, 6)}},
	{false, {EVENT(PUSH, 2, 0, 1, 0, 1, 2), EVENT(PUSH, 1, 0, 2, 0, 3, 4),
			EVENT(POP, 2, 0, 0, 1, 5, 6)}},
	{false, {EVENT(PUSH, 1, 0, 1, 0, 1, 2), EVENT(PUSH, 1, 0, 2, 0, 3, 4),
			EVENT(POP, 1, 0, 0, 2, 5, 6)}},
	{true, {EVENT(PUSH, 1, 0, 1, 0, 1, 4), EVENT(PUSH, 1, 0, 2, 0, 2, 3),
		       EVENT(POP, 1, 0, 0, 2, 5, 6)}},
	{false, {EVENT(PUSH, 0, 0, 1, 0, 1, 2),
			EVENT(POP, 0, -EAGAIN, 0, 0, 3, 4)}},
	{false, {EVENT(PUSH, 0, 0, 1, 0, 1, 2),
			EVENT(PUSH, 0, -EAGAIN, 2, 0, 3, 4)}},
	/* One that died may have pushed or not, and popped or not. */
	{true, {EVENT(PUSH, 0, 0, 1, 0, 1, 0), EVENT(DRAIN, 0, 0, 0, 0, 2, 3)}},
	{true, {EVENT(PUSH, 0, 0, 1, 0, 1, 0), EVENT(DRAIN, 0, 0, 0, 1, 2, 3)}},
	{true, {EVENT(PUSH, 1, 0, 1, 0, 1, 2), EVENT(POP, 0, 0, 0, 0, 3, 0),
		       EVENT(PUSH, 0, 0, 2, 0, 5, 6),
		       EVENT(PUSH, 1, 0, 3, 0, 7, 8),
		       EVENT(DRAIN, 0, 0, 0, 0x30102, 9, 10)}},
	{false, {EVENT(PUSH, 1, 0, 1, 0, 1, 2), EVENT(POP, 0, 0, 0, 0, 3, 0),
			EVENT(PUSH, 1, 0, 3, 0, 7, 8),
			EVENT(DRAIN, 0, 0, 0, 0x103, 9, 10)}},
};

static struct subject subject_heap = {.name = "heap",
	.path = "p/x.heap",
	.ops = names,
	.open = open_heap,
	.work = work,
	.perform = perform,
	.drain = drain,
	.step = step,
	.stops = stops,
	.verdicts = verdicts,
	.verdict_count = sizeof(verdicts) / sizeof(*verdicts)};

SUBJECT(subject_heap);
