/*
 * step_client.h - the clients of step.c: what they can do to an object, and
 * how each byte that comes out of it is known to be one that went in.
 */
#ifndef TESTS_CRASH_STEP_CLIENT_H
#define TESTS_CRASH_STEP_CLIENT_H

#include "step.h"

#include "base/hash.h"
#include "shm/format.h"

#include <agora/agora.h>
#include <ftw.h>

#define CAPACITY 8
#define LARGEST  3500
#define IDS      3000

enum op {
	NONE,
	PUSH,
	POP,
	RELEASE,
	RESTORE,
	PUT,
	DELETE,
	COMPARE,
	ADD,
	REPAIR
};

/* The sizes of messages and values: in the block, with parts, with a page. */
enum shape { SHORT, PARTS, LONG };

/* ---- what is tried ---- */

/* Where the one that died before was killed. */
enum { AT_EFFECT = 0, EIGHTH = 1 /* to 7: that part of its instructions */ };

/* Of a table with one writer where the name says "one-". */
struct group {
	const char *name;
	enum op op;
	enum shape shape;
	enum op before; /* REPAIR: what the dead one was about */
};

struct state {
	const char *name;
	int rotate;    /* messages pushed and popped before */
	int fill;      /* then pushed; of a table: key 2 is there */
	bool returned; /* the first message was claimed and given back */
	enum op dead;
	int key; /* of the dead one's operation */
};

static const struct group groups[] = {
	{"push-short", PUSH, SHORT, NONE},
	{"push-parts", PUSH, PARTS, NONE},
	{"push-long", PUSH, LONG, NONE},
	{"pop-short", POP, SHORT, NONE},
	{"pop-parts", POP, PARTS, NONE},
	{"pop-long", POP, LONG, NONE},
	{"release-short", RELEASE, SHORT, NONE},
	{"release-long", RELEASE, LONG, NONE},
	{"restore", RESTORE, SHORT, NONE},
	{"put-short", PUT, SHORT, NONE},
	{"put-parts", PUT, PARTS, NONE},
	{"put-long", PUT, LONG, NONE},
	{"delete", DELETE, SHORT, NONE},
	{"compare", COMPARE, SHORT, NONE},
	{"add", ADD, SHORT, NONE},
	{"one-put-short", PUT, SHORT, NONE},
	{"one-put-parts", PUT, PARTS, NONE},
	{"one-put-long", PUT, LONG, NONE},
	{"one-delete", DELETE, SHORT, NONE},
	{"one-delete-long", DELETE, PARTS, NONE},
	{"one-compare", COMPARE, SHORT, NONE},
	{"one-add", ADD, SHORT, NONE},
	{"repair-push", REPAIR, PARTS, PUSH},
	{"repair-pop", REPAIR, LONG, POP},
	{"repair-restore", REPAIR, SHORT, RESTORE},
	{"repair-put", REPAIR, PARTS, PUT},
	{"repair-delete", REPAIR, LONG, DELETE},
	{"repair-one-put", REPAIR, PARTS, PUT},
	{"repair-one-delete", REPAIR, LONG, DELETE},
};

static const struct state queue_states[] = {
	{"empty", 0, 0, false, NONE, 0},
	{"half full", 0, 4, false, NONE, 0},
	{"full", 0, CAPACITY, false, NONE, 0},
	{"wrapped", 13, 5, false, NONE, 0},
	{"wrapped and full", 6, CAPACITY, false, NONE, 0},
	{"tail behind", 3, 3, false, PUSH, 0},
	{"tail behind, full", 3, CAPACITY - 1, false, PUSH, 0},
	{"head behind", 3, 3, false, POP, 0},
	{"head behind, full", 3, CAPACITY, false, POP, 0},
	{"returned", 3, 3, true, NONE, 0},
};

