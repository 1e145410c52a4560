/*
 * log_hold.c - records that are written where they will lie: reserve, commit.
 *
 * With many writers it is an OWNED block, with one it is room in the ring
 * that the writer has announced: the arguments are in log.c and log_one.c.
 */
#include "data/log.h"

#include <stdlib.h>

/* ---- many writers ---- */

/* token[0] of a reservation is its block, token[1] the state of that. */
int log_many_reserve(void *handle, size_t size, struct agora_reservation *r)
{
	struct agora_log *l = handle;
	struct pool *pool = &l->store.pool[0];
	struct block_ref ref;
	int error = object_writable(&l->object);

	if (!error)
		error = log_refuses(l, NULL, size);
	if (!error)
		error = log_many_room(l);
	if (error)
		return error;
	atomic_store_explicit(&l->holding, true, memory_order_relaxed);
	error = log_many_take(l, size, NULL, &ref);
	if (error)
		return error;
	crash_point(log_reserved);
	*r = (struct agora_reservation){
		.size = size, .token = {ref.index, load_state(l, ref)}};
	if (size <= pool->data_size)
		r->data = pool_data(pool, ref);
	return 0;
}

/* The block behind a reservation, which comes from the caller: -EINVAL. */
static int reserved_block(const struct agora_log *l,
	const struct agora_reservation *r, struct block_ref *ret_ref)
{
	struct block_ref ref = {(uint32_t)r->token[0]};
	uint64_t state = r->token[1];

	if (!l->object.segment.client || !pool_has(&l->store.pool[0], ref) ||
		state_kind(state) != BLOCK_OWNED ||
		state_owner(state) != l->object.segment.client ||
		load_state(l, ref) != state)
		return -EINVAL;
	*ret_ref = ref;
	return 0;
}

static uint32_t reserved_size(const struct agora_log *l, struct block_ref ref)
{
	return atomic_load_explicit(
		&store_head(&l->store, ref)->size, memory_order_relaxed);
}

int log_many_write(void *handle, const struct agora_reservation *r,
	size_t offset, const void *data, size_t size)
{
	struct agora_log *l = handle;
	struct block_ref ref;
	int error = reserved_block(l, r, &ref);
	size_t room;

	if (error)
		return error;
	room = reserved_size(l, ref);
	if (offset > room || size > room - offset)
		return -EINVAL;
	return message_patch(&l->store, ref, offset, data, size);
}

/* 0, or -EBADMSG when the handle checks types and the record does not fit. */
static int check_reserved(
	struct agora_log *l, struct block_ref ref, size_t size)
{
	struct pool *pool = &l->store.pool[0];
	void *copy;
	int error;

	if (likely(!(l->object.flags & AGORA_CHECK)))
		return 0;
	if (size <= pool->data_size)
		return object_fits(&l->object, pool_data(pool, ref), size);
	copy = malloc(size);
	if (!copy)
		return -ENOMEM;
	error = message_read_own(&l->store, ref, 0, copy, size);
	if (!error)
		error = object_fits(&l->object, copy, size);
	free(copy);
	return error;
}

/* Become the one who ends a reservation, also among threads: 0, -EINVAL. */
static int end_reservation(
	struct agora_log *l, struct block_ref ref, uint64_t state)
{
	uint64_t mine = state_make(
		BLOCK_OWNED, l->object.segment.client, state_ticket(state) + 1);

	/* [S] */
	return atomic_compare_exchange_strong_explicit(
		       &store_head(&l->store, ref)->state, &state, mine,
		       memory_order_acq_rel, memory_order_relaxed)
		       ? 0
		       : -EINVAL;
}

int log_many_commit(void *handle, const struct agora_reservation *r)
{
	struct agora_log *l = handle;
	struct block_ref ref;
	int error = reserved_block(l, r, &ref);

	if (!error)
		error = log_refuses(l, NULL, r->size);
	if (!error && r->size > reserved_size(l, ref))
		error = -EINVAL;
	if (!error)
		error = check_reserved(l, ref, r->size);
	if (!error)
		error = log_many_room(l);
	if (!error)
		error = end_reservation(l, ref, r->token[1]);
	if (error)
		return error;
	atomic_store_explicit(&store_head(&l->store, ref)->size,
		(uint32_t)r->size, memory_order_relaxed);
	error = log_many_publish(l, ref);
	if (error) {
		/* [S] it is reserved as before */
		atomic_store_explicit(&store_head(&l->store, ref)->state,
			r->token[1], memory_order_release);
		return error;
	}
	event_notify(&l->object.segment, EVENT_BIT(EVENT_ADVANCED));
	return 0;
}

int log_many_abort(void *handle, const struct agora_reservation *r)
{
	struct agora_log *l = handle;
	struct block_ref ref;
	int error = reserved_block(l, r, &ref);

	if (!error)
		error = end_reservation(l, ref, r->token[1]);
	if (!error)
		log_many_give_up(l, ref);
	return error;
}

/* ---- one writer ---- */

static char *room_of(const struct agora_log *l)
{
	const struct log_writer *w = &l->writer;

	return l->data + (l->fixed ? (w->tail & l->mask) * l->stride
				   : (w->at & (l->ring - 1)));
}

/* token[0] of a reservation is its number, token[1] counts reservations. */
int log_one_reserve(void *handle, size_t size, struct agora_reservation *r)
{
	struct agora_log *l = handle;
	struct log_writer *w = &l->writer;
	int error = object_writable(&l->object);

	if (!error)
		error = log_refuses(l, NULL, size);
	if (!error)
		error = log_one_take_role(l);
	if (!error && w->is_reserved)
		error = -EBUSY;
	if (!error)
		error = log_one_make_room(l, size);
	if (error)
		return error;
	w->is_reserved = true;
	w->reserved_size = size;
	w->serial++;
	log_one_relimit(l);
	crash_point(log_one_reserved);
	*r = (struct agora_reservation){.data = room_of(l),
		.size = size,
		.token = {w->tail, w->serial}};
	return 0;
}

static int check_reservation(
	const struct agora_log *l, const struct agora_reservation *r)
{
	const struct log_writer *w = &l->writer;

	return l->object.segment.client && w->is_reserved &&
			       r->token[0] == w->tail &&
			       r->token[1] == w->serial
		       ? 0
		       : -EINVAL;
}

int log_one_write(void *handle, const struct agora_reservation *r,
	size_t offset, const void *data, size_t size)
{
	struct agora_log *l = handle;
	size_t room = l->writer.reserved_size;
	int error = check_reservation(l, r);

	if (error)
		return error;
	if (offset > room || size > room - offset)
		return -EINVAL;
	copy_in(room_of(l) + offset, data, size);
	return 0;
}

int log_one_commit(void *handle, const struct agora_reservation *r)
{
	struct agora_log *l = handle;
	struct log_writer *w = &l->writer;
	int error = check_reservation(l, r);

	if (!error && r->size > w->reserved_size)
		error = l->fixed ? -EMSGSIZE : -EINVAL;
	if (!error)
		error = log_refuses(l, room_of(l), r->size);
	if (error)
		return error;
	log_one_put_entry(l, r->size);
	log_one_publish(l);
	w->is_reserved = false;
	log_one_relimit(l);
	return 0;
}

int log_one_abort(void *handle, const struct agora_reservation *r)
{
	struct agora_log *l = handle;
	int error = check_reservation(l, r);

	if (error)
		return error;
	l->writer.is_reserved = false;
	log_one_relimit(l);
	return 0;
}
