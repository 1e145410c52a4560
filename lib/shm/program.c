/*
 * program.c - register, find and describe programs: see agora/program.h.
 *
 * A program is a directory; alive.h says who stands behind it, manifest.h
 * what it says about itself, hidden.h how it comes and goes in one step.
 *
 * Registering a name that is there, and what a death leaves after each step:
 * 1. lock .alive            the program as it was, not alive
 * 2. is it still the name's? if not, start again
 * 3. sweep, new manifest    the old manifest or the new one, not alive
 * A name that is not there is created with the lock held, so that it is
 * alive from its first instant. If somebody else was faster, start again.
 *
 * Whatever starts again does so because others finished a step, or because
 * one of them holds the lock for an instant (stopped there, for as long as it
 * is stopped; patience ends with -EBUSY).
 */
#include <agora/program.h>

#include "base/crash.h"
#include "shm/hidden.h"
#include "shm/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Tries at what others are at work on, a millisecond apart. */
#define TRIES 1000

struct agora_program {
	struct alive alive;
	pid_t process; /* whose registration this is */
	struct manifest_owner owner;
	char *name;
};

/* One thing to do to a name, to be tried again on -EAGAIN. */
struct job {
	const struct agora_space *space;
	const char *name;
	struct hidden_content content;
	struct alive *alive; /* where a registration is kept */
};

static int repeat(int (*attempt)(struct job *job), struct job *job)
{
	const struct timespec nap = {.tv_nsec = 1000000};

	for (int i = 0; i < TRIES; i++) {
		int error = alive_enter();

		if (error)
			return error;
		error = attempt(job);
		alive_leave();
		if (error != -EAGAIN)
			return error;
		nanosleep(&nap, NULL);
	}
	return -EBUSY;
}

/* The kernel's word for sticky directories and for immutable files. */
static int denied(int error)
{
	return error == -EPERM ? -EACCES : error;
}

/* Open and lock the directory that now bears the name. */
static int lock_current(
	const struct job *job, enum alive_role role, struct alive *ret_alive)
{
	int dir = space_open_program(job->space, job->name, O_RDONLY);
	int lock, error;

	if (dir < 0)
		return dir;
	error = alive_lock(dir, role, true, &lock);
	if (error) {
		close(dir);
		/* It was removed between the two. */
		return error == -ENOENT ? -EAGAIN : error;
	}
	crash_point(program_locked);
	if (hidden_is_current(job->space, job->name, dir) &&
		alive_is_current(dir, lock)) {
		*ret_alive = (struct alive){.dir = dir, .lock = lock};
		return 0;
	}
	close(lock);
	close(dir);
	return -EAGAIN;
}

static void let_go(const struct alive *alive)
{
	alive_unlock(alive->lock);
	close(alive->lock);
	close(alive->dir);
}

