/*
 * log_open.c - a log's geometry, its rows among the kinds, its public door.
 *
 * The algorithms are in log.c and, for one writer, log_one.c.
 */
#include "data/log.h"

#include "base/barrier.h"
#include "shm/client.h"

#define INLINE_DEFAULT 224

static_assert(PLAN_MESSAGE_MAX <= ENTRY_SIZE_MASK, "sizes fit an entry");

/* ---- parameters ---- */

static const struct plan_limits limits = {
	.flags = AGORA_FIXED | AGORA_RELIABLE,
	.fixed_max = UINT64_C(1) << 44,
	.writers = true,
};

static const char *plan_one(
	const struct agora_options *options, struct params_shm *params)
{
	uint64_t need = log_need(params->message_size);
	uint64_t memory = num_max(
		num_max(4 * need, params->capacity * 256), (uint64_t)PAGE);

	if (options->inline_size)
		return "inline-size: with one writer, records lie in one ring";
	if (params->flags & AGORA_FIXED)
		return NULL;
	if (options->memory)
		memory = options->memory;
	if (memory < 2 * need)
		return "memory: must hold two of the largest record";
	if (memory > RING_MAX)
		return "memory: 32 GiB at most";
	params->memory = UINT64_C(1) << num_log2_up(memory);
	return NULL;
}

static const char *plan(
	const struct agora_options *options, struct params_shm *params)
{
	const char *wrong = plan_messages(&limits, options, params);

	if (wrong)
		return wrong;
	if (params->writers == AGORA_WRITERS_ONE)
		return plan_one(options, params);
	if (params->flags & AGORA_FIXED)
		return NULL;
	return plan_blocks(
		options, params, plan_inline(options, params, INLINE_DEFAULT));
}

/* ---- layout ---- */

static bool is_single(const struct params_shm *params)
{
	return params->writers == AGORA_WRITERS_ONE;
}

static uint64_t slot_size(const struct params_shm *params)
{
	return num_round_up(params->message_size, 8);
}

/* Bytes of the index, which stands before the ring. */
static uint64_t index_size(const struct params_shm *params)
{
	if (params->flags & AGORA_FIXED)
		return 0;
	return num_round_up(
		log_slots(params->capacity) * sizeof(uint64_t), PAGE);
}

static uint64_t ring_size(const struct params_shm *params)
{
	return params->flags & AGORA_FIXED
		       ? slot_size(params) * log_slots(params->capacity)
		       : params->memory;
}

static int lay_out_one(const struct params_shm *params, struct layout *layout)
{
	bool fixed = params->flags & AGORA_FIXED;

	if (params->inline_size)
		return -EINVAL;
	if (fixed ? params->memory != 0
		  : !num_is_power_of_two(params->memory) ||
				params->memory > RING_MAX ||
				params->memory <
					2 * log_need(params->message_size))
		return -EINVAL;
	layout->array_committed = index_size(params);
	layout->array_size =
		layout->array_committed + num_round_up(ring_size(params), PAGE);
	layout->array = layout_add(layout, layout->array_size, PAGE);
	layout->size = num_round_up(layout->size, PAGE);
	return 0;
}

static int lay_out(const struct params_shm *params, struct layout *layout)
{
	bool fixed = params->flags & AGORA_FIXED;
	uint32_t header = fixed ? 16 : 32;

	if (!plan_is_sound(&limits, params))
		return -EINVAL;
	if (is_single(params))
		return lay_out_one(params, layout);
	if (!plan_blocks_are_sound(params))
		return -EINVAL;
	layout->array_size = sizeof(uint64_t) << num_log2_up(
				     num_max(params->capacity + 1, CELLS_MIN));
	layout->array = layout_add(layout, layout->array_size, PAGE);
	layout->array_committed = layout->array_size;
	plan_pools(layout, params,
		plan_payload(fixed ? params->message_size : params->inline_size,
			header),
		header);
	return 0;
}

/* ---- open, close ---- */

static void open_common(struct agora_log *l)
{
	struct segment *segment = &l->object.segment;
	const struct params_shm *params = &segment->header.params;

	l->fixed = params->flags & AGORA_FIXED;
	l->reliable = params->flags & AGORA_RELIABLE;
	l->plain = !(l->object.flags & AGORA_CHECK);
	l->light = !barrier_register();
	segment->light_fence = true;
	l->capacity = params->capacity;
	l->message_size = params->message_size;
	l->joined = segment_root(segment, LOG_JOINED);
	pthread_mutex_init(&l->giving_up, NULL);
}

