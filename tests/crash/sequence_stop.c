/*
 * sequence_stop.c - stop clients of a sequence in the middle of what they do.
 *
 *   sequence_stop points          the named steps, one on each line
 *   sequence_stop KIND step NAME  stop a client at every pass of step NAME
 *   sequence_stop KIND waker NAME stop a pusher at NAME while a popper sleeps
 *   sequence_stop KIND sleeper    stop a popper that is about to sleep
 *
 * Who is stopped with SIGSTOP is alive, for however long: nobody may wait for
 * it, and nobody may take what is its own. Others do thousands of operations,
 * look for the dead and repair; then it goes on and ends what it was about.
 * Nobody died, so the accounts are exact.
 */
#include "sequence.h"

#include <sys/prctl.h>

/* Numbers of messages: the victim's, of those before, the survivor's. */
#define VICTIM   10
#define PREFILL  100
#define DEAD     200
#define SURVIVOR 1000
#define PUSHES   1500
#define BATCHES  2800

/* Pass through every step, whatever the others do meanwhile. */
static void work(struct log *log)
{
	struct agora_object *q = open_object(0, 0);
	struct agora_message m;

	/* All sizes: short ones, in parts, long ones. */
	for (uint32_t i = 0; i < 14; i++) {
		log_push(q, log, VICTIM + i);
		if (i % 7 == 3)
			log_acquire(q, log, false);
		if (i % 2)
			log_pop(q, log);
		if (i % 5 == 4)
			log_acquire(q, log, true);
	}
	for (int i = 0; i < 8; i++) {
		log_acquire(q, log, i % 3);
		log_pop(q, log);
	}
	work_in_batches(q, log, BATCHES);
	/* Leave with a message in hand: closing gives it back. */
	log_push(q, log, VICTIM + 14);
	agora_object_acquire(q, &m);
	agora_object_close(q);
}

/* Fork a client that gets a signal at the count-th pass of a step. */
static pid_t fork_victim(const char *name, long count, int signal,
	void (*run)(struct log *), struct log *log)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		fail("fork", errno, 0);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	crash_signal = signal;
	crash_arm(name, count);
	run(log);
	_exit(0);
}

/* True when it stopped, false when it came to its end before. */
static bool await_stop(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, WUNTRACED) != pid)
		fail("waitpid", errno, 0);
	if (WIFSTOPPED(status))
		return true;
	if (status)
		fail("victim", status, 0);
	return false;
}

static void go_on(pid_t pid)
{
	int status;

	kill(pid, SIGCONT);
	if (waitpid(pid, &status, 0) != pid || status)
		fail("who was stopped did not end well", status, 0);
}

static void repair(struct agora_object *q)
{
	struct agora_check report;

	check(agora_object_check(q, 1, &report), "repair");
	if (report.damaged)
		fail("damaged", (long)report.damaged, 0);
}

/* Thousands of operations while somebody is stopped. */
static void others(struct agora_object *q, struct log *log)
{
	for (uint32_t i = 0; i < PUSHES; i++) {
		/* Of the two at least one finds what it needs. */
		int pushed = log_push(q, log, SURVIVOR + i);
		int popped = log_pop(q, log);

		if (pushed && popped)
			fail("no progress", (long)i, 0);
		if (i % 16 == 0)
			log_acquire(q, log, i % 3);
		if (i % 512 == 0)
			repair(q);
	}
}

/* What was pushed came out, once, of all logs together. */
static void judge(const struct log *a, const struct log *b)
{
	for (uint32_t id = 0; id < IDS; id++) {
		int in = a->pushed[id] + b->pushed[id];
		int out = a->popped[id] + b->popped[id];

		if (in != out)
			fail("pushed and popped", in, out);
	}
}

/* Dies with a message in hand, if it did not die when it had claimed it. */
static void pop_one(struct log *log)
{
	struct agora_object *q = open_object(0, 0);
	struct agora_message m;

	if (!strcmp(kind->name, "queue"))
		log_pop(q, log); /* dies */
	check(agora_object_acquire(q, &m), "acquire");
	raise(SIGKILL);
}

static void push_dead(struct log *log)
{
	log_push(open_object(0, 0), log, DEAD);
}

static void kill_one(const char *name, void (*run)(struct log *))
{
	struct log *log = new_log();
	int status;
	pid_t pid = fork_victim(name, 1, SIGKILL, run, log);

	waitpid(pid, &status, 0);
	if (!WIFSIGNALED(status))
		fail("nobody died", status, 0);
	munmap(log, sizeof(*log));
}

/* What there is before. */
enum { NOTHING, EMPTY, HALF_FULL, TWO_DEAD, VARIANTS };

/*
 * Of the dead, one had a message in hand, which is delivered again, and one
 * had a message written that it did not push: recovery has work to do.
 */
