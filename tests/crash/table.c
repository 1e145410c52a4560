/*
 * table.c - kill clients of a table, and look whether anything is missing.
 *
 *   table points            the named steps, one on each line
 *   table step NAME [NAME2] kill a client at every pass of step NAME; with
 *                           NAME2, also kill at NAME2 who recovers it
 *   table stop NAME         stop a client at every pass of step NAME, while
 *                           others do thousands of operations
 */
#include "table.h"

/* ---- kill at a step ---- */

/* From one variant to the next: odd ones have one writer. */
#ifdef ORDERED
#define ONE_APART 2
#else
#define ONE_APART 1
#endif

#define OTHERS \
	380 /* keys of the survivor: with one writer, most lines are full */
#define VICTIM   1
#define SURVIVOR 2
#define DEAD     3

/* Pass through every step of every operation. */
static void work(struct log *log)
{
	struct agora_table *t = open_table(0, 0);
	uint32_t id = 1000;

	for (uint32_t key = 0; key < 8; key++)
		log_put(t, log, VICTIM, key, id++);
	for (uint32_t key = 0; key < 8; key++)
		log_put(t, log, VICTIM, key, id++);
	log_add(t, log, VICTIM);
	log_add(t, log, VICTIM);
	log_swap(t, log, VICTIM, 2, id++);
	log_swap(t, log, VICTIM, 30, id++);
	log_compare(t, log, VICTIM, 3, id++);
	log_compare(t, log, VICTIM, 31, id++);
	for (uint32_t key = 0; key < 8; key++)
		log_delete(t, log, VICTIM, key);
	log_delete(t, log, VICTIM, 9);
	agora_table_close(t);
}

static void recoverer(struct log *log)
{
	struct agora_table *t = open_table(0, 0);
	struct agora_check report;

	(void)log;
	agora_object_check(agora_table_object(t), 1, &report);
	/* As the survivor will; an only writer mends before he writes. */
	check(put(t, SURVIVOR, 0, 6000), "put by a recoverer");
	agora_table_close(t);
}

