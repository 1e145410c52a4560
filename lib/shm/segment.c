/*
 * segment.c - one object's memory: see segment.h.
 *
 * Creation. The file has no name while it is made (O_TMPFILE); linkat gives
 * it one, or says that somebody else was first. Killed before linkat, the
 * kernel frees the file; killed after it, the object is complete. No lock,
 * and nothing half-made is ever seen.
 */
#include "shm/segment.h"

#include "base/crash.h"
#include "base/futex.h"
#include "base/hash.h"
#include "shm/bell.h"
#include "shm/client.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Linux 6.1 */
#endif

static uint64_t checksum(const struct header_shm *header)
{
	return hash_bytes(header, offsetof(struct header_shm, checksum), 0);
}

uint64_t layout_add(struct layout *layout, uint64_t size, uint64_t align)
{
	uint64_t offset = num_round_up(layout->size, align);

	layout->size = offset + size;
	return offset;
}

void layout_start(struct layout *layout, const struct params_shm *params)
{
	*layout = (struct layout){.size = OFFSET_CLIENTS};
	layout_add(layout, (params->clients + 1) * sizeof(struct client_shm),
		PAGE);
	layout->size = num_round_up(layout->size, PAGE);
}

static int lay_out(const struct segment_kind *kind,
	const struct params_shm *params, struct layout *ret_layout)
{
	size_t type = strnlen(params->type, sizeof(params->type));

	if (params->clients < 1 || params->clients > CLIENTS_MAX)
		return -EINVAL;
	if (type == sizeof(params->type) || agora_type_parse(params->type))
		return -EINVAL;
	layout_start(ret_layout, params);
	return kind->layout(params, ret_layout);
}

int segment_commit(struct segment *segment, uint64_t offset, uint64_t size)
{
	if (offset > segment->header.size ||
		size > segment->header.size - offset)
		return -EUCLEAN;
	while (size && fallocate(segment->fd, FALLOC_FL_KEEP_SIZE,
			       (off_t)offset, (off_t)size)) {
		if (errno != EINTR)
			return -errno;
	}
	return 0;
}

uint64_t segment_memory(const struct segment *segment)
{
	struct stat st;

	return fstat(segment->fd, &st) ? 0 : (uint64_t)st.st_blocks * 512;
}

/* ---- create ---- */

static int write_header(struct segment *segment)
{
	ssize_t written = pwrite(
		segment->fd, &segment->header, sizeof(segment->header), 0);

	if (written < 0)
		return -errno;
	return written == sizeof(segment->header) ? 0 : -ENOSPC;
}

