/*
 * linear_string.c - strings with many writers, and with one, for linear.c.
 *
 * A value begins with a number that says how long it was when it was stored;
 * what was appended to it are numbers too. The specification: what it is made
 * of, and how many changes there were; versions count on from an unknown one.
 */
#include "linear.h"

enum op { STORE, LOAD, SWAP, COMPARE, APPEND, CLEAR };

static const char *const names[] = {
	"store", "load", "swap", "compare", "append", "clear"};

#define LONG 600 /* bytes of the values that lie in several blocks */
#define MOST 2000

static struct agora_string *string;
static bool is_single;

static struct agora_object *open_string(uint32_t flags)
{
	struct agora_options options = {.message_size = MOST,
		.inline_size = 168,
		.memory = 1 << 20,
		.writers = is_single ? AGORA_WRITERS_ONE : AGORA_WRITERS_MANY,
		.clients = 16};

	linear_check(agora_string_open(linear_space, "p/x.string", flags,
			     &options, &string),
		"open");
	return agora_string_object(string);
}

static struct agora_object *open_one(uint32_t flags)
{
	is_single = true;
	return open_string(flags);
}

/* ---- values ---- */

/* Odd numbers begin long values. */
static size_t size_of(uint64_t number)
{
	return number & 1 ? LONG : sizeof(number);
}

static size_t build(unsigned char *bytes, uint64_t number)
{
	memset(bytes, (int)(number >> 1 & 0xff), size_of(number));
	memcpy(bytes, &number, sizeof(number));
	return size_of(number);
}

static uint64_t mix(uint64_t made_of, uint64_t number)
{
	return (made_of ^ number) * UINT64_C(0x9e3779b97f4a7c15) + 1;
}

/* What a value is made of; it must be whole. */
static uint64_t made_of(const unsigned char *bytes, size_t size)
{
	unsigned char whole[LONG];
	uint64_t number, sum;
	size_t at;

	if (size < sizeof(number) || size % sizeof(number))
		linear_fail("a value of this size", (long)size, 0);
	memcpy(&number, bytes, sizeof(number));
	at = build(whole, number);
	if (at > size || memcmp(bytes, whole, at))
		linear_fail("a torn value", (long)number, (long)size);
	sum = mix(0, number);
	for (; at < size; at += sizeof(number)) {
		memcpy(&number, bytes + at, sizeof(number));
		sum = mix(sum, number);
	}
	return sum;
}

/* ---- operations ---- */

/* more[0]: the version that was found. COMPARE: more[1] was expected. */
static void perform(struct event *e)
{
	unsigned char bytes[MOST], new[LONG];
	size_t size = build(new, e->arg);
	struct agora_buffer b = {.data = bytes, .capacity = MOST};
	struct agora_buffer in = {
		.data = new, .size = size, .version = e->more[1]};

	switch (e->op) {
	case STORE:
		e->result = agora_string_store(string, new, size);
		break;
	case LOAD:
		e->result = agora_string_load(string, &b);
		e->more[0] = b.version;
		break;
	case SWAP:
		e->result = agora_string_swap(string, &in, &b);
		e->more[0] = b.version;
		break;
	case COMPARE:
		e->result = agora_string_compare(string, &in, &e->more[0]);
		break;
	case APPEND:
		e->result = agora_string_append(string, new, size);
		break;
	default:
		e->result = agora_string_clear(string);
	}
	if (e->result && e->result != -ENOENT && e->result != -ESTALE)
		linear_fail("operation", (long)e->op, e->result);
	if (!e->result && (e->op == LOAD || e->op == SWAP))
		e->out = made_of(bytes, b.size);
}

static void work(int self, int count)
{
	static const enum op ops[] = {
		STORE, STORE, LOAD, LOAD, SWAP, COMPARE, APPEND, APPEND, CLEAR};
	struct event e = {.op = (int)ops[linear_below(9)]};

	e.arg = (uint64_t)(self * OPS + count + 1) << 1;
	if (is_single && self)
		e.op = LOAD;
	if (e.op != APPEND)
		e.arg |= linear_below(3) == 0;
	if (e.op == COMPARE) {
		struct event look = {.op = LOAD};
		struct event *seen = linear_record(self, look);

		e.more[1] = seen->result ? 0 : seen->more[0];
	}
	linear_record(self, e);
}

/* The next round begins with nothing; only the writer can see to it. */
static void clear_one(int self)
{
	if (!self)
		linear_record(self, (struct event){.op = CLEAR});
}

