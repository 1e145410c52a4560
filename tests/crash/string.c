/*
 * string.c - kill clients of a string, and look whether anything is missing.
 *
 *   string points            the named steps, one on each line
 *   string step NAME [NAME2] kill a client at every pass of step NAME; with
 *                            NAME2, also kill at NAME2 who recovers it
 *   string stop NAME         stop a client at every pass of step NAME, while
 *                            others do thousands of operations
 */
#include "string_log.h"

/* What the victim does to the value: from one number to another. */
struct log {
	_Atomic uint32_t now;  /* 0: no value */
	_Atomic uint32_t then; /* when what is under way is done */
	_Atomic uint32_t tail; /* bytes appended to now */
	_Atomic uint32_t more; /* to be appended */
	_Atomic bool busy;
};

static unsigned char bytes[LIMIT], expected[LIMIT];

static void log_start(struct log *log, uint32_t then, uint32_t more)
{
	log->then = then;
	log->more = more;
	log->busy = true;
}

static void log_done(struct log *log)
{
	log->tail = log->more ? log->tail + log->more : 0;
	log->now = log->then;
	log->busy = false;
}

/* What was appended goes on as the value of another number does. */
static size_t build(uint32_t id, uint32_t tail)
{
	memset(expected, 'a', sizeof(expected));
	if (!id)
		return 0;
	fill(expected, id);
	memset(expected + size_of(id), 'a', tail);
	return size_of(id) + tail;
}

static bool is_value(uint32_t id, uint32_t tail, int error, size_t size)
{
	size_t all = build(id, tail);

	if (!id)
		return error == -ENOENT;
	return !error && size == all && !memcmp(bytes, expected, all);
}

/* After a death: the value is what the log says, before or after. */
static void log_settle(struct log *log, struct agora_string *s)
{
	struct agora_buffer b = {.data = bytes, .capacity = sizeof(bytes)};
	int error = agora_string_load(s, &b);

	if (error != -ENOENT)
		check(error, "load");
	if (log->busy &&
		is_value(log->then, log->more ? log->tail + log->more : 0,
			error, b.size))
		log_done(log);
	else if (!is_value(log->now, log->tail, error, b.size))
		fail("value", (long)b.size, log->now);
	log->busy = false;
}

/* ---- operations of a victim ---- */

static void log_store(struct agora_string *s, struct log *log, uint32_t id)
{
	fill(bytes, id);
	log_start(log, id, 0);
	check(agora_string_store(s, bytes, size_of(id)), "store");
	log_done(log);
}

static void log_swap(struct agora_string *s, struct log *log, uint32_t id)
{
	struct agora_buffer in = {.data = expected, .size = size_of(id)};
	struct agora_buffer out = {.data = bytes, .capacity = sizeof(bytes)};
	uint32_t was = log->now;
	int error;

	fill(expected, id);
	log_start(log, was ? id : 0, 0);
	error = agora_string_swap(s, &in, &out);
	if (!is_value(was, log->tail, error, out.size))
		fail("swap", error, (long)out.size);
	log_done(log);
}

static void log_compare(struct agora_string *s, struct log *log, uint32_t id)
{
	struct agora_buffer b = {.data = bytes, .capacity = sizeof(bytes)};
	int error = agora_string_load(s, &b);

	if (!is_value(log->now, log->tail, error, b.size))
		fail("load", error, (long)b.size);
	b.version = error ? 0 : b.version;
	b.size = size_of(id);
	fill(bytes, id);
	log_start(log, id, 0);
	check(agora_string_compare(s, &b, NULL), "compare");
	log_done(log);
}

static void log_append(struct agora_string *s, struct log *log, uint32_t more)
{
	memset(bytes, 'a', more);
	log_start(log, log->now, more);
	check(agora_string_append(s, bytes, more), "append");
	log_done(log);
}

static void log_clear(struct agora_string *s, struct log *log)
{
	int error;

	log_start(log, 0, 0);
	error = agora_string_clear(s);
	if (error != (log->now ? 0 : -ENOENT))
		fail("clear", error, log->now);
	log_done(log);
}

