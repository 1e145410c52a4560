/*
 * keyed.c - keys, orders and records of W6 and W7.
 */
#include "keyed.h"

#include <math.h>

struct keyed_key *keyed_keys;
uint32_t *keyed_random, *keyed_zipf;

/* A generator that gives the same on each run. */
static uint64_t next_number(void)
{
	static uint64_t state = 88172645463325252u;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static void shuffle(uint32_t *order)
{
	for (uint32_t i = KEYED_COUNT - 1; i; i--) {
		uint32_t k = (uint32_t)(next_number() % (i + 1));
		uint32_t kept = order[i];

		order[i] = order[k];
		order[k] = kept;
	}
}

/* Keys by Zipf's law with an exponent of 0.99, the popular ones anywhere. */
static void fill_zipf(void)
{
	double *sums = malloc(KEYED_COUNT * sizeof(*sums)), sum = 0;

	for (unsigned i = 0; i < KEYED_COUNT; i++)
		sums[i] = sum += pow(i + 1, -.99);
	for (unsigned i = 0; i < KEYED_COUNT; i++) {
		double at = (double)(next_number() >> 11) * 0x1p-53 * sum;
		unsigned low = 0, high = KEYED_COUNT - 1;

		while (low < high) {
			unsigned middle = (low + high) / 2;

			if (sums[middle] < at)
				low = middle + 1;
			else
				high = middle;
		}
		keyed_zipf[i] = keyed_random[low];
	}
	free(sums);
}

static void prepare(void)
{
	keyed_keys = bench_shared(2 * KEYED_COUNT * sizeof(*keyed_keys));
	keyed_random = bench_shared(KEYED_COUNT * sizeof(uint32_t));
	keyed_zipf = bench_shared(KEYED_COUNT * sizeof(uint32_t));
	for (unsigned i = 0; i < 2 * KEYED_COUNT; i++) {
		char text[32];

		snprintf(text, sizeof(text), "key-%012u", i);
		memcpy(keyed_keys[i].bytes, text, KEYED_KEY);
	}
	for (unsigned i = 0; i < KEYED_COUNT; i++)
		keyed_random[i] = i;
	shuffle(keyed_random);
	fill_zipf();
}

static void alone(const struct bench_case *bench, double seconds)
{
	const struct keyed_peer *peer = bench->data;
	struct bench_worker *w = bench_workers(1);
	struct keyed_figures *f = bench_shared(sizeof(*f));

	prepare();
	w->work = peer->alone;
	w->object = peer->ops->create();
	w->second = f;
	w->cpu = 1;
	w->seconds = seconds;
	bench_run(w, 1, peer->ops->threads);
	bench_record("get hit", "ns", f->hit);
	bench_record("get miss", "ns", f->miss);
	bench_record("put", "ns", f->put);
	bench_record("insert", "ns", f->insert);
	bench_record("delete", "ns", f->remove);
	bench_record("get zipf", "ns", f->zipf);
	if (peer->ops->scan)
		bench_record("scan of 100", "ns", f->scan);
}

static void beside(const struct bench_case *bench, double seconds)
{
	const struct keyed_peer *peer = bench->data;
	struct bench_worker *w = bench_workers(2);
	void *table;

	prepare();
	table = peer->ops->create();
	w->work = peer->load;
	w->object = table;
	bench_run(w, 1, peer->ops->threads);
	for (unsigned i = 0; i < 2; i++) {
		w[i].work = i ? peer->read : peer->write;
		w[i].object = table;
		w[i].cpu = i;
		w[i].seconds = seconds;
	}
	bench_run(w, 2, peer->ops->threads);
	bench_record("writes beside a reader", "M/s", w[0].value);
	bench_record("reads beside a writer", "M/s", w[1].value);
}

void keyed_add(const struct keyed_peer *peer)
{
	struct bench_case bench = {
		"W6", peer->ops->row, "alone", alone, peer, 0};

	if (peer->ops->scan)
		bench.workload = "W7";

	bench_add(bench);
	bench.name = "1 writer + 1 reader";
	bench.run = beside;
	if (!peer->ops->alone)
		bench_add(bench);
}
