/*
 * step_trace.h - stop a process behind any of its instructions; turn a
 * segment back to what it was.
 *
 * A victim is a child that stops itself before its operation and is then
 * led through it, one instruction at a time. A segment's file is saved and
 * restored by copying the pages that were ever touched: while that is done
 * nobody is at work on it.
 */
#ifndef TESTS_CRASH_STEP_TRACE_H
#define TESTS_CRASH_STEP_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct file {
	int fd;
	char *live; /* the file itself */
	size_t size;
};

void *map_zeroes(size_t size);

struct file file_open(const char *path);

/* The rest of an image is zero; to be unmapped. */
char *file_save(const struct file *f);
void file_restore(const struct file *f, const char *image);

/* Make one segment the same as another, of the same geometry. */
void file_copy(const struct file *to, const struct file *from);

/* In the child: wait to be led. */
void victim_ready(void);

/* In the parent: wait until the child is ready. */
void victim_await(pid_t pid);

/* Lead it through count instructions. Returns false when it came to its end. */
bool victim_step(pid_t pid, long count);

void victim_kill(pid_t pid);

#endif
