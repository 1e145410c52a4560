/*
 * boost_mq.cc - Boost.Interprocess message_queue.
 */
#include "attach.h"
#include "ring.h"

#include <boost/interprocess/ipc/message_queue.hpp>

#include <string>
#include <unistd.h>

namespace
{

namespace ipc = boost::interprocess;
using Queue = ipc::message_queue;

/* Its name is gone at once: the workers inherit the mapping. */
void *create(size_t size, size_t depth)
{
	static int count;
	std::string name = "agora-bench-" + std::to_string(getpid()) + "-" +
			   std::to_string(count++);
	Queue *queue = new Queue(ipc::create_only, name.c_str(), depth, size);

	Queue::remove(name.c_str());
	return queue;
}

BENCH_INLINE bool push(void *queue, const void *message, size_t size)
{
	return static_cast<Queue *>(queue)->try_send(message, size, 0);
}

BENCH_INLINE bool pop(void *queue, void *message, size_t size)
{
	Queue::size_type got;
	unsigned priority;

	return static_cast<Queue *>(queue)->try_receive(
		message, size, got, priority);
}

BENCH_INLINE bool push_wait(void *queue, const void *message, size_t size)
{
	static_cast<Queue *>(queue)->send(message, size, 0);
	return true;
}

BENCH_INLINE bool pop_wait(void *queue, void *message, size_t size)
{
	Queue::size_type got;
	unsigned priority;

	static_cast<Queue *>(queue)->receive(message, size, got, priority);
	return true;
}

constexpr ring_ops operations()
{
	ring_ops ops = {};

	ops.row = "Boost message_queue";
	ops.killed = true;
	ops.create = create;
	ops.push = push;
	ops.pop = pop;
	ops.push_wait = push_wait;
	ops.pop_wait = pop_wait;
	return ops;
}

constexpr ring_ops boost_mq = operations();
RING(boost_mq)

const char *name()
{
	static std::string kept = "agora-bench-" + std::to_string(getpid());

	return kept.c_str();
}

void remove_queue()
{
	Queue::remove(name());
}

void create_named()
{
	delete new Queue(ipc::create_only, name(), 1024, 64);
	atexit(remove_queue);
}

void *open_named()
{
	return new Queue(ipc::open_only, name());
}

void close_named(void *queue)
{
	delete static_cast<Queue *>(queue);
}

BENCH_SETUP(attach)
{
	static const attach_ops ops = {
		"Boost message_queue", create_named, open_named, close_named};

	attach_add(&ops);
}

} // namespace
