/* watching.h - what the drivers of the watch share. */
#ifndef TESTS_LIB_WATCHING_H
#define TESTS_LIB_WATCHING_H

#include "programs.h"

static struct agora_watch *watch;

/* A minute: only a failing test waits that long. */
__attribute__((unused)) static struct timespec soon(void)
{
	return agora_deadline(60000000000);
}

__attribute__((unused)) static void start(const char *program)
{
	CHECK_OK(agora_watch_open(space, program, &watch));
}

/* Tell that nothing has happened, and end. */
__attribute__((unused)) static void stop(void)
{
	struct agora_event event;

	event.type = 0;
	if (agora_watch_next(watch, &event) != -EAGAIN)
		driver_fail("unexpected: %s %s %s",
			agora_event_name(event.type), event.program,
			event.object);
	agora_watch_close(watch);
}

__attribute__((unused)) static struct agora_event take(void)
{
	struct timespec deadline = soon();
	struct agora_event event;

	CHECK_OK(agora_watch_next_wait(watch, &deadline, &event));
	return event;
}

__attribute__((unused)) static void expect(int line, enum agora_event_type type,
	const char *program, const char *object)
{
	struct agora_event event = take();

	if (event.type == type && !strcmp(event.program, program) &&
		!strcmp(event.object, object))
		return;
	driver_fail("line %d: %s %s %s, not %s %s %s", line,
		agora_event_name(event.type), event.program, event.object,
		agora_event_name(type), program, object);
}

#define EXPECT(type, program, object) expect(__LINE__, type, program, object)

__attribute__((unused)) static int fd_of_space(void)
{
	return agora_space_fd(space);
}

__attribute__((unused)) static void touch(const char *path)
{
	int fd = openat(fd_of_space(), path,
		O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	CHECK_SYS(fd);
	close(fd);
}

__attribute__((unused)) static void remove_file(const char *path)
{
	CHECK_SYS(unlinkat(fd_of_space(), path, 0));
}

__attribute__((unused)) static void move(const char *from, const char *to)
{
	CHECK_SYS(renameat(fd_of_space(), from, fd_of_space(), to));
}

#endif
