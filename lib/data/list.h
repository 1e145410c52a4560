/*
 * list.h - what the files of the list share: the handle, elements, links.
 *
 * The argument for all of it stands at the head of list.c.
 */
#ifndef LIB_DATA_LIST_H
#define LIB_DATA_LIST_H

#include "data/bag.h"

#include <agora/list.h>

enum side { NEXT, PREVIOUS };

static inline enum side opposite(enum side side)
{
	return side == NEXT ? PREVIOUS : NEXT;
}

/* The header of a block of pool 0. */
struct element_shm {
	struct block_shm block;
	_Atomic uint64_t link[2];
};

static_assert(sizeof(struct element_shm) == 40, "format");

/* What stands at root 0: one line, as most operations need all of it. */
struct ends_shm {
	struct wide_shm root;
	_Atomic uint64_t link[2]; /* the first element and the last */
};

static_assert(sizeof(struct ends_shm) == 32, "format");

/* Operations in the root. Those that take name the side in order. */
enum { NO_OP, INSERT, TAKE_FIRST, TAKE_LAST, REMOVE, OPS };

struct agora_list {
	struct bag bag;
};

/* ---- links: version:36 | name:28 ---- */

static inline uint64_t link_make(uint64_t version, uint32_t name)
{
	return version << TURN_BITS | name;
}

static inline uint32_t link_name(uint64_t link)
{
	return (uint32_t)link & TURN_MASK;
}

/* The link of an element (index + 1), or of the ends: 0. */
static inline _Atomic uint64_t *link_at(
	const struct bag *bag, uint32_t name, enum side side)
{
	struct block_ref ref = {name - 1};

	if (!name)
		return &((struct ends_shm *)bag->root)->link[side];
	return &((struct element_shm *)store_head(&bag->store, ref))
			->link[side];
}

static inline uint64_t load_link(
	const struct bag *bag, uint32_t name, enum side side)
{
	/* [L] */
	return atomic_load_explicit(
		link_at(bag, name, side), memory_order_acquire);
}

/* 0 names the ends; all else must be a block. */
static inline bool may_name(const struct bag *bag, uint32_t name)
{
	struct block_ref ignored;

	return !name || bag_name(bag, name, &ignored);
}

static inline bool is_removal(uint32_t op)
{
	return op >= TAKE_FIRST && op < OPS;
}

/* How many elements there are once what stands in the root is done. */
static inline uint32_t list_count_of(const struct turn *turn)
{
	if (turn->op == INSERT)
		return turn->second + 1;
	return turn->second - (is_removal(turn->op) && turn->second);
}

/* A handle of an element: its name, 0 for the ends, and its number. */
static inline struct agora_element element_make(
	struct block_ref ref, uint64_t number)
{
	return (struct agora_element){{ref.index + 1, number}};
}

static inline uint32_t element_name(const struct agora_element *element)
{
	return (uint32_t)num_min(element->word[0], UINT32_MAX);
}

/* Where to insert: beside an element, or beside the ends. */
struct place {
	uint32_t name;
	uint64_t number;
	enum side side;
};

/* list.c: the operations ... */
int list_settle(const struct bag *bag);
int list_put_back(struct bag *bag, struct block_ref ref, unsigned end);
int list_insert(struct bag *bag, const struct place *place, const void *data,
	size_t size, struct agora_element *ret_element);
int list_push(void *handle, const void *data, size_t size);
int list_pop(struct bag *bag, enum side end, struct agora_buffer *message);
int list_pop_first(void *handle, struct agora_buffer *message);
int list_acquire(struct bag *bag, enum side end, struct agora_message *message);
int list_acquire_first(void *handle, struct agora_message *message);
int list_remove(struct bag *bag, const struct agora_element *element);

/* ... and list_view.c. */
enum presence list_find(
	const struct bag *bag, struct block_ref ref, uint64_t state);
uint64_t list_count(const struct bag *bag);
uint64_t list_verify(struct bag *bag, uint64_t *ret_damaged);
int list_step(const struct bag *bag, const struct agora_element *from,
	enum side side, struct agora_element *ret_element);
int list_get(const struct bag *bag, const struct agora_element *element,
	struct agora_buffer *message);
int list_peek(
	const struct bag *bag, enum side end, struct agora_buffer *message);
int list_peek_first(void *handle, struct agora_buffer *message);
int list_snapshot(void *handle, struct token **ret_tokens, size_t *ret_count);
int list_ready(void *handle, uint32_t events, uint64_t cursor);
int list_stat(void *handle, struct agora_stat *stat);

#endif
