/*
 * log_one.c - records that one writer appends and anybody reads.
 *
 * What. A ring that is overwritten, as a sequence lock without a lock: the
 * writer says which records he is about to overwrite, then writes, then
 * publishes with one store; readers copy, and look afterwards whether their
 * record was among those. He says so for an eighth of the ring at a time, so
 * that neither side touches that word for each record. Unlike a sequence lock
 * it makes nobody wait for a dead writer: what he was writing was not
 * published, and what he may have overwritten is known.
 *
 * Layout
 *  root 0  struct log_end_shm: tail, owner, and how much memory there is.
 *  root 1  struct log_edge_shm: oldest and intent. All are written by who has
 *          the writer's role, an OFD lock (client.h), and nobody else.
 *  root 2  joined: counts registrations of readers: log_reader.c.
 *  array   with records of one size: slots, more than capacity of them by an
 *          eighth at least, a power of two. Otherwise an index of as many
 *          words, place:33 | size:31, and a ring of bytes, in which each
 *          record lies in one piece, 8-aligned. place counts 8 bytes, modulo
 *          2^33, and the ring has 2^35 bytes at most.
 *
 * Invariants
 *  1 The records from oldest to tail are in the log, and all of their bytes
 *    and words are as they were written: the writer writes into nothing else.
 *  2 tail - oldest is at most the number of slots.
 *  3 Where the next record goes follows from the entry of the last one. So a
 *    new writer needs no more than 1 and tail.
 *
 * Protocol
 *  append 1 room; if none: find the oldest record that may stay, announce it,
 *           or full         linearization of full: the look at the readers
 *         2 write the record and its entry  3 tail + 1  linearization of append
 *         4 notify
 *  announce 1 reliable: intent, and a look: log_reader.c  2 oldest
 *           3 release fence
 *  read   1 n >= tail: not appended yet         linearization of it: that load
 *         2 entry, copy  3 n < oldest: gone; else   linearization of read: 3
 *
 * Orderings
 *  tail: release in append 3, acquire in read 1: [T] of log.h.
 *  [A] oldest is stored before a release fence and the bytes after it are
 *      written behind it; a reader passes an acquire fence between his copy
 *      and the load of oldest: had he copied anything newer, he would see a
 *      newer oldest. On x86 both are no instructions.
 *  [R] intent, seq_cst: see log_reader.c.
 *  [E] See event.h: tail is a release store only, with a light barrier
 *      (segment->light_fence); looks before a sleep are seq_cst.
 *  A new writer is ordered behind the old one by the lock.
 *
 * Progress and death. append and read: wait-free, but that a reader who is
 * lapped starts again. Taking the role is a system call, and so is memory in
 * the first lap.
 *  killed after   leaves                          repaired by
 *  append 2       bytes that are in no record     the next writer overwrites
 *  append 3       in the log; not woken           the sleeper's slice
 *  announce 1     intent is ahead of oldest       the next writer takes it back
 *  announce 2     records given up sooner than    nothing to repair
 *                 had to be
 *  reserve        as append 2
 *  taking a role  owner names the dead            the same, again
 *  memory         committed, not announced        the next one commits again
 */
#include "data/log.h"

#include "base/futex.h"
#include "shm/client.h"

#include <limits.h>
#include <sched.h>

#define ROLE_WRITER 0

/* How long to make way for who repairs, who may not be running: 1 second. */
#define ROLE_PATIENCE UINT64_C(1000000000)

/* What one store publishes at most, so that readers can start. */
#define BATCH 64

static uint64_t load(const _Atomic uint64_t *word)
{
	/* [T] [A] */
	return atomic_load_explicit(word, memory_order_acquire);
}

static void store(_Atomic uint64_t *word, uint64_t value)
{
	atomic_store_explicit(word, value, memory_order_relaxed);
}

/* ---- the role ---- */

static int adopt(struct agora_log *l)
{
	struct log_writer *w = &l->writer;
	uint64_t tail = load(&l->end->tail);
	uint64_t last;

	w->oldest = load(&l->edge->oldest);
	if (tail - w->oldest > l->mask + 1)
		return -EUCLEAN;
	w->tail = w->limit = w->end = tail;
	w->at = w->at_limit = 0;
	if (l->index && tail) {
		last = load_entry(l, tail - 1);
		w->at = entry_place(last) + log_need(entry_size(last));
		w->at_limit = w->at;
	}
	w->committed = num_min(
		load(&l->end->committed) & ~(uint64_t)(PAGE - 1), l->ring);
	w->is_reserved = false;
	store(&l->edge->intent, w->oldest);
	store(&l->end->owner, l->object.segment.client);
	w->role = true;
	return 0;
}

