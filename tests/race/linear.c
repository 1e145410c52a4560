/*
 * linear.c - record what clients do at the same time, and judge it.
 *
 *   linear SUBJECT HISTORIES [SEED]
 *   linear --list                the subjects: a structure made in one way
 *   linear self                  histories whose verdict is known
 *
 * Workers are processes with a handle each. A round is a short history: all
 * start together on an empty object, and each stops for a while at steps
 * chosen at random (crash_point()), so that the others overtake it. At the
 * end of a round the object is emptied, which is part of the history. In the
 * last round of a batch one worker is killed at such a step: what it was
 * doing may have happened or not.
 *
 * What a structure does stands in linear_KIND.c, one for each: see linear.h.
 *
 * Exits with 0, or with 1 and the history that makes no sense.
 */
#include "linear.h"

#include "base/crash.h"

#include <ftw.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 25 /* of a batch */
#define POINTS 400

struct agora_space *linear_space;
unsigned linear_capacity;

static char space_dir[200];
static struct subject *subjects, **subjects_end = &subjects;
static const struct subject *subject;
static struct agora_object *object;
static const char *points[POINTS]; /* where this worker may stop */
static unsigned point_count;
static bool reads_only;

/* What parent and workers share. */
static struct shared {
	_Atomic uint64_t stamp;
	_Atomic int round;    /* begins when it grows */
	_Atomic int finished; /* workers */
	struct {
		_Atomic int count;
		struct event event[OPS + EXTRA];
	} log[WORKERS];
} * shared;

void linear_fail(const char *what, long a, long b)
{
	fprintf(stderr, "failed: %s (%ld, %ld)\n", what, a, b);
	exit(1);
}

void linear_check(long result, const char *what)
{
	if (result < 0)
		linear_fail(what, result, 0);
}

void linear_add(struct subject *s)
{
	*subjects_end = s;
	subjects_end = &s->next;
}

/* ---- chance ---- */

static uint64_t chance;

unsigned linear_below(unsigned limit)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return (unsigned)(chance >> 33) % limit;
}

bool linear_is_of(const char *point, const char *const *words)
{
	for (; *words; words++)
		if (!strncmp(point, *words, strlen(*words)))
			return true;
	return false;
}

static void find_points(int self)
{
	size_t count;
	const char *const *names = crash_points(&count);

	for (size_t i = 0; i < count && point_count < POINTS; i++)
		if (subject->stops(self, names[i]))
			points[point_count++] = names[i];
	if (!point_count)
		linear_fail("no step to stop at", self, 0);
}

static const char *any_step(void)
{
	return points[linear_below(point_count)];
}

bool linear_may_die(void)
{
	return crash_signal == SIGKILL;
}

/* Stopped at a step: let the others go on for a while. */
static void stop_here(int number)
{
	/* A reader is overtaken by nothing less than several writes. */
	uint64_t until = shared->stamp + 1 + linear_below(reads_only ? 40 : 12);

	(void)number;
	for (int i = 0; i < 40 && shared->stamp < until; i++)
		sched_yield();
	crash_arm(any_step(), 1 + (long)linear_below(4));
}

/* ---- recording ---- */

static uint64_t stamp(void)
{
	return atomic_fetch_add(&shared->stamp, 1) + 1;
}

static struct event *slots(int self, int count)
{
	int used = shared->log[self].count;

	if (used + count > OPS + EXTRA)
		linear_fail("too many operations of a worker", used, count);
	return &shared->log[self].event[used];
}

struct event *linear_record(int self, struct event e)
{
	struct event *slot = slots(self, 1);

	e.begin = stamp();
	*slot = e;
	shared->log[self].count++;
	subject->perform(&e);
	e.end = stamp();
	*slot = e;
	return slot;
}

void linear_record_several(
	int self, struct event *e, int count, int (*perform)(struct event *e))
{
	struct event *slot = slots(self, count);
	int used = shared->log[self].count;
	uint64_t now = stamp();

	for (int i = 0; i < count; i++)
		e[i].begin = now;
	memcpy(slot, e, (size_t)count * sizeof(*e));
	shared->log[self].count = used + count;
	shared->log[self].count = used + perform(e);
	now = stamp();
	for (int i = 0; i < count; i++)
		e[i].end = now;
	memcpy(slot, e, (size_t)count * sizeof(*e));
}

/* ---- workers ---- */

static void work(int self, bool killed)
{
	_Atomic int *count = &shared->log[self].count;
	int ops = 3 + (int)linear_below(OPS - 4);

	crash_signal = killed ? SIGKILL : SIGUSR1;
	crash_arm(any_step(), 1 + (long)linear_below(6));
	while (ops-- > 0 && *count < OPS - 1)
		subject->work(self, *count);
	if (subject->finish)
		subject->finish(self);
	crash_arm(NULL, 0);
}

static void worker(int self, uint64_t seed, bool killed)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGUSR1, stop_here);
	chance = seed;
	reads_only = subject->readers_from && self >= subject->readers_from;
	find_points(self);
	subject->open(AGORA_WRITE);
	shared->finished++;
	for (int round = 1; round <= ROUNDS; round++) {
		while (shared->round < round)
			sched_yield();
		work(self, killed && round == ROUNDS);
		shared->finished++;
	}
	_exit(0);
}

