/*
 * table_open.c - a table's geometry, its row among the kinds, its public door.
 *
 * The algorithms are in table.c and, for one writer, table_one.c.
 */
#include "data/table_one.h"

#include "shm/client.h"

#define CAPACITY_MAX   (UINT64_C(1) << 26)
#define BUCKETS_MIN    64
#define VALUE_MAX      (UINT64_C(1) << 30)
#define MEMORY_DEFAULT (UINT64_C(1) << 30)
#define INLINE_DEFAULT 88
#define INLINE_MIN     24
#define INLINE_MAX     65536
#define SLACK          4096 /* blocks beyond the capacity, for those in motion */

/* ---- create, open, close ---- */

static uint64_t or_default(uint64_t value, uint64_t otherwise)
{
	return value ? value : otherwise;
}

/* What fits behind a header, so that both fill whole lines. */
static uint32_t fit_lines(const struct params_shm *params, size_t header)
{
	return (uint32_t)(num_round_up(
				  params->inline_size + header, CACHE_LINE) -
			  header);
}

static bool is_single(const struct params_shm *params)
{
	return params->writers == AGORA_WRITERS_ONE;
}

/* Bytes of key and value in an entry or a record. */
static uint32_t data_size_of(const struct params_shm *params)
{
	return fit_lines(params, is_single(params) ? sizeof(struct record_shm)
						   : sizeof(struct entry_shm));
}

static bool needs_parts(const struct params_shm *params)
{
	return params->key_size + params->message_size > data_size_of(params);
}

static bool params_are_sound(const struct params_shm *params)
{
	return params->capacity >= 1 && params->capacity <= CAPACITY_MAX &&
	       params->key_size >= 1 && params->key_size <= TABLE_KEY_MAX &&
	       params->message_size >= 1 && params->message_size <= VALUE_MAX &&
	       (params->writers == AGORA_WRITERS_MANY ||
		       params->writers == AGORA_WRITERS_ONE) &&
	       !params->flags && params->inline_size >= INLINE_MIN &&
	       params->inline_size <= INLINE_MAX &&
	       params->memory / PAGE_PAYLOAD < POOL_BLOCKS_MAX &&
	       (params->memory >= PAGE_PAYLOAD || !needs_parts(params));
}

/* What is wrong with the options by themselves, or NULL. */
static const char *problem(const struct agora_options *options)
{
	if (options->capacity > CAPACITY_MAX)
		return "capacity: 1 to 67108864";
	if (options->key_size > TABLE_KEY_MAX)
		return "key-size: 1 to 4096";
	if (options->message_size > VALUE_MAX)
		return "message-size: 1 to 1073741824";
	if (options->writers > AGORA_WRITERS_ONE)
		return "writers: one or many";
	if (options->flags & AGORA_FIXED)
		return "fixed: a table has values of any size";
	if (options->flags)
		return "flags: not a known one";
	if (options->inline_size > INLINE_MAX)
		return "inline-size: 1 to 65536";
	return options->memory / PAGE_PAYLOAD >= POOL_BLOCKS_MAX
		       ? "memory: less than 1 TiB"
		       : NULL;
}

static const char *plan(
	const struct agora_options *options, struct params_shm *params)
{
	const char *wrong = problem(options);
	uint64_t most, pages;

	if (wrong)
		return wrong;
	params->capacity = or_default(options->capacity, 65536);
	params->key_size = or_default(options->key_size, 512);
	params->message_size = or_default(options->message_size, 1 << 20);
	params->writers = options->writers ? options->writers
					   : (uint32_t)AGORA_WRITERS_MANY;
	most = params->key_size + params->message_size;
	pages = num_round_up(most, PAGE_PAYLOAD);
	params->inline_size = (uint32_t)num_max(INLINE_MIN,
		num_min(or_default(options->inline_size, INLINE_DEFAULT),
			most));
	if (needs_parts(params))
		params->memory = or_default(
			options->memory, num_max(MEMORY_DEFAULT, 4 * pages));
	return params->memory && params->memory < pages
		       ? "memory: must hold the largest value"
		       : NULL;
}

/* Parts of pool 0, as far as memory says. */
static uint64_t count_parts(const struct params_shm *params, uint32_t data_size)
{
	return num_min(8 * params->capacity, params->memory / data_size);
}

/* Room for capacity entries, and for parts. */
static uint32_t count_blocks(const struct params_shm *params)
{
	uint64_t parts = count_parts(params, data_size_of(params));

	return (uint32_t)num_min(
		params->capacity + SLACK + parts, POOL_BLOCKS_MAX - 1);
}

static uint64_t count_buckets(uint64_t capacity)
{
	return UINT64_C(1) << num_log2_up(num_max(capacity, BUCKETS_MIN));
}

