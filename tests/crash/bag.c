/*
 * bag.c - kill and stop clients of a stack or a list: is anything missing?
 *
 *   bag points                 the named steps, one on each line
 *   bag KIND step NAME [NAME2] kill a client at every pass of step NAME; with
 *                              NAME2, also kill at NAME2 who recovers it
 *   bag KIND stop NAME         stop a client (SIGSTOP) at every pass of step
 *                              NAME, while others do thousands of operations
 *   bag KIND wake NAME         kill a pusher at NAME while a popper sleeps
 */
#include "bag_log.h"

#include "base/crash.h"

#define VICTIM   10
#define PREFILL  100
#define DEAD     200
#define PROGRESS 300
#define SURVIVOR 1000
#define OTHERS   1500

/* ---- what a victim does: all steps of all operations ---- */

static void work_list(struct bag bag, struct log *log, uint32_t id)
{
	log_push(bag, log, id++, FRONT);
	log_insert(bag, log, id++, true);
	log_insert(bag, log, id++, false);
	log_remove(bag, log);
	log_acquire(bag, log, BACK, false);
	log_pop(bag, log, BACK);
	log_push(bag, log, id++, FRONT);
	log_push(bag, log, id++, FRONT);
	log_acquire(bag, log, BACK, true);
	log_remove(bag, log);
	log_remove(bag, log);
}

static void work(struct log *log)
{
	struct bag bag = open_bag(0, 0);
	struct agora_message m[2];
	uint32_t id = VICTIM;

	for (int i = 0; i < 7; i++)
		log_push(bag, log, id++, BACK);
	log_pop(bag, log, FRONT);
	log_acquire(bag, log, FRONT, false);
	log_acquire(bag, log, FRONT, true);
	for (int i = 0; i < 3; i++)
		log_pop(bag, log, FRONT);
	if (bag.list)
		work_list(bag, log, VICTIM + 20);
	while (!log_pop(bag, log, FRONT))
		;
	log_push(bag, log, id++, BACK);
	log_push(bag, log, id++, BACK);
	log_push(bag, log, id++, BACK);
	/* Leave with messages in hand: closing puts them back. */
	agora_object_acquire(bag.object, &m[0]);
	agora_object_acquire(bag.object, &m[1]);
	agora_object_close(bag.object);
}

static void recoverer(struct log *log)
{
	struct bag bag = open_bag(0, 0);
	struct agora_check report;

	(void)log;
	agora_object_check(bag.object, 1, &report);
	agora_object_close(bag.object);
}

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

/* True when it was killed, false when it came to its end before. */
static bool victim(struct log *log, const char *name, long count,
	void (*run)(struct log *))
{
	pid_t pid = fork_victim(name, count, SIGKILL, run, log);
	int status;

	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return true;
	if (status)
		fail("victim", status, count);
	return false;
}

/* ---- killed at a step ---- */

/* Both logs together; what the dead one was about may be, or not. */
static void judge(const struct log *dead, const struct log *mine)
{
	for (uint32_t id = 0; id < IDS; id++) {
		int in = dead->pushed[id] + mine->pushed[id];
		int out = dead->popped[id] + mine->popped[id];

		if (out > 1)
			fail("delivered twice", (long)id, out);
		if (out && !in && dead->pushing != id + 1)
			fail("delivered, never pushed", (long)id, out);
		if (in && !out && !was_taking(dead, id))
			fail("lost", (long)id, dead->popping);
	}
}

/* The survivor makes progress while the dead one is not recovered. */
static void progress(struct bag bag, struct log *mine)
{
	for (uint32_t i = 0; i < 4; i++) {
		int pushed = log_push(bag, mine, PROGRESS + i, BACK);

		if (log_pop(bag, mine, FRONT) && pushed)
			fail("no progress", (long)i, 0);
	}
}

/* What there is before. */
enum { NOTHING, EMPTY, SOME, FULL, VARIANTS };

static void prefill(struct bag bag, struct log *mine, int variant)
{
	uint32_t count = variant == FULL ? 8 : variant == SOME ? 4 : 0;

	for (uint32_t i = 0; i < 11 && variant != NOTHING; i++)
		if (log_push(bag, mine, PREFILL + i, BACK) ||
			log_pop(bag, mine, FRONT))
			fail("prefill", (long)i, 0);
	for (uint32_t i = 11; i < 11 + count; i++)
		log_push(bag, mine, PREFILL + i, BACK);
}

/* What was there before, and what nobody touched, lies as it lay. */
static void drain(struct bag bag, struct log *mine)
{
	uint32_t last = 0, id;

	while (!log_pop(bag, mine, FRONT)) {
		memcpy(&id, mine->buffer, sizeof(id));
		if (id < PREFILL || id >= DEAD)
			continue;
		if (last && (bag.list ? id < last : id > last))
			fail("order", (long)last, (long)id);
		last = id;
	}
}

