/*
 * table_one_room.c - the only writer: his turn, his role, and where he finds
 * room. The argument is at the head of table_one.c.
 */
#include "data/table_one.h"

#include "base/crash.h"
#include "shm/client.h"

#include <stdlib.h>
#include <sys/single_threaded.h>

/* The role of a table's only writer. */
#define ROLE_WRITER  0

#define COMMIT_LEAST ((uint64_t)64 << 10)
#define COMMIT_MOST  ((uint64_t)64 << 20)

/* ---- turn and role ---- */

/* What the last writer left is ours from here on. */
static void start_writing(struct table_one *o)
{
	struct writer *w = &o->writer;
	uint64_t committed = atomic_load_explicit(
		one_root(o, ROOT_COMMITTED), memory_order_relaxed);
	uint64_t fresh = atomic_load_explicit(
		one_root(o, ROOT_FRESH), memory_order_relaxed);
	uint64_t mending = atomic_load_explicit(
		one_root(o, ROOT_MENDING), memory_order_relaxed);

	w->committed = (uint32_t)num_min(committed, o->records);
	w->fresh = (uint32_t)num_min(fresh, w->committed);
	w->resting = w->oldest = w->cursor = w->idle = 0;
	free(w->used);
	w->used = NULL;
	if (mending)
		one_mend(o, (mending - 1) & o->mask);
}

static int take_role(struct table_one *o)
{
	int error =
		client_lock_role(&o->table.chain.object.segment, ROLE_WRITER);

	if (error)
		return error;
	crash_point(table_role_taken);
	client_sweep(&o->table.chain.object.segment);
	start_writing(o);
	o->writer.role = true;
	return 0;
}

static void take_turn(struct writer *w)
{
	if (likely(__libc_single_threaded))
		return;
	pthread_mutex_lock(&w->turn);
	w->locked = true;
}

static void end_turn(struct writer *w)
{
	if (likely(!w->locked))
		return;
	w->locked = false;
	pthread_mutex_unlock(&w->turn);
}

int one_begin(struct table_one *o)
{
	int error = object_writable(&o->table.chain.object);

	if (error)
		return error;
	take_turn(&o->writer);
	if (likely(o->writer.role))
		return 0;
	error = take_role(o);
	if (error)
		end_turn(&o->writer);
	return error;
}

void one_end(struct table_one *o)
{
	end_turn(&o->writer);
}

void one_yield(void *handle)
{
	struct table_one *o = handle;

	take_turn(&o->writer);
	/* Closing the file may not do it: somebody may have it mapped. */
	if (o->writer.role)
		client_unlock_role(&o->table.chain.object.segment, ROLE_WRITER);
	o->writer.role = false;
	end_turn(&o->writer);
}

void one_close(void *handle)
{
	struct table_one *o = handle;

	one_yield(o);
	free(o->writer.used);
	pthread_mutex_destroy(&o->writer.turn);
	if (o->table.chain.object.segment.client)
		store_flush(&o->table.chain.store);
}

/* ---- lines ---- */

int one_ready_line(struct table_one *o, uint64_t line)
{
	uint64_t page = (line & o->mask) / (PAGE / CACHE_LINE);

	return likely(has_line(o, line)) ? 0
					 : table_commit_page(&o->table, page);
}

uint64_t one_skip_holes(const struct table_one *o, uint64_t line)
{
	const uint64_t lines = PAGE / CACHE_LINE;

	while (line < one_lines(o) && !has_line(o, line))
		line = (line | (lines - 1)) + 1;
	return line;
}

/* Keys behind a line that would stand in it or before it, had they room. */
static uint64_t count_passed(const struct table_one *o, uint64_t line)
{
	uint64_t count = 0, at = line;

	/* [P] */
	while (at - line < o->mask && has_line(o, at) &&
		atomic_load_explicit(
			&line_at(o, at)->passed, memory_order_acquire)) {
		if (!has_line(o, ++at))
			break;
		for (unsigned i = 0; i < LINE_WORDS; i++) {
			uint64_t word = load_word(&line_at(o, at)->word[i]);
			uint32_t index = word_record(word);
			uint64_t hash;

			if (!word_tag(word) || index >= o->records)
				continue;
			hash = atomic_load_explicit(&record_at(o, index)->hash,
				memory_order_relaxed);
			count += ((at - home_of(o, hash)) & o->mask) >=
				 at - line;
		}
	}
	return count;
}

/* From the farthest line to home, as a delete does: killed in between, the
 * lines that are still to be mended are those up to the first with none. */
void one_mend(struct table_one *o, uint64_t home)
{
	const uint64_t most = home + one_lines(o);
	uint64_t line = home;

	while (line < most && has_line(o, line) &&
		atomic_load_explicit(
			&line_at(o, line)->passed, memory_order_relaxed))
		line++;
	while (line-- > home) {
		/* [P] */
		atomic_store_explicit(&line_at(o, line)->passed,
			count_passed(o, line), memory_order_release);
		crash_point(table_one_mended);
	}
	/* [M] */
	atomic_store_explicit(
		one_root(o, ROOT_MENDING), 0, memory_order_release);
}

