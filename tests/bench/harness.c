/*
 * harness.c - processes on their CPUs, a barrier, the clock, records.
 */
#include "harness.h"

#include <errno.h>
#include <ftw.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CASES_MAX 256
/* A repetition that takes this much longer than asked for has hung. */
#define PATIENCE 20

static struct bench_case cases[CASES_MAX];
static unsigned case_count;
static const struct bench_case *current;
static double hop;
static char dir[64];
static pid_t owner;

/* What the workers share. */
static struct barrier {
	unsigned ready BENCH_LINE;
	unsigned go BENCH_LINE;
	bool stop BENCH_LINE;
} * barrier;

bool *bench_stop_flag;

void bench_fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	fflush(NULL);
	if (getpid() == owner)
		exit(1);
	_exit(1);
}

/* ---- memory and places ---- */

void *bench_shared(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		bench_fail("mmap: %s", strerror(errno));
	return memory;
}

const char *bench_dir(void)
{
	if (*dir)
		return dir;
	strcpy(dir, "/dev/shm/agora-bench-XXXXXX");
	if (!mkdtemp(dir))
		bench_fail("%s: %s", dir, strerror(errno));
	return dir;
}

static int remove_one(
	const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static void remove_dir(void)
{
	if (*dir && getpid() == owner)
		nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- time ---- */

uint64_t bench_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

double bench_ns_of_tick(void)
{
	static double ratio;
	uint64_t ticks, start;

	if (ratio > 0)
		return ratio;
	start = bench_now();
	ticks = bench_ticks();
	while (bench_now() - start < 5000000)
		;
	ratio = (double)(bench_now() - start) / (double)(bench_ticks() - ticks);
	return ratio;
}

/* ---- workers ---- */

void bench_pin(unsigned cpu)
{
	static cpu_set_t allowed;
	static bool known;
	cpu_set_t one;
	int found = -1;

	if (!known && !sched_getaffinity(0, sizeof(allowed), &allowed))
		known = true;
	CPU_ZERO(&one);
	for (int i = 0; i < CPU_SETSIZE; i++) {
		if (!CPU_ISSET(i, &allowed))
			continue;
		found = i;
		if (!cpu--)
			break;
	}
	CPU_SET(found, &one);
	if (sched_setaffinity(0, sizeof(one), &one) < 0)
		bench_fail("cpu %d: %s", found, strerror(errno));
}

void bench_yield(void)
{
	sched_yield();
}

struct bench_worker *bench_workers(unsigned count)
{
	return bench_shared(count * sizeof(struct bench_worker));
}

void bench_ready(struct bench_worker *worker)
{
	__atomic_fetch_add(&barrier->ready, 1, __ATOMIC_ACQ_REL);
	while (!__atomic_load_n(&barrier->go, __ATOMIC_ACQUIRE)) {
		if (worker->crowded)
			sched_yield();
		else
			bench_pause();
	}
}

void bench_stop(void)
{
	__atomic_store_n(&barrier->stop, true, __ATOMIC_RELEASE);
}

static void start_process(struct bench_worker *worker)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		bench_fail("fork: %s", strerror(errno));
	if (pid) {
		worker->pid = pid;
		return;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != owner)
		_exit(1);
	bench_pin(worker->cpu);
	worker->work(worker);
	_exit(0);
}

static void *thread_main(void *argument)
{
	struct bench_worker *worker = argument;

	bench_pin(worker->cpu);
	worker->work(worker);
	return NULL;
}

static struct timespec patience(const struct bench_worker *worker)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += PATIENCE + (time_t)worker->seconds;
	return end;
}

/* Wait until count workers are ready, or one has ended before. */
static void await_ready(unsigned count)
{
	uint64_t end = bench_now() + PATIENCE * UINT64_C(1000000000);

	while (__atomic_load_n(&barrier->ready, __ATOMIC_ACQUIRE) < count) {
		int status;

		if (waitpid(-1, &status, WNOHANG) > 0)
			bench_fail("a worker ended before it had begun");
		if (bench_now() > end)
			bench_fail("the workers do not begin");
		usleep(200);
	}
	__atomic_store_n(&barrier->go, 1, __ATOMIC_RELEASE);
}

static void kill_all(const struct bench_worker *workers, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (workers[i].pid > 0)
			kill(workers[i].pid, SIGKILL);
}

/* A child ended: which, and was that well? A server must not end. */
static void reap(struct bench_worker *workers, unsigned count, unsigned *left)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (unsigned i = 0; i < count; i++) {
			if (workers[i].pid != pid)
				continue;
			workers[i].pid = 0;
			*left -= !workers[i].endless;
		}
		if (!WIFEXITED(status) || WEXITSTATUS(status)) {
			kill_all(workers, count);
			bench_fail("a worker failed (status %#x)", status);
		}
	}
}

static void wait_processes(struct bench_worker *workers, unsigned count)
{
	struct timespec end = patience(workers), now, slice = {1, 0};
	unsigned left = 0;
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	for (unsigned i = 0; i < count; i++)
		left += !workers[i].endless;
	for (;;) {
		reap(workers, count, &left);
		if (!left)
			break;
		clock_gettime(CLOCK_REALTIME, &now);
		if (now.tv_sec > end.tv_sec) {
			kill_all(workers, count);
			bench_fail("hung");
		}
		sigtimedwait(&child, NULL, &slice);
	}
	bench_stop();
	kill_all(workers, count);
	for (unsigned i = 0; i < count; i++)
		if (workers[i].pid > 0)
			waitpid(workers[i].pid, NULL, 0);
}

