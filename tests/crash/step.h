/*
 * step.h - what a structure adds to step.c: see there.
 *
 * A kind adds crash/step_KIND.c, which meson.build finds by its name and
 * links with the harness into a program of its own, crash-step_KIND; pytest
 * finds that (test_step.py). The file defines step_kind:
 *
 *   groups   operations, each in one shape, that victims are led through;
 *            beside them repairs of what one left who died before;
 *   state    the states in which a group is tried, by number;
 *   arrange  builds one of them, and writes down what must come of it;
 *   perform  what the victim does;
 *   judge    what another client does then, what must be there, and what may
 *            not: called for each instruction, on a copy of the segment.
 *
 * Sequences have most of it in step_sequence.h, structures with keys in
 * step_keyed.h: step_queue.c and step_table.c are the models. One that
 * shares none of it is step_spsc.c.
 */
#ifndef TESTS_CRASH_STEP_H
#define TESTS_CRASH_STEP_H

#include <agora/agora.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* An operation: 0 is nothing, STEP_REPAIR is agora_object_check(), all others
 * are the kind's own. */
#define STEP_REPAIR (-1)

struct step_group {
	const char *name;
	int op;
	int shape;       /* the kind's own */
	int before;      /* STEP_REPAIR: what the dead one was about */
	unsigned states; /* those that it is for: the kind's own */
};

/* What a victim is to do. */
struct step_task {
	int op;
	uint64_t id;
	int key;
	uint64_t version;
};

struct step_kind {
	const char *name; /* of the object's file */
	const struct step_group *groups;
	size_t group_count;
	/* Memory that victims share with their parent: step_shared. */
	size_t shared_size;
	int variants; /* of the judge */
	bool twice;   /* a victim does it again: another way, with a role */

	/* The object is made anew for each group; may be NULL. */
	void (*begin)(const struct step_group *group);
	void *(*open)(
		struct agora_space *space, const char *path, uint32_t flags);
	struct agora_object *(*object)(void *handle);
	/* Commit all memory that will be needed, and leave it empty; or NULL.
	 */
	void (*warm)(void);

	/* NULL behind the last, "" for one that the group is not tried in. */
	const char *(*state)(const struct step_group *group, size_t number);
	/* The state in which the dead one was at work, for STEP_REPAIR. */
	size_t (*repaired)(const struct step_group *group);
	/*
	 * Build a state with step_survivor. eighth: 0, or who died before was
	 * doing group->before, and is to be left by step_strand_at(). Set
	 * step_task.
	 */
	void (*arrange)(
		const struct step_group *group, size_t number, int eighth);

	/* In the victim, before it is led; may be NULL. */
	void (*ready)(const struct step_task *task);
	int (*perform)(void *handle, const struct step_task *task);
	/* Of step_survivor, and of step_told. */
	void (*judge)(int variant);
};

extern const struct step_kind step_kind;

/* ---- for kinds ---- */

/* What the victim came to. */
struct step_told {
	_Atomic bool begun, done;
	_Atomic int result;
};

extern struct step_told *step_told;
extern void *step_shared;
extern void *step_survivor;        /* the handle of who judges */
extern struct step_task step_task; /* of the state under test */

/* The first bytes of the segment under the victims: its header. */
const void *step_segment(void);

/* What is being done, for the line that says what failed. */
extern char step_doing[200];

_Noreturn void fail(const char *what, long a, long b);
void check(long result, const char *what);

struct agora_object *step_object(void); /* of the survivor */
uint64_t step_count(void);              /* of messages or keys */
uint64_t step_used(void);               /* blocks */

/* Recover the dead, of whom there must be least at least. */
void step_repair(uint64_t least);

/* Nothing is there, and no block is in use. */
void step_account(void);

/* Let the survivor's handle begin anew: it gives up what it has. */
void step_reopen(void);

/* Kill a client behind the first instruction after which reached() holds. */
void step_strand(const struct step_task *task, bool (*reached)(void));
/* Kill it after so many eighths of its instructions; 8: near the end. */
void step_strand_at(const struct step_task *task, int eighth);
/* Let it come to the end, and die with what it has in hand. */
void step_strand_after(const struct step_task *task);

#endif
