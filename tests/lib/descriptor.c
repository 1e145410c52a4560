/* descriptor.c - an object in poll(2) and epoll(7). */
#include "driver.h"

#include <stddef.h>
#include <sys/epoll.h>
#include <sys/ptrace.h>
#include <sys/resource.h>

#define PATH "p/q.queue"

static struct agora_object *open_as(
	const char *path, uint32_t flags, const struct agora_options *options)
{
	struct agora_object *object;
	int error = agora_program_create(space, "p", NULL);

	CHECK(!error || error == -EEXIST);
	CHECK_OK(agora_object_open(space, path, flags, options, &object));
	return object;
}

static void push(struct agora_object *object)
{
	CHECK_OK(agora_object_push(object, "x", 1));
}

static int pop(struct agora_object *object)
{
	char data[64];
	struct agora_buffer b = {.data = data, .capacity = sizeof(data)};

	return agora_object_pop(object, &b);
}

/* It has blocks already: growing the file makes descriptors readable too. */
static struct agora_object *open_queue(void)
{
	struct agora_object *q =
		open_as(PATH, AGORA_WRITE | AGORA_CREATE, NULL);

	push(q);
	CHECK_OK(pop(q));
	return q;
}

static int descriptor(struct agora_object *object)
{
	int fd = agora_object_descriptor(object);

	CHECK_OK(fd);
	return fd;
}

static int readable(int fd, int timeout)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int n = poll(&p, 1, timeout);

	CHECK_SYS(n);
	return n;
}

/* Until it holds, sleeping in epoll and nowhere else. */
static uint32_t sleep_for(
	struct agora_object *object, uint32_t events, uint64_t cursor)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC), ready;
	struct epoll_event event = {.events = EPOLLIN};

	CHECK_SYS(epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor(object), &event));
	while (!(ready = agora_object_arm(object, events, cursor)))
		CHECK_SYS(epoll_wait(epoll, &event, 1, -1));
	CHECK_OK(ready);
	close(epoll);
	return (uint32_t)ready;
}

/*
 * Arm until the descriptor is quiet: while there are others, looking for the
 * dead that were not seen to die makes it readable a few times.
 */
static void settle(struct agora_object *object, uint32_t events)
{
	int fd = descriptor(object);
	struct agora_stat stat;
	uint64_t cursor = 0;

	agora_object_end(object, &cursor);
	do {
		CHECK_EQ(0, agora_object_arm(object, events, cursor));
		CHECK_OK(agora_object_stat(object, &stat));
	} while (readable(fd, stat.clients > 1 ? 1200 : 0));
}

/* ---- one process ---- */

TEST(an_armed_descriptor_becomes_readable_and_arming_takes_that_back)
{
	struct agora_object *q = open_queue();
	int fd = descriptor(q);

	CHECK_EQ(fd, agora_object_descriptor(q));
	settle(q, AGORA_READABLE);
	push(q);
	CHECK_EQ(1, readable(fd, -1));
	CHECK_EQ(AGORA_READABLE, agora_object_arm(q, AGORA_READABLE, 0));
	CHECK_EQ(0, readable(fd, 0));
	CHECK_OK(pop(q));
	CHECK_EQ(0, agora_object_arm(q, AGORA_READABLE, 0));
	CHECK_EQ(0, readable(fd, 0));
	push(q);
	CHECK_EQ(1, readable(fd, 0));
	agora_object_close(q);
}

TEST(what_is_not_armed_stays_quiet)
{
	struct agora_object *q = open_queue();

	settle(q, 0);
	push(q);
	CHECK_OK(pop(q));
	CHECK_EQ(0, readable(descriptor(q), 0));
	/* Armed for messages: room is no news. */
	push(q);
	CHECK_EQ(AGORA_READABLE, agora_object_arm(q, AGORA_READABLE, 0));
	CHECK_OK(pop(q));
	CHECK_EQ(0, agora_object_arm(q, AGORA_READABLE, 0));
	CHECK_EQ(0, agora_object_arm(q, 0, 0));
	CHECK_EQ(0, readable(descriptor(q), 0));
	agora_object_close(q);
}

