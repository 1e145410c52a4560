/*
 * operate.c - everything that can be done to an object, done to a bad one.
 *
 * What an operation returns must be an error that it may return at all, and
 * what it says it copied must fit where it was to go.
 */
#include "fuzz.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct run {
	struct agora_object *object;
	struct agora_message held[4];
	unsigned held_count;
	size_t room;         /* in buffers */
	unsigned char *data; /* room bytes, and a fence */
	unsigned char *key;  /* key_size bytes */
	size_t key_size;
	unsigned turn;  /* how often all was done */
	unsigned first; /* of the input: where to begin */
};

struct operation {
	const char *name;
	const struct kind *kind; /* NULL: any */
	bool writes;
	int (*run)(struct run *r);
};

static const struct timespec past = {0, 1};

static struct agora_buffer buffer(const struct run *r)
{
	return (struct agora_buffer){.data = r->data, .capacity = r->room};
}

static int copied(int result, const struct agora_buffer *b)
{
	if (!result && b->size > b->capacity)
		fuzz_fail("%zu bytes in a buffer of %zu", b->size, b->capacity);
	return result;
}

/* ---- any kind ---- */

static int do_stat(struct run *r)
{
	struct agora_stat stat;

	return agora_object_stat(r->object, &stat);
}

static int do_clients(struct run *r)
{
	struct agora_client *clients;
	int result = agora_object_clients(r->object, &clients);

	if (result >= 0)
		free(clients);
	return result < 0 ? result : 0;
}

static int do_check(struct run *r)
{
	struct agora_check check;

	return agora_object_check(r->object, 0, &check);
}

static int do_repair(struct run *r)
{
	struct agora_check check;

	return agora_object_check(r->object, 1, &check);
}

static int do_wait(struct run *r)
{
	bool queue = agora_object_kind(r->object)->verbs & AGORA_CAN_POP;
	struct agora_wait item = {.object = r->object,
		.events =
			queue ? AGORA_READABLE | AGORA_WRITABLE | AGORA_ADVANCED
			      : AGORA_WRITABLE};
	struct agora_waiter *waiter;
	int result = agora_waiter_open(&waiter);

	if (result)
		return result;
	result = agora_waiter_wait(waiter, &item, 1, &past);
	agora_waiter_close(waiter);
	return result < 0 ? result : 0;
}

static int do_snapshot(struct run *r)
{
	struct agora_snapshot *snapshot;
	int result = agora_object_snapshot(r->object, &snapshot);

	if (result)
		return result;
	for (int i = 0; !result && i < 40; i++) {
		struct agora_buffer b = buffer(r);

		result = copied(agora_snapshot_next(snapshot, &b), &b);
	}
	agora_snapshot_close(snapshot);
	return result;
}

static int do_list_look(struct run *r)
{
	struct agora_buffer b = buffer(r);

	return operate_list_look(r->object, &b);
}

static int do_list_change(struct run *r)
{
	struct agora_buffer b = buffer(r);

	return operate_list_change(r->object, &b);
}

/* ---- queues ---- */

static int do_peek(struct run *r)
{
	struct agora_buffer b = buffer(r);

	return copied(agora_object_peek(r->object, &b), &b);
}

static int do_walk(struct run *r)
{
	uint64_t cursor = 0;
	int result = 0;

	for (int i = 0; !result && i < 40; i++) {
		struct agora_buffer b = buffer(r);

		result = copied(agora_object_walk(r->object, &cursor, &b), &b);
	}
	return result;
}

static int do_tap(struct run *r)
{
	uint64_t cursor = 0;
	int result = agora_object_end(r->object, &cursor);

	if (result)
		return result;
	cursor -= 20;
	for (int i = 0; !result && i < 40; i++) {
		struct agora_buffer b = buffer(r);

		result = copied(agora_object_tap(r->object, &cursor, &b), &b);
	}
	return result;
}

static size_t size_to_write(const struct run *r)
{
	uint64_t size = r->object->segment.header.params.message_size;

	if (r->object->segment.header.params.flags & AGORA_FIXED || r->turn)
		return num_min(size, FUZZ_LONG);
	return num_min(size, 20);
}

