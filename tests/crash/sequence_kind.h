/*
 * sequence_kind.h - a sequence of any kind, named by the first argument of
 * the drivers that kill its clients, and the space that it lies in.
 */
#ifndef TESTS_CRASH_SEQUENCE_KIND_H
#define TESTS_CRASH_SEQUENCE_KIND_H

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

#define LARGEST 20000

static char space_dir[] = "/dev/shm/agora-crash-XXXXXX";
static struct agora_space *space;
static char path[80];
static const struct agora_kind *kind;
static uint32_t flags_made;

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

/* ---- kinds ---- */

/* Beside these a kind goes by its own name. */
static const struct {
	const char *name, *kind;
	uint32_t flags;
} variants[] = {
	{"spsc", "queue", AGORA_SPSC},
	{"relaxed", "heap", AGORA_RELAXED},
};

/* Returns false when there is no such kind that has push and pop. */
static bool choose_kind(const char *name)
{
	const uint32_t both = AGORA_CAN_PUSH | AGORA_CAN_POP;

	snprintf(path, sizeof(path), "program/x.%s", name);
	for (size_t i = 0; i < sizeof(variants) / sizeof(*variants); i++) {
		if (strcmp(variants[i].name, name))
			continue;
		flags_made = variants[i].flags;
		snprintf(path, sizeof(path), "program/x.%s", variants[i].kind);
	}
	kind = agora_kind_of(path + strlen("program/"));
	return kind && (kind->verbs & both) == both;
}

/* The drivers go through them: one on each line. */
__attribute__((unused)) static int list_kinds(void)
{
	const struct agora_kind *k = NULL;

	while ((k = agora_kind_next(k)))
		if (choose_kind(k->name))
			puts(k->name);
	return 0;
}

static struct agora_object *open_object(uint32_t flags, uint64_t capacity)
{
	struct agora_options options = {.capacity = capacity,
		.message_size = LARGEST,
		.flags = flags_made};
	struct agora_object *object;

	check(agora_object_open(
		      space, path, AGORA_WRITE | flags, &options, &object),
		"open");
	return object;
}

/* Few priorities: many messages have equal ones. */
static uint64_t priority_of(const unsigned char *data)
{
	return (data[0] ^ data[4] * 3u) % 5;
}

__attribute__((unused)) static int push(
	struct agora_object *q, const unsigned char *data, size_t size)
{
	if (kind->traits & AGORA_PRIORITIES)
		return agora_object_push_priority(
			q, priority_of(data), data, size);
	return agora_object_push(q, data, size);
}

/* ---- what must be there ---- */

static void account(struct agora_object *q)
{
	struct agora_check report;
	int result = agora_object_check(q, 0, &report);

	if (result || report.free != report.blocks)
		fail("blocks leaked", (long)report.free, (long)report.blocks);
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
