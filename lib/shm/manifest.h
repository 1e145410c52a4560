/*
 * manifest.h - the text by which a program describes itself (".program").
 *
 * One "key value" on each line, UTF-8 without control characters, at most
 * 64 KiB, the last line with its newline:
 *
 *	program weather
 *	pid 4711
 *	since 2026-11-23T05:15:00.123456789Z
 *	doc Readings of all stations
 *	tag region=north
 *
 * program is the name at the time of writing; the directory's own name is
 * what counts. pid and since are missing when no process stands behind it;
 * doc may be missing; there is one tag line for each tag. Readers skip keys
 * that they do not know: later versions add some.
 */
#ifndef LIB_SHM_MANIFEST_H
#define LIB_SHM_MANIFEST_H

#include <agora/program.h>

#include <stdbool.h>

#define MANIFEST_MAX  65536 /* bytes */
#define MANIFEST_FILE ".program"

/* A manifest that was read. All-zero: there is none. */
struct manifest {
	pid_t pid;
	struct timespec since;
	char *doc;   /* or NULL */
	char **tags; /* NULL-terminated, or NULL */
	size_t tag_count;
};

/* Who stands behind a program. pid 0: nobody. */
struct manifest_owner {
	pid_t pid;
	struct timespec since;
};

/* Check what a caller wants to declare; NULL is fine. 0 or -EINVAL. */
int manifest_check(const struct agora_program_options *options);

/*
 * Make the text. ret_text: to be freed.
 * Returns its size, -EINVAL (longer than MANIFEST_MAX), -ENOMEM.
 */
int manifest_format(const char *name, const struct manifest_owner *owner,
	const struct agora_program_options *options, char **ret_text);

/*
 * Put it in the place of the manifest in a program's directory, atomically.
 * Killed inside, it leaves ".program.<random>", which manifest_sweep() takes
 * away.
 */
int manifest_write(int dir, const char *text, size_t size);

/* Take leftovers away, as the only one who may write a manifest here. */
void manifest_sweep(int dir);

/* Tell whether a file of a program's directory is a manifest or leftover. */
bool manifest_is_file(const char *name);

/*
 * Read and check what anybody may have written there. All-zero when there is
 * none. Returns 0, -EUCLEAN (not a manifest), -EACCES, -ENOMEM.
 */
int manifest_read(int dir, struct manifest *ret_manifest);

/* Free what manifest_read() allocated. */
void manifest_free(struct manifest *manifest);

#endif
