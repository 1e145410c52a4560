/* queue_wait.c - waiting for a queue, alone, in threads, for many at once. */
#include "queue.h"

#include <pthread.h>

static unsigned char data[1 << 20];

static struct agora_queue *open_again(uint32_t flags)
{
	struct agora_queue *q;

	CHECK_OK(agora_queue_open(space, PATH, flags, NULL, &q));
	return q;
}

static void push_number(struct agora_queue *q, int number)
{
	CHECK_OK(agora_queue_push(q, &number, sizeof(number)));
}

static void check_nothing_leaked(struct agora_queue *q)
{
	struct agora_check report;

	CHECK_OK(agora_object_check(agora_queue_object(q), 0, &report));
	CHECK_EQ(report.blocks, report.free);
}

TEST(a_waiting_pop_finds_what_is_pushed_later)
{
	struct agora_queue *q = open_with(NULL);
	pid_t child = driver_fork();

	if (!child) {
		struct agora_queue *mine = open_again(AGORA_WRITE);
		struct agora_buffer b = {
			.data = data, .capacity = sizeof(data)};

		for (int i = 0; i < 100; i++)
			CHECK_OK(agora_queue_pop_wait(mine, NULL, &b));
		agora_queue_close(mine);
		exit(0);
	}
	for (int i = 0; i < 100; i++) {
		usleep(200);
		push_number(q, i);
	}
	driver_join(child);
	agora_queue_close(q);
}

TEST(a_waiting_push_finds_room)
{
	struct agora_options options = {.capacity = 2, .memory = 1 << 20};
	struct agora_queue *q = open_with(&options);
	pid_t child = driver_fork();

	if (!child) {
		struct agora_queue *mine = open_again(AGORA_WRITE);

		for (int i = 0; i < 200; i++)
			CHECK_OK(agora_queue_push_wait(
				mine, data, i % 2 ? 60000 : 4, NULL));
		agora_queue_close(mine);
		exit(0);
	}
	for (int i = 0; i < 200; i++) {
		struct agora_buffer b = {
			.data = data, .capacity = sizeof(data)};

		CHECK_OK(agora_queue_pop_wait(q, NULL, &b));
		CHECK_EQ(i % 2 ? 60000 : 4, b.size);
	}
	driver_join(child);
	check_nothing_leaked(q);
	agora_queue_close(q);
}

TEST(waiting_ends_at_its_deadline)
{
	struct agora_options options = {.capacity = 1};
	struct agora_queue *q = open_with(&options);
	struct timespec past = {0, 0}, soon = agora_deadline(20000000);
	struct agora_buffer b = {.data = data, .capacity = sizeof(data)};

	CHECK_ERROR(-ETIMEDOUT, agora_queue_pop_wait(q, &past, &b));
	CHECK_ERROR(-ETIMEDOUT, agora_queue_pop_wait(q, &soon, &b));
	push_number(q, 1);
	CHECK_ERROR(-ETIMEDOUT, agora_queue_push_wait(q, "x", 1, &past));
	CHECK_OK(agora_queue_pop_wait(q, &past, &b));
	agora_queue_close(q);
}

static void on_signal(int signal)
{
	(void)signal;
}

TEST(a_signal_ends_waiting_with_eintr)
{
	struct agora_queue *q = open_with(NULL);
	struct sigaction action = {.sa_handler = on_signal};
	struct agora_stat stat = {.waiters = 0};
	pid_t child = driver_fork();

	if (!child) {
		struct agora_queue *mine = open_again(AGORA_WRITE);
		struct agora_buffer b = {
			.data = data, .capacity = sizeof(data)};

		sigaction(SIGUSR1, &action, NULL);
		CHECK_ERROR(-EINTR, agora_queue_pop_wait(mine, NULL, &b));
		exit(0);
	}
	while (!stat.waiters)
		CHECK_OK(agora_object_stat(agora_queue_object(q), &stat));
	while (waitpid(child, NULL, WNOHANG) == 0) {
		kill(child, SIGUSR1);
		usleep(1000);
	}
	agora_queue_close(q);
}

/* ---- threads ---- */

#define PER_THREAD 20000

static struct agora_queue *shared;
static _Atomic long long sum;

