/*
 * tbb_heap.cc - oneTBB's concurrent_priority_queue, between threads.
 */
#include "ranked.h"

#include <tbb/concurrent_priority_queue.h>

namespace
{

struct Entry {
	uint64_t priority, message;

	bool operator<(const Entry &other) const
	{
		return priority > other.priority;
	}
};

using Heap = tbb::concurrent_priority_queue<Entry>;

void *create(size_t size)
{
	return new Heap(size + 4096);
}

BENCH_INLINE void push(
	void *heap, const uint64_t *priority, const uint64_t *message, unsigned)
{
	static_cast<Heap *>(heap)->push(Entry{*priority, *message});
}

BENCH_INLINE void pop(
	void *heap, uint64_t *ret_priority, uint64_t *ret_message, unsigned)
{
	Entry entry;

	if (!static_cast<Heap *>(heap)->try_pop(entry))
		bench_fail("pop found nothing");
	*ret_priority = entry.priority;
	*ret_message = entry.message;
}

constexpr ranked_ops operations()
{
	ranked_ops ops = {};

	ops.row = "oneTBB priority queue (threads)";
	ops.threads = true;
	ops.create = create;
	ops.push = push;
	ops.pop = pop;
	return ops;
}

constexpr ranked_ops heap = operations();
RANKED(heap)

} // namespace
