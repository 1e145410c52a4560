/*
 * bag_view.c - look at a stack or a list: copy, tap, stat, check.
 *
 * Nothing here takes a message, and all but check works on a mapping that is
 * read-only. A message is copied first and validated afterwards [A]: when
 * its block's state is then still what it was, the copy is that message.
 *
 * A tap shows messages in the order in which they were entered. No link
 * tells that, so the states do: all that are there and were entered up to
 * the number that the root had when the look began are noted, sorted, and
 * then shown one by one, before anybody looks again. What was entered before
 * that is seen by then; what comes later has a larger number.
 */
#include "data/bag.h"

#include "shm/client.h"

#include <stdlib.h>

/* ---- copy ---- */

/* One try: 0, AGAIN, -EMSGSIZE, -EUCLEAN. */
static int try_copy(const struct bag *bag, struct block_ref ref, uint64_t state,
	struct agora_buffer *message)
{
	uint32_t size = atomic_load_explicit(
		&store_head(&bag->store, ref)->size, memory_order_relaxed);
	int error;

	if (size > bag->message_size)
		error = -EUCLEAN;
	else if (size > message->capacity)
		error = -EMSGSIZE;
	else
		error = message_read(&bag->store, ref, 0, message->data, size);
	/* [A] */
	atomic_thread_fence(memory_order_acquire);
	if (load_state(bag, ref) != state)
		return AGAIN;
	if (!error || error == -EMSGSIZE)
		message->size = size;
	if (!error)
		message->version = state_number(state);
	return error;
}

int bag_copy(const struct bag *bag, struct block_ref ref, uint64_t number,
	struct agora_buffer *message)
{
	int result = AGAIN;

	for (int tries = 0; result == AGAIN && tries < BAG_TRIES; tries++) {
		uint64_t state;

		if (bag_find(bag, ref, &state) != PRESENT ||
			state_number(state) != number)
			return -ESTALE;
		result = try_copy(bag, ref, state, message);
	}
	return result == AGAIN ? -EUCLEAN : result;
}

int bag_look_up(
	void *handle, const struct token *token, struct agora_buffer *message)
{
	struct bag *bag = handle;
	struct block_ref ref = {(uint32_t)token->word[0]};

	return bag_copy(bag, ref, token->word[1], message);
}

int tokens_add(struct tokens *tokens, struct block_ref ref, uint64_t number)
{
	if (tokens->count == tokens->room) {
		size_t room = 2 * tokens->room + 64;
		struct token *row =
			realloc(tokens->row, room * sizeof(struct token));

		if (!row)
			return -ENOMEM;
		tokens->row = row;
		tokens->room = room;
	}
	tokens->row[tokens->count++] =
		(struct token){.word = {ref.index, number}};
	return 0;
}

/* ---- tap ---- */

struct trail {
	uint64_t cursor; /* of who is to be shown the next one */
	size_t next;
	struct tokens tokens;
};

void trail_free(struct trail *trail)
{
	if (trail)
		free(trail->tokens.row);
	free(trail);
}

static int compare_numbers(const void *a, const void *b)
{
	uint64_t x = ((const struct token *)a)->word[1];
	uint64_t y = ((const struct token *)b)->word[1];

	return x < y ? -1 : x > y;
}

/* Note what is there of numbers from cursor up to now, in order. */
static int collect(struct bag *bag, uint64_t cursor, struct tokens *tokens)
{
	struct wide root;
	uint64_t now = bag_look(bag, &root).version & NUMBER_MASK;
	struct pool_scan scan;
	struct block_ref ref;
	int error = 0;

	if (now < cursor)
		return 0;
	pool_scan_start(&scan, &bag->store.pool[0]);
	while (!error && pool_scan_next(&scan, &ref)) {
		uint64_t state = load_state(bag, ref);

		if (is_entered(state) && state_number(state) >= cursor &&
			state_number(state) <= now &&
			bag_find(bag, ref, &state) == PRESENT)
			error = tokens_add(tokens, ref, state_number(state));
	}
	if (tokens->count)
		qsort(tokens->row, tokens->count, sizeof(*tokens->row),
			compare_numbers);
	return error;
}

bool bag_has_news(struct bag *bag, uint64_t cursor)
{
	struct tokens tokens = {NULL, 0, 0};
	/* Who acts on it learns what is wrong. */
	bool has = collect(bag, cursor, &tokens) || tokens.count;

	free(tokens.row);
	return has;
}

/* A new trail from cursor on, in place of what is left of the old one. */
static int trail_renew(struct bag *bag, uint64_t cursor, struct trail **trail)
{
	struct trail *new = calloc(1, sizeof(*new));
	int error = new ? collect(bag, cursor, &new->tokens) : -ENOMEM;

	if (error) {
		trail_free(new);
		return error;
	}
	new->cursor = cursor;
	trail_free(*trail);
	*trail = new;
	return 0;
}

/* Show the next one that is still there: 0, -EAGAIN, ... */
static int trail_next(
	struct bag *bag, struct trail *trail, struct agora_buffer *message)
{
	int error = -ESTALE;

	while (error == -ESTALE && trail->next < trail->tokens.count) {
		const struct token *token = &trail->tokens.row[trail->next];

		error = bag_look_up(bag, token, message);
		if (error && error != -ESTALE)
			return error;
		trail->next++;
		trail->cursor = token->word[1] + 1;
	}
	return error == -ESTALE ? -EAGAIN : error;
}

static bool has_next(const struct trail *trail, uint64_t cursor)
{
	return trail && trail->cursor == cursor &&
	       trail->next < trail->tokens.count;
}

