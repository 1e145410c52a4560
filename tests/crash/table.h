/*
 * table.h - what those who kill clients of a table, and with ORDERED of an
 * ordered map or set (map.h), share: keys, values, and
 * the log of a victim.
 *
 * A victim writes into a log, in memory shared with its parent, what it is
 * about to do and what it has done. What it was doing when it died may have
 * taken place or not; all else must have, exactly once. The table has 64
 * buckets and far more keys, so that everybody meets in the same chains.
 */
#ifndef TESTS_CRASH_TABLE_H
#define TESTS_CRASH_TABLE_H

#include "base/crash.h"
#ifdef ORDERED
#include "map.h"
#else
#include "data/table_one.h"
#endif

#include <agora/agora.h>
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef ORDERED
#define PATH "program/x.table"
#endif
#define LARGEST 9000
#define KEYS    40 /* of one victim */

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
__attribute__((unused)) static void fill(
	unsigned char *data, uint32_t owner, uint32_t key, uint32_t id)
{
	uint32_t word[4] = {owner, key, id, ~id};

	memcpy(data, word, 16);
	for (size_t i = 16; i < size_of(id); i++)
		data[i] = (unsigned char)(id * 31 + key + i * 7 + (i >> 8));
}

#if defined(ORDERED) && ORDERED == SETS

/* A member has no value: all numbers are one. */
#define SAME(id)     ((id) != 0)
#define HAS_COUNTERS false

static int put(struct agora_table *t, uint32_t owner, uint32_t key, uint32_t id)
{
	struct name name = name_of(owner, key);

	(void)id;
	return agora_set_add(t, name.bytes, name.size);
}

static uint32_t get(struct agora_table *t, uint32_t owner, uint32_t key)
{
	struct name name = name_of(owner, key);
	int there = agora_set_has(t, name.bytes, name.size);

	check(there, "has");
	return (uint32_t)there;
}

static int64_t get_count(struct agora_table *t, uint32_t owner)
{
	(void)t;
	(void)owner;
	return 0;
}

#else

#define SAME(id)     (id)
#define HAS_COUNTERS true

static int put(struct agora_table *t, uint32_t owner, uint32_t key, uint32_t id)
{
	static unsigned char data[LARGEST];
	struct name name = name_of(owner, key);

	fill(data, owner, key, id);
	return agora_table_put(t, name.bytes, name.size, data, size_of(id));
}

/* The number of the value that is there, 0 for none; it must be whole. */
__attribute__((unused)) static uint32_t read_id(
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
	struct agora_buffer b = {.data = data, .capacity = LARGEST};
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
	struct agora_buffer b = {.data = &count, .capacity = sizeof(count)};
	int error = agora_table_get(t, &owner, sizeof(owner), &b);

	if (error != -ENOENT)
		check(error, "get a counter");
	return count;
}

#endif

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
	id = SAME(id);
	log_start(log, key, id);
	check(put(t, owner, key, id), "put");
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

#if defined(ORDERED) && ORDERED == SETS

static void log_swap(struct agora_table *t, struct log *log, uint32_t owner,
	uint32_t key, uint32_t id)
{
	if (log->now[key])
		log_put(t, log, owner, key, id);
}

static void log_compare(struct agora_table *t, struct log *log, uint32_t owner,
	uint32_t key, uint32_t id)
{
	if (!log->now[key])
		log_put(t, log, owner, key, id);
}

static void log_add(struct agora_table *t, struct log *log, uint32_t owner)
{
	(void)t;
	(void)log;
	(void)owner;
}

#else

static void log_swap(struct agora_table *t, struct log *log, uint32_t owner,
	uint32_t key, uint32_t id)
{
	static unsigned char data[LARGEST], out[LARGEST];
	struct agora_buffer value = {.data = data, .size = size_of(id)};
	struct agora_buffer old = {.data = out, .capacity = LARGEST};
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
	struct agora_buffer value = {.data = data, .capacity = LARGEST};
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

#endif

/* ---- the table, and what must be in it ---- */

static struct agora_table *open_table(uint32_t flags, uint32_t writers)
{
	struct agora_options options = {
		.capacity = 64, .message_size = LARGEST, .writers = writers};
	struct agora_table *t;

	check(agora_table_open(space, PATH, AGORA_WRITE | flags, &options, &t),
		"open");
	return t;
}

static uint64_t count_log(const struct log *log)
{
	uint64_t count = log->added != 0;

	for (uint32_t key = 0; key < KEYS; key++)
		count += log->now[key] != 0;
	return count;
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

#ifdef ORDERED
static void check_passed(struct agora_table *t)
{
	(void)t;
}
#else
/* An empty table with one writer: no line was passed by any key. */
static void check_passed(struct agora_table *t)
{
	const struct table_one *o = (const struct table_one *)t;

	for (uint64_t line = 0; t->single && line < one_lines(o); line++)
		if (has_line(o, line) && line_at(o, line)->passed)
			fail("passed by nobody", (long)line,
				(long)line_at(o, line)->passed);
}
#endif

/* Delete whatever is there; returns how many keys that were. */
static uint64_t empty(struct agora_table *t)
{
	unsigned char bytes[512];
	struct agora_buffer key = {
		.data = bytes, .capacity = sizeof(bytes), .size = SIZE_MAX};
	uint64_t count = 0;

	while (!agora_table_next(t, &key, NULL)) {
		check(agora_table_delete(t, bytes, key.size), "delete");
		count++;
	}
	return count;
}

/* ---- processes ---- */

/* Fork; the child dies with its parent at the latest. */
static pid_t fork_victim(void)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		fail("fork", errno, 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
	}
	return pid;
}

/* Run in a private space, which is removed at the end. */
static int run_in_space(
	int (*run)(int argc, char **argv), int argc, char **argv)
{
	char text[100];
	int status;
	pid_t pid;

	if (!mkdtemp(space_dir))
		return 1;
	pid = fork_victim();
	if (!pid) {
		snprintf(text, sizeof(text), "%s/program", space_dir);
		mkdir(text, 0755);
		check(agora_space_open(space_dir, &space), "space");
		status = run(argc, argv);
		fflush(stdout);
		_exit(status);
	}
	waitpid(pid, &status, 0);
	snprintf(text, sizeof(text), "rm -rf %s", space_dir);
	if (system(text))
		fprintf(stderr, "cannot remove %s\n", space_dir);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

#endif
