/* program.c - create, register, describe, remove and rename programs. */
#include "programs.h"

#include <sched.h>
#include <sys/mount.h>

/* ---- create, register, describe ------------------------------------- */

TEST(a_created_program_is_there_and_not_alive)
{
	struct agora_program_info *info;

	CHECK_OK(agora_program_create(space, "weather", &described));
	CHECK_OK(agora_program_info(space, "weather", &info));
	CHECK_STR("weather", info->name);
	CHECK_STR("Readings of all stations", info->doc);
	CHECK_STR("weather", info->tags[0]);
	CHECK_STR("region=north", info->tags[1]);
	CHECK(!info->tags[2]);
	CHECK_EQ(0, info->pid);
	CHECK_EQ(0, info->alive);
	CHECK_EQ(0, info->since.tv_sec);
	CHECK_EQ(geteuid(), info->uid);
	agora_program_info_free(info);
	CHECK_ERROR(-EEXIST, agora_program_create(space, "weather", NULL));
	check_tidy("weather", 0);
}

TEST(a_registered_program_is_alive_until_it_unregisters)
{
	struct agora_program *program;
	struct agora_program_info *info;
	struct timespec now;

	CHECK_OK(
		agora_program_register(space, "weather", &described, &program));
	CHECK_STR("weather", agora_program_name(program));
	CHECK_OK(agora_program_info(space, "weather", &info));
	CHECK_EQ(1, info->alive);
	CHECK_EQ(getpid(), info->pid);
	clock_gettime(CLOCK_REALTIME, &now);
	CHECK(info->since.tv_sec <= now.tv_sec);
	CHECK(info->since.tv_sec > now.tv_sec - 60);
	agora_program_info_free(info);
	agora_program_unregister(program);
	CHECK(!is_alive("weather"));
	check_tidy("weather", 0);
}

TEST(nothing_declared_is_described_as_nothing)
{
	struct agora_program *program;
	struct agora_program_info *info;

	CHECK_OK(agora_program_register(space, "p", NULL, &program));
	CHECK_OK(agora_program_info(space, "p", &info));
	CHECK_STR("", info->doc);
	CHECK(!info->tags[0]);
	agora_program_info_free(info);
	agora_program_unregister(program);
	agora_program_unregister(NULL);
	agora_program_info_free(NULL);
}

TEST(declaring_replaces_doc_and_tags_and_keeps_the_rest)
{
	const struct agora_program_options other = {.doc = "other"};
	struct agora_program_info *before, *after;
	struct agora_program *program;

	CHECK_OK(agora_program_register(space, "p", &described, &program));
	CHECK_OK(agora_program_info(space, "p", &before));
	CHECK_OK(agora_program_declare(program, &other));
	CHECK_OK(agora_program_info(space, "p", &after));
	CHECK_STR("other", after->doc);
	CHECK(!after->tags[0]);
	CHECK_EQ(before->pid, after->pid);
	CHECK_EQ(before->since.tv_sec, after->since.tv_sec);
	CHECK_EQ(before->since.tv_nsec, after->since.tv_nsec);
	CHECK_EQ(1, after->alive);
	agora_program_info_free(before);
	agora_program_info_free(after);
	agora_program_unregister(program);
}

TEST(another_pid_can_be_shown)
{
	const struct agora_program_options first = {.pid = 17};
	const struct agora_program_options second = {.pid = 18};
	struct agora_program *program;
	pid_t pid;
	int alive;

	CHECK_OK(agora_program_register(space, "p", &first, &program));
	CHECK_OK(look("p", &pid, &alive));
	CHECK_EQ(17, pid);
	CHECK_OK(agora_program_declare(program, &second));
	CHECK_OK(agora_program_declare(program, NULL));
	CHECK_OK(look("p", &pid, &alive));
	CHECK_EQ(18, pid);
	agora_program_unregister(program);
}

