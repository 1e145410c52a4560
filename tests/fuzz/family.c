/*
 * family.c - the segments that are attacked.
 *
 * A family is one object, filled by one function. Its images are its bytes
 * at each crash point that filling it passes, the last time it does, and
 * when it is full: so there are half-done pushes, claimed and dead entries,
 * and a client that died, in all of them.
 */
#include "fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct agora_space *fuzz_space;
static struct family *filling;

static void must(int result, const char *what)
{
	if (result < 0)
		fuzz_fail("%s: %s", what, agora_strerror(result));
}

/* ---- filling ---- */

static void push(void *queue, size_t size)
{
	static char bytes[FUZZ_LONG];

	memset(bytes, 'a' + (int)(size % 26), size);
	must(agora_queue_push(queue, bytes, size), "push");
}

static void take(void *queue, unsigned count)
{
	static char bytes[FUZZ_LONG];

	while (count--) {
		struct agora_buffer b = {
			.data = bytes, .capacity = sizeof(bytes)};

		must(agora_queue_pop(queue, &b), "pop");
	}
}

/* Wrapped, full, with messages held and returned; sizes repeat. */
static void fill_queue(void *queue, const size_t sizes[4])
{
	struct agora_message held[3];

	for (unsigned i = 0; i < 20; i++) {
		push(queue, sizes[i % 4]);
		if (i % 2)
			take(queue, 2);
	}
	for (unsigned i = 0; i < 8; i++)
		push(queue, sizes[i % 4]);
	for (unsigned i = 0; i < 3; i++)
		must(agora_queue_acquire(queue, &held[i]), "acquire");
	must(agora_queue_restore(queue, &held[1]), "restore");
	for (unsigned i = 0; i < 3; i++)
		push(queue, sizes[i % 4]);
}

static void fill_any(void *queue)
{
	fill_queue(queue, (const size_t[]){8, 300, FUZZ_LONG, 0});
}

static void fill_short(void *queue)
{
	fill_queue(queue, (const size_t[]){8, 0, 40, 3});
}

static void fill_fixed(void *queue)
{
	fill_queue(queue, (const size_t[]){24, 24, 24, 24});
}

static void push_packet(void *queue, unsigned count)
{
	static char bytes[24];
	struct iovec messages[32];

	for (unsigned i = 0; i < count; i++)
		messages[i] = (struct iovec){bytes, sizeof(bytes)};
	must(agora_queue_push_batch(queue, messages, count), "push a batch");
}

/* Packets: taken in part, opened, held and given back in part, full. */
static void fill_packets(void *queue)
{
	struct agora_message held[2];

	for (unsigned i = 0; i < 30; i++) {
		push_packet(queue, 6);
		take(queue, 6);
	}
	push_packet(queue, 5);
	take(queue, 2);
	for (unsigned i = 0; i < 2; i++)
		must(agora_queue_acquire(queue, &held[i]), "acquire");
	must(agora_queue_restore(queue, &held[1]), "restore");
	push_packet(queue, 5);
	take(queue, 3);
	push_packet(queue, 8);
}

/* Wrapped, with messages in hand, done and given back, and one half written. */
static void fill_ring(void *queue, const size_t sizes[4])
{
	struct agora_reservation room;
	struct agora_message held[4];

	for (unsigned i = 0; i < 40; i++) {
		push(queue, sizes[i % 4]);
		if (i > 2)
			take(queue, 1);
	}
	for (unsigned i = 0; i < 4; i++)
		push(queue, sizes[i % 4]);
	for (unsigned i = 0; i < 4; i++)
		must(agora_queue_acquire(queue, &held[i]), "acquire");
	must(agora_queue_release(queue, &held[2]), "release");
	must(agora_queue_restore(queue, &held[1]), "restore");
	must(agora_queue_reserve(queue, sizes[0], &room), "reserve");
}

