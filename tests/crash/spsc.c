/*
 * spsc.c - a client of an SPSC queue killed at each named step.
 *
 * The victim is both sides at once and does the same each time, so that every
 * step can be reached by its name and count. What it did is written down in
 * memory that the parent shares; the parent then takes both roles over.
 */
#include "driver.h"

#include <sys/mman.h>

#define PATH  "p/q.queue"
#define WORDS 24 /* of the longest message, each its number */
#define MOST  4000

/* What the victim did. Numbers are those of messages. */
struct story {
	_Atomic int pushed;   /* pushes that returned */
	_Atomic int pushing;  /* up to here they may have happened */
	_Atomic int maybe[2]; /* from, to: being taken when it died */
	_Atomic char taken[MOST];
};

static struct story *story;

static struct agora_queue *open_queue(void)
{
	struct agora_queue *q;

	CHECK_OK(agora_queue_open(space, PATH, AGORA_WRITE, NULL, &q));
	return q;
}

static void create(bool fixed)
{
	struct agora_options options = {.capacity = 60,
		.message_size = WORDS * sizeof(int),
		.flags = AGORA_SPSC | (fixed ? AGORA_FIXED : 0),
		.memory = fixed ? 0 : 8192};
	int error = agora_program_create(space, "p", NULL);

	CHECK(!error || error == -EEXIST);
	error = agora_object_remove(space, PATH);
	CHECK(!error || error == -ENOENT);
	CHECK_OK(agora_object_create(space, PATH, &options));
	memset(story, 0, sizeof(*story));
}

/* ---- messages ---- */

static size_t size_of(struct agora_queue *q, int number)
{
	struct agora_stat st;

	CHECK_OK(agora_object_stat(agora_queue_object(q), &st));
	return st.flags & AGORA_FIXED ? WORDS * sizeof(int)
				      : (size_t)(number % WORDS + 1) * 4;
}

static size_t fill(struct agora_queue *q, int *words, int number)
{
	for (int i = 0; i < WORDS; i++)
		words[i] = number;
	return size_of(q, number);
}

static int read_number(struct agora_queue *q, const int *words, size_t size)
{
	CHECK_EQ(size_of(q, words[0]), size);
	for (size_t i = 0; i < size / 4; i++)
		CHECK_EQ(words[0], words[i]);
	CHECK(words[0] >= 0 && words[0] < MOST);
	return words[0];
}

/* ---- the victim ---- */

static void push(struct agora_queue *q)
{
	int words[WORDS];

	story->pushing = story->pushed + 1;
	CHECK_OK(agora_queue_push(q, words, fill(q, words, story->pushed)));
	story->pushed++;
}

static void push_reserved(struct agora_queue *q)
{
	int words[WORDS];
	struct agora_reservation r;
	size_t size = fill(q, words, story->pushed);

	CHECK_OK(agora_queue_reserve(q, size, &r));
	CHECK_OK(agora_queue_write(q, &r, 0, words, size));
	story->pushing = story->pushed + 1;
	CHECK_OK(agora_queue_commit(q, &r));
	story->pushed++;
}

static void push_batch(struct agora_queue *q)
{
	static int words[8][WORDS];
	struct iovec v[8];

	for (int i = 0; i < 8; i++)
		v[i] = (struct iovec){
			words[i], fill(q, words[i], story->pushed + i)};
	story->pushing = story->pushed + 8;
	CHECK_EQ(8, agora_queue_push_batch(q, v, 8));
	story->pushed += 8;
}

/* The next count messages, from number on, may be gone from now on. */
static void taking(int number, int count)
{
	story->maybe[0] = number;
	story->maybe[1] = number + count;
}

static void took(int number)
{
	CHECK(!story->taken[number]);
	story->taken[number] = 1;
	taking(0, 0);
}

static void pop(struct agora_queue *q, int number)
{
	int words[WORDS];
	struct agora_buffer b = {.data = words, .capacity = sizeof(words)};

	taking(number, 1);
	CHECK_OK(agora_queue_pop(q, &b));
	CHECK_EQ(number, read_number(q, words, b.size));
	took(number);
}

static void pop_batch(struct agora_queue *q, int number)
{
	int words[5][WORDS];
	struct agora_buffer b[5];

	for (int i = 0; i < 5; i++)
		b[i] = (struct agora_buffer){
			.data = words[i], .capacity = sizeof(words[i])};
	taking(number, 5);
	CHECK_EQ(5, agora_queue_pop_batch(q, b, 5));
	for (int i = 0; i < 5; i++) {
		CHECK_EQ(number + i, read_number(q, words[i], b[i].size));
		story->taken[number + i] = 1;
	}
	taking(0, 0);
}

static void release(struct agora_queue *q, struct agora_message *m)
{
	int number = read_number(q, m->data, m->size);

	taking(number, 1);
	CHECK_OK(agora_queue_release(q, m));
	took(number);
}

/* Six from number on: released out of order, one restored and popped. */
static void hold(struct agora_queue *q, int number)
{
	struct agora_message m[5];

	for (int i = 0; i < 5; i++) {
		CHECK_OK(agora_queue_acquire(q, &m[i]));
		CHECK_EQ(number + i, read_number(q, m[i].data, m[i].size));
	}
	release(q, &m[3]);
	release(q, &m[1]);
	CHECK_OK(agora_queue_restore(q, &m[2]));
	pop(q, number + 2);
	release(q, &m[0]);
	pop(q, number + 5);
	release(q, &m[4]);
}