static size_t size_of_short(const struct run *r)
{
	const struct params_shm *params = &r->object->segment.header.params;

	return params->flags & AGORA_FIXED ? size_to_write(r)
					   : num_min(params->message_size, 5);
}

static int do_push(struct run *r)
{
	static const char bytes[FUZZ_LONG];

	return agora_object_push(r->object, bytes, size_to_write(r));
}

static int do_push_wait(struct run *r)
{
	static const char bytes[FUZZ_LONG];

	return agora_object_push_wait(
		r->object, bytes, size_to_write(r), &past);
}

static int do_push_batch(struct run *r)
{
	static char bytes[FUZZ_LONG];
	struct iovec messages[8];
	int result;

	for (unsigned i = 0; i < 8; i++)
		messages[i] = (struct iovec){
			bytes, i == 6 ? size_to_write(r) : size_of_short(r)};
	result = agora_object_push_batch(r->object, messages, 8);
	return result < 0 ? result : 0;
}

static int do_pop_batch(struct run *r)
{
	struct agora_buffer b[5];
	int result;

	for (unsigned i = 0; i < 5; i++)
		b[i] = buffer(r);
	result = agora_object_pop_batch(r->object, b, 5);
	for (int i = 0; i < result; i++)
		copied(0, &b[i]);
	return result < 0 ? result : 0;
}

static int do_reserve(struct run *r)
{
	static const char bytes[FUZZ_LONG];
	struct agora_reservation room;
	size_t size = size_to_write(r);
	int result = agora_object_reserve(r->object, size, &room);

	if (result)
		return result;
	if (room.data)
		memset(room.data, 'r', size);
	result = agora_object_write(r->object, &room, 0, bytes, size);
	if (!result && !(r->turn & 1))
		result = agora_object_commit(r->object, &room);
	/* Of no effect after commit. */
	agora_object_abort(r->object, &room);
	return result;
}

/* Closing what watches a file waits for the kernel: not each time. */
static int do_arm(struct run *r)
{
	int result;

	if (r->first % 64)
		return 0;
	result = agora_object_descriptor(r->object);

	if (result >= 0)
		result = agora_object_arm(
			r->object, AGORA_READABLE | AGORA_WRITABLE, 0);
	return result < 0 ? result : 0;
}

static int do_yield(struct run *r)
{
	return agora_object_yield(r->object);
}

static int do_pop(struct run *r)
{
	struct agora_buffer b = buffer(r);

	return copied(agora_object_pop(r->object, &b), &b);
}

static int do_pop_wait(struct run *r)
{
	struct agora_buffer b = buffer(r);

	return copied(agora_object_pop_wait(r->object, &past, &b), &b);
}

static void read_held(const struct run *r, const struct agora_message *m)
{
	unsigned char sum = 0;

	if (m->data)
		for (size_t i = 0; i < m->size; i++)
			sum ^= ((const volatile unsigned char *)m->data)[i];
	for (size_t at = 0; at < m->size && at < 3 * FUZZ_LONG;) {
		int n = agora_object_read(r->object, m, at, r->data, r->room);

		if (n <= 0)
			return;
		if ((size_t)n > r->room)
			fuzz_fail("%d bytes read into %zu", n, r->room);
		at += (size_t)n;
	}
	(void)sum;
}

static int do_acquire(struct run *r)
{
	struct agora_message *m = &r->held[r->held_count];
	int result;

	if (r->held_count == sizeof(r->held) / sizeof(*r->held))
		return 0;
	result = agora_object_acquire(r->object, m);
	if (!result) {
		r->held_count++;
		read_held(r, m);
	}
	return result;
}

static int do_release(struct run *r)
{
	if (!r->held_count)
		return 0;
	return agora_object_release(r->object, &r->held[--r->held_count]);
}

static int do_restore(struct run *r)
{
	if (!r->held_count)
		return 0;
	return agora_object_restore(r->object, &r->held[--r->held_count]);
}

/* ---- tables ---- */

static const struct {
	const char *data;
	size_t size;
} keys[] = {{"1", 1}, {"5", 1}, {"12", 2}, {"24", 2},
	{"27a long key that is long for us", 32}, {"count", 5}, {"new", 3},
	{"", 0}};

#define KEYS (sizeof(keys) / sizeof(*keys))

