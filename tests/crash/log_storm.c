/*
 * log_storm.c - writers and readers of a log, killed at random.
 *
 *   log_storm KILLS many|one [reliable]
 *
 * Two writers (one at a time has the role where there is one) and three
 * readers, of which one or two are registered with a reliable log. All write
 * down what they did in memory that the parent shares. In the end and all the
 * time: no record is torn, each stands at one number, those of one writer
 * stand in the order in which it appended them, what was appended is in the
 * log, and who reads gets the record of each number or is told that it missed
 * it; who is registered misses none.
 */
#include <agora/agora.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATH    "program/x.log"
#define LARGEST 9000
#define WRITERS 2
#define WORKERS 5
#define BATCH   8
#define LIVES   4096
#define RECORDS ((uint64_t)1 << 26) /* more than are ever appended */

static char space_dir[] = "/dev/shm/agora-crash-XXXXXX";
static struct agora_space *space;
static bool is_single, is_reliable;

static void fail(const char *what, long a, long b)
{
	fprintf(stderr, "failed: %s (%ld, %ld)\n", what, a, b);
	exit(1);
}

static int check(int result, const char *what)
{
	if (result < 0)
		fail(what, result, 0);
	return result;
}

/*
 * What stands at each number, as the first who read it said: life + 1 in the
 * upper half, sequence in the lower. Sparse.
 */
static _Atomic uint64_t *found;

struct storm {
	/* Of each life of a writer: appends that returned, and up to where
	 * they may have happened. */
	struct {
		_Atomic uint32_t done, maybe;
	} writer[LIVES];
	_Atomic uint64_t read, missed;
};

static struct storm *storm;

static struct agora_log *open_log(uint32_t flags)
{
	struct agora_options options = {.capacity = 200,
		.message_size = LARGEST,
		.memory = 1 << 20,
		.flags = is_reliable ? AGORA_RELIABLE : 0,
		.writers = is_single ? AGORA_WRITERS_ONE : AGORA_WRITERS_MANY};
	struct agora_log *l;

	check(agora_log_open(space, PATH, flags, &options, &l), "open");
	return l;
}

/* ---- records ---- */

static size_t size_of(uint32_t life, uint32_t seq)
{
	uint32_t mix = (life * 2654435761u) ^ (seq * 40503u);

	return 16 + (mix % 40 ? mix % 300 : mix % (LARGEST - 16));
}

static size_t fill(unsigned char *data, uint32_t life, uint32_t seq)
{
	uint32_t word[4] = {life, seq, ~life, ~seq};
	size_t size = size_of(life, seq);

	memset(data, (int)(life + seq), size);
	memcpy(data, word, 16);
	return size;
}

/* A record that was read at a number must be whole, and the same for all. */
static void judge(const struct agora_buffer *b)
{
	const unsigned char *data = b->data;
	uint32_t word[4];
	uint64_t mine, before = 0;

	memcpy(word, data, 16);
	if (word[0] != ~word[2] || word[1] != ~word[3] || word[0] >= LIVES ||
		b->size != size_of(word[0], word[1]))
		fail("torn", (long)word[0], (long)word[1]);
	for (size_t i = 16; i < b->size; i++)
		if (data[i] != (unsigned char)(word[0] + word[1]))
			fail("torn bytes", (long)i, data[i]);
	if (word[1] >= storm->writer[word[0]].maybe)
		fail("never appended", (long)word[0], (long)word[1]);
	if (b->version >= RECORDS)
		fail("a number", (long)b->version, 0);
	mine = (uint64_t)(word[0] + 1) << 32 | word[1];
	if (!__atomic_compare_exchange_n((uint64_t *)&found[b->version],
		    &before, mine, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST) &&
		before != mine)
		fail("two records at one number", (long)before, (long)mine);
}

/* ---- workers ---- */

/* Returns how many were appended, 0: not the writer now. */
static int append_some(struct agora_log *l, uint32_t life, uint32_t seq)
{
	static unsigned char data[BATCH][LARGEST];
	struct iovec rows[BATCH];
	struct agora_reservation r;
	uint32_t count = random() % 3 ? 1 : 1 + (uint32_t)random() % BATCH;
	struct timespec soon = agora_deadline(200000000);
	int result;

	for (uint32_t i = 0; i < count; i++)
		rows[i] = (struct iovec){data[i], fill(data[i], life, seq + i)};
	storm->writer[life].maybe = seq + count;
	if (count == 1 && random() % 4 == 0) {
		result = agora_log_reserve_wait(l, LARGEST, &soon, &r);
		if (!result) {
			r.size = rows->iov_len;
			check(agora_log_write(l, &r, 0, data, r.size), "write");
			result = agora_log_commit_wait(l, &r, NULL);
		}
	} else if (count == 1) {
		result = agora_log_append_wait(l, data, rows->iov_len, &soon);
	} else {
		return agora_log_append_batch_wait(l, rows, count, &soon);
	}
	return result ? result : 1;
}

static void write_on(uint32_t life)
{
	struct agora_log *l = open_log(AGORA_WRITE);
	uint32_t seq = 0;

	srandom(life);
	for (;;) {
		int done = append_some(l, life, seq);

		if (done == -EBUSY || done == -ETIMEDOUT) {
			usleep(1000);
			continue;
		}
		seq += (uint32_t)check(done, "append");
		storm->writer[life].done = seq;
		if (is_single && random() % 500 == 0)
			agora_object_yield(agora_log_object(l));
	}
}

