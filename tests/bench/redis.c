/*
 * redis.c - a list of Redis as a ring: a command for each message, or 32
 * commands on their way at a time.
 */
#include "redis_server.h"
#include "ring.h"

/* Process-local: the connection, and the name of the list. */
struct list {
	redisContext *redis;
	char key[32];
	size_t length; /* as of the last push */
};

static void *create(size_t size, size_t depth)
{
	static int count;
	int *number = bench_shared(sizeof(*number));

	(void)size;
	(void)depth;
	if (!count)
		redis_server_start();
	*number = count++;
	return number;
}

static void *attach(void *object, size_t size)
{
	struct list *list = calloc(1, sizeof(*list));

	(void)size;
	list->redis = redis_server_connect();
	snprintf(list->key, sizeof(list->key), "list-%d", *(int *)object);
	return list;
}

/* Whether there is room, without a command as long as there surely is. */
static bool has_room(struct list *list, size_t size)
{
	redisReply *reply;

	if (list->length + RING_BATCH < ring_depth(size))
		return true;
	redisAppendCommand(list->redis, "LLEN %s", list->key);
	reply = redis_server_reply(list->redis);
	list->length = (size_t)reply->integer;
	freeReplyObject(reply);
	return list->length < ring_depth(size);
}

static void took(struct list *list)
{
	redisReply *reply = redis_server_reply(list->redis);

	list->length = (size_t)reply->integer;
	freeReplyObject(reply);
}

static bool push(void *ring, const void *message, size_t size)
{
	struct list *list = ring;

	if (!has_room(list, size))
		return false;
	redisAppendCommand(
		list->redis, "RPUSH %s %b", list->key, message, size);
	took(list);
	return true;
}

static bool copy(const redisReply *reply, void *message, size_t size)
{
	if (reply->type == REDIS_REPLY_NIL)
		return false;
	if (reply->type != REDIS_REPLY_STRING || reply->len != size)
		bench_fail("redis: a strange reply");
	memcpy(message, reply->str, size);
	return true;
}

static bool pop(void *ring, void *message, size_t size)
{
	struct list *list = ring;
	redisReply *reply;
	bool found;

	redisAppendCommand(list->redis, "LPOP %s", list->key);
	reply = redis_server_reply(list->redis);
	found = copy(reply, message, size);
	freeReplyObject(reply);
	return found;
}

static bool pop_wait(void *ring, void *message, size_t size)
{
	struct list *list = ring;
	redisReply *reply;

	redisAppendCommand(list->redis, "BLPOP %s 0", list->key);
	reply = redis_server_reply(list->redis);
	if (reply->elements != 2)
		bench_fail("redis: a strange reply");
	copy(reply->element[1], message, size);
	freeReplyObject(reply);
	return true;
}

static size_t push_batch(void *ring, void *messages, size_t size, size_t count)
{
	struct list *list = ring;

	if (!has_room(list, size))
		return 0;
	for (size_t i = 0; i < count; i++)
		redisAppendCommand(list->redis, "RPUSH %s %b", list->key,
			(char *)messages + i * size, size);
	for (size_t i = 0; i < count; i++)
		took(list);
	return count;
}

static size_t pop_batch(void *ring, void *messages, size_t size, size_t count)
{
	struct list *list = ring;
	redisReply *reply;
	size_t found;

	redisAppendCommand(list->redis, "LPOP %s %d", list->key, (int)count);
	reply = redis_server_reply(list->redis);
	found = reply->elements;
	for (size_t i = 0; i < found; i++)
		copy(reply->element[i], (char *)messages + i * size, size);
	freeReplyObject(reply);
	return found;
}

static const struct ring_ops single = {
	.row = "Redis",
	.create = create,
	.attach = attach,
	.push = push,
	.pop = pop,
	.push_wait = push,
	.pop_wait = pop_wait,
};
RING(single)

static const struct ring_ops batch = {
	.row = "Redis, 32 at a time",
	.create = create,
	.attach = attach,
	.push_batch = push_batch,
	.pop_batch = pop_batch,
};
RING(batch)
