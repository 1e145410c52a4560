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
#include <sys/uio.h>

#define CAPACITY 8
#define LARGEST  3500
#define IDS      3000
#define MANY     5 /* messages of a batch that is pushed */
#define SEVERAL  4 /* at most, that are popped at once */

enum op {
	NONE,
	PUSH,
	PUSH_BATCH,
	COMMIT,
	ABORT,
	POP,
	POP_BATCH,
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
	unsigned char buffer[SEVERAL][LARGEST];
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
	struct agora_buffer b = {.data = data, .capacity = LARGEST};
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
	struct agora_buffer b = {.data = data, .capacity = LARGEST};
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

/* Reserve more than it takes, write, and commit or abort. */
static int reserve(
	const struct client *c, const struct iovec *message, bool commit)
{
	struct agora_reservation r;
	int result = agora_queue_reserve(c->queue, LARGEST, &r);

	if (result)
		return result;
	result = agora_queue_write(
		c->queue, &r, 0, message->iov_base, message->iov_len);
	r.size = message->iov_len;
	if (!result && commit)
		result = agora_queue_commit(c->queue, &r);
	if (result || !commit)
		check(agora_queue_abort(c->queue, &r), "abort");
	return result;
}

/* The messages of a batch: short ones, or some that are no part of a packet. */
static uint64_t batch_id(uint64_t from, unsigned number)
{
	return number % 3 ? id_in(SHORT, from % 1000 + number) : from + number;
}

static void make_batch(uint64_t from, struct iovec *messages)
{
	static unsigned char data[MANY][LARGEST];

	for (unsigned i = 0; i < MANY; i++) {
		uint64_t id = batch_id(from, i);

		messages[i] = (struct iovec){data[i], size_of(id)};
		memcpy(data[i], bytes_of(id), size_of(id));
	}
}

static int perform(const struct client *c, const struct task *task,
	const struct iovec *messages)
{
	const uint64_t *key = &keys[task->key];
	void *bytes = messages->iov_base;
	size_t size = messages->iov_len;
	struct agora_buffer in = {
		.data = bytes, .size = size, .version = task->version};
	struct agora_buffer out[SEVERAL];
	struct agora_check report;

	for (int i = 0; i < SEVERAL; i++)
		out[i] = (struct agora_buffer){
			.data = told->buffer[i], .capacity = LARGEST};
	told->begun = true;
	switch (task->op) {
	case PUSH:
		return agora_queue_push(c->queue, bytes, size);
	case PUSH_BATCH:
		return agora_queue_push_batch(c->queue, messages, MANY);
	case COMMIT:
	case ABORT:
		return reserve(c, messages, task->op == COMMIT);
	case POP:
		return agora_queue_pop(c->queue, out);
	case POP_BATCH:
		return agora_queue_pop_batch(c->queue, out, SEVERAL);
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
		struct iovec messages[MANY];

		make_batch(task->id, messages);
		messages[0].iov_len = size_of(task->id);
		messages[0].iov_base = (void *)bytes_of(task->id);
		victim_ready();
		told->result = perform(&c, task, messages);
		told->done = true;
		_exit(0);
	}
	victim_await(pid);
	return pid;
}

#endif
