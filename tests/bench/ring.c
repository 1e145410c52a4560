/*
 * ring.c - the cases of a peer that messages go through, and their records.
 */
#include "ring.h"

#include <time.h>

static const struct {
	size_t size;
	const char *name;
} sizes[] = {{8, "8 B"}, {64, "64 B"}, {1024, "1 KiB"}, {65536, "64 KiB"}};

static const char *const manners[] = {"spinning", "waiting", "asleep"};

void ring_rest(void)
{
	struct timespec rest = {0, 300000};

	nanosleep(&rest, NULL);
}

/* Workers one after another: a producer for each CPU, then the consumers. */
static double throughput(
	const struct bench_case *bench, double seconds, unsigned pairs)
{
	const struct ring_peer *peer = bench->data;
	struct bench_worker *w = bench_workers(2 * pairs);
	void *ring = peer->ops->create(bench->size, ring_depth(bench->size));
	double sum = 0;

	for (unsigned i = 0; i < 2 * pairs; i++) {
		bool produces = i < pairs;

		w[i].work = produces ? peer->produce : peer->consume;
		w[i].object = ring;
		w[i].size = bench->size;
		w[i].index = i % pairs;
		w[i].cpu = (w[i].index + !produces) % 2;
		w[i].endless = produces;
		w[i].crowded = pairs > 1;
		w[i].seconds = seconds;
	}
	bench_run(w, 2 * pairs, peer->ops->threads);
	for (unsigned i = pairs; i < 2 * pairs; i++)
		sum += w[i].value;
	return sum;
}

static void oneway(const struct bench_case *bench, double seconds)
{
	double rate = throughput(bench, seconds, 1);

	if (bench->size < 1024)
		bench_record(bench->name, "M/s", rate);
	else
		bench_record(
			bench->name, "GB/s", rate * (double)bench->size / 1e3);
}

static void many(const struct bench_case *bench, double seconds)
{
	unsigned pairs = *bench->name == '2' ? 2 : 1;

	bench_record(bench->name, "M/s", throughput(bench, seconds, pairs));
}

static void trip(const struct bench_case *bench, double seconds)
{
	const struct ring_peer *peer = bench->data;
	struct bench_worker *w = bench_workers(2);
	void *there = peer->ops->create(64, ring_depth(64));
	void *back = peer->ops->create(64, ring_depth(64));
	unsigned how = 0;

	while (strcmp(manners[how], bench->name))
		how++;
	for (unsigned i = 0; i < 2; i++) {
		w[i].work = i ? peer->echo[how] : peer->ask[how];
		w[i].object = there;
		w[i].second = back;
		w[i].cpu = i;
		w[i].endless = i;
		w[i].seconds = seconds;
		w[i].samples = bench_shared(BENCH_SAMPLES * sizeof(uint32_t));
	}
	bench_run(w, 2, peer->ops->threads);
	bench_percentiles(bench->name, w[0].samples, w[0].count);
}

static void alone(const struct bench_case *bench, double seconds)
{
	const struct ring_peer *peer = bench->data;
	struct bench_worker *w = bench_workers(1);

	w->work = peer->alone;
	w->object = peer->ops->create(8, ring_depth(8));
	w->cpu = 1;
	w->seconds = seconds;
	w->samples = bench_shared(BENCH_SAMPLES * sizeof(uint32_t));
	bench_run(w, 1, peer->ops->threads);
	bench_record("pair", "ns",
		bench_median((double *)(void *)w->samples, w->count) *
			bench_ns_of_tick());
}

void ring_add(const struct ring_peer *peer)
{
	const struct ring_ops *ops = peer->ops;
	struct bench_case bench = {"W1", ops->row, NULL, oneway, peer, 0};

	for (unsigned i = 0; i < 4; i++) {
		bench.name = sizes[i].name;
		bench.size = sizes[i].size;
		if (!ops->largest || bench.size <= ops->largest)
			bench_add(bench);
	}
	bench.workload = "W2";
	bench.run = trip;
	for (unsigned i = 0; i < 3; i++) {
		bench.name = manners[i];
		if (!ops->push_batch && (i ? ops->push_wait : ops->push) &&
			(!ops->largest || ops->largest >= 64))
			bench_add(bench);
	}
	bench.size = 8;
	bench.workload = "W3";
	bench.run = many;
	bench.name = "1+1";
	if (!ops->spsc)
		bench_add(bench);
	bench.name = "2+2";
	if (!ops->spsc)
		bench_add(bench);
	bench.workload = "W4";
	bench.run = alone;
	bench.name = "8 B";
	bench_add(bench);
	bench.workload = "W9";
	bench.run = ring_kill;
	bench.name = "kill";
	if (ops->killed)
		bench_add(bench);
}
