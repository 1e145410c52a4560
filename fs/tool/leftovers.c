/*
 * leftovers.c - what lies in a space and is neither program nor object.
 *
 * A program's directory is made, and taken apart, under a hidden name that
 * begins with ".new-" or ".gone-". One that stays was left by the dead.
 * Whatever the library does to programs sweeps those of the same user.
 */
#include "doctor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LIVING 50 /* milliseconds that one who lives may need */

static DIR *open_directory(const char *name)
{
	int fd = openat(agora_space_fd(tool_space()), name,
		O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !stream)
		close(fd);
	return stream;
}

/* ---- hidden directories of the space ---------------------------------- */

static bool is_hidden(const char *name)
{
	return strncmp(name, ".new-", 5) == 0 ||
	       strncmp(name, ".gone-", 6) == 0;
}

/* Write the names of all that are there, each with a NUL. */
static void list_hidden(struct text *out)
{
	DIR *stream = open_directory(".");
	const struct dirent *entry;

	if (!stream)
		return;
	while ((entry = readdir(stream)))
		if (is_hidden(entry->d_name) &&
			text_append(out, entry->d_name,
				strlen(entry->d_name) + 1) < 0)
			break;
	closedir(stream);
}

static bool is_there(const char *name)
{
	return faccessat(agora_space_fd(tool_space()), name, F_OK,
		       AT_SYMLINK_NOFOLLOW) == 0;
}

void leftovers_hidden(struct doctor *doctor)
{
	struct text names = {0};
	const char *name;

	list_hidden(&names);
	if (names.size) {
		tool_sleep(LIVING);
		if (doctor->repair)
			agora_space_sweep(tool_space());
	}
	for (name = names.data; name && name < names.data + names.size;
		name += strlen(name) + 1) {
		if (is_there(name)) {
			doctor_report(doctor, name, "leftover", NULL);
			doctor->status = TOOL_NO;
		} else if (doctor->repair) {
			doctor_report(doctor, name, "repaired", NULL);
		}
	}
	text_free(&names);
}

/* ---- foreign files ---------------------------------------------------- */

void leftovers_foreign(struct doctor *doctor, const char *program)
{
	DIR *stream = open_directory(program);
	const struct dirent *entry;
	char path[2 * 256 + 16];

	if (!stream)
		return;
	while ((entry = readdir(stream))) {
		if (entry->d_name[0] == '.' || agora_kind_of(entry->d_name))
			continue;
		snprintf(path, sizeof(path), "%s/%s", program, entry->d_name);
		doctor_report(doctor, path, "foreign", NULL);
	}
	closedir(stream);
}