static void fill_spsc(void *queue)
{
	fill_ring(queue, (const size_t[]){24, 0, 100, 7});
}

static void fill_spsc_fixed(void *queue)
{
	fill_ring(queue, (const size_t[]){24, 24, 24, 24});
}

/* Of stacks and lists: messages held and put back, long ones, full. */
static void fill_bag(void *object)
{
	static const size_t sizes[] = {8, 300, FUZZ_LONG, 0};
	static char bytes[FUZZ_LONG];
	struct agora_message held[3];
	struct agora_buffer b = {.data = bytes, .capacity = sizeof(bytes)};

	for (unsigned i = 0; i < 20; i++) {
		must(agora_object_push(object, bytes, sizes[i % 4]), "push");
		if (i % 3)
			must(agora_object_pop(object, &b), "pop");
	}
	for (unsigned i = 0; i < 3; i++)
		must(agora_object_acquire(object, &held[i]), "acquire");
	must(agora_object_restore(object, &held[1]), "restore");
	for (unsigned i = 0; i < 3; i++)
		agora_object_push(object, bytes, sizes[i % 4]);
}

static void fill_list(void *list)
{
	struct agora_element e = {{0}};

	for (unsigned i = 0; i < 4; i++)
		must(agora_list_insert_after(list, &e, "second", 6, &e),
			"insert");
	must(agora_list_remove(list, &e), "remove");
	must(agora_list_push_front(list, "first", 5, NULL), "push");
	fill_bag(list);
}

static void fill_nothing(void *handle)
{
	(void)handle;
}

static void put(void *table, unsigned key, size_t size)
{
	static char bytes[FUZZ_LONG];
	char text[40];
	int n = snprintf(text, sizeof(text), "%u%.*s", key, key % 9 ? 0 : 30,
		"a long key that is long for us");

	memset(bytes, 'a' + (int)(size % 26), size);
	must(agora_table_put(table, text, (size_t)n, bytes, size), "put");
}

static void fill_table(void *table, size_t largest)
{
	for (unsigned i = 0; i < 60; i++)
		put(table, i, i % 12 ? i % 50 : largest);
	for (unsigned i = 0; i < 60; i += 3)
		put(table, i, i % 8 ? i % 30 : largest / 2);
	for (unsigned i = 1; i < 60; i += 5)
		agora_table_delete(table, &"0123456789"[i % 10], 1);
	must(agora_table_add(table, "count", 5, 41, NULL), "add");
}

static void fill_many(void *table)
{
	fill_table(table, FUZZ_LONG);
}

static void fill_one(void *table)
{
	fill_table(table, 50);
}

/* Some towers are high, some are only half built. */
static void fill_map(void *map)
{
	static char bytes[FUZZ_LONG];

	for (unsigned i = 0; i < 120; i++) {
		unsigned key = i * 37 % 60;
		size_t size = i % 12 ? i % 50 : FUZZ_LONG;
		char text[40];
		int n = snprintf(text, sizeof(text), "%u%.*s", key,
			key % 9 ? 0 : 30, "a long key that is long for us");

		must(agora_map_put(map, text, (size_t)n, bytes, size), "put");
	}
	for (unsigned i = 1; i < 60; i += 5)
		agora_map_delete(map, &"0123456789"[i % 10], 1);
	must(agora_map_add(map, "count", 5, 41, NULL), "add");
}

static void fill_set(void *set)
{
	for (unsigned i = 0; i < 90; i++) {
		char text[40];
		int n = snprintf(text, sizeof(text), "%u%.*s", i * 37 % 70,
			i % 9 ? 0 : 30, "a long key that is long for us");

		must(agora_set_add(set, text, (size_t)n), "add");
	}
	for (unsigned i = 1; i < 60; i += 5)
		agora_set_delete(set, &"0123456789"[i % 10], 1);
}

