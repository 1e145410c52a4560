/* watch.c - learn when programs and objects come and go. */
#include "driver.h"

#include <sched.h>
#include <sys/inotify.h>

static struct agora_watch *watch;

/* A minute: only a failing test waits that long. */
static struct timespec soon(void)
{
	return agora_deadline(60000000000);
}

static void start(const char *program)
{
	CHECK_OK(agora_watch_open(space, program, &watch));
}

/* Tell that nothing has happened, and end. */
static void stop(void)
{
	struct agora_event event;

	event.type = 0;
	if (agora_watch_next(watch, &event) != -EAGAIN)
		driver_fail("unexpected: %s %s %s",
			agora_event_name(event.type), event.program,
			event.object);
	agora_watch_close(watch);
}

static struct agora_event take(void)
{
	struct timespec deadline = soon();
	struct agora_event event;

	CHECK_OK(agora_watch_next_wait(watch, &deadline, &event));
	return event;
}

static void expect(int line, enum agora_event_type type, const char *program,
	const char *object)
{
	struct agora_event event = take();

	if (event.type == type && !strcmp(event.program, program) &&
		!strcmp(event.object, object))
		return;
	driver_fail("line %d: %s %s %s, not %s %s %s", line,
		agora_event_name(event.type), event.program, event.object,
		agora_event_name(type), program, object);
}

#define EXPECT(type, program, object) expect(__LINE__, type, program, object)

static int fd_of_space(void)
{
	return agora_space_fd(space);
}

