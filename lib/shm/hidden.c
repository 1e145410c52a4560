/*
 * hidden.c - program directories that are not there yet, or not any more.
 *
 * Creating, and what a death leaves after each step:
 * 1. mkdir .new-R         an empty hidden directory; swept
 * 2. make and lock .alive the same, with a file
 * 3. write the manifest   the same, with two files
 * 4. rename to the name   the program is there and complete, not alive
 *
 * Removing, with the lock held:
 * 1. look for objects     nothing has happened
 * 2. rename to .gone-R-N  not there any more; swept
 * 3. look again           the same
 * 4. unlink our own files the same
 * 5. rmdir                gone
 * Whoever opened the directory before step 2 may still link an object into
 * it. Step 3 sees that, or else step 5 fails; either way the directory gets
 * its name back and no object is lost. The name stands in the hidden name so
 * that the sweeper can do that too.
 *
 * Files are only unlinked by who holds the lock on the ".alive" that is in
 * the directory now: after step 5 has failed, somebody may register there.
 *
 * A sweeper may take a directory away from its living maker between steps 1
 * and 2 of creating. The maker notices and starts again.
 */
#include "shm/hidden.h"

#include "base/crash.h"
#include "shm/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEW  ".new-"
#define GONE ".gone-"

/* ---- what is in a directory ----------------------------------------- */

static bool is_foreign(int dir, const struct dirent *entry)
{
	const char *name = entry->d_name;

	(void)dir;
	return strcmp(name, ".") && strcmp(name, "..") &&
	       strcmp(name, ALIVE_FILE) && !manifest_is_file(name);
}

/* 1 when it holds an object or anything else that is not ours. */
static int holds_foreign(int dir)
{
	char **names;
	int count = space_read(dir, is_foreign, &names);

	if (count < 0)
		return count;
	agora_list_free(names);
	return count > 0;
}

/* Only with the lock of the file that is unlinked: see the rule above. */
static void clear(int dir)
{
	manifest_sweep(dir);
	unlinkat(dir, MANIFEST_FILE, 0);
	crash_point(hidden_cleared);
	unlinkat(dir, ALIVE_FILE, 0);
}

bool hidden_is_current(
	const struct agora_space *space, const char *name, int dir)
{
	struct stat named, opened;

	return !fstatat(space->fd, name, &named, AT_SYMLINK_NOFOLLOW) &&
	       !fstat(dir, &opened) && named.st_ino == opened.st_ino &&
	       named.st_dev == opened.st_dev;
}

/* ---- create --------------------------------------------------------- */