static int open_many(void *handle)
{
	struct agora_log *l = handle;
	struct segment *segment = &l->object.segment;
	uint64_t cells = segment->layout.array_size / sizeof(uint64_t);

	open_common(l);
	l->tail = segment_root(segment, LOG_TAIL);
	l->head = segment_root(segment, LOG_HEAD);
	l->cell = (_Atomic uint64_t *)(segment->base + segment->layout.array);
	l->mask = cells - 1;
	l->order = num_log2_up(cells);
	store_open(&l->store, segment);
	return 0;
}

static int open_one(void *handle)
{
	struct agora_log *l = handle;
	struct segment *segment = &l->object.segment;
	const struct params_shm *params = &segment->header.params;
	char *array = segment->base + segment->layout.array;

	open_common(l);
	l->is_one = true;
	l->end = (struct log_end_shm *)segment_root(segment, LOG_TAIL);
	l->edge = (struct log_edge_shm *)segment_root(segment, LOG_HEAD);
	l->mask = log_slots(l->capacity) - 1;
	l->index = l->fixed ? NULL : (_Atomic uint64_t *)(void *)array;
	l->data = array + index_size(params);
	l->stride = slot_size(params);
	l->ring = ring_size(params);
	l->writer.data = l->data;
	l->writer.shared = l->end;
	return 0;
}

static void attached(struct segment *segment)
{
	struct agora_log *l = segment->owner;

	if (!is_single(&segment->header.params))
		store_attach(&l->store, segment->client);
}

static void close_many(void *handle)
{
	struct agora_log *l = handle;
	struct client_set me = {{0}};

	if (l->object.segment.client) {
		client_set_add(&me, l->object.segment.client);
		log_unregister(l);
		/* What was reserved and not committed is freed. */
		if (atomic_load_explicit(&l->holding, memory_order_relaxed))
			log_many_recover(&l->object.segment, &me);
		store_flush(&l->store);
	}
	pthread_mutex_destroy(&l->giving_up);
}

static void close_one(void *handle)
{
	struct agora_log *l = handle;

	if (l->object.segment.client) {
		log_unregister(l);
		log_one_leave(l);
	}
	pthread_mutex_destroy(&l->giving_up);
}

static const struct kind *variant(const struct params_shm *params)
{
	return is_single(params) ? &kind_log_one : &kind_log;
}

const struct kind kind_log = {
	.row = {.name = "log",
		.shape = AGORA_SEQUENCE,
		.verbs = AGORA_CAN_PUSH | AGORA_CAN_WALK,
		.doc = "records that many read, each at a place of its own"},
	.segment = {.id = 6,
		.layout = lay_out,
		.attached = attached,
		.recover = log_many_recover},
	.handle_size = sizeof(struct agora_log),
	.variant = variant,
	.plan = plan,
	.open = open_many,
	.close = close_many,
	.stat = log_stat,
	.check = log_many_check,
	.ready = log_ready,
	.push = log_many_append,
	.push_batch = log_many_append_batch,
	.reserve = log_many_reserve,
	.write = log_many_write,
	.commit = log_many_commit,
	.abort = log_many_abort,
	.walk = log_walk,
	.tap = log_tap,
	.end = log_end_cursor,
};

const struct kind kind_log_one = {
	.row = {.name = "log", .shape = AGORA_SEQUENCE},
	.segment = {.id = 6,
		.layout = lay_out,
		.attached = attached,
		.recover = log_one_recover},
	.handle_size = sizeof(struct agora_log),
	.open = open_one,
	.close = close_one,
	.stat = log_stat,
	.check = log_one_check,
	.yield = log_one_yield,
	.ready = log_ready,
	.push = log_one_append,
	.push_batch = log_one_append_batch,
	.reserve = log_one_reserve,
	.write = log_one_write,
	.commit = log_one_commit,
	.abort = log_one_abort,
	.walk = log_walk,
	.tap = log_tap,
	.end = log_end_cursor,
};

/* ---- the public door ---- */