static void put_file(const char *path)
{
	int fd = openat(fd_of_space(), path,
		O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	CHECK_SYS(fd);
	close(fd);
}

static void remove_file(const char *path)
{
	CHECK_SYS(unlinkat(fd_of_space(), path, 0));
}

static void move(const char *from, const char *to)
{
	CHECK_SYS(renameat(fd_of_space(), from, fd_of_space(), to));
}

/* A child that registers, says so and stays until it is killed. */
static pid_t start_holder(const char *name)
{
	struct driver_signal ready = driver_signal();
	struct agora_program *program;
	pid_t pid = driver_fork();

	if (!pid) {
		CHECK_OK(agora_program_register(space, name, NULL, &program));
		driver_post(&ready);
		for (;;)
			pause();
	}
	driver_await(&ready);
	close(ready.fd[0]);
	close(ready.fd[1]);
	return pid;
}

/* ---- programs ------------------------------------------------------- */

TEST(what_was_there_before_is_no_event)
{
	struct agora_program *program;

	CHECK_OK(agora_program_register(space, "p", NULL, &program));
	put_file("p/x.queue");
	CHECK_OK(agora_program_create(space, "q", NULL));
	start(NULL);
	stop();
	agora_program_unregister(program);
}

TEST(programs_that_are_created_and_removed_are_seen)
{
	start(NULL);
	CHECK_OK(agora_program_create(space, "p", NULL));
	EXPECT(AGORA_PROGRAM_ADDED, "p", "");
	CHECK_OK(agora_program_remove(space, "p"));
	EXPECT(AGORA_PROGRAM_REMOVED, "p", "");
	CHECK_SYS(mkdirat(fd_of_space(), "by hand", 0755));
	EXPECT(AGORA_PROGRAM_ADDED, "by hand", "");
	CHECK_SYS(unlinkat(fd_of_space(), "by hand", AT_REMOVEDIR));
	EXPECT(AGORA_PROGRAM_REMOVED, "by hand", "");
	stop();
}

TEST(registering_and_unregistering_are_seen)
{
	struct agora_program *program;

	start(NULL);
	CHECK_OK(agora_program_register(space, "p", NULL, &program));
	EXPECT(AGORA_PROGRAM_ADDED, "p", "");
	EXPECT(AGORA_PROGRAM_ALIVE, "p", "");
	agora_program_unregister(program);
	EXPECT(AGORA_PROGRAM_DEAD, "p", "");
	CHECK_OK(agora_program_register(space, "p", NULL, &program));
	EXPECT(AGORA_PROGRAM_ALIVE, "p", "");
	CHECK_OK(agora_program_declare(program, NULL));
	EXPECT(AGORA_PROGRAM_CHANGED, "p", "");
	agora_program_unregister(program);
	EXPECT(AGORA_PROGRAM_DEAD, "p", "");
	stop();
}

TEST(a_program_that_is_killed_is_reported_dead)
{
	pid_t holder;

	start(NULL);
	for (int i = 0; i < 200; i++) {
		holder = start_holder("p");
		if (!i)
			EXPECT(AGORA_PROGRAM_ADDED, "p", "");
		EXPECT(AGORA_PROGRAM_ALIVE, "p", "");
		driver_kill(holder);
		EXPECT(AGORA_PROGRAM_DEAD, "p", "");
	}
	stop();
}

TEST(a_program_that_was_alive_before_is_reported_dead)
{
	pid_t holder = start_holder("p");

	start(NULL);
	driver_kill(holder);
	EXPECT(AGORA_PROGRAM_DEAD, "p", "");
	stop();
}

TEST(a_takeover_is_a_death_and_a_new_life_also_when_both_were_missed)
{
	struct agora_program *program;
	pid_t holder = start_holder("p");

	start(NULL);
	driver_kill(holder);
	CHECK_OK(agora_program_register(space, "p", NULL, &program));
	EXPECT(AGORA_PROGRAM_DEAD, "p", "");
	EXPECT(AGORA_PROGRAM_ALIVE, "p", "");
	stop();
	agora_program_unregister(program);
}

TEST(a_short_life_that_nobody_looked_at_is_reported_whole)
{
	CHECK_OK(agora_program_create(space, "p", NULL));
	start(NULL);
	driver_kill(start_holder("p"));
	EXPECT(AGORA_PROGRAM_ALIVE, "p", "");
	EXPECT(AGORA_PROGRAM_DEAD, "p", "");
	stop();
}

TEST(a_refused_registration_is_no_event)
{
	struct agora_program *program;
	struct agora_event event;
	struct timespec deadline = agora_deadline(300000000);
	pid_t holder = start_holder("p");

	start(NULL);
	CHECK_ERROR(
		-EEXIST, agora_program_register(space, "p", NULL, &program));
	CHECK_ERROR(
		-ETIMEDOUT, agora_watch_next_wait(watch, &deadline, &event));
	driver_kill(holder);
	EXPECT(AGORA_PROGRAM_DEAD, "p", "");
	stop();
}

TEST(a_rename_is_a_removal_and_an_addition_with_what_is_in_it)
{
	pid_t holder = start_holder("old");

	put_file("old/x.queue");
	start(NULL);
	CHECK_OK(agora_program_rename(space, "old", "new"));
	EXPECT(AGORA_PROGRAM_REMOVED, "old", "");
	EXPECT(AGORA_PROGRAM_ADDED, "new", "");
	EXPECT(AGORA_PROGRAM_ALIVE, "new", "");
	EXPECT(AGORA_OBJECT_ADDED, "new", "x.queue");
	put_file("new/y.queue");
	EXPECT(AGORA_OBJECT_ADDED, "new", "y.queue");
	driver_kill(holder);
	EXPECT(AGORA_PROGRAM_DEAD, "new", "");
	stop();
}

TEST(a_directory_renamed_over_an_empty_one_replaces_it)
{
	CHECK_SYS(mkdirat(fd_of_space(), "a", 0755));
	CHECK_SYS(mkdirat(fd_of_space(), "b", 0755));
	put_file("a/x.queue");
	start(NULL);
	move("a", "b");
	EXPECT(AGORA_PROGRAM_REMOVED, "a", "");
	EXPECT(AGORA_PROGRAM_REMOVED, "b", "");
	EXPECT(AGORA_PROGRAM_ADDED, "b", "");
	EXPECT(AGORA_OBJECT_ADDED, "b", "x.queue");
	remove_file("b/x.queue");
	EXPECT(AGORA_OBJECT_REMOVED, "b", "x.queue");
	stop();
}

TEST(owner_and_mode_of_a_program_are_changes)
{
	CHECK_OK(agora_program_create(space, "p", NULL));
	start(NULL);
	CHECK_SYS(fchmodat(fd_of_space(), "p", 0700, 0));
	EXPECT(AGORA_PROGRAM_CHANGED, "p", "");
	stop();
}

TEST(what_is_no_program_is_no_event)
{
	start(NULL);
	put_file("file");
	CHECK_SYS(symlinkat("x", fd_of_space(), "link"));
	CHECK_SYS(mkdirat(fd_of_space(), ".hidden", 0755));
	CHECK_SYS(mkdirat(fd_of_space(), "bad\nname", 0755));
	remove_file("file");
	stop();
}

/* ---- objects -------------------------------------------------------- */

TEST(objects_come_change_and_go)
{
	CHECK_OK(agora_program_create(space, "p", NULL));
	CHECK_OK(agora_program_create(space, "q", NULL));
	start(NULL);
	put_file("p/x.queue");
	EXPECT(AGORA_OBJECT_ADDED, "p", "x.queue");
	CHECK_SYS(fchmodat(fd_of_space(), "p/x.queue", 0600, 0));
	EXPECT(AGORA_OBJECT_CHANGED, "p", "x.queue");
	move("p/x.queue", "q/y.queue");
	EXPECT(AGORA_OBJECT_REMOVED, "p", "x.queue");
	EXPECT(AGORA_OBJECT_ADDED, "q", "y.queue");
	remove_file("q/y.queue");
	EXPECT(AGORA_OBJECT_REMOVED, "q", "y.queue");
	stop();
}

TEST(an_object_linked_into_place_is_seen_once)
{
	char path[64];
	int fd;

	CHECK_OK(agora_program_create(space, "p", NULL));
	start(NULL);
	fd = openat(fd_of_space(), "p", O_TMPFILE | O_RDWR | O_CLOEXEC, 0644);
	CHECK_SYS(fd);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	CHECK_SYS(linkat(
		AT_FDCWD, path, fd_of_space(), "p/x.table", AT_SYMLINK_FOLLOW));
	EXPECT(AGORA_OBJECT_ADDED, "p", "x.table");
	CHECK_EQ(1, write(fd, "x", 1));
	close(fd);
	stop();
}

TEST(what_is_no_object_is_no_event)
{
	struct agora_event event;

	CHECK_OK(agora_program_create(space, "p", NULL));
	start(NULL);
	put_file("p/notes.txt");
	put_file("p/.x.queue.swp");
	put_file("p/x.queue~");
	CHECK_SYS(mkdirat(fd_of_space(), "p/x.queue", 0755));
	CHECK_SYS(mkfifoat(fd_of_space(), "p/y.queue", 0644));
	CHECK_ERROR(-EAGAIN, agora_watch_next(watch, &event));
	remove_file("p/notes.txt");
	remove_file("p/y.queue");
	CHECK_SYS(unlinkat(fd_of_space(), "p/x.queue", AT_REMOVEDIR));
	stop();
}

TEST(objects_of_a_new_program_are_seen_once)
{
	start(NULL);
	for (int i = 0; i < 200; i++) {
		CHECK_SYS(mkdirat(fd_of_space(), "p", 0755));
		put_file("p/a.queue");
		if (i % 2)
			EXPECT(AGORA_PROGRAM_ADDED, "p", "");
		put_file("p/b.queue");
		if (i % 2 == 0)
			EXPECT(AGORA_PROGRAM_ADDED, "p", "");
		EXPECT(AGORA_OBJECT_ADDED, "p", "a.queue");
		EXPECT(AGORA_OBJECT_ADDED, "p", "b.queue");
		remove_file("p/a.queue");
		remove_file("p/b.queue");
		EXPECT(AGORA_OBJECT_REMOVED, "p", "a.queue");
		EXPECT(AGORA_OBJECT_REMOVED, "p", "b.queue");
		CHECK_SYS(unlinkat(fd_of_space(), "p", AT_REMOVEDIR));
		EXPECT(AGORA_PROGRAM_REMOVED, "p", "");
	}
	stop();
}

/* Two thousand programs, each with an object, as fast as they can come. */
static void make_many(void)
{
	char name[64];

	for (int i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "p%d", i);
		CHECK_SYS(mkdirat(fd_of_space(), name, 0755));
		strcat(name, "/x.queue");
		put_file(name);
	}
}