static const struct state table_states[] = {
	{"absent", 0, 0, false, NONE, 0},
	{"present", 0, 1, false, NONE, 0},
	{"dead entry of the key", 0, 1, false, DELETE, 2},
	{"key half replaced", 0, 1, false, PUT, 2},
	{"dead entry before, key absent", 0, 0, false, DELETE, 1},
	{"dead entry before, key present", 0, 1, false, DELETE, 1},
	{"neighbour half replaced", 0, 1, false, PUT, 1},
};

/* ---- the space ---- */

static char space_dir[200];
static struct agora_space *space;
static bool is_table, is_single; /* single: a table with one writer */

/* An object, its file, and the file as it is when the object is blank. */
struct place {
	char path[20];
	struct file file;
	char *blank;
};

static struct place first, twin;

/* What a victim tells, in memory shared with its parent. */
static struct told {
	_Atomic bool begun, done;
	_Atomic int result;
	unsigned char buffer[LARGEST];
} * told;

static int remove_one(
	const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static void clean_up(void)
{
	static pid_t owner;

	if (!owner)
		owner = getpid();
	else if (owner == getpid())
		nftw(space_dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void make_space(void)
{
	const char *root = getenv("AGORA_TEST_ROOT");

	snprintf(space_dir, sizeof(space_dir), "%s/agora-step-XXXXXX",
		root ? root : "/dev/shm");
	if (!mkdtemp(space_dir))
		fail("mkdtemp", errno, 0);
	clean_up();
	atexit(clean_up);
	check(agora_space_open(space_dir, &space), "space");
	check(agora_program_create(space, "p", NULL), "program");
	told = map_zeroes(sizeof(*told));
}

/* ---- bytes: an id, and what follows from it ---- */

static size_t size_of(uint64_t id)
{
	static const size_t sizes[] = {8, 1200, LARGEST};

	return sizes[id / 1000];
}

static uint64_t id_in(enum shape shape, unsigned number)
{
	return (uint64_t)shape * 1000 + number;
}

static const unsigned char *bytes_of(uint64_t id)
{
	static unsigned char bytes[LARGEST];

	memcpy(bytes, &id, 8);
	for (size_t i = 8; i < size_of(id); i++)
		bytes[i] = (unsigned char)(id * 31 + i * 7 + (i >> 8));
	return bytes;
}

static uint64_t id_of(const unsigned char *data, size_t size)
{
	uint64_t id = IDS;

	if (size >= 8)
		memcpy(&id, data, 8);
	if (id >= IDS || size != size_of(id) ||
		memcmp(data, bytes_of(id), size))
		fail("bytes that nobody wrote", (long)id, (long)size);
	return id;
}

/* ---- clients ---- */

struct client {
	struct agora_object *object;
	struct agora_queue *queue;
	struct agora_table *table;
};

static struct client survivor;

static struct client attach(const struct place *place, uint32_t flags)
{
	struct agora_options options = {.capacity = CAPACITY,
		.message_size = LARGEST,
		.inline_size = is_table ? 984 : 992,
		.memory = 64 * 4096,
		.writers = is_single ? AGORA_WRITERS_ONE : 0,
		.clients = 8};
	struct client c = {NULL, NULL, NULL};

	flags |= AGORA_WRITE;
	if (is_table) {
		check(agora_table_open(
			      space, place->path, flags, &options, &c.table),
			"open the table");
		c.object = agora_table_object(c.table);
	} else {
		check(agora_queue_open(
			      space, place->path, flags, &options, &c.queue),
			"open the queue");
		c.object = agora_queue_object(c.queue);
	}
	return c;
}

static void make_place(struct place *place, const char *name)
{
	char path[300];
	struct client c;

	snprintf(place->path, sizeof(place->path), "p/%s.%s", name,
		is_table ? "table" : "queue");
	c = attach(place, AGORA_CREATE);
	agora_object_close(c.object);
	snprintf(path, sizeof(path), "%s/%s", space_dir, place->path);
	place->file = file_open(path);
}

static int push(uint64_t id)
{
	return agora_queue_push(survivor.queue, bytes_of(id), size_of(id));
}

/* Returns the id, or a negative errno. */
static long pop(uint64_t *ret_ticket)
{
	static unsigned char data[LARGEST];
	struct agora_buffer b = {data, LARGEST, 0, 0};
	int result = agora_queue_pop(survivor.queue, &b);

	if (ret_ticket)
		*ret_ticket = b.version;
	return result ? result : (long)id_of(data, b.size);
}

/* Keys that share a bucket, in the order of its chain. With one writer they
 * share a line, of whose seven words others take all but the first key's. */
#define KEYS   5
#define OTHERS 6
static uint64_t keys[KEYS + OTHERS];

static int by_hash(const void *a, const void *b)
{
	uint64_t seed = ((const struct header_shm *)first.file.live)->seed;
	uint64_t left = hash_bytes(a, 8, seed), right = hash_bytes(b, 8, seed);

	return left < right ? -1 : left > right;
}

static void find_keys(void)
{
	const struct header_shm *header =
		(const struct header_shm *)first.file.live;
	int found = 0;

	/* 64 buckets, or lines: see table_open.c. */
	for (uint64_t key = 0; found < KEYS + OTHERS; key++)
		if (hash_bytes(&key, sizeof(key), header->seed) >> 58 == 5)
			keys[found++] = key;
	qsort(keys, KEYS, sizeof(*keys), by_hash);
}

static int put(int key, uint64_t id)
{
	return agora_table_put(
		survivor.table, &keys[key], 8, bytes_of(id), size_of(id));
}

/* Returns the id, or 0 for none. */
static uint64_t get(int key, uint64_t *ret_version)
{
	static unsigned char data[LARGEST];
	struct agora_buffer b = {data, LARGEST, 0, 0};
	int result = agora_table_get(survivor.table, &keys[key], 8, &b);

	if (result != -ENOENT)
		check(result, "get");
	if (ret_version)
		*ret_version = result ? 0 : b.version;
	return result ? 0 : id_of(data, b.size);
}

/* ---- victims and what they do ---- */

struct task {
	enum op op;
	uint64_t id;
	int key;
	uint64_t version; /* COMPARE: the present one */
};

static int take(const struct client *c, bool restore)
{
	struct agora_message m;
	int result = agora_queue_acquire(c->queue, &m);

	if (result)
		return result;
	return restore ? agora_queue_restore(c->queue, &m)
		       : agora_queue_release(c->queue, &m);
}

static int perform(const struct client *c, const struct task *task,
	const unsigned char *bytes, size_t size)
{
	const uint64_t *key = &keys[task->key];
	struct agora_buffer out = {told->buffer, LARGEST, 0, 0};
	struct agora_buffer in = {(void *)bytes, 0, size, task->version};
	struct agora_check report;

	told->begun = true;
	switch (task->op) {
	case PUSH:
		return agora_queue_push(c->queue, bytes, size);
	case POP:
		return agora_queue_pop(c->queue, &out);
	case RELEASE:
	case RESTORE:
		return take(c, task->op == RESTORE);
	case PUT:
		return agora_table_put(c->table, key, 8, bytes, size);
	case DELETE:
		return agora_table_delete(c->table, key, 8);
	case COMPARE:
		return agora_table_compare(c->table, key, 8, &in, NULL);
	case ADD:
		return agora_table_add(c->table, key, 8, 7, NULL);
	default:
		return agora_object_check(c->object, 1, &report);
	}
}

static pid_t start(const struct task *task)
{
	pid_t pid;

	told->begun = told->done = false;
	pid = fork();
	if (!pid) {
		struct client c = attach(&first, 0);
		const unsigned char *bytes = bytes_of(task->id);
		size_t size = size_of(task->id);

		victim_ready();
		told->result = perform(&c, task, bytes, size);
		told->done = true;
		_exit(0);
	}
	victim_await(pid);
	return pid;
}

#endif