static int fill(const struct agora_space *space, const char *hidden,
	const struct hidden_content *content, struct alive *alive)
{
	int error;

	alive->dir = openat(space->fd, hidden,
		O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (alive->dir < 0)
		return -errno;
	error = alive_lock(alive->dir, content->role, true, &alive->lock);
	if (error)
		return error;
	crash_point(hidden_locked);
	error = manifest_write(
		alive->dir, content->manifest, content->manifest_size);
	if (error)
		return error;
	crash_point(hidden_described);
	if (content->mode && fchmod(alive->dir, content->mode))
		return -errno;
	/* For what the directory's mode now says. */
	alive_share(alive->dir, alive->lock);
	return 0;
}

static int publish(
	const struct agora_space *space, const char *hidden, const char *name)
{
	if (renameat2(space->fd, hidden, space->fd, name, RENAME_NOREPLACE))
		return -errno;
	crash_point(hidden_published);
	return 0;
}

static void abandon(const struct agora_space *space, const char *hidden,
	const struct alive *alive)
{
	if (alive->lock >= 0) {
		clear(alive->dir);
		close(alive->lock);
	}
	if (alive->dir >= 0)
		close(alive->dir);
	unlinkat(space->fd, hidden, AT_REMOVEDIR);
}

int hidden_create(const struct agora_space *space, const char *name,
	const struct hidden_content *content, struct alive *ret_alive)
{
	struct alive alive = {.dir = -1, .lock = -1};
	char digits[17], hidden[sizeof(NEW) + sizeof(digits)];
	int error;

	space_random(digits);
	snprintf(hidden, sizeof(hidden), NEW "%s", digits);
	if (mkdirat(space->fd, hidden, content->mode ? 0700 : 0777))
		return -errno;
	crash_point(hidden_made);
	error = fill(space, hidden, content, &alive);
	if (!error)
		error = publish(space, hidden, name);
	if (error)
		abandon(space, hidden, &alive);
	else
		*ret_alive = alive;
	/* Nobody but a sweeper could have removed or locked it. */
	return error == -ENOENT ? -EAGAIN : error;
}

/* ---- remove --------------------------------------------------------- */

static int give_back(
	const struct agora_space *space, const char *hidden, const char *name)
{
	renameat2(space->fd, hidden, space->fd, name, RENAME_NOREPLACE);
	return -EAGAIN;
}

/* Steps 3 to 5. */
static int finish(const struct agora_space *space, const char *hidden,
	const char *name, int dir)
{
	if (!hidden_is_current(space, hidden, dir) || holds_foreign(dir))
		return give_back(space, hidden, name);
	clear(dir);
	crash_point(hidden_emptied);
	if (!unlinkat(space->fd, hidden, AT_REMOVEDIR) || errno == ENOENT)
		return 0;
	return give_back(space, hidden, name);
}

int hidden_remove(const struct agora_space *space, const char *name,
	const struct alive *alive)
{
	char hidden[sizeof(GONE) + 17 + AGORA_NAME_MAX + 1], digits[17];
	int foreign = holds_foreign(alive->dir);

	if (foreign)
		return foreign < 0 ? foreign : -ENOTEMPTY;
	space_random(digits);
	snprintf(hidden, sizeof(hidden), GONE "%s-%s", digits, name);
	crash_point(hidden_checked);
	if (renameat2(space->fd, name, space->fd, hidden, RENAME_NOREPLACE))
		return -errno;
	crash_point(hidden_withdrawn);
	return finish(space, hidden, name, alive->dir);
}

/* ---- sweep ---------------------------------------------------------- */

static const char *name_in(const char *hidden)
{
	return hidden + strlen(GONE) + 17;
}

static bool is_gone(const char *hidden)
{
	return !strncmp(hidden, GONE, strlen(GONE)) &&
	       strlen(hidden) > strlen(GONE) + 17 &&
	       !agora_name_check(name_in(hidden));
}

static bool is_leftover(int dir, const struct dirent *entry)
{
	struct stat st;

	if (strncmp(entry->d_name, NEW, strlen(NEW)) && !is_gone(entry->d_name))
		return false;
	return !fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) &&
	       S_ISDIR(st.st_mode) && st.st_uid == geteuid();
}

/* What its maker had not yet, or not any more, a file in. */
static void sweep_empty(
	const struct agora_space *space, const char *hidden, int dir)
{
	if (!unlinkat(space->fd, hidden, AT_REMOVEDIR) || errno != ENOTEMPTY)
		return;
	if (is_gone(hidden) && holds_foreign(dir) == 1)
		give_back(space, hidden, name_in(hidden));
}

static void sweep_locked(
	const struct agora_space *space, const char *hidden, int dir)
{
	if (is_gone(hidden)) {
		finish(space, hidden, name_in(hidden), dir);
		return;
	}
	clear(dir);
	unlinkat(space->fd, hidden, AT_REMOVEDIR);
}

static void sweep_one(const struct agora_space *space, const char *hidden)
{
	int dir = openat(space->fd, hidden,
		O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int lock, error;

	if (dir < 0)
		return;
	error = alive_lock(dir, ALIVE_CHANGE, false, &lock);
	if (error == -ENOENT)
		sweep_empty(space, hidden, dir);
	if (!error && alive_is_current(dir, lock))
		sweep_locked(space, hidden, dir);
	if (!error)
		close(lock);
	close(dir);
}

void hidden_sweep(const struct agora_space *space)
{
	char **names;

	if (space_read(space->fd, is_leftover, &names) < 0)
		return;
	for (size_t i = 0; names[i]; i++)
		sweep_one(space, names[i]);
	agora_list_free(names);
}

int agora_space_sweep(struct agora_space *space)
{
	int error = alive_enter();

	if (error)
		return error;
	hidden_sweep(space);
	alive_leave();
	return 0;
}
