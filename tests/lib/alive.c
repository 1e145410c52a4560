/* alive.c - who stands behind a program, and for how long. */
#include "programs.h"

#include <pthread.h>
#include <stdatomic.h>

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
	atomic_store((atomic_bool *)context, true);
	return NULL;
}

TEST(forking_while_another_thread_registers_leaks_no_lock)
{
	atomic_bool done = false;
	pid_t children[64] = {0};
	pthread_t thread;
	unsigned i;

	CHECK_EQ(0,
		pthread_create(&thread, NULL, register_again_and_again, &done));
	for (i = 0; !atomic_load(&done); i = (i + 1) % 64) {
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

/* ---- the lock file -------------------------------------------------- */

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
	struct agora_program *program;
	struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
	int fd;

	CHECK_OK(agora_program_create(space, "p", NULL));
	fd = openat(agora_space_fd(space), "p/.alive", O_RDONLY | O_CLOEXEC);
	CHECK_SYS(fd);
	CHECK_SYS(fcntl(fd, F_OFD_SETLK, &lock));
	CHECK(!is_alive("p"));
	CHECK_ERROR(-EBUSY, agora_program_register(space, "p", NULL, &program));
	close(fd);
	CHECK_OK(agora_program_register(space, "p", NULL, &program));
	agora_program_unregister(program);
}
