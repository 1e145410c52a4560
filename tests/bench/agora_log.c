/*
 * agora_log.c - agora's log, W11: one writer, and readers who each read all.
 *
 * A record of 64 bytes carries its number, which is checked on arrival. The
 * figure is what one reader reads: of a log that does not wait for readers
 * some was missed, of a reliable one nothing. The queue with one producer and
 * one consumer stands beside it, with the same records.
 */
#include "harness.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <agora/agora.h>

#define SIZE  64
#define DEPTH 1024

struct made {
	char path[64];
};

struct agora_space *agora_bench_space(void);

/* One way to make a log, and how it is written and read. */
struct sort {
	const char *row;
	uint32_t flags, writers;
	size_t batch; /* records of one call; 0: as messages of a queue */
};

static void *create(const struct sort *sort)
{
	struct agora_options options = {.capacity = DEPTH,
		.message_size = SIZE,
		.flags = sort->flags,
		.writers = sort->writers,
		.clients = 64};
	struct made *made = bench_shared(sizeof(*made));
	int error;

	snprintf(made->path, sizeof(made->path), "bench/x.%s",
		sort->batch ? "log" : "queue");
	error = agora_object_create(agora_bench_space(), made->path, &options);
	if (error)
		bench_fail("%s: %s", made->path, agora_strerror(error));
	return made;
}

static void *open_made(const struct made *made, bool is_log)
{
	struct agora_log *log;
	struct agora_queue *queue;
	int error = is_log ? agora_log_open(agora_bench_space(), made->path,
				     AGORA_WRITE, NULL, &log)
			   : agora_queue_open(agora_bench_space(), made->path,
				     AGORA_WRITE, NULL, &queue);

	if (error)
		bench_fail("%s: %s", made->path, agora_strerror(error));
	return is_log ? (void *)log : (void *)queue;
}

static size_t done(int result)
{
	if (result < 0 && result != -EAGAIN)
		bench_fail("%s", agora_strerror(result));
	return result < 0 ? 0 : (size_t)(result ? result : 1);
}

#define MOST 32

/* Records of a row, with their numbers. */
struct row {
	_Alignas(64) char bytes[MOST][SIZE];
	struct iovec in[MOST];
	struct agora_buffer out[MOST];
};

static struct row *make_row(void)
{
	struct row *row = aligned_alloc(64, (sizeof(*row) + 63) / 64 * 64);

	if (!row)
		bench_fail("no memory");
	memset(row, 0, sizeof(*row));
	for (size_t i = 0; i < MOST; i++) {
		row->in[i] = (struct iovec){row->bytes[i], SIZE};
		row->out[i] = (struct agora_buffer){
			.data = row->bytes[i], .capacity = SIZE};
	}
	return row;
}

static void write_all(struct bench_worker *w)
{
	const struct sort *sort = w->context;
	void *to = open_made(w->object, sort->batch);
	struct row *row = make_row();
	uint64_t number = 0;
	unsigned tries = 0;

	bench_ready(w);
	while (!bench_stopped()) {
		size_t more;

		for (size_t i = 0; i < sort->batch || !i; i++)
			memcpy(row->bytes[i], &(uint64_t){number + i}, 8);
		if (!sort->batch)
			more = done(agora_queue_push(to, row->bytes, SIZE));
		else if (sort->batch == 1)
			more = done(agora_log_append(to, row->bytes, SIZE));
		else
			more = done(agora_log_append_batch(
				to, row->in, sort->batch));
		number += more;
		if (more)
			tries = 0;
		else
			bench_relax(w, &tries);
	}
}

static size_t read_some(
	const struct sort *sort, void *from, struct row *row, uint64_t *cursor)
{
	uint64_t missed = 0;
	size_t more;

	if (!sort->batch)
		return done(agora_queue_pop(from, row->out));
	if (sort->batch == 1)
		more = done(agora_log_read(from, cursor, row->out, &missed));
	else
		more = done(agora_log_read_batch(
			from, cursor, row->out, sort->batch, &missed));
	if (missed && (sort->flags & AGORA_RELIABLE))
		bench_fail("%lu missed", (unsigned long)missed);
	return more;
}

static void check(const struct row *row, size_t count)
{
	uint64_t number;

	for (size_t i = 0; i < count; i++) {
		memcpy(&number, row->bytes[i], 8);
		if (number != row->out[i].version)
			bench_fail("record %lu as %lu", (unsigned long)number,
				(unsigned long)row->out[i].version);
	}
}

/* The first fifth of the time is to warm up. */
static void read_all(struct bench_worker *w)
{
	const struct sort *sort = w->context;
	void *from = open_made(w->object, sort->batch);
	struct row *row = make_row();
	uint64_t cursor = 0, count = 0, start = bench_now(), end;
	unsigned tries = 0, warm = 0;

	if (sort->flags & AGORA_RELIABLE)
		done(agora_log_register(from, &cursor));
	bench_ready(w);
	end = bench_now() + (uint64_t)(w->seconds * .2e9);
	for (uint64_t rounds = 0;; rounds++) {
		size_t more = read_some(sort, from, row, &cursor);

		check(row, more);
		count += more;
		if (more)
			tries = 0;
		else
			bench_relax(w, &tries);
		if (rounds & 127 || bench_now() < end)
			continue;
		if (warm++)
			break;
		count = 0;
		start = bench_now();
		end = start + (uint64_t)(w->seconds * 1e9);
	}
	w->value = (double)count * 1e3 / (double)(bench_now() - start);
}

static void run(const struct bench_case *bench, double seconds)
{
	const struct sort *sort = bench->data;
	unsigned readers = (unsigned)bench->size;
	struct bench_worker *w = bench_workers(1 + readers);
	void *made = create(sort);
	double sum = 0;

	for (unsigned i = 0; i <= readers; i++) {
		w[i].work = i ? read_all : write_all;
		w[i].context = sort;
		w[i].object = made;
		w[i].cpu = i % 2;
		w[i].endless = !i;
		w[i].crowded = readers > 1;
		w[i].seconds = seconds;
	}
	bench_run(w, 1 + readers, false);
	for (unsigned i = 1; i <= readers; i++)
		sum += w[i].value;
	bench_record(bench->name, "M/s", sum / readers);
}

#define FIXED    AGORA_FIXED
#define RELIABLE AGORA_RELIABLE

static const struct sort sorts[] = {
	{"agora SPSC fixed", AGORA_SPSC | FIXED, 0, 0},
	{"agora log, one writer, fixed", FIXED, AGORA_WRITERS_ONE, 1},
	{"agora log, one writer, fixed, reliable", FIXED | RELIABLE,
		AGORA_WRITERS_ONE, 1},
	{"agora log, one writer, fixed, 32 at a time", FIXED, AGORA_WRITERS_ONE,
		32},
	{"agora log, one writer", 0, AGORA_WRITERS_ONE, 1},
	{"agora log, one writer, reliable", RELIABLE, AGORA_WRITERS_ONE, 1},
	{"agora log, fixed", FIXED, AGORA_WRITERS_MANY, 1},
	{"agora log, fixed, reliable", FIXED | RELIABLE, AGORA_WRITERS_MANY, 1},
	{"agora log", 0, AGORA_WRITERS_MANY, 1},
};

BENCH_SETUP(log)
{
	for (size_t i = 0; i < sizeof(sorts) / sizeof(*sorts); i++)
		for (size_t readers = 1; readers <= 3; readers += 2)
			if (readers == 1 || sorts[i].batch)
				bench_add(
					(struct bench_case){"W11", sorts[i].row,
						readers == 1 ? "1+1" : "1+3",
						run, &sorts[i], readers});
}
