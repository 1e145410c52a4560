/*
 * linear.c - record what clients do at the same time, and judge it.
 *
 *   linear queue|spsc|table|one HISTORIES [SEED]
 *   linear self                  histories whose verdict is known
 *
 * Workers are processes with a handle each. A round is a short history: all
 * start together on an empty object, and each stops for a while at steps
 * chosen at random (crash_point()), so that the others overtake it. At the
 * end of a round the object is emptied, which is part of the history. In the
 * last round of a batch one worker is killed at such a step: what it was
 * doing may have happened or not.
 *
 * one: a table with one writer. The first worker writes, the others read;
 * the keys are found behind a line that is full but for one of them.
 *
 * Exits with 0, or with 1 and the history that makes no sense.
 */
#include "linear.h"

#include "base/crash.h"
#include "base/hash.h"
#include "shm/format.h"

#include <agora/agora.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS 3
#define OPS     16 /* of one worker in a round */
#define ROUNDS  25 /* of a batch */
#define KEYS    3

static char space_dir[200];
static struct agora_space *space;
static bool is_table, is_spsc, is_single, reads_only;
static struct agora_queue *queue;
static struct agora_table *table;
#define SEATS 6 /* words of their line that other keys take */
static uint64_t keys[KEYS + SEATS];

/* What parent and workers share. */
static struct shared {
	_Atomic uint64_t stamp;
	_Atomic int round;    /* begins when it grows */
	_Atomic int finished; /* workers */
	struct {
		_Atomic int count;
		struct event event[OPS + KEYS];
	} log[WORKERS];
} * shared;

static void fail(const char *what, long a, long b)
{
	fprintf(stderr, "failed: %s (%ld, %ld)\n", what, a, b);
	exit(1);
}

static void check(long result, const char *what)
{
	if (result < 0)
		fail(what, result, 0);
}

/* ---- chance ---- */

static uint64_t chance;

static unsigned below(unsigned limit)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return (unsigned)(chance >> 33) % limit;
}

/* What reads and writes of short values pass, where there is one writer. */
static const char *any_single_step(void)
{
	static const char *const steps[] = {"table_one_found",
		"table_one_copied", "table_one_taken", "table_one_written",
		"table_one_passed", "table_one_published"};

	return steps[reads_only ? below(2) : 2 + below(4)];
}

/* A step of the kind at hand, or of what it stands on. */
static const char *any_step(void)
{
	const char *own = is_table ? "table_" : is_spsc ? "spsc_" : "queue_";
	const char *name;
	size_t count;

	if (is_single)
		return any_single_step();
	do {
		const char *const *names = crash_points(&count);

		name = names[below((unsigned)count)];
	} while (strncmp(name, own, strlen(own)) &&
		 (is_spsc || strncmp(name, "pool_", 5)));
	return name;
}

/* Stopped at a step: let the others go on for a while. */
static void stop_here(int number)
{
	/* A reader is overtaken by nothing less than several writes. */
	uint64_t until = shared->stamp + 1 + below(reads_only ? 40 : 12);

	(void)number;
	for (int i = 0; i < 40 && shared->stamp < until; i++)
		sched_yield();
	crash_arm(any_step(), 1 + (long)below(4));
}

/* ---- operations ---- */

static uint64_t stamp(void)
{
	return atomic_fetch_add(&shared->stamp, 1) + 1;
}

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

static void do_queue(struct event *e)
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
		fail("operation", (long)e->op, e->result);
}

/* version: of the value e->out, for COMPARE; set by GET. */
static void do_table(struct event *e, uint64_t *version)
{
	uint64_t value = 0;
	int64_t sum = 0;
	struct agora_buffer b = {.data = &value, .capacity = sizeof(value)};
	struct agora_buffer in = {
		.data = &e->arg, .size = sizeof(e->arg), .version = *version};

	switch (e->op) {
	case PUT:
		e->result =
			agora_table_put(table, &keys[e->key], 8, &e->arg, 8);
		break;
	case GET:
		e->result = agora_table_get(table, &keys[e->key], 8, &b);
		e->out = value;
		*version = e->result ? 0 : b.version;
		break;
	case DELETE:
		e->result = agora_table_delete(table, &keys[e->key], 8);
		break;
	case COMPARE:
		e->result =
			agora_table_compare(table, &keys[e->key], 8, &in, NULL);
		break;
	default:
		e->result = agora_table_add(
			table, &keys[e->key], 8, (int64_t)e->arg, &sum);
		e->out = (uint64_t)sum;
	}
	if (e->result && e->result != -ENOENT && e->result != -ESTALE)
		fail("operation", (long)e->op, e->result);
}

