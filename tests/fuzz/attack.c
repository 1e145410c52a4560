/*
 * attack.c - somebody scribbles on a segment, or cuts its file, while others
 * do to it all that can be done.
 *
 *   attack scribble|cut FAMILY ROUNDS SEED
 *   attack SPACE SEED       in a space of others, who work: without an end
 *
 * FAMILY is the number of a row of family.c, or its path. Two processes do
 * ROUNDS rounds each; errors are what they must get, and no signal. They may be
 * long at it, but each round must end.
 */
#include "fuzz.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECONDS 60 /* of processor time, in which a round must end */
#define WORKERS 2

typedef void attack_once(struct family *family, unsigned *seed);

/* ---- those who attack ---- */

/* The image comes back now and then, or nothing would be left to break. */
static void scribble(struct family *family, unsigned *seed)
{
	unsigned n = change_number(seed) % 64;

	family_restore(
		family, &family->images[change_number(seed) % family->count]);
	while (n--) {
		struct change c = change_invent(seed);
		struct input one = {(const uint8_t *)&c, 1, 0, 0};

		/* The header is read once; the file is for cut(). */
		if (c.class >= change_classes - 1)
			continue;
		c.when = 0;
		change_apply(family, &one, 0);
		usleep(change_number(seed) % 64);
	}
}

static uint64_t any_size(const struct family *f, unsigned *seed)
{
	const struct layout *l = &f->layout;
	const uint64_t sizes[] = {0, 1, sizeof(struct header_shm), OFFSET_ROOTS,
		OFFSET_CLIENTS, OFFSET_CLIENTS + PAGE, l->array,
		l->array + PAGE, l->pool[0].bitmap, l->pool[0].headers,
		l->pool[0].headers + PAGE, l->pool[1].headers, l->pool[1].data,
		f->size - PAGE, f->size - 1, f->size + PAGE,
		change_number(seed) % f->size};

	return sizes[change_number(seed) % (sizeof(sizes) / sizeof(*sizes))];
}

/* Cut it, and mostly give it its size again, at once or later. */
static void cut(struct family *family, unsigned *seed)
{
	if (ftruncate(family->fd, (off_t)any_size(family, seed)))
		fuzz_fail("cannot be cut");
	family->resized = true;
	usleep(change_number(seed) % 128);
	if (change_number(seed) % 4)
		family_restore(family, &family->images[family->count - 1]);
	usleep(change_number(seed) % 2048);
}

/* One after the other: who scribbles must not meet a file that was cut. */
static void attack_all(unsigned seed)
{
	for (;;) {
		struct family *family =
			&families[change_number(&seed) % family_count];

		for (unsigned n = change_number(&seed) % 40; n; n--)
			scribble(family, &seed);
		if (change_number(&seed) % 4)
			continue;
		cut(family, &seed);
		family_restore(family, &family->images[family->count - 1]);
	}
}

/* ---- those who work ---- */

static pid_t start(void)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		fuzz_fail("no process");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
	}
	return pid;
}

static void work(struct family *family, unsigned rounds, unsigned seed)
{
	while (rounds--) {
		struct input input = {.flags = (uint8_t)change_number(&seed),
			.first = (uint8_t)change_number(&seed)};

		fuzz_limit(SECONDS);
		operate(family, &input);
	}
	_exit(0);
}

static int wait_for(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || !status)
		return 0;
	if (WIFSIGNALED(status))
		fprintf(stderr, "killed by signal %d\n", WTERMSIG(status));
	return 1;
}

static struct family *find_family(const char *name)
{
	for (unsigned i = 0; i < family_count; i++)
		if (!strcmp(families[i].path, name))
			return &families[i];
	return &families[(unsigned)atoi(name) % family_count];
}

int main(int argc, char **argv)
{
	attack_once *attack =
		argc > 1 && !strcmp(argv[1], "cut") ? cut : scribble;
	unsigned rounds, seed, failed = 0;
	pid_t attacker, worker[WORKERS];
	struct family *family;

	if (argc == 3) {
		fuzz_start(argv[1]);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		puts("ready");
		fflush(stdout);
		attack_all((unsigned)strtoul(argv[2], NULL, 0));
	}
	if (argc != 5)
		return 2;
	fuzz_start(NULL);
	family = find_family(argv[2]);
	rounds = (unsigned)atoi(argv[3]);
	seed = (unsigned)strtoul(argv[4], NULL, 0);
	attacker = start();
	while (!attacker)
		attack(family, &seed);
	for (unsigned i = 0; i < WORKERS; i++) {
		worker[i] = start();
		if (!worker[i])
			work(family, rounds, seed + i);
	}
	for (unsigned i = 0; i < WORKERS; i++)
		failed += (unsigned)wait_for(worker[i]);
	kill(attacker, SIGKILL);
	waitpid(attacker, NULL, 0);
	return failed != 0;
}
