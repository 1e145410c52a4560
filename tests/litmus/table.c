/*
 * table.c - a chain is walked while its entries die and are used anew.
 *
 * Stands for lib/data/chain.c and chain_dead.c: [L] links, [S] states, [A]
 * the fence before the anchor or the state is read again, [C] and [F] of
 * lib/shm/pool.h. A walk finds what was put before, in its place or in
 * another's, and nothing under another key.
 *
 * Cases
 *  0 one puts key 1 and tells, one puts key 2, one gets both
 *  1 one deletes key 1 and puts key 2 into the same block, one gets key 1
 *    and one, who was told, key 2
 *  2 one replaces key 1 and puts key 2 into the block of the old entry, one
 *    gets key 1, which is never absent
 *  3 two delete neighbours; in the end both are out of the chain and free
 *  4 one deletes two, one gets the key behind them
 *
 * Bounds: one bucket, three blocks, two attempts for each operation.
 */
#define CASES 5

#include "litmus.h"

#define BLOCKS 3
#define TRIES  2
#define STEPS  5

enum { FREE, OWNED, PUBLISHED, RETIRED };
enum { ABSENT, PRESENT, AGAIN };

#define STATE(kind, life) ((uint64_t)(kind) << 8 | (life))
#define KIND(state)       ((state) >> 8)
#define LIFE(state)       ((state)&0xff)

#define MARK              (UINT64_C(1) << 16)
#define VERSION           16
#define INDEX(link)       ((link)&15)

static word bucket, told, gone;
static word links[BLOCKS], state[BLOCKS], key[BLOCKS], value[BLOCKS];

struct walk {
	word *anchor;
	uint64_t held, at, next, state;
	unsigned block;
	bool run;
};

static uint64_t link_after(uint64_t old, uint64_t mark, uint64_t index)
{
	return mark | (((old & ~MARK) + VERSION) & ~UINT64_C(15)) | index;
}

static uint64_t load_link(word *at)
{
	/* [L] */
	return atomic_load_explicit(at, UNLESS(FOLLOW, memory_order_acquire));
}

static bool swap_link(word *at, uint64_t old, uint64_t new)
{
	/* [L] [E] */
	return SWAP(at, old, new, UNLESS(LINK, memory_order_seq_cst));
}

static void fill(unsigned block, uint64_t k, uint64_t v)
{
	set(&key[block], k);
	set(&value[block], v);
	set(&state[block], STATE(PUBLISHED, 1));
}

/* Cases 1, 2: key 1. Cases 3, 4: keys 1, 2 and 3. */
static void reset(void)
{
	set(&told, 0);
	set(&gone, 0);
	set(&bucket, CASE == 0 ? 0 : 1);
	for (unsigned i = 0; i < BLOCKS; i++) {
		set(&links[i], CASE >= 3 ? (i + 2) % (BLOCKS + 1) : 0);
		set(&key[i], 0);
		set(&value[i], 0);
		set(&state[i], STATE(FREE, 1));
		if (CASE >= 3 || (CASE && !i))
			fill(i, i + 1, 10 * (i + 1));
	}
	/* Then nothing is free but what the delete frees. */
	for (unsigned i = 1; CASE == 1 && i < BLOCKS; i++)
		set(&state[i], STATE(OWNED, 1));
	if (CASE == 2)
		set(&state[2], STATE(OWNED, 1));
}

/* ---- walk ---- */

static void walk_start(struct walk *w)
{
	w->anchor = &bucket;
	w->held = w->at = load_link(&bucket);
	w->run = false;
}

static bool walk_is_valid(const struct walk *w)
{
	/* [A] */
	atomic_thread_fence(UNLESS(VALIDATE, memory_order_acquire));
	return look(w->anchor) == w->held;
}

static bool walk_load(struct walk *w)
{
	if (!INDEX(w->at))
		return false;
	w->block = INDEX(w->at) - 1;
	w->next = load_link(&links[w->block]);
	/* [S] */
	w->state = atomic_load_explicit(&state[w->block], memory_order_acquire);
	return true;
}

static void walk_on(struct walk *w)
{
	w->at = w->next;
	w->run = w->next & MARK;
	if (w->run)
		return;
	w->anchor = &links[w->block];
	w->held = w->next;
}

static int seek_once(struct walk *w, uint64_t k)
{
	walk_start(w);
	for (int i = 0; i < STEPS && walk_load(w); i++) {
		uint64_t found = look(&key[w->block]);

		if (!walk_is_valid(w))
			return AGAIN;
		if (!(w->next & MARK) && found >= k)
			return found == k ? PRESENT : ABSENT;
		walk_on(w);
	}
	return INDEX(w->at) ? AGAIN : ABSENT;
}

static int seek(struct walk *w, uint64_t k)
{
	int result = AGAIN;

	for (int i = 0; result == AGAIN && i < TRIES; i++)
		result = seek_once(w, k);
	return result;
}

static int get_once(uint64_t k, uint64_t *ret_value)
{
	struct walk w;
	int result = seek(&w, k);

	if (result != PRESENT)
		return result;
	*ret_value = look(&value[w.block]);
	/* [A] */
	atomic_thread_fence(UNLESS(COPY_FENCE, memory_order_acquire));
	if (LIFE(look(&state[w.block])) != LIFE(w.state) ||
		KIND(look(&state[w.block])) < PUBLISHED)
		return AGAIN;
	return PRESENT;
}

/* Whatever is found was put under this very key. */
static int get(uint64_t k)
{
	uint64_t found = 0;
	int result = AGAIN;

	for (int i = 0; result == AGAIN && i < TRIES; i++)
		result = get_once(k, &found);
	assert(result != PRESENT || found / 10 == k);
	return result;
}

