/*
 * linear_list.c - lists, for linear.c.
 *
 * The specification: a sequence, and what one who died had taken from an end.
 * That comes back there, or it was consumed. Elements are named by their
 * values: the key of an event is that of the element it is beside, 0 for the
 * ends. A worker knows the handles of what it inserted or came to in a walk.
 */
#include "linear.h"

enum op {
	PUSH_FRONT,
	PUSH_BACK,
	BEFORE,
	AFTER,
	POP_FRONT,
	POP_BACK,
	TAKE_BACK,
	REMOVE,
	NEXT,
	PREVIOUS,
	GET,
	LENGTH,
	DRAIN
};

static const char *const names[] = {"push front", "push back", "before",
	"after", "pop front", "pop back", "take back", "remove", "next",
	"previous", "get", "length", "drain"};

#define VALUES (WORKERS * OPS + 1)

static struct agora_list *list;
static struct agora_element handle[VALUES];
static unsigned known[VALUES], known_count; /* of this round */

static struct agora_object *open_list(uint32_t flags)
{
	struct agora_options options = {
		.capacity = linear_capacity, .message_size = 8, .clients = 16};

	linear_check(agora_list_open(
			     linear_space, "p/x.list", flags, &options, &list),
		"open");
	return agora_list_object(list);
}

static void forget(int self)
{
	(void)self;
	memset(handle, 0, sizeof(handle));
	known_count = 0;
}

static void remember(uint64_t value, struct agora_element element)
{
	if (value >= VALUES)
		linear_fail("a senseless value", (long)value, 0);
	if (!handle[value].word[0])
		known[known_count++] = (unsigned)value;
	handle[value] = element;
}

/* ---- operations ---- */

static int insert(const struct event *e)
{
	struct agora_element at = handle[e->key], new;
	int result;

	switch (e->op) {
	case PUSH_FRONT:
		result = agora_list_push_front(list, &e->arg, 8, &new);
		break;
	case PUSH_BACK:
		result = agora_list_push_back(list, &e->arg, 8, &new);
		break;
	case BEFORE:
		result = agora_list_insert_before(list, &at, &e->arg, 8, &new);
		break;
	default:
		result = agora_list_insert_after(list, &at, &e->arg, 8, &new);
	}
	if (!result)
		remember(e->arg, new);
	return result;
}

/* Pop by acquire and release. */
static int take(uint64_t *value)
{
	struct agora_message m;
	int result = agora_list_acquire_back(list, &m);

	if (result)
		return result;
	memcpy(value, m.data, sizeof(*value));
	return agora_list_release(list, &m);
}

/* The value of the neighbour, or 0: it was removed since. */
static int step_from(const struct event *e, struct agora_buffer *b)
{
	struct agora_element at = handle[e->key];
	int result = e->op == NEXT ? agora_list_next(list, &at, &at)
				   : agora_list_previous(list, &at, &at);

	if (result)
		return result;
	result = agora_list_get(list, &at, b);
	if (!result)
		remember(*(uint64_t *)b->data, at);
	return result == -ESTALE ? 0 : result;
}

static int do_it(const struct event *e, uint64_t *value)
{
	struct agora_buffer b = {.data = value, .capacity = sizeof(*value)};

	switch (e->op) {
	case POP_FRONT:
		return agora_list_pop_front(list, &b);
	case POP_BACK:
		return agora_list_pop_back(list, &b);
	case TAKE_BACK:
		return take(value);
	case REMOVE:
		return agora_list_remove(list, &handle[e->key]);
	case NEXT:
	case PREVIOUS:
		return step_from(e, &b);
	case GET:
		return agora_list_get(list, &handle[e->key], &b);
	case LENGTH:
		return agora_list_length(list, value);
	default:
		return insert(e);
	}
}

