/*
 * agora/space.h - the directory that holds everything of one installation.
 *
 * A space holds programs, a program holds objects. On disk a program is a
 * directory and an object is one file in it, so that ownership, permission
 * bits, renaming and removal are those of the filesystem, for every door.
 */
#ifndef AGORA_SPACE_H
#define AGORA_SPACE_H

#include <agora/base.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct agora_space;

/**
 * Open a space.
 *
 * path: its directory. NULL means $AGORA_SPACE, else /dev/shm/agora-<uid>,
 * which is created with mode 0700 when missing, and refused when another
 * user owns it or may write to it.
 *
 * Returns 0, -ENOENT (no such directory), -ENOTDIR, -EACCES, -EPERM (the
 * default space is not ours alone), -ENOMEM.
 * It is no more than a descriptor: a forked child may go on using it.
 * Crash: leaves at most the empty default directory. Since: 0.1
 */
int agora_space_open(const char *path, struct agora_space **ret_space);

/**
 * Close a space; objects and programs opened through it stay valid.
 * NULL is accepted.
 */
void agora_space_close(struct agora_space *space);

/** Return the absolute path of the space's directory. */
const char *agora_space_path(const struct agora_space *space);

/** Return a descriptor (O_PATH) of the space's directory, owned by space. */
int agora_space_fd(const struct agora_space *space);

/**
 * List the names in the space, sorted by their bytes.
 *
 * program: NULL lists programs; a program's name lists its objects
 * ("alerts.queue"); files that are neither are left out.
 * ret_names: a NULL-terminated array, to be freed by agora_list_free().
 *
 * Returns the number of names, -ENOENT, -EACCES, -EINVAL (not a name),
 * -ENOMEM. Since: 0.1
 */
int agora_space_list(
	struct agora_space *space, const char *program, char ***ret_names);

/** Free what agora_space_list() returned. NULL is accepted. */
void agora_list_free(char **names);

/**
 * Finish, or undo, what processes left behind that were killed while they
 * made or removed a program. Whatever changes programs does so too.
 *
 * Returns 0, -ENOMEM. What belongs to other users is left alone.
 * Crash: the next one goes on. Since: 0.1
 */
int agora_space_sweep(struct agora_space *space);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