TEST(a_ring_takes_the_flag_down)
{
	struct agora_object *q = open_queue();

	settle(q, AGORA_READABLE);
	push(q);
	CHECK_EQ(AGORA_READABLE, agora_object_arm(q, AGORA_READABLE, 0));
	push(q);
	CHECK_EQ(0, readable(descriptor(q), 0));
	agora_object_close(q);
}

TEST(room_wakes_who_is_armed_for_it)
{
	struct agora_options options = {.capacity = 1};
	struct agora_object *q =
		open_as(PATH, AGORA_WRITE | AGORA_CREATE, &options);

	CHECK_OK(descriptor(q));
	CHECK_EQ(AGORA_WRITABLE, agora_object_arm(q, AGORA_WRITABLE, 0));
	push(q);
	settle(q, AGORA_WRITABLE);
	CHECK_OK(pop(q));
	CHECK_EQ(1, readable(descriptor(q), -1));
	CHECK_EQ(AGORA_WRITABLE, agora_object_arm(q, AGORA_WRITABLE, 0));
	agora_object_close(q);
}

TEST(a_tap_is_armed_with_its_cursor)
{
	struct agora_object *q = open_queue();
	uint64_t cursor;

	push(q);
	CHECK_OK(agora_object_end(q, &cursor));
	CHECK_OK(descriptor(q));
	CHECK_EQ(AGORA_ADVANCED, agora_object_arm(q, AGORA_ADVANCED, 0));
	CHECK_EQ(0, agora_object_arm(q, AGORA_ADVANCED, cursor));
	push(q);
	CHECK_EQ(1, readable(descriptor(q), -1));
	CHECK_EQ(AGORA_ADVANCED, agora_object_arm(q, AGORA_ADVANCED, cursor));
	agora_object_close(q);
}

TEST(a_change_of_a_table_wakes)
{
	struct agora_object *t =
		open_as("p/t.table", AGORA_WRITE | AGORA_CREATE, NULL);
	struct agora_waiter *waiter;

	settle(t, AGORA_ADVANCED);
	CHECK_EQ(AGORA_WRITABLE, agora_object_arm(t, AGORA_WRITABLE, 0));
	CHECK_ERROR(-EOPNOTSUPP, agora_object_arm(t, AGORA_READABLE, 0));
	CHECK_OK(agora_waiter_open(&waiter));
	CHECK_ERROR(-EOPNOTSUPP, agora_waiter_wait(waiter,
					 &(struct agora_wait){.object = t,
						 .events = AGORA_READABLE},
					 1, NULL));
	agora_waiter_close(waiter);
	CHECK_EQ(0, agora_object_arm(t, AGORA_ADVANCED, 0));
	CHECK_OK(agora_object_put(t, "k", 1, "v", 1));
	CHECK_EQ(1, readable(descriptor(t), -1));
	settle(t, AGORA_ADVANCED);
	CHECK_OK(agora_object_delete(t, "k", 1));
	CHECK_EQ(1, readable(descriptor(t), -1));
	agora_object_close(t);
}

TEST(refused_to_readers_and_before_there_is_a_descriptor)
{
	struct agora_object *q = open_queue();
	struct agora_object *reader = open_as(PATH, AGORA_READ, NULL);

	CHECK_ERROR(-EACCES, agora_object_descriptor(reader));
	CHECK_ERROR(-EACCES, agora_object_arm(reader, AGORA_READABLE, 0));
	CHECK_ERROR(-EINVAL, agora_object_arm(q, AGORA_READABLE, 0));
	agora_object_close(reader);
	agora_object_close(q);
}

TEST(names_do_not_matter)
{
	struct agora_object *q = open_queue();
	struct agora_object *other = open_as(PATH, AGORA_WRITE, NULL);

	/* Watched while it has another name, and after its name has gone. */
	CHECK_OK(agora_object_rename(space, PATH, "p/r.queue"));
	CHECK_OK(descriptor(q));
	CHECK_OK(agora_object_remove(space, "p/r.queue"));
	settle(q, AGORA_READABLE);
	push(other);
	CHECK_EQ(1, readable(descriptor(q), -1));
	CHECK_OK(pop(q));
	settle(other, AGORA_READABLE);
	push(q);
	CHECK_EQ(1, readable(descriptor(other), -1));
	agora_object_close(other);
	agora_object_close(q);
}

