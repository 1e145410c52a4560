/* manifest.c - the text by which a program describes itself: manifest.h. */
#include "shm/manifest.h"

#include "base/crash.h"
#include "type/name.h"
#include "shm/space.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- check ---------------------------------------------------------- */

static bool is_plain(const char *text)
{
	size_t size = strnlen(text, MANIFEST_MAX + 1);

	return size <= MANIFEST_MAX && name_is_plain(text, size);
}

/* A key is a name, since tags are shown as directories. */
static bool is_tag(const char *tag)
{
	size_t size = strcspn(tag, "=");
	char key[AGORA_NAME_MAX + 1];

	if (size > AGORA_NAME_MAX || !is_plain(tag))
		return false;
	memcpy(key, tag, size);
	key[size] = 0;
	return !agora_name_check(key);
}

int manifest_check(const struct agora_program_options *options)
{
	if (!options)
		return 0;
	for (size_t i = 0; i < 4; i++)
		if (options->reserved[i])
			return -EINVAL;
	if (options->mode & ~(mode_t)07777 || options->pid < 0)
		return -EINVAL;
	if (options->doc && !is_plain(options->doc))
		return -EINVAL;
	for (size_t i = 0; options->tags && options->tags[i]; i++)
		if (!is_tag(options->tags[i]))
			return -EINVAL;
	return 0;
}

/* ---- write ---------------------------------------------------------- */

static void print_since(FILE *to, const struct timespec *since)
{
	char text[32];
	struct tm tm;

	gmtime_r(&since->tv_sec, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	fprintf(to, "since %s.%09ldZ\n", text, since->tv_nsec);
}

static void print(FILE *to, const char *name,
	const struct manifest_owner *owner,
	const struct agora_program_options *options)
{
	fprintf(to, "program %s\n", name);
	if (owner->pid) {
		fprintf(to, "pid %jd\n", (intmax_t)owner->pid);
		print_since(to, &owner->since);
	}
	if (options && options->doc && *options->doc)
		fprintf(to, "doc %s\n", options->doc);
	for (size_t i = 0; options && options->tags && options->tags[i]; i++)
		fprintf(to, "tag %s\n", options->tags[i]);
}

int manifest_format(const char *name, const struct manifest_owner *owner,
	const struct agora_program_options *options, char **ret_text)
{
	char *text;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	if (!to)
		return -ENOMEM;
	print(to, name, owner, options);
	if (fclose(to)) {
		free(text);
		return -ENOMEM;
	}
	if (size > MANIFEST_MAX) {
		free(text);
		return -EINVAL;
	}
	*ret_text = text;
	return (int)size;
}

static int write_all(int fd, const char *text, size_t size)
{
	while (size) {
		ssize_t n = write(fd, text, size);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			text += n;
			size -= (size_t)n;
		}
	}
	return 0;
}

/* Readable by all: the directory's mode says who gets that far. */
static int fill(int fd, const char *text, size_t size)
{
	int error = write_all(fd, text, size);

	if (!error && fchmod(fd, 0644))
		error = -errno;
	/* Or a power cut might leave an empty one in the place of the old. */
	if (!error && fdatasync(fd))
		error = -errno;
	return error;
}

int manifest_write(int dir, const char *text, size_t size)
{
	char digits[17], name[sizeof(MANIFEST_FILE) + sizeof(digits)];
	int fd, error;

	space_random(digits);
	snprintf(name, sizeof(name), MANIFEST_FILE ".%s", digits);
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	crash_point(manifest_made);
	error = fill(fd, text, size);
	close(fd);
	crash_point(manifest_written);
	if (!error && renameat(dir, name, dir, MANIFEST_FILE))
		error = -errno;
	if (error)
		unlinkat(dir, name, 0);
	else
		crash_point(manifest_replaced);
	return error;
}

bool manifest_is_file(const char *name)
{
	size_t size = strlen(MANIFEST_FILE);

	return !strncmp(name, MANIFEST_FILE, size) &&
	       (!name[size] || name[size] == '.');
}

static bool is_leftover(int dir, const struct dirent *entry)
{
	(void)dir;
	return manifest_is_file(entry->d_name) &&
	       strcmp(entry->d_name, MANIFEST_FILE);
}

