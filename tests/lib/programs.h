/* programs.h - what the drivers that deal with programs share. */
#ifndef TESTS_LIB_PROGRAMS_H
#define TESTS_LIB_PROGRAMS_H

#include "driver.h"

#include <dirent.h>

__attribute__((unused)) static const struct agora_program_options described = {
	.doc = "Readings of all stations",
	.tags = (const char *const[]){"weather", "region=north", NULL},
};

/* Returns as agora_program_info(); pid and alive are -1 on failure. */
__attribute__((unused)) static int look(
	const char *name, pid_t *pid, int *alive)
{
	struct agora_program_info *info;
	int error = agora_program_info(space, name, &info);

	*pid = *alive = -1;
	if (error)
		return error;
	*pid = info->pid;
	*alive = info->alive;
	agora_program_info_free(info);
	return 0;
}

__attribute__((unused)) static bool is_alive(const char *name)
{
	pid_t pid;
	int alive;

	CHECK_OK(look(name, &pid, &alive));
	return alive;
}

__attribute__((unused)) static bool exists(const char *path)
{
	return !faccessat(
		agora_space_fd(space), path, F_OK, AT_SYMLINK_NOFOLLOW);
}

__attribute__((unused)) static void put_file(
	const char *path, const char *text, size_t size)
{
	int fd = openat(agora_space_fd(space), path,
		O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	CHECK_SYS(fd);
	CHECK_EQ(size, write(fd, text, size));
	close(fd);
}

/* How many entries a directory has, hidden ones too. */
__attribute__((unused)) static int count_entries(const char *path)
{
	int fd = openat(agora_space_fd(space), path, O_RDONLY | O_CLOEXEC);
	DIR *stream = fdopendir(fd);
	int count = 0;

	CHECK(stream);
	while (readdir(stream))
		count++;
	closedir(stream);
	return count - 2;
}

/* Nothing in the space but the program, nothing in it but its own files. */
__attribute__((unused)) static void check_tidy(const char *name, int objects)
{
	CHECK_EQ(1, count_entries("."));
	CHECK_EQ(2 + objects, count_entries(name));
}

/* A child that registers, says so and stays until it is killed. */
__attribute__((unused)) static pid_t start_holder(const char *name)
{
	struct driver_signal ready = driver_signal();
	struct agora_program *program;
	pid_t pid = driver_fork();

	if (!pid) {
		CHECK_OK(agora_program_register(
			space, name, &described, &program));
		driver_post(&ready);
		for (;;)
			pause();
	}
	driver_await(&ready);
	close(ready.fd[0]);
	close(ready.fd[1]);
	return pid;
}

#endif
