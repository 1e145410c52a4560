/*
 * watch_state.c - what the events of a watch mean.
 *
 * A program appears: its directory is watched first and listed then. What
 * was in it already is reported as added; what inotify says about the same
 * is dropped as known. So nothing is missed and nothing comes twice.
 *
 * A program dies: the kernel closes its ".alive" (IN_CLOSE_WRITE) and drops
 * the lock, in an order that is its own business. The lock is what counts.
 * While it still is there when we look, there is doubt, and we look again
 * later.
 *
 * A program registers: its manifest is replaced after the lock was taken.
 * One with another "since" is another registration, even when the death of
 * the one before was too short to be seen; then both are reported.
 */
#include "shm/watch.h"

#include "shm/alive.h"
#include "shm/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define APPEARED (IN_CREATE | IN_MOVED_TO)
#define VANISHED (IN_DELETE | IN_MOVED_FROM)

/* ---- alive or not --------------------------------------------------- */

static int probe(const struct agora_watch *watch, const struct known *known)
{
	int dir = space_open_program(&watch->space, known->name, O_PATH);
	int alive;

	if (dir < 0)
		return dir;
	alive = alive_probe(dir);
	close(dir);
	return alive;
}

static void set_dead(struct agora_watch *watch, struct known *known)
{
	known->alive = false;
	known->doubt = false;
	watch_emit(watch, AGORA_PROGRAM_DEAD, known->name, "");
}

/* Somebody who wrote or could write ".alive" closed it, or it vanished. */
static void doubt_alive(struct agora_watch *watch, struct known *known)
{
	if (!known->alive)
		return;
	if (probe(watch, known) == 0) {
		set_dead(watch, known);
		return;
	}
	known->doubt = true;
	watch_set_doubt(watch);
}

static void look_again(struct known *known, void *context)
{
	struct agora_watch *watch = context;

	if (!known->doubt || !known->alive)
		return;
	if (probe(watch, known) == 0)
		set_dead(watch, known);
	else
		watch->doubtful++;
}

void watch_look_again(struct agora_watch *watch)
{
	watch->doubtful = 0;
	roster_each(&watch->roster, look_again, watch);
}

static void read_since(const struct agora_watch *watch,
	const struct known *known, struct timespec *since)
{
	int dir = space_open_program(&watch->space, known->name, O_PATH);
	struct manifest manifest;

	if (dir < 0)
		return;
	if (!manifest_read(dir, &manifest)) {
		if (manifest.pid)
			*since = manifest.since;
		manifest_free(&manifest);
	}
	close(dir);
}

/* The manifest was replaced: by a new registration, or by the old one. */
static void see_manifest(struct agora_watch *watch, struct known *known)
{
	struct timespec since = known->since;
	bool other;

	read_since(watch, known, &since);
	other = since.tv_sec != known->since.tv_sec ||
		since.tv_nsec != known->since.tv_nsec;
	known->since = since;
	if (other && known->alive)
		set_dead(watch, known);
	if (known->alive || (!other && probe(watch, known) != 1)) {
		watch_emit(watch, AGORA_PROGRAM_CHANGED, known->name, "");
		return;
	}
	known->alive = true;
	watch_emit(watch, AGORA_PROGRAM_ALIVE, known->name, "");
	/* If it has died since, that is still to be seen. */
	if (probe(watch, known) != 1) {
		known->doubt = true;
		watch_set_doubt(watch);
	}
}

/* ---- programs ------------------------------------------------------- */

static void forget(struct agora_watch *watch, struct known *known)
{
	if (known->watch >= 0)
		inotify_rm_watch(watch->inotify, known->watch);
	watch_emit(watch, AGORA_PROGRAM_REMOVED, known->name, "");
	roster_remove(&watch->roster, known);
}

static int enter_watch(struct agora_watch *watch, struct known *known, int dir)
{
	int added = watch_directory(watch, dir, WATCH_PROGRAM_EVENTS);
	struct known *other;

	if (added < 0)
		return added;
	if (added == known->watch)
		return 0;
	/* Renamed while it was listed: the other name is of the past. */
	other = roster_find_watch(&watch->roster, added);
	if (other) {
		roster_set_watch(&watch->roster, other, -1);
		forget(watch, other);
	}
	return roster_set_watch(&watch->roster, known, added);
}

static void add_object(
	struct agora_watch *watch, struct known *known, const char *name)
{
	int added = known_add_object(known, name);

	if (added < 0)
		watch->lost = true;
	else if (added)
		watch_emit(watch, AGORA_OBJECT_ADDED, known->name, name);
}

