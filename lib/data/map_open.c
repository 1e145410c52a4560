/*
 * map_open.c - geometry of the ordered map and the set, their rows among the
 * kinds, and the map's public door.
 *
 * The algorithms are in map.c.
 */
#include "data/map.h"

#include "shm/client.h"

#define CAPACITY_MAX   (UINT64_C(1) << 26)
#define VALUE_MAX      (UINT64_C(1) << 30)
#define MEMORY_DEFAULT (UINT64_C(1) << 30)
#define MAP_INLINE     88
#define SET_INLINE     24
#define INLINE_MIN     24
#define INLINE_MAX     65536
#define SLACK          4096 /* blocks beyond the capacity, for those in motion */

/* ---- create, open, close ---- */

static uint64_t or_default(uint64_t value, uint64_t otherwise)
{
	return value ? value : otherwise;
}

/* So many that of capacity entries about four reach the highest. */
static unsigned count_levels(uint64_t capacity)
{
	unsigned left = num_log2_up(capacity), levels = 1;

	while (levels < LEVELS_MAX && left > LEVEL_BITS(levels) + 2u) {
		left -= LEVEL_BITS(levels);
		levels++;
	}
	return levels;
}

static uint32_t node_size(const struct params_shm *params)
{
	return (uint32_t)(sizeof(struct node_shm) +
			  count_levels(params->capacity) * sizeof(uint64_t));
}

/* Bytes of key and value in an entry, so that it fills whole lines. */
static uint32_t data_size_of(const struct params_shm *params)
{
	uint32_t head = node_size(params);

	return (uint32_t)num_round_up(params->inline_size + head, CACHE_LINE) -
	       head;
}

static bool needs_parts(const struct params_shm *params)
{
	return params->key_size + params->message_size > data_size_of(params);
}

static bool params_are_sound(const struct params_shm *params)
{
	return params->capacity >= 1 && params->capacity <= CAPACITY_MAX &&
	       params->key_size >= 1 && params->key_size <= CHAIN_KEY_MAX &&
	       params->message_size <= VALUE_MAX &&
	       params->writers == AGORA_WRITERS_MANY && !params->flags &&
	       params->inline_size >= INLINE_MIN &&
	       params->inline_size <= INLINE_MAX &&
	       params->memory / PAGE_PAYLOAD < POOL_BLOCKS_MAX &&
	       (params->memory >= PAGE_PAYLOAD || !needs_parts(params));
}

/* What is wrong with the options by themselves, or NULL. */
static const char *problem(const struct agora_options *options)
{
	if (options->capacity > CAPACITY_MAX)
		return "capacity: 1 to 67108864";
	if (options->key_size > CHAIN_KEY_MAX)
		return "key-size: 1 to 4096";
	if (options->writers > AGORA_WRITERS_MANY)
		return "writers: many";
	if (options->flags & AGORA_FIXED)
		return "fixed: keys and values are of any size";
	if (options->flags)
		return "flags: not a known one";
	if (options->inline_size > INLINE_MAX)
		return "inline-size: 1 to 65536";
	return options->memory / PAGE_PAYLOAD >= POOL_BLOCKS_MAX
		       ? "memory: less than 1 TiB"
		       : NULL;
}

static const char *plan_entries(const struct agora_options *options,
	uint64_t inline_size, struct params_shm *params)
{
	uint64_t most, pages;

	params->capacity = or_default(options->capacity, 65536);
	params->key_size = or_default(options->key_size, 512);
	params->writers = AGORA_WRITERS_MANY;
	most = params->key_size + params->message_size;
	pages = num_round_up(most, PAGE_PAYLOAD);
	params->inline_size = (uint32_t)num_max(INLINE_MIN,
		num_min(or_default(options->inline_size, inline_size), most));
	if (needs_parts(params))
		params->memory = or_default(
			options->memory, num_max(MEMORY_DEFAULT, 4 * pages));
	return params->memory && params->memory < pages
		       ? "memory: must hold the largest value"
		       : NULL;
}

