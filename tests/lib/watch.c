/* watch.c - learn when programs and objects come and go. */
#include "watching.h"

/* ---- programs ------------------------------------------------------- */

TEST(what_was_there_before_is_no_event)
{
	struct agora_program *program;

	CHECK_OK(agora_program_register(space, "p", NULL, &program));
	touch("p/x.queue");
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

	touch("old/x.queue");
	start(NULL);
	CHECK_OK(agora_program_rename(space, "old", "new"));
	EXPECT(AGORA_PROGRAM_REMOVED, "old", "");
	EXPECT(AGORA_PROGRAM_ADDED, "new", "");
	EXPECT(AGORA_PROGRAM_ALIVE, "new", "");
	EXPECT(AGORA_OBJECT_ADDED, "new", "x.queue");
	touch("new/y.queue");
	EXPECT(AGORA_OBJECT_ADDED, "new", "y.queue");
	driver_kill(holder);
	EXPECT(AGORA_PROGRAM_DEAD, "new", "");
	stop();
}

TEST(a_directory_renamed_over_an_empty_one_replaces_it)
{
	CHECK_SYS(mkdirat(fd_of_space(), "a", 0755));
	CHECK_SYS(mkdirat(fd_of_space(), "b", 0755));
	touch("a/x.queue");
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
	touch("file");
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
	touch("p/x.queue");
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
	touch("p/notes.txt");
	touch("p/.x.queue.swp");
	touch("p/x.queue~");
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
		touch("p/a.queue");
		if (i % 2)
			EXPECT(AGORA_PROGRAM_ADDED, "p", "");
		touch("p/b.queue");
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
		touch(name);
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

/* ---- one program ---------------------------------------------------- */

TEST(a_watch_on_one_program_hears_nothing_of_others)
{
	CHECK_OK(agora_program_create(space, "p", NULL));
	CHECK_OK(agora_program_create(space, "q", NULL));
	start("p");
	touch("q/x.queue");
	CHECK_OK(agora_program_create(space, "r", NULL));
	stop();
	start("p");
	touch("p/x.queue");
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
	touch("p/y.queue");
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

TEST(every_event_has_a_name)
{
	CHECK_STR("program-added", agora_event_name(AGORA_PROGRAM_ADDED));
	CHECK_STR("object-changed", agora_event_name(AGORA_OBJECT_CHANGED));
	CHECK_STR("overflow", agora_event_name(AGORA_EVENT_OVERFLOW));
	CHECK_STR("unknown", agora_event_name(0));
	CHECK_STR("unknown", agora_event_name(AGORA_EVENT_OVERFLOW + 1));
}