TEST(the_mode_of_the_directory_is_the_one_asked_for)
{
	struct agora_program_options options = {.mode = 0};
	struct agora_program_info *info;
	struct stat st;

	umask(027);
	CHECK_OK(agora_program_create(space, "default", &options));
	CHECK_OK(agora_program_info(space, "default", &info));
	CHECK_EQ(0750, info->mode);
	agora_program_info_free(info);
	options.mode = 02775;
	CHECK_OK(agora_program_create(space, "group", &options));
	CHECK_OK(agora_program_info(space, "group", &info));
	CHECK_EQ(02775, info->mode);
	agora_program_info_free(info);
	CHECK_SYS(fstatat(agora_space_fd(space), "group/.alive", &st, 0));
	CHECK_EQ(0664, st.st_mode & 0777);
	CHECK_SYS(fstatat(agora_space_fd(space), "group/.program", &st, 0));
	CHECK_EQ(0644, st.st_mode & 0777);
}

TEST(bad_names_are_refused_everywhere)
{
	static const char *const bad[] = {
		"", ".", "..", ".p", "a/b", "a\nb", "a\x7f", "\xff"};
	struct agora_program_info *info;
	struct agora_program *program;

	CHECK_OK(agora_program_create(space, "p", NULL));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		const char *name = bad[i];

		CHECK_ERROR(-EINVAL, agora_program_create(space, name, NULL));
		CHECK_ERROR(-EINVAL,
			agora_program_register(space, name, NULL, &program));
		CHECK_ERROR(-EINVAL, agora_program_info(space, name, &info));
		CHECK_ERROR(-EINVAL, agora_program_remove(space, name));
		CHECK_ERROR(-EINVAL, agora_program_rename(space, name, "q"));
		CHECK_ERROR(-EINVAL, agora_program_rename(space, "p", name));
	}
	check_tidy("p", 0);
}

TEST(names_are_up_to_200_bytes_long)
{
	struct agora_program_info *info;
	struct agora_program *program;
	char name[202];

	memset(name, 'n', sizeof(name));
	name[201] = 0;
	CHECK_ERROR(-ENAMETOOLONG, agora_program_create(space, name, NULL));
	CHECK_ERROR(-ENAMETOOLONG,
		agora_program_register(space, name, NULL, &program));
	CHECK_ERROR(-ENAMETOOLONG, agora_program_info(space, name, &info));
	name[200] = 0;
	CHECK_OK(agora_program_register(space, name, NULL, &program));
	CHECK(is_alive(name));
	agora_program_unregister(program);
	CHECK_OK(agora_program_remove(space, name));
	CHECK_EQ(0, count_entries("."));
}

TEST(info_of_a_missing_program_is_enoent)
{
	struct agora_program_info *info;

	CHECK_ERROR(-ENOENT, agora_program_info(space, "no", &info));
	put_file("file", "x", 1);
	CHECK_ERROR(-ENOENT, agora_program_info(space, "file", &info));
}

TEST(a_file_in_the_place_of_a_program_is_enotdir)
{
	struct agora_program *program;

	put_file("file", "x", 1);
	CHECK_ERROR(-ENOTDIR,
		agora_program_register(space, "file", NULL, &program));
	CHECK_ERROR(-EEXIST, agora_program_create(space, "file", NULL));
	CHECK_ERROR(-ENOENT, agora_program_remove(space, "file"));
	CHECK_ERROR(-ENOENT, agora_program_rename(space, "file", "x"));
	CHECK_EQ(1, count_entries("."));
}

TEST(a_directory_made_by_hand_is_a_program)
{
	struct agora_program *program;
	pid_t pid;
	int alive;

	CHECK_SYS(mkdirat(agora_space_fd(space), "p", 0755));
	CHECK_OK(look("p", &pid, &alive));
	CHECK_EQ(0, pid);
	CHECK_EQ(0, alive);
	CHECK_OK(agora_program_register(space, "p", NULL, &program));
	CHECK(is_alive("p"));
	agora_program_unregister(program);
	check_tidy("p", 0);
	CHECK_OK(agora_program_remove(space, "p"));
}

TEST(registering_in_a_removed_space_is_enoent)
{
	struct agora_program *program;
	struct agora_space *gone;
	char path[512];

	snprintf(path, sizeof(path), "%s/inner", space_dir);
	CHECK_SYS(mkdir(path, 0700));
	CHECK_OK(agora_space_open(path, &gone));
	CHECK_SYS(rmdir(path));
	CHECK_ERROR(-ENOENT, agora_program_create(gone, "p", NULL));
	CHECK_ERROR(-ENOENT, agora_program_register(gone, "p", NULL, &program));
	agora_space_close(gone);
}

