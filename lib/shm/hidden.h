/*
 * hidden.h - program directories that are not there yet, or not any more.
 *
 * A directory is built as ".new-<random>" and then renamed to its name in
 * one step; it is renamed to ".gone-<random>-<name>" in one step and then
 * taken apart. Names with a leading dot are never programs, so nobody sees
 * anything half-made. Meanwhile the maker holds the lock of alive.h: what is
 * hidden and not locked was left by the dead, and hidden_sweep() deals with
 * it.
 *
 * All of these are called between alive_enter() and alive_leave().
 */
#ifndef LIB_SHM_HIDDEN_H
#define LIB_SHM_HIDDEN_H

#include "shm/alive.h"
#include "shm/space.h"

#include <sys/types.h>

/* What a new directory starts with. */
struct hidden_content {
	mode_t mode; /* 0: 0777 & ~umask */
	enum alive_role role;
	const char *manifest;
	size_t manifest_size;
};

/*
 * Make a program's directory. ret_alive: it, opened and locked.
 * Returns 0, -EEXIST (name taken), -EAGAIN (swept away: try again), ...
 */
int hidden_create(const struct agora_space *space, const char *name,
	const struct hidden_content *content, struct alive *ret_alive);

/*
 * Remove a program's directory, whose lock is held as ALIVE_CHANGE.
 * Returns 0, -ENOTEMPTY, -EAGAIN (something slipped in, and all is back
 * under its name: look again), ...
 */
int hidden_remove(const struct agora_space *space, const char *name,
	const struct alive *alive);

/* Tell whether a directory still bears the name. */
bool hidden_is_current(
	const struct agora_space *space, const char *name, int dir);

/* Finish, or undo, what the dead have left. */
void hidden_sweep(const struct agora_space *space);

#endif
