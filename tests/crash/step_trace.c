/*
 * step_trace.c - processes that are led, and segments that are turned back:
 * see step_trace.h.
 */
#include "step_trace.h"

#include "step.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

void *map_zeroes(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		fail("mmap", (long)size, errno);
	return memory;
}

struct file file_open(const char *path)
{
	struct file f = {.fd = open(path, O_RDWR | O_CLOEXEC)};
	struct stat st;

	check(f.fd, "open the segment's file");
	check(fstat(f.fd, &st), "fstat");
	f.size = (size_t)st.st_size;
	f.live =
		mmap(NULL, f.size, PROT_READ | PROT_WRITE, MAP_SHARED, f.fd, 0);
	if (f.live == MAP_FAILED)
		fail("map the segment's file", (long)f.size, errno);
	return f;
}

/* Copy what a file has memory for; the rest of an image is zero. */
static void copy_pages(int fd, char *to, const char *from)
{
	off_t start = 0;

	while ((start = lseek(fd, start, SEEK_DATA)) >= 0) {
		off_t end = lseek(fd, start, SEEK_HOLE);

		memcpy(to + start, from + start, (size_t)(end - start));
		start = end;
	}
}

char *file_save(const struct file *f)
{
	char *image = map_zeroes(f->size);

	copy_pages(f->fd, image, f->live);
	return image;
}

void file_restore(const struct file *f, const char *image)
{
	copy_pages(f->fd, f->live, image);
}

void file_copy(const struct file *to, const struct file *from)
{
	copy_pages(from->fd, to->live, from->live);
	copy_pages(to->fd, to->live, from->live);
}

void victim_ready(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
}

void victim_await(pid_t pid)
{
	int status;

	check(pid, "fork");
	check(waitpid(pid, &status, 0), "waitpid");
	if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGSTOP)
		fail("the victim did not get ready", status, 0);
}

bool victim_step(pid_t pid, long count)
{
	while (count-- > 0) {
		int status;

		check(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), "step");
		check(waitpid(pid, &status, 0), "waitpid");
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
			return false;
		if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP)
			fail("the victim failed", status, 0);
	}
	return true;
}

void victim_kill(pid_t pid)
{
	int status;

	check(kill(pid, SIGKILL), "kill");
	check(waitpid(pid, &status, 0), "waitpid");
}