static void read_on(unsigned self, uint32_t life)
{
	static unsigned char data[LARGEST];
	struct agora_buffer b = {.data = data, .capacity = LARGEST};
	bool registers = is_reliable && self < 4;
	struct agora_log *l = open_log(registers ? AGORA_WRITE : AGORA_READ);
	uint64_t cursor = 0, missed, before;

	srandom(life);
	check(random() % 2 ? agora_log_end(l, &cursor)
			   : agora_log_oldest(l, &cursor),
		"seek");
	if (registers)
		check(agora_log_register(l, &cursor), "register");
	for (;;) {
		struct timespec soon = agora_deadline(200000000);
		int result;

		before = cursor;
		result = agora_log_read_wait(l, &cursor, &soon, &b, &missed);
		if (result == -ETIMEDOUT)
			continue;
		check(result, "read");
		if (cursor != b.version + 1 || b.version - before != missed)
			fail("missed", (long)missed, (long)b.version);
		if (missed && registers)
			fail("a promised record is gone", (long)before,
				(long)missed);
		judge(&b);
		storm->read++;
		storm->missed += missed;
	}
}

static pid_t start(unsigned worker, uint32_t life)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	if (worker < WRITERS)
		write_on(life);
	read_on(worker, life);
	exit(0);
}

/* ---- the end ---- */

/* What one writer appended stands in its order; what returned is there. */
static void judge_order(uint64_t end)
{
	uint32_t *next = calloc(LIVES, sizeof(*next));
	uint64_t known = 0;

	for (uint64_t n = 0; n < end; n++) {
		uint32_t life = (uint32_t)(found[n] >> 32) - 1;
		uint32_t seq = (uint32_t)found[n];

		if (!found[n])
			continue;
		if (seq < next[life])
			fail("order of a writer", (long)seq, (long)next[life]);
		next[life] = seq + 1;
		known++;
	}
	/* Who read all must have found all: then counts are exact. */
	for (uint32_t life = 0; known == end && life < LIVES; life++)
		if (next[life] < storm->writer[life].done)
			fail("lost", (long)life, (long)next[life]);
	free(next);
}

/* All numbers were given to what was appended, and nothing else. */
static void judge_count(uint64_t end)
{
	uint64_t done = 0, maybe = 0;

	for (uint32_t life = 0; life < LIVES; life++) {
		done += storm->writer[life].done;
		maybe += storm->writer[life].maybe;
	}
	if (end < done || end > maybe)
		fail("numbers", (long)end, (long)done);
}

static void judge_all(void)
{
	static unsigned char data[LARGEST];
	struct agora_buffer b = {.data = data, .capacity = LARGEST};
	struct agora_log *l = open_log(AGORA_WRITE);
	struct agora_check report;
	struct agora_stat st;
	uint64_t cursor = 0, end;

	check(agora_object_check(agora_log_object(l), 1, &report), "repair");
	check(agora_object_check(agora_log_object(l), 0, &report), "check");
	check(agora_object_stat(agora_log_object(l), &st), "stat");
	if (report.blocks != report.free + report.published + report.parts)
		fail("blocks leaked", (long)report.blocks, (long)report.free);
	if (st.readers || st.clients != 1)
		fail("left behind", (long)st.readers, (long)st.clients);
	while (!agora_log_read(l, &cursor, &b, NULL))
		judge(&b);
	check(agora_log_end(l, &end), "end");
	if (cursor != end || end >= RECORDS)
		fail("the end", (long)cursor, (long)end);
	judge_order(end);
	judge_count(end);
	agora_log_close(l);
}

static void storm_on(int kills)
{
	pid_t pids[WORKERS];
	uint32_t life = 0;

	for (unsigned w = 0; w < WORKERS; w++)
		pids[w] = start(w, life++);
	for (int n = 0; n < kills; n++) {
		unsigned w = (unsigned)random() % WORKERS;
		int status;

		usleep((useconds_t)(random() % 4000));
		kill(pids[w], SIGKILL);
		waitpid(pids[w], &status, 0);
		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
			fail("a worker ended", status, (long)w);
		if (life >= LIVES)
			fail("lives", life, 0);
		pids[w] = start(w, life++);
	}
	for (unsigned w = 0; w < WORKERS; w++) {
		kill(pids[w], SIGKILL);
		waitpid(pids[w], NULL, 0);
	}
}

static void *share(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		fail("mmap", 0, 0);
	return memory;
}

int main(int argc, char **argv)
{
	int kills = argc > 2 ? atoi(argv[1]) : 0;
	char command[200];

	if (!kills)
		return 2;
	is_single = !strcmp(argv[2], "one");
	is_reliable = argc > 3;
	storm = share(sizeof(*storm));
	found = share(RECORDS * sizeof(*found));
	if (!mkdtemp(space_dir))
		return 1;
	check(agora_space_open(space_dir, &space), "space");
	check(agora_program_create(space, "program", NULL), "program");
	agora_log_close(open_log(AGORA_WRITE | AGORA_CREATE));
	storm_on(kills);
	judge_all();
	printf("%d kills, %lu read, %lu missed\n", kills,
		(unsigned long)storm->read, (unsigned long)storm->missed);
	snprintf(command, sizeof(command), "rm -r %s", space_dir);
	return system(command);
}
