/*
 * keyed.h - the workload of tables, W6, and of ordered maps, W7.
 *
 * 100,000 keys of 16 bytes, values of 64 bytes, in random order: insert all,
 * get those that are there, get others, put, get by Zipf's law, delete all;
 * then a reader beside a writer. Of ordered maps the same, and 100 entries one
 * after the other, from a key on. A value names its key and is the same word
 * again and again with a count: a mixture of two values is found out.
 *
 * A peer describes itself by a constant struct keyed_ops and KEYED, which
 * instantiates the loops for it, with its operations inlined.
 */
#ifndef BENCH_KEYED_H
#define BENCH_KEYED_H

#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KEYED_COUNT 100000u
#define KEYED_KEY   16
#define KEYED_VALUE 64
#define KEYED_WORDS (KEYED_VALUE / 8)
#define KEYED_SCAN  100u

struct keyed_key {
	char bytes[KEYED_KEY];
};

struct keyed_value {
	uint64_t words[KEYED_WORDS];
};

struct keyed_ops {
	const char *row;
	bool threads; /* its memory cannot be shared by processes */
	bool alone;   /* no reader beside a writer */
	/*
	 * Operations may be on their way for a while: values that were found
	 * are then checked by the peer, and settle waits for all.
	 */
	bool pipelined;
	void *(*create)(void);
	/* What a worker works on; NULL: what create returned. */
	void *(*attach)(void *table, bool writes);
	bool (*get)(void *table, const struct keyed_key *key,
		struct keyed_value *value);
	void (*put)(void *table, const struct keyed_key *key,
		const struct keyed_value *value);
	bool (*remove)(void *table, const struct keyed_key *key);
	void (*settle)(void *table);
	/* Copy up to KEYED_SCAN values from a key on: how many. Makes it W7. */
	unsigned (*scan)(void *table, const struct keyed_key *from,
		struct keyed_value *values);
};

/* Keys that are there, then as many that are not; and orders to visit them
 * in. Made once, before the workers. */
extern struct keyed_key *keyed_keys;
extern uint32_t *keyed_random, *keyed_zipf;

/* Figures of the operations, in ns, in shared memory. */
struct keyed_figures {
	double insert, hit, miss, put, zipf, remove, scan;
};

BENCH_INLINE void keyed_fill(
	struct keyed_value *value, uint32_t key, uint64_t count)
{
	for (unsigned i = 0; i < KEYED_WORDS; i++)
		value->words[i] = count << 32 | key;
}

/* A value of this key, in one piece. */
BENCH_INLINE void keyed_check(const struct keyed_value *value, uint32_t key)
{
	uint64_t differ = 0;

	for (unsigned i = 1; i < KEYED_WORDS; i++)
		differ |= value->words[i] ^ value->words[0];
	if (differ || (uint32_t)value->words[0] != key)
		bench_fail("a torn value, or of another key");
}

enum keyed_step { KEYED_GET, KEYED_MISS, KEYED_PUT, KEYED_REMOVE };

BENCH_INLINE void keyed_one(const struct keyed_ops *ops, void *table,
	enum keyed_step step, uint32_t key, uint64_t count)
{
	struct keyed_value value;
	bool found;

	switch (step) {
	case KEYED_GET:
		found = ops->get(table, &keyed_keys[key], &value);
		if (found && !ops->pipelined)
			keyed_check(&value, key);
		if (!found)
			bench_fail("a key is missing");
		break;
	case KEYED_MISS:
		if (ops->get(table, &keyed_keys[KEYED_COUNT + key], &value) &&
			!ops->pipelined)
			bench_fail("a key that nobody stored");
		break;
	case KEYED_PUT:
		keyed_fill(&value, key, count);
		ops->put(table, &keyed_keys[key], &value);
		break;
	default:
		if (!ops->remove(table, &keyed_keys[key]))
			bench_fail("a key is missing");
	}
}

/*
 * ns for each of the keys in an order, the first of them within a time; the
 * rest of a whole round is done as well, but not measured.
 */
BENCH_INLINE double keyed_round(const struct keyed_ops *ops, void *table,
	enum keyed_step step, const uint32_t *order, double seconds, bool whole)
{
	uint64_t start = bench_now(), now = start;
	uint64_t end = start + (uint64_t)(seconds * 1e9);
	unsigned i = 0, measured;

	while (i < KEYED_COUNT && now < end) {
		for (unsigned k = 0; k < 1000; k++, i++)
			keyed_one(ops, table, step, order[i], 1);
		now = bench_now();
	}
	if (ops->settle)
		ops->settle(table);
	now = bench_now();
	measured = i;
	for (; whole && i < KEYED_COUNT; i++)
		keyed_one(ops, table, step, order[i], 1);
	if (ops->settle)
		ops->settle(table);
	return (double)(now - start) / measured;
}

