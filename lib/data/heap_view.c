/*
 * heap_view.c - look at a heap: peek, snapshot, ready.
 *
 * Nothing here takes a message, and all of it works on a mapping that is
 * read-only, on which nobody can be helped: what a turn that is in the root
 * is about to change is taken into account instead. A message is copied first
 * and validated afterwards [A].
 */
#include "data/heap.h"

#include <stdlib.h>

/* How often to look for a moment at which nobody was at work. */
#define MOMENTS 8

/* A message of a snapshot that is being made. */
struct entry {
	uint64_t priority, order;
	struct block_ref ref;
	uint64_t ticket;
};

struct entries {
	struct entry *entry;
	size_t count, room;
};

int heap_copy(const struct agora_heap *h, struct block_ref ref, uint64_t state,
	struct agora_buffer *message)
{
	uint32_t size = atomic_load_explicit(
		&store_head(&h->store, ref)->size, memory_order_relaxed);
	uint64_t priority = item_priority(h, ref), order = item_order(h, ref);
	int error = 0;

	if (size > h->message_size)
		error = -EUCLEAN;
	else if (size > message->capacity)
		error = -EMSGSIZE;
	else
		error = message_read(&h->store, ref, 0, message->data, size);
	/* [A] */
	atomic_thread_fence(memory_order_acquire);
	if (load_state(h, ref) != state)
		return CHANGED;
	if (!error || error == -EMSGSIZE)
		message->size = size;
	message->priority = priority;
	message->version = order;
	return error;
}

/* ---- snapshot ---- */

static int add_entry(struct entries *list, const struct entry *entry)
{
	if (list->count == list->room) {
		size_t room = list->room ? 2 * list->room : 256;
		struct entry *more =
			realloc(list->entry, room * sizeof(*list->entry));

		if (!more)
			return -ENOMEM;
		list->entry = more;
		list->room = room;
	}
	list->entry[list->count++] = *entry;
	return 0;
}

/* True when a block is in one of the lanes, or is about to be by its turn. */
static bool is_inside(const struct agora_heap *h, const struct now *now,
	struct block_ref ref, uint64_t state)
{
	enum block_kind kind = state_kind(state);

	if (kind != BLOCK_PENDING && kind != BLOCK_RETURNED)
		return kind == BLOCK_PUBLISHED;
	for (unsigned i = 0; i < h->lanes; i++) {
		const struct turn *t = &now[i].turn;
		uint64_t place =
			(state_ticket(state) - first_version(&now[i])) &
			TICKET_MASK;

		if (kind == BLOCK_PENDING && t->op == HEAP_PUSH &&
			t->client == state_owner(state) && place < now[i].count)
			return true;
		if (kind == BLOCK_RETURNED && t->op == HEAP_RETURN &&
			t->first == ref.index)
			return true;
	}
	return false;
}

static int add_blocks(
	struct agora_heap *h, const struct now *now, struct entries *list)
{
	struct pool_scan scan;
	struct block_ref ref;
	int error = 0;

	pool_scan_start(&scan, &h->store.pool[0]);
	while (!error && pool_scan_next(&scan, &ref)) {
		uint64_t state = load_state(h, ref);
		struct entry entry = {.ref = ref};

		if (!is_inside(h, now, ref, state))
			continue;
		entry.priority = item_priority(h, ref);
		entry.order = item_order(h, ref);
		entry.ticket = state_ticket(state);
		/* [A] */
		atomic_thread_fence(memory_order_acquire);
		if (state_ticket(load_state(h, ref)) == entry.ticket)
			error = add_entry(list, &entry);
	}
	return error;
}

static int compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->priority != y->priority)
		return x->priority < y->priority ? -1 : 1;
	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	return x->ref.index < y->ref.index ? -1 : x->ref.index > y->ref.index;
}

static bool is_popping(const struct lane *lane, const struct now *now)
{
	return now->turn.op == HEAP_POP && !is_done(lane, now);
}

/*
 * Collect what is there. Returns 0 (it is that of one moment), CHANGED, or a
 * negative errno.
 */
static int collect_once(struct agora_heap *h, struct entries *list)
{
	struct now now[LANES];
	bool popping = false, changed = false;
	int error = 0;

	for (unsigned i = 0; !error && i < h->lanes; i++) {
		if (h->object.segment.client)
			error = heap_settle(h, &h->lane[i], &now[i]);
		else
			now[i] = heap_glance(&h->lane[i]);
	}
	if (error)
		return error;
	list->count = 0;
	error = add_blocks(h, now, list);
	for (unsigned i = 0; i < h->lanes; i++) {
		changed |= !is_now(&h->lane[i], &now[i]);
		popping |= is_popping(&h->lane[i], &now[i]);
	}
	if (list->count)
		qsort(list->entry, list->count, sizeof(*list->entry), compare);
	/* What is about to be claimed comes first, and is there no more. */
	if (!error && popping && !changed && h->lanes == 1 && list->entry &&
		list->count > now[0].turn.second) {
		size_t gone = list->count - now[0].turn.second;

		list->count -= gone;
		memmove(list->entry, list->entry + gone,
			list->count * sizeof(*list->entry));
	}
	return !error && changed ? CHANGED : error;
}

