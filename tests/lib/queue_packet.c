/*
 * queue_packet.c - packets from within: what they do to cells in the long
 * run, and what hostile words in them do to others.
 */
#include "driver.h"

#include "data/queue_ring.h"

#define PATH "p/q.queue"

static struct agora_queue *open_fixed(uint64_t capacity)
{
	struct agora_options options = {
		.capacity = capacity, .message_size = 8, .flags = AGORA_FIXED};
	struct agora_queue *q;
	int error = agora_program_create(space, "p", NULL);

	CHECK(!error || error == -EEXIST);
	CHECK_OK(agora_queue_open(
		space, PATH, AGORA_WRITE | AGORA_CREATE, &options, &q));
	return q;
}

static struct agora_queue *open_any(void)
{
	struct agora_options options = {.capacity = 64, .message_size = 1000};
	struct agora_queue *q;
	int error = agora_program_create(space, "p", NULL);

	CHECK(!error || error == -EEXIST);
	CHECK_OK(agora_queue_open(
		space, PATH, AGORA_WRITE | AGORA_CREATE, &options, &q));
	return q;
}

static void close_one(struct agora_queue *q)
{
	agora_queue_close(q);
	CHECK_OK(agora_object_remove(space, PATH));
}

static int push(struct agora_queue *q, uint64_t first, unsigned count)
{
	uint64_t number[PACKET_MOST];
	struct iovec messages[PACKET_MOST];

	for (unsigned i = 0; i < count; i++) {
		number[i] = first + i;
		messages[i] = (struct iovec){&number[i], sizeof(*number)};
	}
	return agora_queue_push_batch(q, messages, count);
}

static int pop(struct agora_queue *q, uint64_t first, unsigned count)
{
	uint64_t number[PACKET_MOST];
	struct agora_buffer messages[PACKET_MOST];
	int got;

	for (unsigned i = 0; i < count; i++)
		messages[i] = (struct agora_buffer){
			.data = &number[i], .capacity = sizeof(*number)};
	got = agora_queue_pop_batch(q, messages, count);
	for (int i = 0; i < got; i++)
		CHECK_EQ(first + (unsigned)i, number[i]);
	return got;
}

/* ---- the long run ---- */

/* Go on at a cycle, as if full packets had been pushed and popped till then. */
static void leap(struct agora_queue *q, uint64_t cycle)
{
	for (uint64_t i = 0; i <= q->mask; i += PACKET_MOST)
		atomic_store_explicit(cell_at(q, i),
			cell_make((cycle - 1) & CYCLE_MASK, PACKET_MOST - 1,
				cell_block(load_cell(q, i))),
			memory_order_relaxed);
	atomic_store_explicit(q->tail, cycle << q->order, memory_order_relaxed);
	atomic_store_explicit(q->head, cycle << q->order, memory_order_relaxed);
	atomic_store_explicit(
		&q->head_seen, cycle << q->order, memory_order_relaxed);
}

static void go_round(struct agora_queue *q)
{
	for (uint64_t i = 0; i <= q->mask; i += PACKET_MOST) {
		CHECK_EQ(PACKET_MOST, push(q, i, PACKET_MOST));
		CHECK_EQ(PACKET_MOST, pop(q, i, PACKET_MOST));
	}
}

TEST(cells_that_packets_leave_out_for_ever_stay_good)
{
	/* 2^28 cycles each: those of a cell begin anew at the eighth. */
	for (unsigned long_run = 0; long_run < 20; long_run++) {
		struct agora_queue *q = open_fixed(64);
		struct agora_message m;
		uint64_t cycle = 1;

		for (unsigned i = 0; i < long_run; i++) {
			cycle = (cycle | RENEWED) + 1;
			leap(q, cycle);
			go_round(q);
		}
		leap(q, cycle + RENEWED - 1);
		CHECK_EQ(5, push(q, 0, 5));
		CHECK_OK(agora_queue_acquire(q, &m));
		CHECK_OK(agora_queue_release(q, &m));
		CHECK_EQ(3, pop(q, 1, 3));
		CHECK_EQ(1, pop(q, 4, 3));
		CHECK_ERROR(-EAGAIN, pop(q, 0, 1));
		for (uint64_t i = 0; i <= q->mask; i++) {
			CHECK_EQ(1, push(q, i, 1));
			CHECK_EQ(1, pop(q, i, 1));
		}
		close_one(q);
	}
}

/* ---- no blocks ---- */

TEST(a_packet_that_cannot_be_opened_is_not_taken_for_an_empty_queue)
{
	struct agora_queue *q = open_fixed(64);
	unsigned blocks = q->store.pool[0].count;
	struct agora_message *held = calloc(blocks, sizeof(*held));

	for (unsigned i = 0; i < blocks - 1; i++) {
		CHECK_EQ(1, push(q, i, 1));
		CHECK_OK(agora_queue_acquire(q, &held[i]));
	}
	CHECK_EQ(5, push(q, 100, 5));
	for (unsigned i = 0; i < 4; i++) {
		CHECK_ERROR(-ENOSPC, agora_queue_acquire(q, &held[blocks - 1]));
		CHECK_ERROR(-ENOSPC, pop(q, 100, 1));
		CHECK_OK(agora_queue_release(q, &held[i]));
	}
	CHECK_EQ(5, pop(q, 100, 5));
	for (unsigned i = 4; i < blocks - 1; i++)
		CHECK_OK(agora_queue_release(q, &held[i]));
	free(held);
	close_one(q);
}