static void see_content(struct agora_watch *watch, struct known *known, int dir)
{
	char **objects;

	read_since(watch, known, &known->since);
	if (!known->alive && alive_probe(dir) == 1) {
		known->alive = true;
		watch_emit(watch, AGORA_PROGRAM_ALIVE, known->name, "");
	}
	if (space_read_objects(dir, &objects) < 0)
		return;
	for (size_t i = 0; objects[i]; i++)
		add_object(watch, known, objects[i]);
	agora_list_free(objects);
}

/*
 * Watch it and see what is in it. One that has vanished will be reported as
 * such; of one that we may not read, only coming and going is known.
 */
static int enter(struct agora_watch *watch, struct known *known)
{
	int dir = space_open_program(&watch->space, known->name, O_RDONLY);
	int error;

	if (dir < 0)
		return dir == -ENOENT || dir == -EACCES ? 0 : dir;
	error = enter_watch(watch, known, dir);
	if (!error)
		see_content(watch, known, dir);
	close(dir);
	return error == -EACCES ? 0 : error;
}

void watch_see(struct agora_watch *watch, const char *name)
{
	struct known *known = roster_add(&watch->roster, name);
	int error = -ENOMEM;

	if (known) {
		watch_emit(watch, AGORA_PROGRAM_ADDED, name, "");
		error = enter(watch, known);
	}
	if (error)
		watch_give_up(watch, error);
}

/* Tell whether another directory bears the name now. */
static bool is_replaced(struct agora_watch *watch, const struct known *known)
{
	int dir = space_open_program(&watch->space, known->name, O_RDONLY);
	int added;

	if (dir < 0)
		return false;
	added = watch_directory(watch, dir, WATCH_PROGRAM_EVENTS);
	close(dir);
	return added >= 0 && known->watch >= 0 && added != known->watch;
}

/* ---- what the kernel says ------------------------------------------- */

static void on_appearance(
	struct agora_watch *watch, struct known *known, const char *name)
{
	/* Renamed over an empty one, which nobody reports as removed. */
	if (known && is_replaced(watch, known)) {
		forget(watch, known);
		known = NULL;
	}
	if (!known)
		watch_see(watch, name);
}

static void on_attributes(struct agora_watch *watch, struct known *known)
{
	int error = 0;

	watch_emit(watch, AGORA_PROGRAM_CHANGED, known->name, "");
	/* Perhaps we may read it now. */
	if (known->watch < 0)
		error = enter(watch, known);
	if (error)
		watch_give_up(watch, error);
}

static void on_space(struct agora_watch *watch, uint32_t mask, const char *name)
{
	struct known *known;

	if (!(mask & IN_ISDIR) || agora_name_check(name))
		return;
	if (watch->only && strcmp(name, watch->only))
		return;
	known = roster_find(&watch->roster, name);
	if (mask & APPEARED)
		on_appearance(watch, known, name);
	else if (known && mask & VANISHED)
		forget(watch, known);
	else if (known && mask & IN_ATTRIB)
		on_attributes(watch, known);
}

static bool is_regular(const struct agora_watch *watch,
	const struct known *known, const char *name)
{
	int dir = space_open_program(&watch->space, known->name, O_PATH);
	struct stat st;
	bool other;

	if (dir < 0)
		return true;
	/* One that is gone already was an object for all that we know. */
	other = !fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) &&
		!S_ISREG(st.st_mode);
	close(dir);
	return !other;
}

static void on_object(struct agora_watch *watch, struct known *known,
	uint32_t mask, const char *name)
{
	if (mask & APPEARED && is_regular(watch, known, name))
		add_object(watch, known, name);
	if (mask & VANISHED && known_remove_object(known, name))
		watch_emit(watch, AGORA_OBJECT_REMOVED, known->name, name);
	if (mask & IN_ATTRIB && known_has_object(known, name))
		watch_emit(watch, AGORA_OBJECT_CHANGED, known->name, name);
}

static void on_program(struct agora_watch *watch, struct known *known,
	uint32_t mask, const char *name)
{
	if (mask & IN_ISDIR)
		return;
	if (space_is_object(name))
		on_object(watch, known, mask, name);
	else if (!strcmp(name, ALIVE_FILE) &&
		 mask & (IN_CLOSE_WRITE | VANISHED))
		doubt_alive(watch, known);
	else if (!strcmp(name, MANIFEST_FILE) && mask & IN_MOVED_TO)
		see_manifest(watch, known);
}

void watch_take_in(struct agora_watch *watch, const struct inotify_event *event)
{
	const char *name = event->len ? event->name : "";
	struct known *known;

	if (event->wd == watch->root) {
		on_space(watch, event->mask, name);
		return;
	}
	known = roster_find_watch(&watch->roster, event->wd);
	if (known && event->mask & IN_IGNORED)
		roster_set_watch(&watch->roster, known, -1);
	else if (known)
		on_program(watch, known, event->mask, name);
}
