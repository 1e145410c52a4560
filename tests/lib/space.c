/* space.c - the directory that holds everything. */
#include "driver.h"

static void make_file(const char *path)
{
	char full[512];
	int fd;

	snprintf(full, sizeof(full), "%s/%s", space_dir, path);
	fd = open(full, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	CHECK_SYS(fd);
	close(fd);
}

static void make_directory(const char *path)
{
	CHECK_SYS(mkdirat(agora_space_fd(space), path, 0755));
}

/* ---- open ----------------------------------------------------------- */

TEST(a_space_knows_its_absolute_path)
{
	struct agora_space *other;
	struct stat a, b;

	CHECK_STR(space_dir, agora_space_path(space));
	CHECK_SYS(chdir(space_dir));
	CHECK_OK(agora_space_open(".", &other));
	CHECK_STR(space_dir, agora_space_path(other));
	CHECK_SYS(fstat(agora_space_fd(space), &a));
	CHECK_SYS(fstat(agora_space_fd(other), &b));
	CHECK_EQ(a.st_ino, b.st_ino);
	agora_space_close(other);
}

TEST(its_descriptor_is_not_inherited_by_commands)
{
	CHECK(fcntl(agora_space_fd(space), F_GETFD) & FD_CLOEXEC);
}

TEST(a_missing_space_is_enoent)
{
	struct agora_space *other = NULL;

	CHECK_ERROR(-ENOENT, agora_space_open("/dev/shm/agora-no/no", &other));
	CHECK(!other);
}

TEST(a_file_is_no_space)
{
	struct agora_space *other;
	char path[512];

	make_file("file");
	snprintf(path, sizeof(path), "%s/file", space_dir);
	CHECK_ERROR(-ENOTDIR, agora_space_open(path, &other));
}

TEST(the_environment_names_the_space)
{
	struct agora_space *other;

	CHECK_SYS(setenv("AGORA_SPACE", space_dir, 1));
	CHECK_OK(agora_space_open(NULL, &other));
	CHECK_STR(space_dir, agora_space_path(other));
	agora_space_close(other);
	CHECK_SYS(setenv("AGORA_SPACE", "/dev/shm/agora-no/no", 1));
	CHECK_ERROR(-ENOENT, agora_space_open(NULL, &other));
}

TEST(closing_nothing_is_fine)
{
	agora_space_close(NULL);
	agora_list_free(NULL);
}

/* A user whom nobody has, so that the default space is not in use. */
static uid_t nobody;
static char nobodys[64];

static void become_nobody(void)
{
	if (geteuid())
		SKIP("must be root to be somebody else");
	nobody = 3000000000u + (uid_t)getpid();
	snprintf(nobodys, sizeof(nobodys), "/dev/shm/agora-%u", nobody);
	CHECK_SYS(unsetenv("AGORA_SPACE"));
}

/* Opened as another user, in a child; removed afterwards. */
static void check_default(int expected)
{
	struct agora_space *other;
	pid_t pid = driver_fork();

	if (!pid) {
		CHECK_SYS(setresuid(nobody, nobody, nobody));
		CHECK_ERROR(expected, agora_space_open(NULL, &other));
		if (!expected)
			CHECK_STR(nobodys, agora_space_path(other));
		_exit(0);
	}
	pid = driver_wait(pid);
	remove(nobodys);
	CHECK_EQ(0, pid);
}

TEST(the_default_space_is_made_for_its_user_alone)
{
	struct agora_space *other;
	struct stat st;
	pid_t pid;

	become_nobody();
	pid = driver_fork();
	if (!pid) {
		CHECK_SYS(setresuid(nobody, nobody, nobody));
		CHECK_OK(agora_space_open(NULL, &other));
		_exit(0);
	}
	driver_join(pid);
	CHECK_SYS(lstat(nobodys, &st));
	CHECK_EQ(0700, st.st_mode & 07777);
	CHECK_EQ(nobody, st.st_uid);
	check_default(0);
}

TEST(a_default_space_of_another_user_is_refused)
{
	become_nobody();
	CHECK_SYS(mkdir(nobodys, 0755));
	check_default(-EPERM);
}

TEST(a_default_space_that_others_may_write_is_refused)
{
	static const mode_t modes[] = {0720, 0702, 0777, 01777};

	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		become_nobody();
		CHECK_SYS(mkdir(nobodys, 0700));
		CHECK_SYS(chown(nobodys, nobody, (gid_t)-1));
		CHECK_SYS(chmod(nobodys, modes[i]));
		check_default(-EPERM);
	}
}