/* Somebody has the role, or repairs it at this moment. */
static bool is_owned(const struct agora_log *l)
{
	uint64_t owner = load(&l->end->owner);

	return owner && owner <= CLIENTS_MAX &&
	       client_is_live(&l->object.segment, (uint32_t)owner);
}

static int try_role(struct agora_log *l)
{
	struct segment *segment = &l->object.segment;
	int error;

	pthread_mutex_lock(&segment->control);
	error = client_lock_role(segment, ROLE_WRITER);
	if (!error) {
		crash_point(log_role_locked);
		error = adopt(l);
		if (error)
			client_unlock_role(segment, ROLE_WRITER);
	}
	pthread_mutex_unlock(&segment->control);
	crash_point(log_role_taken);
	return error;
}

int log_one_take_role(struct agora_log *l)
{
	int error = object_writable(&l->object);
	struct timespec end;

	if (likely(l->writer.role) || error)
		return error;
	error = try_role(l);
	if (error == -EBUSY)
		end = time_after(ROLE_PATIENCE);
	/* Who recovers the dead has the lock for a moment. */
	while (error == -EBUSY && !is_owned(l) && !time_passed(&end)) {
		sched_yield();
		error = try_role(l);
	}
	if (!error)
		client_sweep(&l->object.segment);
	return error;
}

void log_one_leave(struct agora_log *l)
{
	struct log_writer *w = &l->writer;

	if (!w->role)
		return;
	w->role = w->is_reserved = false;
	w->limit = w->end = w->tail;
	store(&l->end->owner, 0);
	crash_point(log_role_left);
	client_unlock_role(&l->object.segment, ROLE_WRITER);
}

void log_one_yield(void *handle)
{
	struct agora_log *l = handle;

	pthread_mutex_lock(&l->object.segment.control);
	if (!l->writer.is_reserved)
		log_one_leave(l);
	pthread_mutex_unlock(&l->object.segment.control);
}

/* Nothing is to be repaired but that owner names one who is dead. */
void log_one_recover(struct segment *segment, const struct client_set *dead)
{
	struct agora_log *l = segment->owner;
	uint64_t owner = load(&l->end->owner);

	log_recover_readers(l, dead);
	if (!owner || l->writer.role ||
		(is_owned(l) && !client_set_has(dead, (uint32_t)owner)) ||
		client_lock_role(segment, ROLE_WRITER))
		return;
	crash_point(log_recover_locked);
	store(&l->end->owner, 0);
	client_unlock_role(segment, ROLE_WRITER);
}

/* ---- room ---- */

/* How far the writer may go: numbers, and bytes of the ring. */
struct reach {
	uint64_t end;
	uint64_t at, at_limit;
	uint64_t oldest;
};

/* Bytes from where a record begins to where the writer is. */
static uint64_t distance(const struct agora_log *l, uint64_t number)
{
	return (l->writer.at - entry_place(load_entry(l, number))) & PLACE_MASK;
}

static uint64_t lap_end(const struct agora_log *l, uint64_t at)
{
	return (at | (l->ring - 1)) + 1;
}

/* Where in the ring of bytes a record of need bytes goes: 0, HELD. */
static int reach_bytes(const struct agora_log *l, uint64_t need, uint64_t held,
	struct reach *r)
{
	const struct log_writer *w = &l->writer;
	uint64_t most = UINT64_MAX;

	r->at = w->at;
	if (need > lap_end(l, r->at) - r->at)
		r->at = lap_end(l, r->at);
	if (held < w->tail)
		most = w->at + l->ring - num_min(distance(l, held), l->ring);
	if (r->at + need > most)
		return HELD;
	r->at_limit = num_min(r->at + num_max(need, l->ring / 8),
		num_min(lap_end(l, r->at), most));
	return 0;
}

/* The oldest record that neither overwrites. */
static uint64_t reach_back(const struct agora_log *l, const struct reach *r)
{
	const struct log_writer *w = &l->writer;
	uint64_t slots = l->mask + 1;
	uint64_t oldest =
		num_max(w->oldest, r->end > slots ? r->end - slots : 0);

	while (l->index && oldest < w->tail &&
		distance(l, oldest) + (r->at_limit - w->at) > l->ring)
		oldest++;
	return oldest;
}

/* The first record behind tail that must not be written yet: 0, HELD. */
static int reach_numbers(
	const struct agora_log *l, uint64_t held, struct reach *r)
{
	uint64_t slots = l->mask + 1, tail = l->writer.tail;
	uint64_t step = num_min(slots / 8, slots - l->capacity);

	r->end = tail + num_max(step, 1);
	if (held < UINT64_MAX - l->capacity)
		r->end = num_min(r->end, held + l->capacity);
	return (int64_t)(r->end - tail) <= 0 ? HELD : 0;
}