/* Something that is no program may have the name: that is for ever. */
static int check_directory(const struct job *job)
{
	struct stat st;

	if (fstatat(job->space->fd, job->name, &st, AT_SYMLINK_NOFOLLOW))
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

/* ---- create and register -------------------------------------------- */

static int prepare(struct job *job, const struct manifest_owner *owner,
	const struct agora_program_options *options, char **ret_text)
{
	int result = agora_name_check(job->name);

	if (!result)
		result = manifest_check(options);
	if (!result)
		result = manifest_format(job->name, owner, options, ret_text);
	if (result < 0)
		return result;
	job->content.mode = options ? options->mode : 0;
	job->content.manifest = *ret_text;
	job->content.manifest_size = (size_t)result;
	return 0;
}

static int create(struct job *job)
{
	struct alive alive;
	int error;

	hidden_sweep(job->space);
	error = check_directory(job);
	if (error != -ENOENT)
		return !error || error == -ENOTDIR ? -EEXIST : error;
	error = hidden_create(job->space, job->name, &job->content, &alive);
	if (!error)
		let_go(&alive);
	return denied(error);
}

int agora_program_create(struct agora_space *space, const char *name,
	const struct agora_program_options *options)
{
	const struct manifest_owner nobody = {.pid = 0};
	struct job job = {
		.space = space, .name = name, .content.role = ALIVE_CHANGE};
	char *text = NULL;
	int error = prepare(&job, &nobody, options, &text);

	if (!error)
		error = repeat(create, &job);
	free(text);
	return error;
}

/* Who may not take the lock may still see that somebody has it. */
static bool is_alive(const struct job *job)
{
	int dir = space_open_program(job->space, job->name, O_PATH);
	int alive;

	if (dir < 0)
		return false;
	alive = alive_probe(dir);
	close(dir);
	return alive == 1;
}

static int take_over(struct job *job)
{
	struct alive alive;
	int error = lock_current(job, ALIVE_PROGRAM, &alive);

	if (error == -EACCES && is_alive(job))
		return -EEXIST;
	if (error)
		return error;
	manifest_sweep(alive.dir);
	error = manifest_write(
		alive.dir, job->content.manifest, job->content.manifest_size);
	if (error)
		let_go(&alive);
	else
		*job->alive = alive;
	return error;
}

static int take(struct job *job)
{
	int error = check_directory(job);

	if (!error) {
		error = take_over(job);
		/* It was removed meanwhile. */
		return error == -ENOENT ? -EAGAIN : error;
	}
	if (error != -ENOENT)
		return error;
	error = hidden_create(job->space, job->name, &job->content, job->alive);
	return error == -EEXIST ? -EAGAIN : error;
}

static int take_and_keep(struct job *job)
{
	int error;

	hidden_sweep(job->space);
	error = denied(take(job));
	if (!error)
		alive_keep(job->alive);
	return error;
}

static int register_as(struct agora_space *space, struct agora_program *program,
	const struct agora_program_options *options)
{
	struct job job = {.space = space,
		.name = program->name,
		.content.role = ALIVE_PROGRAM,
		.alive = &program->alive};
	char *text = NULL;
	int error;

	program->process = getpid();
	program->owner.pid =
		options && options->pid ? options->pid : program->process;
	clock_gettime(CLOCK_REALTIME, &program->owner.since);
	error = prepare(&job, &program->owner, options, &text);
	if (!error)
		error = repeat(take_and_keep, &job);
	free(text);
	return error;
}

int agora_program_register(struct agora_space *space, const char *name,
	const struct agora_program_options *options,
	struct agora_program **ret_program)
{
	struct agora_program *program;
	int error = agora_name_check(name);

	if (error)
		return error;
	program = calloc(1, sizeof(*program));
	if (!program)
		return -ENOMEM;
	program->name = strdup(name);
	error = program->name ? register_as(space, program, options) : -ENOMEM;
	if (error) {
		free(program->name);
		free(program);
	} else {
		*ret_program = program;
	}
	return error;
}

void agora_program_unregister(struct agora_program *program)
{
	if (!program)
		return;
	alive_drop(&program->alive, program->process != getpid());
	free(program->name);
	free(program);
}

const char *agora_program_name(const struct agora_program *program)
{
	return program->name;
}

/* ---- describe ------------------------------------------------------- */

static int declare(struct agora_program *program,
	const struct agora_program_options *options)
{
	struct manifest_owner owner = program->owner;
	char *text;
	int result;

	if (options && options->pid)
		owner.pid = options->pid;
	result = manifest_format(program->name, &owner, options, &text);
	if (result < 0)
		return result;
	result = manifest_write(program->alive.dir, text, (size_t)result);
	free(text);
	if (!result)
		program->owner = owner;
	return result == -ENOENT ? -ESTALE : denied(result);
}

int agora_program_declare(struct agora_program *program,
	const struct agora_program_options *options)
{
	int error = manifest_check(options);

	if (program->process != getpid())
		return -ECHILD;
	if (!error)
		error = alive_enter();
	if (error)
		return error;
	error = declare(program, options);
	alive_leave();
	return error;
}

static int describe(int dir, struct agora_program_info *info)
{
	struct manifest manifest = {.pid = 0};
	struct stat st;
	int error;

	if (fstat(dir, &st))
		return -errno;
	info->alive = alive_probe(dir);
	if (info->alive < 0)
		return info->alive;
	error = manifest_read(dir, &manifest);
	if (error)
		return error;
	info->doc = manifest.doc ? manifest.doc : strdup("");
	info->tags =
		manifest.tags ? manifest.tags : calloc(1, sizeof(*info->tags));
	info->pid = manifest.pid;
	info->since = manifest.since;
	info->mode = st.st_mode & 07777;
	info->uid = st.st_uid;
	info->gid = st.st_gid;
	return info->doc && info->tags ? 0 : -ENOMEM;
}

int agora_program_info(struct agora_space *space, const char *name,
	struct agora_program_info **ret_info)
{
	int dir = space_open_program(space, name, O_PATH);
	struct agora_program_info *info;
	int error = -ENOMEM;

	if (dir < 0)
		return dir;
	info = calloc(1, sizeof(*info));
	if (info)
		info->name = strdup(name);
	if (info && info->name)
		error = describe(dir, info);
	close(dir);
	if (error)
		agora_program_info_free(info);
	else
		*ret_info = info;
	return error;
}

void agora_program_info_free(struct agora_program_info *info)
{
	if (!info)
		return;
	free(info->name);
	free(info->doc);
	agora_list_free(info->tags);
	free(info);
}

/* ---- remove and rename ---------------------------------------------- */

static int remove_one(struct job *job)
{
	struct alive alive;
	int error;

	hidden_sweep(job->space);
	error = lock_current(job, ALIVE_CHANGE, &alive);
	if (error)
		return error == -EEXIST ? -EBUSY : denied(error);
	error = hidden_remove(job->space, job->name, &alive);
	let_go(&alive);
	return denied(error);
}

int agora_program_remove(struct agora_space *space, const char *name)
{
	struct job job = {.space = space, .name = name};

	return repeat(remove_one, &job);
}

static int forget_one(struct job *job)
{
	struct alive alive;
	int error = lock_current(job, ALIVE_CHANGE, &alive);

	if (error)
		return error == -EEXIST ? -EBUSY : denied(error);
	if (unlinkat(alive.dir, MANIFEST_FILE, 0) && errno != ENOENT)
		error = denied(-errno);
	crash_point(program_forgotten);
	let_go(&alive);
	return error;
}

int agora_program_forget(struct agora_space *space, const char *name)
{
	struct job job = {.space = space, .name = name};

	return repeat(forget_one, &job);
}

int agora_program_rename(
	struct agora_space *space, const char *from, const char *to)
{
	int dir = space_open_program(space, from, O_PATH);
	int error;

	if (dir < 0)
		return dir;
	close(dir);
	error = agora_name_check(to);
	if (error)
		return error;
	if (renameat2(space->fd, from, space->fd, to, RENAME_NOREPLACE))
		return denied(-errno);
	crash_point(program_renamed);
	return 0;
}