/* Values of all sizes, some of them appended to, at last the largest. */
static void fill_string(void *string)
{
	static const size_t sizes[] = {8, 100, 128, 300, 5000, FUZZ_LONG / 2};
	static char bytes[FUZZ_LONG], other[FUZZ_LONG];
	struct agora_buffer old = {.data = other, .capacity = FUZZ_LONG};
	struct agora_buffer new = {.data = bytes};

	memset(bytes, 's', sizeof(bytes));
	for (unsigned i = 0; i < 18; i++) {
		new.size = sizes[i % 6];
		must(agora_string_store(string, bytes, new.size), "store");
		must(agora_string_append(string, bytes, new.size / 3),
			"append");
		must(agora_string_swap(string, &new, &old), "swap");
	}
	must(agora_string_clear(string), "clear");
	must(agora_string_store(string, bytes, 5000), "store");
	must(agora_string_store(string, bytes, FUZZ_LONG), "store");
}

/* Several levels, equals, batches, messages held and given back, full. */
static void fill_heap(void *heap)
{
	static char bytes[FUZZ_LONG];
	static const uint64_t priorities[] = {3, 1, 1 << 20, UINT64_MAX, 1};
	struct agora_buffer b = {.data = bytes, .capacity = sizeof(bytes)};
	struct agora_heap_item items[5];
	struct agora_message held[3];

	for (unsigned i = 0; i < 5; i++)
		items[i] =
			(struct agora_heap_item){priorities[i], bytes, i * 10};
	for (unsigned i = 0; i < 150; i++) {
		must(agora_heap_push(heap, i * 7 % 20, bytes, i), "push");
		if (i > 20)
			must(agora_heap_pop(heap, &b), "pop");
	}
	must(agora_heap_push_batch(heap, items, 5), "push_batch");
	must(agora_heap_push(heap, 9, bytes, sizeof(bytes)), "push");
	must(agora_heap_pop_batch(heap, (struct agora_buffer[]){b, b, b}, 3),
		"pop_batch");
	for (unsigned i = 0; i < 3; i++)
		must(agora_heap_acquire(heap, &held[i]), "acquire");
	must(agora_heap_restore(heap, &held[1]), "restore");
	while (!agora_heap_push(heap, 4, bytes, 8))
		;
}

static void append(void *log, size_t size)
{
	static char bytes[FUZZ_LONG];

	memset(bytes, 'a' + (int)(size % 26), size);
	must(agora_log_append(log, bytes, size), "append");
}

/* Wrapped, with records reserved and half written, and perhaps a reader. */
static void fill_log(void *log, const size_t sizes[4])
{
	static char bytes[FUZZ_LONG];
	struct agora_buffer b = {.data = bytes, .capacity = sizeof(bytes)};
	struct agora_reservation room;
	uint64_t cursor = 0;
	int result;

	for (unsigned i = 0; i < 60; i++)
		append(log, sizes[i % 4]);
	result = agora_log_register(log, &cursor);
	for (unsigned i = 0; !result && i < 6; i++)
		must(agora_log_read(log, &cursor, &b, NULL), "read");
	append(log, sizes[0]);
	must(agora_log_reserve(log, sizes[0], &room), "reserve");
}

static void fill_log_any(void *log)
{
	fill_log(log, (const size_t[]){24, 300, FUZZ_LONG, 0});
}

static void fill_log_fixed(void *log)
{
	fill_log(log, (const size_t[]){24, 24, 24, 24});
}

