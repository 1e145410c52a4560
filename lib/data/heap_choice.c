/*
 * heap_choice.c - which part of a relaxed heap to use next.
 *
 * Pushes go to one of the lanes by chance, pops come from that one of two
 * whose first message is first (MultiQueue: Rihani, Sanders and Dementiev,
 * SPAA 2015). A client stays with its choice for some messages (stickiness:
 * Williams, Sanders and Dementiev, ESA 2021), so that it finds most of the
 * lines that it needs in its own cache. Nothing is kept in the process but
 * the choice itself, so nothing is lost when it dies.
 *
 * The choice is a hint of the handle: threads that share it may spoil it.
 */
#include "data/heap.h"

/* How many messages a client stays with a choice. */
#define STAY 8

/* Marsaglia's xorshift, of 64 bits. */
static uint64_t next_chance(struct agora_heap *h)
{
	uint64_t x = atomic_load_explicit(&h->chance, memory_order_relaxed);

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	atomic_store_explicit(&h->chance, x, memory_order_relaxed);
	return x >> 32;
}

static uint32_t get(_Atomic uint32_t *hint)
{
	return atomic_load_explicit(hint, memory_order_relaxed);
}

static void set(_Atomic uint32_t *hint, uint32_t value)
{
	atomic_store_explicit(hint, value, memory_order_relaxed);
}

void heap_move_push(struct agora_heap *h)
{
	set(&h->push_left, STAY - 1);
	set(&h->push_lane, (uint32_t)next_chance(h) % LANES);
}

void heap_pushed(struct agora_heap *h, uint32_t count)
{
	uint32_t left = get(&h->push_left);

	if (left > count)
		set(&h->push_left, left - count);
	else
		heap_move_push(h);
}

/* The key of the first message of a lane, if it has one. */
static bool first_key(const struct lane *lane, uint64_t *ret_key)
{
	*ret_key = cell_load(&lane->shm->top).word[0];
	return heap_glance(lane).turn.second;
}

void heap_move_pop(struct agora_heap *h)
{
	uint64_t chance = next_chance(h);
	uint32_t one = (uint32_t)chance % LANES;
	uint32_t two = (uint32_t)(chance / LANES) % LANES;
	uint64_t key_one, key_two;
	bool has_one = first_key(&h->lane[one], &key_one);

	if (first_key(&h->lane[two], &key_two) &&
		(!has_one || key_two < key_one))
		one = two;
	set(&h->pop_left, STAY - 1);
	set(&h->pop_lane, one);
}

void heap_popped(struct agora_heap *h, uint32_t count)
{
	uint32_t left = get(&h->pop_left);

	if (left > count)
		set(&h->pop_left, left - count);
	else
		heap_move_pop(h);
}

/* Whether a lane has what is looked for: messages, or room for one. */
static bool has(const struct agora_heap *h, const struct now *now, bool room)
{
	return room ? now->turn.second < h->capacity : now->turn.second > 0;
}

/*
 * Look at all lanes for the one with the smallest key that has it. *ret_lane
 * is h->lanes when no lane had it at one moment. Returns false when that
 * changed while we looked.
 */
static bool look_around(
	const struct agora_heap *h, bool room, uint32_t *ret_lane)
{
	uint64_t seen[LANES], best = 0, key;
	uint32_t found = h->lanes;

	for (uint32_t i = 0; i < h->lanes; i++) {
		struct now now = heap_glance(&h->lane[i]);

		seen[i] = now.word.word[1];
		if (!has(h, &now, room))
			continue;
		first_key(&h->lane[i], &key);
		if (found == h->lanes || key < best) {
			found = i;
			best = key;
		}
	}
	*ret_lane = found;
	if (found < h->lanes)
		return true;
	for (uint32_t i = 0; i < h->lanes; i++)
		if (heap_glance(&h->lane[i]).word.word[1] != seen[i])
			return false;
	return true;
}

struct lane *heap_find(struct agora_heap *h, bool room)
{
	uint32_t found = h->lanes;

	for (int tries = 0; tries < SCANS; tries++)
		if (look_around(h, room, &found))
			break;
	return found < h->lanes ? &h->lane[found] : NULL;
}

bool heap_push_elsewhere(struct agora_heap *h)
{
	struct lane *lane = h->lanes > 1 ? heap_find(h, true) : NULL;

	if (!lane)
		return false;
	set(&h->push_left, STAY - 1);
	set(&h->push_lane, (uint32_t)(lane - h->lane));
	return true;
}

bool heap_pop_elsewhere(struct agora_heap *h)
{
	struct lane *lane = h->lanes > 1 ? heap_find(h, false) : NULL;

	if (!lane)
		return false;
	set(&h->pop_left, STAY - 1);
	set(&h->pop_lane, (uint32_t)(lane - h->lane));
	return true;
}
