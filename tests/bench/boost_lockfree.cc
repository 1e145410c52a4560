/*
 * boost_lockfree.cc - Boost's spsc_queue, in memory that processes share.
 */
#include "ring.h"

#include <boost/lockfree/spsc_queue.hpp>

#include <new>

namespace
{

template <size_t SIZE> struct Message {
	char bytes[SIZE];
};

template <size_t SIZE>
using Queue = boost::lockfree::spsc_queue<Message<SIZE>,
	boost::lockfree::capacity<(SIZE > 4096 ? 64 : 1024)>>;

template <size_t SIZE> void *make()
{
	return new (bench_shared(sizeof(Queue<SIZE>))) Queue<SIZE>;
}

void *create(size_t size, size_t)
{
	switch (size) {
	case 8:
		return make<8>();
	case 64:
		return make<64>();
	case 1024:
		return make<1024>();
	default:
		return make<65536>();
	}
}

template <size_t SIZE>
__attribute__((always_inline)) inline size_t push_some(
	void *queue, const void *messages, size_t count)
{
	return static_cast<Queue<SIZE> *>(queue)->push(
		static_cast<const Message<SIZE> *>(messages), count);
}

template <size_t SIZE>
__attribute__((always_inline)) inline size_t pop_some(
	void *queue, void *messages, size_t count)
{
	return static_cast<Queue<SIZE> *>(queue)->pop(
		static_cast<Message<SIZE> *>(messages), count);
}

template <size_t SIZE>
__attribute__((always_inline)) inline bool push_one(
	void *queue, const void *message)
{
	return static_cast<Queue<SIZE> *>(queue)->push(
		*static_cast<const Message<SIZE> *>(message));
}

template <size_t SIZE>
__attribute__((always_inline)) inline bool pop_one(void *queue, void *message)
{
	return static_cast<Queue<SIZE> *>(queue)->pop(
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

BENCH_INLINE size_t push_batch(
	void *queue, void *messages, size_t size, size_t count)
{
	return size == 8      ? push_some<8>(queue, messages, count)
	       : size == 64   ? push_some<64>(queue, messages, count)
	       : size == 1024 ? push_some<1024>(queue, messages, count)
			      : push_some<65536>(queue, messages, count);
}

BENCH_INLINE size_t pop_batch(
	void *queue, void *messages, size_t size, size_t count)
{
	return size == 8      ? pop_some<8>(queue, messages, count)
	       : size == 64   ? pop_some<64>(queue, messages, count)
	       : size == 1024 ? pop_some<1024>(queue, messages, count)
			      : pop_some<65536>(queue, messages, count);
}

constexpr ring_ops operations(const char *row)
{
	ring_ops ops = {};

	ops.row = row;
	ops.spsc = true;
	ops.create = create;
	return ops;
}

constexpr ring_ops one_by_one()
{
	ring_ops ops = operations("boost.lockfree SPSC");

	ops.push = push;
	ops.pop = pop;
	return ops;
}

constexpr ring_ops in_rows()
{
	ring_ops ops = operations("boost.lockfree SPSC, 32 at a time");

	ops.push_batch = push_batch;
	ops.pop_batch = pop_batch;
	return ops;
}

constexpr ring_ops single = one_by_one();
RING(single)

constexpr ring_ops batch = in_rows();
RING(batch)

} // namespace