/* Record an operation: it is there as soon as it may have begun. */
static struct event *record(int self, struct event e, uint64_t *version)
{
	int count = shared->log[self].count;
	struct event *slot = &shared->log[self].event[count];

	e.begin = stamp();
	*slot = e;
	shared->log[self].count = count + 1;
	if (is_table)
		do_table(&e, version);
	else
		do_queue(&e);
	e.end = stamp();
	*slot = e;
	return slot;
}

/* Values are single bits, so that no sum of them comes twice. */
static void work_on_table(int self, int i)
{
	static const enum op ops[] = {PUT, PUT, GET, GET, DELETE, ADD, COMPARE};
	struct event e = {.op = ops[below(7)],
		.key = (int)below(KEYS),
		.arg = UINT64_C(1) << (self * OPS + i)};
	uint64_t version = 0;

	if (is_single && self)
		e.op = GET;
	if (e.op == COMPARE) {
		struct event look = {.op = GET, .key = e.key};
		struct event *seen_value = record(self, look, &version);

		e.out = seen_value->result ? 0 : seen_value->out;
	}
	record(self, e, &version);
}

/* What a batch of two did, as two operations of the same time. */
static int do_batch(struct event *e)
{
	uint64_t value[2] = {0, 0};
	struct agora_buffer out[2] = {{.data = &value[0], .capacity = 8},
		{.data = &value[1], .capacity = 8}};
	struct iovec in[2] = {{&e[0].arg, 8}, {&e[1].arg, 8}};
	bool push = e->op == PUSH;
	int result = push ? agora_queue_push_batch(queue, in, 2)
			  : agora_queue_pop_batch(queue, out, 2);

	if (result < 0 && result != -EAGAIN)
		fail("batch", (long)e->op, result);
	for (int i = 0; i < 2; i++) {
		e[i].result = i < result ? 0 : -EAGAIN;
		e[i].out = push ? 0 : value[i];
	}
	/* The first that found no room tells; a pop need not take all. */
	return result == 2 || (push && result == 1) ? 2 : 1;
}

static void record_batch(int self, int i, enum op op)
{
	struct event *slot = &shared->log[self].event[i];
	struct event e[2];

	for (int k = 0; k < 2; k++)
		e[k] = (struct event){
			.op = op, .arg = (uint64_t)(self * OPS + i + k + 1)};
	e[0].begin = e[1].begin = stamp();
	memcpy(slot, e, sizeof(e));
	shared->log[self].count = i + 2;
	shared->log[self].count = i + do_batch(e);
	e[0].end = e[1].end = stamp();
	memcpy(slot, e, sizeof(e));
}

/* One who may be killed takes one message at a time: judge has room for it. */
static void work_on_queue(int self, int i)
{
	static const enum op ops[] = {
		PUSH, PUSH, PUSH, POP, POP, TAKE, PEEK, PUSH, POP};
	unsigned choice = below(9);
	struct event e = {
		.op = ops[choice], .arg = (uint64_t)(self * OPS + i + 1)};

	/* What an SPSC queue has in hand still takes room. */
	if (is_spsc && e.op == TAKE)
		e.op = POP;
	if (choice > 6 && !is_spsc && i < OPS - 2 &&
		(e.op == PUSH || crash_signal != SIGKILL))
		record_batch(self, i, e.op);
	else
		record(self, e, NULL);
	/* Roles wander. Another can have one only when we have none. */
	if (is_spsc && !below(3))
		agora_object_yield(agora_queue_object(queue));
}

/* Delete what is there: the next round begins with nothing. */
static void empty_table(int self)
{
	uint64_t version = 0;

	for (int key = 0; key < KEYS; key++) {
		struct event e = {.op = DELETE, .key = key};

		record(self, e, &version);
	}
}