TEST(a_truncated_object_wakes_and_tells)
{
	struct agora_object *q = open_queue();

	settle(q, AGORA_READABLE);
	CHECK_SYS(ftruncate(agora_object_fd(q), 0));
	CHECK_EQ(1, readable(descriptor(q), -1));
	CHECK_ERROR(-EUCLEAN, agora_object_arm(q, AGORA_READABLE, 0));
	agora_object_close(q);
}

static int count_descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

TEST(closing_closes_all_descriptors)
{
	struct agora_object *q = open_queue();
	int before = count_descriptors();
	struct rlimit few = {.rlim_cur = 0, .rlim_max = 256};

	for (int i = 0; i < 200; i++) {
		struct agora_object *other = open_as(PATH, AGORA_WRITE, NULL);

		CHECK_OK(descriptor(other));
		CHECK_EQ(0, agora_object_arm(other, AGORA_READABLE, 0));
		agora_object_close(other);
	}
	CHECK_EQ(before, count_descriptors());
	/* Nor does one that cannot be made leave any behind. */
	for (rlim_t n = 0; n < 3; n++) {
		few.rlim_cur = (rlim_t)before + n;
		CHECK_SYS(setrlimit(RLIMIT_NOFILE, &few));
		CHECK_ERROR(-EMFILE, agora_object_descriptor(q));
		CHECK_EQ(before, count_descriptors());
	}
	few.rlim_cur = (rlim_t)before + 3;
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &few));
	CHECK_OK(agora_object_descriptor(q));
	agora_object_close(q);
}

/* ---- several processes ---- */

TEST(a_forked_child_keeps_nothing_of_it)
{
	struct agora_object *q = open_queue();
	int fd = descriptor(q), open = count_descriptors();
	pid_t child;

	settle(q, AGORA_READABLE);
	child = driver_fork();
	if (!child) {
		CHECK_EQ(open - 4, count_descriptors());
		CHECK_ERROR(-ECHILD, agora_object_descriptor(q));
		CHECK_ERROR(-ECHILD, agora_object_arm(q, AGORA_READABLE, 0));
		agora_object_close(q);
		q = open_as(PATH, AGORA_WRITE, NULL);
		CHECK_OK(descriptor(q));
		push(q);
		agora_object_close(q);
		exit(0);
	}
	CHECK_EQ(1, readable(fd, -1));
	driver_join(child);
	CHECK_EQ(AGORA_READABLE, agora_object_arm(q, AGORA_READABLE, 0));
	agora_object_close(q);
}

/* Two of each side sleep in epoll, and all messages go through. */
static void relay(struct agora_object *q, bool push_them, int count)
{
	int done = 0;

	while (done < count) {
		int result = push_them ? agora_object_push(q, "x", 1) : pop(q);

		if (!result)
			done++;
		else if (result == -EAGAIN)
			sleep_for(q,
				push_them ? AGORA_WRITABLE : AGORA_READABLE, 0);
		else
			CHECK_OK(result);
	}
}

TEST(several_waiters_in_several_processes_all_get_through)
{
	enum { EACH = 20000, PROCESSES = 4 };
	struct agora_options options = {.capacity = 3};
	struct agora_object *q =
		open_as(PATH, AGORA_WRITE | AGORA_CREATE, &options);
	struct agora_check report;
	pid_t children[PROCESSES];

	for (int i = 0; i < PROCESSES; i++) {
		children[i] = driver_fork();
		if (children[i])
			continue;
		q = open_as(PATH, AGORA_WRITE, NULL);
		relay(q, i % 2, EACH);
		agora_object_close(q);
		exit(0);
	}
	for (int i = 0; i < PROCESSES; i++)
		driver_join(children[i]);
	CHECK_OK(agora_object_check(q, 0, &report));
	CHECK_EQ(report.blocks, report.free);
	agora_object_close(q);
}

