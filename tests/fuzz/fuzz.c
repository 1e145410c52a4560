/*
 * fuzz.c - run inputs: for libFuzzer, and what it wraps.
 *
 * Mappings of segments get pages before and behind them that nobody may
 * touch: the sanitizers know nothing of mappings. What is random is not, so
 * that an input does the same each time.
 */
#include "fuzz.h"

#include "base/crash.h"

#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#define FENCE ((size_t)16 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* ---- what is wrapped: see the linker's --wrap ---- */

void *__real_mmap(void *address, size_t size, int protection, int flags, int fd,
	off_t offset);
int __real_munmap(void *address, size_t size);
void *__wrap_mmap(void *address, size_t size, int protection, int flags, int fd,
	off_t offset);
int __wrap_munmap(void *address, size_t size);
ssize_t __wrap_getrandom(void *data, size_t size, unsigned flags);

static char *fenced[64]; /* mappings of segments */

void *__wrap_mmap(void *address, size_t size, int protection, int flags, int fd,
	off_t offset)
{
	char *room, *base;
	int i = 0;

	if (address || fd < 0 || !(flags & MAP_SHARED))
		return __real_mmap(
			address, size, protection, flags, fd, offset);
	while (fenced[i])
		i++;
	room = __real_mmap(NULL, size + 2 * FENCE, PROT_NONE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (room == MAP_FAILED)
		return room;
	base = __real_mmap(
		room + FENCE, size, protection, flags | MAP_FIXED, fd, offset);
	if (base == MAP_FAILED)
		__real_munmap(room, size + 2 * FENCE);
	else
		fenced[i] = base;
	return base;
}

int __wrap_munmap(void *address, size_t size)
{
	for (size_t i = 0; i < sizeof(fenced) / sizeof(*fenced); i++) {
		if (fenced[i] != address)
			continue;
		fenced[i] = NULL;
		return __real_munmap((char *)address - FENCE, size + 2 * FENCE);
	}
	return __real_munmap(address, size);
}

ssize_t __wrap_getrandom(void *data, size_t size, unsigned flags)
{
	(void)flags;
	memset(data, 0x5a, size);
	return (ssize_t)size;
}

/* ---- time ---- */

static struct family *attacked;
static const struct input *input;
static unsigned ticks;

void fuzz_tick(void)
{
	if (attacked)
		change_apply(attacked, input, ++ticks);
}

int crash_signal;

void crash_step(const char *name)
{
	family_step(name);
	fuzz_tick();
}

void fuzz_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}

void fuzz_limit(int seconds)
{
	struct itimerval limit = {.it_value.tv_sec = seconds};

	setitimer(ITIMER_PROF, &limit, NULL);
}

/* ---- the space ---- */

static char space_dir[64];
static pid_t owner;

static int delete (
	const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static void remove_space(void)
{
	if (getpid() == owner)
		nftw(space_dir, delete, 16, FTW_DEPTH | FTW_PHYS);
}

static void make_space(void)
{
	snprintf(space_dir, sizeof(space_dir), "/dev/shm/agora-fuzz-XXXXXX");
	if (!mkdtemp(space_dir))
		fuzz_fail("%s", space_dir);
	owner = getpid();
	atexit(remove_space);
}

void fuzz_start(const char *space)
{
	if (fuzz_space)
		return;
	if (!space)
		make_space();
	if (agora_space_open(space ? space : space_dir, &fuzz_space))
		fuzz_fail("no space");
	family_start();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_start(NULL);
	return 0;
}

/* ---- one input ---- */

struct family *fuzz_prepare(
	const uint8_t *data, size_t size, struct input *ret_input)
{
	struct family *family;

	if (size < INPUT_HEADER)
		return NULL;
	fuzz_start(NULL);
	family = &families[data[0] % family_count];
	*ret_input = (struct input){.bytes = data + INPUT_HEADER,
		.count = (size - INPUT_HEADER) / sizeof(struct change),
		.flags = data[2],
		.first = data[3]};
	/* The last image is the richest. */
	family_restore(family,
		&family->images[family->count - 1 - data[1] % family->count]);
	change_apply(family, ret_input, 0);
	return family;
}

void fuzz_run(const uint8_t *data, size_t size)
{
	struct input in;
	struct family *family = fuzz_prepare(data, size, &in);

	if (!family)
		return;
	ticks = 0;
	input = &in;
	attacked = family;
	operate(family, &in);
	attacked = NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_run(data, size);
	return 0;
}