static int do_get(struct run *r)
{
	int result = 0;

	for (size_t i = 0; i < KEYS; i++) {
		struct agora_buffer b = buffer(r);

		result = copied(agora_object_get(r->object, keys[i].data,
					keys[i].size, &b),
			&b);
	}
	return result;
}

static int do_next(struct run *r)
{
	struct agora_buffer key = {
		.data = r->key, .capacity = r->key_size, .size = SIZE_MAX};
	int result = 0;

	for (int i = 0; !result && i < 200; i++) {
		struct agora_buffer b = buffer(r);

		result = copied(agora_object_next(r->object, &key, &b), &b);
		copied(result, &key);
	}
	return result;
}

static int do_put(struct run *r)
{
	static const char bytes[FUZZ_LONG];
	int result = 0;

	for (size_t i = 0; i < KEYS; i += 2)
		result = agora_object_put(r->object, keys[i].data, keys[i].size,
			bytes, size_to_write(r));
	return result;
}

static int do_swap(struct run *r)
{
	struct agora_buffer old = buffer(r);
	struct agora_buffer new = {
		.data = (void *)"swapped", .capacity = 7, .size = 7};

	return copied(
		agora_table_swap((struct agora_table *)r->object,
			keys[r->turn].data, keys[r->turn].size, &new, &old),
		&old);
}

static int do_compare(struct run *r)
{
	struct agora_buffer b = buffer(r);
	struct agora_table *table = (struct agora_table *)r->object;

	if (agora_table_get(table, "12", 2, &b))
		b = (struct agora_buffer){0};
	b = (struct agora_buffer){.data = (void *)"compared",
		.capacity = 8,
		.size = 8,
		.version = b.version};
	return agora_table_compare(table, "12", 2, &b, NULL);
}

static int do_add(struct run *r)
{
	return agora_table_add(
		(struct agora_table *)r->object, "count", 5, 1, NULL);
}

static int do_delete(struct run *r)
{
	int result = 0;

	for (size_t i = 1; i < KEYS; i += 2)
		result = agora_object_delete(
			r->object, keys[i].data, keys[i].size);
	return result;
}

/* ---- ordered maps and sets ---- */

struct seen {
	const struct run *run;
	unsigned entries, sum;
};

/* The copies are as large as they say. */
static int visit(void *argument, const struct agora_entry *entry)
{
	struct seen *seen = argument;
	const unsigned char *key = entry->key, *value = entry->value;

	if (entry->key_size > seen->run->key_size)
		fuzz_fail("a key of %zu", entry->key_size);
	for (size_t i = 0; i < entry->key_size; i++)
		seen->sum += key[i];
	for (size_t i = 0; i < entry->value_size; i++)
		seen->sum += value[i];
	return seen->entries++ > 100;
}

static int do_range(struct run *r)
{
	const struct agora_range range = {
		.from = "12", .from_size = 2, .to = "5", .to_size = 1};
	struct seen seen = {.run = r};
	int result = agora_map_range(
		(struct agora_map *)r->object, &range, visit, &seen);

	return result > 0 ? 0 : result;
}

static int do_count(struct run *r)
{
	uint64_t count;

	return agora_map_count((struct agora_map *)r->object, NULL, &count);
}

static int do_previous(struct run *r)
{
	struct agora_buffer key = {
		.data = r->key, .capacity = r->key_size, .size = SIZE_MAX};
	int result = 0;

	for (int i = 0; !result && i < 200; i++) {
		struct agora_buffer b = buffer(r);

		result =
			copied(agora_map_previous(
				       (struct agora_map *)r->object, &key, &b),
				&b);
		copied(result, &key);
	}
	return result;
}

static int do_map_swap(struct run *r)
{
	struct agora_buffer old = buffer(r);
	struct agora_buffer new = {
		.data = (void *)"swapped", .capacity = 7, .size = 7};

	return copied(agora_map_swap((struct agora_map *)r->object, "12", 2,
			      &new, &old),
		&old);
}

static int do_map_add(struct run *r)
{
	return agora_map_add(
		(struct agora_map *)r->object, "count", 5, 1, NULL);
}