TEST(programs_that_appear_while_events_are_read_are_complete)
{
	int programs = 0, objects = 0;
	pid_t pid;

	start(NULL);
	pid = driver_fork();
	if (!pid) {
		make_many();
		_exit(0);
	}
	while (programs < 2000 || objects < 2000) {
		struct agora_event event = take();

		programs += event.type == AGORA_PROGRAM_ADDED;
		objects += event.type == AGORA_OBJECT_ADDED;
	}
	CHECK_EQ(2000, programs);
	CHECK_EQ(2000, objects);
	driver_join(pid);
	stop();
}

/* ---- do the events add up? ------------------------------------------ */

enum { NAMES = 4, OBJECTS = 3 };

/* What is there, or what the events say is there. */
struct model {
	struct {
		bool exists, alive, object[OBJECTS];
	} program[NAMES];
};

static void name_program(int i, char name[8])
{
	snprintf(name, 8, "p%d", i);
}

static void name_object(int i, int j, char path[32])
{
	snprintf(path, 32, "p%d/o%d.queue", i, j);
}

static void see(struct model *model)
{
	char name[8], path[32];

	memset(model, 0, sizeof(*model));
	for (int i = 0; i < NAMES; i++) {
		struct agora_program_info *info;

		name_program(i, name);
		if (agora_program_info(space, name, &info))
			continue;
		model->program[i].exists = true;
		model->program[i].alive = info->alive;
		agora_program_info_free(info);
		for (int j = 0; j < OBJECTS; j++) {
			name_object(i, j, path);
			model->program[i].object[j] =
				!faccessat(fd_of_space(), path, F_OK, 0);
		}
	}
}

