/*
 * map.h - table.h by other names, for ordered maps; and for sets (ORDERED is
 * SETS), where the number of each value is 1, and what a set does not do
 * is done by nobody.
 */
#ifndef TESTS_CRASH_MAP_H
#define TESTS_CRASH_MAP_H

#include <agora/agora.h>

#define MAPS 1
#define SETS 2

#if ORDERED == MAPS

#define PATH                "program/x.map"

#define agora_table         agora_map
#define agora_table_open    agora_map_open
#define agora_table_close   agora_map_close
#define agora_table_object  agora_map_object
#define agora_table_get     agora_map_get
#define agora_table_put     agora_map_put
#define agora_table_swap    agora_map_swap
#define agora_table_compare agora_map_compare
#define agora_table_add     agora_map_add
#define agora_table_delete  agora_map_delete
#define agora_table_next    agora_map_next

#else

#define PATH               "program/x.set"

#define agora_table        agora_set
#define agora_table_close  agora_set_close
#define agora_table_object agora_set_object
#define agora_table_delete agora_set_delete
#define agora_table_open   set_open
#define agora_table_add    set_add
#define agora_table_next   set_next

static inline int set_open(struct agora_space *space, const char *path,
	uint32_t flags, const struct agora_options *options,
	struct agora_set **ret_set)
{
	struct agora_options without = *options;

	without.message_size = 0;
	return agora_set_open(space, path, flags, &without, ret_set);
}

static inline int set_add(struct agora_set *set, const void *key, size_t size,
	int64_t delta, int64_t *ret_sum)
{
	(void)delta;
	(void)ret_sum;
	return agora_set_add(set, key, size);
}

static inline int set_next(struct agora_set *set, struct agora_buffer *key,
	struct agora_buffer *ret_value)
{
	(void)ret_value;
	return agora_set_next(set, key);
}

#endif
#endif
