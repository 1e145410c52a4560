/*
 * linear.h - whether a history has an order in which it makes sense.
 *
 * What: the search of Wing and Gong (1993), with the states seen before
 * remembered (Lowe 2017). An operation may be put next if no other one, not
 * yet put, had ended before it began. The history is linearizable when all
 * that ended can be put, each with the result it had. What was cut off by a
 * death may be put or left out.
 *
 * Stamps come from one counter: two operations overlap, or the end of one
 * was stamped before the beginning of the other.
 */
#ifndef TESTS_RACE_LINEAR_H
#define TESTS_RACE_LINEAR_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define EVENTS_MAX 63

enum op { PUSH, POP, TAKE, PEEK, DRAIN, PUT, GET, DELETE, COMPARE, ADD };

/* One operation of one client. */
struct event {
	enum op op;
	int key;
	int result;
	uint64_t arg;        /* what was given: message, value, delta */
	uint64_t out;        /* what came out; COMPARE: what was expected */
	uint64_t begin, end; /* stamps; end 0: cut off */
};

struct history {
	int count;
	struct event event[EVENTS_MAX];
	/* Apply an event to a state, if it could have had its result. */
	bool (*step)(const struct event *event, uint64_t *state);
};

/* ---- the queue: a byte for each message, the first one lowest ---- */

static unsigned queue_capacity;

/* Taken by one who died: the highest byte. */
#define LIMBO 56

static unsigned queue_count(uint64_t state)
{
	unsigned count = 0;

	for (state &= ~(UINT64_C(255) << LIMBO); state; state >>= 8)
		count++;
	return count;
}

static bool step_push(const struct event *e, uint64_t *state)
{
	unsigned count = queue_count(*state);

	if (e->end && e->result)
		return count == queue_capacity;
	if (count == queue_capacity)
		return false;
	*state |= e->arg << 8 * count;
	return true;
}

static bool step_pop(const struct event *e, uint64_t *state)
{
	uint64_t limbo = *state >> LIMBO << LIMBO;
	uint64_t messages = *state & ~limbo;
	uint64_t first = messages & 255;

	if (e->end && e->result)
		return !first;
	if (!first || (e->end && first != e->out))
		return false;
	if (!e->end)
		limbo = first << LIMBO;
	if (e->op != PEEK)
		*state = messages >> 8 | limbo;
	return true;
}

/* What one who died had taken is delivered again first, or was consumed. */
static bool step_queue(const struct event *e, uint64_t *state)
{
	uint64_t limbo = *state >> LIMBO;
	uint64_t messages = *state & ~(UINT64_C(255) << LIMBO);

	if (e->end && e->result == -EBUSY)
		return true;
	switch (e->op) {
	case PUSH:
		return step_push(e, state);
	case DRAIN:
		return e->out == messages ||
		       (limbo && e->out == (messages << 8 | limbo));
	default:
		return step_pop(e, state);
	}
}

/* ---- a key of the table: its value, 0 for none; none comes twice ---- */

static bool step_key(const struct event *e, uint64_t *state)
{
	switch (e->op) {
	case GET:
		return !e->end || (e->result ? 0 : e->out) == *state;
	case PUT:
		*state = e->arg;
		return true;
	case ADD:
		*state += e->arg;
		return !e->end || *state == e->out;
	case DELETE:
		if (e->end && !e->result != (*state != 0))
			return false;
		*state = 0;
		return true;
	default:
		if (e->end && e->result)
			return *state != e->out;
		if (*state != e->out)
			return false;
		*state = e->arg;
		return true;
	}
}

/* ---- the search ---- */

#define SEEN (1u << 16)

static struct {
	uint64_t done, state, round;
} seen[SEEN];

static uint64_t seen_round;

/* Remember a place; returns whether it was there. Forgetting only costs. */
static bool seen_before(uint64_t done, uint64_t state)
{
	uint64_t mix = (done ^ state * UINT64_C(0x9e3779b97f4a7c15)) *
		       UINT64_C(0xd6e8feb86659fd93);
	unsigned at = (unsigned)(mix >> 48) % SEEN;

	if (seen[at].round == seen_round && seen[at].done == done &&
		seen[at].state == state)
		return true;
	seen[at].round = seen_round;
	seen[at].done = done;
	seen[at].state = state;
	return false;
}

static bool search(const struct history *h, uint64_t done, uint64_t state)
{
	uint64_t first_end = UINT64_MAX;
	const struct event *e = h->event;

	for (int i = 0; i < h->count; i++)
		if (!(done >> i & 1) && e[i].end && e[i].end < first_end)
			first_end = e[i].end;
	if (first_end == UINT64_MAX)
		return true;
	if (seen_before(done, state))
		return false;
	for (int i = 0; i < h->count; i++) {
		uint64_t next = state;

		if (done >> i & 1 || e[i].begin > first_end)
			continue;
		if (h->step(&e[i], &next) &&
			search(h, done | UINT64_C(1) << i, next))
			return true;
	}
	return false;
}

/* Whether a history that began with nothing there is linearizable. */
static bool is_linearizable(const struct history *h)
{
	seen_round++;
	return search(h, 0, 0);
}

#endif
