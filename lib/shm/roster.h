/*
 * roster.h - the programs and objects that a watch knows: see watch.c.
 *
 * Process-local. Names are those of directory entries and were checked.
 */
#ifndef LIB_SHM_ROSTER_H
#define LIB_SHM_ROSTER_H

#include <limits.h>
#include <stdbool.h>
#include <time.h>

struct roster {
	void *by_name; /* trees of search.h */
	void *by_watch;
};

/* A program. */
struct known {
	int watch;             /* inotify's, or -1 */
	bool alive;            /* as last reported */
	bool doubt;            /* it may have died */
	struct timespec since; /* of the last registration seen */
	void *objects;
	char name[NAME_MAX + 1];
};

/* NULL when it is not known. */
struct known *roster_find(const struct roster *roster, const char *name);
struct known *roster_find_watch(const struct roster *roster, int watch);

/* Add a program that is not known. NULL when there is no memory. */
struct known *roster_add(struct roster *roster, const char *name);

/* Set the watch of a program, -1 for none. Returns 0 or -ENOMEM. */
int roster_set_watch(struct roster *roster, struct known *known, int watch);

void roster_remove(struct roster *roster, struct known *known);

/* Remove all. */
void roster_clear(struct roster *roster);

/* Call a function that neither adds nor removes for each program. */
void roster_each(const struct roster *roster,
	void (*call)(struct known *known, void *context), void *context);

/* Returns 1, 0 (known already) or -ENOMEM. */
int known_add_object(struct known *known, const char *name);
bool known_has_object(const struct known *known, const char *name);

/* Returns whether it was known. */
bool known_remove_object(struct known *known, const char *name);

#endif
