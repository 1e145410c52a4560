/*
 * step.c - kill clients behind every single instruction of what they do.
 *
 *   step_KIND [--stride N] [--phase N] [--real] GROUP
 *               every N-th instruction, from the phase-th on
 *   step_KIND --list
 *               the groups, one on each line
 *
 * A group is an operation in one shape; it is tried in each state that an
 * object can be in. A victim is led through it, one instruction at a time.
 * What kill -9 leaves there is the memory as it is and no lock. So the
 * segment is copied at each instruction to a twin whose locks (and roles) the
 * victim never had: there another client works on it, only then the dead one
 * is recovered, and everything is looked through. In each state one victim is
 * killed for real, at an instruction of the phase's choice, and judged in the
 * same way; with --real all are, which takes hours.
 *
 * Some states hold what another client left that died in the middle of its
 * own operation.
 *
 * Clients: 1 is the survivor, 2 the victim, 3 died before. Who is attached
 * stands in the state as it is saved, so 1 and 2 attach to a blank object
 * first, and the state is put under them.
 *
 * What a structure adds to this, in step_KIND.c, is told in step.h.
 */
#include "step.h"

#include "step_trace.h"

#include <ftw.h>
#include <getopt.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

char step_doing[200];
struct step_told *step_told;
void *step_shared;
void *step_survivor;
struct step_task step_task;

static char space_dir[200];
static struct agora_space *space;

/* An object, its file, and the file as it is when the object is blank. */
struct place {
	char path[80];
	struct file file;
	char *blank;
};

static struct place first, twin;

/* The state under test, and what victims shared at its end. */
static char *scene_image, *scene_shared;

void fail(const char *what, long a, long b)
{
	fprintf(stderr, "failed: %s: %s (%ld, %ld)\n", step_doing, what, a, b);
	exit(1);
}

void check(long result, const char *what)
{
	if (result < 0)
		fail(what, result, errno);
}

const void *step_segment(void)
{
	return first.file.live;
}

/* ---- the space ---- */

