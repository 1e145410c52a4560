/*
 * door.c - the file door, W10: agora's mount beside a null filesystem.
 *
 * Client and server are bound to one CPU: which CPU the scheduler wakes the
 * server on is a lottery that has nothing to do with either.
 */
#include "agora_ring.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char here[256];  /* the directory of this program */
static char point[128]; /* the mount point */
static pid_t server;

/* What is read from, written to and looked at, below the mount point. */
struct side {
	const char *program; /* beside this one */
	const char *dir;     /* there once it is mounted */
	const char *write, *read;
	bool agora;
};

static void find_here(void)
{
	ssize_t size = readlink("/proc/self/exe", here, sizeof(here) - 1);

	while (size > 0 && here[size - 1] != '/')
		size--;
	here[size > 0 ? size : 0] = '\0';
}

static void unmount(void)
{
	if (server) {
		kill(server, SIGTERM);
		waitpid(server, NULL, 0);
		rmdir(point);
	}
	server = 0;
}

static void serve(const struct side *side)
{
	char program[512];
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	bench_pin(1);
	snprintf(program, sizeof(program), "%s%s", here, side->program);
	if (side->agora)
		execl(program, program, "--foreground", "--space", bench_dir(),
			point, (char *)NULL);
	else
		execl(program, program, point, (char *)NULL);
	_exit(1);
}

static const char *below(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", point, name);
	return path;
}

static void mount_side(const struct side *side)
{
	struct stat st;

	find_here();
	strcpy(point, "/tmp/agora-bench-XXXXXX");
	if (!mkdtemp(point))
		bench_fail("%s: %s", point, strerror(errno));
	server = fork();
	if (!server)
		serve(side);
	atexit(unmount);
	for (unsigned i = 0; stat(below(side->dir), &st) < 0; i++) {
		if (i > 5000)
			bench_fail("%s does not mount", side->program);
		usleep(1000);
	}
}

/* ---- what is timed ---- */

struct door {
	const struct side *side;
	struct agora_queue *queue; /* behind the file that is written */
	int fd;
	char line[64]; /* is written */
	char got[64];  /* was read */
};

static void check(bool done, const char *what)
{
	if (!done)
		bench_fail("%s: %s", what, strerror(errno));
}

static void write_once(struct door *door)
{
	check(write(door->fd, door->line, 64) == 64, "write");
}

static void read_once(struct door *door)
{
	check(pread(door->fd, door->got, 64, 0) > 0, "read");
}

static void open_write_close(struct door *door)
{
	int fd = open(below(door->side->write), O_WRONLY);

	check(fd >= 0 && write(fd, door->line, 64) == 64 && !close(fd),
		"open, write, close");
}

static void stat_once(struct door *door)
{
	struct stat st;

	check(!stat(below(door->side->write), &st), "stat");
}

/* Take out what was written, so that it never is full. Not timed. */
static void drain(struct door *door)
{
	struct agora_message message;

	if (!door->queue)
		return;
	while (!agora_queue_acquire(door->queue, &message))
		agora_queue_release(door->queue, &message);
}

#define ROUNDS 64

/* The median over rounds, in us. */
static double timed(
	struct door *door, void (*once)(struct door *door), double seconds)
{
	static double samples[1 << 16];
	uint64_t end = bench_now() + (uint64_t)(seconds * 1e9);
	size_t count = 0;

	while (count < 1 << 16 && bench_now() < end) {
		uint64_t start = bench_now();

		for (unsigned i = 0; i < ROUNDS; i++)
			once(door);
		samples[count++] = (double)(bench_now() - start) / 1e3 / ROUNDS;
		drain(door);
	}
	return bench_median(samples, count);
}

static void time_file(struct door *door, const char *name, int flags,
	const char *column, void (*once)(struct door *door), double seconds)
{
	door->fd = open(below(name), flags);
	check(door->fd >= 0, name);
	bench_record(column, "us", timed(door, once, seconds));
	close(door->fd);
}

static void time_all(struct door *door, double seconds)
{
	memset(door->line, 'x', 63);
	door->line[63] = '\n';
	time_file(door, door->side->write, O_WRONLY, "write", write_once,
		seconds);
	time_file(door, door->side->read, O_RDONLY, "read", read_once, seconds);
	bench_record("open+write+close", "us",
		timed(door, open_write_close, seconds));
	bench_record("stat", "us", timed(door, stat_once, seconds));
}

/* ---- a million lines ---- */

#define LINES 1000000u

static void count_lines(struct bench_worker *w)
{
	struct agora_queue *queue = agora_ring_open(w->object, 0);
	char text[32];
	struct agora_buffer buffer = {.data = text, .capacity = sizeof(text)};
	unsigned count = 0;

	bench_ready(w);
	while (count < LINES)
		if (agora_ring_done(agora_queue_pop_wait(queue, NULL, &buffer)))
			count++;
	if (buffer.size != 7 || memcmp(text, "1000000", 7))
		bench_fail("a wrong last line");
}

static void write_lines(struct bench_worker *w)
{
	char command[512];
	uint64_t start;

	bench_ready(w);
	snprintf(command, sizeof(command), "seq %u > %s", LINES,
		below("bench/lines.queue"));
	start = bench_now();
	check(!system(command), "seq");
	w->value = (double)(bench_now() - start) / 1e9;
}

static void time_lines(void)
{
	struct bench_worker *w = bench_workers(2);
	static char path[64] = "bench/lines.queue";

	w[0].work = write_lines;
	w[0].cpu = 1;
	w[1].work = count_lines;
	w[1].object = path;
	bench_run(w, 2, false);
	bench_record("seq 1000000", "s", w[0].value);
}

/* ---- the cases ---- */

static void make(const char *path)
{
	struct agora_options options = {.type = "bytes/line"};
	int error = agora_object_create(agora_bench_space(), path, &options);

	if (error)
		bench_fail("%s: %s", path, agora_strerror(error));
}

static void run(const struct bench_case *bench, double seconds)
{
	static char written[64] = "bench/x.queue", looked[64] = "bench/r.queue";
	struct door door = {.side = bench->data};

	if (door.side->agora) {
		make(written);
		make("bench/lines.queue");
		make(looked);
		door.queue = agora_ring_open(looked, 0);
		agora_queue_push(door.queue, door.line, 64);
		agora_queue_close(door.queue);
		door.queue = agora_ring_open(written, 0);
	}
	mount_side(door.side);
	bench_pin(1);
	time_all(&door, seconds / 4);
	if (door.side->agora)
		time_lines();
	unmount();
}

BENCH_SETUP(door)
{
	static const struct side agora = {"../../fs/mount/agora-mount", "bench",
		"bench/x.queue", "bench/r.queue", true};
	static const struct side null = {"nullfs", "d", "d/f", "d/f", false};

	bench_add((struct bench_case){
		"W10", "agora mount", "files", run, &agora, 0});
	bench_add((struct bench_case){
		"W10", "null filesystem", "files", run, &null, 0});
}
