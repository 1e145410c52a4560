/*
 * string_storm.c - 3 writers of two strings, random kill -9.
 *
 *   string_storm KILLS [one]
 *
 * With one writer the others read, until he is killed and one of them has
 * his role.
 *
 * In the ledger each has a counter of its own, which it adds to by storing
 * the value of the version that it saw, or by appending a record. At the end
 * each counter must be exactly what its log says. Of the other string all
 * store values, which must be whole.
 */
#include "string_log.h"

#define WORKERS 3
#define OTHER   "program/y.string"

struct storm {
	_Atomic uint32_t added[WORKERS];
	_Atomic bool adding[WORKERS];
	_Atomic uint64_t operations;
};

/* The ledger: this, so many bytes, and then records. */
struct ledger {
	uint32_t count[WORKERS];
	uint32_t more;
};

struct record {
	uint32_t worker, number;
};

static struct storm *storm;
static uint32_t writers = AGORA_WRITERS_MANY;
static struct agora_string *ledger_string, *other_string;
static unsigned char bytes[LIMIT];

/* Read the ledger: whole, in order, nothing twice. Adds the records. */
static struct ledger read_ledger(size_t size)
{
	struct ledger ledger;
	struct record record;
	size_t at = sizeof(ledger);

	if (size < at)
		fail("size of the ledger", (long)size, 0);
	memcpy(&ledger, bytes, sizeof(ledger));
	if (ledger.more > size - at || (size - at - ledger.more) % 8)
		fail("size of the ledger", (long)size, ledger.more);
	for (; at < sizeof(ledger) + ledger.more; at++)
		if (bytes[at] != (ledger.more & 0xff))
			fail("bytes of the ledger", (long)at, bytes[at]);
	for (; at < size; at += sizeof(record)) {
		memcpy(&record, bytes + at, sizeof(record));
		if (record.worker >= WORKERS ||
			record.number != ++ledger.count[record.worker])
			fail("record", record.worker, record.number);
	}
	return ledger;
}

static struct ledger load_ledger(uint64_t *ret_version)
{
	struct agora_buffer b = {.data = bytes, .capacity = LIMIT};

	check(agora_string_load(ledger_string, &b), "load the ledger");
	*ret_version = b.version;
	return read_ledger(b.size);
}

static int store_ledger(struct ledger *ledger, uint64_t version)
{
	static const uint32_t sizes[] = {0, 40, 112, 120, 300, 2000, 8000};
	struct agora_buffer b = {.data = bytes, .version = version};

	ledger->more = sizes[random() % 7];
	b.size = sizeof(*ledger) + ledger->more;
	memcpy(bytes, ledger, sizeof(*ledger));
	memset(bytes + sizeof(*ledger), (int)(ledger->more & 0xff),
		ledger->more);
	return agora_string_compare(ledger_string, &b, NULL);
}

/* Add one, folding the records into the counters. */
static void add_by_compare(int self)
{
	struct ledger ledger;
	uint64_t version;
	int error;

	do {
		ledger = load_ledger(&version);
		if (ledger.count[self] != storm->added[self])
			fail("my counter", ledger.count[self],
				storm->added[self]);
		ledger.count[self]++;
		error = store_ledger(&ledger, version);
	} while (error == -ESTALE);
	check(error, "compare");
}

static void add_by_append(int self)
{
	struct record record = {(uint32_t)self, storm->added[self] + 1};
	int error = agora_string_append(ledger_string, &record, sizeof(record));

	if (error == -EMSGSIZE)
		add_by_compare(self);
	else
		check(error, "append");
}

static void add(int self)
{
	storm->adding[self] = true;
	if (random() % 2)
		add_by_append(self);
	else
		add_by_compare(self);
	storm->added[self]++;
	storm->adding[self] = false;
}

static void look_at_other(int error, const struct agora_buffer *b)
{
	if (error == -ENOENT)
		return;
	check(error, "look");
	read_id(bytes, b->size);
}

static void write_other(void)
{
	static unsigned char new[LARGEST];
	uint32_t id = (uint32_t)random() % 100000;
	struct agora_buffer in = {.data = new, .size = size_of(id)};
	struct agora_buffer out = {.data = bytes, .capacity = LIMIT};
	int error = 0;

	fill(new, id);
	switch (random() % 4) {
	case 0:
		look_at_other(agora_string_swap(other_string, &in, &out), &out);
		break;
	case 1:
		error = agora_string_clear(other_string);
		break;
	default:
		error = agora_string_store(other_string, new, in.size);
	}
	if (error != -ENOENT)
		check(error, "write");
	look_at_other(agora_string_load(other_string, &out), &out);
}

/* Read, until we may write both. */
static void await_role(void)
{
	struct agora_buffer b = {.data = bytes, .capacity = LIMIT};
	uint64_t version;

	while (agora_string_append(ledger_string, "", 0) == -EBUSY ||
		agora_string_clear(other_string) == -EBUSY) {
		load_ledger(&version);
		look_at_other(agora_string_load(other_string, &b), &b);
	}
}

static void open_both(uint32_t flags)
{
	ledger_string = open_string(PATH, flags, writers);
	other_string = open_string(OTHER, flags, writers);
}

static pid_t spawn(int self)
{
	pid_t pid = fork_victim();

	if (pid)
		return pid;
	srandom((unsigned)getpid());
	open_both(0);
	if (writers == AGORA_WRITERS_ONE)
		await_role();
	for (;;) {
		if (random() % 2)
			add(self);
		else
			write_other();
		storm->operations++;
	}
}

static void kill_one(pid_t *pid, int self)
{
	struct ledger ledger;
	uint64_t version;
	uint32_t added;
	int status;

	kill(pid[self], SIGKILL);
	waitpid(pid[self], &status, 0);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		fail("a worker ended by itself", status, self);
	ledger = load_ledger(&version);
	added = ledger.count[self];
	if (added != storm->added[self] &&
		(!storm->adding[self] || added != storm->added[self] + 1))
		fail("counter of the dead", added, storm->added[self]);
	storm->added[self] = added;
	storm->adding[self] = false;
}

static void judge(struct agora_string *s)
{
	struct agora_check report;

	check(agora_object_check(agora_string_object(s), 1, &report), "repair");
	account(s, writers == AGORA_WRITERS_ONE);
}

static int run_storm(long kills)
{
	struct ledger ledger = {{0}, 0};
	pid_t pid[WORKERS];

	open_both(AGORA_CREATE);
	storm = new_memory(sizeof(*storm));
	srandom((unsigned)getpid());
	check(agora_string_store(ledger_string, &ledger, sizeof(ledger)),
		"store");
	check(agora_object_yield(agora_string_object(ledger_string)), "yield");
	for (int i = 0; i < WORKERS; i++)
		pid[i] = spawn(i);
	for (long n = 0; n < kills; n++) {
		int self = (int)(random() % WORKERS);

		usleep((useconds_t)(random() % 3000));
		kill_one(pid, self);
		pid[self] = spawn(self);
	}
	for (int i = 0; i < WORKERS; i++)
		kill_one(pid, i);
	judge(ledger_string);
	judge(other_string);
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
