/*
 * table_storm.c - 3 writers of a table, random kill -9.
 *
 *   table_storm KILLS [one]
 *
 * With one writer the others read, until he is killed and one of them has
 * his role.
 *
 * Each writes keys of its own, which must be exactly as its log says, and
 * keys that all of them write, which must be whole.
 */
#include "table.h"

#define WORKERS 3
#define SHARED  99 /* the owner of what all of them write */

struct storm {
	struct log log[WORKERS];
	_Atomic int64_t adds; /* to the shared counter */
	_Atomic int adding[WORKERS];
	_Atomic uint64_t operations;
	int64_t maybe; /* adds of the dead that may have taken place */
};

static struct storm *storm;
static uint32_t writers = AGORA_WRITERS_MANY;

static void write_shared(struct agora_table *t, uint32_t mix, int self)
{
	static const uint32_t counter = SHARED;
	struct name name = name_of(SHARED, mix % 10);
	int error;

	switch (mix / 16 % 4) {
	case 0:
		error = agora_table_delete(t, name.bytes, name.size);
		if (error != -ENOENT)
			check(error, "delete what all write");
		break;
	case 1:
		get(t, SHARED, mix % 10);
		break;
	case 2:
		if (!HAS_COUNTERS)
			break;
		storm->adding[self] = 1;
		check(agora_table_add(t, &counter, 4, 1, NULL), "add");
		storm->adds++;
		storm->adding[self] = 0;
		break;
	default:
		check(put(t, SHARED, mix % 10, mix % 1000000 + 1), "put");
	}
}

static void write_own(struct agora_table *t, uint32_t mix, int self)
{
	struct log *log = &storm->log[self];
	uint32_t owner = 10 + (uint32_t)self;
	uint32_t key = mix % KEYS;
	uint32_t id = mix / 64 % 1000000 + 1;

	switch (mix / 8 % 8) {
	case 0:
	case 1:
		log_delete(t, log, owner, key);
		break;
	case 2:
		log_swap(t, log, owner, key, id);
		break;
	case 3:
		log_compare(t, log, owner, key, id);
		break;
	case 4:
		log_add(t, log, owner);
		break;
	default:
		log_put(t, log, owner, key, id);
	}
}

/* Read, until we may write. */
static void await_role(struct agora_table *t)
{
	int error = writers == AGORA_WRITERS_ONE ? -EBUSY : -ENOENT;

	while (error == -EBUSY) {
		uint32_t mix = (uint32_t)random();

		for (uint32_t key = 0; key < KEYS; key++)
			get(t, 10 + mix % WORKERS, key);
		get(t, SHARED, mix % 10);
		error = agora_table_delete(t, "none", 4);
	}
	if (error != -ENOENT)
		fail("role", error, 0);
}

static pid_t spawn(int self)
{
	struct agora_table *t;
	pid_t pid = fork_victim();

	if (pid)
		return pid;
	srandom((unsigned)getpid());
	t = open_table(0, 0);
	await_role(t);
	for (;;) {
		uint32_t mix = (uint32_t)random();

		if (mix & 1)
			write_shared(t, mix >> 1, self);
		else
			write_own(t, mix >> 1, self);
		storm->operations++;
	}
}

static void kill_one(struct agora_table *t, pid_t *pid, int self)
{
	int status;

	kill(pid[self], SIGKILL);
	waitpid(pid[self], &status, 0);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		fail("a worker ended by itself", status, self);
	log_settle(&storm->log[self], t, 10 + (uint32_t)self);
	storm->maybe += storm->adding[self];
	storm->adding[self] = 0;
}

static void storm_judge(struct agora_table *t)
{
	uint64_t count = HAS_COUNTERS;
	int64_t sum = get_count(t, SHARED);

	if (sum < storm->adds || sum > storm->adds + storm->maybe)
		fail("the counter of all", (long)sum, (long)storm->adds);
	for (int i = 0; i < WORKERS; i++)
		count += count_log(&storm->log[i]);
	for (uint32_t key = 0; key < 10; key++)
		count += get(t, SHARED, key) != 0;
	account(t, count);
	if (empty(t) != count)
		fail("keys left", 0, (long)count);
	account(t, 0);
	check_passed(t);
}

static int run_storm(long kills)
{
	struct agora_table *t = open_table(AGORA_CREATE, writers);
	struct agora_check report;
	pid_t pid[WORKERS];

	storm = new_memory(sizeof(*storm));
	srandom((unsigned)getpid());
	for (int i = 0; i < WORKERS; i++)
		pid[i] = spawn(i);
	for (long n = 0; n < kills; n++) {
		int self = (int)(random() % WORKERS);

		usleep((useconds_t)(random() % 3000));
		kill_one(t, pid, self);
		pid[self] = spawn(self);
	}
	for (int i = 0; i < WORKERS; i++)
		kill_one(t, pid, i);
	check(agora_object_check(agora_table_object(t), 1, &report), "repair");
	storm_judge(t);
	printf("%ld kills, %lu operations, 0 lost, 0 repeated, 0 leaked\n",
		kills, (unsigned long)storm->operations);
	return 0;
}

static int run(int argc, char **argv)
{
	if (argc == 3)
		writers = AGORA_WRITERS_ONE;
	return run_storm(atol(argv[1]));
}

int main(int argc, char **argv)
{
	return argc == 2 || (argc == 3 && !strcmp(argv[2], "one"))
		       ? run_in_space(run, argc, argv)
		       : 2;
}
