/* operate_log.c - what only a log has, for operate.c. */
#include "fuzz.h"

#include <errno.h>

static const struct timespec past = {0, 1};

static int fits(int result, const struct agora_buffer *b)
{
	if (!result && b->size > b->capacity)
		fuzz_fail("%zu bytes in %zu", b->size, b->capacity);
	return result;
}

static int read_on(
	struct agora_log *log, uint64_t cursor, struct agora_buffer *b)
{
	uint64_t missed;
	int result = 0;

	for (int i = 0; !result && i < 40; i++)
		result = fits(agora_log_read(log, &cursor, b, &missed), b);
	return result;
}

int operate_log_look(struct agora_object *object, struct agora_buffer *b)
{
	/* Handles of objects begin with the object. */
	struct agora_log *log = (struct agora_log *)object;
	struct agora_buffer several[3] = {*b, *b, *b};
	uint64_t cursor = 0, missed;
	int result = read_on(log, 0, b);

	if (!agora_log_back(log, 5, &cursor))
		read_on(log, cursor, b);
	agora_log_oldest(log, &cursor);
	if (agora_log_read_batch(log, &cursor, several, 3, &missed) > 0)
		fits(0, several);
	fits(agora_log_newest(log, b), b);
	if (!agora_log_end(log, &cursor))
		fits(agora_log_read_wait(log, &cursor, &past, b, NULL), b);
	return result;
}

int operate_log_register(struct agora_object *object, struct agora_buffer *b)
{
	struct agora_log *log = (struct agora_log *)object;
	uint64_t cursor = 0;
	int result = agora_log_register(log, &cursor);

	if (result)
		return result == -EOPNOTSUPP ? 0 : result;
	result = read_on(log, cursor, b);
	agora_object_push(object, "x", 1);
	agora_log_unregister(log);
	return result;
}