TEST(every_tap_wakes_for_one_message)
{
	enum { TAPS = 5 };
	struct agora_object *q = open_queue();
	struct driver_signal armed = driver_signal();
	pid_t children[TAPS];
	uint64_t cursor;

	for (int i = 0; i < TAPS; i++) {
		children[i] = driver_fork();
		if (children[i])
			continue;
		q = open_as(PATH, AGORA_WRITE, NULL);
		CHECK_OK(agora_object_end(q, &cursor));
		settle(q, AGORA_ADVANCED);
		driver_post(&armed);
		CHECK_EQ(AGORA_ADVANCED, sleep_for(q, AGORA_ADVANCED, cursor));
		agora_object_close(q);
		exit(0);
	}
	for (int i = 0; i < TAPS; i++)
		driver_await(&armed);
	push(q);
	for (int i = 0; i < TAPS; i++)
		driver_join(children[i]);
	agora_object_close(q);
}

TEST(those_who_wait_in_calls_and_in_epoll_wake_alike)
{
	enum { EACH = 5000 };
	struct agora_object *q = open_queue();
	pid_t caller = driver_fork(), poller;
	char byte;
	struct agora_buffer b = {.data = &byte, .capacity = 1};

	if (!caller) {
		q = open_as(PATH, AGORA_WRITE, NULL);
		for (int i = 0; i < EACH; i++)
			CHECK_OK(agora_object_pop_wait(q, NULL, &b));
		exit(0);
	}
	poller = driver_fork();
	if (!poller) {
		q = open_as(PATH, AGORA_WRITE, NULL);
		relay(q, false, EACH);
		exit(0);
	}
	for (int i = 0; i < 2 * EACH; i++) {
		CHECK_OK(agora_object_push_wait(q, "x", 1, NULL));
		if (i % 16 == 0)
			usleep(100);
	}
	driver_join(caller);
	driver_join(poller);
	agora_object_close(q);
}

/* ---- what it costs ---- */

/* How many system calls a child makes between two raise() of SIGSTOP. */
static int count_calls(pid_t child)
{
	int status, calls = 0;

	CHECK_SYS(waitpid(child, &status, WUNTRACED));
	CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	CHECK_SYS(ptrace(PTRACE_SETOPTIONS, child, NULL,
		(void *)(intptr_t)PTRACE_O_TRACESYSGOOD));
	for (;;) {
		CHECK_SYS(ptrace(PTRACE_SYSCALL, child, NULL, NULL));
		CHECK_SYS(waitpid(child, &status, 0));
		CHECK(WIFSTOPPED(status));
		if (WSTOPSIG(status) == SIGSTOP)
			break;
		calls += WSTOPSIG(status) == (SIGTRAP | 0x80);
	}
	CHECK_SYS(kill(child, SIGKILL));
	CHECK_EQ(-SIGKILL, driver_wait(child));
	return calls / 2;
}

static int calls_of(int pushes)
{
	pid_t child = driver_fork();

	if (!child) {
		struct agora_object *q = open_as(PATH, AGORA_WRITE, NULL);

		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
			_exit(77);
		raise(SIGSTOP);
		for (int i = 0; i < pushes; i++)
			push(q);
		raise(SIGSTOP);
		_exit(1);
	}
	return count_calls(child);
}

TEST(a_push_makes_no_system_call_unless_somebody_armed)
{
	struct agora_object *q = open_queue();
	int idle;

	/* Blocks are there: growing the file is a call as well. */
	for (int i = 0; i < 200; i++)
		push(q);
	while (!pop(q))
		;
	/* The second raise() itself. */
	idle = calls_of(0);
	settle(q, AGORA_READABLE);
	CHECK_EQ(idle + 1, calls_of(50));
	while (!pop(q))
		;
	/* Its flag was taken down by the first push. */
	CHECK_EQ(idle, calls_of(50));
	agora_object_close(q);
}