/* Pass through every step of every operation. */
static void work(struct log *log)
{
	struct agora_string *s = open_string(PATH, 0, 0);

	log_swap(s, log, 100);
	for (uint32_t id = 8; id < 24; id++)
		log_store(s, log, id);
	for (uint32_t more = 10; more < 5000; more *= 7)
		log_append(s, log, more);
	log_compare(s, log, 29);
	log_swap(s, log, 30);
	log_swap(s, log, 32);
	log_clear(s, log);
	log_compare(s, log, 39);
	log_append(s, log, 20);
	log_clear(s, log);
	agora_string_close(s);
}

static void recoverer(struct log *log)
{
	struct agora_string *s = open_string(PATH, 0, 0);
	struct agora_check report;

	(void)log;
	agora_object_check(agora_string_object(s), 1, &report);
	agora_string_close(s);
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

/* The survivor makes progress while the dead one is not recovered, and knows
 * the value afterwards. */
static void progress(struct agora_string *s, struct log *log)
{
	for (uint32_t id = 40; id < 60; id++) {
		struct agora_buffer b = {
			.data = bytes, .capacity = sizeof(bytes)};

		log_store(s, log, id);
		check(agora_string_load(s, &b), "load beside");
		if (read_id(bytes, b.size) != id)
			fail("load beside", id, 0);
		log_append(s, log, id);
		log_swap(s, log, id);
		log_clear(s, log);
	}
	log_store(s, log, 62);
}

static void prefill(uint32_t writers, struct log *log)
{
	struct agora_string *s = open_string(PATH, 0, writers);

	log_store(s, log, 71);
	log_store(s, log, 63);
	log_append(s, log, 300);
	agora_string_close(s);
}

/* Kill whoever recovers, at each pass of a step. */
static void kill_recoverers(struct log *log, const char *name)
{
	for (long k = 1; name && victim(log, name, k, recoverer); k++)
		;
}

/* Nothing of the dead is left, once whoever recovers has been there. */
static void check_recovered(struct agora_string *s, int repair, bool single)
{
	struct agora_check report;
	int result =
		agora_object_check(agora_string_object(s), repair, &report);

	if (result || report.owned || (!single && report.published > 1))
		fail("left by the dead", result, (long)report.published);
}

/* variant: 1 one writer, 2 with something there, 4 looked at before anybody
 * goes on. Returns false when there is no such pass. */
static bool one_death(
	const char *name, const char *second, long count, uint32_t variant)
{
	uint32_t writers = variant & 1 ? AGORA_WRITERS_ONE : AGORA_WRITERS_MANY;
	struct agora_string *s = open_string(PATH, AGORA_CREATE, writers);
	struct log *log = new_memory(sizeof(struct log));
	struct agora_check report;
	bool died;

	if (variant & 2)
		prefill(writers, log);
	died = victim(log, name, count, work);
	log_settle(log, s);
	if (died && variant & 4)
		kill_recoverers(log, second);
	if (variant & 4)
		check_recovered(s, 1, variant & 1);
	progress(s, log);
	/* Who became the only writer has recovered him before. */
	if (variant & 1)
		check_recovered(s, 0, true);
	if (died && !(variant & 4))
		kill_recoverers(log, second);
	check(agora_object_check(agora_string_object(s), 1, &report), "repair");
	log_settle(log, s);
	account(s, variant & 1);
	agora_string_close(s);
	check(agora_object_remove(space, PATH), "remove");
	munmap(log, sizeof(*log));
	return died;
}

static int step(const char *name, const char *second)
{
	long deaths = 0;

	for (uint32_t variant = 0; variant < 8; variant++)
		for (long count = 1;
			count < 60 && one_death(name, second, count, variant);
			count++)
			deaths++;
	printf("%ld deaths\n", deaths);
	return 0;
}

/* ---- stop at a step ---- */

/* Thousands of operations; the only writer's role is the stopped one's. */
static void others(struct agora_string *s, struct log *log, uint32_t writers)
{
	struct agora_buffer b = {.data = bytes, .capacity = sizeof(bytes)};
	struct agora_check report;

	for (int round = 0; round < 10; round++) {
		if (writers == AGORA_WRITERS_MANY)
			progress(s, log);
		for (int i = 0; i < 300; i++)
			agora_string_load(s, &b);
		check(agora_object_check(agora_string_object(s), 1, &report),
			"repair");
		if (report.damaged)
			fail("damaged", (long)report.damaged, 0);
	}
}

static void store_dead(struct log *log)
{
	log_store(open_string(PATH, 0, 0), log, 71);
}

/* Two died before: one had not published, one had not freed the old. */
static void kill_two(struct log *log)
{
	if (!victim(log, "string_ready", 1, store_dead) ||
		!victim(log, "string_published", 1, store_dead))
		fail("nobody died", 0, 0);
	log_done(log);
}

/* Each that died was recovered, once, and nobody else. */
static void count_recovered(struct agora_string *s, uint64_t count)
{
	struct agora_stat stat;

	check(agora_object_stat(agora_string_object(s), &stat), "stat");
	if (stat.recovered != count)
		fail("recovered", (long)stat.recovered, (long)count);
}

/* One that writes does not look at the log: others write meanwhile. */
static void write_blindly(void)
{
	struct agora_string *s = open_string(PATH, 0, 0);
	struct agora_buffer b = {.data = bytes, .capacity = sizeof(bytes)};
	struct agora_buffer in = {.data = expected, .size = 700};

	for (uint32_t id = 8; id < 24; id++)
		check(agora_string_store(s, expected, size_of(id)), "store");
	for (uint32_t more = 10; more < 5000; more *= 7) {
		int error = agora_string_append(s, expected, more);

		if (error != -EMSGSIZE)
			check(error, "append");
	}
	agora_string_swap(s, &in, &b);
	if (agora_string_load(s, &b))
		b.version = 0;
	in.version = b.version;
	agora_string_compare(s, &in, NULL);
	agora_string_clear(s);
	agora_string_close(s);
}

/*
 * Who is stopped is alive: others go on, look for the dead, and repair, but
 * take nothing that is his. Then he ends what he was about.
 */
static bool one_stop(const char *name, long count, uint32_t variant)
{
	uint32_t writers = variant & 1 ? AGORA_WRITERS_ONE : AGORA_WRITERS_MANY;
	struct agora_string *s = open_string(PATH, AGORA_CREATE, writers);
	struct log *log = new_memory(sizeof(struct log));
	struct agora_check report;
	int status;
	pid_t pid;

	if (variant & 2)
		prefill(writers, log);
	if (variant & 4)
		kill_two(log);
	pid = fork_victim();
	if (!pid) {
		crash_signal = SIGSTOP;
		crash_arm(name, count);
		write_blindly();
		_exit(0);
	}
	waitpid(pid, &status, WUNTRACED);
	if (WIFSTOPPED(status)) {
		log->now = log->tail = 0;
		others(s, log, writers);
		kill(pid, SIGCONT);
		waitpid(pid, &status, 0);
	} else {
		count = 0;
	}
	if (status)
		fail("who was stopped did not end well", status, count);
	check(agora_object_check(agora_string_object(s), 1, &report), "check");
	log->now = log->tail = 0;
	progress(s, log);
	log_settle(log, s);
	account(s, variant & 1);
	count_recovered(s, variant & 4 ? 2 : 0);
	agora_string_close(s);
	check(agora_object_remove(space, PATH), "remove");
	munmap(log, sizeof(*log));
	return count;
}

static int stop(const char *name)
{
	long stops = 0;

	for (uint32_t variant = 0; variant < 7; variant += variant < 4 ? 1 : 2)
		for (long count = 1;
			count < 60 && one_stop(name, count, variant); count++)
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
