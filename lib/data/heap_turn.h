/*
 * heap_turn.h - what is to be done in a turn: one job for each message.
 *
 * Between heap_turn.c and heap_path.c; the argument is at the head of heap.c.
 */
#ifndef LIB_DATA_HEAP_TURN_H
#define LIB_DATA_HEAP_TURN_H

#include "data/heap.h"

/* Internal result, beside negative errnos: the turn, or the job, is over. */
enum { OVER = 1 };

/* More than the levels of any heap, each tried again. */
#define STEPS 200

struct job {
	const struct agora_heap *h;
	const struct lane *lane;
	const struct now *now;
	unsigned number;      /* of the message in the turn */
	struct block_ref ref; /* push: its block */
};

static inline uint64_t job_version(const struct job *job)
{
	return first_version(job->now) + job->number;
}

/* How many of the messages of a pop are begun, less one: cell 0 knows. More
 * than there are: none is. */
static inline uint64_t begun(struct wide top, const struct now *now)
{
	return (cell_version(top) - first_version(now)) & CELL_VERSION_MASK;
}

static inline uint64_t pending_state(const struct job *job)
{
	return state_make(
		BLOCK_PENDING, job->now->turn.client, job_version(job));
}

/* True when this message is done, though not all of the turn. */
static inline bool is_past(const struct job *job)
{
	uint64_t at;

	if (job->now->turn.op != HEAP_POP)
		return load_state(job->h, job->ref) != pending_state(job);
	at = begun(cell_load(&job->lane->shm->top), job->now);
	return at > job->number && at < job->now->count;
}

/* True when what was read before was read while the job was there to do. */
static inline bool is_current(const struct job *job)
{
	return is_now(job->lane, job->now) &&
	       (likely(job->now->count == 1) || !is_past(job));
}

/* What makes no sense is damage, or of a job that is over. */
static inline int senseless(const struct job *job)
{
	return is_current(job) ? -EUCLEAN : OVER;
}

/* Give a cell its new content. Returns 0, OVER, -EAGAIN (it changed: look
 * again). */
static inline int put_cell(
	const struct job *job, uint64_t i, struct wide old, struct wide cell)
{
	if (!is_current(job))
		return OVER;
	crash_point(heap_cell);
	return wide_swap(cell_at(job->lane, i), old, cell) ? 0 : -EAGAIN;
}

/*
 * heap_path.c: take the first message out of its cell. What is last, in the
 * cell at count, goes where it belongs below, and what is before it moves up.
 * Returns 0, OVER, -EUCLEAN.
 */
int heap_sink(const struct job *job, uint64_t count);

/*
 * Enter a message: from the cell at leaf upwards each takes its parent, until
 * that is not after the message. Returns as heap_sink().
 */
int heap_rise(const struct job *job, uint64_t leaf);

#endif
