/* watch_limit.c - a watch at the limits of the kernel and of permissions. */
#include "watching.h"

#include <sched.h>
#include <sys/inotify.h>

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
		touch("old/x.queue");
		remove_file("old/x.queue");
	}
	/* Nobody hears of these. */
	holder = start_holder("new");
	touch("new/a.queue");
	CHECK_OK(agora_program_remove(space, "old"));
	do
		event = take();
	while (event.type != AGORA_EVENT_OVERFLOW);
	touch("new/b.queue");
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
	touch("b/x.queue");
	EXPECT(AGORA_OBJECT_ADDED, "b", "x.queue");
	touch("a/x.queue");
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
	touch("p/x.queue");
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