/* A log is of one of two sorts, which have the same verbs. */
#define RUN(log, verb, ...)                                              \
	OBJECT_RUN(log, (log)->is_one ? log_one_##verb(log, __VA_ARGS__) \
				      : log_many_##verb(log, __VA_ARGS__))

int agora_log_open(struct agora_space *space, const char *path, uint32_t flags,
	const struct agora_options *options, struct agora_log **ret_log)
{
	void *handle;
	int error = object_open_kind(
		space, path, flags, options, &kind_log, &handle);

	if (!error)
		*ret_log = handle;
	return error;
}

void agora_log_close(struct agora_log *log)
{
	if (log)
		agora_object_close(&log->object);
}

struct agora_object *agora_log_object(struct agora_log *log)
{
	return &log->object;
}

int agora_log_append(struct agora_log *log, const void *data, size_t size)
{
	RUN(log, append, data, size);
}

int agora_log_append_wait(struct agora_log *log, const void *data, size_t size,
	const struct timespec *deadline)
{
	return agora_object_push_wait(&log->object, data, size, deadline);
}

int agora_log_append_batch(
	struct agora_log *log, const struct iovec *records, size_t count)
{
	RUN(log, append_batch, records, count);
}

int agora_log_append_batch_wait(struct agora_log *log,
	const struct iovec *records, size_t count,
	const struct timespec *deadline)
{
	return agora_object_push_batch_wait(
		&log->object, records, count, deadline);
}

int agora_log_read(struct agora_log *log, uint64_t *cursor,
	struct agora_buffer *ret_record, uint64_t *ret_missed)
{
	OBJECT_RUN(log, log_read(log, cursor, ret_record, ret_missed));
}

/* A read that is tried again. */
struct attempt {
	struct agora_log *log;
	uint64_t *cursor;
	struct agora_buffer *record;
	uint64_t *ret_missed;
};

static int try_read(void *argument)
{
	struct attempt *a = argument;

	return log_read(a->log, a->cursor, a->record, a->ret_missed);
}

int agora_log_read_wait(struct agora_log *log, uint64_t *cursor,
	const struct timespec *deadline, struct agora_buffer *ret_record,
	uint64_t *ret_missed)
{
	struct attempt a = {log, cursor, ret_record, ret_missed};

	OBJECT_RUN(log, event_wait(&log->object.segment, EVENT_ADVANCED,
				try_read, &a, deadline));
}

int agora_log_read_batch(struct agora_log *log, uint64_t *cursor,
	struct agora_buffer *ret_records, size_t count, uint64_t *ret_missed)
{
	OBJECT_RUN(log,
		log_read_batch(log, cursor, ret_records, count, ret_missed));
}

int agora_log_newest(struct agora_log *log, struct agora_buffer *ret_record)
{
	OBJECT_RUN(log, log_newest(log, ret_record));
}

int agora_log_oldest(struct agora_log *log, uint64_t *ret_cursor)
{
	OBJECT_RUN(log, log_oldest_cursor(log, ret_cursor));
}

int agora_log_end(struct agora_log *log, uint64_t *ret_cursor)
{
	OBJECT_RUN(log, log_end_cursor(log, ret_cursor));
}

int agora_log_back(struct agora_log *log, uint64_t count, uint64_t *ret_cursor)
{
	OBJECT_RUN(log, log_back_cursor(log, count, ret_cursor));
}

int agora_log_register(struct agora_log *log, uint64_t *cursor)
{
	OBJECT_RUN(log, log_register(log, cursor));
}

int agora_log_unregister(struct agora_log *log)
{
	OBJECT_RUN(log, log_unregister(log));
}

int agora_log_reserve(struct agora_log *log, size_t size,
	struct agora_reservation *ret_reservation)
{
	RUN(log, reserve, size, ret_reservation);
}

int agora_log_reserve_wait(struct agora_log *log, size_t size,
	const struct timespec *deadline,
	struct agora_reservation *ret_reservation)
{
	return agora_object_reserve_wait(
		&log->object, size, deadline, ret_reservation);
}

int agora_log_write(struct agora_log *log,
	const struct agora_reservation *reservation, size_t offset,
	const void *data, size_t size)
{
	RUN(log, write, reservation, offset, data, size);
}

int agora_log_commit(
	struct agora_log *log, const struct agora_reservation *reservation)
{
	RUN(log, commit, reservation);
}

int agora_log_commit_wait(struct agora_log *log,
	const struct agora_reservation *reservation,
	const struct timespec *deadline)
{
	return agora_object_commit_wait(&log->object, reservation, deadline);
}

int agora_log_abort(
	struct agora_log *log, const struct agora_reservation *reservation)
{
	RUN(log, abort, reservation);
}
