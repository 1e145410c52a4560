/*
 * table.c - kill clients of a table, and look whether anything is missing.
 *
 *   table points            the named steps, one on each line
 *   table step NAME [NAME2] kill a client at every pass of step NAME; with
 *                           NAME2, also kill at NAME2 who recovers it
 *   table storm KILLS       3 writers, random kill -9
 *
 * A victim writes into a log, in memory shared with its parent, what it is
 * about to do and what it has done. What it was doing when it died may have
 * taken place or not; all else must have, exactly once. The table has 64
 * buckets and far more keys, so that everybody meets in the same chains.
 */
#include "base/crash.h"

#include <agora/agora.h>
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATH    "program/x.table"
#define LARGEST 9000
#define KEYS    40  /* of one victim */
#define OTHERS  300 /* of the survivor */

static char space_dir[] = "/dev/shm/agora-crash-XXXXXX";
static struct agora_space *space;

static void fail(const char *what, long a, long b)
{
	fprintf(stderr, "failed: %s (%ld, %ld)\n", what, a, b);
	_exit(1);
}

static void check(int result, const char *what)
{
	if (result < 0)
		fail(what, result, 0);
}

/* ---- keys and values: both follow from their numbers ---- */

struct name {
	unsigned char bytes[300];
	size_t size;
};

static struct name name_of(uint32_t owner, uint32_t key)
{
	static const size_t sizes[] = {8, 8, 16, 30, 88, 100, 300};
	struct name name = {.size = sizes[key % 7]};

	memset(name.bytes, (int)key, name.size);
	memcpy(name.bytes, &owner, 4);
	memcpy(name.bytes + 4, &key, 4);
	return name;
}

static size_t size_of(uint32_t id)
{
	static const size_t sizes[] = {16, 16, 40, 64, 89, 700, 3000, LARGEST};

	return sizes[id % 8];
}

/* A value starts with its key and its number. */
static void fill(unsigned char *data, uint32_t owner, uint32_t key, uint32_t id)
{
	uint32_t word[4] = {owner, key, id, ~id};

	memcpy(data, word, 16);
	for (size_t i = 16; i < size_of(id); i++)
		data[i] = (unsigned char)(id * 31 + key + i * 7 + (i >> 8));
}

static int put(struct agora_table *t, uint32_t owner, uint32_t key, uint32_t id)
{
	static unsigned char data[LARGEST];
	struct name name = name_of(owner, key);

	fill(data, owner, key, id);
	return agora_table_put(t, name.bytes, name.size, data, size_of(id));
}

/* The number of the value that is there, 0 for none; it must be whole. */
static uint32_t read_id(
	const unsigned char *data, size_t size, uint32_t owner, uint32_t key)
{
	static unsigned char expected[LARGEST];
	uint32_t id;

	memcpy(&id, data + 8, 4);
	if (size < 16 || size != size_of(id))
		fail("size of a value", (long)size, (long)id);
	fill(expected, owner, key, id);
	if (memcmp(expected, data, size))
		fail("bytes of a value", (long)key, (long)id);
	return id;
}

static uint32_t get(struct agora_table *t, uint32_t owner, uint32_t key)
{
	static unsigned char data[LARGEST];
	struct agora_buffer b = {data, LARGEST, 0, 0};
	struct name name = name_of(owner, key);
	int error = agora_table_get(t, name.bytes, name.size, &b);

	if (error == -ENOENT)
		return 0;
	check(error, "get");
	return read_id(data, b.size, owner, key);
}

static int64_t get_count(struct agora_table *t, uint32_t owner)
{
	int64_t count = 0;
	struct agora_buffer b = {&count, sizeof(count), 0, 0};
	int error = agora_table_get(t, &owner, sizeof(owner), &b);

	if (error != -ENOENT)
		check(error, "get a counter");
	return count;
}

/* ---- the log of a victim ---- */

