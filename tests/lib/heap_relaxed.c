/* heap_relaxed.c - what a relaxed heap promises. */
#include "heap.h"

#include <sys/mman.h>

static struct agora_heap *open_large(uint64_t capacity)
{
	struct agora_options options = relaxed;

	options.capacity = capacity;
	return open_with(&options);
}

static uint64_t rank_bound(struct agora_heap *h)
{
	struct agora_stat stat;

	CHECK_OK(agora_object_stat(agora_heap_object(h), &stat));
	return stat.rank_bound;
}

/* ---- a multiset of small numbers, which tells how many are smaller ---- */

#define RANGE (1u << 20)

/* Fenwick's tree, in memory that processes share. */
static _Atomic int32_t *tree;

static void tree_add(uint32_t number, int32_t what)
{
	for (uint32_t i = number + 1; i <= RANGE; i += i & -i)
		tree[i] += what;
}

static uint64_t tree_below(uint32_t number)
{
	int64_t sum = 0;

	for (uint32_t i = number; i; i -= i & -i)
		sum += tree[i];
	return sum < 0 ? 0 : (uint64_t)sum;
}

static void tree_make(void)
{
	tree = mmap(NULL, (RANGE + 1) * sizeof(*tree), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(tree != MAP_FAILED);
}

/* Rank errors of pops: how many had which. */
#define ERRORS 4096
static _Atomic uint64_t *errors;

static void count_errors(uint64_t bound)
{
	uint64_t pops = 0, above = 0, sum = 0;

	for (uint64_t i = 0; i < ERRORS; i++) {
		pops += errors[i];
		sum += i * errors[i];
		above += i > bound ? errors[i] : 0;
	}
	fprintf(stderr, "pops %llu mean %.1f above the bound %llu\n",
		(unsigned long long)pops, (double)sum / (double)pops,
		(unsigned long long)above);
	CHECK(pops > 10000);
	CHECK(above * 1000 <= pops);
}

/*
 * The hold model. The tree is changed after a push and before a pop is
 * looked at, so with two at work it may lag by what is in motion: two.
 */
static void hold_model(struct agora_heap *h, int rounds, uint64_t range)
{
	for (int i = 0; i < rounds; i++) {
		uint64_t priority, error;

		pop_number(h, &priority);
		error = tree_below((uint32_t)priority);
		tree_add((uint32_t)priority, -1);
		errors[error < ERRORS ? error : ERRORS - 1]++;
		priority = (priority + 1 + chance() % range) % RANGE;
		tree_add((uint32_t)priority, 1);
		push_number(h, priority, 0);
	}
}

static void measure(uint64_t size, int processes, uint64_t range)
{
	struct agora_heap *h = open_large(size + 8);
	pid_t child[2];

	tree_make();
	errors = mmap(NULL, ERRORS * sizeof(*errors), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (uint64_t i = 0; i < size; i++) {
		uint64_t priority = chance() % range;

		tree_add((uint32_t)priority, 1);
		push_number(h, priority, 0);
	}
	for (int k = 0; k < processes; k++) {
		child[k] = driver_fork();
		if (child[k])
			continue;
		for (int i = 0; i < 100 * k + 1; i++)
			chance();
		h = open_again(AGORA_WRITE);
		hold_model(h, 50000, range);
		agora_heap_close(h);
		exit(0);
	}
	for (int k = 0; k < processes; k++)
		driver_join(child[k]);
	count_errors(rank_bound(h));
	while (!pop_nothing(h))
		;
	close_empty(h);
}

TEST(the_rank_error_keeps_to_its_bound)
{
	measure(1000, 1, 1000);
	measure(20000, 1, 100000);
}

TEST(the_rank_error_keeps_to_its_bound_with_two_at_work)
{
	measure(1000, 2, 1000);
	measure(20000, 2, 100000);
}

TEST(the_bound_is_told)
{
	struct agora_heap *h = open_large(8);

	CHECK(rank_bound(h) > 0);
	close_empty(h);
}

TEST(each_message_is_taken_once)
{
	static unsigned char seen[5000];
	struct agora_heap *h = open_large(5000);

	for (uint64_t i = 0; i < 5000; i++)
		push_number(h, chance(), i);
	for (int i = 0; i < 5000; i++) {
		uint64_t number = pop_number(h, NULL);

		CHECK(number < 5000 && !seen[number]++);
	}
	close_empty(h);
}

TEST(all_of_the_capacity_can_be_used)
{
	struct agora_heap *h = open_large(1000);
	uint64_t number = 0;

	for (int i = 0; i < 1000; i++)
		push_number(h, chance(), 0);
	CHECK_ERROR(-EAGAIN, agora_heap_push(h, 0, &number, 8));
	pop_number(h, NULL);
	push_number(h, 0, 0);
	for (int i = 0; i < 1000; i++)
		pop_number(h, NULL);
	close_empty(h);
}

/* With one message in motion, of many, no pop may find nothing. */
TEST(empty_is_told_of_one_moment)
{
	struct agora_heap *h = open_large(100);
	pid_t child[2];

	push_number(h, 1, 1);
	push_number(h, 2, 2);
	push_number(h, 3, 3);
	for (int k = 0; k < 2; k++) {
		child[k] = driver_fork();
		if (child[k])
			continue;
		h = open_again(AGORA_WRITE);
		for (int i = 0; i < 50000; i++) {
			uint64_t number = pop_number(h, NULL);

			push_number(h, chance(), number);
		}
		agora_heap_close(h);
		exit(0);
	}
	driver_join(child[0]);
	driver_join(child[1]);
	CHECK_EQ(6, pop_number(h, NULL) + pop_number(h, NULL) +
			    pop_number(h, NULL));
	close_empty(h);
}

TEST(a_snapshot_of_all_parts_is_sorted)
{
	struct agora_heap *h = open_large(800),
			  *reader = open_again(AGORA_READ);
	struct agora_snapshot *snapshot;
	uint64_t number;
	struct agora_buffer b = {.data = &number, .capacity = sizeof(number)};

	for (uint64_t i = 0; i < 800; i++)
		push_number(h, i * 7 % 800, 0);
	CHECK_OK(agora_object_snapshot(agora_heap_object(reader), &snapshot));
	for (uint64_t i = 0; i < 800; i++) {
		CHECK_OK(agora_snapshot_next(snapshot, &b));
		CHECK_EQ(i, b.priority);
	}
	CHECK_ERROR(-EAGAIN, agora_snapshot_next(snapshot, &b));
	agora_snapshot_close(snapshot);
	CHECK_OK(agora_heap_peek(reader, &b));
	CHECK_EQ(0, b.priority);
	agora_heap_close(reader);
	while (!pop_nothing(h))
		;
	close_empty(h);
}
