/*
 * step_log.c - logs, for step.c: with many writers, and with one where the name
 * of the group says "one-"; reliable ones where it says "kept-".
 *
 * A record is that of an id. Who judges knows how many there were, and which
 * come behind them.
 */
#include "step.h"
#include "step_bytes.h"

#include <sys/uio.h>

#define CAPACITY 6
#define MANY     3 /* records of a batch */

enum op { NONE, APPEND, BATCH, COMMIT, ABORT, READ, REGISTER };

static const struct step_group groups[] = {
	{"append-short", APPEND, SHORT, NONE, 0},
	{"append-parts", APPEND, PARTS, NONE, 0},
	{"append-long", APPEND, LONG, NONE, 0},
	{"append-batch", BATCH, SHORT, NONE, 0},
	{"commit", COMMIT, LONG, NONE, 0},
	{"abort", ABORT, LONG, NONE, 0},
	{"read", READ, PARTS, NONE, 0},
	{"kept-append-parts", APPEND, PARTS, NONE, 0},
	{"kept-register", REGISTER, SHORT, NONE, 0},
	{"one-append-short", APPEND, SHORT, NONE, 0},
	{"one-append-long", APPEND, LONG, NONE, 0},
	{"one-append-batch", BATCH, PARTS, NONE, 0},
	{"one-commit", COMMIT, LONG, NONE, 0},
	{"one-abort", ABORT, LONG, NONE, 0},
	{"one-read", READ, PARTS, NONE, 0},
	{"one-kept-append-parts", APPEND, PARTS, NONE, 0},
	{"one-kept-register", REGISTER, SHORT, NONE, 0},
	{"repair-append", STEP_REPAIR, PARTS, APPEND, 0},
	{"repair-commit", STEP_REPAIR, LONG, COMMIT, 0},
	{"repair-kept-append", STEP_REPAIR, PARTS, APPEND, 0},
	{"repair-one-append", STEP_REPAIR, LONG, APPEND, 0},
	{"repair-one-kept-register", STEP_REPAIR, SHORT, REGISTER, 0},
};

struct state {
	const char *name;
	int fill; /* records appended */
	enum op dead;
};

static const struct state states[] = {
	{"empty", 0, NONE},
	{"some there", 3, NONE},
	{"as many as are kept", CAPACITY + 1, NONE},
	{"wrapped", 31, NONE},
	{"wrapped, of all places the last", 32, NONE},
	{"one died when it had appended", 9, APPEND},
};

static bool is_single, is_reliable;
static uint64_t before; /* where the log ended */
static unsigned char value[MANY][LARGEST], found[LARGEST];

/* ---- records ---- */

static uint64_t end_of(void)
{
	uint64_t end;

	check(agora_log_end(step_survivor, &end), "end");
	return end;
}

static int append(uint64_t id)
{
	return agora_log_append(step_survivor, bytes_of(id), size_of(id));
}

static uint64_t batch_id(uint64_t id, int number)
{
	return id + (uint64_t)number;
}

/* ---- operations ---- */

static void begin(const struct step_group *group)
{
	is_single = strstr(group->name, "one-") != NULL;
	is_reliable = strstr(group->name, "kept-") != NULL;
}

static void *open_log(
	struct agora_space *space, const char *path, uint32_t flags)
{
	struct agora_options options = {.capacity = CAPACITY,
		.message_size = LARGEST,
		.inline_size = is_single ? 0 : 992,
		.memory = is_single ? 1 << 15 : 64 * 4096,
		.flags = is_reliable ? AGORA_RELIABLE : 0,
		.writers = is_single ? AGORA_WRITERS_ONE : 0,
		.clients = 8};
	struct agora_log *log;

	check(agora_log_open(space, path, flags, &options, &log), "open");
	return log;
}

static struct agora_object *object_of(void *log)
{
	return agora_log_object(log);
}

static void ready(const struct step_task *task)
{
	for (int i = 0; i < MANY; i++)
		memcpy(value[i], bytes_of(batch_id(task->id, i)),
			size_of(batch_id(task->id, i)));
}

static int append_batch(void *log, const struct step_task *task)
{
	struct iovec row[MANY];
	int result;

	for (int i = 0; i < MANY; i++)
		row[i] = (struct iovec){
			value[i], size_of(batch_id(task->id, i))};
	result = agora_log_append_batch(log, row, MANY);
	return result == MANY ? 0 : -EIO;
}

static int reserve(void *log, size_t size, bool commit)
{
	struct agora_reservation r;
	int result = agora_log_reserve(log, LARGEST, &r);

	if (result)
		return result;
	r.size = size;
	result = agora_log_write(log, &r, 0, value[0], size);
	if (result)
		return result;
	return commit ? agora_log_commit(log, &r) : agora_log_abort(log, &r);
}

