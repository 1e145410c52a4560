/*
 * kernel.c - what the kernel offers: pipes, Unix sockets, POSIX queues.
 *
 * Each is held by two descriptors for each end, one of which blocks.
 */
#include "attach.h"
#include "ring.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

struct ends {
	int in, out;           /* that do not block */
	int in_wait, out_wait; /* that do */
};

static bool done(ssize_t result, size_t size)
{
	if (result == (ssize_t)size)
		return true;
	if (result >= 0 || errno != EAGAIN)
		bench_fail("%zd bytes: %s", result, strerror(errno));
	return false;
}

/* Larger messages than a pipe takes at once come in pieces. */
static bool whole(ssize_t first, size_t size, int fd, char *data, bool out)
{
	size_t sum = first > 0 ? (size_t)first : 0;

	if (first <= 0)
		return done(first, size);
	while (sum < size) {
		ssize_t more = out ? write(fd, data + sum, size - sum)
				   : read(fd, data + sum, size - sum);

		if (more <= 0)
			bench_fail("pipe: %s", strerror(errno));
		sum += (size_t)more;
	}
	return true;
}

/* ---- pipe ---- */

static int opened_again(int fd, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	fd = open(path, flags);
	if (fd < 0)
		bench_fail("%s: %s", path, strerror(errno));
	return fd;
}

static void *create_pipe(size_t size, size_t depth)
{
	struct ends *e = bench_shared(sizeof(*e));
	int fd[2];

	(void)size;
	(void)depth;
	if (pipe(fd) < 0)
		bench_fail("pipe: %s", strerror(errno));
	fcntl(fd[1], F_SETPIPE_SZ, 1 << 20);
	e->out_wait = fd[0];
	e->in_wait = fd[1];
	e->out = opened_again(fd[0], O_RDONLY | O_NONBLOCK);
	e->in = opened_again(fd[1], O_WRONLY | O_NONBLOCK);
	return e;
}

static bool pipe_push(void *ends, const void *message, size_t size)
{
	struct ends *e = ends;

	return done(write(e->in, message, size), size);
}

static bool pipe_pop(void *ends, void *message, size_t size)
{
	struct ends *e = ends;

	return done(read(e->out, message, size), size);
}

static bool pipe_push_wait(void *ends, const void *message, size_t size)
{
	struct ends *e = ends;

	return whole(write(e->in_wait, message, size), size, e->in_wait,
		(char *)(uintptr_t)message, true);
}

static bool pipe_pop_wait(void *ends, void *message, size_t size)
{
	struct ends *e = ends;

	return whole(read(e->out_wait, message, size), size, e->out_wait,
		message, false);
}

static const struct ring_ops pipe_ops = {
	.row = "pipe",
	.killed = true,
	.blocks = true,
	.create = create_pipe,
	.push = pipe_push,
	.pop = pipe_pop,
	.push_wait = pipe_push_wait,
	.pop_wait = pipe_pop_wait,
};
RING(pipe_ops)

/* ---- Unix socket ---- */