struct family families[] = {
	{.path = "p/any.queue",
		.fill = fill_any,
		.options = {.capacity = 8,
			.message_size = FUZZ_LONG,
			.inline_size = 40,
			.memory = 1 << 16,
			.clients = 5}},
	{.path = "p/short.queue",
		.fill = fill_short,
		.options = {.capacity = 9,
			.message_size = 40,
			.inline_size = 40,
			.clients = 70}},
	{.path = "p/fixed.queue",
		.fill = fill_fixed,
		.options = {.capacity = 8,
			.message_size = 24,
			.clients = 3,
			.flags = AGORA_FIXED}},
	{.path = "p/empty.queue",
		.fill = fill_nothing,
		.options = {.capacity = 1, .message_size = 8, .clients = 1}},
	{.path = "p/many.table",
		.fill = fill_many,
		.options = {.capacity = 64,
			.key_size = 40,
			.message_size = FUZZ_LONG,
			.inline_size = 24,
			.memory = 1 << 17,
			.clients = 5}},
	{.path = "p/one.table",
		.fill = fill_one,
		.options = {.capacity = 20,
			.key_size = 36,
			.message_size = 50,
			.inline_size = 86,
			.writers = AGORA_WRITERS_ONE,
			.clients = 4}},
	{.path = "p/empty.table",
		.fill = fill_nothing,
		.options = {.capacity = 1,
			.key_size = 8,
			.message_size = 8,
			.clients = 1}},
	{.path = "p/any.map",
		.fill = fill_map,
		.options = {.capacity = 1024,
			.key_size = 40,
			.message_size = FUZZ_LONG,
			.inline_size = 24,
			.memory = 1 << 17,
			.clients = 5}},
	{.path = "p/short.set",
		.fill = fill_set,
		.options = {.capacity = 64, .key_size = 40, .clients = 4}},
	{.path = "p/packets.queue",
		.fill = fill_packets,
		.options = {.capacity = 16,
			.message_size = 24,
			.clients = 3,
			.flags = AGORA_FIXED}},
	{.path = "p/packed.queue",
		.fill = fill_packets,
		.options = {.capacity = 16,
			.message_size = FUZZ_LONG,
			.memory = 1 << 16,
			.clients = 3}},
	{.path = "p/ring.queue",
		.fill = fill_spsc,
		.options = {.capacity = 12,
			.message_size = 100,
			.memory = 2048,
			.clients = 3,
			.flags = AGORA_SPSC}},
	{.path = "p/slots.queue",
		.fill = fill_spsc_fixed,
		.options = {.capacity = 12,
			.message_size = 24,
			.clients = 3,
			.flags = AGORA_SPSC | AGORA_FIXED}},
	{.path = "p/spilled.table",
		.fill = fill_many,
		.options = {.capacity = 64,
			.key_size = 40,
			.message_size = FUZZ_LONG,
			.inline_size = 24,
			.memory = 1 << 17,
			.writers = AGORA_WRITERS_ONE,
			.clients = 3}},
	{.path = "p/many.string",
		.fill = fill_string,
		.options = {.message_size = FUZZ_LONG,
			.inline_size = 40,
			.memory = 1 << 16,
			.clients = 3}},
	{.path = "p/one.string",
		.fill = fill_string,
		.options = {.message_size = FUZZ_LONG,
			.inline_size = 40,
			.memory = 1 << 16,
			.writers = AGORA_WRITERS_ONE,
			.clients = 3}},
	{.path = "p/any.stack",
		.fill = fill_bag,
		.options = {.capacity = 12,
			.message_size = FUZZ_LONG,
			.inline_size = 40,
			.memory = 1 << 17,
			.clients = 3}},
	{.path = "p/any.list",
		.fill = fill_list,
		.options = {.capacity = 16,
			.message_size = FUZZ_LONG,
			.inline_size = 40,
			.memory = 1 << 17,
			.clients = 3}},
	{.path = "p/strict.heap",
		.fill = fill_heap,
		.options = {.capacity = 40,
			.message_size = FUZZ_LONG,
			.inline_size = 40,
			.memory = 1 << 16,
			.clients = 5}},
	{.path = "p/relaxed.heap",
		.fill = fill_heap,
		.options = {.capacity = 200,
			.message_size = FUZZ_LONG,
			.inline_size = 40,
			.memory = 1 << 16,
			.clients = 5,
			.flags = AGORA_RELAXED}},
	{.path = "p/many.log",
		.fill = fill_log_any,
		.options = {.capacity = 12,
			.message_size = FUZZ_LONG,
			.inline_size = 40,
			.memory = 1 << 16,
			.flags = AGORA_RELIABLE,
			.clients = 3}},
	{.path = "p/fixed.log",
		.fill = fill_log_fixed,
		.options = {.capacity = 20,
			.message_size = 24,
			.flags = AGORA_FIXED,
			.clients = 3}},
	{.path = "p/one.log",
		.fill = fill_log_any,
		.options = {.capacity = 12,
			.message_size = FUZZ_LONG,
			.memory = 1 << 16,
			.writers = AGORA_WRITERS_ONE,
			.clients = 3}},
	{.path = "p/slots.log",
		.fill = fill_log_fixed,
		.options = {.capacity = 12,
			.message_size = 24,
			.flags = AGORA_FIXED | AGORA_RELIABLE,
			.writers = AGORA_WRITERS_ONE,
			.clients = 3}},
};

