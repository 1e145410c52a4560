/*
 * space.c - the directory that holds everything: see agora/space.h.
 *
 * Whoever may write to the space directory can remove and replace programs,
 * so the default one is accepted only when it is ours alone. A space that
 * was named on purpose is the caller's choice.
 *
 * What is listed came from other users: only names that pass the check of
 * names go out.
 */
#include "shm/space.h"

#include <agora/object.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- open ----------------------------------------------------------- */

static int check_ours(int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (st.st_uid != geteuid() || st.st_mode & (S_IWGRP | S_IWOTH))
		return -EPERM;
	return 0;
}

/* Neither a link nor anything else that another user put there will do. */
static int open_default(const char *path, int *ret_fd)
{
	int fd, error;

	if (mkdir(path, 0700) && errno != EEXIST)
		return -errno;
	fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOTDIR || errno == ELOOP ? -EPERM : -errno;
	error = check_ours(fd);
	if (error)
		close(fd);
	else
		*ret_fd = fd;
	return error;
}

static int open_named(const char *path, int *ret_fd)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (faccessat(fd, ".", X_OK, AT_EACCESS)) {
		int error = -errno;

		close(fd);
		return error;
	}
	*ret_fd = fd;
	return 0;
}

/* ret_path: allocated. */
static int open_path(const char *path, int *ret_fd, char **ret_path)
{
	char *name;
	int error;

	if (path) {
		name = realpath(path, NULL);
		if (!name)
			return -errno;
		error = open_named(name, ret_fd);
	} else {
		if (asprintf(&name, "/dev/shm/agora-%ju",
			    (uintmax_t)geteuid()) < 0)
			return -ENOMEM;
		error = open_default(name, ret_fd);
	}
	if (error)
		free(name);
	else
		*ret_path = name;
	return error;
}

int agora_space_open(const char *path, struct agora_space **ret_space)
{
	struct agora_space *space = calloc(1, sizeof(*space));
	int error;

	if (!space)
		return -ENOMEM;
	if (!path)
		path = secure_getenv("AGORA_SPACE");
	if (path && !*path)
		path = NULL;
	error = open_path(path, &space->fd, &space->path);
	if (error)
		free(space);
	else
		*ret_space = space;
	return error;
}

void agora_space_close(struct agora_space *space)
{
	if (!space)
		return;
	close(space->fd);
	free(space->path);
	free(space);
}

const char *agora_space_path(const struct agora_space *space)
{
	return space->path;
}

int agora_space_fd(const struct agora_space *space)
{
	return space->fd;
}

/* ---- names ---------------------------------------------------------- */

void space_proc_path(int fd, char ret_path[SPACE_PROC_PATH])
{
	snprintf(ret_path, SPACE_PROC_PATH, "/proc/self/fd/%d", fd);
}

void space_random(char ret_digits[17])
{
	uint64_t number = 0;

	while (getrandom(&number, sizeof(number), 0) < 0 && errno == EINTR)
		;
	snprintf(ret_digits, 17, "%016jx", (uintmax_t)number);
}

int space_open_program(
	const struct agora_space *space, const char *name, int flags)
{
	int fd = agora_name_check(name);

	if (fd)
		return fd;
	fd = openat(
		space->fd, name, flags | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOTDIR || errno == ELOOP ? -ENOENT : -errno;
	return fd;
}

bool space_is_object(const char *name)
{
	const struct agora_kind *kind = agora_kind_of(name);
	char stem[NAME_MAX + 1];
	size_t size = strlen(name);

	if (!kind || size > NAME_MAX || size <= strlen(kind->name))
		return false;
	size -= strlen(kind->name) + 1;
	memcpy(stem, name, size);
	stem[size] = 0;
	return !agora_name_check(stem);
}

/* ---- list ----------------------------------------------------------- */

/* Filesystems may leave d_type out. */
static bool is_type(int dir, const struct dirent *entry, mode_t type)
{
	struct stat st;

	if (entry->d_type != DT_UNKNOWN)
		return (mode_t)DTTOIF(entry->d_type) == type;
	return !fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) &&
	       (st.st_mode & S_IFMT) == type;
}

static bool is_program(int dir, const struct dirent *entry)
{
	return !agora_name_check(entry->d_name) && is_type(dir, entry, S_IFDIR);
}

static bool is_object(int dir, const struct dirent *entry)
{
	return space_is_object(entry->d_name) && is_type(dir, entry, S_IFREG);
}

static int append(char ***names, size_t *count, size_t *room, const char *name)
{
	if (*count + 1 >= *room) {
		size_t larger = *room * 2;
		char **moved = reallocarray(*names, larger, sizeof(**names));

		if (!moved)
			return -ENOMEM;
		*names = moved;
		*room = larger;
	}
	(*names)[*count] = strdup(name);
	if (!(*names)[*count])
		return -ENOMEM;
	(*names)[++*count] = NULL;
	return 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int read_all(DIR *stream,
	bool (*wanted)(int dir, const struct dirent *entry), char ***names,
	size_t *count)
{
	size_t room = 16;

	*names = calloc(room, sizeof(**names));
	if (!*names)
		return -ENOMEM;
	for (;;) {
		const struct dirent *entry;
		int error;

		errno = 0;
		/* The stream is ours alone. NOLINTNEXTLINE(concurrency-*) */
		entry = readdir(stream);
		if (!entry)
			return -errno;
		if (!wanted(dirfd(stream), entry))
			continue;
		error = append(names, count, &room, entry->d_name);
		if (error)
			return error;
	}
}

int space_read(int dir, bool (*wanted)(int dir, const struct dirent *entry),
	char ***ret_names)
{
	/* A description of its own: the position must not be shared. */
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	char **names = NULL;
	size_t count = 0;
	int error;

	if (!stream) {
		error = -errno;
		if (fd >= 0)
			close(fd);
		return error;
	}
	error = read_all(stream, wanted, &names, &count);
	closedir(stream);
	if (error) {
		agora_list_free(names);
		return error;
	}
	qsort(names, count, sizeof(*names), compare);
	*ret_names = names;
	return (int)count;
}

int space_read_objects(int dir, char ***ret_names)
{
	return space_read(dir, is_object, ret_names);
}

int agora_space_list(
	struct agora_space *space, const char *program, char ***ret_names)
{
	int dir, result;

	if (!program)
		return space_read(space->fd, is_program, ret_names);
	dir = space_open_program(space, program, O_RDONLY);
	if (dir < 0)
		return dir;
	result = space_read_objects(dir, ret_names);
	close(dir);
	return result;
}

void agora_list_free(char **names)
{
	for (size_t i = 0; names && names[i]; i++)
		free(names[i]);
	free(names);
}