/* Get memory for the first size bytes of the ring. */
static int commit(struct agora_log *l, uint64_t size)
{
	struct segment *segment = &l->object.segment;
	struct log_writer *w = &l->writer;
	uint64_t offset = (uint64_t)(l->data - segment->base) + w->committed;
	uint64_t end = num_min(num_round_up(size, PAGE), l->ring);
	uint64_t more = num_round_up(num_max(end, w->committed * 2), PAGE);
	int error;

	more = num_min(num_min(more, end + (1 << 20)), l->ring);
	error = segment_commit(segment, offset, more - w->committed);
	if (error == -ENOSPC && end < more) {
		more = end;
		error = segment_commit(segment, offset, more - w->committed);
	}
	if (error)
		return error;
	w->committed = more;
	crash_point(log_allocated);
	store(&l->end->committed, more);
	return 0;
}

/* Have memory for need bytes from an offset on, and shorten end to it. */
static int get_memory(
	struct agora_log *l, uint64_t from, uint64_t need, uint64_t *end)
{
	struct log_writer *w = &l->writer;
	int error = 0;

	if (likely(w->committed >= l->ring))
		return 0;
	if (from + need > w->committed)
		error = commit(l, from + need);
	*end = num_max(num_min(*end, w->committed), from + need);
	return error;
}

static int reach_memory(struct agora_log *l, uint64_t need, struct reach *r)
{
	uint64_t tail = l->writer.tail, from, end;
	int error;

	if (l->index) {
		from = r->at & (l->ring - 1);
		end = from + (r->at_limit - r->at);
		error = get_memory(l, from, need, &end);
		r->at_limit = r->at + (end - from);
		return error;
	}
	if (likely(l->writer.committed >= l->ring))
		return 0;
	from = (tail & l->mask) * l->stride;
	end = num_min(from + (r->end - tail) * l->stride, l->ring);
	error = get_memory(l, from, l->stride, &end);
	r->end = tail + num_max((end - from) / l->stride, 1);
	return error;
}

/* Say what may be overwritten from now on: 0, AGAIN (a reader came). */
static int announce(struct agora_log *l, const struct reach *r)
{
	struct log_writer *w = &l->writer;

	if (l->reliable && r->oldest > w->oldest) {
		/* [R] */
		atomic_store_explicit(
			&l->edge->intent, r->oldest, memory_order_seq_cst);
		crash_point(log_intended);
		if (log_is_held(l, r->oldest - 1)) {
			store(&l->edge->intent, w->oldest);
			return AGAIN;
		}
	}
	w->oldest = r->oldest;
	store(&l->edge->oldest, r->oldest);
	/* [A] */
	atomic_thread_fence(memory_order_release);
	crash_point(log_announced);
	return 0;
}

/* Let the writer go on, for a while or for need bytes: 0, AGAIN, HELD, ... */
static int try_extend(struct agora_log *l, uint64_t need)
{
	struct log_writer *w = &l->writer;
	uint64_t held = l->reliable ? log_held_from(l) : UINT64_MAX;
	struct reach r = {0};
	int result = reach_numbers(l, held, &r);

	if (!result && l->index)
		result = reach_bytes(l, need, held, &r);
	if (!result)
		result = reach_memory(l, need, &r);
	if (result)
		return result == HELD && log_drop_dead(l, held) ? AGAIN
								: result;
	r.oldest = reach_back(l, &r);
	result = announce(l, &r);
	if (result)
		return result;
	w->end = r.end;
	w->at = r.at;
	w->at_limit = r.at_limit;
	return 0;
}

int log_one_make_room(struct agora_log *l, size_t size)
{
	struct log_writer *w = &l->writer;
	uint64_t need = log_need(size);
	int result = AGAIN;

	if (w->tail != w->end && (l->fixed || w->at + need <= w->at_limit))
		return 0;
	for (int tries = 0; result == AGAIN && tries < LOG_TRIES; tries++)
		result = try_extend(l, need);
	if (result == HELD)
		return -EAGAIN;
	return result == AGAIN ? -EUCLEAN : result;
}

/* ---- append ---- */

void log_one_relimit(struct agora_log *l)
{
	struct log_writer *w = &l->writer;

	w->limit = l->plain && w->role && !w->is_reserved ? w->end : w->tail;
}

void log_one_put_entry(struct agora_log *l, size_t size)
{
	struct log_writer *w = &l->writer;

	if (l->index) {
		store(&l->index[w->tail & l->mask], entry_make(w->at, size));
		w->at += log_need(size);
	}
	w->tail++;
}

void log_one_publish(struct agora_log *l)
{
	struct log_writer *w = &l->writer;

	crash_point(log_one_written);
	/* [T] [E] */
	atomic_store_explicit(&w->shared->tail, w->tail, memory_order_release);
	crash_point(log_one_published);
	log_notify(l, EVENT_ADVANCED);
}

