/*
 * linear_stack.c - stacks, for linear.c.
 *
 * The specification: a sequence whose last item is the top, and what one who
 * died had taken. That comes back on top, or it was consumed.
 */
#include "linear.h"

enum op { PUSH, POP, TAKE, BACK, PEEK, LOOK, DRAIN };

static const char *const names[] = {
	"push", "pop", "take", "put back", "peek", "look", "drain"};

static struct agora_stack *stack;

static struct agora_object *open_stack(uint32_t flags)
{
	struct agora_options options = {
		.capacity = linear_capacity, .message_size = 8, .clients = 16};

	linear_check(agora_stack_open(linear_space, "p/x.stack", flags,
			     &options, &stack),
		"open");
	return agora_stack_object(stack);
}

/* ---- operations ---- */

/* Pop by acquire and release. */
static int take(uint64_t *value)
{
	struct agora_message m;
	int result = agora_stack_acquire(stack, &m);

	if (result)
		return result;
	memcpy(value, m.data, sizeof(*value));
	return agora_stack_release(stack, &m);
}

/* All there is, the top in the lowest byte. */
static int look(uint64_t *all)
{
	struct agora_snapshot *snapshot;
	uint64_t value;
	struct agora_buffer b = {.data = &value, .capacity = sizeof(value)};
	int result =
		agora_object_snapshot(agora_stack_object(stack), &snapshot);

	if (result)
		return result;
	for (int n = 0; !(result = agora_snapshot_next(snapshot, &b)); n++)
		*all |= value << 8 * n;
	agora_snapshot_close(snapshot);
	return result == -EAGAIN ? 0 : result;
}

static void perform(struct event *e)
{
	uint64_t value = 0;
	struct agora_buffer b = {.data = &value, .capacity = sizeof(value)};

	if (e->op == PUSH)
		e->result = agora_stack_push(stack, &e->arg, sizeof(e->arg));
	else if (e->op == POP)
		e->result = agora_stack_pop(stack, &b);
	else if (e->op == TAKE)
		e->result = take(&value);
	else if (e->op == LOOK)
		e->result = look(&value);
	else
		e->result = agora_stack_peek(stack, &b);
	if (e->op != PUSH)
		e->out = value;
	if (e->result && e->result != -EAGAIN)
		linear_fail("operation", (long)e->op, e->result);
}

/* Acquire and restore: two operations, one after the other. */
static int perform_restore(struct event *e)
{
	struct agora_message m;

	e[0].result = agora_stack_acquire(stack, &m);
	if (e[0].result == -EAGAIN)
		return 1;
	linear_check(e[0].result, "acquire");
	memcpy(&e[0].out, m.data, sizeof(e[0].out));
	e[1].op = BACK;
	e[1].arg = e[0].out;
	linear_check(agora_stack_restore(stack, &m), "restore");
	return 2;
}

static void work(int self, int count)
{
	static const enum op choices[] = {
		PUSH, PUSH, PUSH, PUSH, POP, POP, POP, TAKE, PEEK, LOOK, POP};
	unsigned choice = linear_below(11);
	struct event e[2] = {{.op = (int)choices[choice],
		.arg = (uint64_t)(self * OPS + count + 1)}};

	if (choice == 10 && count < OPS - 2 && !linear_may_die())
		linear_record_several(self, e, 2, perform_restore);
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
}

static bool stops(int self, const char *point)
{
	static const char *const words[] = {"stack_", "bag_", "pool_", NULL};

	(void)self;
	return linear_is_of(point, words);
}

/* ---- the specification ---- */

static bool step_push(const struct event *e, struct sequence *s)
{
	if (e->op == PUSH && e->end && e->result)
		return s->count >= linear_capacity;
	return (e->op == BACK || s->count < linear_capacity) &&
	       sequence_insert(s, s->count, e->arg, 0);
}