struct log {
	_Atomic uint32_t now[KEYS]; /* the value of each key, 0: none */
	_Atomic uint32_t key;       /* + 1: of the operation under way */
	_Atomic uint32_t then;      /* its value when that is done */
	_Atomic int64_t added;      /* to the counter */
	_Atomic int adding;
};

static void *new_memory(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	assert(memory != MAP_FAILED);
	return memory;
}

static void log_start(struct log *log, uint32_t key, uint32_t then)
{
	log->then = then;
	log->key = key + 1;
}

static void log_done(struct log *log, uint32_t key, uint32_t now)
{
	log->now[key] = now;
	log->key = 0;
}

/* After a death: the table has what the log says, before or after. */
static void log_settle(struct log *log, struct agora_table *t, uint32_t owner)
{
	int64_t count = get_count(t, owner);

	for (uint32_t key = 0; key < KEYS; key++) {
		uint32_t id = get(t, owner, key);

		if (id != log->now[key] &&
			(log->key != key + 1 || id != log->then))
			fail("value of a key", id, log->now[key]);
		log->now[key] = id;
	}
	if (count != log->added && (!log->adding || count != log->added + 1))
		fail("counter", (long)count, (long)log->added);
	log->added = count;
	log->adding = 0;
	log->key = 0;
}

/* ---- operations of a victim ---- */

static void log_put(struct agora_table *t, struct log *log, uint32_t owner,
	uint32_t key, uint32_t id)
{
	log_start(log, key, id);
	check(put(t, owner, key, id), "put");
	log_done(log, key, id);
}

static void log_swap(struct agora_table *t, struct log *log, uint32_t owner,
	uint32_t key, uint32_t id)
{
	static unsigned char data[LARGEST], out[LARGEST];
	struct agora_buffer value = {data, 0, size_of(id), 0};
	struct agora_buffer old = {out, LARGEST, 0, 0};
	struct name name = name_of(owner, key);
	int error;

	fill(data, owner, key, id);
	log_start(log, key, log->now[key] ? id : 0);
	error = agora_table_swap(t, name.bytes, name.size, &value, &old);
	if (error != (log->now[key] ? 0 : -ENOENT))
		fail("swap", error, log->now[key]);
	if (!error && read_id(out, old.size, owner, key) != log->now[key])
		fail("swapped", 0, log->now[key]);
	log_done(log, key, log->then);
}

static void log_compare(struct agora_table *t, struct log *log, uint32_t owner,
	uint32_t key, uint32_t id)
{
	static unsigned char data[LARGEST];
	struct agora_buffer value = {data, LARGEST, 0, 0};
	struct name name = name_of(owner, key);
	int error = agora_table_get(t, name.bytes, name.size, &value);

	if (error == -ENOENT)
		value.version = 0;
	else
		check(error, "get");
	fill(data, owner, key, id);
	value.size = size_of(id);
	log_start(log, key, id);
	check(agora_table_compare(t, name.bytes, name.size, &value, NULL),
		"compare");
	log_done(log, key, id);
}

static void log_delete(
	struct agora_table *t, struct log *log, uint32_t owner, uint32_t key)
{
	struct name name = name_of(owner, key);
	int error;

	log_start(log, key, 0);
	error = agora_table_delete(t, name.bytes, name.size);
	if (error != (log->now[key] ? 0 : -ENOENT))
		fail("delete", error, log->now[key]);
	log_done(log, key, 0);
}

static void log_add(struct agora_table *t, struct log *log, uint32_t owner)
{
	int64_t sum;

	log->adding = 1;
	check(agora_table_add(t, &owner, sizeof(owner), 1, &sum), "add");
	log->added++;
	log->adding = 0;
	if (sum != log->added)
		fail("sum", (long)sum, (long)log->added);
}

/* ---- kill at a step ---- */

static struct agora_table *open_table(uint32_t flags, uint32_t writers)
{
	struct agora_options options = {
		.capacity = 64, .message_size = LARGEST, .writers = writers};
	struct agora_table *t;

