/*
 * agora_batch.h - rows of messages through agora's queues.
 */
#ifndef BENCH_AGORA_BATCH_H
#define BENCH_AGORA_BATCH_H

#include "agora_ring.h"

/*
 * The pieces of the row in memory: made once, as a program would. count
 * messages are the last of the row.
 */
BENCH_INLINE struct iovec *agora_batch_pieces(
	void *messages, size_t size, size_t count)
{
	static struct iovec pieces[RING_BATCH];
	char *first = (char *)messages - (RING_BATCH - count) * size;

	if (pieces[0].iov_base != first) {
		for (size_t i = 0; i < RING_BATCH; i++) {
			pieces[i].iov_base = first + i * size;
			pieces[i].iov_len = size;
		}
	}
	return pieces + RING_BATCH - count;
}

BENCH_INLINE struct agora_buffer *agora_batch_buffers(
	void *messages, size_t size)
{
	static struct agora_buffer buffers[RING_BATCH];

	if (buffers[0].data != messages) {
		for (size_t i = 0; i < RING_BATCH; i++) {
			buffers[i].data = (char *)messages + i * size;
			buffers[i].capacity = size;
		}
	}
	return buffers;
}

BENCH_INLINE size_t agora_batch_push(
	void *q, void *messages, size_t size, size_t count)
{
	int result = agora_queue_push_batch((struct agora_queue *)q,
		agora_batch_pieces(messages, size, count), count);

	return agora_ring_done(result) ? (size_t)result : 0;
}

BENCH_INLINE size_t agora_batch_pop(
	void *q, void *messages, size_t size, size_t count)
{
	int result = agora_queue_pop_batch((struct agora_queue *)q,
		agora_batch_buffers(messages, size), count);

	return agora_ring_done(result) ? (size_t)result : 0;
}

#endif
