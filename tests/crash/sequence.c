/*
 * sequence.c - kill clients of a sequence, and look whether anything is
 * missing.
 *
 *   sequence kinds               the kinds that there are, one on each line
 *   sequence points              the named steps of all
 *   sequence KIND passed         those that a client of the kind passes
 *   sequence KIND recovery       those that are passed by who recovers one
 *   sequence KIND step NAME [NAME2]
 *                                kill a client at every pass of step NAME;
 *                                with NAME2, also kill at NAME2 who recovers
 *   sequence KIND grow NAME      kill one at NAME while memory is committed
 *   sequence KIND create NAME    kill a creator at NAME
 *   sequence KIND wake NAME      kill a pusher at NAME while a popper sleeps
 *   sequence KIND sleeper NAME   kill a popper at NAME, about to sleep
 *
 * A victim writes into a log, in memory shared with its parent, what it is
 * about to do and what it has done. What it was doing when it died may have
 * taken place or not; all else must have, exactly once.
 */
#include "sequence.h"

/* ---- kill at a step ---- */

/* Pass through every step of every operation, from whatever state. */
static void work(struct log *log, uint32_t first)
{
	struct agora_object *q = open_object(0, 0);
	struct agora_message m;

	log_push_batch(q, log, 700, 4);
	for (uint32_t i = 0; i < 7; i++)
		log_push(q, log, first + i);
	log_pop(q, log);
	log_acquire(q, log, false);
	for (uint32_t i = 0; i < 3; i++)
		log_pop(q, log);
	while (!log_push(q, log, first + 7) && first % 2)
		first++;
	while (!log_pop(q, log))
		;
	work_in_batches(q, log, 1400);
	if (!agora_object_acquire(q, &m))
		fail("it should be empty", 0, 0);
	log_push(q, log, first + 8);
	check(agora_object_acquire(q, &m), "acquire");
	/* Leave with a message in hand: closing gives it back. */
	agora_object_close(q);
	log->finished = 1;
}

static bool victim(struct log *log, const char *name, long count,
	void (*run)(struct log *, uint32_t), uint32_t first)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		crash_arm(name, count);
		run(log, first);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return true;
	if (status)
		fail("victim", status, count);
	return false;
}

static void recoverer(struct log *log, uint32_t first)
{
	struct agora_object *q = open_object(0, 0);
	struct agora_check report;

	(void)first;
	agora_object_check(q, 1, &report);
	agora_object_close(q);
	log->finished = 1;
}

/* Whether the victim was about to push or pop a message when it died. */
static bool was_pushing(const struct log *log, uint32_t id)
{
	uint32_t count = log->batch ? log->batch : 1;

	for (uint32_t i = 0; log->pushing && i < count; i++)
		if (log->pushing - 1 + 7 * i == id)
			return true;
	return false;
}

static bool was_popping(const struct log *log, uint32_t id)
{
	for (int i = 0; log->popping && i < BATCH; i++)
		if (!memcmp(log->buffer[i], &id, sizeof(id)))
			return true;
	return false;
}

/* What the survivor saw come out, beside what the victim's log says. */
static void judge(const struct log *log, const unsigned char *seen, uint32_t id)
{
	int out = seen[id] + log->popped[id];

	if (out > 1)
		fail("delivered twice", (long)id, out);
	if (!log->pushed[id] && !was_pushing(log, id) && out)
		fail("delivered, never pushed", (long)id, out);
	if (log->pushed[id] && !out && !was_popping(log, id))
		fail("lost", (long)id, log->popping);
}

static void drain(struct agora_object *q, unsigned char *seen)
{
	static unsigned char data[LARGEST];
	struct agora_buffer b = {.data = data, .capacity = LARGEST};
	int result;

	while (!(result = agora_object_pop(q, &b)))
		seen[id_of(data, b.size)]++;
	if (result != -EAGAIN)
		fail("drain", result, 0);
}

/* The survivor makes progress while the dead one is not recovered. */
static void progress(struct agora_object *q, struct log *log, uint32_t id,
	unsigned char *seen)
{
	static unsigned char data[LARGEST];
	struct agora_buffer b = {.data = data, .capacity = LARGEST};
	int pushed, popped;

	fill(data, id);
	pushed = agora_object_push(q, data, size_of(id));
	if (!pushed)
		log->pushed[id] = 1;
	popped = agora_object_pop(q, &b);
	if (!popped)
		seen[id_of(data, b.size)]++;
	if (pushed && popped)
		fail("no progress", pushed, popped);
}