/* ---- damage ---- */

static struct block_shm *head_block(struct agora_queue *q)
{
	return store_head(
		&q->store, cell_block(load_cell(q, load_end(q->head))));
}

/* Whatever it is worth, everything ends; and then the queue is thrown away. */
static void use(struct agora_queue *q)
{
	static char data[4][1000];
	struct agora_buffer b[4];
	struct agora_message m;
	struct agora_stat stat;
	struct agora_check check;
	uint64_t cursor = 0, from = 0;

	for (int i = 0; i < 4; i++)
		b[i] = (struct agora_buffer){
			.data = data[i], .capacity = sizeof(data[i])};
	for (int i = 0; i < 100; i++) {
		agora_queue_walk(q, &cursor, b);
		agora_queue_tap(q, &from, b);
	}
	agora_object_stat(agora_queue_object(q), &stat);
	agora_object_check(agora_queue_object(q), 1, &check);
	for (int i = 0; i < 40; i++) {
		if (!agora_queue_acquire(q, &m))
			agora_queue_restore(q, &m);
		agora_queue_pop(q, b);
		agora_queue_pop_batch(q, b, 4);
		push(q, 0, 7);
	}
}

TEST(a_packet_of_which_more_was_taken_than_there_was_is_damage)
{
	for (unsigned kind = BLOCK_PACKET; kind <= BLOCK_OPENED; kind++) {
		struct agora_queue *q = open_any();
		struct agora_message m;

		CHECK_EQ(5, push(q, 0, 5));
		atomic_store_explicit(&head_block(q)->state,
			packet_make(kind, 1, 5, load_end(q->head)),
			memory_order_relaxed);
		CHECK_ERROR(-EUCLEAN, pop(q, 0, 1));
		CHECK_ERROR(-EUCLEAN, pop(q, 0, 9));
		CHECK_ERROR(-EUCLEAN, agora_queue_acquire(q, &m));
		use(q);
		close_one(q);
	}
}

TEST(a_cell_that_tells_of_more_messages_than_a_packet_has_ends_in_errors)
{
	struct agora_queue *q = open_fixed(64);
	uint64_t h = load_end(q->head), cell;

	CHECK_EQ(5, push(q, 0, 5));
	cell = load_cell(q, h);
	atomic_store_explicit(cell_at(q, h),
		cell_make(cell_cycle(cell), 31, cell_block(cell)),
		memory_order_relaxed);
	CHECK_EQ(3, pop(q, 0, 3));
	use(q);
	close_one(q);
}

/* Where each message of a packet ends stands behind them, the first last. */
static _Atomic uint32_t *ends_of(struct agora_queue *q)
{
	const struct pool *pool = &q->store.pool[0];
	struct block_ref ref = cell_block(load_cell(q, load_end(q->head)));

	return (_Atomic uint32_t *)(pool_data(pool, ref) + pool->data_size) - 1;
}

TEST(ends_of_messages_that_make_no_sense_are_damage)
{
	static const uint32_t bad[] = {0, 15, 225, 1000, UINT32_MAX};

	for (unsigned i = 0; i < 5; i++) {
		struct agora_queue *q = open_any();
		struct agora_message m;

		CHECK_EQ(5, push(q, 0, 5));
		/* The third message, which begins at 16. */
		atomic_store_explicit(
			ends_of(q) - 2, bad[i], memory_order_relaxed);
		CHECK_EQ(2, pop(q, 0, 9));
		CHECK_ERROR(-EUCLEAN, pop(q, 0, 9));
		CHECK_ERROR(-EUCLEAN, agora_queue_acquire(q, &m));
		use(q);
		close_one(q);
	}
}

TEST(any_words_in_a_packet_and_its_cells_end_in_bounded_time)
{
	uint64_t seed = 1;

	for (unsigned round = 0; round < 3000; round++) {
		struct agora_queue *q = round % 2 ? open_any() : open_fixed(64);
		uint64_t h = load_end(q->head);
		unsigned count = 2 + round % 20;
		_Atomic uint64_t *state, *ends;

		CHECK_EQ(count, push(q, 0, count));
		state = &head_block(q)->state;
		ends = (_Atomic uint64_t *)(ends_of(q) - 1);
		for (unsigned i = 0; i < 1 + round % 3; i++) {
			_Atomic uint64_t *const word[] = {cell_at(q, h),
				cell_at(q, h + i), state, ends - i};

			seed = seed * 6364136223846793005 + 1442695040888963407;
			/* A bit or two, in words that are nearly right. */
			atomic_fetch_xor_explicit(word[seed >> 62],
				UINT64_C(1) << (seed >> 50 & 63) |
					UINT64_C(1) << (seed >> 40 & 63),
				memory_order_relaxed);
		}
		use(q);
		close_one(q);
	}
}
