/*
 * spsc_fallback.c - sleepers of an SPSC queue where membarrier(2) is refused:
 * to who changes the queue, to who sleeps, or to both.
 */
#include "data/spsc.h"

#include "spsc.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>

#define ROUNDS 400

/* From now on membarrier fails in this process. */
static void refuse(int error)
{
	struct sock_filter steps[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	struct sock_fprog program = {sizeof(steps) / sizeof(*steps), steps};

	CHECK_SYS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		SKIP("the kernel has no seccomp filters");
}

/* Skips the test where refuse() cannot work: an emulator has no filters. */
static void need_filters(void)
{
	int status;
	pid_t child = driver_fork();

	if (!child) {
		refuse(EPERM);
		_exit(0);
	}
	CHECK_SYS(waitpid(child, &status, 0));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		SKIP("the kernel has no seccomp filters");
	CHECK_EQ(0, status);
}

static const int errors[] = {0, EPERM, ENOSYS};

/* Fork a child to which membarrier says error, if that is not 0. */
static pid_t fork_refused(int error)
{
	pid_t child = driver_fork();

	if (!child && error)
		refuse(error);
	return child;
}

static bool is_blind(struct agora_queue *q)
{
	return event_slice(&agora_queue_object(q)->segment) ==
	       EVENT_SLICE_BLIND;
}

static bool is_light(struct agora_queue *q)
{
	return ((struct spsc *)(void *)q)->light;
}

TEST(who_is_refused_fences_itself_and_sleeps_in_short_slices)
{
	need_filters();
	for (int i = 0; i < 3; i++) {
		pid_t child;

		agora_queue_close(open_fixed(2));
		child = fork_refused(errors[i]);
		if (!child) {
			struct agora_queue *q = open_again(AGORA_WRITE);

			CHECK_EQ(!errors[i], is_light(q));
			CHECK(!is_blind(q));
			event_fence(&agora_queue_object(q)->segment);
			CHECK_EQ(errors[i] != 0, is_blind(q));
			agora_queue_close(q);
			_exit(0);
		}
		driver_join(child);
	}
}

/* ---- in the futex, and in poll ---- */

static struct agora_queue *open_at(const char *path, uint32_t flags)
{
	struct agora_options options = {.capacity = 1,
		.message_size = sizeof(int),
		.flags = AGORA_SPSC | AGORA_FIXED};
	struct agora_queue *q;

	CHECK_OK(agora_queue_open(space, path, flags, &options, &q));
	return q;
}

/* Until it holds, sleeping in poll and nowhere else. */
static void poll_for(struct agora_queue *q, uint32_t events)
{
	struct agora_object *object = agora_queue_object(q);
	struct pollfd p = {.events = POLLIN};

	p.fd = agora_object_descriptor(object);
	CHECK_OK(p.fd);
	while (agora_object_arm(object, events, 0) == 0)
		CHECK_SYS(poll(&p, 1, -1));
}

static void push_sleeping(struct agora_queue *q, int number, bool polls)
{
	if (polls) {
		poll_for(q, AGORA_WRITABLE);
		push_number(q, number);
		return;
	}
	CHECK_OK(agora_queue_push_wait(q, &number, sizeof(number), NULL));
}

static void pop_sleeping(struct agora_queue *q, int number, bool polls)
{
	int got;
	struct agora_buffer b = {.data = &got, .capacity = sizeof(got)};

	if (polls) {
		poll_for(q, AGORA_READABLE);
		got = pop_number(q);
	} else {
		CHECK_OK(agora_queue_pop_wait(q, NULL, &b));
	}
	CHECK_EQ(number, got);
}

/* There and back again: each round each side has to wait for the other. */
static void play(const char *to, const char *from, bool first, bool polls)
{
	struct agora_queue *out = open_at(to, AGORA_WRITE);
	struct agora_queue *in = open_at(from, AGORA_WRITE);

	for (int i = 0; i < ROUNDS; i++) {
		if (first)
			push_sleeping(out, i, polls);
		pop_sleeping(in, i, polls);
		if (!first)
			push_sleeping(out, i, polls);
	}
	agora_queue_close(in);
	agora_queue_close(out);
	_exit(0);
}

/* One pushes as fast as there is room, the other pops what there is. */
static void stream(bool pushes, bool polls)
{
	struct agora_queue *q = open_at("p/to.queue", AGORA_WRITE);

	for (int i = 0; i < ROUNDS; i++)
		if (pushes)
			push_sleeping(q, i, polls);
		else
			pop_sleeping(q, i, polls);
	agora_queue_close(q);
	_exit(0);
}

static void create_both(void)
{
	int error = agora_program_create(space, "p", NULL);

	CHECK(!error || error == -EEXIST);
	agora_queue_close(open_at("p/to.queue", AGORA_WRITE | AGORA_CREATE));
	agora_queue_close(open_at("p/from.queue", AGORA_WRITE | AGORA_CREATE));
}

/* Whoever of the two is refused, and with which error. */
static void run_pairs(bool polls)
{
	need_filters();
	create_both();
	for (int i = 0; i < 9; i++) {
		int one = errors[i / 3], other = errors[i % 3];
		pid_t child[4];

		child[0] = fork_refused(one);
		if (!child[0])
			play("p/to.queue", "p/from.queue", true, polls);
		child[1] = fork_refused(other);
		if (!child[1])
			play("p/from.queue", "p/to.queue", false, polls);
		driver_join(child[0]);
		driver_join(child[1]);
		child[2] = fork_refused(one);
		if (!child[2])
			stream(true, polls);
		child[3] = fork_refused(other);
		if (!child[3])
			stream(false, polls);
		driver_join(child[2]);
		driver_join(child[3]);
	}
}

TEST(sleepers_on_both_sides_are_woken_whoever_is_refused)
{
	run_pairs(false);
}

TEST(pollers_on_both_sides_are_woken_whoever_is_refused)
{
	run_pairs(true);
}

/* ---- a descriptor that may be missed ---- */

static void arm_in_vain(struct agora_queue *q)
{
	CHECK_EQ(0, agora_object_arm(agora_queue_object(q), AGORA_READABLE, 0));
}

static int readable(struct agora_queue *q, int timeout)
{
	struct pollfd p = {.events = POLLIN};
	int n;

	p.fd = agora_object_descriptor(agora_queue_object(q));
	CHECK_OK(p.fd);
	n = poll(&p, 1, timeout);
	CHECK_SYS(n);
	return n;
}

TEST(a_poller_who_is_refused_looks_again_and_then_rests)
{
	pid_t child;

	need_filters();
	agora_queue_close(open_fixed(2));
	child = fork_refused(EPERM);
	if (!child) {
		struct agora_queue *q = open_again(AGORA_WRITE);

		CHECK_OK(agora_object_descriptor(agora_queue_object(q)));
		for (int i = 0; i < 3; i++) {
			arm_in_vain(q);
			CHECK_EQ(1, readable(q, -1));
			arm_in_vain(q);
			CHECK_EQ(0, readable(q, 0));
		}
		agora_queue_close(q);
		_exit(0);
	}
	driver_join(child);
}