/* Keys that share a bucket, or line, of which a small table has 64. */
static void find_keys(void)
{
	struct header_shm header;
	int fd = agora_object_fd(agora_table_object(table)), found = 0;

	check(pread(fd, &header, sizeof(header), 0), "read the header");
	for (uint64_t key = 0; found < KEYS + SEATS; key++)
		if (hash_bytes(&key, sizeof(key), header.seed) >> 58 == 9)
			keys[found++] = key;
}

static void open_object(uint32_t flags)
{
	struct agora_options options = {.capacity = queue_capacity,
		.message_size = 8,
		.flags = AGORA_FIXED | (is_spsc ? AGORA_SPSC : 0),
		.clients = 16};
	struct agora_options table_options = {.capacity = 1,
		.message_size = 8,
		.key_size = 8,
		.writers = is_single ? AGORA_WRITERS_ONE : AGORA_WRITERS_MANY,
		.clients = 16};

	flags |= AGORA_WRITE;
	check(is_table ? agora_table_open(space, "p/x.table", flags,
				 &table_options, &table)
		       : agora_queue_open(
				 space, "p/x.queue", flags, &options, &queue),
		"open");
}

/* Make it hard to find a place for a key; then others are to write. */
static void take_seats(void)
{
	for (int i = 0; i < SEATS; i++)
		check(agora_table_put(table, &keys[KEYS + i], 8, "", 0),
			"take a seat");
	agora_table_close(table);
	open_object(0);
}

static void worker(int self, uint64_t seed, bool killed)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGUSR1, stop_here);
	chance = seed;
	reads_only = is_single && self;
	open_object(0);
	shared->finished++;
	for (int round = 1; round <= ROUNDS; round++) {
		int ops = 3 + (int)below(OPS - 4);

		while (shared->round < round)
			sched_yield();
		crash_signal = killed && round == ROUNDS ? SIGKILL : SIGUSR1;
		crash_arm(any_step(), 1 + (long)below(6));
		while (ops-- > 0 && shared->log[self].count < OPS - 1)
			if (is_table)
				work_on_table(self, shared->log[self].count);
			else
				work_on_queue(self, shared->log[self].count);
		if (is_single && !self)
			empty_table(self);
		crash_arm(NULL, 0);
		if (is_spsc)
			agora_object_yield(agora_queue_object(queue));
		shared->finished++;
	}
	_exit(0);
}

/* ---- rounds ---- */

static struct {
	long histories, overlapping, deaths;
} total;

static void print_history(const struct history *h)
{
	static const char *const names[] = {"push", "pop", "take", "peek",
		"drain", "put", "get", "delete", "compare", "add"};

	for (int i = 0; i < h->count; i++) {
		const struct event *e = &h->event[i];

		fprintf(stderr, "%3lu..%3lu %s %d %lx -> %d %lx\n", e->begin,
			e->end, names[e->op], e->key, e->arg, e->result,
			e->out);
	}
}

static void judge(const struct history *h)
{
	total.histories++;
	for (int i = 0; i < h->count; i++)
		for (int k = 0; k < i; k++)
			if (h->event[k].end > h->event[i].begin &&
				h->event[i].end > h->event[k].begin) {
				total.overlapping++;
				i = k = h->count;
			}
	if (is_linearizable(h))
		return;
	print_history(h);
	fail("not linearizable", total.histories, h->count);
}

static void add(struct history *h, struct event e)
{
	if (h->count == EVENTS_MAX)
		fail("too many operations", h->count, 0);
	h->event[h->count++] = e;
}

/* What the workers did, to one key or all of it. */
static void collect(struct history *h, int key)
{
	for (int w = 0; w < WORKERS; w++)
		for (int i = 0; i < shared->log[w].count; i++)
			if (shared->log[w].event[i].key == key)
				add(h, shared->log[w].event[i]);
}

static void judge_queue(void)
{
	struct history h = {.step = step_queue};
	struct event drain = {.op = DRAIN, .begin = stamp()};
	struct event pop = {.op = POP};

	collect(&h, 0);
	for (unsigned n = 0; do_queue(&pop), !pop.result; n++)
		drain.out |= pop.out << 8 * n;
	if (pop.result != -EAGAIN)
		fail("drain", pop.result, 0);
	agora_object_yield(agora_queue_object(queue));
	drain.end = stamp();
	add(&h, drain);
	judge(&h);
}

