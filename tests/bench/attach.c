/*
 * attach.c - how long it takes to open an object that is there, W8.
 */
#include "attach.h"

static void open_and_close(struct bench_worker *w)
{
	const struct attach_ops *ops = w->context;
	uint64_t end;

	ops->close(ops->open());
	bench_ready(w);
	end = bench_now() + (uint64_t)(w->seconds * 1e9);
	while (w->count < BENCH_SAMPLES && bench_now() < end) {
		uint64_t start = bench_now();
		void *object = ops->open();

		w->samples[w->count++] = (uint32_t)(bench_now() - start);
		ops->close(object);
	}
}

static void run(const struct bench_case *bench, double seconds)
{
	const struct attach_ops *ops = bench->data;
	struct bench_worker *w = bench_workers(1);
	double *us;

	ops->create();
	w->work = open_and_close;
	w->context = ops;
	w->cpu = 1;
	w->seconds = seconds;
	w->samples = bench_shared(BENCH_SAMPLES * sizeof(uint32_t));
	bench_run(w, 1, false);
	us = bench_shared(w->count * sizeof(*us));
	for (size_t i = 0; i < w->count; i++)
		us[i] = w->samples[i] / 1e3;
	bench_record("open", "us", bench_median(us, w->count));
	bench_record("open p99", "us", us[w->count * 99 / 100]);
}

void attach_add(const struct attach_ops *ops)
{
	bench_add((struct bench_case){"W8", ops->row, "open", run, ops, 0});
}