static const char *plan_map(
	const struct agora_options *options, struct params_shm *params)
{
	const char *wrong = problem(options);

	if (!wrong && options->message_size > VALUE_MAX)
		wrong = "message-size: 1 to 1073741824";
	params->message_size = or_default(options->message_size, 1 << 20);
	return wrong ? wrong : plan_entries(options, MAP_INLINE, params);
}

static const char *plan_set(
	const struct agora_options *options, struct params_shm *params)
{
	const char *wrong = problem(options);

	if (!wrong && options->message_size)
		wrong = "message-size: members have no values; see key-size";
	return wrong ? wrong : plan_entries(options, SET_INLINE, params);
}

/* Room for capacity entries, and for parts, as far as memory says. */
static uint32_t count_blocks(const struct params_shm *params)
{
	uint64_t parts = num_min(
		8 * params->capacity, params->memory / data_size_of(params));

	return (uint32_t)num_min(
		params->capacity + SLACK + parts, POOL_BLOCKS_MAX - 1);
}

static int lay_out(const struct params_shm *params, struct layout *layout)
{
	if (!params_are_sound(params))
		return -EINVAL;
	layout->array_size = PAGE;
	layout->array_committed = PAGE;
	layout->array = layout_add(layout, PAGE, PAGE);
	pool_lay_out(layout, 0, count_blocks(params), data_size_of(params),
		node_size(params));
	pool_lay_out(layout, 1, (uint32_t)(params->memory / PAGE_PAYLOAD),
		PAGE_PAYLOAD, 0);
	layout->size = num_round_up(layout->size, PAGE);
	return 0;
}

static int lay_out_map(const struct params_shm *params, struct layout *layout)
{
	return params->message_size ? lay_out(params, layout) : -EINVAL;
}

static int lay_out_set(const struct params_shm *params, struct layout *layout)
{
	return params->message_size ? -EINVAL : lay_out(params, layout);
}

static int open_handle(void *handle)
{
	struct agora_map *m = handle;
	struct segment *segment = &m->chain.object.segment;
	const struct params_shm *params = &segment->header.params;

	m->head = (struct head_shm *)(segment->base + segment->layout.array);
	m->levels = count_levels(params->capacity);
	memset(m->beyond, 0xff, sizeof(m->beyond));
	m->chain.kind = &map_chains;
	m->chain.seed = segment->header.seed;
	m->chain.key_size = params->key_size;
	m->chain.value_size = params->message_size;
	store_open(&m->chain.store, segment);
	return 0;
}

static void attached(struct segment *segment)
{
	struct agora_map *m = segment->owner;

	store_attach(&m->chain.store, segment->client);
}

static void close_handle(void *handle)
{
	struct agora_map *m = handle;
	struct client_set me = {{0}};

	if (!m->chain.object.segment.client)
		return;
	client_set_add(&me, m->chain.object.segment.client);
	if (atomic_load_explicit(&m->chain.litter, memory_order_relaxed))
		map_recover(&m->chain.object.segment, &me);
	store_flush(&m->chain.store);
}

const struct kind kind_map = {
	.row = {.name = "map",
		.shape = AGORA_KEYED,
		.verbs = AGORA_CAN_GET | AGORA_CAN_PUT,
		.traits = AGORA_SORTED,
		.doc = "ordered map from byte strings to byte strings"},
	.segment = {.id = 7,
		.layout = lay_out_map,
		.attached = attached,
		.recover = map_recover},
	.handle_size = sizeof(struct agora_map),
	.plan = plan_map,
	.open = open_handle,
	.close = close_handle,
	.stat = chain_stat,
	.check = map_check,
	.ready = chain_ready,
	.get = map_get,
	.put = map_put,
	.delete = map_delete,
	.next = map_next,
};

