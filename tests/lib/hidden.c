/* hidden.c - programs come and go in one step, whoever races or dies. */
#include "programs.h"

#include <sched.h>
#include <sys/mman.h>

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

static void do_forget(void *context)
{
	(void)context;
	CHECK_OK(agora_program_forget(space, "p"));
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

/* Which steps a child passed, each where it first stands among the names. */
static bool *passed;

static void note_step(const char *name)
{
	size_t count;
	const char *const *steps = crash_points(&count);

	for (size_t i = 0; i < count; i++)
		if (!strcmp(steps[i], name)) {
			passed[i] = true;
			return;
		}
}

/* The next one starts from nothing. */
static void remove_all(void)
{
	unlinkat(agora_space_fd(space), "p/x.queue", 0);
	agora_program_remove(space, "p");
	agora_program_remove(space, "q");
	CHECK_EQ(0, count_entries("."));
}

/* Let work pass all its steps: it cannot die at any other. */
static void find_steps(
	size_t count, void (*prepare)(void), void (*work)(void *context))
{
	passed = mmap(NULL, count * sizeof(*passed), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(passed != MAP_FAILED);
	prepare();
	crash_hook = note_step;
	CHECK(!driver_crash("none", 1, work, NULL));
	crash_hook = NULL;
	remove_all();
}

/* Kill work at every pass of every step. Returns how many kills there were. */
static int kill_everywhere(
	void (*prepare)(void), void (*work)(void *context), void (*check)(void))
{
	const char *const *steps;
	size_t count;
	int kills = 0;

	steps = crash_points(&count);
	find_steps(count, prepare, work);
	for (size_t i = 0; i < count; i++)
		for (long pass = 1; passed[i]; pass++) {
			bool killed;

			prepare();
			killed = driver_crash(steps[i], pass, work, NULL);
			if (killed)
				check();
			kills += killed;
			remove_all();
			if (!killed)
				break;
		}
	munmap(passed, count * sizeof(*passed));
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

TEST(killed_at_any_step_of_forgetting_keeps_the_objects)
{
	CHECK(kill_everywhere(prepare_dead_program_with_object, do_forget,
		      check_object) >= 2);
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
