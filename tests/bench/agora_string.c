/*
 * agora_string.c - agora's string, W13: a value of 64 bytes is loaded and
 * stored, by one process, and by a writer beside a reader.
 *
 * Each word of a value is the same number, which only grows. Beside it the
 * same bytes under a robust mutex, which a death does not leave locked, though
 * perhaps half written.
 */
#include "harness.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include <agora/agora.h>

#define WORDS 8
#define ROUND 64

struct agora_space *agora_bench_space(void);

struct value {
	uint64_t word[WORDS];
};

/* What is under the mutex. */
struct locked {
	pthread_mutex_t mutex;
	struct value value BENCH_LINE;
};

struct sort {
	const char *row;
	uint32_t writers; /* 0: not a string */
};

/* ---- the two ways ---- */

static void check(int result)
{
	if (result)
		bench_fail("%s", agora_strerror(result));
}

static void *create(const struct sort *sort)
{
	struct agora_options options = {
		.message_size = sizeof(struct value), .writers = sort->writers};
	struct locked *locked = bench_shared(sizeof(*locked));
	pthread_mutexattr_t attributes;

	if (sort->writers) {
		check(agora_object_create(
			agora_bench_space(), "bench/x.string", &options));
		return locked;
	}
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&locked->mutex, &attributes);
	return locked;
}

static void *attach(const struct sort *sort, void *locked, uint32_t flags)
{
	struct agora_string *string;

	if (!sort->writers)
		return locked;
	check(agora_string_open(
		agora_bench_space(), "bench/x.string", flags, NULL, &string));
	return string;
}

BENCH_INLINE void store(const struct sort *sort, void *to, uint64_t number)
{
	struct value value;
	struct locked *locked = to;

	for (unsigned i = 0; i < WORDS; i++)
		value.word[i] = number;
	if (sort->writers) {
		check(agora_string_store(to, &value, sizeof(value)));
		return;
	}
	pthread_mutex_lock(&locked->mutex);
	locked->value = value;
	pthread_mutex_unlock(&locked->mutex);
}

BENCH_INLINE uint64_t load(const struct sort *sort, void *from)
{
	struct value value;
	struct agora_buffer b = {.data = &value, .capacity = sizeof(value)};
	struct locked *locked = from;
	uint64_t differ = 0;

	if (sort->writers) {
		check(agora_string_load(from, &b));
	} else {
		pthread_mutex_lock(&locked->mutex);
		value = locked->value;
		pthread_mutex_unlock(&locked->mutex);
	}
	for (unsigned i = 1; i < WORDS; i++)
		differ |= value.word[i] ^ value.word[0];
	if (differ)
		bench_fail("a torn value");
	return value.word[0];
}

/* ---- one process ---- */

struct figures {
	double load, store;
};

static double time_of(const struct sort *sort, void *object, double seconds,
	bool stores, uint64_t *number)
{
	uint64_t start = bench_now(), now = start, count = 0;

	while (now - start < (uint64_t)(seconds * 1e9)) {
		for (unsigned i = 0; i < ROUND; i++) {
			if (stores)
				store(sort, object, ++*number);
			else if (load(sort, object) != *number)
				bench_fail("another value");
		}
		count += ROUND;
		now = bench_now();
	}
	return (double)(now - start) / (double)count;
}

static void work_alone(struct bench_worker *w)
{
	const struct sort *sort = w->context;
	struct figures *figures = w->second;
	void *object = attach(sort, w->object, AGORA_WRITE);
	uint64_t number = 1;

	store(sort, object, number);
	bench_ready(w);
	for (int warm = 5; warm >= 1; warm -= 4) {
		double seconds = w->seconds / 2 / warm;

		figures->store = time_of(sort, object, seconds, true, &number);
		figures->load = time_of(sort, object, seconds, false, &number);
	}
}

static void run_alone(const struct bench_case *bench, double seconds)
{
	struct bench_worker *w = bench_workers(1);
	struct figures *figures = bench_shared(sizeof(*figures));

	w->work = work_alone;
	w->context = bench->data;
	w->object = create(bench->data);
	w->second = figures;
	w->seconds = seconds;
	bench_run(w, 1, false);
	bench_record("load, ns", "ns", figures->load);
	bench_record("store, ns", "ns", figures->store);
}

/* ---- a writer and a reader ---- */

static void work_beside(struct bench_worker *w)
{
	const struct sort *sort = w->context;
	void *object =
		attach(sort, w->object, w->index ? AGORA_READ : AGORA_WRITE);
	uint64_t number = 1, count = 0, start, now;

	if (!w->index)
		store(sort, object, number);
	bench_ready(w);
	start = now = bench_now();
	while (now - start < (uint64_t)(w->seconds * 1e9)) {
		for (unsigned i = 0; i < ROUND; i++) {
			uint64_t seen = number;

			if (!w->index)
				store(sort, object, ++number);
			else if ((seen = load(sort, object)) < number)
				bench_fail("an older value");
			number = w->index ? seen : number;
		}
		count += ROUND;
		now = bench_now();
	}
	w->value = (double)count * 1e3 / (double)(now - start);
}

static void run_beside(const struct bench_case *bench, double seconds)
{
	struct bench_worker *w = bench_workers(2);
	void *object = create(bench->data);

	for (unsigned i = 0; i < 2; i++) {
		w[i].work = work_beside;
		w[i].context = bench->data;
		w[i].object = object;
		w[i].index = w[i].cpu = i;
		w[i].seconds = seconds;
	}
	bench_run(w, 2, false);
	bench_record("stores beside a reader", "M/s", w[0].value);
	bench_record("loads beside a writer", "M/s", w[1].value);
}

static const struct sort sorts[] = {
	{"agora string", AGORA_WRITERS_MANY},
	{"agora string, one writer", AGORA_WRITERS_ONE},
	{"robust mutex (not whole after a kill)", 0},
};

BENCH_SETUP(string)
{
	for (size_t i = 0; i < sizeof(sorts) / sizeof(*sorts); i++) {
		bench_add((struct bench_case){
			"W13", sorts[i].row, "alone", run_alone, &sorts[i], 0});
		bench_add((struct bench_case){
			"W13", sorts[i].row, "1+1", run_beside, &sorts[i], 0});
	}
}
