/*
 * descriptor.c - kill clients of a queue while somebody sleeps in epoll, and
 * nobody else is there to help: it wakes.
 */
#include "driver.h"

#include "shm/bell.h"

#include <pthread.h>

#define PATH "p/q.queue"

/* Longer than a sleep between two looks at the dead: 1 s. */
#define PATIENCE 20000

static char data[30000];

static struct agora_object *open_queue(void)
{
	struct agora_object *object;
	int error = agora_program_create(space, "p", NULL);

	CHECK(!error || error == -EEXIST);
	CHECK_OK(agora_object_open(
		space, PATH, AGORA_WRITE | AGORA_CREATE, NULL, &object));
	return object;
}

static void push(void *unused)
{
	struct agora_object *q = open_queue();

	(void)unused;
	CHECK_OK(agora_object_push(q, "x", 1));
	agora_object_close(q);
}

static int pop(struct agora_object *q)
{
	struct agora_buffer b = {.data = data, .capacity = sizeof(data)};

	return agora_object_pop(q, &b);
}

/* Sleep in poll until there is a message. Returns how often it slept. */
static int sleep_for_message(struct agora_object *q)
{
	struct pollfd p = {.fd = agora_object_descriptor(q), .events = POLLIN};
	int result, sleeps = 0;

	CHECK_OK(p.fd);
	while (!(result = agora_object_arm(q, AGORA_READABLE, 0))) {
		sleeps++;
		CHECK_EQ(1, poll(&p, 1, PATIENCE));
	}
	CHECK_EQ(AGORA_READABLE, result);
	return sleeps;
}

/*
 * Kill at step who pushes, while a child sleeps: the child does not die with
 * the test's process, but nobody touches the queue before it woke.
 */
static void check_wakes(const char *step)
{
	struct driver_signal asleep = driver_signal();
	struct agora_object *q = open_queue();
	pid_t sleeper = driver_fork();
	bool died;

	if (!sleeper) {
		agora_object_close(q);
		q = open_queue();
		CHECK_OK(agora_object_descriptor(q));
		CHECK_EQ(0, agora_object_arm(q, AGORA_READABLE, 0));
		driver_post(&asleep);
		sleep_for_message(q);
		CHECK_OK(pop(q));
		agora_object_close(q);
		exit(0);
	}
	agora_object_close(q);
	driver_await(&asleep);
	died = driver_crash(step, 1, push, NULL);
	CHECK(died);
	driver_join(sleeper);
}

TEST(killed_when_published_the_sleeper_wakes)
{
	check_wakes("queue_push_published");
}

TEST(killed_when_advanced_the_sleeper_wakes)
{
	check_wakes("queue_push_advanced");
}

TEST(killed_when_it_found_the_flag_the_sleeper_wakes)
{
	check_wakes("event_changed");
}

TEST(killed_before_it_rings_the_sleeper_wakes)
{
	check_wakes("bell_unrung");
}

TEST(killed_after_it_rang_the_sleeper_wakes)
{
	check_wakes("bell_rung");
}

/* One that rang and died leaves the flag, which does no harm. */
TEST(a_flag_that_is_left_is_taken_down_by_the_next)
{
	struct agora_object *q;
	struct pollfd p = {.events = POLLIN};

	check_wakes("bell_rung");
	q = open_queue();
	p.fd = agora_object_descriptor(q);
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(0, agora_object_arm(q, AGORA_READABLE, 0));
		CHECK_OK(agora_object_push(q, "x", 1));
		CHECK_EQ(1, poll(&p, 1, PATIENCE));
		CHECK_EQ(0, sleep_for_message(q));
		CHECK_OK(pop(q));
	}
	agora_object_close(q);
}

/*
 * Somebody is stopped at a step, not dead: no close tells of it. What others
 * push wakes all the same.
 */
static void check_stopped(const char *step)
{
	struct agora_object *q = open_queue();
	struct pollfd p = {.events = POLLIN};
	pid_t victim;
	int status;

	p.fd = agora_object_descriptor(q);
	CHECK_EQ(0, agora_object_arm(q, AGORA_READABLE, 0));
	victim = driver_fork();
	if (!victim) {
		agora_object_close(q);
		crash_signal = SIGSTOP;
		crash_arm(step, 1);
		push(NULL);
		exit(0);
	}
	CHECK_SYS(waitpid(victim, &status, WUNTRACED));
	CHECK(WIFSTOPPED(status));
	while (!pop(q))
		;
	/* What the stopped one knew is not what it would clear now. */
	CHECK_EQ(0, agora_object_arm(q, AGORA_READABLE, 0));
	kill(victim, SIGCONT);
	driver_join(victim);
	while (!pop(q))
		;
	do
		CHECK_EQ(0, agora_object_arm(q, AGORA_READABLE, 0));
	while (poll(&p, 1, 0));
	CHECK_OK(agora_object_push(q, "x", 1));
	CHECK_EQ(1, poll(&p, 1, PATIENCE));
	agora_object_close(q);
}

TEST(one_that_is_stopped_before_it_rings_hides_nothing_from_others)
{
	check_stopped("bell_unrung");
}