/* ns for each scan, from keys in a random order. */
BENCH_INLINE double keyed_scans(
	const struct keyed_ops *ops, void *table, double seconds)
{
	uint64_t start = bench_now(), now = start;
	uint64_t end = start + (uint64_t)(seconds * 1e9);
	struct keyed_value values[KEYED_SCAN];
	unsigned i = 0;

	for (; i + 10 < KEYED_COUNT && now < end; now = bench_now()) {
		for (unsigned k = 0; k < 10; k++, i++) {
			uint32_t from =
				keyed_random[i] % (KEYED_COUNT - KEYED_SCAN);

			if (ops->scan(table, &keyed_keys[from], values) !=
				KEYED_SCAN)
				bench_fail("a scan has an end");
			keyed_check(
				&values[KEYED_SCAN - 1], from + KEYED_SCAN - 1);
		}
	}
	return (double)(now - start) / i;
}

BENCH_INLINE void keyed_alone(
	const struct keyed_ops *ops, struct bench_worker *w)
{
	struct keyed_figures *f = (struct keyed_figures *)w->second;
	void *t = ops->attach ? ops->attach(w->object, true) : w->object;
	double s = w->seconds;

	bench_ready(w);
	f->insert = keyed_round(ops, t, KEYED_PUT, keyed_random, s, true);
	f->hit = keyed_round(ops, t, KEYED_GET, keyed_random, s, false);
	f->miss = keyed_round(ops, t, KEYED_MISS, keyed_random, s, false);
	f->put = keyed_round(ops, t, KEYED_PUT, keyed_random, s, false);
	f->zipf = keyed_round(ops, t, KEYED_GET, keyed_zipf, s, false);
	if (ops->scan)
		f->scan = keyed_scans(ops, t, s);
	f->remove = keyed_round(ops, t, KEYED_REMOVE, keyed_random, s, true);
}

/* Fill a table for the two. */
BENCH_INLINE void keyed_load(
	const struct keyed_ops *ops, struct bench_worker *w)
{
	void *t = ops->attach ? ops->attach(w->object, true) : w->object;

	bench_ready(w);
	keyed_round(ops, t, KEYED_PUT, keyed_random, 1000, true);
}

/* A reader or a writer beside the other; M/s. */
BENCH_INLINE void keyed_beside(const struct keyed_ops *ops,
	struct bench_worker *w, enum keyed_step step)
{
	void *t = ops->attach ? ops->attach(w->object, step == KEYED_PUT)
			      : w->object;
	uint64_t start, now, end, count = 0;

	bench_ready(w);
	now = start = bench_now();
	end = start + (uint64_t)(w->seconds * 1e9);
	for (; now < end; now = bench_now()) {
		for (unsigned k = 0; k < 100; k++, count++) {
			uint32_t at = count % KEYED_COUNT;

			/* They meet by chance, not all the time. */
			if (step != KEYED_PUT)
				at = KEYED_COUNT - 1 - at;
			keyed_one(ops, t, step, keyed_random[at], count);
		}
	}
	if (ops->settle)
		ops->settle(t);
	w->value = (double)count * 1e3 / (double)(bench_now() - start);
}

struct keyed_peer {
	const struct keyed_ops *ops;
	void (*alone)(struct bench_worker *worker);
	void (*load)(struct bench_worker *worker);
	void (*read)(struct bench_worker *worker);
	void (*write)(struct bench_worker *worker);
};

void keyed_add(const struct keyed_peer *peer);

/* Define the loops of the operations ident, and add the peer's cases. */
#define KEYED(ident)                                                          \
	static void ident##_alone(struct bench_worker *w)                     \
	{                                                                     \
		keyed_alone(&ident, w);                                       \
	}                                                                     \
	static void ident##_load(struct bench_worker *w)                      \
	{                                                                     \
		keyed_load(&ident, w);                                        \
	}                                                                     \
	static void ident##_read(struct bench_worker *w)                      \
	{                                                                     \
		keyed_beside(&ident, w, KEYED_GET);                           \
	}                                                                     \
	static void ident##_write(struct bench_worker *w)                     \
	{                                                                     \
		keyed_beside(&ident, w, KEYED_PUT);                           \
	}                                                                     \
	BENCH_SETUP(ident)                                                    \
	{                                                                     \
		static const struct keyed_peer peer = {&ident, ident##_alone, \
			ident##_load, ident##_read, ident##_write};           \
		keyed_add(&peer);                                             \
	}

#ifdef __cplusplus
}
#endif

#endif
