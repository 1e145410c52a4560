/*
 * tbb.cc - oneTBB's concurrent_bounded_queue, between threads.
 */
#include "ring.h"

#include <tbb/concurrent_queue.h>

namespace
{

template <size_t SIZE> struct Message {
	char bytes[SIZE];
};

template <size_t SIZE>
using Queue = tbb::concurrent_bounded_queue<Message<SIZE>>;

template <size_t SIZE> void *make(size_t depth)
{
	Queue<SIZE> *queue = new Queue<SIZE>;

	queue->set_capacity(static_cast<ptrdiff_t>(depth));
	return queue;
}

void *create(size_t size, size_t depth)
{
	switch (size) {
	case 8:
		return make<8>(depth);
	case 64:
		return make<64>(depth);
	case 1024:
		return make<1024>(depth);
	default:
		return make<65536>(depth);
	}
}

template <size_t SIZE>
__attribute__((always_inline)) inline bool push_one(
	void *queue, const void *message)
{
	return static_cast<Queue<SIZE> *>(queue)->try_push(
		*static_cast<const Message<SIZE> *>(message));
}

template <size_t SIZE>
__attribute__((always_inline)) inline bool pop_one(void *queue, void *message)
{
	return static_cast<Queue<SIZE> *>(queue)->try_pop(
		*static_cast<Message<SIZE> *>(message));
}

BENCH_INLINE bool push(void *queue, const void *message, size_t size)
{
	return size == 8      ? push_one<8>(queue, message)
	       : size == 64   ? push_one<64>(queue, message)
	       : size == 1024 ? push_one<1024>(queue, message)
			      : push_one<65536>(queue, message);
}

BENCH_INLINE bool pop(void *queue, void *message, size_t size)
{
	return size == 8      ? pop_one<8>(queue, message)
	       : size == 64   ? pop_one<64>(queue, message)
	       : size == 1024 ? pop_one<1024>(queue, message)
			      : pop_one<65536>(queue, message);
}

constexpr ring_ops operations()
{
	ring_ops ops = {};

	ops.row = "oneTBB queue (threads)";
	ops.threads = true;
	ops.create = create;
	ops.push = push;
	ops.pop = pop;
	return ops;
}

constexpr ring_ops queue = operations();
RING(queue)

} // namespace