static inline bool is_plain(const struct agora_log *l, size_t size)
{
	const struct log_writer *w = &l->writer;

	if (unlikely(w->tail == w->limit))
		return false;
	return likely(l->fixed) ? size == l->message_size
				: size <= l->message_size &&
					  w->at + log_need(size) <= w->at_limit;
}

static inline void put(struct agora_log *l, const void *data, size_t size)
{
	struct log_writer *w = &l->writer;
	char *to = w->data + (likely(l->fixed) ? (w->tail & l->mask) * l->stride
					       : (w->at & (l->ring - 1)));

	if (!copy_small(to, data, size))
		copy_in(to, data, size);
	log_one_put_entry(l, size);
}

/* Everything that the plain way does not look at. */
static int append_slowly(struct agora_log *l, const void *data, size_t size)
{
	int error = object_writable(&l->object);

	if (!error)
		error = log_refuses(l, size ? data : "", size);
	if (!error)
		error = log_one_take_role(l);
	if (!error && l->writer.is_reserved)
		error = -EBUSY;
	if (!error)
		error = log_one_make_room(l, size);
	if (error)
		return error;
	put(l, data, size);
	log_one_relimit(l);
	log_one_publish(l);
	return 0;
}

int log_one_append(void *handle, const void *data, size_t size)
{
	struct agora_log *l = handle;

	if (unlikely(!is_plain(l, size)))
		return append_slowly(l, data, size);
	put(l, data, size);
	log_one_publish(l);
	return 0;
}

int log_one_append_batch(
	void *handle, const struct iovec *records, size_t count)
{
	struct agora_log *l = handle;
	size_t done = 0, some;
	int error = 0;

	count = num_min(count, INT_MAX);
	while (done < count && !error) {
		for (some = 0; some < BATCH && done + some < count &&
			       is_plain(l, records[done + some].iov_len);
			some++)
			put(l, records[done + some].iov_base,
				records[done + some].iov_len);
		done += some;
		if (some) {
			log_one_publish(l);
			continue;
		}
		error = append_slowly(
			l, records[done].iov_base, records[done].iov_len);
		done += !error;
	}
	return done ? (int)done : error;
}

/* ---- read ---- */

/* Whether there is such a record; the tail seen last is enough for most. */
static inline bool is_appended(struct agora_log *l, uint64_t number)
{
	uint64_t tail;

	/* [T] */
	if (likely(number <
		    atomic_load_explicit(&l->seen, memory_order_acquire)))
		return true;
	/* [T] [E] */
	tail = atomic_load_explicit(&l->end->tail, memory_order_seq_cst);
	/* [T] */
	atomic_store_explicit(&l->seen, tail, memory_order_release);
	return number < tail;
}

/* Where the bytes of a record lie: NULL when that makes no sense. */
static inline const char *find(
	const struct agora_log *l, uint64_t number, size_t *ret_size)
{
	uint64_t entry, at;

	if (likely(!l->index)) {
		*ret_size = l->message_size;
		return l->data + (number & l->mask) * l->stride;
	}
	entry = load_entry(l, number);
	at = entry_place(entry) & (l->ring - 1);
	*ret_size = entry_size(entry);
	return *ret_size <= l->message_size && at + *ret_size <= l->ring
		       ? l->data + at
		       : NULL;
}

int log_one_copy(
	struct agora_log *l, uint64_t number, struct agora_buffer *record)
{
	const char *from;
	size_t size;
	bool fits;

	if (unlikely(!is_appended(l, number)))
		return -EAGAIN;
	crash_point(log_one_found);
	from = find(l, number, &size);
	fits = size <= record->capacity;
	if (likely(from && fits))
		copy_out(record->data, from, size);
	crash_point(log_one_copied);
	/* [A] */
	atomic_thread_fence(memory_order_acquire);
	if (unlikely(number < atomic_load_explicit(
				      &l->edge->oldest, memory_order_relaxed)))
		return GONE;
	if (unlikely(!from))
		return -EUCLEAN;
	record->size = size;
	record->version = number;
	return likely(fits) ? 0 : -EMSGSIZE;
}

/* ---- look ---- */

/* Room for the largest record: less could mean to try for nothing. */
int log_one_room(struct agora_log *l)
{
	uint64_t held = log_held_from(l), tail = load(&l->end->tail);
	uint64_t last, first, used;

	if (!l->reliable || held >= tail)
		return 0;
	if (tail - held >= l->capacity)
		return log_drop_dead(l, held) ? 0 : -EAGAIN;
	if (!l->index)
		return 0;
	last = load_entry(l, tail - 1);
	first = entry_place(load_entry(l, held));
	used = (entry_place(last) + log_need(entry_size(last)) - first) &
	       PLACE_MASK;
	if (used + 2 * log_need(l->message_size) <= l->ring)
		return 0;
	return log_drop_dead(l, held) ? 0 : -EAGAIN;
}