	check(agora_table_open(space, PATH, AGORA_WRITE | flags, &options, &t),
		"open");
	return t;
}

#define VICTIM   1
#define SURVIVOR 2

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
	agora_table_close(t);
}

static bool victim(struct log *log, const char *name, long count,
	void (*run)(struct log *))
{
	int status;
	pid_t pid = fork();

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

/* Nobody is at work: exactly count keys, and every block accounted for. */
static void account(struct agora_table *t, uint64_t count)
{
	struct agora_check report;
	struct agora_stat stat;
	int result = agora_object_check(agora_table_object(t), 0, &report);

	check(agora_object_stat(agora_table_object(t), &stat), "stat");
	if (result || report.owned || report.published != count ||
		stat.count != count)
		fail("accounts", (long)report.published, (long)count);
	if (!count && report.free != report.blocks)
		fail("blocks leaked", (long)report.free, (long)report.blocks);
}

/* Delete whatever is there; returns how many keys that were. */
static uint64_t empty(struct agora_table *t)
{
	unsigned char bytes[512];
	struct agora_buffer key = {bytes, sizeof(bytes), SIZE_MAX, 0};
	uint64_t count = 0;

	while (!agora_table_next(t, &key, NULL)) {
		check(agora_table_delete(t, bytes, key.size), "delete");
		count++;
	}
	return count;
}

/* The survivor makes progress while the dead one is not recovered. */
static void progress(struct agora_table *t)
{
	for (uint32_t key = 0; key < OTHERS; key += 3) {
		struct name name = name_of(SURVIVOR, key);

		check(put(t, SURVIVOR, key, 5000 + key), "put beside");
		if (get(t, SURVIVOR, key) != 5000 + key)
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

static uint64_t count_log(const struct log *log)
{
	uint64_t count = log->added != 0;

	for (uint32_t key = 0; key < KEYS; key++)
		count += log->now[key] != 0;
	return count;
}

static void judge(struct agora_table *t, struct log *log, bool filled)
{
	uint64_t count = count_log(log);

	for (uint32_t key = 0; key < OTHERS; key++) {
		uint32_t id = key % 3 ? filled ? 4000 + key : 0 : 6000 + key;

		if (get(t, SURVIVOR, key) != id)
			fail("a bystander's value", (long)key, (long)id);
		count += id != 0;
	}
	account(t, count);
	if (empty(t) != count)
		fail("keys left", 0, (long)count);
	account(t, 0);
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
	progress(t);
	for (long k = 1; second && died && !(variant & 1); k++)
		if (!victim(log, second, k, recoverer))
			break;
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

	for (uint32_t variant = 0; variant < 4; variant++)
		for (long count = 1;
			count < 40 && one_death(name, second, count, variant);
			count++)
			deaths++;
	printf("%ld deaths\n", deaths);
	return 0;
}

/* ---- the storm ---- */

#define WORKERS 3
#define SHARED  99 /* the owner of what all of them write */

struct storm {
	struct log log[WORKERS];
	_Atomic int64_t adds; /* to the shared counter */
	_Atomic int adding[WORKERS];
	_Atomic uint64_t operations;
	int64_t maybe; /* adds of the dead that may have taken place */
};

static struct storm *storm;

static void write_shared(struct agora_table *t, uint32_t mix, int self)
{
	static const uint32_t counter = SHARED;
	struct name name = name_of(SHARED, mix % 10);
	int error;

	switch (mix / 16 % 4) {
	case 0:
		error = agora_table_delete(t, name.bytes, name.size);
		if (error != -ENOENT)
			check(error, "delete what all write");
		break;
	case 1:
		get(t, SHARED, mix % 10);
		break;
	case 2:
		storm->adding[self] = 1;
		check(agora_table_add(t, &counter, 4, 1, NULL), "add");
		storm->adds++;
		storm->adding[self] = 0;
		break;
	default:
		check(put(t, SHARED, mix % 10, mix % 1000000 + 1), "put");
	}
}

static void write_own(struct agora_table *t, uint32_t mix, int self)
{
	struct log *log = &storm->log[self];
	uint32_t owner = 10 + (uint32_t)self;
	uint32_t key = mix % KEYS;
	uint32_t id = mix / 64 % 1000000 + 1;

	switch (mix / 8 % 8) {
	case 0:
	case 1:
		log_delete(t, log, owner, key);
		break;
	case 2:
		log_swap(t, log, owner, key, id);
		break;
	case 3:
		log_compare(t, log, owner, key, id);
		break;
	case 4:
		log_add(t, log, owner);
		break;
	default:
		log_put(t, log, owner, key, id);
	}
}

static pid_t spawn(int self)
{
	struct agora_table *t;
	pid_t pid = fork();

	if (pid)
		return pid;
	srandom((unsigned)getpid());
	t = open_table(0, 0);
	for (;;) {
		uint32_t mix = (uint32_t)random();

		if (mix & 1)
			write_shared(t, mix >> 1, self);
		else
			write_own(t, mix >> 1, self);
		storm->operations++;
	}
}

static void kill_one(struct agora_table *t, pid_t *pid, int self)
{
	int status;

	kill(pid[self], SIGKILL);
	waitpid(pid[self], &status, 0);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		fail("a worker ended by itself", status, self);
	log_settle(&storm->log[self], t, 10 + (uint32_t)self);
	storm->maybe += storm->adding[self];
	storm->adding[self] = 0;
}

static void storm_judge(struct agora_table *t)
{
	uint64_t count = 1;
	int64_t sum = get_count(t, SHARED);

	if (sum < storm->adds || sum > storm->adds + storm->maybe)
		fail("the counter of all", (long)sum, (long)storm->adds);
	for (int i = 0; i < WORKERS; i++)
		count += count_log(&storm->log[i]);
	for (uint32_t key = 0; key < 10; key++)
		count += get(t, SHARED, key) != 0;
	account(t, count);
	if (empty(t) != count)
		fail("keys left", 0, (long)count);
	account(t, 0);
}

static int run_storm(long kills)
{
	struct agora_table *t = open_table(AGORA_CREATE, 0);
	struct agora_check report;
	pid_t pid[WORKERS];

	storm = new_memory(sizeof(*storm));
	srandom((unsigned)getpid());
	for (int i = 0; i < WORKERS; i++)
		pid[i] = spawn(i);
	for (long n = 0; n < kills; n++) {
		int self = (int)(random() % WORKERS);

		usleep((useconds_t)(random() % 3000));
		kill_one(t, pid, self);
		pid[self] = spawn(self);
	}
	for (int i = 0; i < WORKERS; i++)
		kill_one(t, pid, i);
	check(agora_object_check(agora_table_object(t), 1, &report), "repair");
	storm_judge(t);
	printf("%ld kills, %lu operations, 0 lost, 0 repeated, 0 leaked\n",
		kills, (unsigned long)storm->operations);
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
	char program[100];

	snprintf(program, sizeof(program), "%s/program", space_dir);
	mkdir(program, 0755);
	check(agora_space_open(space_dir, &space), "space");
	if (!strcmp(argv[1], "step"))
		return step(argv[2], argc > 3 ? argv[3] : NULL);
	return strcmp(argv[1], "storm") ? 2 : run_storm(atol(argv[2]));
}

int main(int argc, char **argv)
{
	char command[100];
	int status;
	pid_t pid;

	if (argc == 2 && !strcmp(argv[1], "points"))
		return list_points();
	if (argc < 3 || !mkdtemp(space_dir))
		return 2;
	pid = fork();
	if (!pid) {
		status = run(argc, argv);
		fflush(stdout);
		_exit(status);
	}
	waitpid(pid, &status, 0);
	snprintf(command, sizeof(command), "rm -rf %s", space_dir);
	if (system(command))
		fprintf(stderr, "cannot remove %s\n", space_dir);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
