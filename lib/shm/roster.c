/* roster.c - the programs and objects that a watch knows: see roster.h. */
#include "shm/roster.h"

#include <errno.h>
#include <search.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct known *)a)->name,
		((const struct known *)b)->name);
}

static int compare_watches(const void *a, const void *b)
{
	int left = ((const struct known *)a)->watch;
	int right = ((const struct known *)b)->watch;

	return (left > right) - (left < right);
}

static int compare_objects(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void discard(void *pointer)
{
	struct known *known = pointer;

	tdestroy(known->objects, free);
	free(known);
}

static void keep(void *pointer)
{
	(void)pointer;
}

struct known *roster_find(const struct roster *roster, const char *name)
{
	struct known key = {.watch = -1};
	struct known *const *found;

	strncat(key.name, name, NAME_MAX);
	found = tfind(&key, &roster->by_name, compare_names);
	return found ? *found : NULL;
}

struct known *roster_find_watch(const struct roster *roster, int watch)
{
	const struct known key = {.watch = watch};
	struct known *const *found =
		tfind(&key, &roster->by_watch, compare_watches);

	return found ? *found : NULL;
}

struct known *roster_add(struct roster *roster, const char *name)
{
	struct known *known = calloc(1, sizeof(*known));

	if (!known)
		return NULL;
	known->watch = -1;
	strncat(known->name, name, NAME_MAX);
	if (!tsearch(known, &roster->by_name, compare_names)) {
		free(known);
		return NULL;
	}
	return known;
}

int roster_set_watch(struct roster *roster, struct known *known, int watch)
{
	if (known->watch >= 0)
		tdelete(known, &roster->by_watch, compare_watches);
	known->watch = watch;
	if (watch < 0 || tsearch(known, &roster->by_watch, compare_watches))
		return 0;
	known->watch = -1;
	return -ENOMEM;
}

void roster_remove(struct roster *roster, struct known *known)
{
	roster_set_watch(roster, known, -1);
	tdelete(known, &roster->by_name, compare_names);
	discard(known);
}

void roster_clear(struct roster *roster)
{
	tdestroy(roster->by_watch, keep);
	tdestroy(roster->by_name, discard);
	*roster = (struct roster){.by_name = NULL};
}

struct walk {
	void (*call)(struct known *known, void *context);
	void *context;
};

static void visit(const void *node, VISIT order, void *context)
{
	const struct walk *walk = context;

	if (order == postorder || order == leaf)
		walk->call(*(struct known *const *)node, walk->context);
}

void roster_each(const struct roster *roster,
	void (*call)(struct known *known, void *context), void *context)
{
	struct walk walk = {call, context};

	twalk_r(roster->by_name, visit, &walk);
}

int known_add_object(struct known *known, const char *name)
{
	char *copy;

	if (known_has_object(known, name))
		return 0;
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	if (!tsearch(copy, &known->objects, compare_objects)) {
		free(copy);
		return -ENOMEM;
	}
	return 1;
}

bool known_has_object(const struct known *known, const char *name)
{
	return tfind(name, &known->objects, compare_objects);
}

bool known_remove_object(struct known *known, const char *name)
{
	char *const *found = tfind(name, &known->objects, compare_objects);
	char *copy;

	if (!found)
		return false;
	copy = *found;
	tdelete(name, &known->objects, compare_objects);
	free(copy);
	return true;
}