static void judge_table(bool last)
{
	uint64_t version = 0;

	for (int key = 0; key < KEYS; key++) {
		struct history h = {.step = step_key};
		struct event get = {.op = GET, .key = key, .begin = stamp()};
		struct event delete = {.op = DELETE, .key = key};

		collect(&h, key);
		do_table(&get, &version);
		get.end = stamp();
		add(&h, get);
		judge(&h);
		/* The only writer has done it, unless he was killed. */
		if (!is_single || last)
			do_table(&delete, &version);
	}
}

static void await_workers(void)
{
	while (shared->finished < WORKERS) {
		int status = 0;

		sched_yield();
		if (waitpid(-1, &status, WNOHANG) > 0)
			fail("a worker ended", status, 0);
	}
	shared->finished = 0;
}

/* The last round: one of them may have been killed. */
static void await_ends(void)
{
	struct agora_check report;
	struct agora_object *object = is_table ? agora_table_object(table)
					       : agora_queue_object(queue);
	int status;

	for (int w = 0; w < WORKERS; w++) {
		check(wait(&status), "wait");
		if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
			total.deaths++;
		else if (status)
			fail("a worker failed", status, 0);
	}
	check(agora_object_check(object, 1, &report), "repair");
}

static void batch(void)
{
	memset(shared, 0, sizeof(*shared));
	queue_capacity = 1 + below(4);
	open_object(AGORA_CREATE);
	if (is_table)
		find_keys();
	if (is_single)
		take_seats();
	for (int w = 0; w < WORKERS; w++) {
		uint64_t seed = chance + (uint64_t)w * 7919 + 1;
		pid_t pid = fork();

		check(pid, "fork");
		if (!pid)
			worker(w, seed, w == 0);
	}
	await_workers();
	for (int round = 1; round <= ROUNDS; round++) {
		for (int w = 0; w < WORKERS; w++)
			shared->log[w].count = 0;
		shared->stamp = 0;
		shared->round = round;
		if (round < ROUNDS)
			await_workers();
		else
			await_ends();
		if (is_table)
			judge_table(round == ROUNDS);
		else
			judge_queue();
	}
	if (is_table)
		agora_table_close(table);
	else
		agora_queue_close(queue);
	check(agora_object_remove(space, is_table ? "p/x.table" : "p/x.queue"),
		"remove");
}

#include "linear_self.h"

/* ---- main ---- */

static int remove_one(
	const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static pid_t owner;

static void clean_up(void)
{
	if (owner == getpid())
		nftw(space_dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void make_space(void)
{
	const char *root = getenv("AGORA_TEST_ROOT");

	snprintf(space_dir, sizeof(space_dir), "%s/agora-linear-XXXXXX",
		root ? root : "/dev/shm");
	if (!mkdtemp(space_dir))
		fail("mkdtemp", errno, 0);
	owner = getpid();
	atexit(clean_up);
	check(agora_space_open(space_dir, &space), "space");
	check(agora_program_create(space, "p", NULL), "program");
}

int main(int argc, char **argv)
{
	long histories = argc > 2 ? atol(argv[2]) : 0;

	if (argc == 2 && !strcmp(argv[1], "self"))
		return self_test();
	if (histories < 1 ||
		(strcmp(argv[1], "queue") && strcmp(argv[1], "spsc") &&
			strcmp(argv[1], "table") && strcmp(argv[1], "one")))
		return 2;
	is_spsc = !strcmp(argv[1], "spsc");
	is_single = !strcmp(argv[1], "one");
	is_table = is_single || !strcmp(argv[1], "table");
	chance = argc > 3 ? strtoull(argv[3], NULL, 0) : (uint64_t)getpid();
	chance = chance * UINT64_C(0x9e3779b97f4a7c15) + 1;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		fail("mmap", errno, 0);
	make_space();
	while (total.histories < histories)
		batch();
	printf("%ld histories, %ld with operations that overlap, %ld deaths\n",
		total.histories, total.overlapping, total.deaths);
	return 0;
}
