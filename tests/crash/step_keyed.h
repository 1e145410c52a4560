/*
 * step_keyed.h - the judge of step.c for structures with keys.
 *
 * There are KEYS keys side by side: victims write key 2, others died while
 * they wrote that, or key 1, and all of them are looked at. Key 2 has its old
 * value or its new one, and only the new one once the operation returned; a
 * walk meets each key once.
 *
 * A kind's file has its groups and states, and these hooks; then
 *
 *   keyed_fill(), keyed_put()   to build a state
 *   keyed_strand()              whoever died before
 *   keyed_note()                at the end of arrange
 *   keyed_judge()               judges, in two variants
 */
#ifndef TESTS_CRASH_STEP_KEYED_H
#define TESTS_CRASH_STEP_KEYED_H

#include "step.h"
#include "step_bytes.h"

#define KEYS 5
#define MORE 8 /* keys at most, beside them, of which nobody dies */

struct keyed_kind {
	/* The value of task->key when the task took place; 0: none. */
	uint64_t (*after)(const struct step_task *task, uint64_t before);
	/* What it returns then; may be NULL: 0. */
	int (*result)(const struct step_task *task, uint64_t before);
	bool members; /* keys have no values: who is there has 1 */
};

extern const struct keyed_kind keyed_kind; /* the kind's */

struct keyed_key {
	size_t size;
	unsigned char bytes[24];
};

extern struct keyed_key keyed_keys[KEYS + MORE];
extern int keyed_more;     /* so many of the others are there */
extern bool keyed_repairs; /* who writes has repaired before */

/* With the survivor. */
int keyed_put(int key, uint64_t id);
int keyed_delete(int key);
/* Returns the id, or 0 for none. */
uint64_t keyed_get(int key, uint64_t *ret_version);

/* All keys but the last, with key 2 or without, and those beside them. */
void keyed_fill(bool present, int shape);
/* Kill one behind the effect of what it did, or after so many eighths. */
void keyed_strand(const struct step_task *dead, int eighth);
/* The last thing in arrange: the values, and step_task.version. */
void keyed_note(void);

void keyed_judge(int variant);

#endif
