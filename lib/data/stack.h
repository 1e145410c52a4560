/*
 * stack.h - what the files of the stack share: the handle and the levels.
 *
 * The argument for all of it stands at the head of stack.c.
 */
#ifndef LIB_DATA_STACK_H
#define LIB_DATA_STACK_H

#include "data/bag.h"

#include <agora/stack.h>

/* The header of a block of pool 0. */
struct level_shm {
	struct block_shm block;
	_Atomic uint32_t below;
	_Atomic uint32_t depth;
};

static_assert(sizeof(struct level_shm) == 32, "format");

enum { NO_OP, POP };

struct agora_stack {
	struct bag bag;
};

static inline struct level_shm *level_at(
	const struct bag *bag, struct block_ref ref)
{
	return (struct level_shm *)store_head(&bag->store, ref);
}

static inline uint32_t load_below(const struct bag *bag, struct block_ref ref)
{
	return atomic_load_explicit(
		&level_at(bag, ref)->below, memory_order_relaxed);
}

static inline uint32_t load_depth(const struct bag *bag, struct block_ref ref)
{
	return atomic_load_explicit(
		&level_at(bag, ref)->depth, memory_order_relaxed);
}

/* stack.c: the operations ... */
int stack_settle(const struct bag *bag);
int stack_put_back(struct bag *bag, struct block_ref ref, unsigned end);
int stack_check_room(const struct bag *bag);
int stack_push(void *handle, const void *data, size_t size);
int stack_pop(void *handle, struct agora_buffer *message);
int stack_acquire(void *handle, struct agora_message *message);

/* ... and stack_view.c. */
enum presence stack_find(
	const struct bag *bag, struct block_ref ref, uint64_t state);
uint64_t stack_count(const struct bag *bag);
uint64_t stack_verify(struct bag *bag, uint64_t *ret_damaged);
int stack_peek(void *handle, struct agora_buffer *message);
int stack_snapshot(void *handle, struct token **ret_tokens, size_t *ret_count);
int stack_ready(void *handle, uint32_t events, uint64_t cursor);
int stack_stat(void *handle, struct agora_stat *stat);

#endif
