/*
 * redis_table.c - Redis as a table, 32 commands on their way at a time.
 */
#include "keyed.h"
#include "redis_server.h"

#define AHEAD 32

struct table {
	redisContext *redis;
	unsigned ahead;
};

static void *create(void)
{
	redis_server_start();
	return NULL;
}

static void *attach(void *unused, bool writes)
{
	struct table *t = calloc(1, sizeof(*t));

	(void)unused;
	(void)writes;
	t->redis = redis_server_connect();
	return t;
}

/* Take the replies of what is on its way. */
static void settle(void *table)
{
	struct table *t = table;

	for (; t->ahead; t->ahead--) {
		redisReply *reply = redis_server_reply(t->redis);
		struct keyed_value value;

		if (reply->type == REDIS_REPLY_STRING) {
			memcpy(&value, reply->str, sizeof(value));
			keyed_check(&value, (uint32_t)value.words[0]);
		}
		freeReplyObject(reply);
	}
}

static void sent(struct table *t)
{
	if (++t->ahead == AHEAD)
		settle(t);
}

static bool get(
	void *table, const struct keyed_key *key, struct keyed_value *value)
{
	struct table *t = table;

	(void)value;
	redisAppendCommand(t->redis, "GET %b", key->bytes, (size_t)KEYED_KEY);
	sent(t);
	return true;
}

static void put(void *table, const struct keyed_key *key,
	const struct keyed_value *value)
{
	struct table *t = table;

	redisAppendCommand(t->redis, "SET %b %b", key->bytes, (size_t)KEYED_KEY,
		value->words, (size_t)KEYED_VALUE);
	sent(t);
}

static bool remove_key(void *table, const struct keyed_key *key)
{
	struct table *t = table;

	redisAppendCommand(t->redis, "DEL %b", key->bytes, (size_t)KEYED_KEY);
	sent(t);
	return true;
}

static const struct keyed_ops redis = {
	.row = "Redis, 32 at a time",
	.pipelined = true,
	.create = create,
	.attach = attach,
	.get = get,
	.put = put,
	.remove = remove_key,
	.settle = settle,
};
KEYED(redis)
