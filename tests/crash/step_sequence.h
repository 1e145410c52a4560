/*
 * step_sequence.h - the judge of step.c for whatever has push and pop.
 *
 * Exactly once: a message whose push had returned comes out, once; one whose
 * push was under way may; one that was popped does not come again. All verbs
 * here are those of agora_object_...(). The survivor works before the dead
 * one is recovered, and full is full and empty is empty to the message.
 *
 * A kind's file has its groups and states, and these hooks; then
 *
 *   sequence_push(), sequence_pop(), sequence_must[]   to build a state
 *   sequence_note()                                    at the end of arrange
 *   sequence_strand()                                  whoever died before
 *   sequence_judge()                                   judges
 */
#ifndef TESTS_CRASH_STEP_SEQUENCE_H
#define TESTS_CRASH_STEP_SEQUENCE_H

#include "step.h"
#include "step_bytes.h"

#include <sys/uio.h>

#define CAPACITY 8
#define MANY     5 /* messages of a batch that is pushed */
#define SEVERAL  4 /* at most, that are popped at once */

/* What an operation does to messages. */
struct sequence_effect {
	int pushes;  /* at most: 0, 1, or MANY in a batch */
	int pops;    /* at most: 0, 1, or SEVERAL in a batch */
	bool copies; /* what was popped lies in the buffers */
	bool moves;  /* messages are claimed and returned: not exact then */
};

struct sequence_kind {
	struct sequence_effect (*effect)(int op);
	/*
	 * Whether a message may leave behind the one before, when nobody else
	 * is at work; version: what agora_object_pop() gives. before: 0 for the
	 * first. May be NULL.
	 */
	bool (*follows)(uint64_t id, uint64_t version, uint64_t before,
		uint64_t version_before);
};

extern const struct sequence_kind sequence_kind; /* the kind's */

/* In memory shared with victims: step_kind.shared_size is at least this. */
struct sequence_shared {
	unsigned char buffer[SEVERAL][LARGEST];
};

extern uint64_t sequence_list[CAPACITY]; /* to be popped, in order; 0: none */
extern unsigned char sequence_must[IDS]; /* come out; 2: perhaps */

/* With the survivor. */
int sequence_push(uint64_t id);
/* Returns the id, or a negative errno. */
long sequence_pop(uint64_t *ret_version);

/* The ids of a batch that begins with from: short, or some of them not. */
uint64_t batch_id(uint64_t from, unsigned number);

/* What a victim pushes: those of the batch that begins with task->id. */
extern struct iovec sequence_messages[MANY];
void sequence_ready(const struct step_task *task);

/* Push and pop one message of each shape, for what happens but once. */
void sequence_warm(void);
/* Claim the first message and give it back. */
void sequence_restore_first(void);

/* The first thing in arrange. */
void sequence_begin(void);
/* Push so many messages, of shapes that begin with one. */
void sequence_fill(int count, int shape);
/*
 * Somebody does this and dies: behind its effect, or after so many eighths of
 * its instructions. What was being pushed or popped then, comes out perhaps.
 * Behind its effect what was pushed comes out, and so does what was popped,
 * since it was only claimed; where it is not so, the kind corrects
 * sequence_must.
 */
void sequence_strand(const struct step_task *dead, int eighth);
/* The last thing in arrange: so many messages were claimed and returned. */
void sequence_note(uint64_t returned);
/* In sequence_list: what is there now. */
void sequence_look(void);

void sequence_judge(int variant);

#endif