static int perform(void *log, const struct step_task *task)
{
	struct agora_buffer b = {.data = found, .capacity = LARGEST};
	size_t size = size_of(task->id);
	uint64_t cursor = 0;
	int result;

	switch (task->op) {
	case APPEND:
		return agora_log_append(log, value[0], size);
	case BATCH:
		return append_batch(log, task);
	case COMMIT:
	case ABORT:
		return reserve(log, size, task->op == COMMIT);
	case READ:
		result = agora_log_read(log, &cursor, &b, NULL);
		return result == -EAGAIN ? 0 : result;
	default:
		result = agora_log_register(log, &cursor);
		return result ? result : agora_log_unregister(log);
	}
}

/* How many records an operation appends. */
static unsigned appends(int op)
{
	return op == BATCH ? MANY : op == APPEND || op == COMMIT;
}

/* ---- states ---- */

static const char *state_of(const struct step_group *group, size_t number)
{
	(void)group;
	return number == COUNT(states) ? NULL : states[number].name;
}

static size_t repaired(const struct step_group *group)
{
	(void)group;
	return 2;
}

static void warm(void)
{
	for (unsigned n = 0; n < 9; n++)
		check(append(id_in(LONG, 1 + n)), "first use");
}

static bool had_effect(void)
{
	return end_of() != before;
}

static void arrange(const struct step_group *group, size_t number, int eighth)
{
	const struct state *state = &states[number];
	struct step_task dead = {
		.op = eighth ? group->before : (int)state->dead,
		.id = id_in((enum shape)group->shape, 60)};

	for (int i = 0; i < state->fill; i++)
		check(append(id_in((enum shape)(i % 3), (unsigned)i + 10)),
			"fill");
	/* Others are to write from here on. */
	if (is_single)
		step_reopen();
	before = end_of();
	if (dead.op != NONE && eighth)
		step_strand_at(&dead, eighth);
	else if (dead.op != NONE)
		step_strand(&dead, had_effect);
	step_task.id = id_in((enum shape)group->shape, 50);
	before = end_of();
}

/* ---- the judge ---- */

/* Read all: whole, side by side, and as many as are promised. */
static uint64_t read_all(void)
{
	struct agora_buffer b = {.data = found, .capacity = LARGEST};
	uint64_t cursor = 0, missed, count = 0, end = end_of();

	while (!agora_log_read(step_survivor, &cursor, &b, &missed)) {
		uint64_t id = id_of(found, b.size);

		if (missed && count)
			fail("a gap", (long)b.version, (long)missed);
		if (b.version >= before &&
			b.version - before < appends(step_task.op) &&
			id != batch_id(step_task.id,
				      (int)(b.version - before)) &&
			id != id_in(LONG, 70))
			fail("another record", (long)id, (long)b.version);
		count++;
	}
	if (cursor != end || count < (end < CAPACITY ? end : CAPACITY))
		fail("records", (long)count, (long)end);
	return end;
}

static void judge_end(uint64_t now)
{
	uint64_t most = before + appends(step_task.op);

	if (now < before || now > most)
		fail("end", (long)now, (long)before);
	if (!step_told->begun && now != before)
		fail("appended by nobody", (long)now, (long)before);
	if (step_told->done && (now != most || step_told->result))
		fail("not appended", (long)now, step_told->result);
}

static void account(void)
{
	struct agora_check c;

	check(agora_object_check(step_object(), 0, &c), "check");
	if (c.owned + c.held + c.unreachable + c.orphans + c.damaged ||
		c.blocks != c.free + c.published + c.parts ||
		c.published > CAPACITY + 1)
		fail("blocks leaked", (long)c.owned, (long)c.published);
}

/* variant: whether the survivor appends one record, or goes around. */
static void judge(int variant)
{
	uint64_t now = read_all();

	judge_end(now);
	for (int i = 0; i < (variant ? 40 : 1); i++)
		check(append(id_in(LONG, 70)), "append");
	if (read_all() != now + (variant ? 40 : 1))
		fail("what was appended beside", (long)end_of(), (long)now);
	/* Who becomes the only writer has repaired it, and so has a writer whom
	 * a dead reader held back. */
	step_repair(is_single || is_reliable ? 0 : 1);
	read_all();
	account();
}

const struct step_kind step_kind = {.name = "log",
	.groups = groups,
	.group_count = COUNT(groups),
	.variants = 2,
	.begin = begin,
	.open = open_log,
	.object = object_of,
	.warm = warm,
	.state = state_of,
	.repaired = repaired,
	.arrange = arrange,
	.ready = ready,
	.perform = perform,
	.judge = judge};