/* As collect_once(); of no moment in particular when none is found. */
static int collect(struct agora_heap *h, struct entries *list)
{
	int result = CHANGED;

	*list = (struct entries){NULL, 0, 0};
	for (int i = 0; result == CHANGED && i < MOMENTS; i++)
		result = collect_once(h, list);
	if (result >= 0)
		return 0;
	free(list->entry);
	return result;
}

int heap_snapshot(void *handle, struct token **ret_tokens, size_t *ret_count)
{
	struct entries list;
	struct token *tokens;
	int error = collect(handle, &list);

	if (error)
		return error;
	tokens = malloc(num_max(list.count, 1) * sizeof(*tokens));
	for (size_t i = 0; tokens && i < list.count; i++)
		tokens[i] = (struct token){
			{list.entry[i].ref.index, list.entry[i].ticket}};
	free(list.entry);
	if (!tokens)
		return -ENOMEM;
	*ret_tokens = tokens;
	*ret_count = list.count;
	return 0;
}

int heap_look(void *handle, const struct token *token, struct agora_buffer *m)
{
	struct agora_heap *h = handle;
	struct block_ref ref = {(uint32_t)token->word[0]};
	int result = CHANGED;

	for (int tries = 0; result == CHANGED && tries < SCANS; tries++) {
		uint64_t state = load_state(h, ref);

		if (state_ticket(state) != token->word[1] ||
			(state_kind(state) != BLOCK_PUBLISHED &&
				state_kind(state) != BLOCK_PENDING))
			return -ESTALE;
		result = heap_copy(h, ref, state, m);
	}
	return result == CHANGED ? -ESTALE : result;
}

/* ---- peek ---- */

/* Copy what is first when somebody died in his turn, and we cannot help. */
static int peek_slowly(struct agora_heap *h, struct agora_buffer *message)
{
	struct entries list;
	int result = collect(h, &list);

	if (result)
		return result;
	result = CHANGED;
	if (list.count) {
		struct token token = {
			{list.entry[0].ref.index, list.entry[0].ticket}};

		result = heap_look(h, &token, message);
	}
	free(list.entry);
	return result == -ESTALE ? CHANGED : result;
}

/* Returns 0, CHANGED, -EAGAIN, -EMSGSIZE, -EUCLEAN. */
static int peek_once(struct agora_heap *h, struct agora_buffer *message)
{
	struct lane *lane = heap_find(h, false);
	struct now now;
	struct block_ref ref;
	uint64_t state;

	if (!lane)
		return -EAGAIN;
	now = heap_glance(lane);
	if (!is_done(lane, &now)) {
		if (!h->object.segment.client)
			return peek_slowly(h, message);
		return heap_settle(h, lane, &now) ? -EUCLEAN : CHANGED;
	}
	if (!now.turn.second)
		return CHANGED;
	ref = cell_block(cell_load(&lane->shm->top));
	if (!pool_has(&h->store.pool[0], ref))
		return is_now(lane, &now) ? -EUCLEAN : CHANGED;
	state = load_state(h, ref);
	if (!is_now(lane, &now))
		return CHANGED;
	if (state_kind(state) != BLOCK_PUBLISHED)
		return -EUCLEAN;
	/* It was the first one then; it may be taken while it is copied. */
	return heap_copy(h, ref, state, message);
}

int heap_peek(void *handle, struct agora_buffer *message)
{
	int result = CHANGED;

	for (int tries = 0; result == CHANGED && tries < SCANS; tries++)
		result = peek_once(handle, message);
	return result == CHANGED ? -EAGAIN : result;
}

int heap_ready(void *handle, uint32_t events, uint64_t cursor)
{
	struct agora_heap *h = handle;
	uint32_t ready = 0;

	if ((events & AGORA_READABLE) && heap_find(h, false))
		ready |= AGORA_READABLE;
	if ((events & AGORA_WRITABLE) && heap_find(h, true))
		ready |= AGORA_WRITABLE;
	if ((events & AGORA_ADVANCED) && heap_has_after(h, cursor))
		ready |= AGORA_ADVANCED;
	return (int)ready;
}