static void *create_socket(size_t size, size_t depth)
{
	struct ends *e = bench_shared(sizeof(*e));
	int fd[2], room = 1 << 20;

	(void)size;
	(void)depth;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd) < 0)
		bench_fail("socketpair: %s", strerror(errno));
	setsockopt(fd[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	e->out = fd[0];
	e->in = fd[1];
	return e;
}

static bool socket_push(void *ends, const void *message, size_t size)
{
	struct ends *e = ends;

	return done(send(e->in, message, size, MSG_DONTWAIT), size);
}

static bool socket_pop(void *ends, void *message, size_t size)
{
	struct ends *e = ends;

	return done(recv(e->out, message, size, MSG_DONTWAIT), size);
}

static bool socket_push_wait(void *ends, const void *message, size_t size)
{
	struct ends *e = ends;

	return done(send(e->in, message, size, 0), size);
}

static bool socket_pop_wait(void *ends, void *message, size_t size)
{
	struct ends *e = ends;

	return done(recv(e->out, message, size, 0), size);
}

static const struct ring_ops socket_ops = {
	.row = "Unix socket",
	.blocks = true,
	.create = create_socket,
	.push = socket_push,
	.pop = socket_pop,
	.push_wait = socket_push_wait,
	.pop_wait = socket_pop_wait,
};
RING(socket_ops)

/* ---- POSIX queue ---- */

/* What the kernel permits: without CAP_SYS_RESOURCE that is little. */
static size_t mq_limit(const char *name)
{
	char path[64];
	size_t limit = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/sys/fs/mqueue/%s", name);
	file = fopen(path, "r");
	if (!file || fscanf(file, "%zu", &limit) != 1)
		limit = 0;
	if (file)
		fclose(file);
	return limit;
}

static mqd_t mq_made(const char *name, int flags, struct mq_attr *attributes)
{
	mqd_t mq = mq_open(name, flags, 0600, attributes);

	if (mq < 0 && errno == EINVAL) {
		attributes->mq_maxmsg = (long)mq_limit("msg_max");
		mq = mq_open(name, flags, 0600, attributes);
	}
	if (mq < 0)
		bench_fail("mq_open: %s", strerror(errno));
	return mq;
}

static void *create_mq(size_t size, size_t depth)
{
	struct mq_attr attributes = {
		.mq_maxmsg = (long)depth, .mq_msgsize = (long)size};
	struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
	struct ends *e = bench_shared(sizeof(*e));
	char name[64];
	static int count;

	setrlimit(RLIMIT_MSGQUEUE, &all);
	snprintf(name, sizeof(name), "/agora-bench-%d-%d", getpid(), count++);
	e->in_wait = mq_made(name, O_RDWR | O_CREAT | O_EXCL, &attributes);
	e->in = mq_made(name, O_RDWR | O_NONBLOCK, &attributes);
	e->out_wait = e->in_wait;
	e->out = e->in;
	mq_unlink(name);
	return e;
}

static bool mq_push(void *ends, const void *message, size_t size)
{
	struct ends *e = ends;

	return done(
		mq_send(e->in, message, size, 0) ? -1 : (ssize_t)size, size);
}

static bool mq_pop(void *ends, void *message, size_t size)
{
	struct ends *e = ends;

	return done(mq_receive(e->out, message, size, NULL), size);
}

static bool mq_push_wait(void *ends, const void *message, size_t size)
{
	struct ends *e = ends;

	return done(mq_send(e->in_wait, message, size, 0) ? -1 : (ssize_t)size,
		size);
}

static bool mq_pop_wait(void *ends, void *message, size_t size)
{
	struct ends *e = ends;

	return done(mq_receive(e->out_wait, message, size, NULL), size);
}

static struct ring_ops mq_ops = {
	.row = "POSIX mq",
	.killed = true,
	.blocks = true,
	.create = create_mq,
	.push = mq_push,
	.pop = mq_pop,
	.push_wait = mq_push_wait,
	.pop_wait = mq_pop_wait,
};

BENCH_SETUP(mq)
{
	struct mq_attr deep = {.mq_maxmsg = 1024, .mq_msgsize = 8};
	mqd_t mq = mq_open("/agora-bench", O_RDWR | O_CREAT, 0600, &deep);

	if (mq >= 0) {
		mq_close(mq);
	} else {
		mq_ops.row = "POSIX mq (few deep)";
		mq_ops.largest = mq_limit("msgsize_max");
	}
	mq_unlink("/agora-bench");
}

RING(mq_ops)

/* ---- opening one ---- */

static const char *mq_name(void)
{
	static char name[64];

	if (!*name)
		snprintf(name, sizeof(name), "/agora-bench-%d", getpid());
	return name;
}

static void remove_mq(void)
{
	mq_unlink(mq_name());
}

static void create_one_mq(void)
{
	struct mq_attr attributes = {.mq_maxmsg = 10, .mq_msgsize = 64};

	mq_close(mq_made(mq_name(), O_RDWR | O_CREAT | O_EXCL, &attributes));
	atexit(remove_mq);
}

static void *open_mq(void)
{
	mqd_t mq = mq_open(mq_name(), O_RDWR);

	if (mq < 0)
		bench_fail("mq_open: %s", strerror(errno));
	return (void *)(intptr_t)mq;
}

static void close_mq(void *mq)
{
	mq_close((mqd_t)(intptr_t)mq);
}

BENCH_SETUP(attach)
{
	static const struct attach_ops ops = {
		"POSIX mq", create_one_mq, open_mq, close_mq};

	attach_add(&ops);
}