/* ---- blocks ---- */

static bool claim_block(unsigned block)
{
	uint64_t old = look(&state[block]);

	/* [C] [F] */
	if (KIND(old) != FREE ||
		!SWAP(&state[block], old, STATE(OWNED, LIFE(old) + 1),
			memory_order_acq_rel))
		return false;
	/* [C] */
	atomic_thread_fence(UNLESS(CLAIM_FENCE, memory_order_release));
	return true;
}

static void discard(unsigned block)
{
	uint64_t life = LIFE(look(&state[block]));

	/* [S] */
	atomic_store_explicit(
		&state[block], STATE(OWNED, life), memory_order_release);
	/* [F] */
	atomic_store_explicit(
		&state[block], STATE(FREE, life + 1), memory_order_release);
}

/* ---- the dead ---- */

static bool retire(unsigned block, uint64_t old)
{
	/* [S] */
	return KIND(old) == PUBLISHED &&
	       SWAP(&state[block], old, STATE(RETIRED, LIFE(old)),
		       memory_order_acq_rel);
}

/* mine: what we retired, a bit each. */
static int purge_once(unsigned *mine)
{
	struct walk w;

	walk_start(&w);
	for (int i = 0; i < STEPS && walk_load(&w); i++) {
		uint64_t after = link_after(w.held, 0, INDEX(w.next));

		if (!walk_is_valid(&w))
			return AGAIN;
		if (!(w.next & MARK)) {
			walk_on(&w);
			continue;
		}
		if (retire(w.block, w.state))
			*mine |= 1u << w.block;
		/* [S] */
		else if (KIND(atomic_load_explicit(&state[w.block],
				 memory_order_acquire)) != RETIRED)
			return AGAIN;
		if (!swap_link(w.anchor, w.held, after))
			return AGAIN;
		w.held = w.at = after;
	}
	return INDEX(w.at) ? AGAIN : 0;
}

/* Returns false when it gave up: what is retired stays so. */
static bool purge(unsigned mine)
{
	int result = AGAIN;

	for (int i = 0; result == AGAIN && i < TRIES; i++)
		result = purge_once(&mine);
	for (unsigned i = 0; result != AGAIN && i < BLOCKS; i++)
		if (mine & 1u << i)
			discard(i);
	return result != AGAIN;
}

static bool settle(struct walk *w, uint64_t last)
{
	if (!retire(w->block, w->state))
		return true;
	if (w->run || !swap_link(w->anchor, w->held,
			      link_after(w->held, 0, INDEX(last))))
		return purge(1u << w->block);
	discard(w->block);
	return true;
}

/* ---- write ---- */

static bool publish(struct walk *w, int present, unsigned block)
{
	word *at = present ? &links[w->block] : w->anchor;
	uint64_t old = present ? w->next : w->held;
	uint64_t new = link_after(old, present ? MARK : 0, block + 1);

	set(&links[block], link_after(look(&links[block]), 0, INDEX(old)));
	if (!swap_link(at, old, new))
		return false;
	if (present)
		settle(w, new);
	return true;
}

static bool put(unsigned block, uint64_t k, uint64_t v)
{
	struct walk w;

	if (!claim_block(block))
		return false;
	set(&key[block], k);
	set(&value[block], v);
	set(&links[block], link_after(look(&links[block]), 0, 0));
	/* [S] */
	atomic_store_explicit(&state[block],
		STATE(PUBLISHED, LIFE(look(&state[block]))),
		memory_order_release);
	for (int i = 0; i < TRIES; i++) {
		int present = seek(&w, k);

		if (present != AGAIN && !w.run && publish(&w, present, block))
			return true;
	}
	return false;
}

static bool erase(uint64_t k)
{
	struct walk w;

	for (int i = 0; i < TRIES; i++) {
		uint64_t last;

		if (seek(&w, k) != PRESENT)
			return false;
		last = link_after(w.next, MARK, INDEX(w.next));
		if (swap_link(&links[w.block], w.next, last))
			return settle(&w, last);
	}
	return false;
}

/* ---- threads ---- */

static void tell(bool done)
{
	if (done)
		atomic_store_explicit(&told, 1, memory_order_release);
}

static bool was_told(void)
{
	return atomic_load_explicit(&told, memory_order_acquire);
}

static void *first(void *unused)
{
	if (CASE == 0)
		tell(put(0, 1, 11));
	if (CASE == 1)
		tell(erase(1) && put(0, 2, 22));
	if (CASE == 2 && put(1, 1, 11))
		put(0, 2, 22);
	if (CASE >= 3 && erase(1))
		atomic_fetch_add_explicit(&gone, 1, memory_order_relaxed);
	if (CASE == 4)
		erase(2);
	return unused;
}

static void *second(void *unused)
{
	if (CASE == 0)
		put(1, 2, 22);
	if (CASE == 1)
		get(1);
	if (CASE == 2)
		assert(get(1) != ABSENT);
	if (CASE == 3 && erase(2))
		atomic_fetch_add_explicit(&gone, 1, memory_order_relaxed);
	return unused;
}

static void *third(void *unused)
{
	if (CASE == 0 && was_told())
		assert(get(1) != ABSENT);
	if (CASE == 1 && was_told())
		assert(get(2) != ABSENT);
	if (CASE == 4)
		assert(get(3) != ABSENT);
	return unused;
}

static void check(void)
{
	if (CASE != 3 || look(&gone) != 2)
		return;
	assert(INDEX(look(&bucket)) == 3);
	assert(KIND(look(&state[0])) == FREE && KIND(look(&state[1])) == FREE);
}

LITMUS(reset, check, first, second, third)