static int do_join(struct run *r)
{
	int result = 0;

	for (size_t i = 0; i < KEYS; i += 2)
		result = agora_set_add((struct agora_set *)r->object,
			keys[i].data, keys[i].size);
	return result;
}

/* ---- strings ---- */

static struct agora_string *string_of(const struct run *r)
{
	return (struct agora_string *)r->object;
}

static int do_load(struct run *r)
{
	struct agora_buffer b = buffer(r);

	return copied(agora_object_load(r->object, &b), &b);
}

static int do_tap_string(struct run *r)
{
	struct agora_buffer b = buffer(r);
	uint64_t cursor = 0;

	return copied(agora_object_tap(r->object, &cursor, &b), &b);
}

static int do_await(struct run *r)
{
	struct agora_buffer b = buffer(r);
	uint64_t version;
	int result = agora_string_version(string_of(r), &version);

	if (!result)
		result = copied(
			agora_string_wait(string_of(r), version - 1, &past, &b),
			&b);
	return result;
}

static int do_store(struct run *r)
{
	static const char bytes[FUZZ_LONG];

	return agora_object_store(r->object, bytes, size_to_write(r));
}

static int do_append(struct run *r)
{
	static const char bytes[FUZZ_LONG];

	return agora_object_append(r->object, bytes, size_to_write(r) / 2);
}

static int do_swap_string(struct run *r)
{
	struct agora_buffer old = buffer(r);
	struct agora_buffer new = {.data = (void *)"swapped", .size = 7};

	return copied(agora_string_swap(string_of(r), &new, &old), &old);
}

static int do_compare_string(struct run *r)
{
	struct agora_buffer new = {.data = (void *)"compared", .size = 8};

	if (agora_string_version(string_of(r), &new.version))
		new.version = 0;
	return agora_string_compare(string_of(r), &new, NULL);
}

static int do_clear(struct run *r)
{
	return agora_string_clear(string_of(r));
}

/* ---- logs ---- */

static struct agora_log *log_of(const struct run *r)
{
	return (struct agora_log *)r->object;
}

static int read_log(struct run *r, uint64_t cursor)
{
	int result = 0;

	for (int i = 0; !result && i < 40; i++) {
		struct agora_buffer b = buffer(r);
		uint64_t missed;

		result = copied(
			agora_log_read(log_of(r), &cursor, &b, &missed), &b);
	}
	return result;
}

static int do_read_log(struct run *r)
{
	uint64_t cursor;
	int result = read_log(r, 0);

	if (!agora_log_back(log_of(r), 5, &cursor))
		result = read_log(r, cursor);
	return result;
}

static int do_read_wait(struct run *r)
{
	struct agora_buffer b = buffer(r);
	uint64_t cursor;
	int result = agora_log_end(log_of(r), &cursor);

	if (!result)
		result = copied(agora_log_read_wait(
					log_of(r), &cursor, &past, &b, NULL),
			&b);
	return result;
}

static int do_newest(struct run *r)
{
	struct agora_buffer b = buffer(r);

	return copied(agora_log_newest(log_of(r), &b), &b);
}

static int do_register(struct run *r)
{
	uint64_t cursor = 0;
	int result = agora_log_register(log_of(r), &cursor);

	if (result)
		return result == -EOPNOTSUPP ? 0 : result;
	return read_log(r, cursor);
}

static int do_unregister(struct run *r)
{
	return agora_log_unregister(log_of(r));
}

/* A segment's bytes are a text, too, which may be taken for a reference. */
static int do_reference(struct run *r)
{
	struct agora_reference reference;
	struct agora_buffer b = buffer(r);
	struct agora_buffer text = buffer(r);
	int result = agora_object_load(r->object, &b);

	if (!result && !agora_reference_parse(r->data, b.size, &reference))
		return copied(agora_reference_format(&reference, &text), &text);
	return result;
}

/* ---- heaps, beside what they have of queues ---- */

static int do_snapshot(struct run *r)
{
	struct agora_snapshot *snapshot;
	struct agora_buffer b = buffer(r);
	int result = agora_object_snapshot(r->object, &snapshot);

	if (result)
		return result;
	for (int i = 0; !result && i < 40; i++) {
		b = buffer(r);
		result = copied(agora_snapshot_next(snapshot, &b), &b);
	}
	agora_snapshot_close(snapshot);
	return result;
}