/* One death at the count-th pass. Returns false when there is no such pass. */
static bool one_death(
	const char *name, const char *second, long count, uint32_t prefill)
{
	struct agora_object *q = open_object(AGORA_CREATE, 8);
	struct log *log = new_log();
	unsigned char *seen = calloc(1, IDS);
	struct agora_check report;
	bool died;

	for (uint32_t i = 0; i < 11; i++) /* wrap */
		if (log_push(q, log, 200 + i) || log_pop(q, log))
			fail("prefill", (long)i, 0);
	for (uint32_t i = 0; i < prefill; i++)
		log_push(q, log, 100 + i);
	log->popping = 0;
	died = victim(log, name, count, work, prefill % 2 ? 301 : 300);
	for (uint32_t i = 0; i < 4; i++)
		progress(q, log, 50 + i, seen);
	for (long k = 1; second && died; k++)
		if (!victim(new_log(), second, k, recoverer, 0))
			break;
	check(agora_object_check(q, 1, &report), "repair");
	drain(q, seen);
	for (uint32_t id = 0; id < IDS; id++)
		judge(log, seen, id);
	account(q);
	agora_object_close(q);
	check(agora_object_remove(space, path), "remove");
	munmap(log, sizeof(*log));
	free(seen);
	return died;
}

static int step(const char *name, const char *second)
{
	long deaths = 0;

	for (uint32_t prefill = 0; prefill <= 8; prefill += 4)
		for (uint32_t odd = 0; odd < 2; odd++)
			for (long count = 1;
				count < 200 &&
				one_death(name, second, count,
					prefill ? prefill - odd : odd);
				count++)
				deaths++;
	printf("%ld deaths\n", deaths);
	return 0;
}

/* ---- which steps there are ---- */

static _Atomic bool *noted; /* shared; of each name */

static void note(const char *name)
{
	size_t count;
	const char *const *names = crash_points(&count);

	for (size_t i = 0; i < count; i++)
		if (!strcmp(names[i], name))
			noted[i] = true;
}

