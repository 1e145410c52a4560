/*
 * agora/program.h - register, find and describe programs.
 *
 * A program is a directory of the space with a manifest (".program") and
 * objects. It is alive while the process that registered it holds a kernel
 * lock; the kernel drops the lock however the process ends. There is no
 * heartbeat, and pids only inform.
 */
#ifndef AGORA_PROGRAM_H
#define AGORA_PROGRAM_H

#include <agora/space.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct agora_program;

/** How to register a program. All-zero means the defaults. */
struct agora_program_options {
	const char *doc;         /* one line of UTF-8, or NULL */
	const char *const *tags; /* NULL-terminated "key" or "key=value" */
	mode_t mode;             /* if created; 0 means 0777 & ~umask */
	pid_t pid;               /* shown in the manifest; 0 means getpid() */
	uint64_t reserved[4];    /* must be zero */
};

/** What is known about a program. */
struct agora_program_info {
	char *name;
	char *doc;   /* "" when there is none */
	char **tags; /* NULL-terminated, in the order of registration */
	pid_t pid;   /* who registered last; 0 when nobody ever did */
	int alive;   /* 1 while that registration holds */
	struct timespec since; /* CLOCK_REALTIME of that registration */
	mode_t mode;
	uid_t uid;
	gid_t gid;
};

/**
 * Create a program that no process stands behind, as mkdir in the tree does.
 *
 * Returns 0, -EEXIST, -EINVAL (as register), -ENAMETOOLONG, -EACCES,
 * -ENOENT (the space was removed), -ENOSPC, -ENOMEM.
 * Crash: the directory appears complete or not at all. Since: 0.1
 */
int agora_program_create(struct agora_space *space, const char *name,
	const struct agora_program_options *options);

/**
 * Register the calling process as a program.
 *
 * A name that nobody holds is created; a name whose process is gone is taken
 * over with all its objects. The manifest is replaced atomically.
 *
 * Returns 0, -EEXIST (alive: agora_program_info() tells who), -EINVAL (name;
 * tag whose key is not a name; control characters in a tag or the doc; more
 * than 64 KiB of them), -ENAMETOOLONG, -ENOTDIR (the name belongs to
 * something that is no program), -EBUSY (a process that is stopped is about
 * to remove it, or somebody keeps a read lock on its ".alive"), -EACCES,
 * -ENOENT (the space was removed), -EUCLEAN (its lock file is none),
 * -ENOSPC, -ENOMEM.
 * Progress: blocking only in the kernel's filesystem.
 * Crash: the name is not alive; what it held before is kept. Since: 0.1
 */
int agora_program_register(struct agora_space *space, const char *name,
	const struct agora_program_options *options,
	struct agora_program **ret_program);

/**
 * Give the name up: the program is shown as not alive, its objects stay.
 * NULL is accepted. In a forked child only memory is released.
 */
void agora_program_unregister(struct agora_program *program);

/** Return the name under which program was registered. */
const char *agora_program_name(const struct agora_program *program);

/**
 * Replace the manifest of one's own registration: doc and tags, and the pid
 * if it is not 0.
 *
 * Returns 0, -EINVAL, -EACCES, -ENOSPC, -ENOMEM, -ESTALE (its directory was
 * removed by hand), -ECHILD. Crash: the old manifest or
 * the new one stands. Since: 0.1
 */
int agora_program_declare(struct agora_program *program,
	const struct agora_program_options *options);

/**
 * Describe a program.
 *
 * Returns 0, -ENOENT, -EINVAL (name), -EACCES, -ENOMEM, -EUCLEAN (the
 * manifest is not readable as one). A freshly registered program may for an
 * instant show the previous owner's pid. Since: 0.1
 */
int agora_program_info(struct agora_space *space, const char *name,
	struct agora_program_info **ret_info);

/** Free what agora_program_info() returned. NULL is accepted. */
void agora_program_info_free(struct agora_program_info *info);

/**
 * Remove a program that holds no objects.
 *
 * Returns 0, -ENOENT, -ENOTEMPTY (it still has objects, or files that are
 * not agora's), -EBUSY (alive: unregister first), -EINVAL, -ENAMETOOLONG,
 * -EACCES, -EUCLEAN (its lock file is none).
 * Crash: gone or still there; what is left of an unfinished removal is taken
 * away by the next register, create or remove in the space. Since: 0.1
 */
int agora_program_remove(struct agora_space *space, const char *name);

/**
 * Forget who registered a program last, its doc and tags; objects stay.
 *
 * Returns 0, -ENOENT, -EBUSY (alive), -EINVAL, -EACCES.
 * Crash: forgotten or not. Since: 0.1
 */
int agora_program_forget(struct agora_space *space, const char *name);

/**
 * Rename a program with all its objects; open handles stay valid.
 *
 * Returns 0, -ENOENT, -EEXIST (nothing is replaced), -EINVAL,
 * -ENAMETOOLONG, -EACCES. Since: 0.1
 */
int agora_program_rename(
	struct agora_space *space, const char *from, const char *to);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