static bool step_pop(const struct event *e, struct sequence *s)
{
	int top = s->count - 1;

	if (e->end && e->result)
		return !s->count;
	if (!s->count || (e->end && s->item[top] != e->out))
		return false;
	if (!e->end)
		s->limbo = s->item[top];
	if (e->op != PEEK)
		sequence_remove(s, top);
	return true;
}

/* Messages that were gone when they were asked for are not in it. */
static bool step_look(const struct event *e, const struct sequence *s)
{
	uint64_t all = e->out;

	for (int i = s->count; i-- > 0;)
		if ((all & 255) == s->item[i])
			all >>= 8;
	return !e->end || !all;
}

static bool step_drain(const struct event *e, const struct sequence *s)
{
	uint64_t all = 0;

	for (int i = 0; i < s->count; i++)
		all = all << 8 | s->item[i];
	return e->out == all || (s->limbo && e->out == (all << 8 | s->limbo));
}

static bool step(const struct event *e, union state *state)
{
	struct sequence *s = &state->sequence;

	switch (e->op) {
	case PUSH:
	case BACK:
		return step_push(e, s);
	case LOOK:
		return step_look(e, s);
	case DRAIN:
		return step_drain(e, s);
	default:
		return step_pop(e, s);
	}
}

static const struct verdict verdicts[] = {
	{true, {EVENT(PUSH, 0, 0, 1, 0, 1, 4), EVENT(POP, 0, 0, 0, 1, 2, 3)}},
	{false, {EVENT(PUSH, 0, 0, 1, 0, 3, 4), EVENT(POP, 0, 0, 0, 1, 1, 2)}},
	{true, {EVENT(PUSH, 0, 0, 1, 0, 1, 2), EVENT(PUSH, 0, 0, 2, 0, 3, 4),
		       EVENT(LOOK, 0, 0, 0, 0x102, 5, 6),
		       EVENT(POP, 0, 0, 0, 2, 7, 8)}},
	{false, {EVENT(PUSH, 0, 0, 1, 0, 1, 2), EVENT(PUSH, 0, 0, 2, 0, 3, 4),
			EVENT(POP, 0, 0, 0, 1, 5, 6)}},
	{false, {EVENT(PUSH, 0, 0, 1, 0, 1, 2), EVENT(PUSH, 0, 0, 2, 0, 3, 4),
			EVENT(LOOK, 0, 0, 0, 0x201, 5, 6)}},
	{false, {EVENT(PUSH, 0, 0, 1, 0, 1, 2),
			EVENT(POP, 0, -EAGAIN, 0, 0, 3, 4)}},
	{false, {EVENT(PUSH, 0, 0, 1, 0, 1, 2),
			EVENT(PUSH, 0, -EAGAIN, 2, 0, 3, 4)}},
	/* One that died may have pushed or not, and popped or not. */
	{true, {EVENT(PUSH, 0, 0, 1, 0, 1, 0), EVENT(DRAIN, 0, 0, 0, 0, 2, 3)}},
	{true, {EVENT(PUSH, 0, 0, 1, 0, 1, 2), EVENT(PUSH, 0, 0, 2, 0, 3, 4),
		       EVENT(POP, 0, 0, 0, 0, 5, 0),
		       EVENT(DRAIN, 0, 0, 0, 0x102, 6, 7)}},
	{false, {EVENT(PUSH, 0, 0, 1, 0, 1, 2), EVENT(PUSH, 0, 0, 2, 0, 3, 4),
			EVENT(POP, 0, 0, 0, 0, 5, 0),
			EVENT(DRAIN, 0, 0, 0, 0x201, 6, 7)}},
};

static struct subject subject_stack = {.name = "stack",
	.path = "p/x.stack",
	.ops = names,
	.open = open_stack,
	.work = work,
	.perform = perform,
	.drain = drain,
	.step = step,
	.stops = stops,
	.verdicts = verdicts,
	.verdict_count = sizeof(verdicts) / sizeof(*verdicts)};

SUBJECT(subject_stack);
