/*
 * ring.c - empty and full, with a head and a tail that anybody may help.
 *
 * Stands for push 2 to 6 and pop 1 to 4 of lib/data/queue.c and for
 * look_full(): [Q] cells, [S] states, [H] head and tail. What happened before
 * a pop or a push must be in what it sees, also when it comes through a
 * third one's help; and nobody may take an old view of the ring for damage.
 *
 * Cases
 *  0 two push, the first then tells a third: its pop is not empty
 *  1 one pushes twice, then tells; one pops; then the third's is not empty
 *  2 the ring is full, two pop, the first tells: the third's push is not full
 *  3 the ring is full; one pops and looks for room; one that shares its
 *    handle (head_seen) pushes; a third pops and must not see damage
 *  4 one pushes twice, one pops, one pushes: round the ring, and no damage
 *
 * Bounds: two cells, three tries for each operation.
 */
#define CASES 5

#include "litmus.h"

#define CELLS 2
#define TRIES 3

enum { OWNED, PUBLISHED, HELD };
enum { DONE, NONE, AGAIN };

#define STATE(kind, ticket) ((uint64_t)(kind) << 8 | (ticket))
#define CELL(ticket, block) ((uint64_t)((ticket) / CELLS) << 8 | (block))
#define CYCLE(cell)         ((cell) >> 8)
#define BLOCK(cell)         ((cell)&0xff)

static word head, tail, head_seen, cell[CELLS], state[4], told;

static void reset(void)
{
	bool full = CASE == 2 || CASE == 3;

	set(&told, 0);
	set(&head, CELLS);
	set(&head_seen, CELLS);
	set(&tail, full ? 2 * CELLS : CELLS);
	for (uint64_t i = 0; i < CELLS; i++) {
		set(&cell[i], full ? CELL(CELLS + i, i) : CELL(i, i));
		set(&state[i], full ? STATE(PUBLISHED, CELLS + i) : OWNED);
		set(&state[i + 2], OWNED);
	}
}

static uint64_t load_cell(uint64_t ticket)
{
	/* [Q] [E] */
	return atomic_load_explicit(
		&cell[ticket % CELLS], UNLESS(CELL_LOAD, memory_order_seq_cst));
}

static uint64_t load_state(uint64_t block)
{
	/* [S] [E] */
	return atomic_load_explicit(&state[block], memory_order_seq_cst);
}

static uint64_t load_end(word *end)
{
	/* [H] */
	return atomic_load_explicit(
		end, UNLESS(END_LOAD, memory_order_acquire));
}

static void advance(word *end, uint64_t ticket)
{
	/* [H] */
	SWAP(end, ticket, ticket + 1, UNLESS(ADVANCE, memory_order_acq_rel));
}

static void check_damage(word *end, uint64_t ticket, uint64_t value)
{
	assert(load_end(end) != ticket || load_cell(ticket) != value);
}

static int look_full(uint64_t t)
{
	uint64_t h = load_end(&head), c;

	/* [H] */
	atomic_store_explicit(
		&head_seen, h, UNLESS(SEEN, memory_order_release));
	if ((int64_t)(t - h) < CELLS)
		return DONE;
	if (load_end(&tail) != t)
		return AGAIN;
	c = load_cell(h);
	if (CYCLE(c) == h / CELLS &&
		load_state(BLOCK(c)) != STATE(PUBLISHED, h)) {
		advance(&head, h);
		return AGAIN;
	}
	return load_end(&head) == h ? NONE : AGAIN;
}

static int is_full(uint64_t t)
{
	/* [H] */
	uint64_t seen = atomic_load_explicit(
		&head_seen, UNLESS(SEEN, memory_order_acquire));

	return (int64_t)(t - seen) < CELLS ? DONE : look_full(t);
}

static int try_push(uint64_t block)
{
	uint64_t t = load_end(&tail);
	uint64_t c = load_cell(t);
	int full;

	if (CYCLE(c) == t / CELLS) {
		advance(&tail, t);
		return AGAIN;
	}
	if (CYCLE(c) != t / CELLS - 1) {
		check_damage(&tail, t, c);
		return AGAIN;
	}
	full = is_full(t);
	if (full != DONE)
		return full;
	set(&state[block], STATE(PUBLISHED, t));
	/* [Q] [E] */
	if (!SWAP(&cell[t % CELLS], c, CELL(t, block),
		    UNLESS(PUBLISHING, memory_order_seq_cst)))
		return AGAIN;
	advance(&tail, t);
	return DONE;
}

static int try_pop(void)
{
	uint64_t h = load_end(&head);
	uint64_t c = load_cell(h);

	if (CYCLE(c) == h / CELLS - 1)
		return load_end(&head) == h ? NONE : AGAIN;
	if (CYCLE(c) != h / CELLS) {
		check_damage(&head, h, c);
		return AGAIN;
	}
	if (load_state(BLOCK(c)) != STATE(PUBLISHED, h)) {
		advance(&head, h);
		return AGAIN;
	}
	/* [S] [E] */
	if (!SWAP(&state[BLOCK(c)], STATE(PUBLISHED, h), STATE(HELD, h),
		    memory_order_seq_cst))
		return AGAIN;
	advance(&head, h);
	return DONE;
}

static int push(uint64_t block)
{
	int result = AGAIN;

	for (int i = 0; result == AGAIN && i < TRIES; i++)
		result = try_push(block);
	return result;
}

static int pop(void)
{
	int result = AGAIN;

	for (int i = 0; result == AGAIN && i < TRIES; i++)
		result = try_pop();
	return result;
}

static void tell(void)
{
	atomic_store_explicit(&told, 1, memory_order_release);
}

static bool was_told(void)
{
	return atomic_load_explicit(&told, memory_order_acquire);
}

static void *first(void *unused)
{
	int result = CASE == 2 || CASE == 3 ? pop() : push(0);

	if ((CASE == 1 || CASE == 4) && result == DONE)
		result = push(1);
	if (CASE == 3)
		is_full(load_end(&tail));
	if (result == DONE)
		tell();
	return unused;
}

static void *second(void *unused)
{
	if (CASE == 0 || CASE == 3)
		push(3);
	else
		pop();
	return unused;
}

static void *third(void *unused)
{
	if (CASE == 3)
		pop();
	else if (CASE == 4)
		push(2);
	else if (was_told())
		assert((CASE == 2 ? push(2) : pop()) != NONE);
	return unused;
}

static void check(void)
{
}

LITMUS(reset, check, first, second, third)