static void perform(struct event *e)
{
	uint64_t value = 0;

	e->result = do_it(e, &value);
	e->out = value;
	if (e->result && e->result != -EAGAIN && e->result != -ESTALE)
		linear_fail("operation", (long)e->op, e->result);
}

static void work(int self, int count)
{
	static const enum op choices[] = {PUSH_FRONT, PUSH_BACK, BEFORE, AFTER,
		BEFORE, AFTER, POP_FRONT, POP_BACK, TAKE_BACK, REMOVE, REMOVE,
		NEXT, NEXT, PREVIOUS, GET, LENGTH};
	struct event e = {.op = (int)choices[linear_below(16)],
		.arg = (uint64_t)(self * OPS + count + 1)};

	if (!count)
		forget(self);
	if (known_count && linear_below(8))
		e.key = (int)known[linear_below(known_count)];
	/* These need an element. */
	if (!e.key && (e.op == REMOVE || e.op == GET))
		e.op = NEXT;
	if (e.op <= PUSH_BACK || (e.op >= POP_FRONT && e.op <= TAKE_BACK) ||
		e.op == LENGTH)
		e.key = 0;
	linear_record(self, e);
}

static void drain(struct event *e, bool last)
{
	struct event pop = {.op = POP_FRONT};

	(void)last;
	e->op = DRAIN;
	for (unsigned n = 0; perform(&pop), !pop.result; n++)
		e->out |= pop.out << 8 * n;
}

static bool stops(int self, const char *point)
{
	static const char *const words[] = {"list_", "bag_", "pool_", NULL};

	(void)self;
	return linear_is_of(point, words);
}

/* ---- the specification ---- */

/* Where a value is, or -1. */
static int find(const struct sequence *s, int value)
{
	for (int i = 0; i < s->count; i++)
		if (s->item[i] == value)
			return i;
	return -1;
}

/* Where an insertion goes to, or -1: its element is not there. */
static int place(const struct event *e, const struct sequence *s)
{
	int at = e->key ? find(s, e->key) : -1;

	switch (e->op) {
	case PUSH_FRONT:
		return 0;
	case PUSH_BACK:
		return s->count;
	case BEFORE:
		return e->key ? at : s->count;
	default:
		return e->key && at < 0 ? -1 : at + 1;
	}
}

static bool step_insert(const struct event *e, struct sequence *s)
{
	int at = place(e, s);

	if (e->end && e->result == -ESTALE)
		return at < 0;
	if (e->end && e->result)
		return s->count >= linear_capacity;
	return at >= 0 && s->count < linear_capacity &&
	       sequence_insert(s, at, e->arg, 0);
}

static bool step_take(const struct event *e, struct sequence *s)
{
	int at = e->op == POP_FRONT ? 0 : s->count - 1;

	if (e->end && e->result)
		return !s->count;
	if (!s->count || (e->end && s->item[at] != e->out))
		return false;
	if (!e->end) {
		s->limbo = s->item[at];
		s->limbo_rank = e->op != POP_FRONT;
	}
	sequence_remove(s, at);
	return true;
}

static bool step_remove(const struct event *e, struct sequence *s)
{
	int at = find(s, e->key);

	if (e->end && e->result)
		return at < 0;
	if (at >= 0)
		sequence_remove(s, at);
	return at >= 0;
}

static bool step_look(const struct event *e, const struct sequence *s)
{
	int at = e->key ? find(s, e->key) : e->op == NEXT ? -1 : s->count;

	if (!e->end)
		return true;
	if (e->op == LENGTH)
		return e->out == s->count;
	if (e->key && at < 0)
		return e->result == -ESTALE;
	if (e->op == GET)
		return !e->result && e->out == (uint64_t)e->key;
	at += e->op == NEXT ? 1 : -1;
	if (at < 0 || at >= s->count)
		return e->result == -EAGAIN;
	return !e->result && (!e->out || e->out == s->item[at]);
}