/* ---- remove and rename ---------------------------------------------- */

TEST(a_program_without_objects_can_be_removed)
{
	CHECK_OK(agora_program_create(space, "p", NULL));
	CHECK_OK(agora_program_remove(space, "p"));
	CHECK_ERROR(-ENOENT, agora_program_remove(space, "p"));
	CHECK_EQ(0, count_entries("."));
}

TEST(a_program_with_objects_is_enotempty)
{
	CHECK_OK(agora_program_create(space, "p", &described));
	put_file("p/x.queue", "x", 1);
	CHECK_ERROR(-ENOTEMPTY, agora_program_remove(space, "p"));
	check_tidy("p", 1);
	CHECK_SYS(unlinkat(agora_space_fd(space), "p/x.queue", 0));
	put_file("p/notes.txt", "x", 1);
	CHECK_ERROR(-ENOTEMPTY, agora_program_remove(space, "p"));
	check_tidy("p", 1);
}

TEST(a_program_that_is_alive_is_ebusy)
{
	struct agora_program *program;
	pid_t holder = start_holder("p");

	CHECK_ERROR(-EBUSY, agora_program_remove(space, "p"));
	driver_kill(holder);
	CHECK_OK(agora_program_register(space, "p", NULL, &program));
	CHECK_ERROR(-EBUSY, agora_program_remove(space, "p"));
	agora_program_unregister(program);
	CHECK_OK(agora_program_remove(space, "p"));
}

TEST(a_forgotten_program_keeps_its_objects_only)
{
	struct agora_program_options options = {.doc = "once"};
	struct agora_program_info *info;
	struct agora_program *program;
	char **names;

	CHECK_OK(agora_program_register(space, "p", &options, &program));
	CHECK_OK(agora_object_create(space, "p/q.queue", NULL));
	CHECK_ERROR(-EBUSY, agora_program_forget(space, "p"));
	agora_program_unregister(program);
	CHECK_OK(agora_program_forget(space, "p"));
	CHECK_OK(agora_program_forget(space, "p"));
	CHECK_OK(agora_program_info(space, "p", &info));
	CHECK_STR("", info->doc);
	CHECK_EQ(0, info->pid);
	agora_program_info_free(info);
	CHECK_EQ(1, agora_space_list(space, "p", &names));
	agora_list_free(names);
	CHECK_ERROR(-ENOENT, agora_program_forget(space, "q"));
}

TEST(renaming_keeps_objects_and_registration)
{
	struct agora_program *program;
	struct agora_program_info *info;

	CHECK_OK(agora_program_register(space, "old", &described, &program));
	put_file("old/x.queue", "x", 1);
	CHECK_OK(agora_program_rename(space, "old", "new"));
	CHECK(!exists("old"));
	CHECK(exists("new/x.queue"));
	CHECK(is_alive("new"));
	CHECK_OK(agora_program_declare(program, NULL));
	CHECK_OK(agora_program_info(space, "new", &info));
	CHECK_STR("new", info->name);
	CHECK(!info->tags[0]);
	agora_program_info_free(info);
	agora_program_unregister(program);
	CHECK(!is_alive("new"));
}

TEST(renaming_replaces_nothing)
{
	CHECK_OK(agora_program_create(space, "a", NULL));
	CHECK_OK(agora_program_create(space, "b", NULL));
	CHECK_ERROR(-EEXIST, agora_program_rename(space, "a", "b"));
	CHECK_ERROR(-EEXIST, agora_program_rename(space, "a", "a"));
	CHECK_ERROR(-ENOENT, agora_program_rename(space, "c", "d"));
	CHECK_EQ(2, count_entries("."));
}

/* ---- other users ---------------------------------------------------- */