TEST(one_that_is_stopped_after_it_rang_clears_no_younger_flag)
{
	struct agora_object *q = open_queue(), *other = open_queue();
	struct pollfd p = {.events = POLLIN};
	pid_t victim;
	int status;

	check_stopped("bell_rung");
	while (!pop(q))
		;
	p.fd = agora_object_descriptor(q);
	CHECK_EQ(0, agora_object_arm(q, AGORA_READABLE, 0));
	victim = driver_fork();
	if (!victim) {
		crash_signal = SIGSTOP;
		crash_arm("bell_rung", 1);
		push(NULL);
		exit(0);
	}
	CHECK_SYS(waitpid(victim, &status, WUNTRACED));
	CHECK(WIFSTOPPED(status));
	CHECK_OK(pop(q));
	/* Armed anew between its ring and its clearing; it goes on and ends. */
	CHECK_EQ(0, agora_object_arm(q, AGORA_READABLE, 0));
	kill(victim, SIGCONT);
	driver_join(victim);
	/* Its closing may have been told: only what other does counts. */
	for (int i = 0; i < 3; i++) {
		CHECK_OK(agora_object_push(other, "x", 1));
		CHECK_EQ(1, poll(&p, 1, PATIENCE));
		CHECK_EQ(
			AGORA_READABLE, agora_object_arm(q, AGORA_READABLE, 0));
		CHECK_OK(pop(q));
		CHECK_EQ(0, agora_object_arm(q, AGORA_READABLE, 0));
	}
	agora_object_close(other);
	agora_object_close(q);
}

/* ---- what the dead had claimed ---- */

static struct driver_signal taken, end;

static void acquire(void)
{
	struct agora_object *q = open_queue();
	struct agora_message message;

	CHECK_OK(agora_object_acquire(q, &message));
	driver_post(&taken);
	raise(SIGKILL);
}

static void *linger(void *unused)
{
	(void)unused;
	for (;;)
		pause();
	return NULL;
}

/* With many threads: which of them dies last, nobody knows. */
static void acquire_with_threads(void)
{
	pthread_t thread;

	for (int i = 0; i < 4; i++)
		pthread_create(&thread, NULL, linger, NULL);
	acquire();
}

/* With a child that has inherited the mapping, and lives on. */
static void acquire_with_heir(void)
{
	struct agora_object *q = open_queue();
	struct agora_message message;

	CHECK_OK(agora_object_acquire(q, &message));
	if (!fork()) {
		driver_await(&end);
		_exit(0);
	}
	driver_post(&taken);
	raise(SIGKILL);
}

/*
 * Each round a consumer dies with the message in hand. Prints how often it
 * was still alive when its death was told, and had to be looked at again.
 */
static void check_deaths(int rounds, void (*victim)(void))
{
	struct agora_object *q = open_queue();
	int again = 0, looks = 0;

	taken = driver_signal();
	end = driver_signal();
	CHECK_OK(agora_object_push(q, "x", 1));
	CHECK_OK(agora_object_descriptor(q));
	for (int i = 0; i < rounds; i++) {
		pid_t pid = driver_fork();
		int sleeps;

		if (!pid)
			victim();
		driver_await(&taken);
		sleeps = sleep_for_message(q);
		again += sleeps > 1;
		looks = sleeps > looks ? sleeps : looks;
		CHECK_EQ(-SIGKILL, driver_wait(pid));
		driver_post(&end);
	}
	printf("%d of %d looked at again, %d times at most\n", again, rounds,
		looks);
	CHECK_OK(pop(q));
	agora_object_close(q);
}

TEST(a_claim_of_the_dead_wakes_who_sleeps)
{
	check_deaths(1000, acquire);
}

TEST(a_claim_of_dead_threads_wakes_who_sleeps)
{
	check_deaths(1000, acquire_with_threads);
}

TEST(a_claim_of_the_dead_wakes_though_a_child_lives_on)
{
	check_deaths(1000, acquire_with_heir);
}

/* ---- random deaths ---- */

/*
 * Pushers and a popper die at random while another sleeps in poll: as long
 * as messages are pushed it goes on.
 */
TEST(a_sleeper_survives_a_storm_of_deaths)
{
	enum { KILLS = 1000, VICTIMS = 3 };
	struct agora_object *q = open_queue();
	struct driver_signal start = driver_signal();
	pid_t sleeper, victims[VICTIMS];

	taken = driver_signal();
	sleeper = driver_fork();
	if (!sleeper) {
		q = open_queue();
		driver_post(&start);
		for (;;) {
			sleep_for_message(q);
			if (!pop(q))
				driver_post(&taken);
		}
	}
	driver_await(&start);
	for (int i = 0; i < KILLS; i++) {
		for (int k = 0; k < VICTIMS; k++) {
			victims[k] = driver_fork();
			if (victims[k])
				continue;
			agora_object_close(q);
			q = open_queue();
			driver_post(&start);
			for (;;)
				if (k ? agora_object_push(q, data, 100)
				      : pop(q))
					sched_yield();
		}
		for (int k = 0; k < VICTIMS; k++)
			driver_await(&start);
		for (int n = 0; n < 3; n++)
			driver_await(&taken);
		for (int k = 0; k < VICTIMS; k++)
			driver_kill(victims[k]);
	}
	driver_kill(sleeper);
	agora_object_close(q);
}