/* Every event must make sense, given those before. */
static void apply(struct model *model, const struct agora_event *event)
{
	int i = event->program[1] - '0', j = event->object[1] - '0';
	bool exists = model->program[i].exists;

	switch (event->type) {
	case AGORA_PROGRAM_ADDED:
		CHECK(!exists);
		model->program[i].exists = true;
		return;
	case AGORA_PROGRAM_REMOVED:
		CHECK(exists);
		memset(&model->program[i], 0, sizeof(model->program[i]));
		return;
	case AGORA_PROGRAM_ALIVE:
	case AGORA_PROGRAM_DEAD:
		CHECK(exists);
		model->program[i].alive = event->type == AGORA_PROGRAM_ALIVE;
		return;
	case AGORA_OBJECT_ADDED:
	case AGORA_OBJECT_REMOVED:
		CHECK(exists);
		CHECK(model->program[i].object[j] ==
			(event->type == AGORA_OBJECT_REMOVED));
		model->program[i].object[j] ^= true;
		return;
	default:
		CHECK(event->type != AGORA_EVENT_OVERFLOW);
	}
}

static void do_something(unsigned *seed)
{
	int action = rand_r(seed) % 8, i = rand_r(seed) % NAMES;
	int j = rand_r(seed) % OBJECTS, fd;
	char name[8], other[8], path[32], other_path[32];
	struct agora_program *program;

	name_program(i, name);
	name_program(rand_r(seed) % NAMES, other);
	name_object(i, j, path);
	name_object(rand_r(seed) % NAMES, rand_r(seed) % OBJECTS, other_path);
	if (action == 0) {
		agora_program_create(space, name, NULL);
	} else if (action == 1) {
		agora_program_remove(space, name);
	} else if (action == 2) {
		agora_program_rename(space, name, other);
	} else if (action == 3) {
		renameat2(fd_of_space(), path, fd_of_space(), other_path,
			RENAME_NOREPLACE);
	} else if (action == 4) {
		unlinkat(fd_of_space(), path, 0);
	} else if (action < 7) {
		fd = openat(fd_of_space(), path, O_CREAT | O_WRONLY, 0644);
		close(fd);
	} else if (!agora_program_register(space, name, NULL, &program)) {
		/* Dies without a word, or closes in order. */
		if (rand_r(seed) % 2)
			kill(getpid(), SIGKILL);
		agora_program_unregister(program);
	}
}

