/* space.h - the directory of a space, from inside: see agora/space.h. */
#ifndef LIB_SHM_SPACE_H
#define LIB_SHM_SPACE_H

#include <agora/space.h>

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>

/* Room for the path of any descriptor: see space_proc_path(). */
#define SPACE_PROC_PATH 32

/* Nothing in it belongs to a process: a forked child may go on using it. */
struct agora_space {
	int fd; /* O_PATH */
	char *path;
};

/*
 * Open the directory of a program, with flags beside O_DIRECTORY (O_PATH or
 * 0 for reading). Returns a descriptor; -ENOENT also when the name belongs
 * to something that is no program, -EINVAL, -ENAMETOOLONG, -EACCES.
 */
int space_open_program(
	const struct agora_space *space, const char *name, int flags);

/* Tell whether a file name is that of an object: a name and a known kind. */
bool space_is_object(const char *name);

/*
 * List those names in a directory that are wanted, sorted by their bytes.
 * ret_names: as agora_space_list(). Returns how many, or a negative errno.
 */
int space_read(int dir, bool (*wanted)(int dir, const struct dirent *entry),
	char ***ret_names);

/* List the objects in a program's directory, as agora_space_list() does. */
int space_read_objects(int dir, char ***ret_names);

/* A path for calls that take no descriptor; it follows renames. */
void space_proc_path(int fd, char ret_path[SPACE_PROC_PATH]);

/* 16 hexadecimal digits that nobody guesses, for hidden names. */
void space_random(char ret_digits[17]);

#endif
