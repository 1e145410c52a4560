/*
 * string_view.c - look at a string of either structure: tap, stat, check.
 *
 * A cursor is a version: that of the last change that was seen.
 */
#include "data/string.h"

#include "shm/client.h"

/* ---- tap ---- */

int string_load_after(
	struct agora_string *s, uint64_t version, struct agora_buffer *value)
{
	if (string_version(s) <= version)
		return -EAGAIN;
	return string_look(s, value);
}

/* Who taps sees values; that there is none any more is not one. */
int string_tap(void *handle, uint64_t *cursor, struct agora_buffer *value)
{
	int error = string_load_after(handle, *cursor, value);

	if (!error || error == -ENOENT)
		*cursor = value->version;
	return error == -ENOENT ? -EAGAIN : error;
}

int string_end(void *handle, uint64_t *cursor)
{
	*cursor = string_version(handle);
	return 0;
}

int string_ready(void *handle, uint32_t events, uint64_t cursor)
{
	uint32_t ready = events & AGORA_WRITABLE;

	if (events & AGORA_READABLE)
		return -EOPNOTSUPP;
	if ((events & AGORA_ADVANCED) && string_version(handle) > cursor)
		ready |= AGORA_ADVANCED;
	return (int)ready;
}

/* ---- stat ---- */

int string_stat(void *handle, struct agora_stat *stat)
{
	struct agora_string *s = handle;
	struct agora_buffer b = {.capacity = 0};
	long tries = LOAD_TRIES;
	uint64_t version;
	int error;

	do {
		version = string_version(s);
		error = string_look(s, &b);
	} while (string_version(s) != version && --tries);
	if (error && error != -EMSGSIZE)
		return error == -ENOENT ? 0 : error;
	stat->count = 1;
	stat->bytes = b.size;
	stat->version = version;
	return 0;
}

/* ---- check ---- */

/* A visit to all blocks. */
struct visit {
	struct client_set strays; /* whose leftovers were seen */
	struct agora_check *check;
};

static bool is_named(
	const struct agora_string *s, struct block_ref ref, uint64_t state)
{
	return s->cell ? string_one_is_named(s, ref, state)
		       : string_is_named(s, ref, state);
}

static void visit_block(const struct agora_string *s, unsigned number,
	struct block_ref ref, struct visit *v)
{
	struct block_shm *block = pool_block(&s->store.pool[number], ref);
	/* [S] */
	uint64_t state =
		atomic_load_explicit(&block->state, memory_order_acquire);
	enum block_kind kind = state_kind(state);
	bool named =
		kind == BLOCK_PUBLISHED && !number && is_named(s, ref, state);

	v->check->blocks++;
	if (kind == BLOCK_FREE)
		v->check->free++;
	else if (kind == BLOCK_PART)
		v->check->parts++;
	else if (named)
		v->check->published++;
	else if (kind == BLOCK_OWNED || (kind == BLOCK_PUBLISHED && !number))
		v->check->owned++;
	else
		v->check->damaged++;
	if (named || (kind != BLOCK_OWNED && kind != BLOCK_PUBLISHED) ||
		client_is_live(&s->object.segment, state_owner(state)) ||
		atomic_load_explicit(&block->state, memory_order_relaxed) !=
			state)
		return;
	v->check->unreachable++;
	client_set_add(&v->strays, state_owner(state));
}

static void visit_pool(struct agora_string *s, unsigned number, struct visit *v)
{
	struct pool_scan scan;
	struct block_ref ref;

	pool_scan_start(&scan, &s->store.pool[number]);
	while (pool_scan_next(&scan, &ref))
		visit_block(s, number, ref, v);
	v->check->blocks += scan.passed;
	v->check->free += scan.passed;
}

/* Both pools, and that the value can be found. */
static void visit(struct agora_string *s, struct visit *v)
{
	struct agora_buffer b = {.capacity = 0};

	visit_pool(s, 0, v);
	visit_pool(s, 1, v);
	v->check->damaged += string_look(s, &b) == -EUCLEAN;
}

int string_check(void *handle, int repair, struct agora_check *check)
{
	struct agora_string *s = handle;
	struct agora_check before = *check;
	struct visit v = {.check = check};

	visit(s, &v);
	if (repair) {
		/* Repairs change what was counted: count again. */
		client_recover_strays(&s->object.segment, &v.strays);
		*check = before;
		visit(s, &v);
	}
	check->orphans = message_sweep_parts(&s->store, repair);
	return 0;
}
