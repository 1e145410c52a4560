/*
 * linear.h - what a structure adds to linear.c: see there.
 *
 * A kind adds race/linear_KIND.c, which meson.build finds by its name, with a
 * struct subject for each way to make it, and SUBJECT(...) for each:
 *
 *   open     how an object is made and opened;
 *   work     which operations a worker does, each by linear_record();
 *   perform  how one is done, and its result written down;
 *   drain    what is there when all have ended; it leaves nothing there;
 *   step     the specification: what an operation does to a state, and
 *            whether it could have had the result it had;
 *   stops    the crash points where a worker may stop or die;
 *   verdicts histories of which it is known whether they make sense.
 *
 * Faults that must be found out stand in race/break_KIND.py: see break.py.
 * tests/race/linear_queue.c and linear_table.c are the models.
 */
#ifndef TESTS_RACE_LINEAR_H
#define TESTS_RACE_LINEAR_H

#include <agora/agora.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define WORKERS    3
#define OPS        16 /* of one worker in a round */
#define EXTRA      4  /* that finish() may add to them */
#define EVENTS_MAX 63

/* One operation of one client. */
struct event {
	int op;  /* of the subject's own */
	int key; /* or reader, or position */
	int result;
	uint64_t arg;        /* what was given: message, value, delta */
	uint64_t out;        /* what came out; or what was expected */
	uint64_t begin, end; /* stamps; end 0: cut off */
	uint64_t more[4];    /* whatever else was given or came out */
};

/* What a specification remembers, nothing but zeroes at first. */
#define ITEMS 29
union state {
	uint64_t word[8];
	/* Small numbers in an order, each perhaps with a rank (priority). */
	struct sequence {
		uint8_t count;
		uint8_t limbo; /* taken by one who died; 0: nothing */
		uint8_t limbo_rank;
		uint8_t free[3]; /* for the subject */
		uint8_t item[ITEMS], rank[ITEMS];
	} sequence;
};

/* Returns false when there is no room in the state: the history is wrong. */
bool sequence_insert(struct sequence *s, int at, uint64_t item, int rank);

/* Returns the item that was there. */
uint64_t sequence_remove(struct sequence *s, int at);

/* A history whose verdict is known; it ends with an event without begin. The
 * capacity is 2. */
struct verdict {
	bool sound;
	struct event event[10];
};

/* op, key, result, arg, out, begin, end */
#define EVENT(...)           \
	{                    \
		__VA_ARGS__, \
		{            \
			0    \
		}            \
	}

struct subject {
	const char *name;       /* an argument of linear */
	const char *path;       /* "p/x.queue" */
	const char *const *ops; /* their names, in the order of the numbers */

	/*
	 * Open the object with these flags and keep the handle; the parent
	 * comes first and creates it. Its capacity is linear_capacity.
	 */
	struct agora_object *(*open)(uint32_t flags);
	/* In the parent, when it was created; may be NULL. */
	void (*prepare)(void);
	/* Do one operation, or a few, of which count were done before. */
	void (*work)(int self, int count);
	/* The end of a worker's part of a round; may be NULL. */
	void (*finish)(int self);
	/* Do what the event says; fill in result, out and more. */
	void (*perform)(struct event *e);
	/*
	 * One history for each key (e->key), if partitions is not 0: write
	 * down what is there, as an event, and remove it. last: a worker may
	 * have been killed.
	 */
	void (*drain)(struct event *e, bool last);
	int partitions;
	/* Apply an event to a state, if it could have had its result. */
	bool (*step)(const struct event *e, union state *s);

	/* Whether a worker may stop at a crash point. */
	bool (*stops)(int self, const char *point);
	int readers_from; /* workers from this one on change nothing; 0: none */

	const struct verdict *verdicts;
	int verdict_count;

	struct subject *next; /* by SUBJECT() */
};

#define SUBJECT(subject)                                                  \
	__attribute__((constructor)) static void subject##_is_there(void) \
	{                                                                 \
		linear_add(&(subject));                                   \
	}                                                                 \
	typedef int subject##_needs_a_semicolon

void linear_add(struct subject *subject);

/* ---- for subjects ---- */

extern struct agora_space *linear_space;
extern unsigned linear_capacity; /* 1 to 4 */

_Noreturn void linear_fail(const char *what, long a, long b);
void linear_check(long result, const char *what);

/* A number below the limit, by chance. */
unsigned linear_below(unsigned limit);

/* Whether this worker may be killed in this round: judge has to make sense of
 * a single operation that was cut off. */
bool linear_may_die(void);

/* Record an operation and perform() it: it is there as soon as it may have
 * begun. Returns what came of it. */
struct event *linear_record(int self, struct event e);

/* Record count events of the same time, which perform() does at once; it
 * returns how many of them are to be kept. */
void linear_record_several(
	int self, struct event *e, int count, int (*perform)(struct event *e));

/* Whether a crash point begins with one of the words, up to NULL. */
bool linear_is_of(const char *point, const char *const *words);

/* ---- the judge: linear_judge.c ---- */

struct history {
	int count;
	struct event event[EVENTS_MAX];
	bool (*step)(const struct event *e, union state *s);
};

/* Whether a history that began with nothing there is linearizable. */
bool is_linearizable(const struct history *h);

#endif