static void prefill(struct agora_object *q, struct log *log, int variant)
{
	for (uint32_t i = 0; i < 11 && variant != NOTHING; i++) /* wrap */
		if (log_push(q, log, PREFILL + i) || log_pop(q, log))
			fail("prefill", (long)i, 0);
	for (uint32_t i = 11; i < 15 && variant >= HALF_FULL; i++)
		log_push(q, log, PREFILL + i);
	if (variant == TWO_DEAD) {
		kill_one("queue_pop_claimed", pop_one);
		kill_one(!strcmp(kind->name, "queue") ? "queue_push_ticket"
						      : "pool_claimed",
			push_dead);
	}
}

/* Each that died was recovered, once, and nobody else. */
static void count_recovered(struct agora_object *q, uint64_t count)
{
	struct agora_stat stat;

	check(agora_object_stat(q, &stat), "stat");
	if (stat.recovered != count)
		fail("recovered", (long)stat.recovered, (long)count);
}

/* One stop at the count-th pass. Returns false when there is no such pass. */
static bool one_stop(const char *name, long count, int variant)
{
	struct agora_object *q = open_object(AGORA_CREATE, 8);
	struct log *log = new_log(), *mine = new_log();
	bool stopped;
	pid_t pid;

	prefill(q, mine, variant);
	pid = fork_victim(name, count, SIGSTOP, work, log);
	stopped = await_stop(pid);
	if (stopped) {
		others(q, mine);
		go_on(pid);
	}
	while (!log_pop(q, mine))
		;
	repair(q);
	judge(log, mine);
	account(q);
	count_recovered(q, variant == TWO_DEAD ? 2 : 0);
	agora_object_close(q);
	check(agora_object_remove(space, path), "remove");
	munmap(log, sizeof(*log));
	munmap(mine, sizeof(*mine));
	return stopped;
}

static int step(const char *name)
{
	long stops = 0;

	for (int variant = 0; variant < VARIANTS; variant++)
		for (long count = 1;
			count < 100 && one_stop(name, count, variant); count++)
			stops++;
	printf("%ld stops\n", stops);
	return 0;
}

/* ---- stopped around sleeping ---- */

static void push_one(struct log *log)
{
	struct agora_object *q = open_object(0, 0);

	if (log_push(q, log, VICTIM))
		fail("push", 0, 0);
	agora_object_close(q);
}

static void pop_patiently(struct log *log)
{
	struct agora_object *q = open_object(0, 0);
	struct agora_buffer b = {.data = log->buffer[0], .capacity = LARGEST};

	check(agora_object_pop_wait(q, NULL, &b), "pop_wait");
	log->popped[id_of(log->buffer[0], b.size)]++;
	agora_object_close(q);
}

static void await_sleeper(struct agora_object *q)
{
	struct agora_stat stat = {.waiters = 0};

	while (!stat.waiters)
		check(agora_object_stat(q, &stat), "stat");
}

/* Who sleeps gets the message of a pusher who stopped before waking him. */
static int waker(const char *name)
{
	struct agora_object *q = open_object(AGORA_CREATE, 8);
	struct log *log = new_log(), *sleeping = new_log();
	int status;
	pid_t pusher, sleeper = fork_victim("", 0, 0, pop_patiently, sleeping);

	await_sleeper(q);
	pusher = fork_victim(name, 1, SIGSTOP, push_one, log);
	if (!await_stop(pusher))
		fail("the step was not reached", 0, 0);
	if (waitpid(sleeper, &status, 0) != sleeper || status)
		fail("the sleeper", status, 0);
	others(q, log);
	go_on(pusher);
	judge(log, sleeping);
	account(q);
	printf("woken\n");
	return 0;
}

/* Others take what came while the sleeper was stopped, but for one. */
static int sleeper(void)
{
	struct agora_object *q = open_object(AGORA_CREATE, 8);
	struct log *log = new_log(), *mine = new_log();
	pid_t pid = fork_victim("event_asleep", 1, SIGSTOP, pop_patiently, log);

	if (!await_stop(pid))
		fail("the step was not reached", 0, 0);
	others(q, mine);
	if (log_push(q, mine, PREFILL))
		fail("push", 0, 0);
	go_on(pid);
	judge(log, mine);
	account(q);
	printf("woken\n");
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[2] : "";

	if (argc == 2 && !strcmp(argv[1], "points"))
		return list_points();
	if (argc < 3 || !choose_kind(argv[1]))
		return 2;
	make_space();
	if (argc == 4 && !strcmp(what, "step"))
		return step(argv[3]);
	if (argc == 4 && !strcmp(what, "waker"))
		return waker(argv[3]);
	return argc == 3 && !strcmp(what, "sleeper") ? sleeper() : 2;
}
