/*
 * threads.h - clients that are threads of one process, for ThreadSanitizer.
 *
 * It knows memory by its address, and each handle maps its segment anew: two
 * threads that meet in one block would do so at two addresses. So mmap is
 * wrapped (-Wl,--wrap): the handles of one segment share one mapping.
 *
 * What the library promises about order is watched through notes: plain
 * memory, written before the number of the note is handed over, read after
 * it was received. An ordering that is too weak is a race on the note.
 */
#ifndef TESTS_RACE_THREADS_H
#define TESTS_RACE_THREADS_H

#include "driver.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

/* ---- one mapping for all handles of a segment ---- */

struct mapping {
	dev_t device;
	ino_t inode;
	void *base;
	size_t size;
	int users;
};

static pthread_mutex_t mappings_lock = PTHREAD_MUTEX_INITIALIZER;
static struct mapping mappings[8];

void *__real_mmap64(void *where, size_t size, int protection, int flags, int fd,
	off_t offset);
int __real_munmap(void *base, size_t size);
void *__wrap_mmap64(void *where, size_t size, int protection, int flags, int fd,
	off_t offset);
int __wrap_munmap(void *base, size_t size);

/* The place of a mapping that is there, or of a new one. */
static struct mapping *find_mapping(const struct stat *st, size_t size)
{
	struct mapping *unused = NULL;

	for (int i = 0; i < 8; i++) {
		struct mapping *m = &mappings[i];

		if (!m->users)
			unused = m;
		else if (m->device == st->st_dev && m->inode == st->st_ino &&
			 m->size == size)
			return m;
	}
	CHECK(unused);
	*unused = (struct mapping){st->st_dev, st->st_ino, NULL, size, 0};
	return unused;
}

void *__wrap_mmap64(void *where, size_t size, int protection, int flags, int fd,
	off_t offset)
{
	struct mapping *m;
	struct stat st;
	void *base;

	if (!(flags & MAP_SHARED) || fd < 0)
		return __real_mmap64(
			where, size, protection, flags, fd, offset);
	CHECK_SYS(fstat(fd, &st));
	pthread_mutex_lock(&mappings_lock);
	m = find_mapping(&st, size);
	if (!m->users)
		m->base = __real_mmap64(
			where, size, protection, flags, fd, offset);
	base = m->base;
	if (base != MAP_FAILED)
		m->users++;
	pthread_mutex_unlock(&mappings_lock);
	return base;
}

int __wrap_munmap(void *base, size_t size)
{
	int result = 0;
	bool last = true;

	pthread_mutex_lock(&mappings_lock);
	for (int i = 0; i < 8; i++)
		if (mappings[i].users && mappings[i].base == base)
			last = --mappings[i].users == 0;
	if (last)
		result = __real_munmap(base, size);
	pthread_mutex_unlock(&mappings_lock);
	return result;
}

/* ---- notes ---- */

#define THREADS 4
#define IDS     6000 /* of one thread */
#define NOTES   (THREADS * IDS)
#define LARGEST 6000

struct note {
	uint64_t word[2];
};

static struct note notes[NOTES];

static void write_note(uint32_t id)
{
	notes[id] = (struct note){{id * UINT64_C(0x9e3779b97f4a7c15), ~id}};
}

static void read_note(uint32_t id)
{
	CHECK(id < NOTES);
	CHECK(notes[id].word[0] == id * UINT64_C(0x9e3779b97f4a7c15));
	CHECK(notes[id].word[1] == ~id);
}

/* ---- bytes that follow from a number ---- */

static size_t size_of(uint32_t id)
{
	static const size_t sizes[] = {8, 8, 40, 224, 225, 700, LARGEST};

	return sizes[id % 7];
}

static void fill(unsigned char *data, uint32_t id, size_t size)
{
	memset(data, (int)(id * 31 % 251), size);
	memcpy(data, &id, sizeof(id));
}

/* The number behind bytes that were received, which must be whole. */
static uint32_t id_of(const unsigned char *data, size_t size)
{
	unsigned char expected[LARGEST];
	uint32_t id;

	memcpy(&id, data, sizeof(id));
	fill(expected, id, size);
	CHECK(!memcmp(expected, data, size));
	read_note(id);
	return id;
}

/* ---- threads ---- */

/* One of them. They hand nothing to each other but through agora. */
struct worker {
	int number;
	uint32_t random;
	uint32_t next; /* its next note */
	void *handle;
	void *reader; /* opened with AGORA_READ */
	unsigned char data[LARGEST];
};

static uint32_t draw(struct worker *w, uint32_t below)
{
	w->random = w->random * 1664525 + 1013904223;
	return (w->random >> 8) % below;
}

static void run_threads(void *(*run)(void *worker), struct worker *workers)
{
	pthread_t thread[THREADS];

	for (int i = 0; i < THREADS; i++) {
		workers[i].number = i;
		workers[i].random = (uint32_t)i + 1;
		workers[i].next = (uint32_t)i * IDS;
	}
	for (int i = 0; i < THREADS; i++)
		CHECK(!pthread_create(&thread[i], NULL, run, &workers[i]));
	for (int i = 0; i < THREADS; i++)
		CHECK(!pthread_join(thread[i], NULL));
}

#endif