static size_t start_noting(void)
{
	size_t count;

	crash_points(&count);
	noted = mmap(NULL, count * sizeof(*noted), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert(noted != MAP_FAILED);
	return count;
}

static void print_noted(const _Atomic bool *which, size_t count)
{
	const char *const *names = crash_points(&count);

	for (size_t i = 0; i < count; i++) {
		bool again = false;

		for (size_t k = 0; k < i && !again; k++)
			again = !strcmp(names[k], names[i]);
		if (which[i] && !again)
			puts(names[i]);
	}
}

/* What a victim passes that comes to no harm. */
static size_t note_work(void)
{
	size_t count = start_noting();

	for (uint32_t prefill = 0; prefill <= 8; prefill++) {
		struct agora_object *q = open_object(AGORA_CREATE, 8);
		struct log *log = new_log();

		for (uint32_t i = 0; i < prefill; i++)
			log_push(q, log, 100 + i);
		crash_hook = note;
		victim(log, NULL, 0, work, prefill % 2 ? 301 : 300);
		crash_hook = NULL;
		agora_object_close(q);
		check(agora_object_remove(space, path), "remove");
		munmap(log, sizeof(*log));
	}
	return count;
}

static int passed(void)
{
	size_t count = note_work();

	print_noted(noted, count);
	return 0;
}

/* What is passed by those who recover one that died at any such step. */
static int recovery(void)
{
	size_t count = note_work();
	const char *const *names = crash_points(&count);
	_Atomic bool *worked = noted;

	start_noting();
	for (size_t i = 0; i < count; i++) {
		struct agora_object *q;
		struct log *log;

		if (!worked[i])
			continue;
		q = open_object(AGORA_CREATE, 8);
		log = new_log();
		victim(log, names[i], 1, work, 300);
		crash_hook = note;
		victim(log, NULL, 0, recoverer, 0);
		crash_hook = NULL;
		agora_object_close(q);
		check(agora_object_remove(space, path), "remove");
		munmap(log, sizeof(*log));
	}
	print_noted(noted, count);
	return 0;
}

/* ---- grow ---- */

/* The first push of all commits memory; so does the first long one. */
static int grow(const char *name)
{
	long count = 0;
	bool died;

	do {
		struct agora_object *q = open_object(AGORA_CREATE, 8);
		struct log *log = new_log();
		unsigned char *seen = calloc(1, IDS);
		struct agora_check report;

		died = victim(log, name, ++count, work, 300);
		progress(q, log, 50, seen);
		check(agora_object_check(q, 1, &report), "repair");
		drain(q, seen);
		for (uint32_t id = 0; id < IDS; id++)
			judge(log, seen, id);
		account(q);
		agora_object_close(q);
		check(agora_object_remove(space, path), "remove");
		munmap(log, sizeof(*log));
		free(seen);
	} while (died);
	printf("%ld deaths\n", count - 1);
	return 0;
}

/* ---- create ---- */

static void creator(struct log *log, uint32_t first)
{
	(void)first;
	check(agora_object_create(space, path, NULL), "create");
	log->finished = 1;
}

/* A creator killed at a step leaves a whole object or nothing at all. */
static int create(const char *name)
{
	struct log *log = new_log();
	struct agora_object *object;
	char **names;
	int count, error;

	if (!victim(log, name, 1, creator, 0))
		fail("the step was not reached", 0, 0);
	count = agora_space_list(space, "program", &names);
	check(count, "list");
	agora_list_free(names);
	error = agora_object_open(space, path, AGORA_WRITE, NULL, &object);
	if (error != (count ? 0 : -ENOENT))
		fail("open what was created", error, count);
	if (!error)
		agora_object_close(object);
	if (agora_object_create(space, path, NULL) != (count ? -EEXIST : 0))
		fail("create again", count, 0);
	printf("%s\n", count ? "there" : "not there");
	return 0;
}

/* ---- kill between publishing and waking ---- */

static void pusher(struct log *log, uint32_t first)
{
	struct agora_object *q = open_object(0, 0);

	log_push(q, log, first);
	agora_object_close(q);
}

static int wake(const char *name)
{
	struct agora_object *q = open_object(AGORA_CREATE, 8);
	struct log *log = new_log();
	struct agora_stat stat = {.waiters = 0};
	int status;
	pid_t sleeper = fork();

	if (!sleeper) {
		struct agora_object *mine = open_object(0, 0);
		struct agora_buffer b = {
			.data = log->buffer, .capacity = LARGEST};
		struct timespec deadline = agora_deadline(30000000000);

		_exit(agora_object_pop_wait(mine, &deadline, &b) != 0);
	}
	while (!stat.waiters)
		check(agora_object_stat(q, &stat), "stat");
	if (!victim(new_log(), name, 1, pusher, 5))
		fail("the step was not reached", 0, 0);
	waitpid(sleeper, &status, 0);
	if (status)
		fail("the sleeper was not woken", status, 0);
	printf("woken\n");
	return 0;
}

static void sleeper(struct log *log, uint32_t first)
{
	struct agora_object *q = open_object(0, 0);
	struct agora_buffer b = {.data = log->buffer, .capacity = LARGEST};

	(void)first;
	agora_object_pop_wait(q, NULL, &b);
}

/* One dies about to sleep; the next message goes to one who lives. */
static int killed_sleeper(const char *name)
{
	struct agora_object *q = open_object(AGORA_CREATE, 8);
	unsigned char *seen = calloc(1, IDS);
	struct log *log = new_log();
	struct agora_check report;
	struct agora_stat stat;

	if (!victim(new_log(), name, 1, sleeper, 0))
		fail("the step was not reached", 0, 0);
	progress(q, log, 5, seen);
	check(agora_object_check(q, 1, &report), "repair");
	check(agora_object_stat(q, &stat), "stat");
	if (stat.waiters || seen[5] != 1)
		fail("a dead sleeper counts", stat.waiters, seen[5]);
	account(q);
	printf("fine\n");
	return 0;
}

/* ---- main ---- */

static int run(const char *what, const char *name, const char *second)
{
	if (!strcmp(what, "step"))
		return step(name, second);
	if (!strcmp(what, "grow"))
		return grow(name);
	if (!strcmp(what, "sleeper"))
		return killed_sleeper(name);
	if (!strcmp(what, "create"))
		return create(name);
	return strcmp(what, "wake") ? 2 : wake(name);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "points"))
		return list_points();
	if (argc == 2 && !strcmp(argv[1], "kinds"))
		return list_kinds();
	if (argc < 3 || !choose_kind(argv[1]))
		return 2;
	make_space();
	if (argc == 3 && !strcmp(argv[2], "passed"))
		return passed();
	if (argc == 3 && !strcmp(argv[2], "recovery"))
		return recovery();
	if (argc == 3)
		return 2;
	return run(argv[2], argv[3], argc > 4 ? argv[4] : NULL);
}
