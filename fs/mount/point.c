/*
 * point.c - the mount point: is it there, is it free.
 */
#include "point.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define TYPE "fuse.agora"

static bool complain(const char *path, const char *what)
{
	fprintf(stderr, "agora-mount: %s: %s\n", path, what);
	return false;
}

/* Undo the octal escapes of mountinfo. */
static void decode(char *s)
{
	unsigned int byte;
	char *out = s;

	while (*s) {
		if (*s == '\\' && sscanf(s + 1, "%3o", &byte) == 1) {
			*out++ = byte;
			s += 4;
		} else {
			*out++ = *s++;
		}
	}
	*out = '\0';
}

static bool is_agora_at(char *line, const char *path)
{
	char *point = NULL, *type, *p = line;

	for (int field = 0; field < 5; field++)
		point = strsep(&p, " ");
	type = p ? strstr(p, " - ") : NULL;
	if (!point || !type)
		return false;
	decode(point);
	return !strncmp(type + 3, TYPE " ", sizeof(TYPE)) &&
	       !strcmp(point, path);
}

/* Whether a tree of ours is mounted exactly there, alive or not. */
static bool is_mounted(const char *path)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	size_t size = 0;
	bool is = false;

	if (!f)
		return false;
	while (!is && getline(&line, &size, f) > 0)
		is = is_agora_at(line, path);
	free(line);
	fclose(f);
	return is;
}

/* realpath(3) without a look at the last part, which may be a dead mount. */
static char *absolute(const char *path)
{
	char *copy = strdup(path), *slash, *dir, *result = NULL;
	size_t n;

	if (!copy)
		return NULL;
	n = strlen(copy);
	while (n > 1 && copy[n - 1] == '/')
		copy[--n] = '\0';
	slash = n ? strrchr(copy, '/') : NULL;
	if (slash == copy) {
		result = strdup(copy);
	} else if (n) {
		if (slash)
			*slash = '\0';
		dir = realpath(slash ? copy : ".", NULL);
		if (dir &&
			asprintf(&result, "%s/%s", strcmp(dir, "/") ? dir : "",
				slash ? slash + 1 : copy) < 0)
			result = NULL;
		free(dir);
	}
	free(copy);
	return result;
}

static bool detach(const char *path)
{
	int status;
	pid_t pid;

	if (!umount2(path, MNT_DETACH))
		return true;
	pid = fork();
	if (pid == 0) {
		execlp("fusermount3", "fusermount3", "-u", "-z", "-q", "--",
			path, (char *)NULL);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid &&
	       WIFEXITED(status) && !WEXITSTATUS(status);
}

static bool clear(const char *path)
{
	char *point = absolute(path);
	bool ok = point && is_mounted(point);

	if (ok)
		ok = detach(point);
	free(point);
	return ok;
}

/* What stat(2) says of a mount whose server is gone may still be cached. */
static bool is_dead(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) < 0 && errno == ENOTCONN;
}

/* No thread was started yet. NOLINTBEGIN(concurrency-mt-unsafe) */
bool point_check(const char *path, char **ret_path)
{
	struct stat st;
	char *point;

	if (is_dead(path) && !clear(path))
		return complain(path, "a dead mount is there: unmount it");
	if (stat(path, &st) < 0)
		return complain(path, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return complain(path, strerror(ENOTDIR));
	point = realpath(path, NULL);
	if (!point)
		return complain(path, strerror(errno));
	if (is_mounted(point)) {
		free(point);
		return complain(path, "an agora tree is mounted there already");
	}
	*ret_path = point;
	return true;
}
/* NOLINTEND(concurrency-mt-unsafe) */