/* A process that does things, and is replaced when it dies of them. */
static void do_many_things(unsigned seed)
{
	for (int round = 0; round < 60; round++) {
		pid_t pid = driver_fork();

		if (pid) {
			driver_wait(pid);
			seed++;
			continue;
		}
		for (int i = 0; i < 40; i++)
			do_something(&seed);
		_exit(0);
	}
}

TEST(after_any_storm_the_events_add_up_to_what_is_there)
{
	struct model model, truth;
	pid_t storms[2];

	see(&model);
	start(NULL);
	for (unsigned i = 0; i < 2; i++) {
		storms[i] = driver_fork();
		if (!storms[i]) {
			do_many_things(1000 * i);
			_exit(0);
		}
	}
	for (int ended = 0; ended < 2;) {
		struct timespec shortly = agora_deadline(1000000);
		struct agora_event event;

		if (!agora_watch_next_wait(watch, &shortly, &event))
			apply(&model, &event);
		else if (waitpid(storms[ended], NULL, WNOHANG) > 0)
			ended++;
	}
	for (see(&truth); memcmp(&model, &truth, sizeof(model));) {
		struct agora_event event = take();

		apply(&model, &event);
	}
	stop();
}

/* ---- one program ---------------------------------------------------- */

TEST(a_watch_on_one_program_hears_nothing_of_others)
{
	CHECK_OK(agora_program_create(space, "p", NULL));
	CHECK_OK(agora_program_create(space, "q", NULL));
	start("p");
	put_file("q/x.queue");
	CHECK_OK(agora_program_create(space, "r", NULL));
	stop();
	start("p");
	put_file("p/x.queue");
	EXPECT(AGORA_OBJECT_ADDED, "p", "x.queue");
	driver_kill(start_holder("p"));
	EXPECT(AGORA_PROGRAM_ALIVE, "p", "");
	EXPECT(AGORA_PROGRAM_DEAD, "p", "");
	remove_file("p/x.queue");
	EXPECT(AGORA_OBJECT_REMOVED, "p", "x.queue");
	CHECK_OK(agora_program_remove(space, "p"));
	EXPECT(AGORA_PROGRAM_REMOVED, "p", "");
	CHECK_OK(agora_program_create(space, "p", NULL));
	EXPECT(AGORA_PROGRAM_ADDED, "p", "");
	put_file("p/y.queue");
	EXPECT(AGORA_OBJECT_ADDED, "p", "y.queue");
	stop();
}

TEST(a_watch_on_a_missing_program_is_enoent)
{
	CHECK_ERROR(-ENOENT, agora_watch_open(space, "p", &watch));
	CHECK_ERROR(-EINVAL, agora_watch_open(space, "..", &watch));
	CHECK(!watch);
	agora_watch_close(NULL);
}

/* ---- waiting -------------------------------------------------------- */

TEST(waiting_ends_at_the_deadline)
{
	struct timespec past = agora_deadline(0), near;
	struct agora_event event;

	start(NULL);
	CHECK_ERROR(-ETIMEDOUT, agora_watch_next_wait(watch, &past, &event));
	near = agora_deadline(20000000);
	CHECK_ERROR(-ETIMEDOUT, agora_watch_next_wait(watch, &near, &event));
	stop();
}

static void on_alarm(int signal)
{
	(void)signal;
}

TEST(waiting_ends_with_a_signal)
{
	const struct sigaction action = {.sa_handler = on_alarm};
	struct timespec deadline = soon();
	struct agora_event event;

	start(NULL);
	CHECK_SYS(sigaction(SIGALRM, &action, NULL));
	alarm(1);
	CHECK_ERROR(-EINTR, agora_watch_next_wait(watch, &deadline, &event));
	stop();
}

