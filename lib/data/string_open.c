/*
 * string_open.c - a string's geometry, its row among the kinds, its public
 * door.
 *
 * The algorithms are in string.c and, for one writer, string_one.c.
 */
#include "data/string.h"

#define VALUE_MAX      (UINT64_C(1) << 30)
#define VALUE_DEFAULT  (UINT64_C(1) << 20)
#define MEMORY_DEFAULT (UINT64_C(1) << 30)
#define INLINE_DEFAULT 232
#define INLINE_MIN     40
#define INLINE_MAX     65536
#define SLACK          4096 /* heads beyond two for each client */

/* ---- create, open, close ---- */

/* Bytes of a value in a block, so that it fills whole lines. */
static uint32_t data_size_of(const struct params_shm *params)
{
	const uint32_t head = sizeof(struct block_shm);

	return (uint32_t)num_round_up(params->inline_size + head, CACHE_LINE) -
	       head;
}

static bool is_single(const struct params_shm *params)
{
	return params->writers == AGORA_WRITERS_ONE;
}

static bool needs_parts(const struct params_shm *params)
{
	return params->message_size > data_size_of(params);
}

static bool params_are_sound(const struct params_shm *params)
{
	return params->capacity == 1 && !params->key_size && !params->flags &&
	       params->message_size >= 1 && params->message_size <= VALUE_MAX &&
	       (params->writers == AGORA_WRITERS_MANY || is_single(params)) &&
	       params->inline_size >= 1 && params->inline_size <= INLINE_MAX &&
	       params->memory / PAGE_PAYLOAD < POOL_BLOCKS_MAX &&
	       (params->memory >= PAGE_PAYLOAD || !needs_parts(params));
}

/* What is wrong with the options by themselves, or NULL. */
static const char *problem(const struct agora_options *options)
{
	if (options->capacity > 1)
		return "capacity: a string has one value";
	if (options->key_size)
		return "key-size: a string has no keys";
	if (options->message_size > VALUE_MAX)
		return "message-size: 1 to 1073741824";
	if (options->writers > AGORA_WRITERS_ONE)
		return "writers: one or many";
	if (options->flags & AGORA_FIXED)
		return "fixed: a string has a value of any size";
	if (options->flags)
		return "flags: not a known one";
	if (options->inline_size > INLINE_MAX)
		return "inline-size: 1 to 65536";
	return options->memory / PAGE_PAYLOAD >= POOL_BLOCKS_MAX
		       ? "memory: less than 1 TiB"
		       : NULL;
}

static uint64_t or_default(uint64_t value, uint64_t otherwise)
{
	return value ? value : otherwise;
}

static const char *plan(
	const struct agora_options *options, struct params_shm *params)
{
	const char *wrong = problem(options);
	uint64_t size, pages;

	if (wrong)
		return wrong;
	params->capacity = 1;
	size = or_default(options->message_size, VALUE_DEFAULT);
	pages = num_round_up(size, PAGE_PAYLOAD);
	params->message_size = size;
	params->writers = options->writers ? options->writers
					   : (uint32_t)AGORA_WRITERS_MANY;
	params->inline_size = (uint32_t)num_max(INLINE_MIN,
		num_min(or_default(options->inline_size, INLINE_DEFAULT),
			size));
	if (needs_parts(params))
		params->memory = or_default(
			options->memory, num_max(MEMORY_DEFAULT, 4 * pages));
	return params->memory && params->memory < 2 * pages
		       ? "memory: must hold the largest value twice"
		       : NULL;
}

/* Heads for all who may write at one time, and parts of pool 0. */
static uint32_t count_blocks(const struct params_shm *params)
{
	uint64_t heads = 2 * (uint64_t)params->clients + SLACK;
	uint64_t parts =
		num_min(4 * heads, params->memory / data_size_of(params));

	return (uint32_t)num_min(heads + parts, STRING_HEADS);
}

static int lay_out(const struct params_shm *params, struct layout *layout)
{
	if (!params_are_sound(params))
		return -EINVAL;
	if (is_single(params)) {
		layout->array_size = layout->array_committed = PAGE;
		layout->array = layout_add(layout, PAGE, PAGE);
	}
	pool_lay_out(layout, 0, count_blocks(params), data_size_of(params),
		sizeof(struct block_shm));
	pool_lay_out(layout, 1, (uint32_t)(params->memory / PAGE_PAYLOAD),
		PAGE_PAYLOAD, 0);
	layout->size = num_round_up(layout->size, PAGE);
	return 0;
}

static int open_handle(void *handle)
{
	struct agora_string *s = handle;
	struct segment *segment = &s->object.segment;

	s->limit = segment->header.params.message_size;
	s->root = segment_root(segment, 0);
	store_open(&s->store, segment);
	return 0;
}

static int open_one(void *handle)
{
	struct agora_string *s = handle;
	struct segment *segment = &s->object.segment;

	s->cell = (struct cell_shm *)(segment->base + segment->layout.array);
	pthread_mutex_init(&s->turn, NULL);
	return open_handle(handle);
}

