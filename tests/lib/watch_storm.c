/* watch_storm.c - whatever happens, do the events add up to what is there? */
#include "watching.h"

enum { NAMES = 4, OBJECTS = 3 };

/* What is there, or what the events say is there. */
struct model {
	struct {
		bool exists, alive, object[OBJECTS];
	} program[NAMES];
};

static void name_program(int i, char name[16])
{
	snprintf(name, 16, "p%d", i);
}

static void name_object(int i, int j, char path[32])
{
	snprintf(path, 32, "p%d/o%d.queue", i, j);
}

static void see(struct model *model)
{
	char name[16], path[32];

	memset(model, 0, sizeof(*model));
	for (int i = 0; i < NAMES; i++) {
		struct agora_program_info *info;

		name_program(i, name);
		if (agora_program_info(space, name, &info))
			continue;
		model->program[i].exists = true;
		model->program[i].alive = info->alive;
		agora_program_info_free(info);
		for (int j = 0; j < OBJECTS; j++) {
			name_object(i, j, path);
			model->program[i].object[j] =
				!faccessat(fd_of_space(), path, F_OK, 0);
		}
	}
}

/* Every event must make sense, given those before. */
static void apply(struct model *model, const struct agora_event *event)
{
	int i = event->program[1] - '0', j = event->object[1] - '0';
	bool exists = model->program[i].exists;

	switch (event->type) {
	case AGORA_PROGRAM_ADDED:
		CHECK(!exists);
		model->program[i].exists = true;
		return;
	case AGORA_PROGRAM_REMOVED:
		CHECK(exists);
		memset(&model->program[i], 0, sizeof(model->program[i]));
		return;
	case AGORA_PROGRAM_ALIVE:
	case AGORA_PROGRAM_DEAD:
		CHECK(exists);
		model->program[i].alive = event->type == AGORA_PROGRAM_ALIVE;
		return;
	case AGORA_OBJECT_ADDED:
	case AGORA_OBJECT_REMOVED:
		CHECK(exists);
		CHECK(model->program[i].object[j] ==
			(event->type == AGORA_OBJECT_REMOVED));
		model->program[i].object[j] ^= true;
		return;
	default:
		CHECK(event->type != AGORA_EVENT_OVERFLOW);
	}
}

static void do_something(unsigned *seed)
{
	int action = rand_r(seed) % 8, i = rand_r(seed) % NAMES;
	int j = rand_r(seed) % OBJECTS, fd;
	char name[16], other[16], path[32], other_path[32];
	struct agora_program *program;

	name_program(i, name);
	name_program(rand_r(seed) % NAMES, other);
	name_object(i, j, path);
	name_object(rand_r(seed) % NAMES, rand_r(seed) % OBJECTS, other_path);
	if (action == 0) {
		agora_program_create(space, name, NULL);
	} else if (action == 1) {
		agora_program_remove(space, name);
	} else if (action == 2) {
		agora_program_rename(space, name, other);
	} else if (action == 3) {
		renameat2(fd_of_space(), path, fd_of_space(), other_path,
			RENAME_NOREPLACE);
	} else if (action == 4) {
		unlinkat(fd_of_space(), path, 0);
	} else if (action < 7) {
		fd = openat(fd_of_space(), path, O_CREAT | O_WRONLY, 0644);
		close(fd);
	} else if (!agora_program_register(space, name, NULL, &program)) {
		/* Dies without a word, or closes in order. */
		if (rand_r(seed) % 2)
			kill(getpid(), SIGKILL);
		agora_program_unregister(program);
	}
}

/* A process that does things, and is replaced when it dies of them. */
static void do_many_things(unsigned seed)
{
	for (int round = 0; round < 60; round++) {
		pid_t pid = driver_fork();

		if (pid) {
			driver_wait(pid);
			seed++;
			continue;
		}
		for (int i = 0; i < 40; i++)
			do_something(&seed);
		_exit(0);
	}
}

TEST(after_any_storm_the_events_add_up_to_what_is_there)
{
	struct model model, truth;
	pid_t storms[2];

	see(&model);
	start(NULL);
	for (unsigned i = 0; i < 2; i++) {
		storms[i] = driver_fork();
		if (!storms[i]) {
			do_many_things(1000 * i);
			_exit(0);
		}
	}
	for (int ended = 0; ended < 2;) {
		struct timespec shortly = agora_deadline(1000000);
		struct agora_event event;

		if (!agora_watch_next_wait(watch, &shortly, &event))
			apply(&model, &event);
		else if (waitpid(storms[ended], NULL, WNOHANG) > 0)
			ended++;
	}
	for (see(&truth); memcmp(&model, &truth, sizeof(model));) {
		struct agora_event event = take();

		apply(&model, &event);
	}
	stop();
}