/* One death at the count-th pass. Returns false when there is no such pass. */
static bool one_death(
	const char *name, const char *second, long count, int variant)
{
	struct bag bag = open_bag(AGORA_CREATE, 8);
	struct log *log = new_log(), *mine = new_log();
	bool died;

	prefill(bag, mine, variant);
	died = victim(log, name, count, work);
	progress(bag, mine);
	for (long k = 1; second && died; k++)
		if (!victim(mine, second, k, recoverer))
			break;
	repair(bag);
	drain(bag, mine);
	judge(log, mine);
	account(bag);
	agora_object_close(bag.object);
	check(agora_object_remove(space, path()), "remove");
	munmap(log, sizeof(*log));
	munmap(mine, sizeof(*mine));
	return died;
}

static int step(const char *name, const char *second)
{
	long deaths = 0;

	for (int variant = 0; variant < VARIANTS; variant++)
		for (long count = 1;
			count < 200 && one_death(name, second, count, variant);
			count++)
			deaths++;
	printf("%ld deaths\n", deaths);
	return 0;
}

/* ---- stopped at a step ---- */

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

/* Thousands of operations while somebody is stopped. */
static void others(struct bag bag, struct log *mine)
{
	for (uint32_t i = 0; i < OTHERS; i++) {
		enum end end = i % 3 ? FRONT : BACK;
		int pushed = log_push(bag, mine, SURVIVOR + i, end);

		/* Of the two at least one finds what it needs. */
		if (log_pop(bag, mine, end) && pushed)
			fail("no progress", (long)i, 0);
		if (i % 16 == 0)
			log_acquire(bag, mine, end, i % 3);
		if (bag.list && i % 16 == 1)
			log_insert(
				bag, mine, SURVIVOR + OTHERS + i / 16, i % 3);
		if (bag.list && i % 16 == 2)
			log_remove(bag, mine);
		if (i % 512 == 0)
			repair(bag);
	}
}

static void take_one(struct log *log)
{
	log_acquire(open_bag(0, 0), log, FRONT, false);
}

static void push_dead(struct log *log)
{
	log_push(open_bag(0, 0), log, DEAD, BACK);
}

/* One died with a message in hand, and one had written one and not pushed it:
 * recovery has work to do. */
static void leave_dead(void)
{
	struct log *log = new_log();

	if (!victim(log, is_list ? "list_acquired" : "stack_acquired", 1,
		    take_one) ||
		!victim(log,
			is_list ? "list_insert_ticket" : "stack_push_ticket", 1,
			push_dead))
		fail("nobody died", 0, 0);
	munmap(log, sizeof(*log));
}

/* One stop at the count-th pass. Returns false when there is no such pass.
 * Nobody died but those that were dead before: the accounts are exact. */
static bool one_stop(const char *name, long count, int variant)
{
	struct bag bag = open_bag(AGORA_CREATE, 8);
	struct log *log = new_log(), *mine = new_log();
	struct agora_stat stat;
	bool stopped;
	pid_t pid;

	prefill(bag, mine, variant);
	if (variant == SOME)
		leave_dead();
	pid = fork_victim(name, count, SIGSTOP, work, log);
	stopped = await_stop(pid);
	if (stopped) {
		others(bag, mine);
		go_on(pid);
	}
	while (!log_pop(bag, mine, FRONT))
		;
	repair(bag);
	judge(log, mine);
	account(bag);
	check(agora_object_stat(bag.object, &stat), "stat");
	if (stat.recovered != (variant == SOME ? 2 : 0))
		fail("recovered", (long)stat.recovered, variant);
	agora_object_close(bag.object);
	check(agora_object_remove(space, path()), "remove");
	munmap(log, sizeof(*log));
	munmap(mine, sizeof(*mine));
	return stopped;
}

static int stop(const char *name)
{
	long stops = 0;

	for (int variant = 0; variant < VARIANTS; variant++)
		for (long count = 1;
			count < 100 && one_stop(name, count, variant); count++)
			stops++;
	printf("%ld stops\n", stops);
	return 0;
}

/* ---- killed between publishing and waking ---- */

static int wake(const char *name)
{
	struct bag bag = open_bag(AGORA_CREATE, 8);
	struct log *log = new_log();
	struct agora_stat stat = {.waiters = 0};
	int status;
	pid_t sleeper = fork();

	if (!sleeper) {
		struct bag mine = open_bag(0, 0);
		struct agora_buffer b = {
			.data = log->buffer, .capacity = LARGEST};
		struct timespec deadline = agora_deadline(30000000000);

		_exit(agora_object_pop_wait(mine.object, &deadline, &b) != 0);
	}
	while (!stat.waiters)
		check(agora_object_stat(bag.object, &stat), "stat");
	if (!victim(new_log(), name, 1, push_dead))
		fail("the step was not reached", 0, 0);
	waitpid(sleeper, &status, 0);
	if (status)
		fail("the sleeper was not woken", status, 0);
	printf("woken\n");
	return 0;
}

/* ---- main ---- */

static int list_points(void)
{
	size_t count;
	const char *const *names = crash_points(&count);

	for (size_t i = 0; i < count; i++)
		printf("%s\n", names[i]);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "points"))
		return list_points();
	if (argc < 4)
		return 2;
	is_list = !strcmp(argv[1], "list");
	make_space();
	if (!strcmp(argv[2], "step"))
		return step(argv[3], argc > 4 ? argv[4] : NULL);
	if (!strcmp(argv[2], "stop"))
		return stop(argv[3]);
	return strcmp(argv[2], "wake") ? 2 : wake(argv[3]);
}
