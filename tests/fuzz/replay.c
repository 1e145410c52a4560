/*
 * replay.c - run inputs of the fuzzer from files, without the fuzzer.
 *
 *   replay FOLDER             all that are in it, each in seconds at most
 *   replay --write DIR FILE...  only make the segments with which they begin,
 *                             as DIR/NUMBER.KIND, for others to look at
 */
#include "fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECONDS 30 /* of processor time, for each */

struct bytes {
	uint8_t data[INPUT_HEADER + INPUT_MOST];
	size_t size;
};

static void load(const char *path, struct bytes *ret_bytes)
{
	int fd = open(path, O_RDONLY);
	ssize_t size = -1;

	if (fd >= 0)
		size = read(fd, ret_bytes->data, sizeof(ret_bytes->data));
	if (size < 0)
		fuzz_fail("%s: cannot be read", path);
	close(fd);
	ret_bytes->size = (size_t)size;
}

/* What is zero stays a hole. */
static void copy_pages(const struct family *family, int fd, off_t size)
{
	static const char zeros[PAGE];
	char page[PAGE];

	for (off_t at = 0; at < size && at < (off_t)family->size; at += PAGE) {
		ssize_t got = pread(family->fd, page, PAGE, at);

		if (got <= 0 || !memcmp(page, zeros, (size_t)got))
			continue;
		if (pwrite(fd, page, (size_t)got, at) != got)
			fuzz_fail("cannot write");
	}
}

static void write_segment(
	const struct bytes *bytes, const char *directory, int number)
{
	struct input in;
	struct family *family = fuzz_prepare(bytes->data, bytes->size, &in);
	char path[512];
	off_t size;
	int fd;

	if (!family)
		return;
	snprintf(path, sizeof(path), "%s/%d%s", directory, number,
		strrchr(family->path, '.'));
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
	size = lseek(family->fd, 0, SEEK_END);
	if (fd < 0 || ftruncate(fd, size))
		fuzz_fail("%s: cannot be made", path);
	copy_pages(family, fd, size);
	close(fd);
}

static void replay(const char *path)
{
	static struct bytes bytes;

	load(path, &bytes);
	fuzz_limit(SECONDS);
	fuzz_run(bytes.data, bytes.size);
}

static void replay_all(const char *folder)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, NULL, alphasort);
	char path[512];

	if (count < 0)
		fuzz_fail("%s: cannot be read", folder);
	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder,
			entries[i]->d_name);
		if (entries[i]->d_name[0] != '.')
			replay(path);
		free(entries[i]);
	}
	free(entries);
}

int main(int argc, char **argv)
{
	static struct bytes bytes;

	if (argc == 2)
		replay_all(argv[1]);
	for (int i = 3; i < argc; i++) {
		load(argv[i], &bytes);
		write_segment(&bytes, argv[2], i - 2);
	}
	return 0;
}