static void drain(struct event *e, bool last)
{
	struct event clear = {.op = CLEAR};

	e->op = LOAD;
	perform(e);
	/* The only writer has done it, unless he was killed. */
	if (!is_single || last)
		perform(&clear);
}

static bool stops(int self, const char *point)
{
	static const char *const words[] = {
		"string_", "message_", "pool_", NULL};

	(void)self;
	return linear_is_of(point, words) && !strstr(point, "_one_") &&
	       !strstr(point, "_recover");
}

static bool stops_one(int self, const char *point)
{
	static const char *const reads[] = {
		"string_one_looked", "string_one_copied", NULL};
	static const char *const writes[] = {"string_one_announced",
		"string_one_claimed", "string_one_written", "string_one_hung",
		"string_one_named", "string_one_filled", "string_one_published",
		"message_", "pool_", NULL};

	return linear_is_of(point, self ? reads : writes);
}

/* ---- the specification ---- */

/* word 0: what it is made of, 0: no value. word 1: changes. word 2: the
 * version at the beginning, once word 3 says that it is known. */
static bool sees(union state *s, uint64_t version)
{
	if (!s->word[3]) {
		s->word[2] = version - s->word[1];
		s->word[3] = 1;
		return version >= s->word[1];
	}
	return version == s->word[2] + s->word[1];
}

static bool change(union state *s, uint64_t made_of_now)
{
	s->word[0] = made_of_now;
	s->word[1]++;
	return true;
}

static bool step_swap(const struct event *e, union state *s)
{
	uint64_t was = s->word[0];

	if (e->end && !sees(s, e->more[0]))
		return false;
	if (!was || (e->end && e->result))
		return e->end && !was && e->result;
	return (!e->end || e->out == was) && change(s, mix(0, e->arg));
}

static bool step_compare(const struct event *e, union state *s)
{
	uint64_t expected = e->more[1], present = e->more[0];
	bool fits = s->word[0] ? expected && sees(s, expected) : !expected;

	if (e->end && e->result)
		return present != expected &&
		       (s->word[0] ? sees(s, present) : !present);
	return fits && change(s, mix(0, e->arg)) &&
	       (!e->end || sees(s, present));
}

static bool step(const struct event *e, union state *s)
{
	switch (e->op) {
	case LOAD:
		return !e->end ||
		       (sees(s, e->more[0]) &&
			       s->word[0] == (e->result ? 0 : e->out));
	case STORE:
		return change(s, mix(0, e->arg));
	case APPEND:
		return change(s, mix(s->word[0], e->arg));
	case SWAP:
		return step_swap(e, s);
	case COMPARE:
		return step_compare(e, s);
	default:
		if (!s->word[0] || (e->end && e->result))
			return e->end && e->result && !s->word[0];
		return change(s, 0);
	}
}

/* No value was ever stored, so that what loading saw has version 0. */
static const struct verdict verdicts[] = {
	{true, {EVENT(LOAD, 0, -ENOENT, 0, 0, 1, 2),
		       EVENT(STORE, 0, 0, 2, 0, 3, 8),
		       EVENT(LOAD, 0, -ENOENT, 0, 0, 4, 5)}},
	{false, {EVENT(LOAD, 0, -ENOENT, 0, 0, 1, 2),
			EVENT(STORE, 0, 0, 2, 0, 3, 4),
			EVENT(LOAD, 0, -ENOENT, 0, 0, 5, 6)}},
	{false, {EVENT(LOAD, 0, -ENOENT, 0, 0, 1, 2),
			EVENT(CLEAR, 0, 0, 0, 0, 3, 4)}},
	{false, {EVENT(STORE, 0, 0, 2, 0, 3, 4),
			EVENT(COMPARE, 0, 0, 2, 0, 5, 6)}},
	{false, {EVENT(STORE, 0, 0, 2, 0, 1, 2),
			EVENT(SWAP, 0, -ENOENT, 4, 0, 3, 4)}},
};

static struct subject subject_string = {.name = "string",
	.path = "p/x.string",
	.ops = names,
	.open = open_string,
	.work = work,
	.perform = perform,
	.drain = drain,
	.partitions = 1,
	.step = step,
	.stops = stops,
	.verdicts = verdicts,
	.verdict_count = sizeof(verdicts) / sizeof(*verdicts)};

SUBJECT(subject_string);

static struct subject subject_one = {.name = "string_one",
	.path = "p/x.string",
	.ops = names,
	.open = open_one,
	.work = work,
	.finish = clear_one,
	.perform = perform,
	.drain = drain,
	.partitions = 1,
	.step = step,
	.stops = stops_one,
	.readers_from = 1};

SUBJECT(subject_one);
