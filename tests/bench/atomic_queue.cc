/*
 * atomic_queue.cc - Maxim Egorushkin's atomic_queue, in memory that processes
 * share: the one for atomic elements at 8 bytes, the other for larger ones.
 */
#include "ring.h"

#include <atomic_queue/atomic_queue.h>

#include <new>
#include <type_traits>

namespace
{

template <size_t SIZE> struct Message {
	char bytes[SIZE];
};

template <size_t SIZE, bool SPSC> struct Kind {
	static constexpr unsigned depth = SIZE > 4096 ? 64 : 1024;
	using small = atomic_queue::AtomicQueue<uint64_t, depth, 0, true, true,
		false, SPSC>;
	using large = atomic_queue::AtomicQueue2<Message<SIZE>, depth, true,
		true, false, SPSC>;
	using type = std::conditional_t<SIZE == 8, small, large>;
	using element = std::conditional_t<SIZE == 8, uint64_t, Message<SIZE>>;
};

template <size_t SIZE, bool SPSC> void *make()
{
	using Queue = typename Kind<SIZE, SPSC>::type;

	return new (bench_shared(sizeof(Queue))) Queue;
}

template <bool SPSC> void *create(size_t size, size_t)
{
	switch (size) {
	case 8:
		return make<8, SPSC>();
	case 64:
		return make<64, SPSC>();
	case 1024:
		return make<1024, SPSC>();
	default:
		return make<65536, SPSC>();
	}
}

template <size_t SIZE, bool SPSC>
__attribute__((always_inline)) inline bool push_one(
	void *queue, const void *message)
{
	using Element = typename Kind<SIZE, SPSC>::element;

	return static_cast<typename Kind<SIZE, SPSC>::type *>(queue)->try_push(
		*static_cast<const Element *>(message));
}

template <size_t SIZE, bool SPSC>
__attribute__((always_inline)) inline bool pop_one(void *queue, void *message)
{
	using Element = typename Kind<SIZE, SPSC>::element;

	return static_cast<typename Kind<SIZE, SPSC>::type *>(queue)->try_pop(
		*static_cast<Element *>(message));
}

template <bool SPSC>
__attribute__((always_inline)) inline bool push(
	void *queue, const void *message, size_t size)
{
	return size == 8      ? push_one<8, SPSC>(queue, message)
	       : size == 64   ? push_one<64, SPSC>(queue, message)
	       : size == 1024 ? push_one<1024, SPSC>(queue, message)
			      : push_one<65536, SPSC>(queue, message);
}

template <bool SPSC>
__attribute__((always_inline)) inline bool pop(
	void *queue, void *message, size_t size)
{
	return size == 8      ? pop_one<8, SPSC>(queue, message)
	       : size == 64   ? pop_one<64, SPSC>(queue, message)
	       : size == 1024 ? pop_one<1024, SPSC>(queue, message)
			      : pop_one<65536, SPSC>(queue, message);
}

template <bool SPSC> constexpr ring_ops operations(const char *row)
{
	ring_ops ops = {};

	ops.row = row;
	ops.spsc = SPSC;
	ops.unordered = !SPSC;
	ops.killed = !SPSC;
	ops.create = create<SPSC>;
	ops.push = push<SPSC>;
	ops.pop = pop<SPSC>;
	return ops;
}

constexpr ring_ops spsc = operations<true>("atomic_queue SPSC");
RING(spsc)

constexpr ring_ops mpmc = operations<false>("atomic_queue MPMC");
RING(mpmc)

} // namespace