/* ---- records ---- */

static int commit_records(struct table_one *o, uint32_t from, uint32_t to)
{
	struct segment *segment = &o->table.chain.object.segment;
	uint64_t base = (uint64_t)(o->record - segment->base);
	uint64_t start = base + (uint64_t)from * o->stride;
	uint64_t end = base + (uint64_t)to * o->stride;
	int error = segment_commit(segment, start, end - start);

	if (!error)
		segment_collapse(segment, base, start, end);
	return error;
}

static uint32_t next_committed(const struct table_one *o, uint64_t bytes)
{
	uint64_t count = num_max(bytes / o->stride, 1);

	return (uint32_t)num_min(o->writer.committed + count, o->records);
}

/* Commit more records. Killed before the root says so: once more, then. */
static int grow(struct table_one *o)
{
	struct writer *w = &o->writer;
	uint64_t half = (uint64_t)w->committed * o->stride / 2;
	uint32_t to = next_committed(
		o, num_min(num_max(half, COMMIT_LEAST), COMMIT_MOST));
	int error;

	if (w->committed == o->records)
		return -ENOSPC;
	error = commit_records(o, w->committed, to);
	if (error == -ENOSPC) { /* as little as makes sense, then */
		to = next_committed(o, COMMIT_LEAST);
		error = commit_records(o, w->committed, to);
	}
	if (error)
		return error;
	crash_point(table_one_allocated);
	w->committed = to;
	/* [M] */
	atomic_store_explicit(
		one_root(o, ROOT_COMMITTED), to, memory_order_release);
	return 0;
}

static bool set_used(struct writer *w, uint32_t index)
{
	uint64_t bit = UINT64_C(1) << index % 64;
	bool was = w->used[index / 64] & bit;

	w->used[index / 64] |= bit;
	return !was;
}

/* Which records does the index name? All others are free. */
static void find_used(struct table_one *o)
{
	struct writer *w = &o->writer;
	uint64_t line = 0;

	w->used = calloc(num_divide_up(o->records, 64), sizeof(*w->used));
	if (!w->used)
		return;
	w->idle = w->fresh;
	for (; (line = one_skip_holes(o, line)) < one_lines(o); line++)
		for (unsigned i = 0; i < LINE_WORDS; i++) {
			uint64_t word = load_word(&line_at(o, line)->word[i]);

			if (word_tag(word) && word_record(word) < w->fresh)
				w->idle -= set_used(w, word_record(word));
		}
	for (uint32_t i = 0; i < w->resting; i++)
		w->idle -= set_used(w, w->rest[(w->oldest + i) % REST]);
}

/* w->idle > 0: there is one. */
static uint32_t take_idle(struct writer *w)
{
	for (;;) {
		uint64_t idle =
			~w->used[w->cursor / 64] & UINT64_MAX << w->cursor % 64;
		uint32_t index = w->cursor & ~UINT32_C(63);

		if (idle)
			index += (uint32_t)__builtin_ctzll(idle);
		if (idle && index < w->fresh) {
			set_used(w, index);
			w->idle--;
			w->cursor = index;
			return index;
		}
		w->cursor = index + 64 < w->fresh ? index + 64 : 0;
		w->cursor &= ~UINT32_C(63);
	}
}

static uint32_t take_fresh(struct table_one *o)
{
	struct writer *w = &o->writer;
	uint32_t index = w->fresh++;

	if (w->used)
		set_used(w, index);
	/* [M] */
	atomic_store_explicit(
		one_root(o, ROOT_FRESH), w->fresh, memory_order_release);
	return index;
}

static uint32_t take_rested(struct writer *w)
{
	uint32_t index = w->rest[w->oldest];

	w->oldest = (w->oldest + 1) % REST;
	w->resting--;
	return index;
}

static int take_slowly(struct table_one *o, uint32_t *ret_index)
{
	struct writer *w = &o->writer;
	int error = 0;

	if (w->fresh == w->committed && !w->used)
		find_used(o);
	if (w->idle) {
		*ret_index = take_idle(w);
		return 0;
	}
	if (w->fresh == w->committed)
		error = grow(o);
	if (!error)
		*ret_index = take_fresh(o);
	else if (w->resting)
		*ret_index = take_rested(w);
	else
		return error;
	return 0;
}

int one_take(struct table_one *o, uint32_t *ret_index)
{
	struct writer *w = &o->writer;

	if (unlikely(w->resting < REST))
		return take_slowly(o, ret_index);
	*ret_index = take_rested(w);
	return 0;
}

void one_give(struct table_one *o, uint32_t index)
{
	struct writer *w = &o->writer;

	if (unlikely(w->resting == REST)) {
		uint32_t rested = take_rested(w);

		if (w->used) {
			w->used[rested / 64] &= ~(UINT64_C(1) << rested % 64);
			w->idle++;
		}
	}
	w->rest[(w->oldest + w->resting++) % REST] = index;
}