/* Of a relaxed heap there is no order to follow. */
static int do_tap_heap(struct run *r)
{
	int result = do_tap(r);

	return result == -EOPNOTSUPP ? 0 : result;
}

static int do_push_priority(struct run *r)
{
	static const char bytes[FUZZ_LONG];
	static const uint64_t priorities[] = {0, 5, 1 << 20, UINT64_MAX};

	return agora_object_push_priority(r->object,
		priorities[(r->first + r->turn) % 4], bytes, size_to_write(r));
}

/* ---- all ---- */

static const struct operation operations[] = {
	{"stat", NULL, false, do_stat},
	{"clients", NULL, false, do_clients},
	{"check", NULL, false, do_check},
	{"snapshot", &kind_queue, false, do_snapshot},
	{"walk", &kind_list, false, do_list_look},
	{"change", &kind_list, true, do_list_change},
	{"peek", &kind_queue, false, do_peek},
	{"walk", &kind_queue, false, do_walk},
	{"tap", &kind_queue, false, do_tap},
	{"acquire", &kind_queue, true, do_acquire},
	{"push", &kind_queue, true, do_push},
	{"acquire", &kind_queue, true, do_acquire},
	{"restore", &kind_queue, true, do_restore},
	{"pop", &kind_queue, true, do_pop},
	{"push_batch", &kind_queue, true, do_push_batch},
	{"pop_batch", &kind_queue, true, do_pop_batch},
	{"reserve", &kind_queue, true, do_reserve},
	{"push", &kind_queue, true, do_push},
	{"pop_wait", &kind_queue, true, do_pop_wait},
	{"release", &kind_queue, true, do_release},
	{"push_batch", &kind_queue, true, do_push_batch},
	{"push_wait", &kind_queue, true, do_push_wait},
	{"pop", &kind_queue, true, do_pop},
	{"acquire", &kind_queue, true, do_acquire},
	{"arm", &kind_queue, true, do_arm},
	{"peek", &kind_heap, false, do_peek},
	{"snapshot", &kind_heap, false, do_snapshot},
	{"tap", &kind_heap, false, do_tap_heap},
	{"acquire", &kind_heap, true, do_acquire},
	{"push_priority", &kind_heap, true, do_push_priority},
	{"acquire", &kind_heap, true, do_acquire},
	{"restore", &kind_heap, true, do_restore},
	{"pop", &kind_heap, true, do_pop},
	{"push_batch", &kind_heap, true, do_push_batch},
	{"pop_batch", &kind_heap, true, do_pop_batch},
	{"push_priority", &kind_heap, true, do_push_priority},
	{"pop_wait", &kind_heap, true, do_pop_wait},
	{"release", &kind_heap, true, do_release},
	{"push_batch", &kind_heap, true, do_push_batch},
	{"push_wait", &kind_heap, true, do_push_wait},
	{"pop", &kind_heap, true, do_pop},
	{"acquire", &kind_heap, true, do_acquire},
	{"get", &kind_table, false, do_get},
	{"next", &kind_table, false, do_next},
	{"put", &kind_table, true, do_put},
	{"swap", &kind_table, true, do_swap},
	{"compare", &kind_table, true, do_compare},
	{"add", &kind_table, true, do_add},
	{"delete", &kind_table, true, do_delete},
	{"get", &kind_map, false, do_get},
	{"next", &kind_map, false, do_next},
	{"previous", &kind_map, false, do_previous},
	{"range", &kind_map, false, do_range},
	{"count", &kind_map, false, do_count},
	{"put", &kind_map, true, do_put},
	{"swap", &kind_map, true, do_map_swap},
	{"add", &kind_map, true, do_map_add},
	{"delete", &kind_map, true, do_delete},
	{"put", &kind_map, true, do_put},
	{"get", &kind_set, false, do_get},
	{"next", &kind_set, false, do_next},
	{"previous", &kind_set, false, do_previous},
	{"range", &kind_set, false, do_range},
	{"join", &kind_set, true, do_join},
	{"delete", &kind_set, true, do_delete},
	{"join", &kind_set, true, do_join},
	{"load", &kind_string, false, do_load},
	{"tap", &kind_string, false, do_tap_string},
	{"await", &kind_string, false, do_await},
	{"reference", &kind_string, false, do_reference},
	{"store", &kind_string, true, do_store},
	{"swap", &kind_string, true, do_swap_string},
	{"compare", &kind_string, true, do_compare_string},
	{"append", &kind_string, true, do_append},
	{"store", &kind_string, true, do_store},
	{"await", &kind_string, true, do_await},
	{"clear", &kind_string, true, do_clear},
	{"walk", &kind_log, false, do_walk},
	{"tap", &kind_log, false, do_tap},
	{"read", &kind_log, false, do_read_log},
	{"read_wait", &kind_log, false, do_read_wait},
	{"newest", &kind_log, false, do_newest},
	{"append", &kind_log, true, do_push},
	{"register", &kind_log, true, do_register},
	{"append_batch", &kind_log, true, do_push_batch},
	{"reserve", &kind_log, true, do_reserve},
	{"append_wait", &kind_log, true, do_push_wait},
	{"read", &kind_log, true, do_read_log},
	{"unregister", &kind_log, true, do_unregister},
	{"append", &kind_log, true, do_push},
	{"wait", NULL, true, do_wait},
	{"yield", NULL, true, do_yield},
	{"repair", NULL, true, do_repair},
};