const struct kind kind_set = {
	.row = {.name = "set",
		.shape = AGORA_KEYED,
		.verbs = AGORA_CAN_GET | AGORA_CAN_PUT,
		.traits = AGORA_SORTED | AGORA_MEMBERS,
		.doc = "ordered set of byte strings"},
	.segment = {.id = 8,
		.layout = lay_out_set,
		.attached = attached,
		.recover = map_recover},
	.handle_size = sizeof(struct agora_map),
	.plan = plan_set,
	.open = open_handle,
	.close = close_handle,
	.stat = chain_stat,
	.check = map_check,
	.ready = chain_ready,
	.get = map_get,
	.put = map_join_put,
	.delete = map_delete,
	.next = map_next,
};

/* ---- the public door ---- */

int agora_map_open(struct agora_space *space, const char *path, uint32_t flags,
	const struct agora_options *options, struct agora_map **ret_map)
{
	void *handle;
	int error = object_open_kind(
		space, path, flags, options, &kind_map, &handle);

	if (!error)
		*ret_map = handle;
	return error;
}

void agora_map_close(struct agora_map *map)
{
	if (map)
		agora_object_close(&map->chain.object);
}

struct agora_object *agora_map_object(struct agora_map *map)
{
	return &map->chain.object;
}

/* OBJECT_RUN() for a verb that wants the key made. */
#define RUN_WITH_KEY(map, key, size, call)                                    \
	do {                                                                  \
		const struct segment *segment = &(map)->chain.object.segment; \
		struct key k;                                                 \
		int error = segment_enter(segment);                           \
                                                                              \
		if (!error)                                                   \
			error = map_key(map, key, size, &k);                  \
		return error ? error : segment_leave(segment, call);          \
	} while (0)

int agora_map_get(struct agora_map *map, const void *key, size_t key_size,
	struct agora_buffer *ret_value)
{
	OBJECT_RUN(&map->chain, map_get(map, key, key_size, ret_value));
}

int agora_map_put(struct agora_map *map, const void *key, size_t key_size,
	const void *value, size_t value_size)
{
	OBJECT_RUN(&map->chain, map_put(map, key, key_size, value, value_size));
}

int agora_map_swap(struct agora_map *map, const void *key, size_t key_size,
	const struct agora_buffer *value, struct agora_buffer *ret_old)
{
	RUN_WITH_KEY(map, key, key_size, map_swap(map, &k, value, ret_old));
}

int agora_map_compare(struct agora_map *map, const void *key, size_t key_size,
	const struct agora_buffer *value, uint64_t *ret_version)
{
	RUN_WITH_KEY(
		map, key, key_size, map_compare(map, &k, value, ret_version));
}

int agora_map_add(struct agora_map *map, const void *key, size_t key_size,
	int64_t delta, int64_t *ret_sum)
{
	RUN_WITH_KEY(map, key, key_size, map_add(map, &k, delta, ret_sum));
}

int agora_map_delete(struct agora_map *map, const void *key, size_t key_size)
{
	OBJECT_RUN(&map->chain, map_delete(map, key, key_size));
}

int agora_map_next(struct agora_map *map, struct agora_buffer *key,
	struct agora_buffer *ret_value)
{
	OBJECT_RUN(&map->chain, map_next(map, key, ret_value));
}

int agora_map_previous(struct agora_map *map, struct agora_buffer *key,
	struct agora_buffer *ret_value)
{
	OBJECT_RUN(&map->chain, map_previous(map, key, ret_value));
}

int agora_map_first(struct agora_map *map, struct agora_buffer *ret_key,
	struct agora_buffer *ret_value)
{
	ret_key->size = SIZE_MAX;
	return agora_map_next(map, ret_key, ret_value);
}

int agora_map_last(struct agora_map *map, struct agora_buffer *ret_key,
	struct agora_buffer *ret_value)
{
	ret_key->size = SIZE_MAX;
	return agora_map_previous(map, ret_key, ret_value);
}

int agora_map_range(struct agora_map *map, const struct agora_range *range,
	int (*visit)(void *argument, const struct agora_entry *entry),
	void *argument)
{
	OBJECT_RUN(&map->chain, map_range(map, range, visit, argument));
}

int agora_map_count(struct agora_map *map, const struct agora_range *range,
	uint64_t *ret_count)
{
	OBJECT_RUN(&map->chain, map_count(map, range, ret_count));
}