static void attached(struct segment *segment)
{
	struct agora_string *s = segment->owner;

	store_attach(&s->store, segment->client);
}

static void close_handle(void *handle)
{
	struct agora_string *s = handle;

	if (s->object.segment.client)
		store_flush(&s->store);
}

static void close_one(void *handle)
{
	struct agora_string *s = handle;

	string_one_yield(s);
	pthread_mutex_destroy(&s->turn);
	close_handle(s);
}

/* ---- the verbs, for any kind ---- */

static int write_value(struct agora_string *s, struct write *w)
{
	return s->cell ? string_one_write(s, w) : string_write(s, w);
}

static int store_value(void *handle, const void *data, size_t size)
{
	struct write w = {WRITE_STORE, .data = data, .size = size};

	return write_value(handle, &w);
}

static int append_value(void *handle, const void *data, size_t size)
{
	struct write w = {WRITE_APPEND, .data = data, .size = size};

	return write_value(handle, &w);
}

static int compare_value(
	void *handle, const struct agora_buffer *value, uint64_t *ret_version)
{
	struct write w = {WRITE_COMPARE, .data = value->data,
		.size = value->size, .version = value->version};
	int error = write_value(handle, &w);

	*ret_version = w.version;
	return error;
}

static const struct kind kind_string_one = {
	.segment = {.attached = attached, .recover = string_one_recover},
	.open = open_one,
	.close = close_one,
	.yield = string_one_yield,
	.stat = string_stat,
	.check = string_check,
	.ready = string_ready,
	.tap = string_tap,
	.end = string_end,
	.load = string_one_load,
	.store = store_value,
	.append = append_value,
	.compare = compare_value,
};

static const struct kind *variant(const struct params_shm *params)
{
	return is_single(params) ? &kind_string_one : &kind_string;
}

const struct kind kind_string = {
	.row = {.name = "string",
		.shape = AGORA_VALUE,
		.verbs = AGORA_CAN_LOAD | AGORA_CAN_STORE | AGORA_CAN_WALK,
		.doc = "one value of any size, with a version"},
	.segment = {.id = 9,
		.layout = lay_out,
		.attached = attached,
		.recover = string_recover},
	.handle_size = sizeof(struct agora_string),
	.variant = variant,
	.plan = plan,
	.open = open_handle,
	.close = close_handle,
	.stat = string_stat,
	.check = string_check,
	.ready = string_ready,
	.tap = string_tap,
	.end = string_end,
	.load = string_load,
	.store = store_value,
	.append = append_value,
	.compare = compare_value,
};

/* ---- the public door ---- */

int agora_string_open(struct agora_space *space, const char *path,
	uint32_t flags, const struct agora_options *options,
	struct agora_string **ret_string)
{
	void *handle;
	int error = object_open_kind(
		space, path, flags, options, &kind_string, &handle);

	if (!error)
		*ret_string = handle;
	return error;
}

void agora_string_close(struct agora_string *string)
{
	if (string)
		agora_object_close(&string->object);
}

struct agora_object *agora_string_object(struct agora_string *string)
{
	return &string->object;
}

int agora_string_load(
	struct agora_string *string, struct agora_buffer *ret_value)
{
	OBJECT_RUN(string, string_look(string, ret_value));
}

int agora_string_store(
	struct agora_string *string, const void *data, size_t size)
{
	OBJECT_RUN(string, store_value(string, data, size));
}

int agora_string_swap(struct agora_string *string,
	const struct agora_buffer *value, struct agora_buffer *ret_old)
{
	struct write w = {WRITE_SWAP, .data = value->data, .size = value->size,
		.old = ret_old};

	OBJECT_RUN(string, write_value(string, &w));
}

int agora_string_compare(struct agora_string *string,
	const struct agora_buffer *value, uint64_t *ret_version)
{
	return agora_object_compare(&string->object, value, ret_version);
}

int agora_string_append(
	struct agora_string *string, const void *data, size_t size)
{
	OBJECT_RUN(string, append_value(string, data, size));
}

int agora_string_clear(struct agora_string *string)
{
	struct write w = {.verb = WRITE_CLEAR};

	OBJECT_RUN(string, write_value(string, &w));
}

int agora_string_version(struct agora_string *string, uint64_t *ret_version)
{
	OBJECT_RUN(string, string_end(string, ret_version));
}

/* The arguments of waiting. */
struct wait {
	struct agora_string *string;
	uint64_t version;
	struct agora_buffer *value;
};

static int try_load(void *argument)
{
	struct wait *w = argument;

	return string_load_after(w->string, w->version, w->value);
}

int agora_string_wait(struct agora_string *string, uint64_t version,
	const struct timespec *deadline, struct agora_buffer *ret_value)
{
	struct wait w = {string, version, ret_value};

	OBJECT_RUN(string, event_wait(&string->object.segment, EVENT_ADVANCED,
				   try_load, &w, deadline));
}
