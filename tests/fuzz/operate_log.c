/* operate_log.c - what only a log has, for operate.c. */
#include "operate.h"

#include <errno.h>

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

static const struct operation rows[] = {
	{"walk", &kind_log, false, operate_walk},
	{"tap", &kind_log, false, operate_tap},
	{"read", &kind_log, false, do_read_log},
	{"read_wait", &kind_log, false, do_read_wait},
	{"newest", &kind_log, false, do_newest},
	{"append", &kind_log, true, operate_push},
	{"register", &kind_log, true, do_register},
	{"append_batch", &kind_log, true, operate_push_batch},
	{"reserve", &kind_log, true, operate_reserve},
	{"append_wait", &kind_log, true, operate_push_wait},
	{"read", &kind_log, true, do_read_log},
	{"unregister", &kind_log, true, do_unregister},
	{"append", &kind_log, true, operate_push},
};

const struct operations operate_logs = OPERATIONS(rows);