void manifest_sweep(int dir)
{
	char **names;

	if (space_read(dir, is_leftover, &names) < 0)
		return;
	for (size_t i = 0; names[i]; i++)
		unlinkat(dir, names[i], 0);
	agora_list_free(names);
}

/* ---- read ----------------------------------------------------------- */

static int parse_pid(const char *value, struct manifest *manifest)
{
	char *end;
	long pid;

	if (*value < '1' || *value > '9')
		return -EUCLEAN;
	errno = 0;
	pid = strtol(value, &end, 10);
	if (errno || *end || pid > INT32_MAX)
		return -EUCLEAN;
	manifest->pid = (pid_t)pid;
	return 0;
}

static int parse_since(const char *value, struct manifest *manifest)
{
	struct tm tm = {.tm_isdst = 0};
	const char *rest = strptime(value, "%Y-%m-%dT%H:%M:%S", &tm);

	if (!rest || strlen(rest) != 11 || rest[0] != '.' || rest[10] != 'Z')
		return -EUCLEAN;
	if (strspn(rest + 1, "0123456789") != 9)
		return -EUCLEAN;
	manifest->since.tv_sec = timegm(&tm);
	manifest->since.tv_nsec = strtol(rest + 1, NULL, 10);
	return 0;
}

static int parse_doc(const char *value, struct manifest *manifest)
{
	free(manifest->doc);
	manifest->doc = strdup(value);
	return manifest->doc ? 0 : -ENOMEM;
}

static int parse_tag(const char *value, struct manifest *manifest)
{
	size_t count = manifest->tag_count;
	char **tags;

	if (!is_tag(value))
		return -EUCLEAN;
	tags = reallocarray(manifest->tags, count + 2, sizeof(*tags));
	if (!tags)
		return -ENOMEM;
	manifest->tags = tags;
	tags[count + 1] = NULL;
	tags[count] = strdup(value);
	if (!tags[count])
		return -ENOMEM;
	manifest->tag_count++;
	return 0;
}

static const struct {
	const char *key;
	int (*parse)(const char *value, struct manifest *manifest);
} keys[] = {
	{"pid", parse_pid},
	{"since", parse_since},
	{"doc", parse_doc},
	{"tag", parse_tag},
};

static int parse_line(char *line, struct manifest *manifest)
{
	char *value = strchr(line, ' ');

	if (!value || value == line || !is_plain(line))
		return -EUCLEAN;
	*value++ = 0;
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (!strcmp(keys[i].key, line))
			return keys[i].parse(value, manifest);
	return 0;
}

/* Returns how many bytes were read; text is terminated. */
static int read_file(int dir, char text[MANIFEST_MAX + 2])
{
	int fd = openat(dir, MANIFEST_FILE,
		O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	ssize_t size = 0, n;
	struct stat st;

	if (fd < 0)
		return errno == ELOOP ? -EUCLEAN : -errno;
	n = fstat(fd, &st) || !S_ISREG(st.st_mode) ? -1 : 1;
	while (n > 0 && size <= MANIFEST_MAX) {
		n = read(fd, text + size, (size_t)(MANIFEST_MAX + 1 - size));
		size += n > 0 ? n : 0;
	}
	close(fd);
	if (n < 0 || size > MANIFEST_MAX || memchr(text, 0, (size_t)size))
		return -EUCLEAN;
	text[size] = 0;
	return (int)size;
}

static int parse(char *text, struct manifest *manifest)
{
	int error = 0;

	while (!error && *text) {
		char *end = strchr(text, '\n');

		if (!end)
			return -EUCLEAN;
		*end = 0;
		error = parse_line(text, manifest);
		text = end + 1;
	}
	return error;
}

int manifest_read(int dir, struct manifest *ret_manifest)
{
	struct manifest manifest = {.pid = 0};
	char *text = calloc(1, MANIFEST_MAX + 2);
	int result;

	if (!text)
		return -ENOMEM;
	result = read_file(dir, text);
	if (result > 0)
		result = parse(text, &manifest);
	else if (result == -ENOENT)
		result = 0;
	free(text);
	if (result)
		manifest_free(&manifest);
	else
		*ret_manifest = manifest;
	return result;
}

void manifest_free(struct manifest *manifest)
{
	free(manifest->doc);
	agora_list_free(manifest->tags);
}
