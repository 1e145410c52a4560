/*
 * mime.c - MIME types, by libmagic.
 *
 * bytes/png is what libmagic takes for ANY/png. What it does not know at all
 * cannot be told from what it knows, and fits: it knows the types that its
 * database names. The database (some MB, mapped) is looked through for the
 * name only when a value does not fit.
 *
 * A handle of libmagic is for one thread at a time. Those that are not in use
 * wait in a few slots; a thread takes one out of its slot or opens another.
 *
 * Orderings
 * [M] a handle goes into its slot by a release and is taken out of it by an
 *     acquire: who takes it sees what it is.
 */
#include "type/library.h"

#include <errno.h>
#include <fcntl.h>
#include <magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLOTS 4
#define BYTES ((size_t)256 << 10) /* that are looked at */

#undef magic_version /* a name of a function, too */

static const char *const names[] = {"magic_open", "magic_close", "magic_load",
	"magic_buffer", "magic_error", "magic_getpath", NULL};
static void *functions[6];
static struct type_library magic = {
	.file = "libmagic.so.1", .names = names, .functions = functions};

#define CALL(n, name) ((__typeof__(name) *)functions[n])

struct cookie {
	magic_t magic;
	char subtype[TYPE_WORD + 1]; /* that was last looked for */
	bool known;
};

static struct cookie *_Atomic slots[SLOTS];

static void close_cookie(struct cookie *cookie)
{
	if (!cookie)
		return;
	if (cookie->magic)
		CALL(1, magic_close)(cookie->magic);
	free(cookie);
}

static struct cookie *open_cookie(void)
{
	struct cookie *cookie = calloc(1, sizeof(*cookie));

	if (!cookie)
		return NULL;
	cookie->magic = CALL(0, magic_open)(MAGIC_MIME_TYPE);
	if (cookie->magic && !CALL(2, magic_load)(cookie->magic, NULL))
		return cookie;
	close_cookie(cookie);
	return NULL;
}

static struct cookie *take(void)
{
	struct cookie *cookie = NULL;

	for (unsigned i = 0; i < SLOTS && !cookie; i++)
		/* [M] */
		cookie = atomic_exchange_explicit(
			&slots[i], NULL, memory_order_acquire);
	return cookie ? cookie : open_cookie();
}

static void give_back(struct cookie *cookie)
{
	for (unsigned i = 0; i < SLOTS && cookie; i++)
		/* [M] */
		cookie = atomic_exchange_explicit(
			&slots[i], cookie, memory_order_acq_rel);
	close_cookie(cookie);
}

/* ---- what libmagic knows ---- */

/* Those that are not in its database, but in its code. */
static const char *const coded[] = {"csv", "json", "msword", "octet-stream",
	"vnd.ms-excel", "vnd.ms-office", "vnd.ms-outlook", "vnd.ms-powerpoint",
	"x-executable", "x-ndjson", "x-object", "x-pie-executable",
	"x-sharedlib", "x-tar"};

/* Whether a file holds "/SUBTYPE", up to a NUL. */
static bool file_names(const char *path, const char *subtype)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char needle[TYPE_WORD + 3];
	struct stat st;
	void *bytes;
	bool found = false;

	if (fd < 0)
		return false;
	if (!fstat(fd, &st) && st.st_size > 0) {
		size_t size = (size_t)st.st_size;

		bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (bytes != MAP_FAILED) {
			snprintf(needle, sizeof(needle), "/%s", subtype);
			found = memmem(bytes, size, needle, strlen(needle) + 1);
			munmap(bytes, size);
		}
	}
	close(fd);
	return found;
}

/* Its databases are named with colons between, without ".mgc". */
static bool database_names(const char *subtype)
{
	const char *paths = CALL(5, magic_getpath)(NULL, 0);
	char path[4096];

	while (paths && *paths) {
		size_t size = strcspn(paths, ":");

		snprintf(path, sizeof(path), "%.*s.mgc", (int)size, paths);
		if (file_names(path, subtype))
			return true;
		paths += size + (paths[size] == ':');
	}
	return false;
}

static bool is_known(struct cookie *cookie, const char *subtype)
{
	for (size_t i = 0; i < sizeof(coded) / sizeof(*coded); i++)
		if (!strcmp(coded[i], subtype))
			return true;
	if (strcmp(cookie->subtype, subtype)) {
		cookie->known = database_names(subtype);
		strcpy(cookie->subtype, subtype);
	}
	return cookie->known;
}

/* ---- check ---- */

static int look(struct cookie *cookie, const char *subtype,
	struct type_value value, struct agora_type_error *error)
{
	size_t size = value.size < BYTES ? value.size : BYTES;
	const char *found = CALL(3, magic_buffer)(
		cookie->magic, size ? (const void *)value.data : "", size);
	const char *slash = found ? strchr(found, '/') : NULL;

	if (!slash)
		return -ENOMEM;
	if (!strcasecmp(slash + 1, subtype) || !is_known(cookie, subtype))
		return 0;
	return type_error(error, value.offset, "not %s: it looks like %s",
		subtype, found);
}

int type_check_mime(const char *subtype, size_t subtype_size,
	struct type_value value, struct agora_type_error *error)
{
	char name[TYPE_WORD + 1];
	struct cookie *cookie;
	int result;

	memcpy(name, subtype, subtype_size);
	name[subtype_size] = '\0';
	if (!strcmp(name, "octet-stream"))
		return 0;
	if (!type_library(&magic))
		return type_missing(&magic, error);
	cookie = take();
	if (!cookie)
		return type_missing(&magic, error);
	result = look(cookie, name, value, error);
	give_back(cookie);
	return result;
}
