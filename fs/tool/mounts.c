/*
 * mounts.c - what is mounted where.
 */
#include "tool.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Undo the octal escapes of /proc/self/mountinfo, in place. */
static void unescape(char *s)
{
	char *to = s;

	while (*s) {
		if (s[0] == '\\' && s[1] && s[2] && s[3]) {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 |
				       (s[3] - '0'));
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = 0;
}

/* Take a line apart: the fifth word is where, the one behind "-" what. */
static bool parse_line(char *line, char **ret_path, char **ret_type)
{
	char *save = NULL;
	char *word = strtok_r(line, " \n", &save);
	int i;

	for (i = 0; word && i < 4; i++)
		word = strtok_r(NULL, " \n", &save);
	*ret_path = word;
	while (word && strcmp(word, "-") != 0)
		word = strtok_r(NULL, " \n", &save);
	*ret_type = word ? strtok_r(NULL, " \n", &save) : NULL;
	return *ret_path && *ret_type;
}

int mounts_find(const char *path, char ret_type[64])
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	char *line = NULL, *where, *type;
	size_t capacity = 0;
	int found = 0;

	if (!file)
		return -errno;
	while (getline(&line, &capacity, file) > 0) {
		if (!parse_line(line, &where, &type))
			continue;
		unescape(where);
		if (strcmp(where, path) != 0)
			continue;
		snprintf(ret_type, 64, "%s", type); /* the last is on top */
		found = 1;
	}
	free(line);
	fclose(file);
	return found;
}

/* Split into what leads to a directory and its name; false if it is "." */
static bool split(char *path, const char **ret_parent, const char **ret_name)
{
	size_t size = strlen(path);
	char *slash;

	while (size > 1 && path[size - 1] == '/')
		path[--size] = 0;
	slash = strrchr(path, '/');
	*ret_name = slash ? slash + 1 : path;
	*ret_parent = slash ? path : ".";
	if (slash == path)
		*ret_parent = "/";
	else if (slash)
		*slash = 0;
	return **ret_name && strcmp(*ret_name, ".") != 0 &&
	       strcmp(*ret_name, "..") != 0;
}

/* What leads to the directory made absolute, and its name behind it. */
static int resolve_parent(const char *path, char ret_path[PATH_MAX])
{
	char copy[PATH_MAX], real[PATH_MAX];
	const char *parent, *name;
	int length;

	if (strlen(path) >= sizeof(copy))
		return -ENAMETOOLONG;
	strcpy(copy, path);
	if (!split(copy, &parent, &name))
		return -EINVAL;
	if (!realpath(parent, real))
		return -errno;
	length = snprintf(ret_path, PATH_MAX, "%s/%s",
		strcmp(real, "/") == 0 ? "" : real, name);
	return length < PATH_MAX ? 0 : -ENAMETOOLONG;
}

int mounts_resolve(const char *path, char ret_path[PATH_MAX])
{
	char type[64];

	if (resolve_parent(path, ret_path) == 0 &&
		mounts_find(ret_path, type) > 0)
		return 0;
	return realpath(path, ret_path) ? 0 : -errno;
}