static bool polls_readable(int timeout)
{
	struct pollfd readable = {
		.fd = agora_watch_fd(watch), .events = POLLIN};

	return poll(&readable, 1, timeout) == 1;
}

TEST(the_descriptor_polls_readable_until_all_events_are_taken)
{
	struct agora_event event;

	start(NULL);
	CHECK(!polls_readable(0));
	for (int i = 0; i < 5; i++) {
		char name[16];

		snprintf(name, sizeof(name), "p%d", i);
		CHECK_OK(agora_program_create(space, name, NULL));
	}
	for (int i = 0; i < 5; i++) {
		CHECK(polls_readable(60000));
		CHECK_OK(agora_watch_next(watch, &event));
	}
	CHECK_ERROR(-EAGAIN, agora_watch_next(watch, &event));
	CHECK(!polls_readable(0));
	stop();
}

TEST(a_watch_outlives_the_space_it_was_opened_through)
{
	struct agora_space *other;

	CHECK_OK(agora_space_open(space_dir, &other));
	CHECK_OK(agora_watch_open(other, NULL, &watch));
	agora_space_close(other);
	CHECK_OK(agora_program_create(space, "p", NULL));
	EXPECT(AGORA_PROGRAM_ADDED, "p", "");
	stop();
}

TEST(a_forked_child_may_not_take_the_parents_events)
{
	struct agora_event event;
	pid_t pid;

	start(NULL);
	CHECK_OK(agora_program_create(space, "p", NULL));
	pid = driver_fork();
	if (!pid) {
		CHECK_ERROR(-ECHILD, agora_watch_next(watch, &event));
		agora_watch_close(watch);
		_exit(0);
	}
	driver_join(pid);
	EXPECT(AGORA_PROGRAM_ADDED, "p", "");
	stop();
}

/* ---- limits --------------------------------------------------------- */

static long read_limit(const char *name)
{
	char path[128];
	FILE *file;
	long limit;

	snprintf(path, sizeof(path), "/proc/sys/fs/inotify/%s", name);
	file = fopen(path, "r");
	if (!file || fscanf(file, "%ld", &limit) != 1)
		SKIP("no limits of inotify to read");
	fclose(file);
	return limit;
}

TEST(lost_events_are_told_and_the_watch_goes_on)
{
	long limit = read_limit("max_queued_events");
	struct agora_event event;
	pid_t holder;

	CHECK_OK(agora_program_create(space, "old", NULL));
	start(NULL);
	for (long i = 0; i <= limit / 2; i++) {
		put_file("old/x.queue");
		remove_file("old/x.queue");
	}
	/* Nobody hears of these. */
	holder = start_holder("new");
	put_file("new/a.queue");
	CHECK_OK(agora_program_remove(space, "old"));
	do
		event = take();
	while (event.type != AGORA_EVENT_OVERFLOW);
	put_file("new/b.queue");
	EXPECT(AGORA_OBJECT_ADDED, "new", "b.queue");
	remove_file("new/a.queue");
	EXPECT(AGORA_OBJECT_REMOVED, "new", "a.queue");
	driver_kill(holder);
	EXPECT(AGORA_PROGRAM_DEAD, "new", "");
	stop();
}

TEST(too_many_inotify_instances_are_emfile)
{
	long limit = read_limit("max_user_instances");
	int error = 0;

	if (geteuid())
		SKIP("must be root to be somebody else");
	/* Their number is counted for each user. */
	CHECK_SYS(chmod(space_dir, 0755));
	CHECK_SYS(setresuid(64321, 64321, 64321));
	for (long i = 0; i <= limit && !error; i++)
		if (inotify_init1(IN_CLOEXEC) < 0)
			error = errno;
	CHECK_EQ(EMFILE, error);
	CHECK_ERROR(-EMFILE, agora_watch_open(space, NULL, &watch));
}

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		SKIP("no user namespace with limits of its own");
	close(fd);
}

