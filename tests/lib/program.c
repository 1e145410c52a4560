/* program.c - register, find and describe programs, and die doing so. */
#include "driver.h"

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>

static const struct agora_program_options described = {
	.doc = "Readings of all stations",
	.tags = (const char *const[]){"weather", "region=north", NULL},
};

/* ---- looking -------------------------------------------------------- */

/* Returns as agora_program_info(); pid and alive are -1 on failure. */
static int look(const char *name, pid_t *pid, int *alive)
{
	struct agora_program_info *info;
	int error = agora_program_info(space, name, &info);

	*pid = *alive = -1;
	if (error)
		return error;
	*pid = info->pid;
	*alive = info->alive;
	agora_program_info_free(info);
	return 0;
}

static bool is_alive(const char *name)
{
	pid_t pid;
	int alive;

	CHECK_OK(look(name, &pid, &alive));
	return alive;
}

static bool exists(const char *path)
{
	return !faccessat(
		agora_space_fd(space), path, F_OK, AT_SYMLINK_NOFOLLOW);
}

static void put_file(const char *path, const char *text, size_t size)
{
	int fd = openat(agora_space_fd(space), path,
		O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	CHECK_SYS(fd);
	CHECK_EQ(size, write(fd, text, size));
	close(fd);
}

/* How many entries a directory has, hidden ones too. */
static int count_entries(const char *path)
{
	int fd = openat(agora_space_fd(space), path, O_RDONLY | O_CLOEXEC);
	DIR *stream = fdopendir(fd);
	int count = 0;

	CHECK(stream);
	while (readdir(stream))
		count++;
	closedir(stream);
	return count - 2;
}

/* Nothing in the space but the program, nothing in it but its own files. */
static void check_tidy(const char *name, int objects)
{
	CHECK_EQ(1, count_entries("."));
	CHECK_EQ(2 + objects, count_entries(name));
}

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

static void check_refused(struct agora_program_options options)
{
	struct agora_program *program;

	CHECK_ERROR(-EINVAL, agora_program_create(space, "bad", &options));
	CHECK_ERROR(-EINVAL,
		agora_program_register(space, "bad", &options, &program));
	CHECK_OK(agora_program_register(space, "good", NULL, &program));
	CHECK_ERROR(-EINVAL, agora_program_declare(program, &options));
	agora_program_unregister(program);
	check_tidy("good", 0);
}

TEST(what_would_not_be_one_line_is_refused)
{
	static const char *const docs[] = {
		"two\nlines", "\r", "\x1b[2J", "a\xc2\x85", "\xff"};
	static const char *const tags[] = {"", "=v", "a\nb", "a=b\nc", ".a",
		"a/b", "a=\x7f", "\xff", "a=\xc3"};
	const char *list[] = {NULL, NULL};

	for (size_t i = 0; i < sizeof(docs) / sizeof(*docs); i++)
		check_refused((struct agora_program_options){.doc = docs[i]});
	for (size_t i = 0; i < sizeof(tags) / sizeof(*tags); i++) {
		list[0] = tags[i];
		check_refused((struct agora_program_options){.tags = list});
	}
	check_refused((struct agora_program_options){.reserved = {0, 0, 0, 1}});
	check_refused((struct agora_program_options){.mode = 0100755});
	check_refused((struct agora_program_options){.pid = -1});
}

TEST(a_description_of_more_than_64_kib_is_refused)
{
	static char doc[70000];
	const struct agora_program_options options = {.doc = doc};

	memset(doc, 'd', sizeof(doc) - 1);
	check_refused(options);
	doc[65500] = 0;
	CHECK_OK(agora_program_create(space, "fits", &options));
	CHECK(!is_alive("fits"));
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

/* ---- what others wrote ---------------------------------------------- */

static void check_damaged(const char *text, size_t size)
{
	struct agora_program_info *info;

	put_file("p/.program", text, size);
	CHECK_ERROR(-EUCLEAN, agora_program_info(space, "p", &info));
}

#define CHECK_DAMAGED(text) check_damaged(text, sizeof(text) - 1)

TEST(what_is_no_manifest_is_euclean)
{
	static char large[65537];
	struct agora_program_info *info;

	CHECK_OK(agora_program_create(space, "p", NULL));
	CHECK_DAMAGED("program p");
	CHECK_DAMAGED("program p\ndoc\n");
	CHECK_DAMAGED("\n");
	CHECK_DAMAGED(" x\n");
	CHECK_DAMAGED("doc a\0b\n");
	CHECK_DAMAGED("doc \xff\n");
	CHECK_DAMAGED("doc \x1b[2J\n");
	CHECK_DAMAGED("unknown \xc3\n");
	CHECK_DAMAGED("pid 0\n");
	CHECK_DAMAGED("pid -1\n");
	CHECK_DAMAGED("pid 1x\n");
	CHECK_DAMAGED("pid 99999999999\n");
	CHECK_DAMAGED("pid 99999999999999999999\n");
	CHECK_DAMAGED("since yesterday\n");
	CHECK_DAMAGED("since 2026-11-23T05:15:00Z\n");
	CHECK_DAMAGED("since 2026-11-23T05:15:00.12345678xZ\n");
	CHECK_DAMAGED("since 2026-13-23T05:15:00.123456789Z\n");
	CHECK_DAMAGED("tag a/b\n");
	CHECK_DAMAGED("tag =\n");
	memset(large, 'x', sizeof(large));
	memcpy(large, "doc ", 4);
	large[65536] = '\n';
	check_damaged(large, sizeof(large));
	CHECK_SYS(unlinkat(agora_space_fd(space), "p/.program", 0));
	CHECK_SYS(
		symlinkat("/etc/passwd", agora_space_fd(space), "p/.program"));
	CHECK_ERROR(-EUCLEAN, agora_program_info(space, "p", &info));
	CHECK_SYS(unlinkat(agora_space_fd(space), "p/.program", 0));
	CHECK_SYS(mkfifoat(agora_space_fd(space), "p/.program", 0644));
	CHECK_ERROR(-EUCLEAN, agora_program_info(space, "p", &info));
}

TEST(a_damaged_manifest_is_replaced_by_registering)
{
	struct agora_program *program;

	CHECK_OK(agora_program_create(space, "p", NULL));
	CHECK_DAMAGED("\xff");
	CHECK_OK(agora_program_register(space, "p", NULL, &program));
	CHECK(is_alive("p"));
	agora_program_unregister(program);
}

TEST(keys_of_later_versions_are_skipped)
{
	static const char text[] = "accepts utf8/url at fetch.queue\n"
				   "pid 2147483647\n"
				   "since 2026-11-23T05:15:00.123456789Z\n"
				   "tag a=b=c\n"
				   "doc first\n"
				   "doc  gr\xc3\xbc\xc3\x9f\n";
	struct agora_program_info *info;

	CHECK_OK(agora_program_create(space, "p", NULL));
	put_file("p/.program", text, sizeof(text) - 1);
	CHECK_OK(agora_program_info(space, "p", &info));
	CHECK_EQ(2147483647, info->pid);
	CHECK_EQ(1795410900, info->since.tv_sec);
	CHECK_EQ(123456789, info->since.tv_nsec);
	CHECK_STR("a=b=c", info->tags[0]);
	CHECK_STR(" gr\xc3\xbc\xc3\x9f", info->doc);
	agora_program_info_free(info);
}

TEST(something_else_in_the_place_of_the_lock_is_euclean)
{
	struct agora_program_info *info;
	struct agora_program *program;

	CHECK_SYS(mkdirat(agora_space_fd(space), "p", 0755));
	CHECK_SYS(mkfifoat(agora_space_fd(space), "p/.alive", 0644));
	CHECK_ERROR(-EUCLEAN, agora_program_info(space, "p", &info));
	CHECK_ERROR(
		-EUCLEAN, agora_program_register(space, "p", NULL, &program));
	CHECK_SYS(unlinkat(agora_space_fd(space), "p/.alive", 0));
	CHECK_SYS(symlinkat("/etc/passwd", agora_space_fd(space), "p/.alive"));
	CHECK_ERROR(-EUCLEAN, agora_program_info(space, "p", &info));
	CHECK_ERROR(
		-EUCLEAN, agora_program_register(space, "p", NULL, &program));
}

TEST(who_only_reads_the_lock_file_cannot_look_alive)
{
	struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
	int fd;

	CHECK_OK(agora_program_create(space, "p", NULL));
	fd = openat(agora_space_fd(space), "p/.alive", O_RDONLY | O_CLOEXEC);
	CHECK_SYS(fd);
	CHECK_SYS(fcntl(fd, F_OFD_SETLK, &lock));
	CHECK(!is_alive("p"));
	close(fd);
}

/* ---- who holds a name ----------------------------------------------- */

/* A child that registers, says so and stays until it is killed. */
static pid_t start_holder(const char *name)
{
	struct driver_signal ready = driver_signal();
	struct agora_program *program;
	pid_t pid = driver_fork();

	if (!pid) {
		CHECK_OK(agora_program_register(
			space, name, &described, &program));
		driver_post(&ready);
		for (;;)
			pause();
	}
	driver_await(&ready);
	return pid;
}

TEST(a_name_that_is_alive_is_eexist_and_info_tells_who)
{
	struct agora_program *program = NULL;
	pid_t holder = start_holder("p"), pid;
	int alive;

	CHECK_ERROR(
		-EEXIST, agora_program_register(space, "p", NULL, &program));
	CHECK(!program);
	CHECK_OK(look("p", &pid, &alive));
	CHECK_EQ(holder, pid);
	CHECK_EQ(1, alive);
	driver_kill(holder);
}

TEST(a_name_that_this_process_holds_is_eexist_too)
{
	struct agora_program *first, *second;

	CHECK_OK(agora_program_register(space, "p", NULL, &first));
	CHECK_ERROR(-EEXIST, agora_program_register(space, "p", NULL, &second));
	agora_program_unregister(first);
	CHECK_OK(agora_program_register(space, "p", NULL, &second));
	agora_program_unregister(second);
}

TEST(one_process_can_hold_several_names)
{
	struct agora_program *a, *b, *c;

	CHECK_OK(agora_program_register(space, "a", NULL, &a));
	CHECK_OK(agora_program_register(space, "b", NULL, &b));
	CHECK_OK(agora_program_register(space, "c", NULL, &c));
	agora_program_unregister(b);
	CHECK(is_alive("a") && !is_alive("b") && is_alive("c"));
	agora_program_unregister(a);
	CHECK(!is_alive("a") && is_alive("c"));
	agora_program_unregister(c);
	CHECK(!is_alive("c"));
}

TEST(killed_is_dead_at_once_and_the_name_is_taken_over_with_its_objects)
{
	struct agora_program_info *info;
	struct agora_program *program;
	pid_t holder = start_holder("p");

	put_file("p/x.queue", "x", 1);
	driver_kill(holder);
	CHECK_OK(agora_program_info(space, "p", &info));
	CHECK_EQ(0, info->alive);
	CHECK_EQ(holder, info->pid);
	CHECK_STR("weather", info->tags[0]);
	agora_program_info_free(info);
	CHECK_OK(agora_program_register(space, "p", NULL, &program));
	CHECK_OK(agora_program_info(space, "p", &info));
	CHECK_EQ(1, info->alive);
	CHECK_EQ(getpid(), info->pid);
	CHECK(!info->tags[0]);
	agora_program_info_free(info);
	check_tidy("p", 1);
	agora_program_unregister(program);
}

TEST(a_stopped_process_is_alive)
{
	pid_t holder = start_holder("p");
	int status;

	CHECK_SYS(kill(holder, SIGSTOP));
	CHECK_SYS(waitpid(holder, &status, WUNTRACED));
	CHECK(is_alive("p"));
	driver_kill(holder);
	CHECK(!is_alive("p"));
}

TEST(a_forked_child_does_not_keep_a_program_alive)
{
	struct driver_signal ready = driver_signal(), end = driver_signal();
	struct agora_program *program;
	pid_t holder = driver_fork();

	if (!holder) {
		CHECK_OK(agora_program_register(space, "p", NULL, &program));
		if (!fork()) {
			CHECK_ERROR(
				-ECHILD, agora_program_declare(program, NULL));
			driver_post(&ready);
			driver_await(&end);
			_exit(0);
		}
		for (;;)
			pause();
	}
	driver_await(&ready);
	CHECK(is_alive("p"));
	driver_kill(holder);
	CHECK(!is_alive("p"));
	driver_post(&end);
}

TEST(unregistering_in_a_forked_child_leaves_the_parent_registered)
{
	struct agora_program *program, *own;
	pid_t pid;

	CHECK_OK(agora_program_register(space, "p", NULL, &program));
	pid = driver_fork();
	if (!pid) {
		agora_program_unregister(program);
		CHECK(is_alive("p"));
		CHECK_ERROR(-EEXIST,
			agora_program_register(space, "p", NULL, &own));
		CHECK_OK(agora_program_register(space, "own", NULL, &own));
		CHECK(is_alive("own"));
		_exit(0);
	}
	driver_join(pid);
	CHECK(is_alive("p"));
	CHECK(!is_alive("own"));
	CHECK_OK(agora_program_declare(program, NULL));
	agora_program_unregister(program);
	CHECK(!is_alive("p"));
}

TEST(a_command_that_was_started_does_not_keep_a_program_alive)
{
	struct driver_signal ready = driver_signal(), end = driver_signal();
	struct agora_program *program;
	pid_t holder = driver_fork();

	if (!holder) {
		char script[64];

		CHECK_OK(agora_program_register(space, "p", NULL, &program));
		CHECK_SYS(fcntl(ready.fd[1], F_SETFD, 0));
		CHECK_SYS(fcntl(end.fd[0], F_SETFD, 0));
		snprintf(script, sizeof(script), "(echo >&%d; cat <&%d) &",
			ready.fd[1], end.fd[0]);
		CHECK_EQ(0, system(script));
		for (;;)
			pause();
	}
	driver_await(&ready);
	CHECK(is_alive("p"));
	driver_kill(holder);
	CHECK(!is_alive("p"));
}

static void *register_again_and_again(void *context)
{
	struct agora_program *program;

	for (int i = 0; i < 300; i++) {
		CHECK_OK(agora_program_register(space, "p", NULL, &program));
		CHECK(is_alive("p"));
		agora_program_unregister(program);
		CHECK(!is_alive("p"));
	}
	*(volatile bool *)context = true;
	return NULL;
}

TEST(forking_while_another_thread_registers_leaks_no_lock)
{
	volatile bool done = false;
	pid_t children[64] = {0};
	pthread_t thread;
	unsigned i;

	CHECK_EQ(0, pthread_create(&thread, NULL, register_again_and_again,
			    (void *)&done));
	for (i = 0; !done; i = (i + 1) % 64) {
		if (children[i])
			driver_kill(children[i]);
		children[i] = driver_fork();
		if (!children[i])
			for (;;)
				pause();
	}
	CHECK_EQ(0, pthread_join(thread, NULL));
	for (i = 0; i < 64; i++)
		if (children[i])
			driver_kill(children[i]);
}

TEST(declaring_for_a_directory_that_is_gone_is_estale)
{
	struct agora_program *program;
	int fd = agora_space_fd(space);

	CHECK_OK(agora_program_register(space, "p", NULL, &program));
	CHECK_SYS(unlinkat(fd, "p/.program", 0));
	CHECK_SYS(unlinkat(fd, "p/.alive", 0));
	CHECK_SYS(unlinkat(fd, "p", AT_REMOVEDIR));
	CHECK_ERROR(-ESTALE, agora_program_declare(program, NULL));
	agora_program_unregister(program);
	CHECK_EQ(0, count_entries("."));
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

/* ---- races ---------------------------------------------------------- */

TEST(of_processes_that_race_for_a_name_one_wins)
{
	enum { RACERS = 6, ROUNDS = 60 };

	for (int round = 0; round < ROUNDS; round++) {
		struct driver_signal over = driver_signal();
		struct driver_signal done = driver_signal();
		pid_t racers[RACERS];
		int won = 0, i;

		for (i = 0; i < RACERS; i++) {
			struct agora_program *program;
			int error;

			racers[i] = driver_fork();
			if (racers[i])
				continue;
			error = agora_program_register(
				space, "p", NULL, &program);
			driver_post(&done);
			driver_await(&over);
			if (error)
				CHECK_ERROR(-EEXIST, error);
			else
				CHECK(is_alive("p"));
			_exit(error ? 0 : 42);
		}
		for (i = 0; i < RACERS; i++)
			driver_await(&done);
		for (i = 0; i < RACERS; i++)
			driver_post(&over);
		for (i = 0; i < RACERS; i++)
			won += driver_wait(racers[i]) == 42;
		CHECK_EQ(1, won);
		check_tidy("p", 0);
		if (round % 2)
			CHECK_OK(agora_program_remove(space, "p"));
		for (i = 0; i < 2; i++) {
			close(over.fd[i]);
			close(done.fd[i]);
		}
	}
}

static void register_and_look(int rounds)
{
	struct agora_program *program;

	for (int i = 0; i < rounds; i++) {
		CHECK_OK(agora_program_register(space, "p", NULL, &program));
		CHECK(is_alive("p"));
		agora_program_unregister(program);
	}
}

static void remove_until_told(const struct driver_signal *end, bool *removed)
{
	struct pollfd told = {.fd = end->fd[0], .events = POLLIN};

	while (!poll(&told, 1, 0)) {
		int error = agora_program_remove(space, "p");

		CHECK(!error || error == -EBUSY || error == -ENOENT);
		*removed = *removed || !error;
	}
}

TEST(registering_and_removing_can_race_for_ever)
{
	struct driver_signal end = driver_signal();
	bool removed = false;
	pid_t removers[2];

	for (int i = 0; i < 2; i++) {
		removers[i] = driver_fork();
		if (!removers[i]) {
			remove_until_told(&end, &removed);
			_exit(removed ? 0 : 42);
		}
	}
	register_and_look(2000);
	driver_post(&end);
	for (int i = 0; i < 2; i++)
		driver_join(removers[i]);
	CHECK(count_entries(".") <= 1);
}

/* As the creation of an object does it, with a directory opened earlier. */
static int link_object(int dir)
{
	char path[64];
	int fd = openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0644);
	int error;

	if (fd < 0)
		return -errno;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	error = linkat(AT_FDCWD, path, dir, "x.queue", AT_SYMLINK_FOLLOW);
	error = error ? -errno : 0;
	close(fd);
	return error;
}

static void link_objects(int rounds)
{
	int fd = agora_space_fd(space);

	for (int i = 0; i < rounds; i++) {
		int error = agora_program_create(space, "p", NULL), dir;

		CHECK(!error || error == -EEXIST);
		dir = openat(fd, "p", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (dir < 0)
			continue;
		error = link_object(dir);
		close(dir);
		CHECK(!error || error == -ENOENT);
		if (error)
			continue;
		/* Linked: it may be out of sight for an instant only. */
		for (int tries = 0; unlinkat(fd, "p/x.queue", 0); tries++) {
			CHECK(tries < 100000);
			sched_yield();
		}
	}
}

static void remove_with_objects(const struct driver_signal *end)
{
	struct pollfd told = {.fd = end->fd[0], .events = POLLIN};

	while (!poll(&told, 1, 0)) {
		int error = agora_program_remove(space, "p");

		CHECK(!error || error == -ENOTEMPTY || error == -ENOENT);
	}
}

TEST(removing_a_program_never_loses_an_object_that_slips_in)
{
	struct driver_signal end = driver_signal();
	pid_t remover = driver_fork();

	if (!remover) {
		remove_with_objects(&end);
		_exit(0);
	}
	link_objects(3000);
	driver_post(&end);
	driver_join(remover);
	CHECK(count_entries(".") <= 1);
}

/* ---- deaths --------------------------------------------------------- */

static void do_create(void *context)
{
	(void)context;
	CHECK_OK(agora_program_create(space, "p", &described));
}

static void do_register(void *context)
{
	struct agora_program *program;

	(void)context;
	CHECK_OK(agora_program_register(space, "p", &described, &program));
}

static void do_declare(void *context)
{
	struct agora_program *program;

	CHECK_OK(agora_program_register(space, "p", context, &program));
	CHECK_OK(agora_program_declare(program, &described));
}

static void do_remove(void *context)
{
	(void)context;
	CHECK_OK(agora_program_remove(space, "p"));
}

static void do_rename(void *context)
{
	(void)context;
	CHECK_OK(agora_program_rename(space, "p", "q"));
}

/* Whatever died: all is whole, the name can be had, nothing is left over. */
static void check_usable(bool must_exist)
{
	struct agora_program *program;
	pid_t pid;
	int alive, error = look("p", &pid, &alive);

	CHECK(!error || (error == -ENOENT && !must_exist));
	CHECK(alive != 1);
	CHECK_OK(agora_program_register(space, "p", NULL, &program));
	CHECK(is_alive("p"));
	agora_program_unregister(program);
}

/* Kill work at every pass of every step. Returns how many kills there were. */
static int kill_everywhere(
	void (*prepare)(void), void (*work)(void *context), void (*check)(void))
{
	const char *const *steps;
	size_t count;
	int kills = 0;

	steps = crash_points(&count);
	for (size_t i = 0; i < count; i++)
		for (long pass = 1;; pass++) {
			bool killed;

			prepare();
			killed = driver_crash(steps[i], pass, work, NULL);
			if (killed)
				check();
			kills += killed;
			/* The next one starts from nothing. */
			unlinkat(agora_space_fd(space), "p/x.queue", 0);
			agora_program_remove(space, "p");
			agora_program_remove(space, "q");
			CHECK_EQ(0, count_entries("."));
			if (!killed)
				break;
		}
	return kills;
}

static void prepare_nothing(void)
{
}

static void prepare_dead_program_with_object(void)
{
	struct agora_program *program;

	CHECK_OK(agora_program_register(space, "p", NULL, &program));
	put_file("p/x.queue", "x", 1);
	agora_program_unregister(program);
}

static void prepare_dead_program(void)
{
	CHECK_OK(agora_program_create(space, "p", NULL));
}

static void check_no_object(void)
{
	check_usable(false);
	check_tidy("p", 0);
}

static void check_object(void)
{
	check_usable(true);
	check_tidy("p", 1);
}

static void check_renamed(void)
{
	CHECK(exists("p") != exists("q"));
}

TEST(killed_at_any_step_of_creating_leaves_all_or_nothing)
{
	CHECK(kill_everywhere(prepare_nothing, do_create, check_no_object) >=
		5);
}

TEST(killed_at_any_step_of_registering_leaves_a_name_to_be_had)
{
	CHECK(kill_everywhere(prepare_nothing, do_register, check_no_object) >=
		5);
}

TEST(killed_at_any_step_of_taking_over_keeps_the_objects)
{
	CHECK(kill_everywhere(prepare_dead_program_with_object, do_register,
		      check_object) >= 4);
}

TEST(killed_at_any_step_of_declaring_leaves_the_old_or_the_new)
{
	CHECK(kill_everywhere(prepare_dead_program_with_object, do_declare,
		      check_object) >= 6);
}

TEST(killed_at_any_step_of_removing_leaves_a_program_or_none)
{
	CHECK(kill_everywhere(
		      prepare_dead_program, do_remove, check_no_object) >= 4);
}

TEST(killed_while_renaming_leaves_one_name)
{
	CHECK(kill_everywhere(prepare_dead_program, do_rename, check_renamed) >=
		1);
}

/* Somebody died at each step of removing; the next dies sweeping. */
static const char *first_step;

static void prepare_dead_remover(void)
{
	prepare_dead_program();
	driver_crash(first_step, 1, do_remove, NULL);
}

static void prepare_dead_creator(void)
{
	driver_crash(first_step, 1, do_register, NULL);
}

TEST(killed_while_sweeping_what_the_killed_have_left)
{
	const char *const *steps;
	size_t count;
	int kills = 0;

	steps = crash_points(&count);
	for (size_t i = 0; i < count; i++) {
		first_step = steps[i];
		if (strncmp(first_step, "hidden_", 7))
			continue;
		kills += kill_everywhere(
			prepare_dead_remover, do_register, check_no_object);
		kills += kill_everywhere(
			prepare_dead_creator, do_register, check_no_object);
	}
	CHECK(kills >= 50);
}

TEST(an_object_that_slipped_in_before_the_remover_died_comes_back)
{
	int dir;

	CHECK_OK(agora_program_create(space, "p", NULL));
	dir = openat(
		agora_space_fd(space), "p", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(driver_crash("hidden_withdrawn", 1, do_remove, NULL));
	CHECK(!exists("p"));
	CHECK_OK(link_object(dir));
	close(dir);
	CHECK_OK(agora_program_create(space, "other", NULL));
	CHECK(exists("p/x.queue"));
	CHECK_EQ(2, count_entries("."));
}

TEST(what_is_being_removed_by_a_stopped_process_is_ebusy_and_not_alive)
{
	struct agora_program *program;
	int status;
	pid_t pid;

	CHECK_OK(agora_program_create(space, "p", NULL));
	pid = driver_fork();
	if (!pid) {
		crash_signal = SIGSTOP;
		crash_arm("hidden_checked", 1);
		do_remove(NULL);
		_exit(0);
	}
	CHECK_SYS(waitpid(pid, &status, WUNTRACED));
	CHECK(WIFSTOPPED(status));
	CHECK(!is_alive("p"));
	CHECK_ERROR(-EBUSY, agora_program_register(space, "p", NULL, &program));
	CHECK_SYS(kill(pid, SIGCONT));
	driver_join(pid);
	CHECK_EQ(0, count_entries("."));
}
