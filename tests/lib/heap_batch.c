/* heap_batch.c - push_batch and pop_batch, and singles among them. */
#include "heap.h"

#define MOST 300

static uint64_t numbers[MOST];

/* Messages with priorities by chance, below range. */
static struct agora_heap_item *make_items(
	uint64_t first, size_t count, uint64_t range)
{
	static struct agora_heap_item items[MOST];

	for (size_t i = 0; i < count; i++) {
		numbers[i] = first + i;
		items[i] = (struct agora_heap_item){
			chance() % range, &numbers[i], sizeof(*numbers)};
	}
	return items;
}

static int pop_batch(struct agora_heap *h, struct agora_buffer *messages,
	uint64_t *got, size_t count)
{
	for (size_t i = 0; i < count; i++)
		messages[i] = (struct agora_buffer){
			.data = &got[i], .capacity = sizeof(*got)};
	return agora_heap_pop_batch(h, messages, count);
}

/* Take all that is there, in batches of up to most: sorted, first come first.
 */
static size_t pop_sorted(struct agora_heap *h, size_t most)
{
	struct agora_buffer messages[MOST];
	uint64_t got[MOST], priority = 0, version = 0;
	size_t total = 0;
	int count;

	while ((count = pop_batch(h, messages, got, 1 + chance() % most)) > 0)
		for (int i = 0; i < count; i++, total++) {
			CHECK_EQ(8, messages[i].size);
			CHECK(messages[i].priority > priority ||
				(messages[i].priority == priority &&
					messages[i].version > version));
			priority = messages[i].priority;
			version = messages[i].version;
		}
	CHECK_ERROR(-EAGAIN, count);
	return total;
}

static void rounds_of(const struct agora_options *like, uint64_t range)
{
	struct agora_options options = *like;
	struct agora_heap *h;

	options.capacity = 5000;
	h = open_with(&options);
	for (int round = 0; round < 60; round++) {
		size_t total = 0;

		for (int i = 0; i < 10; i++) {
			size_t count = chance() % MOST;

			CHECK_EQ(count, agora_heap_push_batch(h,
						make_items(total, count, range),
						count));
			total += count;
			push_number(h, chance() % range, 0);
			total++;
		}
		CHECK_EQ(total, pop_sorted(h, 1 + (size_t)round));
	}
	close_empty(h);
}

TEST(batches_are_sorted_and_equals_first_come_first)
{
	rounds_of(&any, 5);
	rounds_of(&fixed, 1000000);
	rounds_of(&fixed, UINT64_MAX);
}

TEST(an_empty_batch_is_0)
{
	struct agora_heap *h = open_with(&any);

	CHECK_EQ(0, agora_heap_push_batch(h, NULL, 0));
	CHECK_EQ(0, agora_heap_pop_batch(h, NULL, 0));
	close_empty(h);
}

TEST(as_many_are_pushed_as_there_is_room_for)
{
	struct agora_options options = {.capacity = 100};
	struct agora_heap *h = open_with(&options);

	CHECK_EQ(70, agora_heap_push_batch(h, make_items(0, 70, 9), 70));
	CHECK_EQ(30, agora_heap_push_batch(h, make_items(0, 70, 9), 70));
	CHECK_ERROR(
		-EAGAIN, agora_heap_push_batch(h, make_items(0, 70, 9), 70));
	CHECK_EQ(100, pop_sorted(h, 40));
	close_empty(h);
}

TEST(a_message_that_is_refused_ends_a_batch)
{
	struct agora_options options = {.message_size = 8};
	struct agora_heap *h = open_with(&options);
	struct agora_heap_item *items = make_items(0, 50, 9);

	items[20].size = 9;
	CHECK_EQ(20, agora_heap_push_batch(h, items, 50));
	CHECK_ERROR(-EMSGSIZE, agora_heap_push_batch(h, items + 20, 30));
	CHECK_EQ(20, pop_sorted(h, 7));
	close_empty(h);
}

TEST(a_batch_ends_before_what_does_not_fit_its_buffer)
{
	struct agora_heap *h = open_with(&any);
	uint64_t got[4];
	struct agora_buffer messages[4];

	CHECK_OK(agora_heap_push(h, 1, got, 8));
	CHECK_OK(agora_heap_push(h, 2, got, 8));
	CHECK_OK(agora_heap_push(h, 3, got, 9));
	CHECK_OK(agora_heap_push(h, 4, got, 8));
	CHECK_EQ(2, pop_batch(h, messages, got, 4));
	CHECK_ERROR(-EMSGSIZE, pop_batch(h, messages, got, 4));
	CHECK_EQ(9, messages[0].size);
	messages[0] = (struct agora_buffer){.data = got, .capacity = 9};
	CHECK_OK(agora_heap_pop(h, messages));
	CHECK_EQ(1, pop_batch(h, messages, got, 4));
	close_empty(h);
}

TEST(a_relaxed_heap_takes_batches_too)
{
	struct agora_options options = relaxed;
	struct agora_heap *h;
	struct agora_buffer messages[MOST];
	uint64_t got[MOST];
	static unsigned char seen[MOST];
	int total = 0, count;

	options.capacity = MOST;
	h = open_with(&options);
	CHECK_EQ(MOST, agora_heap_push_batch(h, make_items(0, MOST, 9), MOST));
	while ((count = pop_batch(h, messages, got, 11)) > 0)
		for (int i = 0; i < count; i++, total++)
			CHECK(got[i] < MOST && !seen[got[i]]++);
	CHECK_EQ(MOST, total);
	close_empty(h);
}

TEST(waiting_batches_find_what_comes_later)
{
	struct agora_options options = {.capacity = 5};
	struct agora_heap *h = open_with(&options);
	struct timespec past = {0, 0};
	struct agora_buffer messages[10];
	uint64_t got[10];
	int total = 0;
	pid_t child;

	for (int i = 0; i < 10; i++)
		messages[i] = (struct agora_buffer){
			.data = &got[i], .capacity = sizeof(*got)};
	CHECK_ERROR(
		-ETIMEDOUT, agora_heap_pop_batch_wait(h, &past, messages, 10));
	child = driver_fork();
	if (!child) {
		h = open_again(AGORA_WRITE);
		for (int done = 0; done < 100;)
			done += agora_heap_push_batch_wait(h,
				make_items(0, 100, 9), (size_t)(100 - done),
				NULL);
		agora_heap_close(h);
		exit(0);
	}
	while (total < 100) {
		int count = agora_heap_pop_batch_wait(h, NULL, messages, 10);

		CHECK_OK(count);
		total += count;
	}
	driver_join(child);
	close_empty(h);
}