static void work(void *context)
{
	struct agora_queue *q = open_queue();
	int next = 0;

	for (int round = 0; round < 12; round++) {
		push_batch(q);
		for (int i = 0; i < 4; i++) {
			push(q);
			push_reserved(q);
		}
		pop_batch(q, next);
		hold(q, next + 5);
		for (int i = 11; i < 16; i++)
			pop(q, next + i);
		next += 16;
		if (round % 4 == 3)
			CHECK_OK(agora_object_yield(agora_queue_object(q)));
	}
	(void)context;
	agora_queue_close(q);
}

/* ---- the judge ---- */

static void drain(struct agora_queue *q)
{
	int words[WORDS], last = -1;
	struct agora_buffer b = {.data = words, .capacity = sizeof(words)};

	while (!agora_queue_pop(q, &b)) {
		int number = read_number(q, words, b.size);

		CHECK(number > last);
		CHECK(!story->taken[number]);
		CHECK(number < story->pushing);
		story->taken[number] = 1;
		last = number;
	}
}

static void judge(void)
{
	struct agora_queue *q = open_queue();
	struct agora_check report;
	int words[WORDS];

	CHECK_OK(agora_queue_push(q, words, fill(q, words, MOST - 1)));
	story->taken[MOST - 1] = 0;
	int pushing = story->pushing;

	story->pushing = MOST;
	drain(q);
	CHECK(story->taken[MOST - 1]);
	for (int i = 0; i < MOST - 1; i++) {
		if (i < story->pushed &&
			(i < story->maybe[0] || i >= story->maybe[1]))
			CHECK(story->taken[i]);
		if (i >= pushing)
			CHECK(!story->taken[i]);
		if (i && i >= story->pushed && story->taken[i] && i < pushing)
			CHECK(story->taken[i - 1] || i - 1 < story->maybe[1]);
	}
	CHECK_OK(agora_object_check(agora_queue_object(q), 1, &report));
	CHECK_EQ(report.blocks, report.free);
	agora_queue_close(q);
}

static void tell_a_story(bool fixed)
{
	if (!story)
		story = mmap(NULL, sizeof(*story), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(story != MAP_FAILED);
	create(fixed);
}

/* Steps are listed once for each place in the code where they stand. */
static bool is_ours(const char *const *names, size_t i, const char *prefix)
{
	for (size_t before = 0; before < i; before++)
		if (!strcmp(names[before], names[i]))
			return false;
	return !strncmp(names[i], prefix, strlen(prefix));
}

/* How often the victim passes a step is found by killing it. */
static long kill_everywhere(const char *step, bool fixed)
{
	long count = 1;

	for (;; count += 1 + count / 8) {
		tell_a_story(fixed);
		if (!driver_crash(step, count, work, NULL))
			break;
		judge();
	}
	judge();
	return count - 1;
}

TEST(killed_at_any_step_nothing_is_lost_or_repeated)
{
	size_t count;
	const char *const *names = crash_points(&count);

	for (size_t i = 0; i < count; i++) {
		long deaths = 0;

		if (!is_ours(names, i, "spsc_"))
			continue;
		deaths = kill_everywhere(names[i], true) +
			 kill_everywhere(names[i], false);
		/* those of recovery are for the next test */
		if (!deaths && strcmp(names[i], "spsc_recover_locked"))
			driver_fail("%s is never reached", names[i]);
	}
}

/* ---- who takes over is killed too ---- */

static void take_over(void *context)
{
	struct agora_queue *q = open_queue();
	struct agora_check report;
	struct agora_reservation r;
	struct agora_message m;
	int result;

	(void)context;
	CHECK_OK(agora_object_check(agora_queue_object(q), 1, &report));
	CHECK_OK(agora_queue_reserve(q, WORDS * sizeof(int), &r));
	result = agora_queue_acquire(q, &m);
	CHECK(!result || result == -EAGAIN);
	agora_queue_close(q);
}

TEST(who_takes_over_may_be_killed_too)
{
	static const char *const first[] = {"spsc_taken", "spsc_done",
		"spsc_taken_again", "spsc_pop_freed", "spsc_returned",
		"spsc_reserved", "spsc_padded", "spsc_push_chained"};
	static const char *const second[] = {"spsc_role_locked",
		"spsc_role_taken", "spsc_repairing", "spsc_repaired",
		"spsc_recover_locked", "spsc_taken", "spsc_taken_again",
		"spsc_reserved", "spsc_role_left", "recover_locked",
		"recover_repaired", "attach_live"};
	long deaths = 0;

	for (int n = 0; n < 8 * 12 * 2; n++)
		for (long count = 1; count < 40; count += 9) {
			tell_a_story(n % 2);
			if (!driver_crash(first[n / 2 % 8], count, work, NULL))
				break;
			for (long again = 1; again < 4; again++)
				deaths += driver_crash(
					second[n / 16], again, take_over, NULL);
			judge();
		}
	CHECK(deaths > 500);
}
