/*
 * log.c - a client of a log killed at each named step.
 *
 * The victim writes and reads, and does the same each time, so that every
 * step can be reached by its name and count. Record n has the number n in all
 * of its words, so that what came of an append shows in the log itself. A
 * second client, attached before, goes on before anybody recovers.
 */
#include "driver.h"

#include <sys/mman.h>

#define PATH     "p/l.log"
#define WORDS    700 /* of the longest record */
#define CAPACITY 20

/* What the victim did. */
struct story {
	_Atomic int appended;  /* appends that returned */
	_Atomic int appending; /* up to here they may have happened */
};

static struct story *story;

/* Sorts of logs: bit 0: of one size, 1: one writer, 2: reliable. */
#define SORTS 8

static struct agora_log *open_log(void)
{
	struct agora_log *l;

	CHECK_OK(agora_log_open(space, PATH, AGORA_WRITE, NULL, &l));
	return l;
}

static void create_with(int sort, uint64_t memory)
{
	struct agora_options options = {.capacity = CAPACITY,
		.message_size = WORDS * sizeof(int),
		.flags = (sort & 1 ? AGORA_FIXED : 0) |
			 (sort & 4 ? AGORA_RELIABLE : 0),
		.writers = sort & 2 ? AGORA_WRITERS_ONE : AGORA_WRITERS_MANY,
		.memory = sort & 1 ? 0 : memory};
	int error = agora_program_create(space, "p", NULL);

	CHECK(!error || error == -EEXIST);
	error = agora_object_remove(space, PATH);
	CHECK(!error || error == -ENOENT);
	CHECK_OK(agora_object_create(space, PATH, &options));
	if (!story)
		story = mmap(NULL, sizeof(*story), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(story != MAP_FAILED);
	memset(story, 0, sizeof(*story));
}

static void create(int sort)
{
	create_with(sort, 32768);
}

static uint32_t flags_of(struct agora_log *l)
{
	struct agora_stat st;

	CHECK_OK(agora_object_stat(agora_log_object(l), &st));
	return st.flags;
}

/* ---- records ---- */

static size_t size_of(struct agora_log *l, int number)
{
	if (flags_of(l) & AGORA_FIXED)
		return WORDS * sizeof(int);
	return (size_t)(number % 5 ? number % 7 + 1 : WORDS) * sizeof(int);
}

static size_t fill(struct agora_log *l, int *words, int number)
{
	for (int i = 0; i < WORDS; i++)
		words[i] = number;
	return size_of(l, number);
}

/* Read all from *cursor on: each must be whole, and in its place. Returns
 * how many there were. */
static int read_all(struct agora_log *l, uint64_t *cursor, bool may_miss)
{
	int words[WORDS], count = 0;
	struct agora_buffer b = {.data = words, .capacity = sizeof(words)};
	uint64_t missed;

	while (!agora_log_read(l, cursor, &b, &missed)) {
		CHECK(!missed || (may_miss && !count));
		CHECK_EQ(b.version, words[0]);
		CHECK_EQ(size_of(l, words[0]), b.size);
		for (size_t i = 0; i < b.size / sizeof(int); i++)
			CHECK_EQ(words[0], words[i]);
		count++;
	}
	return count;
}

/* ---- the victim ---- */

static void append(struct agora_log *l)
{
	int words[WORDS];

	story->appending = story->appended + 1;
	CHECK_OK(agora_log_append(l, words, fill(l, words, story->appended)));
	story->appended++;
}

static void append_reserved(struct agora_log *l)
{
	int words[WORDS];
	struct agora_reservation r;
	size_t size = fill(l, words, story->appended);

	CHECK_OK(agora_log_reserve(l, size, &r));
	CHECK_OK(agora_log_abort(l, &r));
	CHECK_OK(agora_log_reserve(l, size, &r));
	CHECK_OK(agora_log_write(l, &r, 0, words, size));
	story->appending = story->appended + 1;
	CHECK_OK(agora_log_commit(l, &r));
	story->appended++;
}

static void append_batch(struct agora_log *l)
{
	static int words[6][WORDS];
	struct iovec v[6];

	for (int i = 0; i < 6; i++)
		v[i] = (struct iovec){
			words[i], fill(l, words[i], story->appended + i)};
	story->appending = story->appended + 6;
	CHECK_EQ(6, agora_log_append_batch(l, v, 6));
	story->appended += 6;
}

static void work(void *context)
{
	struct agora_log *l = open_log();
	bool reliable = flags_of(l) & AGORA_RELIABLE;
	uint64_t cursor = 0;

	(void)context;
	for (int round = 0; round < 12; round++) {
		if (reliable && round % 3 == 1)
			CHECK_OK(agora_log_register(l, &cursor));
		append(l);
		append_reserved(l);
		append_batch(l);
		CHECK(read_all(l, &cursor, false) >= 8);
		if (reliable && round % 3 == 2)
			CHECK_OK(agora_log_unregister(l));
		if (round % 4 == 3)
			CHECK_OK(agora_object_yield(agora_log_object(l)));
	}
	agora_log_close(l);
}

/* ---- the judge ---- */

static void check_sound(struct agora_log *l)
{
	struct agora_check c;
	struct agora_stat st;

	CHECK_OK(agora_object_check(agora_log_object(l), 1, &c));
	CHECK_OK(agora_object_check(agora_log_object(l), 0, &c));
	CHECK_EQ(0, c.owned + c.held + c.dead_clients + c.unreachable +
			    c.orphans + c.damaged);
	CHECK_EQ(c.blocks, c.free + c.published + c.parts);
	CHECK_OK(agora_object_stat(agora_log_object(l), &st));
	CHECK(c.published - st.count <= 1);
	CHECK_EQ(0, st.readers);
}

/* other was attached before: it goes on without any recovery. */
static void judge(struct agora_log *other)
{
	uint64_t cursor = 0, end, oldest;
	int before;

	CHECK_OK(agora_log_end(other, &end));
	CHECK_OK(agora_log_oldest(other, &oldest));
	CHECK(end >= (uint64_t)story->appended);
	CHECK(end <= (uint64_t)story->appending ||
		end == (uint64_t)story->appended);
	before = read_all(other, &cursor, true);
	CHECK_EQ(end, cursor);
	CHECK(before >= (int)(end - oldest));
	if (flags_of(other) & AGORA_FIXED)
		CHECK(before >= (int)(end < CAPACITY ? end : CAPACITY));
	story->appended = (int)end;
	for (int i = 0; i < 3 * CAPACITY; i++)
		append(other);
	CHECK(read_all(other, &cursor, true) >= CAPACITY / 2);
	check_sound(other);
	cursor = 0;
	CHECK(read_all(other, &cursor, true) >= CAPACITY / 2);
	CHECK_EQ(story->appended, cursor);
}

/* Steps are listed once for each place in the code where they stand. */
static bool is_ours(const char *const *names, size_t i)
{
	static const char *const prefixes[] = {
		"log_", "message_", "pool_", "event_changed"};

	for (size_t before = 0; before < i; before++)
		if (!strcmp(names[before], names[i]))
			return false;
	for (size_t p = 0; p < 4; p++)
		if (!strncmp(names[i], prefixes[p], strlen(prefixes[p])))
			return true;
	return false;
}

/* Reached only with others, or while recovering: see below. */
static bool is_for_others(const char *name)
{
	return !strncmp(name, "log_recover", 11) ||
	       !strcmp(name, "log_unretired") || strncmp(name, "log_", 4);
}

/* How often the victim passes a step is found by killing it. */
static long kill_everywhere(const char *step, int sort)
{
	for (long count = 1;; count += 1 + count / 6) {
		struct agora_log *other;
		bool died;

		create(sort);
		other = open_log();
		died = driver_crash(step, count, work, NULL);
		judge(other);
		agora_log_close(other);
		if (!died)
			return count - 1;
	}
}

TEST(killed_at_any_step_nothing_is_lost_torn_or_in_the_way)
{
	size_t count;
	const char *const *names = crash_points(&count);

	for (size_t i = 0; i < count; i++) {
		long deaths = 0;

		if (!is_ours(names, i))
			continue;
		for (int sort = 0; sort < SORTS; sort++)
			deaths += kill_everywhere(names[i], sort);
		if (!deaths && !is_for_others(names[i]))
			driver_fail("%s is never reached", names[i]);
	}
}

/* ---- who recovers is killed too ---- */

static void take_over(void *context)
{
	struct agora_log *l = open_log();
	struct agora_check report;

	(void)context;
	CHECK_OK(agora_object_check(agora_log_object(l), 1, &report));
	story->appending = story->appended + 2;
	append(l);
	append_reserved(l);
	agora_log_close(l);
}

TEST(who_recovers_may_be_killed_too)
{
	static const char *const first[] = {"log_append_ticket",
		"log_append_written", "log_given_up", "log_retired",
		"log_reader_joined", "log_reserved", "log_announced",
		"log_one_written", "log_role_taken", "message_unlinked"};
	static const char *const second[] = {"log_recover_block",
		"log_recover_locked", "log_reader_dropped", "recover_locked",
		"recover_repaired", "reclaim_owned", "log_role_locked",
		"attach_live"};
	long deaths = 0;

	for (int n = 0; n < 10 * 8 * SORTS; n++)
		for (long count = 1; count < 60; count += 29) {
			struct agora_log *other;
			uint64_t end;

			create(n % SORTS);
			other = open_log();
			driver_crash(first[n / SORTS % 10], count, work, NULL);
			CHECK_OK(agora_log_end(other, &end));
			for (long again = 1; again < 3; again++) {
				story->appended = (int)end;
				deaths += driver_crash(second[n / SORTS / 10],
					again, take_over, NULL);
				CHECK_OK(agora_log_end(other, &end));
			}
			story->appended = (int)end;
			story->appending = (int)end;
			judge(other);
			agora_log_close(other);
		}
	CHECK(deaths > 300);
}

/* ---- who registers meets who is about to give a record up ---- */

static void die_unretiring(int signal)
{
	(void)signal;
	crash_signal = SIGKILL;
	crash_arm("log_unretired", 1);
}

/* A child that stops at a step of what it does. */
static pid_t stop_at(const char *step, int then, void (*what)(void))
{
	pid_t pid = driver_fork();
	int status;

	if (!pid) {
		if (then)
			signal(SIGCONT, die_unretiring);
		crash_signal = SIGSTOP;
		crash_arm(step, 1);
		what();
		exit(0);
	}
	CHECK_SYS(waitpid(pid, &status, WUNTRACED));
	CHECK(WIFSTOPPED(status));
	return pid;
}

static void append_one(void)
{
	struct agora_log *l = open_log();
	int words[WORDS];
	int result =
		agora_log_append(l, words, fill(l, words, story->appended));

	CHECK(!result || result == -EAGAIN);
	exit(result ? 3 : 0);
}

/* Register at the oldest, and read all that was promised. */
static void register_and_read(void)
{
	struct agora_log *l = open_log();
	uint64_t cursor = 0;

	CHECK_OK(agora_log_register(l, &cursor));
	CHECK(read_all(l, &cursor, false) >= 5);
	CHECK_EQ(15, cursor);
}

/* Every fifth record takes a page, and there are two of those: the sixteenth
 * needs one of them, so a writer gives up the oldest. */
TEST(a_record_in_the_hand_of_a_writer_goes_back_to_who_registers_for_it)
{
	for (int dies = 0; dies < 2; dies++) {
		struct agora_log *l;
		pid_t writer, reader;
		int status;

		create_with(4, 8192);
		l = open_log();
		for (int i = 0; i < 15; i++)
			append(l);
		writer = stop_at("log_retired", dies, append_one);
		reader = stop_at("log_reader_joined", 0, register_and_read);
		kill(writer, SIGCONT);
		CHECK_SYS(waitpid(writer, &status, 0));
		CHECK(dies ? WIFSIGNALED(status) : WEXITSTATUS(status) == 3);
		kill(reader, SIGCONT);
		driver_join(reader);
		agora_log_close(l);
		l = open_log();
		check_sound(l);
		agora_log_close(l);
	}
}