static int remove_one(
	const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static void clean_up(void)
{
	static pid_t owner;

	if (!owner)
		owner = getpid();
	else if (owner == getpid())
		nftw(space_dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void make_space(void)
{
	const char *root = getenv("AGORA_TEST_ROOT");
	size_t size = step_kind.shared_size ? step_kind.shared_size : 1;

	snprintf(space_dir, sizeof(space_dir), "%s/agora-step-XXXXXX",
		root ? root : "/dev/shm");
	if (!mkdtemp(space_dir))
		fail("mkdtemp", errno, 0);
	clean_up();
	atexit(clean_up);
	check(agora_space_open(space_dir, &space), "space");
	check(agora_program_create(space, "p", NULL), "program");
	step_told = map_zeroes(sizeof(*step_told));
	step_shared = map_zeroes(size);
	scene_shared = map_zeroes(size);
}

/* ---- clients ---- */

static void *attach(const struct place *place, uint32_t flags)
{
	return step_kind.open(space, place->path, AGORA_WRITE | flags);
}

static void detach(void *handle)
{
	agora_object_close(step_kind.object(handle));
}

struct agora_object *step_object(void)
{
	return step_kind.object(step_survivor);
}

void step_reopen(void)
{
	detach(step_survivor);
	step_survivor = attach(&first, 0);
}

uint64_t step_count(void)
{
	struct agora_stat stat;

	check(agora_object_stat(step_object(), &stat), "stat");
	return stat.count;
}

uint64_t step_used(void)
{
	struct agora_check report;

	check(agora_object_check(step_object(), 0, &report), "check");
	return report.blocks - report.free;
}

void step_repair(uint64_t least)
{
	struct agora_check report;
	int result = agora_object_check(step_object(), 1, &report);

	if (result || report.repaired < least)
		fail("repair", result, (long)report.repaired);
}

void step_account(void)
{
	struct agora_check report;
	int result = agora_object_check(step_object(), 0, &report);

	if (result || report.free != report.blocks)
		fail("blocks leaked", (long)report.free, (long)report.blocks);
}

/* ---- victims ---- */

static int perform(void *handle, const struct step_task *task)
{
	struct agora_check report;

	step_told->begun = true;
	if (task->op == STEP_REPAIR)
		return agora_object_check(step_kind.object(handle), 1, &report);
	return step_kind.perform(handle, task);
}

/* A child that is about to do the task. */
static pid_t start(const struct step_task *task)
{
	pid_t pid;

	step_told->begun = step_told->done = false;
	pid = fork();
	if (!pid) {
		void *handle = attach(&first, 0);

		if (step_kind.ready)
			step_kind.ready(task);
		victim_ready();
		step_told->result = perform(handle, task);
		if (step_kind.twice)
			step_told->result = perform(handle, task);
		step_told->done = true;
		_exit(0);
	}
	victim_await(pid);
	return pid;
}

void step_strand(const struct step_task *task, bool (*reached)(void))
{
	pid_t pid = start(task);

	while (!reached())
		if (!victim_step(pid, 1))
			fail("it was not reached", task->op, 0);
	victim_kill(pid);
}

/* How many instructions a task has; all is as before afterwards. */
static long count_steps(const struct step_task *task)
{
	char *image = file_save(&first.file);
	char *shared = map_zeroes(step_kind.shared_size + 1);
	pid_t pid;
	long steps = 0;

	memcpy(shared, step_shared, step_kind.shared_size);
	pid = start(task);
	while (victim_step(pid, 1))
		steps++;
	file_restore(&first.file, image);
	memcpy(step_shared, shared, step_kind.shared_size);
	munmap(image, first.file.size);
	munmap(shared, step_kind.shared_size + 1);
	return steps;
}

void step_strand_at(const struct step_task *task, int eighth)
{
	long steps = count_steps(task) * eighth / 8;
	pid_t pid = start(task);

	if (!victim_step(pid, eighth == 8 ? steps - 20 : steps))
		fail("it came to its end", steps, eighth);
	victim_kill(pid);
}

void step_strand_after(const struct step_task *task)
{
	int status;
	pid_t pid = fork();

	check(pid, "fork");
	if (!pid) {
		void *handle = attach(&first, 0);

		if (step_kind.ready)
			step_kind.ready(task);
		perform(handle, task);
		raise(SIGKILL);
	}
	check(waitpid(pid, &status, 0), "waitpid");
	if (!WIFSIGNALED(status))
		fail("who was to die before", status, 0);
}

/* ---- states ---- */

static void make_place(struct place *place, const char *name)
{
	char path[300];

	snprintf(place->path, sizeof(place->path), "p/%s.%s", name,
		step_kind.name);
	detach(attach(place, AGORA_CREATE));
	snprintf(path, sizeof(path), "%s/%s", space_dir, place->path);
	place->file = file_open(path);
}

static void make_blank(void)
{
	make_place(&first, "first");
	make_place(&twin, "twin");
	step_survivor = attach(&first, 0);
	if (step_kind.warm)
		step_kind.warm();
	detach(step_survivor);
	first.blank = file_save(&first.file);
	file_copy(&twin.file, &first.file);
	twin.blank = file_save(&twin.file);
}

/* Build a state and save it. */
static void arrange(const struct step_group *group, size_t number, int eighth)
{
	void *second;

	snprintf(step_doing, sizeof(step_doing), "%s, %s, %d", group->name,
		step_kind.state(group, number), eighth);
	memset(step_shared, 0, step_kind.shared_size);
	step_task = (struct step_task){.op = group->op};
	file_restore(&first.file, first.blank);
	step_survivor = attach(&first, 0);
	second = attach(&first, 0);
	step_kind.arrange(group, number, eighth);
	scene_image = file_save(&first.file);
	memcpy(scene_shared, step_shared, step_kind.shared_size);
	detach(second);
	detach(step_survivor);
}

/* Put the state under the survivor and a victim that is ready. */
static pid_t prepare(void)
{
	pid_t pid;

	file_restore(&first.file, first.blank);
	step_survivor = attach(&first, 0);
	pid = start(&step_task);
	file_restore(&first.file, scene_image);
	memcpy(step_shared, scene_shared, step_kind.shared_size);
	return pid;
}

/* ---- killing ---- */

struct pace {
	long stride, phase, deaths;
	bool real;
};

/* Judge what the victim would leave if it were killed where it stands. */
static void judge_twin(int variant)
{
	file_restore(&twin.file, twin.blank);
	step_survivor = attach(&twin, 0);
	file_copy(&twin.file, &first.file);
	step_kind.judge(variant);
	detach(step_survivor);
}

/* Returns false when the victim came to its end before. */
static bool kill_at(long steps)
{
	pid_t pid = prepare();
	bool alive = victim_step(pid, steps);

	if (alive)
		victim_kill(pid);
	step_kind.judge((int)(steps % step_kind.variants));
	detach(step_survivor);
	return alive;
}

static char doing[150];

static void say(const char *how, long steps)
{
	snprintf(step_doing, sizeof(step_doing), "%s, %s instruction %ld",
		doing, how, steps);
}

/* Returns how many instructions the operation has, more or less. */
static long judge_all(struct pace *pace)
{
	pid_t pid = prepare();
	void *idle = step_survivor;
	bool alive = victim_step(pid, pace->phase);
	long steps = pace->phase;

	for (;;) {
		say("at", steps);
		for (int i = 0; i < step_kind.variants; i++)
			judge_twin(i);
		if (!alive)
			break;
		pace->deaths++;
		alive = victim_step(pid, pace->stride);
		steps += pace->stride;
	}
	detach(idle);
	return steps;
}

static void kill_all(struct pace *pace)
{
	long steps = pace->phase;

	memcpy(doing, step_doing, sizeof(doing) - 1);
	if (!pace->real) {
		steps = pace->phase * 97 % (judge_all(pace) + 1);
		say("killed at", steps);
		pace->deaths += kill_at(steps);
	}
	for (bool alive = pace->real; alive; steps += pace->stride) {
		say("killed at", steps);
		alive = kill_at(steps);
		pace->deaths += alive;
	}
	munmap(scene_image, first.file.size);
}

/* Each state; for repairs each eighth of what the dead one did. */
static void run(const struct step_group *group, struct pace *pace)
{
	/* A sample of instructions goes with a sample of states. */
	int sample = pace->stride > 1 ? (int)(pace->phase % 3) : 0;
	bool repair = group->op == STEP_REPAIR;
	const char *name;

	if (step_kind.begin)
		step_kind.begin(group);
	make_blank();
	for (size_t i = 0; !repair && (name = step_kind.state(group, i)); i++) {
		if (!*name)
			continue;
		arrange(group, i, 0);
		kill_all(pace);
	}
	for (int at = 1 + sample; repair && at <= 8; at++) {
		arrange(group, step_kind.repaired(group), at);
		kill_all(pace);
		at += pace->stride > 1 ? 2 : 0;
	}
}

/* ---- main ---- */

static int run_named(const char *name, struct pace *pace)
{
	for (size_t i = 0; i < step_kind.group_count; i++) {
		if (strcmp(step_kind.groups[i].name, name))
			continue;
		make_space();
		run(&step_kind.groups[i], pace);
		printf("%ld deaths\n", pace->deaths);
		return 0;
	}
	return 2;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"stride", required_argument, NULL, 's'},
		{"phase", required_argument, NULL, 'p'},
		{"real", no_argument, NULL, 'r'},
		{"list", no_argument, NULL, 'l'}, {NULL, 0, NULL, 0}};
	struct pace pace = {1, 0, 0, false};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option == 's')
			pace.stride = atol(optarg);
		else if (option == 'p')
			pace.phase = atol(optarg);
		else if (option == 'r')
			pace.real = true;
		else if (option == 'l')
			for (size_t i = 0; i < step_kind.group_count; i++)
				puts(step_kind.groups[i].name);
		else
			return 2;
	}
	if (pace.stride < 1 || pace.phase < 0)
		return 2;
	return optind + 1 == argc ? run_named(argv[optind], &pace)
				  : optind != argc;
}
