/*
 * queue_batch.c - several messages in one call.
 */
#include "data/queue_ring.h"

#include <limits.h>

int queue_push_batch(void *handle, const struct iovec *messages, size_t count)
{
	int error = 0;
	size_t i;

	for (i = 0; i < num_min(count, INT_MAX) && !error; i++)
		error = queue_push(
			handle, messages[i].iov_base, messages[i].iov_len);
	return error && i == 1 ? error : (int)(i - (error != 0));
}

int queue_pop_batch(void *handle, struct agora_buffer *messages, size_t count)
{
	int error = 0;
	size_t i;

	for (i = 0; i < num_min(count, INT_MAX) && !error; i++)
		error = queue_pop(handle, &messages[i]);
	return error && i == 1 ? error : (int)(i - (error != 0));
}
