/*
 * set.c - the public door of the ordered set: a map without values.
 *
 * The algorithms are in map.c, the row among the kinds in map_open.c.
 */
#include "data/map.h"

static struct agora_map *map_in(struct agora_set *set)
{
	return (struct agora_map *)set;
}

int agora_set_open(struct agora_space *space, const char *path, uint32_t flags,
	const struct agora_options *options, struct agora_set **ret_set)
{
	void *handle;
	int error = object_open_kind(
		space, path, flags, options, &kind_set, &handle);

	if (!error)
		*ret_set = handle;
	return error;
}

void agora_set_close(struct agora_set *set)
{
	agora_map_close(map_in(set));
}

struct agora_object *agora_set_object(struct agora_set *set)
{
	return agora_map_object(map_in(set));
}

/* 1 when result says that a member is there. */
static int membership(int result)
{
	return result == -ENOENT ? 0 : result ? result : 1;
}

static int join(struct agora_map *m, const void *member, size_t size)
{
	struct key k;
	int error = map_key(m, member, size, &k);

	return error ? error : map_join(m, &k);
}

int agora_set_add(struct agora_set *set, const void *member, size_t size)
{
	OBJECT_RUN(&map_in(set)->chain, join(map_in(set), member, size));
}

int agora_set_delete(struct agora_set *set, const void *member, size_t size)
{
	OBJECT_RUN(&map_in(set)->chain, map_delete(set, member, size));
}

int agora_set_has(struct agora_set *set, const void *member, size_t size)
{
	struct agora_buffer none = {.capacity = 0};

	OBJECT_RUN(&map_in(set)->chain,
		membership(map_get(set, member, size, &none)));
}

int agora_set_next(struct agora_set *set, struct agora_buffer *member)
{
	return agora_map_next(map_in(set), member, NULL);
}

int agora_set_previous(struct agora_set *set, struct agora_buffer *member)
{
	return agora_map_previous(map_in(set), member, NULL);
}

int agora_set_first(struct agora_set *set, struct agora_buffer *ret_member)
{
	return agora_map_first(map_in(set), ret_member, NULL);
}

int agora_set_last(struct agora_set *set, struct agora_buffer *ret_member)
{
	return agora_map_last(map_in(set), ret_member, NULL);
}

int agora_set_range(struct agora_set *set, const struct agora_range *range,
	int (*visit)(void *argument, const struct agora_entry *entry),
	void *argument)
{
	return agora_map_range(map_in(set), range, visit, argument);
}

int agora_set_count(struct agora_set *set, const struct agora_range *range,
	uint64_t *ret_count)
{
	return agora_map_count(map_in(set), range, ret_count);
}