/* Two threads with one handle do not share a trail, but throw one away. */
int bag_tap(void *handle, uint64_t *cursor, struct agora_buffer *message)
{
	struct bag *bag = handle;
	/* [T] */
	struct trail *trail = atomic_exchange_explicit(
		&bag->trail, NULL, memory_order_acq_rel);
	int error = 0;

	if (!has_next(trail, *cursor))
		error = trail_renew(bag, *cursor, &trail);
	if (!error) {
		error = trail_next(bag, trail, message);
		*cursor = trail->cursor;
	}
	/* [T] */
	trail_free(atomic_exchange_explicit(
		&bag->trail, trail, memory_order_acq_rel));
	return error;
}

int bag_end(void *handle, uint64_t *ret_cursor)
{
	struct wide root;

	*ret_cursor = (bag_look(handle, &root).version & NUMBER_MASK) + 1;
	return 0;
}

/* ---- stat ---- */

int bag_stat(void *handle, struct agora_stat *stat)
{
	struct bag *bag = handle;
	struct pool_scan scan;
	struct block_ref ref;

	pool_scan_start(&scan, &bag->store.pool[0]);
	while (pool_scan_next(&scan, &ref)) {
		uint64_t state = load_state(bag, ref);

		if (!is_entered(state) || bag_find(bag, ref, &state) != PRESENT)
			continue;
		stat->bytes += num_min(bag->message_size,
			atomic_load_explicit(
				&store_head(&bag->store, ref)->size,
				memory_order_relaxed));
	}
	stat->count = num_min(
		bag->ops->count(bag), pool_committed(&bag->store.pool[0]));
	return 0;
}

void bag_claims(void *handle, uint32_t counts[CLIENTS_MAX + 1])
{
	struct bag *bag = handle;
	struct pool_scan scan;
	struct block_ref ref;

	pool_scan_start(&scan, &bag->store.pool[0]);
	while (pool_scan_next(&scan, &ref)) {
		uint64_t state = load_state(bag, ref);

		if (state_kind(state) == BLOCK_HELD)
			counts[state_owner(state)]++;
	}
}

/* ---- check ---- */

static void count_state(uint64_t state, struct agora_check *check)
{
	uint64_t *const counter[] = {[BLOCK_FREE] = &check->free,
		[BLOCK_OWNED] = &check->owned,
		[BLOCK_PUBLISHED] = &check->published,
		[BLOCK_HELD] = &check->held,
		[BLOCK_RETURNED] = &check->held,
		[BLOCK_RETIRED] = &check->owned,
		[BLOCK_PART] = &check->parts};
	unsigned kind = state_kind(state);

	check->blocks++;
	if (kind < sizeof(counter) / sizeof(*counter))
		++*counter[kind];
	else
		check->damaged++;
}

static void count_holes(const struct pool_scan *scan, struct agora_check *check)
{
	check->blocks += scan->passed;
	check->free += scan->passed;
}

/* Of a client id that nobody has, and not in the structure. */
static bool is_stray(
	const struct bag *bag, struct block_ref ref, uint64_t state)
{
	enum block_kind kind = state_kind(state);

	if (kind == BLOCK_FREE || kind == BLOCK_PART ||
		client_is_live(&bag->object.segment, state_owner(state)))
		return false;
	if (!is_entered(state))
		return true;
	return state_owner(state) && bag_find(bag, ref, &state) == ABSENT &&
	       is_entered(state) &&
	       !client_is_live(&bag->object.segment, state_owner(state));
}

/* Returns how many are in the structure. */
static uint64_t check_blocks(
	struct bag *bag, struct agora_check *check, struct client_set *strays)
{
	struct pool_scan scan;
	struct block_ref ref;
	uint64_t present = 0;

	pool_scan_start(&scan, &bag->store.pool[0]);
	while (pool_scan_next(&scan, &ref)) {
		uint64_t state = load_state(bag, ref);

		count_state(state, check);
		if (is_stray(bag, ref, state) &&
			load_state(bag, ref) == state) {
			check->unreachable++;
			client_set_add(strays, state_owner(state));
		}
		present += bag_find(bag, ref, &state) == PRESENT;
	}
	count_holes(&scan, check);
	return present;
}

static void check_pages(
	struct bag *bag, struct agora_check *check, struct client_set *strays)
{
	struct pool *pool = &bag->store.pool[1];
	struct pool_scan scan;
	struct block_ref ref;

	pool_scan_start(&scan, pool);
	while (pool_scan_next(&scan, &ref)) {
		struct block_shm *block = pool_block(pool, ref);
		/* [S] */
		uint64_t state = atomic_load_explicit(
			&block->state, memory_order_acquire);

		count_state(state, check);
		/* [S] */
		if (state_kind(state) == BLOCK_OWNED &&
			!client_is_live(
				&bag->object.segment, state_owner(state)) &&
			atomic_load_explicit(
				&block->state, memory_order_acquire) == state) {
			check->unreachable++;
			client_set_add(strays, state_owner(state));
		}
	}
	count_holes(&scan, check);
}

int bag_check(void *handle, int repair, struct agora_check *check)
{
	struct bag *bag = handle;
	struct client_set strays = {{0}};
	struct wide root;
	struct turn turn = bag_look(bag, &root);
	uint64_t damaged = 0, linked = 0, present;

	/* What stands in the root is in motion. */
	if (!turn.op)
		linked = bag->ops->verify(bag, &damaged);
	present = check_blocks(bag, check, &strays);
	check_pages(bag, check, &strays);
	if (!turn.op && is_still(bag, root)) {
		check->damaged += damaged;
		if (present > linked)
			check->unreachable += present - linked;
		else
			check->damaged += linked - present;
	}
	if (repair)
		client_recover_strays(&bag->object.segment, &strays);
	check->orphans = message_sweep_parts(&bag->store, repair);
	return 0;
}
