/*
 * heap.c - kill clients of a heap, and look whether anything is missing.
 *
 *   heap points            the named steps, one on each line
 *   heap step NAME [NAME2] kill a client at every pass of step NAME; with
 *                          NAME2, also kill at NAME2 who recovers it
 *   heap storm KILLS [relaxed]
 *                          2 producers and 2 consumers, killed at random
 *   heap wake NAME         kill a pusher at NAME while a popper sleeps
 */
#include "heap.h"

#define CAPACITY 12

/* ---- kill at a step ---- */

/* Pass through every step of every operation, from whatever state. */
static void work(uint32_t life)
{
	struct agora_heap *h = open_heap(0, 0);
	uint32_t n = 0;

	n += 4 * (push_some(h, life, n, 4, false) > 0);
	for (int i = 0; i < 5; i++)
		push_some(h, life, 100 + n++, 1, false);
	pop_some(h, 0, 1, false);
	hold_one(h, 0, true);
	hold_one(h, 0, false);
	pop_some(h, 0, 3, false);
	while (pop_some(h, 0, 1, false) > 0)
		;
	push_some(h, life, 300, BATCH, false);
	pop_some(h, 0, BATCH, false);
	/* Until a cell is given a new version. */
	for (uint32_t i = 0; i < 120; i++) {
		push_some(h, life, 400 + i, 1, false);
		pop_some(h, 0, 1, false);
	}
	push_some(h, life, 600, 3, false);
	hold_one(h, 0, false);
	agora_heap_close(h);
}

static void recover(uint32_t life)
{
	struct agora_heap *h = open_heap(0, 0);
	struct agora_check report;

	(void)life;
	agora_object_check(agora_heap_object(h), 1, &report);
	agora_heap_close(h);
}

/* Returns true when it died of its step. */
static bool victim(
	const char *name, long count, void (*run)(uint32_t), uint32_t life)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		crash_arm(name, count);
		run(life);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return true;
	if (status)
		fail("victim", status, count);
	return false;
}

/* The survivor makes progress while the dead one is not recovered. */
static void progress(struct agora_heap *h, uint32_t life)
{
	for (uint32_t i = 0; i < 4; i++) {
		int pushed = push_some(h, life, i, 1, false);

		if (pop_some(h, 1, 1, false) < 0 && pushed < 0)
			fail("no progress", pushed, (long)i);
	}
}

/* One death at the count-th pass. Returns false when there is no such pass. */
static bool one_death(
	const char *name, const char *second, long count, uint32_t prefill)
{
	struct agora_heap *h = open_heap(AGORA_CREATE, CAPACITY);
	struct agora_check report;
	bool died;

	memset(shared, 0, 4 * NUMBERS);
	memset(shared->taken, 0, 4 * NUMBERS);
	memset(shared->maybe, 0, 4 * NUMBERS);
	memset(shared->pushing, 0, sizeof(*shared->pushing) * 4);
	for (uint32_t i = 0; i < prefill; i++)
		push_some(h, 1, i, 1, false);
	died = victim(name, count, work, 2);
	forgive(0);
	progress(h, 3);
	for (long k = 1; second && died; k++)
		if (!victim(second, k, recover, 0))
			break;
	check(agora_object_check(agora_heap_object(h), 1, &report), "repair");
	drain(h);
	judge(4);
	account(h);
	agora_heap_close(h);
	check(agora_object_remove(space, PATH), "remove");
	return died;
}

/* All passes of some, every so many of those that there are many of. */
static int step(const char *name, const char *second)
{
	long deaths = 0;

	for (uint32_t prefill = 0; prefill <= CAPACITY; prefill += 4)
		for (long count = 1;
			count < 3000 && one_death(name, second, count, prefill);
			count += count < 12 ? 1 : count / 3)
			deaths++;
	printf("%ld deaths\n", deaths);
	return 0;
}

/* ---- a storm ---- */

static void produce(uint32_t life)
{
	struct agora_heap *h = open_heap(0, 0);

	srandom(life);
	for (uint32_t n = 0; n + BATCH < NUMBERS;) {
		uint32_t count = 1 + (uint32_t)random() % BATCH;
		int done =
			push_some(h, life, n, random() % 2 ? count : 1, true);

		check(done, "push");
		n += (uint32_t)done;
	}
	pause();
}

static void consume(int self)
{
	struct agora_heap *h = open_heap(0, 0);

	srandom((unsigned)getpid());
	for (;;) {
		int result;

		if (random() % 6 == 0)
			result = hold_one(h, self, random() % 3 == 0);
		else
			result = pop_some(h, self,
				random() % 2 ? 1 + (uint32_t)random() % BATCH
					     : 1,
				true);
		if (result < 0 && result != -EAGAIN)
			fail("pop", result, 0);
	}
}

static pid_t spawn(int self, uint32_t life)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	if (self % 2)
		consume(self);
	else
		produce(life);
	_exit(1);
}

static void kill_one(const pid_t *pid, int self)
{
	int status;

	kill(pid[self], SIGKILL);
	waitpid(pid[self], &status, 0);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		fail("a worker ended by itself", status, self);
	forgive(self);
}

static int storm(long kills)
{
	struct agora_heap *h = open_heap(AGORA_CREATE, 100);
	struct agora_check report;
	pid_t pid[WORKERS];
	uint32_t life = 0;

	srandom((unsigned)getpid());
	for (int i = 0; i < WORKERS; i++)
		pid[i] = spawn(i, life++);
	for (long n = 0; n < kills && life + 1 < LIVES; n++) {
		int self = (int)(random() % WORKERS);

		usleep((useconds_t)(random() % 3000));
		kill_one(pid, self);
		pid[self] = spawn(self, self % 2 ? 0 : life++);
	}
	for (int i = 0; i < WORKERS; i++)
		kill_one(pid, i);
	check(agora_object_check(agora_heap_object(h), 1, &report), "repair");
	drain(h);
	judge(life);
	account(h);
	printf("%ld kills, %lu messages, 0 lost, 0 repeated, 0 leaked\n", kills,
		(unsigned long)shared->messages);
	return 0;
}

/* ---- wake ---- */

static int wake(const char *name)
{
	struct agora_heap *h = open_heap(AGORA_CREATE, 8);
	struct agora_stat stat = {.waiters = 0};
	int status;
	pid_t pid = fork();

	if (!pid) {
		h = open_heap(0, 0);
		_exit(pop_some(h, 0, 1, true) != 1);
	}
	while (!stat.waiters)
		check(agora_object_stat(agora_heap_object(h), &stat), "stat");
	if (!fork()) {
		crash_arm(name, 1);
		push_some(open_heap(0, 0), 1, 0, 1, false);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	puts(status ? "lost" : "woken");
	while (wait(NULL) > 0)
		;
	return status;
}

static int points(void)
{
	size_t count;
	const char *const *names = crash_points(&count);

	for (size_t i = 0; i < count; i++)
		puts(names[i]);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "points"))
		return points();
	if (argc < 3)
		return 2;
	begin();
	if (!strcmp(argv[1], "step"))
		return step(argv[2], argc > 3 ? argv[3] : NULL);
	if (!strcmp(argv[1], "wake"))
		return wake(argv[2]);
	if (argc > 3)
		heap_flags = AGORA_RELAXED;
	return storm(atol(argv[2]));
}
