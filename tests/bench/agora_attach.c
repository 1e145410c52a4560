/*
 * agora_attach.c - opening agora's objects, and a file mapped by hand.
 */
#include "agora_ring.h"
#include "attach.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char queue_path[] = "bench/a.queue";
static const char table_path[] = "bench/a.table";

static void create(const char *path)
{
	int error = agora_object_create(agora_bench_space(), path, NULL);

	if (error)
		bench_fail("%s: %s", path, agora_strerror(error));
}

static void *opened(const char *path, uint32_t flags)
{
	struct agora_object *object;
	int error = agora_object_open(
		agora_bench_space(), path, flags, NULL, &object);

	if (error)
		bench_fail("%s: %s", path, agora_strerror(error));
	return object;
}

static void close_object(void *object)
{
	agora_object_close(object);
}

static void create_queue(void)
{
	create(queue_path);
}

static void *open_queue(void)
{
	return opened(queue_path, AGORA_WRITE);
}

static void *look_queue(void)
{
	return opened(queue_path, AGORA_READ);
}

static void create_table(void)
{
	create(table_path);
}

static void *open_table(void)
{
	return opened(table_path, AGORA_WRITE);
}

#define MAPPED (1u << 20)

static const char *file(void)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/file", bench_dir());
	return path;
}

static void create_file(void)
{
	int fd = open(file(), O_RDWR | O_CREAT, 0600);

	if (fd < 0 || posix_fallocate(fd, 0, MAPPED))
		bench_fail("no file");
	close(fd);
}

/* As shm_open does, on the same file system. */
static void *open_file(void)
{
	struct stat st;
	int fd = open(file(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	volatile char *memory;

	if (fd < 0 || fstat(fd, &st) < 0)
		bench_fail("no file");
	memory = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE,
		MAP_SHARED, fd, 0);
	close(fd);
	memory[0]++;
	return (void *)(uintptr_t)memory;
}

static void close_file(void *memory)
{
	munmap(memory, MAPPED);
}

BENCH_SETUP(attach)
{
	static const struct attach_ops all[] = {
		{"agora queue", create_queue, open_queue, close_object},
		{"agora queue, only to look", create_queue, look_queue,
			close_object},
		{"agora table", create_table, open_table, close_object},
		{"shm_open and mmap", create_file, open_file, close_file},
	};

	for (unsigned i = 0; i < sizeof(all) / sizeof(*all); i++)
		attach_add(&all[i]);
}