static void start_workers(void)
{
	for (int w = 0; w < WORKERS; w++) {
		uint64_t seed = chance + (uint64_t)w * 7919 + 1;
		pid_t pid = fork();

		linear_check(pid, "fork");
		if (!pid)
			worker(w, seed, w == 0);
	}
}

static void await_workers(void)
{
	while (shared->finished < WORKERS) {
		int status = 0;

		sched_yield();
		if (waitpid(-1, &status, WNOHANG) > 0)
			linear_fail("a worker ended", status, 0);
	}
	shared->finished = 0;
}

/* ---- rounds ---- */

static struct {
	long histories, overlapping, deaths;
} total;

static void print_history(const struct history *h, const char *const *ops)
{
	for (int i = 0; i < h->count; i++) {
		const struct event *e = &h->event[i];
		int last = 4;

		fprintf(stderr, "%3lu..%3lu %s %d %lx -> %d %lx", e->begin,
			e->end, ops[e->op], e->key, e->arg, e->result, e->out);
		while (last > 0 && !e->more[last - 1])
			last--;
		for (int k = 0; k < last; k++)
			fprintf(stderr, " %lx", e->more[k]);
		fputc('\n', stderr);
	}
}

static bool overlap(const struct history *h)
{
	for (int i = 0; i < h->count; i++)
		for (int k = 0; k < i; k++)
			if (h->event[k].end > h->event[i].begin &&
				h->event[i].end > h->event[k].begin)
				return true;
	return false;
}

static void judge(const struct history *h)
{
	total.histories++;
	total.overlapping += overlap(h);
	if (is_linearizable(h))
		return;
	print_history(h, subject->ops);
	linear_fail("not linearizable", total.histories, h->count);
}

static void add(struct history *h, struct event e)
{
	if (h->count == EVENTS_MAX)
		linear_fail("too many operations", h->count, 0);
	h->event[h->count++] = e;
}

/* What the workers did, to one key or all of it. */
static void collect(struct history *h, int key)
{
	for (int w = 0; w < WORKERS; w++)
		for (int i = 0; i < shared->log[w].count; i++)
			if (!subject->partitions ||
				shared->log[w].event[i].key == key)
				add(h, shared->log[w].event[i]);
}

static void judge_round(bool last)
{
	int count = subject->partitions ? subject->partitions : 1;

	for (int key = 0; key < count; key++) {
		struct history h = {.step = subject->step};
		struct event drain = {.key = key, .begin = stamp()};

		collect(&h, key);
		subject->drain(&drain, last);
		drain.end = stamp();
		add(&h, drain);
		judge(&h);
	}
}

/* The last round: one of them may have been killed. */
static void await_ends(void)
{
	struct agora_check report;
	int status;

	for (int w = 0; w < WORKERS; w++) {
		linear_check(wait(&status), "wait");
		if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
			total.deaths++;
		else if (status)
			linear_fail("a worker failed", status, 0);
	}
	linear_check(agora_object_check(object, 1, &report), "repair");
}

static void batch(void)
{
	memset(shared, 0, sizeof(*shared));
	linear_capacity = 1 + linear_below(4);
	object = subject->open(AGORA_WRITE | AGORA_CREATE);
	if (subject->prepare)
		subject->prepare();
	start_workers();
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
		judge_round(round == ROUNDS);
	}
	agora_object_close(object);
	linear_check(
		agora_object_remove(linear_space, subject->path), "remove");
}

/* ---- the judge is judged ---- */

static void expect(const struct subject *s, const struct verdict *v)
{
	struct history h = {.step = s->step};

	for (int i = 0; v->event[i].begin; i++)
		add(&h, v->event[i]);
	if (is_linearizable(&h) == v->sound)
		return;
	print_history(&h, s->ops);
	linear_fail(s->name, v->sound, v - s->verdicts);
}

static int self_test(void)
{
	linear_capacity = 2;
	for (const struct subject *s = subjects; s; s = s->next)
		for (int i = 0; i < s->verdict_count; i++)
			expect(s, &s->verdicts[i]);
	return 0;
}

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
		linear_fail("mkdtemp", errno, 0);
	owner = getpid();
	atexit(clean_up);
	linear_check(agora_space_open(space_dir, &linear_space), "space");
	linear_check(agora_program_create(linear_space, "p", NULL), "program");
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		linear_fail("mmap", errno, 0);
}

static int list(void)
{
	for (const struct subject *s = subjects; s; s = s->next)
		puts(s->name);
	return 0;
}

int main(int argc, char **argv)
{
	long histories = argc > 2 ? atol(argv[2]) : 0;

	if (argc == 2 && !strcmp(argv[1], "self"))
		return self_test();
	if (argc == 2 && !strcmp(argv[1], "--list"))
		return list();
	for (subject = subjects; subject && argc > 1; subject = subject->next)
		if (!strcmp(subject->name, argv[1]))
			break;
	if (!subject || histories < 1)
		return 2;
	chance = argc > 3 ? strtoull(argv[3], NULL, 0) : (uint64_t)getpid();
	chance = chance * UINT64_C(0x9e3779b97f4a7c15) + 1;
	make_space();
	while (total.histories < histories)
		batch();
	printf("%ld histories, %ld with operations that overlap, %ld deaths\n",
		total.histories, total.overlapping, total.deaths);
	return 0;
}