TEST(a_link_in_the_place_of_the_default_space_is_refused)
{
	become_nobody();
	CHECK_SYS(chown(space_dir, nobody, (gid_t)-1));
	CHECK_SYS(symlink(space_dir, nobodys));
	check_default(-EPERM);
}

TEST(a_space_that_one_may_not_enter_is_eacces)
{
	struct agora_space *other;
	pid_t pid;

	become_nobody();
	pid = driver_fork();
	if (!pid) {
		CHECK_SYS(setresuid(nobody, nobody, nobody));
		CHECK_ERROR(-EACCES, agora_space_open(space_dir, &other));
		_exit(0);
	}
	driver_join(pid);
}

/* ---- list ----------------------------------------------------------- */

static void check_list(const char *program, const char *expected)
{
	char joined[1024] = "", **names;
	int count = agora_space_list(space, program, &names);
	int i;

	CHECK_OK(count);
	for (i = 0; names[i]; i++) {
		strcat(joined, names[i]);
		strcat(joined, " ");
	}
	CHECK_EQ(count, i);
	CHECK_STR(expected, joined);
	agora_list_free(names);
}

TEST(an_empty_space_lists_nothing)
{
	check_list(NULL, "");
}

TEST(programs_are_listed_by_their_bytes)
{
	make_directory("b");
	make_directory("a");
	make_directory("B");
	make_directory("\xc3\xa4");
	make_directory("a b");
	check_list(NULL, "B a a b b \xc3\xa4 ");
}

TEST(what_is_no_program_is_not_listed)
{
	make_directory("yes");
	make_directory(".new-0123456789abcdef");
	make_directory("bad\nname");
	make_directory("bad\xff");
	make_file("file");
	CHECK_SYS(symlinkat("yes", agora_space_fd(space), "link"));
	check_list(NULL, "yes ");
}

TEST(objects_of_known_kinds_are_listed)
{
	make_directory("p");
	make_directory("p/directory.queue");
	make_file("p/b.queue");
	make_file("p/a.table");
	make_file("p/a.b.queue");
	make_file("p/.queue");
	make_file("p/.hidden.queue");
	make_file("p/.program");
	make_file("p/.alive");
	make_file("p/queue");
	make_file("p/notes.txt");
	make_file("p/x.queue.swp");
	make_file("p/x.queue~");
	make_file("p/a\tb.queue");
	check_list("p", "a.b.queue a.table b.queue ");
}

TEST(a_thousand_names_are_listed)
{
	char name[32], **names;

	for (int i = 999; i >= 0; i--) {
		snprintf(name, sizeof(name), "p%03d", i);
		make_directory(name);
	}
	CHECK_EQ(1000, agora_space_list(space, NULL, &names));
	CHECK_STR("p000", names[0]);
	CHECK_STR("p999", names[999]);
	CHECK(!names[1000]);
	agora_list_free(names);
}

TEST(listing_a_missing_program_is_enoent)
{
	char **names;

	make_file("file");
	CHECK_ERROR(-ENOENT, agora_space_list(space, "no", &names));
	CHECK_ERROR(-ENOENT, agora_space_list(space, "file", &names));
	CHECK_ERROR(-EINVAL, agora_space_list(space, "..", &names));
	CHECK_ERROR(-EINVAL, agora_space_list(space, "a/b", &names));
	CHECK_ERROR(-EINVAL, agora_space_list(space, "", &names));
}

TEST(a_space_that_was_removed_lists_nothing_or_says_enoent)
{
	struct agora_space *other;
	char path[512], **names;
	int count;

	make_directory("inner");
	snprintf(path, sizeof(path), "%s/inner", space_dir);
	CHECK_OK(agora_space_open(path, &other));
	CHECK_SYS(rmdir(path));
	count = agora_space_list(other, NULL, &names);
	CHECK(count == 0 || count == -ENOENT);
	if (!count)
		agora_list_free(names);
	agora_space_close(other);
}