static void limit_watches(const char *limit)
{
	write_text("/proc/sys/user/max_inotify_watches", limit);
}

/* A namespace has a limit of its own, and does not disturb others. */
static void enter_namespace(void)
{
	char map[32];

	snprintf(map, sizeof(map), "0 %u 1", geteuid());
	if (unshare(CLONE_NEWUSER))
		SKIP("no user namespaces");
	write_text("/proc/self/setgroups", "deny");
	write_text("/proc/self/uid_map", map);
}

TEST(too_few_watches_are_enospc)
{
	CHECK_OK(agora_program_create(space, "a", NULL));
	CHECK_OK(agora_program_create(space, "b", NULL));
	enter_namespace();
	limit_watches("2");
	CHECK_ERROR(-ENOSPC, agora_watch_open(space, NULL, &watch));
	limit_watches("3");
	start(NULL);
	stop();
}

TEST(watches_that_run_out_later_are_made_when_there_is_room)
{
	enter_namespace();
	limit_watches("2");
	CHECK_OK(agora_program_create(space, "a", NULL));
	start(NULL);
	CHECK_OK(agora_program_create(space, "b", NULL));
	EXPECT(AGORA_PROGRAM_ADDED, "b", "");
	limit_watches("100");
	EXPECT(AGORA_EVENT_OVERFLOW, "", "");
	put_file("b/x.queue");
	EXPECT(AGORA_OBJECT_ADDED, "b", "x.queue");
	put_file("a/x.queue");
	EXPECT(AGORA_OBJECT_ADDED, "a", "x.queue");
	stop();
}

TEST(a_program_that_one_may_not_read_still_comes_and_goes)
{
	pid_t pid;

	if (geteuid())
		SKIP("must be root to be somebody else");
	CHECK_SYS(chmod(space_dir, 0777));
	CHECK_OK(agora_program_create(space, "p", NULL));
	CHECK_SYS(fchmodat(fd_of_space(), "p", 0700, 0));
	pid = driver_fork();
	if (!pid) {
		CHECK_SYS(setresuid(64321, 64321, 64321));
		CHECK_ERROR(-EACCES, agora_watch_open(space, "p", &watch));
		start(NULL);
		CHECK_OK(agora_program_rename(space, "p", "q"));
		EXPECT(AGORA_PROGRAM_REMOVED, "p", "");
		EXPECT(AGORA_PROGRAM_ADDED, "q", "");
		stop();
		_exit(0);
	}
	driver_join(pid);
}

TEST(a_program_that_becomes_readable_is_watched_from_then_on)
{
	struct driver_signal ready = driver_signal();
	pid_t pid;

	if (geteuid())
		SKIP("must be root to be somebody else");
	CHECK_SYS(chmod(space_dir, 0755));
	CHECK_OK(agora_program_create(space, "p", NULL));
	CHECK_SYS(fchmodat(fd_of_space(), "p", 0700, 0));
	put_file("p/x.queue");
	pid = driver_fork();
	if (!pid) {
		CHECK_SYS(setresuid(64321, 64321, 64321));
		start(NULL);
		driver_post(&ready);
		EXPECT(AGORA_PROGRAM_CHANGED, "p", "");
		EXPECT(AGORA_OBJECT_ADDED, "p", "x.queue");
		stop();
		_exit(0);
	}
	driver_await(&ready);
	CHECK_SYS(fchmodat(fd_of_space(), "p", 0755, 0));
	driver_join(pid);
}

TEST(every_event_has_a_name)
{
	CHECK_STR("program-added", agora_event_name(AGORA_PROGRAM_ADDED));
	CHECK_STR("object-changed", agora_event_name(AGORA_OBJECT_CHANGED));
	CHECK_STR("overflow", agora_event_name(AGORA_EVENT_OVERFLOW));
	CHECK_STR("unknown", agora_event_name(0));
	CHECK_STR("unknown", agora_event_name(AGORA_EVENT_OVERFLOW + 1));
}
