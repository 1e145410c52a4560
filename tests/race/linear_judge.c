/*
 * linear_judge.c - whether a history has an order in which it makes sense.
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
#include "linear.h"

_Static_assert(sizeof(union state) == 64, "a state has no padding");

#define SEEN (1u << 15)

static struct place {
	uint64_t done, round;
	union state state;
} seen[SEEN];

static uint64_t seen_round;

static bool is_same(const union state *a, const union state *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static unsigned hash(uint64_t done, const union state *state)
{
	uint64_t mix = done;

	for (int i = 0; i < 8; i++) {
		mix = (mix ^ state->word[i]) * UINT64_C(0xd6e8feb86659fd93);
		mix ^= mix >> 32;
	}
	return (unsigned)(mix >> 48) % SEEN;
}

/* Remember a place; returns whether it was there. Forgetting only costs. */
static bool seen_before(uint64_t done, const union state *state)
{
	struct place *at = &seen[hash(done, state)];

	if (at->round == seen_round && at->done == done &&
		is_same(&at->state, state))
		return true;
	*at = (struct place){done, seen_round, *state};
	return false;
}

static bool search(
	const struct history *h, uint64_t done, const union state *state)
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
		union state next = *state;

		if (done >> i & 1 || e[i].begin > first_end)
			continue;
		if (h->step(&e[i], &next) &&
			search(h, done | UINT64_C(1) << i, &next))
			return true;
	}
	return false;
}

bool is_linearizable(const struct history *h)
{
	static const union state nothing;

	seen_round++;
	return search(h, 0, &nothing);
}

/* ---- states that are sequences ---- */

bool sequence_insert(struct sequence *s, int at, uint64_t item, int rank)
{
	if (s->count == ITEMS || at > s->count)
		return false;
	memmove(&s->item[at + 1], &s->item[at], (size_t)(s->count - at));
	memmove(&s->rank[at + 1], &s->rank[at], (size_t)(s->count - at));
	s->item[at] = (uint8_t)item;
	s->rank[at] = (uint8_t)rank;
	s->count++;
	return true;
}

uint64_t sequence_remove(struct sequence *s, int at)
{
	uint8_t item = s->item[at];

	s->count--;
	memmove(&s->item[at], &s->item[at + 1], (size_t)(s->count - at));
	memmove(&s->rank[at], &s->rank[at + 1], (size_t)(s->count - at));
	/* Nothing is left of it: states are compared as bytes. */
	s->item[s->count] = s->rank[s->count] = 0;
	return item;
}