#define COUNT (sizeof(operations) / sizeof(*operations))

static void allow(const char *name, int result)
{
	static const int allowed[] = {0, -EAGAIN, -EUCLEAN, -ENOENT, -EMSGSIZE,
		-ENOSPC, -EPROTOTYPE, -ESTALE, -EUSERS, -EINVAL, -EBUSY,
		-ETIMEDOUT, -EPROTO, -ENOMEM};

	for (size_t i = 0; i < sizeof(allowed) / sizeof(*allowed); i++)
		if (result == allowed[i])
			return;
	fuzz_fail("%s: %d (%s)", name, result, agora_strerror(result));
}

/* Stacks and lists have most of what queues have. */
static bool is_for(const struct operation *o, const struct kind *kind)
{
	if (o->kind == &kind_queue &&
		(kind == &kind_stack || kind == &kind_list))
		return o->run != do_walk && o->run != do_reserve;
	return !o->kind || o->kind == kind;
}

static void do_all(struct run *r, bool writes, unsigned first)
{
	for (size_t i = 0; i < COUNT; i++) {
		const struct operation *o = &operations[(i + first) % COUNT];

		if ((o->writes && !writes) || !is_for(o, r->object->named))
			continue;
		fuzz_tick();
		allow(o->name, o->run(r));
	}
}

static void open_and_do_all(const char *path, uint32_t flags, struct run *r,
	const struct input *input)
{
	unsigned turns = flags && input->flags & FLAG_TWICE ? 2 : 1;
	int result =
		agora_object_open(fuzz_space, path, flags, NULL, &r->object);

	allow("open", result == -ENOENT ? -EIO : result);
	if (result)
		return;
	r->held_count = 0;
	r->first = input->first;
	r->key_size = r->object->segment.header.params.key_size;
	r->key = malloc(r->key_size);
	for (r->turn = 0; r->turn < turns; r->turn++)
		do_all(r, flags, input->first);
	fuzz_tick();
	agora_object_close(r->object);
	free(r->key);
}

/* A buffer that ends where nothing may be touched, without a sanitizer too. */
static unsigned char *fenced(size_t size)
{
	size_t pages = num_round_up(size, PAGE);
	unsigned char *start = mmap(NULL, pages + PAGE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (start == MAP_FAILED || mprotect(start + pages, PAGE, PROT_NONE))
		fuzz_fail("no memory");
	return start + pages - size;
}

void operate(const struct family *family, const struct input *input)
{
	static unsigned char *large, *small;
	struct run r = {0};

	if (!large) {
		large = fenced(FUZZ_LONG);
		small = fenced(16);
	}
	r.room = input->flags & FLAG_SMALL ? 16 : FUZZ_LONG;
	r.data = input->flags & FLAG_SMALL ? small : large;
	open_and_do_all(family->path, AGORA_READ, &r, input);
	open_and_do_all(family->path, AGORA_WRITE, &r, input);
}