static void wait_threads(struct bench_worker *workers, unsigned count)
{
	struct timespec end = patience(workers);

	for (unsigned pass = 0; pass < 2; pass++) {
		for (unsigned i = 0; i < count; i++) {
			if (workers[i].endless != pass)
				continue;
			if (pthread_timedjoin_np(workers[i].thread, NULL, &end))
				bench_fail("hung");
		}
		bench_stop();
	}
}

void bench_run(struct bench_worker *workers, unsigned count, bool threads)
{
	memset(barrier, 0, sizeof(*barrier));
	for (unsigned i = 0; i < count; i++) {
		if (!threads)
			start_process(&workers[i]);
		else if (pthread_create(&workers[i].thread, NULL, thread_main,
				 &workers[i]))
			bench_fail("no thread");
	}
	await_ready(count);
	if (threads)
		wait_threads(workers, count);
	else
		wait_processes(workers, count);
}

/* ---- the hop ---- */

#define HOPS   2000
#define SLICES 9

/* Pass a line to and fro by compare-and-swap. The median of some slices: the
 * machine may have other work. */
static void hop_work(struct bench_worker *worker)
{
	uint64_t *line = worker->object, turn = worker->index;
	double slices[SLICES];

	bench_ready(worker);
	for (unsigned slice = 0; slice < SLICES; slice++) {
		uint64_t start = bench_now();

		for (unsigned i = 0; i < HOPS;) {
			uint64_t expected = turn;

			if (__atomic_compare_exchange_n(line, &expected,
				    turn + 1, false, __ATOMIC_ACQ_REL,
				    __ATOMIC_RELAXED)) {
				turn += 2;
				i++;
			}
		}
		slices[slice] = (double)(bench_now() - start) / (2.0 * HOPS);
	}
	worker->value = bench_median(slices, SLICES);
}

static void measure_hop(void)
{
	struct bench_worker *workers = bench_workers(2);
	void *line = bench_shared(4096);

	for (unsigned i = 0; i < 2; i++) {
		workers[i].work = hop_work;
		workers[i].object = line;
		workers[i].index = i;
		workers[i].cpu = i;
	}
	bench_run(workers, 2, false);
	hop = workers[0].value;
}

/* ---- records ---- */

void bench_add(struct bench_case bench)
{
	if (case_count == CASES_MAX)
		abort();
	cases[case_count++] = bench;
}

void bench_record(const char *column, const char *unit, double value)
{
	printf("{\"workload\": \"%s\", \"row\": \"%s\", \"case\": \"%s\", "
	       "\"column\": \"%s\", \"unit\": \"%s\", \"value\": %.6g, "
	       "\"hop\": %.1f}\n",
		current->workload, current->row, current->name, column, unit,
		value, hop);
}

static int compare_samples(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

void bench_percentiles(const char *prefix, uint32_t *samples, size_t count)
{
	static const struct {
		const char *name;
		double part;
	} points[] = {{"p50", .5}, {"p99", .99}, {"p99.9", .999}};
	char column[64];

	if (!count)
		bench_fail("no samples");
	qsort(samples, count, sizeof(*samples), compare_samples);
	for (unsigned i = 0; i < 3; i++) {
		size_t at = (size_t)(points[i].part * (double)count);

		snprintf(column, sizeof(column), "%s %s", prefix,
			points[i].name);
		bench_record(column, "ns", samples[at]);
	}
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_median(double *samples, size_t count)
{
	if (!count)
		bench_fail("no samples");
	qsort(samples, count, sizeof(*samples), compare_doubles);
	return samples[count / 2];
}

/* ---- main ---- */

static int list(void)
{
	for (unsigned i = 0; i < case_count; i++)
		printf("%s\t%s\t%s\n", cases[i].workload, cases[i].row,
			cases[i].name);
	return 0;
}

/* Other work on this machine shall wait, where we may ask for that. */
static void go_first(void)
{
	FILE *group;

	/* The scheduler weighs sessions, not only processes. */
	setsid();
	setpriority(PRIO_PROCESS, 0, -20);
	group = fopen("/proc/self/autogroup", "w");
	if (group) {
		fputs("-20", group);
		fclose(group);
	}
}

static void prepare(void)
{
	sigset_t child;

	owner = getpid();
	go_first();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	atexit(remove_dir);
	barrier = bench_shared(sizeof(*barrier));
	bench_stop_flag = &barrier->stop;
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	bench_ns_of_tick();
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--list"))
		return list();
	for (unsigned i = 0; argc == 5 && i < case_count; i++) {
		const struct bench_case *bench = &cases[i];

		if (strcmp(bench->workload, argv[1]) ||
			strcmp(bench->row, argv[2]) ||
			strcmp(bench->name, argv[3]))
			continue;
		prepare();
		measure_hop();
		current = bench;
		bench->run(bench, atof(argv[4]));
		return 0;
	}
	fprintf(stderr, "usage: %s --list | WORKLOAD ROW CASE SECONDS\n",
		argv[0]);
	return 2;
}