static bool step_drain(const struct event *e, const struct sequence *s)
{
	uint64_t all = 0, limbo = s->limbo;

	for (int i = s->count; i-- > 0;)
		all = all << 8 | s->item[i];
	if (e->out == all || !limbo)
		return e->out == all;
	return e->out ==
	       (s->limbo_rank ? all | limbo << 8 * s->count : all << 8 | limbo);
}

static bool step(const struct event *e, union state *state)
{
	struct sequence *s = &state->sequence;

	switch (e->op) {
	case PUSH_FRONT:
	case PUSH_BACK:
	case BEFORE:
	case AFTER:
		return step_insert(e, s);
	case POP_FRONT:
	case POP_BACK:
	case TAKE_BACK:
		return step_take(e, s);
	case REMOVE:
		return step_remove(e, s);
	case DRAIN:
		return step_drain(e, s);
	default:
		return step_look(e, s);
	}
}

static const struct verdict verdicts[] = {
	{true, {EVENT(PUSH_BACK, 0, 0, 1, 0, 1, 2),
		       EVENT(BEFORE, 1, 0, 2, 0, 3, 4),
		       EVENT(NEXT, 0, 0, 0, 2, 5, 6),
		       EVENT(NEXT, 2, 0, 0, 1, 7, 8),
		       EVENT(NEXT, 1, -EAGAIN, 0, 0, 9, 10),
		       EVENT(POP_BACK, 0, 0, 0, 1, 11, 12)}},
	{false, {EVENT(PUSH_BACK, 0, 0, 1, 0, 1, 2),
			EVENT(AFTER, 1, 0, 2, 0, 3, 4),
			EVENT(NEXT, 0, 0, 0, 2, 5, 6)}},
	{false, {EVENT(PUSH_BACK, 0, 0, 1, 0, 1, 2),
			EVENT(REMOVE, 1, 0, 0, 0, 3, 4),
			EVENT(GET, 1, 0, 0, 1, 5, 6)}},
	{false, {EVENT(PUSH_BACK, 0, 0, 1, 0, 1, 2),
			EVENT(REMOVE, 1, 0, 0, 0, 3, 6),
			EVENT(POP_FRONT, 0, 0, 0, 1, 3, 6)}},
	{false, {EVENT(PUSH_FRONT, 0, 0, 1, 0, 1, 2),
			EVENT(AFTER, 1, -ESTALE, 2, 0, 3, 4)}},
	{false, {EVENT(PUSH_FRONT, 0, 0, 1, 0, 1, 2),
			EVENT(LENGTH, 0, 0, 0, 2, 3, 4)}},
	/* One that died may have taken it or not: it is at its end. */
	{true, {EVENT(PUSH_BACK, 0, 0, 1, 0, 1, 2),
		       EVENT(PUSH_BACK, 0, 0, 2, 0, 3, 4),
		       EVENT(POP_BACK, 0, 0, 0, 0, 5, 0),
		       EVENT(DRAIN, 0, 0, 0, 0x201, 6, 7)}},
	{true, {EVENT(PUSH_BACK, 0, 0, 1, 0, 1, 2),
		       EVENT(POP_FRONT, 0, 0, 0, 0, 5, 0),
		       EVENT(DRAIN, 0, 0, 0, 0, 6, 7)}},
	{false, {EVENT(PUSH_BACK, 0, 0, 1, 0, 1, 2),
			EVENT(PUSH_BACK, 0, 0, 2, 0, 3, 4),
			EVENT(POP_BACK, 0, 0, 0, 0, 5, 0),
			EVENT(DRAIN, 0, 0, 0, 0x102, 6, 7)}},
};

static struct subject subject_list = {.name = "list",
	.path = "p/x.list",
	.ops = names,
	.open = open_list,
	.work = work,
	.perform = perform,
	.drain = drain,
	.step = step,
	.stops = stops,
	.verdicts = verdicts,
	.verdict_count = sizeof(verdicts) / sizeof(*verdicts)};

SUBJECT(subject_list);