static void *thread_push(void *base)
{
	for (int i = 0; i < PER_THREAD; i++) {
		int number = (int)(intptr_t)base + i;

		CHECK_OK(agora_queue_push_wait(
			shared, &number, sizeof(number), NULL));
	}
	return NULL;
}

static void *thread_pop(void *unused)
{
	(void)unused;
	for (int i = 0; i < PER_THREAD; i++) {
		int number;
		struct agora_buffer b = {
			.data = &number, .capacity = sizeof(number)};

		CHECK_OK(agora_queue_pop_wait(shared, NULL, &b));
		sum += number;
	}
	return NULL;
}

TEST_MANY(threads_may_share_a_handle)
{
	pthread_t threads[6];
	long long n = 3 * PER_THREAD;

	shared = open_with(NULL);
	for (intptr_t i = 0; i < 3; i++) {
		pthread_create(&threads[i], NULL, thread_push,
			(void *)(i * PER_THREAD));
		pthread_create(&threads[i + 3], NULL, thread_pop, NULL);
	}
	for (int i = 0; i < 6; i++)
		pthread_join(threads[i], NULL);
	CHECK_EQ(n * (n - 1) / 2, sum);
	check_nothing_leaked(shared);
	agora_queue_close(shared);
}

/* ---- waiting on many ---- */

TEST(a_waiter_tells_which_objects_are_ready)
{
	struct agora_queue *q =
		open_with(&(struct agora_options){.capacity = 1});
	struct agora_queue *r;
	struct agora_waiter *waiter;
	struct timespec past = {0, 0};
	struct agora_wait items[2];

	CHECK_OK(agora_queue_open(
		space, "p/r.queue", AGORA_WRITE | AGORA_CREATE, NULL, &r));
	CHECK_OK(agora_waiter_open(&waiter));
	items[0] = (struct agora_wait){
		agora_queue_object(q), AGORA_READABLE | AGORA_WRITABLE, 0, 0};
	items[1] = (struct agora_wait){
		agora_queue_object(r), AGORA_READABLE, 0, 0};
	CHECK_EQ(1, agora_waiter_wait(waiter, items, 2, NULL));
	CHECK_EQ(AGORA_WRITABLE, items[0].ready);
	push_number(q, 1);
	CHECK_EQ(1, agora_waiter_wait(waiter, items, 2, NULL));
	CHECK_EQ(AGORA_READABLE, items[0].ready);
	CHECK_ERROR(-ETIMEDOUT, agora_waiter_wait(waiter, &items[1], 1, &past));
	agora_waiter_kick(waiter);
	CHECK_ERROR(-ECANCELED, agora_waiter_wait(waiter, &items[1], 1, NULL));
	agora_waiter_close(waiter);
	agora_queue_close(r);
	agora_queue_close(q);
}

TEST(a_waiter_wakes_for_any_of_hundreds_of_objects)
{
	enum { COUNT = 300 };
	static struct agora_wait items[COUNT];
	struct agora_waiter *waiter;
	char path[40];
	pid_t child;

	CHECK_OK(agora_program_create(space, "p", NULL));
	for (int i = 0; i < COUNT; i++) {
		snprintf(path, sizeof(path), "p/%d.queue", i);
		CHECK_OK(agora_object_open(space, path,
			AGORA_WRITE | AGORA_CREATE, NULL, &items[i].object));
		items[i].events = AGORA_READABLE;
	}
	CHECK_OK(agora_waiter_open(&waiter));
	for (int i = 0; i < COUNT; i += 99) {
		child = driver_fork();
		if (!child) {
			struct agora_object *mine;

			snprintf(path, sizeof(path), "p/%d.queue", i);
			CHECK_OK(agora_object_open(
				space, path, AGORA_WRITE, NULL, &mine));
			CHECK_OK(agora_object_push(mine, "x", 1));
			exit(0);
		}
		CHECK_EQ(1, agora_waiter_wait(waiter, items, COUNT, NULL));
		CHECK_EQ(AGORA_READABLE, items[i].ready);
		driver_join(child);
		CHECK_OK(agora_object_pop(
			items[i].object, &(struct agora_buffer){.data = data,
						 .capacity = sizeof(data)}));
	}
	agora_waiter_close(waiter);
	for (int i = 0; i < COUNT; i++)
		agora_object_close(items[i].object);
}
