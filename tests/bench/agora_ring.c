/*
 * agora_ring.c - agora's queues as rings: making and opening.
 */
#include "agora_ring.h"

/* A queue that was made, before the workers that open it are there. */
struct made {
	char path[64];
};

struct agora_space *agora_bench_space(void)
{
	static struct agora_space *space;
	int error;

	if (space)
		return space;
	error = agora_space_open(bench_dir(), &space);
	if (!error)
		error = agora_program_create(space, "bench", NULL);
	if (error)
		bench_fail("space: %s", agora_strerror(error));
	return space;
}

void *agora_ring_create(size_t size, size_t depth, uint32_t flags)
{
	struct agora_options options = {.capacity = depth,
		.message_size = size,
		.flags = flags,
		.clients = 64};
	struct made *made = bench_shared(sizeof(*made));
	static unsigned count;
	int error;

	snprintf(made->path, sizeof(made->path), "bench/q%u.queue", count++);
	error = agora_object_create(agora_bench_space(), made->path, &options);
	if (error)
		bench_fail("%s: %s", made->path, agora_strerror(error));
	return made;
}

void *agora_ring_open(void *path, size_t size)
{
	struct made *made = path;
	struct agora_queue *queue;
	int error = agora_queue_open(
		agora_bench_space(), made->path, AGORA_WRITE, NULL, &queue);

	(void)size;
	if (error)
		bench_fail("%s: %s", made->path, agora_strerror(error));
	return queue;
}

unsigned agora_ring_leaked(void *queue)
{
	struct agora_object *object = agora_queue_object(queue);
	struct agora_check report;

	agora_object_check(object, 1, &report);
	if (agora_object_check(object, 0, &report))
		return (unsigned)(report.unreachable + report.orphans +
				  report.damaged);
	return (unsigned)(report.blocks - report.free);
}