const unsigned family_count = sizeof(families) / sizeof(*families);

/* ---- images ---- */

static struct image *find_image(struct family *family, const char *step)
{
	for (unsigned i = 0; step && i < family->count; i++)
		if (!strcmp(family->images[i].step, step))
			return &family->images[i];
	family->images = realloc(
		family->images, ++family->count * sizeof(*family->images));
	family->images[family->count - 1] =
		(struct image){step, malloc(family->size)};
	return &family->images[family->count - 1];
}

static void keep_image(struct family *family, const char *step)
{
	memcpy(find_image(family, step)->bytes, family->file, family->size);
}

void family_step(const char *name)
{
	if (filling)
		keep_image(filling, name);
}

static void look(struct family *family, const struct agora_object *object)
{
	const struct segment *segment = &object->segment;

	family->kind = object->named;
	family->header = segment->header;
	family->layout = segment->layout;
	family->size = segment->header.size;
	/* A descriptor without the library's locks, and a mapping of it. */
	family->fd =
		openat(segment->fd, "", O_RDWR | O_CLOEXEC | AT_EMPTY_PATH);
	if (family->fd < 0) {
		char self[40];

		snprintf(self, sizeof(self), "/proc/self/fd/%d", segment->fd);
		family->fd = open(self, O_RDWR | O_CLOEXEC);
	}
	family->file = mmap(NULL, family->size, PROT_READ | PROT_WRITE,
		MAP_SHARED, family->fd, 0);
	if (family->fd < 0 || family->file == MAP_FAILED)
		fuzz_fail("%s: no mapping", family->path);
}

static void start(struct family *family)
{
	struct agora_object *object;

	must(agora_object_open(fuzz_space, family->path,
		     AGORA_WRITE | AGORA_CREATE, &family->options, &object),
		family->path);
	look(family, object);
	filling = family;
	family->fill(object);
	filling = NULL;
	keep_image(family, NULL);
	agora_object_close(object);
}

void family_start(void)
{
	must(agora_program_create(fuzz_space, "p", NULL), "p");
	for (unsigned i = 0; i < family_count; i++)
		start(&families[i]);
}

/* The sanitizer would look at the shadow of every byte. */
__attribute__((no_sanitize("address"))) static bool differ(
	const char *a, const char *b)
{
	const uint64_t *x = (const uint64_t *)a, *y = (const uint64_t *)b;
	uint64_t all = 0;

	for (unsigned i = 0; i < PAGE / sizeof(*x); i++)
		all |= x[i] ^ y[i];
	return all;
}

void family_restore(struct family *family, const struct image *image)
{
	if (family->resized && ftruncate(family->fd, (off_t)family->size))
		fuzz_fail("%s: cannot be grown again", family->path);
	family->resized = false;
	for (size_t at = 0; at < family->size; at += PAGE)
		if (differ(family->file + at, image->bytes + at))
			memcpy(family->file + at, image->bytes + at, PAGE);
}
