/*
 * bag.h - a stack or a list that clients are killed over.
 */
#ifndef TESTS_CRASH_BAG_H
#define TESTS_CRASH_BAG_H

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

#define LARGEST 20000

/* Where at. A stack has one end. */
enum end { FRONT, BACK };

/* A handle of either kind. */
struct bag {
	struct agora_object *object;
	struct agora_list *list; /* NULL: a stack */
	struct agora_stack *stack;
};

static char space_dir[] = "/dev/shm/agora-crash-XXXXXX";
static struct agora_space *space;
static bool is_list;

static void fail(const char *what, long a, long b)
{
	fprintf(stderr, "failed: %s (%ld, %ld)\n", what, a, b);
	exit(1);
}

static void check(int result, const char *what)
{
	if (result < 0)
		fail(what, result, 0);
}

static const char *path(void)
{
	return is_list ? "program/x.list" : "program/x.stack";
}

static struct bag open_bag(uint32_t flags, uint64_t capacity)
{
	struct agora_options options = {
		.capacity = capacity, .message_size = LARGEST};
	struct bag bag = {NULL, NULL, NULL};

	flags |= AGORA_WRITE;
	if (is_list) {
		check(agora_list_open(
			      space, path(), flags, &options, &bag.list),
			"open");
		bag.object = agora_list_object(bag.list);
	} else {
		check(agora_stack_open(
			      space, path(), flags, &options, &bag.stack),
			"open");
		bag.object = agora_stack_object(bag.stack);
	}
	return bag;
}

/* ---- what must be there ---- */

static void account(struct bag bag)
{
	struct agora_check report;
	int result = agora_object_check(bag.object, 0, &report);

	if (result || report.free != report.blocks)
		fail("blocks leaked", (long)report.free, (long)report.blocks);
}

static void repair(struct bag bag)
{
	struct agora_check report;

	check(agora_object_check(bag.object, 1, &report), "repair");
	if (report.damaged)
		fail("damaged", (long)report.damaged, 0);
}

/* ---- the space ---- */

static void clean_up(void)
{
	static pid_t owner;
	char command[100];

	if (!owner)
		owner = getpid();
	else if (owner == getpid()) {
		snprintf(command, sizeof(command), "rm -rf %s", space_dir);
		if (system(command))
			fprintf(stderr, "cannot remove %s\n", space_dir);
	}
}

static void make_space(void)
{
	char program[100];

	if (!mkdtemp(space_dir))
		fail("mkdtemp", errno, 0);
	clean_up();
	atexit(clean_up);
	snprintf(program, sizeof(program), "%s/program", space_dir);
	mkdir(program, 0755);
	check(agora_space_open(space_dir, &space), "space");
}

#endif