/* Bytes of the map, a bit for each page of buckets. */
static uint64_t map_size(uint64_t buckets)
{
	uint64_t pages = num_divide_up(buckets, PAGE_BUCKETS);

	return num_round_up(num_divide_up(pages, 8), PAGE);
}

static void lay_out_pages(
	const struct params_shm *params, struct layout *layout)
{
	pool_lay_out(layout, 1, (uint32_t)(params->memory / PAGE_PAYLOAD),
		PAGE_PAYLOAD, 0);
}

/* The map, and behind it size bytes; words of them for the index, which
 * begins on a huge page when it fills one. */
static void lay_out_array(struct layout *layout, uint64_t words, uint64_t size)
{
	uint64_t map = map_size(words);

	if (words * 8 >= HUGE_PAGE)
		layout->size =
			num_round_up(layout->size + map, HUGE_PAGE) - map;
	layout->array_committed = map;
	layout->array_size = map + size;
	layout->array = layout_add(layout, layout->array_size, PAGE);
}

static void lay_out_many(const struct params_shm *params, struct layout *layout)
{
	uint64_t buckets = count_buckets(params->capacity);

	lay_out_array(layout, buckets,
		num_round_up(buckets * sizeof(uint64_t), PAGE));
	pool_lay_out(layout, 0, count_blocks(params), data_size_of(params),
		sizeof(struct entry_shm));
	lay_out_pages(params, layout);
}

static uint32_t count_records(const struct params_shm *params)
{
	return (uint32_t)params->capacity + RECORDS_SLACK;
}

static uint32_t stride_of(const struct params_shm *params)
{
	return data_size_of(params) + (uint32_t)sizeof(struct record_shm);
}

/* Words of the index, as the map of pages counts them. */
static uint64_t count_words(const struct params_shm *params)
{
	return one_count_lines(params->capacity) * (CACHE_LINE / 8);
}

/* The lines, the records, and blocks for what these cannot hold. */
static void lay_out_one(const struct params_shm *params, struct layout *layout)
{
	uint32_t head = sizeof(struct block_shm);
	uint32_t size = fit_lines(params, head);
	uint64_t words = count_words(params), heads = count_records(params);

	lay_out_array(layout, words,
		words * 8 + num_round_up(count_records(params) *
						 (uint64_t)stride_of(params),
				    PAGE));
	heads = num_min(heads + count_parts(params, size), POOL_BLOCKS_MAX - 1);
	pool_lay_out(
		layout, 0, params->memory ? (uint32_t)heads : 0, size, head);
	lay_out_pages(params, layout);
}

static int lay_out(const struct params_shm *params, struct layout *layout)
{
	if (!params_are_sound(params))
		return -EINVAL;
	if (is_single(params))
		lay_out_one(params, layout);
	else
		lay_out_many(params, layout);
	layout->size = num_round_up(layout->size, PAGE);
	return 0;
}

/* A purge goes all along a bucket. */
static int start_walk(
	const struct chain *c, const struct key *key, struct walk *w)
{
	const struct agora_table *t = (const struct agora_table *)c;

	walk_start(t, w, key->hash >> t->shift);
	return 0;
}

static const struct chain_kind chains = {.start = start_walk};

static void open_common(struct agora_table *t, uint64_t words)
{
	struct segment *segment = &t->chain.object.segment;
	const struct params_shm *params = &segment->header.params;
	char *array = segment->base + segment->layout.array;

	t->map = (_Atomic uint64_t *)array;
	t->bucket = (_Atomic uint64_t *)(array + map_size(words));
	t->chain.kind = &chains;
	t->chain.seed = segment->header.seed;
	t->chain.key_size = params->key_size;
	t->chain.value_size = params->message_size;
	t->single = is_single(params);
	store_open(&t->chain.store, segment);
}

static int open_handle(void *handle)
{
	struct agora_table *t = handle;

	t->buckets =
		count_buckets(t->chain.object.segment.header.params.capacity);
	t->shift = 64 - num_log2_up(t->buckets);
	open_common(t, t->buckets);
	return 0;
}

static int open_one(void *handle)
{
	struct table_one *o = handle;
	const struct params_shm *params =
		&o->table.chain.object.segment.header.params;
	uint64_t lines = one_count_lines(params->capacity);

	open_common(&o->table, count_words(params));
	o->table.shift = 64 - num_log2_up(lines);
	o->line = (struct line_shm *)o->table.bucket;
	o->mask = lines - 1;
	o->record = (char *)(o->line + lines);
	o->stride = stride_of(params);
	o->data_size = data_size_of(params);
	o->records = count_records(params);
	pthread_mutex_init(&o->writer.turn, NULL);
	return 0;
}

