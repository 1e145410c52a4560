/*
 * operate_queue.c - what queues, stacks, lists and heaps have, for operate.c.
 *
 * Logs have some of it, too.
 */
#include "operate.h"

#include <errno.h>
#include <string.h>

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

static int do_peek(struct run *r)
{
	struct agora_buffer b = buffer(r);

	return copied(agora_object_peek(r->object, &b), &b);
}

int operate_walk(struct run *r)
{
	uint64_t cursor = 0;
	int result = 0;

	for (int i = 0; !result && i < 40; i++) {
		struct agora_buffer b = buffer(r);

		result = copied(agora_object_walk(r->object, &cursor, &b), &b);
	}
	return result;
}

int operate_tap(struct run *r)
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

static size_t size_of_short(const struct run *r)
{
	const struct params_shm *params = &r->object->segment.header.params;

	return params->flags & AGORA_FIXED ? size_to_write(r)
					   : num_min(params->message_size, 5);
}

int operate_push(struct run *r)
{
	static const char bytes[FUZZ_LONG];

	return agora_object_push(r->object, bytes, size_to_write(r));
}

int operate_push_wait(struct run *r)
{
	static const char bytes[FUZZ_LONG];

	return agora_object_push_wait(
		r->object, bytes, size_to_write(r), &past);
}

int operate_push_batch(struct run *r)
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

int operate_reserve(struct run *r)
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

/* ---- heaps, beside what they have of queues ---- */

/* Of a relaxed heap there is no order to follow. */
static int do_tap_heap(struct run *r)
{
	int result = operate_tap(r);

	return result == -EOPNOTSUPP ? 0 : result;
}

static int do_push_priority(struct run *r)
{
	static const char bytes[FUZZ_LONG];
	static const uint64_t priorities[] = {0, 5, 1 << 20, UINT64_MAX};

	return agora_object_push_priority(r->object,
		priorities[(r->first + r->turn) % 4], bytes, size_to_write(r));
}

static const struct operation rows[] = {
	{"snapshot", &kind_queue, false, do_snapshot},
	{"peek", &kind_queue, false, do_peek},
	{"walk", &kind_queue, false, operate_walk},
	{"tap", &kind_queue, false, operate_tap},
	{"acquire", &kind_queue, true, do_acquire},
	{"push", &kind_queue, true, operate_push},
	{"acquire", &kind_queue, true, do_acquire},
	{"restore", &kind_queue, true, do_restore},
	{"pop", &kind_queue, true, do_pop},
	{"push_batch", &kind_queue, true, operate_push_batch},
	{"pop_batch", &kind_queue, true, do_pop_batch},
	{"reserve", &kind_queue, true, operate_reserve},
	{"push", &kind_queue, true, operate_push},
	{"pop_wait", &kind_queue, true, do_pop_wait},
	{"release", &kind_queue, true, do_release},
	{"push_batch", &kind_queue, true, operate_push_batch},
	{"push_wait", &kind_queue, true, operate_push_wait},
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
	{"push_batch", &kind_heap, true, operate_push_batch},
	{"pop_batch", &kind_heap, true, do_pop_batch},
	{"push_priority", &kind_heap, true, do_push_priority},
	{"pop_wait", &kind_heap, true, do_pop_wait},
	{"release", &kind_heap, true, do_release},
	{"push_batch", &kind_heap, true, operate_push_batch},
	{"push_wait", &kind_heap, true, operate_push_wait},
	{"pop", &kind_heap, true, do_pop},
	{"acquire", &kind_heap, true, do_acquire},
};

const struct operations operate_queues = OPERATIONS(rows);
