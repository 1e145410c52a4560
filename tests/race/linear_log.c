/*
 * linear_log.c - logs with many writers, and with one, for linear.c.
 *
 * Nobody takes a record, so a round begins where the one before it ended: at
 * base, which all processes see. The specification: what was appended since,
 * in its order. A reader may have missed a record only if capacity others
 * were behind it.
 */
#include "linear.h"

#include <sys/mman.h>

enum op { APPEND, READ, NEWEST, END };

static const char *const names[] = {"append", "read", "newest", "end"};

#define LONG 600 /* bytes of the records that lie in several blocks */

static struct agora_log *log_;
static bool is_single;

/* Shared: where the round begins, and the one that is judged. */
static uint64_t *base;

__attribute__((constructor)) static void share_base(void)
{
	base = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static struct agora_object *open_log(uint32_t flags)
{
	struct agora_options options = {.capacity = linear_capacity,
		.message_size = LONG,
		.inline_size = is_single ? 0 : 168,
		.memory = is_single ? 1 << 14 : 1 << 20,
		.writers = is_single ? AGORA_WRITERS_ONE : AGORA_WRITERS_MANY,
		.clients = 16};

	linear_check(
		agora_log_open(linear_space, "p/x.log", flags, &options, &log_),
		"open");
	return agora_log_object(log_);
}

static struct agora_object *open_one(uint32_t flags)
{
	is_single = true;
	return open_log(flags);
}

static void prepare(void)
{
	linear_check(agora_log_end(log_, base), "end");
}

/* ---- operations ---- */

/* Every third record is long. */
static size_t build(unsigned char *bytes, uint64_t number)
{
	size_t size = number % 3 ? sizeof(number) : LONG;

	memset(bytes, (int)number, size);
	memcpy(bytes, &number, sizeof(number));
	return size;
}

static uint64_t number_in(const unsigned char *bytes, size_t size)
{
	unsigned char whole[LONG];
	uint64_t number;

	memcpy(&number, bytes, sizeof(number));
	if (size != build(whole, number) || memcmp(bytes, whole, size))
		linear_fail("a torn value", (long)number, (long)size);
	return number;
}

/* more[0]: the cursor; more[1]: the number of what was found; more[2]: how
 * many were missed. */
static void perform(struct event *e)
{
	unsigned char bytes[LONG] = {0};
	struct agora_buffer b = {.data = bytes, .capacity = LONG};
	uint64_t cursor = e->more[0];

	switch (e->op) {
	case APPEND:
		e->result = agora_log_append(log_, bytes, build(bytes, e->arg));
		break;
	case READ:
		e->result = agora_log_read(log_, &cursor, &b, &e->more[2]);
		break;
	case NEWEST:
		e->result = agora_log_newest(log_, &b);
		break;
	default:
		e->result = agora_log_end(log_, &e->more[1]);
	}
	if (e->result && e->result != -EAGAIN)
		linear_fail("operation", (long)e->op, e->result);
	if (e->result || (e->op != READ && e->op != NEWEST))
		return;
	e->out = number_in(bytes, b.size);
	e->more[1] = b.version;
}

static void work(int self, int count)
{
	static uint64_t cursor;
	static const enum op ops[] = {
		APPEND, APPEND, APPEND, READ, READ, READ, READ, NEWEST, END};
	struct event e = {.op = (int)ops[linear_below(9)]};
	struct event *done;

	e.arg = (uint64_t)(self * OPS + count + 1);
	if (!count)
		cursor = *base;
	if (is_single && self && e.op == APPEND)
		e.op = READ;
	e.more[0] = cursor;
	done = linear_record(self, e);
	if (e.op == READ && !done->result)
		cursor = done->more[1] + 1;
}

static void drain(struct event *e, bool last)
{
	(void)last;
	e->op = END;
	perform(e);
	base[1] = base[0];
	base[0] = e->more[1];
}

static bool stops(int self, const char *point)
{
	static const char *const words[] = {
		"log_append_", "log_given_up", "log_read_", "message_", NULL};

	(void)self;
	return linear_is_of(point, words);
}

static bool stops_one(int self, const char *point)
{
	static const char *const reads[] = {
		"log_one_found", "log_one_copied", NULL};
	static const char *const writes[] = {
		"log_announced", "log_one_written", "log_one_published", NULL};

	return linear_is_of(point, self ? reads : writes);
}

/* ---- the specification ---- */

/* Over the words of a state. */
struct records {
	uint8_t count;
	uint8_t item[WORKERS * OPS];
};

_Static_assert(sizeof(struct records) <= sizeof(union state), "room");

static bool step_read(const struct event *e, const struct records *r,
	uint64_t from, bool strict)
{
	uint64_t cursor = e->more[0] - from, at = e->more[1] - from;

	if (e->result)
		return cursor >= r->count;
	if (at >= r->count || r->item[at] != e->out ||
		at - cursor != e->more[2])
		return false;
	if (at != cursor)
		return at + linear_capacity <= r->count;
	return !strict || at + linear_capacity + 1 >= r->count;
}

/* The record of a round before is the newest until there is another one. */
static bool step_newest(
	const struct event *e, const struct records *r, uint64_t from)
{
	if (e->result || e->more[1] < from)
		return !r->count;
	return e->more[1] - from + 1 == r->count &&
	       r->item[r->count - 1] == e->out;
}

static bool step_from(const struct event *e, union state *s, bool strict)
{
	struct records *r = (struct records *)s;
	uint64_t from = base[1];

	switch (e->op) {
	case APPEND:
		if (r->count == sizeof(r->item))
			return false;
		r->item[r->count++] = (uint8_t)e->arg;
		return !e->result;
	case READ:
		return !e->end || step_read(e, r, from, strict);
	case NEWEST:
		return !e->end || step_newest(e, r, from);
	default:
		return !e->end || e->more[1] - from == r->count;
	}
}

static bool step(const struct event *e, union state *s)
{
	return step_from(e, s, true);
}

/* One writer keeps some more than capacity. */
static bool step_one(const struct event *e, union state *s)
{
	return step_from(e, s, false);
}

/* op, key, result, arg, out, begin, end, cursor, number, missed */
#define LOG(op, arg, out, begin, end, ...)      \
	{                                       \
		op, 0, 0, arg, out, begin, end, \
		{                               \
			__VA_ARGS__             \
		}                               \
	}

static const struct verdict verdicts[] = {
	{true, {LOG(APPEND, 1, 0, 1, 2), LOG(APPEND, 2, 0, 3, 6),
		       LOG(READ, 0, 1, 4, 5, 0, 0, 0),
		       LOG(END, 0, 0, 7, 8, 0, 2)}},
	{false, {LOG(APPEND, 1, 0, 1, 2), LOG(APPEND, 2, 0, 3, 4),
			LOG(READ, 0, 2, 5, 6, 0, 0, 0)}},
	{false, {LOG(APPEND, 1, 0, 1, 2), LOG(APPEND, 2, 0, 3, 4),
			LOG(READ, 0, 2, 5, 6, 0, 1, 0)}},
	{true, {LOG(APPEND, 1, 0, 1, 2), LOG(APPEND, 2, 0, 3, 4),
		       LOG(APPEND, 3, 0, 5, 8),
		       LOG(READ, 0, 2, 6, 7, 0, 1, 1)}},
	{false, {LOG(APPEND, 1, 0, 1, 2), LOG(APPEND, 2, 0, 3, 4),
			LOG(APPEND, 3, 0, 5, 6), LOG(APPEND, 4, 0, 7, 8),
			LOG(READ, 0, 1, 9, 10, 0, 0, 0)}},
	{false, {LOG(APPEND, 1, 0, 1, 2), LOG(APPEND, 2, 0, 3, 4),
			LOG(READ, 0, 2, 5, 6, 0, 1, 1)}},
	{false, {LOG(APPEND, 1, 0, 1, 2), LOG(APPEND, 2, 0, 3, 4),
			LOG(NEWEST, 0, 1, 5, 6, 0, 0)}},
	{false, {LOG(APPEND, 1, 0, 1, 2), LOG(END, 0, 0, 3, 4, 0, 0)}},
};

static struct subject subject_log = {.name = "log",
	.path = "p/x.log",
	.ops = names,
	.open = open_log,
	.prepare = prepare,
	.work = work,
	.perform = perform,
	.drain = drain,
	.step = step,
	.stops = stops,
	.verdicts = verdicts,
	.verdict_count = sizeof(verdicts) / sizeof(*verdicts)};

SUBJECT(subject_log);

static struct subject subject_one = {.name = "log_one",
	.path = "p/x.log",
	.ops = names,
	.open = open_one,
	.prepare = prepare,
	.work = work,
	.perform = perform,
	.drain = drain,
	.step = step_one,
	.stops = stops_one,
	.readers_from = 1};

SUBJECT(subject_one);