static void attached(struct segment *segment)
{
	struct agora_table *t = segment->owner;

	store_attach(&t->chain.store, segment->client);
}

static void close_handle(void *handle)
{
	struct agora_table *t = handle;
	struct client_set me = {{0}};

	if (!t->chain.object.segment.client)
		return;
	client_set_add(&me, t->chain.object.segment.client);
	if (atomic_load_explicit(&t->chain.litter, memory_order_relaxed))
		table_recover(&t->chain.object.segment, &me);
	store_flush(&t->chain.store);
}

static const struct kind kind_table_one = {
	.segment = {.attached = attached, .recover = one_recover},
	.open = open_one,
	.close = one_close,
	.yield = one_yield,
	.stat = one_stat,
	.check = one_check,
	.ready = chain_ready,
	.get = one_get,
	.put = one_put,
	.delete = one_delete,
	.next = one_next,
};

static const struct kind *variant(const struct params_shm *params)
{
	return is_single(params) ? &kind_table_one : &kind_table;
}

const struct kind kind_table = {
	.row = {.name = "table",
		.shape = AGORA_KEYED,
		.verbs = AGORA_CAN_GET | AGORA_CAN_PUT,
		.doc = "hash table from byte strings to byte strings"},
	.segment = {.id = 2,
		.layout = lay_out,
		.attached = attached,
		.recover = table_recover},
	.handle_size = sizeof(struct table_one),
	.variant = variant,
	.plan = plan,
	.open = open_handle,
	.close = close_handle,
	.stat = chain_stat,
	.check = table_check,
	.ready = chain_ready,
	.get = table_get,
	.put = table_put,
	.delete = table_delete,
	.next = table_next,
};

/* ---- the public door ---- */

int agora_table_open(struct agora_space *space, const char *path,
	uint32_t flags, const struct agora_options *options,
	struct agora_table **ret_table)
{
	void *handle;
	int error = object_open_kind(
		space, path, flags, options, &kind_table, &handle);

	if (!error)
		*ret_table = handle;
	return error;
}

void agora_table_close(struct agora_table *table)
{
	if (table)
		agora_object_close(&table->chain.object);
}

struct agora_object *agora_table_object(struct agora_table *table)
{
	return &table->chain.object;
}

/* A verb of the structure that the table is made of. */
#define BY_WRITERS(table, verb, ...)                      \
	((table)->single ? one_##verb(table, __VA_ARGS__) \
			 : table_##verb(table, __VA_ARGS__))

/* OBJECT_RUN() for a verb that wants the key made. */
#define RUN_WITH_KEY(table, key, size, call)                         \
	do {                                                         \
		const struct segment *segment =                      \
			&(table)->chain.object.segment;              \
		struct key k;                                        \
		int error = segment_enter(segment);                  \
                                                                     \
		if (!error)                                          \
			error = key_make(table, key, size, &k);      \
		return error ? error : segment_leave(segment, call); \
	} while (0)

int agora_table_get(struct agora_table *table, const void *key, size_t key_size,
	struct agora_buffer *ret_value)
{
	OBJECT_RUN(&table->chain,
		BY_WRITERS(table, get, key, key_size, ret_value));
}

int agora_table_put(struct agora_table *table, const void *key, size_t key_size,
	const void *value, size_t value_size)
{
	OBJECT_RUN(&table->chain,
		BY_WRITERS(table, put, key, key_size, value, value_size));
}

int agora_table_swap(struct agora_table *table, const void *key,
	size_t key_size, const struct agora_buffer *value,
	struct agora_buffer *ret_old)
{
	RUN_WITH_KEY(table, key, key_size,
		BY_WRITERS(table, swap, &k, value, ret_old));
}

int agora_table_compare(struct agora_table *table, const void *key,
	size_t key_size, const struct agora_buffer *value,
	uint64_t *ret_version)
{
	RUN_WITH_KEY(table, key, key_size,
		BY_WRITERS(table, compare, &k, value, ret_version));
}

int agora_table_add(struct agora_table *table, const void *key, size_t key_size,
	int64_t delta, int64_t *ret_sum)
{
	RUN_WITH_KEY(table, key, key_size,
		BY_WRITERS(table, add, &k, delta, ret_sum));
}

int agora_table_delete(
	struct agora_table *table, const void *key, size_t key_size)
{
	OBJECT_RUN(&table->chain, BY_WRITERS(table, delete, key, key_size));
}

int agora_table_next(struct agora_table *table, struct agora_buffer *key,
	struct agora_buffer *ret_value)
{
	OBJECT_RUN(&table->chain, BY_WRITERS(table, next, key, ret_value));
}
