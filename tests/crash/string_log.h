/*
 * string_log.h - what those who kill clients of a string share: values, the
 * log of a victim, processes.
 *
 * A victim writes into a log, in memory shared with its parent, what it is
 * about to do and what it has done. What it was doing when it died may have
 * taken place or not; all else must have, exactly once.
 */
#ifndef TESTS_CRASH_STRING_LOG_H
#define TESTS_CRASH_STRING_LOG_H

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
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATH    "program/x.string"
#define LARGEST 9000
#define LIMIT   (2 * LARGEST)

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

static void *new_memory(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	assert(memory != MAP_FAILED);
	return memory;
}

static struct agora_string *open_string(
	const char *path, uint32_t flags, uint32_t writers)
{
	struct agora_options options = {
		.message_size = LIMIT, .writers = writers};
	struct agora_string *s;

	check(agora_string_open(space, path, AGORA_WRITE | flags, &options, &s),
		"open");
	return s;
}

/* ---- values: they follow from their numbers ---- */

/* On a side or in a block, in both, with parts, with pages. */
static size_t size_of(uint32_t id)
{
	static const size_t sizes[] = {
		8, 64, 128, 129, 230, 700, 3000, LARGEST};

	return sizes[id % 8];
}

static void fill(unsigned char *data, uint32_t id)
{
	uint32_t word[2] = {id, ~id};

	memcpy(data, word, 8);
	for (size_t i = 8; i < size_of(id); i++)
		data[i] = (unsigned char)(id * 31 + i * 7 + (i >> 8));
}

/* The number of a value, which must be whole. */
__attribute__((unused)) static uint32_t read_id(
	const unsigned char *data, size_t size)
{
	static unsigned char expected[LARGEST];
	uint32_t id;

	memcpy(&id, data, 4);
	if (size != size_of(id))
		fail("size of a value", (long)size, (long)id);
	fill(expected, id);
	if (memcmp(expected, data, size))
		fail("bytes of a value", (long)id, (long)size);
	return id;
}

/* Everything that is in blocks is gone, of either structure. */
static void account(struct agora_string *s, bool single)
{
	struct agora_check report;
	struct agora_stat stat;
	int result;

	check(agora_string_store(s, "x", 1), "store");
	check(agora_string_store(s, "x", 1), "store");
	check(agora_string_clear(s), "clear");
	result = agora_object_check(agora_string_object(s), 0, &report);
	check(agora_object_stat(agora_string_object(s), &stat), "stat");
	if (result || report.owned || stat.count)
		fail("accounts", result, (long)report.owned);
	/* Of many writers, a block says that there is no value. */
	if (report.published != !single || report.parts ||
		report.free + report.published != report.blocks)
		fail("blocks leaked", (long)report.free, (long)report.blocks);
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