/* Reserve addresses that begin, as the file does, on a huge page. */
static void *reserve_huge(uint64_t size)
{
	char *start = mmap(NULL, size + HUGE_PAGE, PROT_NONE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *base = (char *)num_round_up((uintptr_t)start, HUGE_PAGE);

	if (start == MAP_FAILED)
		return MAP_FAILED;
	if (base > start)
		munmap(start, (size_t)(base - start));
	munmap(base + size, (size_t)(start + HUGE_PAGE - base));
	return base;
}

static int map(struct segment *segment, int fd, int protection)
{
	uint64_t size = num_round_up(segment->header.size, PAGE);
	void *hint = size < 2 * HUGE_PAGE ? NULL : reserve_huge(size);
	void *base;

	if (hint == MAP_FAILED)
		return -errno;
	base = mmap(hint, segment->header.size, protection,
		MAP_SHARED | MAP_NORESERVE | (hint ? MAP_FIXED : 0), fd, 0);
	if (base == MAP_FAILED)
		return -errno;
	segment->base = base;
	segment->roots = (struct roots_shm *)(segment->base + OFFSET_ROOTS);
	return 0;
}

void segment_collapse(
	struct segment *segment, uint64_t offset, uint64_t from, uint64_t to)
{
	/* The first huge page that was not whole before. */
	uint64_t start = num_round_up(
		num_max(offset, from & ~(uint64_t)(HUGE_PAGE - 1)), HUGE_PAGE);
	uint64_t end = to & ~(uint64_t)(HUGE_PAGE - 1);

	if (start < end && end <= segment->header.size)
		madvise(segment->base + start, end - start, MADV_COLLAPSE);
}

/* Allocate and fill a file that nobody else can see yet. */
static int prepare(struct segment *segment)
{
	int error;

	if (ftruncate(segment->fd, (off_t)segment->header.size))
		return -errno;
	error = segment_commit(segment, 0, OFFSET_CLIENTS);
	if (!error)
		error = segment_commit(segment, segment->layout.array,
			segment->layout.array_committed);
	if (error)
		return error;
	crash_point(create_allocated);
	error = write_header(segment);
	if (error || !segment->kind->format)
		return error;
	error = map(segment, segment->fd, PROT_READ | PROT_WRITE);
	if (error)
		return error;
	segment->kind->format(segment);
	crash_point(create_formatted);
	munmap(segment->base, segment->header.size);
	return 0;
}

static int name_it(int fd, int directory, const char *name)
{
	char self[32];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	crash_point(create_unnamed);
	if (linkat(AT_FDCWD, self, directory, name, AT_SYMLINK_FOLLOW))
		return -errno;
	crash_point(create_named);
	return 0;
}

static int unnamed_file(int directory, mode_t mode)
{
	int fd = openat(directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC,
		mode ? mode : 0660);

	if (fd < 0)
		return -errno;
	if (mode && fchmod(fd, mode & 07777)) {
		close(fd);
		return -EPERM;
	}
	return fd;
}

static int fill_header(struct header_shm *header, const struct segment *segment,
	const struct params_shm *params)
{
	*header = (struct header_shm){.magic = FORMAT_MAGIC,
		.format = FORMAT_VERSION,
		.kind = segment->kind->id,
		.size = segment->layout.size,
		.created = time_real(),
		.params = *params};
	if (getrandom(&header->seed, sizeof(header->seed), 0) < 0)
		return -errno;
	header->checksum = checksum(header);
	return 0;
}

int segment_create(int directory, const char *name,
	const struct segment_kind *kind, const struct params_shm *params,
	mode_t mode)
{
	struct segment segment = {.kind = kind, .fd = -1};
	int error = lay_out(kind, params, &segment.layout);

	if (error)
		return error;
	error = fill_header(&segment.header, &segment, params);
	if (error)
		return error;
	segment.fd = unnamed_file(directory, mode);
	if (segment.fd < 0)
		return segment.fd;
	error = prepare(&segment);
	if (!error)
		error = name_it(segment.fd, directory, name);
	close(segment.fd);
	return error;
}

/* ---- open ---- */

/* The order of the checks is that of what a user can do about them. */
static int check_header(struct segment *segment, uint64_t file_size)
{
	const struct header_shm *header = &segment->header;

	if (header->magic != FORMAT_MAGIC)
		return -EUCLEAN;
	if (header->format != FORMAT_VERSION)
		return -EPROTO;
	if (header->checksum != checksum(header) || header->size != file_size)
		return -EUCLEAN;
	if (header->kind != segment->kind->id)
		return -EPROTOTYPE;
	if (lay_out(segment->kind, &header->params, &segment->layout) ||
		segment->layout.size != header->size)
		return -EUCLEAN;
	return 0;
}

static int read_header(struct segment *segment)
{
	struct stat st;
	ssize_t got;

	if (fstat(segment->fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EUCLEAN;
	got = pread(segment->fd, &segment->header, sizeof(segment->header), 0);
	if (got < 0)
		return -errno;
	if (got != sizeof(segment->header))
		return -EUCLEAN;
	return check_header(segment, (uint64_t)st.st_size);
}

static int open_file(int directory, const char *name, bool writable)
{
	int fd = openat(directory, name,
		(writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW |
			O_NONBLOCK | O_NOCTTY);

	if (fd >= 0)
		return fd;
	return errno == ELOOP || errno == EISDIR ? -EUCLEAN : -errno;
}

/*
 * Map through a description of its own: a mapping keeps its description
 * alive, and with it the locks, in every process that inherits the mapping.
 */
static int map_again(
	struct segment *segment, int directory, const char *name, bool writable)
{
	int protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
	int fd = open_file(directory, name, writable);
	struct stat first, second;
	int error;

	if (fd < 0)
		return fd;
	if (fstat(segment->fd, &first) || fstat(fd, &second))
		error = -errno;
	else if (first.st_ino != second.st_ino || first.st_dev != second.st_dev)
		error = -ENOENT; /* removed or renamed in between */
	else
		error = map(segment, fd, protection);
	close(fd);
	return error;
}

static int open_guarded(
	struct segment *segment, int directory, const char *name, bool writable)
{
	int error;

	segment->fd = open_file(directory, name, writable);
	if (segment->fd < 0)
		return segment->fd;
	error = read_header(segment);
	if (error)
		goto close_file;
	error = map_again(segment, directory, name, writable);
	if (error)
		goto close_file;
	error = guard_add(segment->base, segment->header.size, segment->fd,
		&segment->broken, &segment->guard);
	if (error)
		goto unmap;
	pthread_mutex_init(&segment->control, NULL);
	return 0;
unmap:
	munmap(segment->base, segment->header.size);
	segment->base = NULL;
close_file:
	close(segment->fd);
	return error;
}

int segment_open(struct segment *segment, int directory, const char *name,
	const struct segment_kind *kind, bool writable)
{
	int error = guard_start(&segment->generation);

	if (error)
		return error;
	segment->kind = kind;
	guard_enter();
	error = open_guarded(segment, directory, name, writable);
	guard_leave();
	return error;
}

void segment_close(struct segment *segment)
{
	bool inherited;

	if (!segment->base)
		return;
	inherited = guard_inherited(segment->generation);
	if (!inherited)
		client_detach(segment);
	guard_remove(segment->guard);
	bell_close(segment, inherited);
	munmap(segment->base, segment->header.size);
	/* In a child the fork handler closed it; the number may be reused. */
	if (!inherited)
		close(segment->fd);
	pthread_mutex_destroy(&segment->control);
	segment->base = NULL;
}