TEST(in_a_shared_space_others_see_who_is_alive_and_change_nothing)
{
	struct agora_program *program;
	pid_t holder, pid;

	if (geteuid())
		SKIP("must be root to be somebody else");
	CHECK_SYS(chmod(space_dir, 01777));
	holder = start_holder("p");
	CHECK_OK(agora_program_create(space, "dead", NULL));
	pid = driver_fork();
	if (!pid) {
		CHECK_SYS(setresuid(65534, 65534, 65534));
		CHECK(is_alive("p") && !is_alive("dead"));
		CHECK_ERROR(-EEXIST,
			agora_program_register(space, "p", NULL, &program));
		CHECK_ERROR(-EACCES,
			agora_program_register(space, "dead", NULL, &program));
		CHECK_ERROR(-EACCES, agora_program_remove(space, "dead"));
		CHECK_ERROR(-EACCES, agora_program_rename(space, "dead", "x"));
		CHECK_OK(agora_program_register(space, "own", NULL, &program));
		CHECK(is_alive("own"));
		_exit(0);
	}
	driver_join(pid);
	CHECK(!is_alive("own"));
	driver_kill(holder);
}

TEST(a_space_that_one_may_not_write_is_eacces)
{
	struct agora_program *program;
	pid_t pid;

	if (geteuid())
		SKIP("must be root to be somebody else");
	CHECK_SYS(chmod(space_dir, 0755));
	pid = driver_fork();
	if (!pid) {
		CHECK_SYS(setresuid(65534, 65534, 65534));
		CHECK_ERROR(-EACCES, agora_program_create(space, "p", NULL));
		CHECK_ERROR(-EACCES,
			agora_program_register(space, "p", NULL, &program));
		_exit(0);
	}
	driver_join(pid);
}

TEST(members_of_the_group_can_take_over_a_shared_program)
{
	const struct agora_program_options shared = {.mode = 02775};
	struct agora_program *program;
	pid_t pid;

	if (geteuid())
		SKIP("must be root to be somebody else");
	CHECK_SYS(chmod(space_dir, 01777));
	CHECK_OK(agora_program_create(space, "p", &shared));
	CHECK_SYS(fchownat(agora_space_fd(space), "p", 0, 65534, 0));
	CHECK_SYS(fchmodat(agora_space_fd(space), "p", 02775, 0));
	CHECK_SYS(fchownat(agora_space_fd(space), "p/.alive", 0, 65534, 0));
	pid = driver_fork();
	if (!pid) {
		CHECK_SYS(setresgid(65534, 65534, 65534));
		CHECK_SYS(setresuid(65534, 65534, 65534));
		CHECK_OK(agora_program_register(space, "p", NULL, &program));
		CHECK(is_alive("p"));
		_exit(0);
	}
	driver_join(pid);
}

/* ---- no room -------------------------------------------------------- */

/* The space becomes a filesystem for some files, which only we see. */
static void mount_small(int files)
{
	char options[64];

	snprintf(options, sizeof(options), "size=64k,nr_inodes=%d", files + 1);
	if (unshare(CLONE_NEWNS) ||
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		mount("agora", space_dir, "tmpfs", 0, options))
		SKIP("may not mount a small filesystem");
	agora_space_close(space);
	CHECK_OK(agora_space_open(space_dir, &space));
}

TEST(no_room_for_a_program_is_enospc_and_leaves_nothing)
{
	struct agora_program *program;

	for (int files = 0; files < 3; files++) {
		mount_small(files);
		CHECK_ERROR(-ENOSPC, agora_program_create(space, "p", NULL));
		CHECK_ERROR(-ENOSPC,
			agora_program_register(space, "p", NULL, &program));
		CHECK_EQ(0, count_entries("."));
	}
	mount_small(3);
	CHECK_OK(agora_program_create(space, "p", NULL));
}

TEST(no_room_for_a_new_manifest_keeps_the_old)
{
	struct agora_program_info *info;
	struct agora_program *program;

	mount_small(3);
	CHECK_OK(agora_program_create(space, "p", &described));
	CHECK_ERROR(
		-ENOSPC, agora_program_register(space, "p", NULL, &program));
	CHECK_OK(agora_program_info(space, "p", &info));
	CHECK_STR("weather", info->tags[0]);
	CHECK_EQ(0, info->alive);
	agora_program_info_free(info);
	check_tidy("p", 0);
	CHECK_OK(agora_program_remove(space, "p"));
}