static bool victim(struct log *log, const char *name, long count,
	void (*run)(struct log *))
{
	int status;
	pid_t pid = fork_victim();

	if (!pid) {
		crash_arm(name, count);
		run(log);
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
static void progress(struct agora_table *t)
{
	for (uint32_t key = 0; key < OTHERS; key += 3) {
		struct name name = name_of(SURVIVOR, key);

		check(put(t, SURVIVOR, key, 5000 + key), "put beside");
		if (get(t, SURVIVOR, key) != SAME(5000 + key))
			fail("get beside", (long)key, 0);
		check(agora_table_delete(t, name.bytes, name.size),
			"delete beside");
		check(put(t, SURVIVOR, key, 6000 + key), "put again beside");
	}
}

static void prefill(uint32_t writers, struct log *log)
{
	struct agora_table *t = open_table(0, writers);

	for (uint32_t key = 0; key < OTHERS; key++)
		check(put(t, SURVIVOR, key, 4000 + key), "prefill");
	for (uint32_t key = 0; key < 4; key++)
		log_put(t, log, VICTIM, key, 900 + key);
	agora_table_close(t);
}

static void judge(struct agora_table *t, struct log *log, bool filled)
{
	uint64_t count = count_log(log);

	for (uint32_t key = 0; key < OTHERS; key++) {
		uint32_t id = key % 3 ? filled ? 4000 + key : 0 : 6000 + key;

		if (get(t, SURVIVOR, key) != SAME(id))
			fail("a bystander's value", (long)key, (long)id);
		count += id != 0;
	}
	account(t, count);
	if (empty(t) != count)
		fail("keys left", 0, (long)count);
	account(t, 0);
	check_passed(t);
}

/* Kill whoever recovers, at each pass of a step. */
static void kill_recoverers(struct log *log, const char *name)
{
	for (long k = 1; name && victim(log, name, k, recoverer); k++)
		;
}

/* One death at the count-th pass. Returns false when there is no such pass. */
static bool one_death(
	const char *name, const char *second, long count, uint32_t variant)
{
	uint32_t writers = variant & 1 ? AGORA_WRITERS_ONE : AGORA_WRITERS_MANY;
	struct agora_table *t = open_table(AGORA_CREATE, writers);
	struct log *log = new_memory(sizeof(struct log));
	struct agora_check report;
	bool died;

	if (variant & 2)
		prefill(writers, log);
	died = victim(log, name, count, work);
	log_settle(log, t, VICTIM);
	/* Once the survivor is the only writer, nobody else can be. */
	if (died && variant & 1)
		kill_recoverers(log, second);
	progress(t);
	if (died && !(variant & 1))
		kill_recoverers(log, second);
	check(agora_object_check(agora_table_object(t), 1, &report), "repair");
	log_settle(log, t, VICTIM);
	judge(t, log, variant & 2);
	agora_table_close(t);
	check(agora_object_remove(space, PATH), "remove");
	munmap(log, sizeof(*log));
	return died;
}

static int step(const char *name, const char *second)
{
	long deaths = 0;

	for (uint32_t variant = 0; variant < 4; variant += ONE_APART)
		for (long count = 1;
			count < 40 && one_death(name, second, count, variant);
			count++)
			deaths++;
	printf("%ld deaths\n", deaths);
	return 0;
}

/* ---- stop at a step ---- */

/* Thousands of operations; the only writer's role is the stopped one's. */
static void others(struct agora_table *t, uint32_t writers)
{
	uint64_t key = 0;
	struct agora_check report;

	for (int round = 0; round < 10; round++) {
		if (writers == AGORA_WRITERS_MANY)
			progress(t);
		for (; writers == AGORA_WRITERS_ONE && key < 4000; key++)
			get(t, SURVIVOR, key % OTHERS);
		check(agora_object_check(agora_table_object(t), 1, &report),
			"repair");
		if (report.damaged)
			fail("damaged", (long)report.damaged, 0);
	}
}

static void put_dead(struct log *log)
{
	log_put(open_table(0, 0), log, DEAD, 1, 1);
}

static void delete_dead(struct log *log)
{
	struct agora_table *t = open_table(0, 0);

	log_put(t, log, DEAD, 1, 1);
	log_delete(t, log, DEAD, 1);
}

/* Two died before: one had not published, one had not freed its entry. */
static void kill_two(void)
{
	struct log *log = new_memory(sizeof(struct log));

	if (!victim(log, "chain_put_ready", 1, put_dead) ||
		!victim(log, "chain_delete_marked", 1, delete_dead))
		fail("nobody died", 0, 0);
	munmap(log, sizeof(*log));
}

/* Each that died was recovered, once, and nobody else. */
static void count_recovered(struct agora_table *t, uint64_t count)
{
	struct agora_stat stat;

	check(agora_object_stat(agora_table_object(t), &stat), "stat");
	if (stat.recovered != count)
		fail("recovered", (long)stat.recovered, (long)count);
}

/*
 * Who is stopped is alive: others go on, look for the dead, and repair, but
 * take nothing that is his. Then he ends what he was about, and all of it
 * has taken place: log_...() look at each result.
 */
static bool one_stop(const char *name, long count, uint32_t variant)
{
	uint32_t writers = variant & 1 ? AGORA_WRITERS_ONE : AGORA_WRITERS_MANY;
	struct agora_table *t = open_table(AGORA_CREATE, writers);
	struct log *log = new_memory(sizeof(struct log));
	struct agora_check report;
	int status;
	pid_t pid;

	if (variant & 2)
		prefill(writers, log);
	if (variant & 4)
		kill_two();
	pid = fork_victim();
	if (!pid) {
		crash_signal = SIGSTOP;
		crash_arm(name, count);
		work(log);
		_exit(0);
	}
	waitpid(pid, &status, WUNTRACED);
	if (WIFSTOPPED(status)) {
		others(t, writers);
		kill(pid, SIGCONT);
		waitpid(pid, &status, 0);
	} else {
		count = 0;
	}
	if (status)
		fail("who was stopped did not end well", status, count);
	if (log->key || log->adding)
		fail("something is under way", log->key, log->adding);
	check(agora_object_check(agora_table_object(t), 1, &report), "check");
	log_settle(log, t, VICTIM);
	progress(t);
	judge(t, log, variant & 2);
	count_recovered(t, variant & 4 ? 2 : 0);
	agora_table_close(t);
	check(agora_object_remove(space, PATH), "remove");
	munmap(log, sizeof(*log));
	return count;
}

static int stop(const char *name)
{
	long stops = 0;

	/* The only writer's death is another's to clear away: not with it. */
	for (uint32_t variant = 0; variant < 7;
		variant += variant < 4 ? ONE_APART : 2)
		for (long count = 1;
			count < 100 && one_stop(name, count, variant); count++)
			stops++;
	printf("%ld stops\n", stops);
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

static int run(int argc, char **argv)
{
	if (!strcmp(argv[1], "stop"))
		return stop(argv[2]);
	return step(argv[2], argc > 3 ? argv[3] : NULL);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "points"))
		return list_points();
	if (argc < 3 || (strcmp(argv[1], "step") && strcmp(argv[1], "stop")))
		return 2;
	return run_in_space(run, argc, argv);
}
