/*
 * linear_table.c - tables with many writers, and with one, for linear.c.
 *
 * One writer: the first worker writes, the others read; the keys are found
 * behind a line that is full but for one of them.
 *
 * The specification of one key: its value, 0 for none; none comes twice.
 */
#include "linear.h"

#include "base/hash.h"
#include "shm/format.h"

#include <unistd.h>

enum op { PUT, GET, DELETE, COMPARE, ADD };

static const char *const names[] = {"put", "get", "delete", "compare", "add"};

#define KEYS  3
#define SEATS 6 /* words of their line that other keys take */

static struct agora_table *table;
static bool is_single;
static uint64_t keys[KEYS + SEATS];

_Static_assert(KEYS <= EXTRA, "one writer deletes all keys at the end");

static struct agora_object *open_table(uint32_t flags)
{
	struct agora_options options = {.capacity = 1,
		.message_size = 8,
		.key_size = 8,
		.writers = is_single ? AGORA_WRITERS_ONE : AGORA_WRITERS_MANY,
		.clients = 16};

	linear_check(agora_table_open(linear_space, "p/x.table", flags,
			     &options, &table),
		"open");
	return agora_table_object(table);
}

static struct agora_object *open_one(uint32_t flags)
{
	is_single = true;
	return open_table(flags);
}

/* Keys that share a bucket, or line, of which a small table has 64. */
static void find_keys(void)
{
	struct header_shm header;
	int fd = agora_object_fd(agora_table_object(table)), found = 0;

	linear_check(pread(fd, &header, sizeof(header), 0), "read the header");
	for (uint64_t key = 0; found < KEYS + SEATS; key++)
		if (hash_bytes(&key, sizeof(key), header.seed) >> 58 == 9)
			keys[found++] = key;
}

/* Make it hard to find a place for a key; then others are to write. */
static void take_seats(void)
{
	find_keys();
	for (int i = 0; i < SEATS; i++)
		linear_check(agora_table_put(table, &keys[KEYS + i], 8, "", 0),
			"take a seat");
	agora_object_yield(agora_table_object(table));
}

/* ---- operations ---- */

/* more[0]: the version of the value e->out, for COMPARE; set by GET. */
static void perform(struct event *e)
{
	uint64_t value = 0;
	int64_t sum = 0;
	struct agora_buffer b = {.data = &value, .capacity = sizeof(value)};
	struct agora_buffer in = {
		.data = &e->arg, .size = sizeof(e->arg), .version = e->more[0]};
	const uint64_t *key = &keys[e->key];

	switch (e->op) {
	case PUT:
		e->result = agora_table_put(table, key, 8, &e->arg, 8);
		break;
	case GET:
		e->result = agora_table_get(table, key, 8, &b);
		e->out = value;
		e->more[0] = e->result ? 0 : b.version;
		break;
	case DELETE:
		e->result = agora_table_delete(table, key, 8);
		break;
	case COMPARE:
		e->result = agora_table_compare(table, key, 8, &in, NULL);
		break;
	default:
		e->result =
			agora_table_add(table, key, 8, (int64_t)e->arg, &sum);
		e->out = (uint64_t)sum;
	}
	if (e->result && e->result != -ENOENT && e->result != -ESTALE)
		linear_fail("operation", (long)e->op, e->result);
}

/* Values are single bits, so that no sum of them comes twice. */
static void work(int self, int count)
{
	static const enum op ops[] = {PUT, PUT, GET, GET, DELETE, ADD, COMPARE};
	struct event e = {.op = (int)ops[linear_below(7)],
		.key = (int)linear_below(KEYS),
		.arg = UINT64_C(1) << (self * OPS + count)};

	if (is_single && self)
		e.op = GET;
	if (e.op == COMPARE) {
		struct event look = {.op = GET, .key = e.key};
		struct event *seen = linear_record(self, look);

		e.out = seen->result ? 0 : seen->out;
		e.more[0] = seen->more[0];
	}
	linear_record(self, e);
}

/* The next round begins with nothing; only the writer can see to it. */
static void empty_one(int self)
{
	for (int key = 0; key < KEYS && !self; key++)
		linear_record(self, (struct event){.op = DELETE, .key = key});
}

static void drain(struct event *e, bool last)
{
	struct event delete = {.op = DELETE, .key = e->key};

	e->op = GET;
	perform(e);
	/* The only writer has done it, unless he was killed. */
	if (!is_single || last)
		perform(&delete);
}

static bool stops(int self, const char *point)
{
	static const char *const words[] = {"chain_", "table_", "pool_", NULL};

	(void)self;
	return linear_is_of(point, words);
}

/* What reads and writes of short values pass, where there is one writer. */
static bool stops_one(int self, const char *point)
{
	static const char *const reads[] = {
		"table_one_found", "table_one_copied", NULL};
	static const char *const writes[] = {"table_one_taken",
		"table_one_written", "table_one_passed", "table_one_published",
		NULL};

	return linear_is_of(point, self ? reads : writes);
}

/* ---- the specification ---- */

static bool step_compare(const struct event *e, uint64_t *value)
{
	if (e->end && e->result)
		return *value != e->out;
	if (*value != e->out)
		return false;
	*value = e->arg;
	return true;
}

static bool step(const struct event *e, union state *state)
{
	uint64_t *value = &state->word[0];

	switch (e->op) {
	case GET:
		return !e->end || (e->result ? 0 : e->out) == *value;
	case PUT:
		*value = e->arg;
		return true;
	case ADD:
		*value += e->arg;
		return !e->end || *value == e->out;
	case DELETE:
		if (e->end && !e->result != (*value != 0))
			return false;
		*value = 0;
		return true;
	default:
		return step_compare(e, value);
	}
}

static const struct verdict verdicts[] = {
	{true, {EVENT(PUT, 0, 0, 4, 0, 1, 5),
		       EVENT(GET, 0, -ENOENT, 0, 0, 2, 3),
		       EVENT(ADD, 0, 0, 1, 5, 4, 6)}},
	{false, {EVENT(PUT, 0, 0, 4, 0, 1, 2), EVENT(PUT, 0, 0, 8, 0, 3, 6),
			EVENT(GET, 0, -ENOENT, 0, 0, 4, 5)}},
	{false, {EVENT(PUT, 0, 0, 4, 0, 1, 2),
			EVENT(COMPARE, 0, 0, 8, 0, 3, 4)}},
	{false, {EVENT(PUT, 0, 0, 4, 0, 1, 2),
			EVENT(DELETE, 0, -ENOENT, 0, 0, 3, 4)}},
};

static struct subject subject_table = {.name = "table",
	.path = "p/x.table",
	.ops = names,
	.open = open_table,
	.prepare = find_keys,
	.work = work,
	.perform = perform,
	.drain = drain,
	.partitions = KEYS,
	.step = step,
	.stops = stops,
	.verdicts = verdicts,
	.verdict_count = sizeof(verdicts) / sizeof(*verdicts)};

SUBJECT(subject_table);

static struct subject subject_one = {.name = "one",
	.path = "p/x.table",
	.ops = names,
	.open = open_one,
	.prepare = take_seats,
	.work = work,
	.finish = empty_one,
	.perform = perform,
	.drain = drain,
	.partitions = KEYS,
	.step = step,
	.stops = stops_one,
	.readers_from = 1};

SUBJECT(subject_one);
