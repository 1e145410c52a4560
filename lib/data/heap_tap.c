/*
 * heap_tap.c - follow what is pushed to a heap, in the order of pushing.
 *
 * A message carries the version of its first push. There is no list of them
 * in that order, so one visit to all blocks collects the next ones, up to
 * NEXT at a time, and they are looked up one by one after that. What is
 * collected is complete up to the version of the root before the visit.
 */
#include "data/heap.h"

#include <stdlib.h>

#define NEXT 512

struct tapped {
	uint64_t from, to; /* those with an order from from on, and below to */
	size_t count;
	struct {
		uint64_t order, ticket;
		struct block_ref ref;
	} next[NEXT]; /* in their order */
};

static bool is_whole(const struct agora_heap *h, struct block_ref ref)
{
	return atomic_load_explicit(&store_head(&h->store, ref)->size,
		       memory_order_relaxed) <= h->store.pool[0].data_size;
}

/* Whether it may be shown: present, claimed, or taken and not reused. */
static bool is_visible(
	const struct agora_heap *h, struct block_ref ref, uint64_t state)
{
	switch (state_kind(state)) {
	case BLOCK_PUBLISHED:
	case BLOCK_HELD:
	case BLOCK_RETURNED:
		return true;
	case BLOCK_FREE:
		return state_owner(state) && is_whole(h, ref);
	default:
		return false;
	}
}

/* Insert one that is found, dropping the last where there is no room. */
static void insert(
	struct tapped *t, uint64_t order, uint64_t ticket, struct block_ref ref)
{
	size_t i;

	if (t->count == NEXT) {
		t->to = t->next[NEXT - 1].order;
		if (order >= t->to)
			return;
		t->count--;
	}
	for (i = t->count++; i && t->next[i - 1].order > order; i--)
		t->next[i] = t->next[i - 1];
	t->next[i].order = order;
	t->next[i].ticket = ticket;
	t->next[i].ref = ref;
}

static void collect(struct agora_heap *h, uint64_t cursor, struct tapped *t)
{
	struct now now = heap_glance(&h->lane[0]);
	struct pool_scan scan;
	struct block_ref ref;

	/* What is about to be pushed is not shown before it is there. */
	t->count = 0;
	t->from = cursor;
	t->to = is_done(&h->lane[0], &now) ? now.turn.version + 1
					   : first_version(&now);
	pool_scan_start(&scan, &h->store.pool[0]);
	while (pool_scan_next(&scan, &ref)) {
		uint64_t state = load_state(h, ref);
		uint64_t order = item_order(h, ref);

		if (!is_visible(h, ref, state) || order < cursor ||
			order >= t->to)
			continue;
		/* [A] */
		atomic_thread_fence(memory_order_acquire);
		if (load_state(h, ref) == state)
			insert(t, order, state_ticket(state), ref);
	}
}

/* The collection of a handle belongs to one thread at a time. */
static struct tapped *borrow(struct agora_heap *h)
{
	/* [K] */
	struct tapped *t = atomic_exchange_explicit(
		&h->tapped, NULL, memory_order_acquire);

	return t ? t : calloc(1, sizeof(*t));
}

static void put_back(struct agora_heap *h, struct tapped *t)
{
	/* [K] */
	free(atomic_exchange_explicit(&h->tapped, t, memory_order_acq_rel));
}

/* Copy the first of those collected that is there: 0, -EAGAIN, ... */
static int look_through(const struct agora_heap *h, const struct tapped *t,
	uint64_t *cursor, struct agora_buffer *message)
{
	for (size_t i = 0; i < t->count; i++) {
		struct block_ref ref = t->next[i].ref;
		uint64_t state = load_state(h, ref);
		int result;

		if (t->next[i].order < *cursor ||
			state_ticket(state) != t->next[i].ticket ||
			!is_visible(h, ref, state))
			continue;
		result = heap_copy(h, ref, state, message);
		if (result == CHANGED)
			continue;
		*cursor = t->next[i].order + !result;
		return result;
	}
	return -EAGAIN;
}

int heap_tap(void *handle, uint64_t *cursor, struct agora_buffer *message)
{
	struct agora_heap *h = handle;
	struct tapped *t;
	int result = -EAGAIN;

	if (h->lanes > 1)
		return -EOPNOTSUPP;
	t = borrow(h);
	if (!t)
		return -ENOMEM;
	if (t->from <= *cursor && *cursor < t->to)
		result = look_through(h, t, cursor, message);
	for (int tries = 0; result == -EAGAIN && tries < SCANS; tries++) {
		collect(h, *cursor, t);
		result = look_through(h, t, cursor, message);
		if (result != -EAGAIN || t->count < NEXT)
			break;
		*cursor = num_max(*cursor, t->to);
	}
	put_back(h, t);
	return result;
}

int heap_end(void *handle, uint64_t *ret_cursor)
{
	struct agora_heap *h = handle;

	if (h->lanes > 1)
		return -EOPNOTSUPP;
	*ret_cursor = heap_glance(&h->lane[0]).turn.version + 1;
	return 0;
}

bool heap_has_after(struct agora_heap *h, uint64_t cursor)
{
	struct now now = heap_glance(&h->lane[0]);
	struct agora_buffer none = {.capacity = 0};

	if (h->lanes > 1 || now.turn.version < cursor)
		return false;
	if (now.turn.op == HEAP_PUSH)
		return true;
	return heap_tap(h, &cursor, &none) != -EAGAIN;
}
