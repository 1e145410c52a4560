/*
 * ranked.c - cases and records of W5.
 */
#include "ranked.h"

#include <stdio.h>

static const struct {
	const char *name;
	size_t size;
} sizes[] = {{"1 K", 1 << 10}, {"64 K", 1 << 16}, {"1 M", 1 << 20}};

static void run(const struct bench_case *bench, double seconds)
{
	const struct ranked_peer *peer = bench->data;
	struct bench_worker *w = bench_workers(2);
	void *queue = peer->ops->create(bench->size);
	char column[40];

	w->work = peer->fill;
	w->object = queue;
	w->size = bench->size;
	bench_run(w, 1, peer->ops->threads);
	for (unsigned i = 0; i < 2; i++) {
		w[i].work = peer->loop;
		w[i].object = queue;
		w[i].index = w[i].cpu = i;
		w[i].seconds = seconds;
	}
	bench_run(w, 1, peer->ops->threads);
	snprintf(column, sizeof(column), "%s, pair", bench->name);
	bench_record(column, "ns", 1e3 / w[0].value);
	bench_run(w, 2, peer->ops->threads);
	snprintf(column, sizeof(column), "%s, 2 CPUs", bench->name);
	bench_record(column, "M/s", 2 * (w[0].value + w[1].value));
}

void ranked_add(const struct ranked_peer *peer)
{
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		bench_add((struct bench_case){"W5", peer->ops->row,
			sizes[i].name, run, peer, sizes[i].size});
}
