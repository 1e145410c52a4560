/*
 * log_reader.c - registered readers, whom the writers of a reliable log wait
 * for.
 *
 * What. A registered reader's place stands in its client slot (client_shm,
 * reading = place + 1; 0: none), which only it writes while it lives. Writers
 * do not give up a record at or behind a place. Death takes the place away:
 * recovery clears it, and a writer who is held up looks himself whether who
 * holds him is alive, so the dead are dropped at once.
 *
 * Invariant. A record that a registered reader is promised stays in the log:
 * register returned a place p, so each record at or behind p stays until the
 * reader has read it.
 *
 * Protocol
 *  register 1 reading = p + 1  2 joined + 1
 *           3 could who did not see 1 still give record p up? Many writers:
 *             p is RETIRED, or gone; one: p < intent. Then p = the next one
 *             that is there, and again
 *  give up  (many) 1 the record becomes RETIRED  2 look at the places: joined
 *             is what it was when they were last read: the least of them then
 *             is no more than the least now  3 one is at or before the record:
 *             back to PUBLISHED; else OWNED
 *  announce (one) 1 intent = oldest, as it is to be  2, 3 the same: one is
 *             before it: less; else oldest = intent, and only then write
 *  read     1 copy the record  2 reading = the next place + 1
 *
 * Why register is safe. Give up 1 and the look of register 3 are seq_cst, and
 * so are register 2 and the look of give up 2: one of the two sees the other.
 * If the writer does not see joined change, its RETIRED came before register
 * 2, and register 3 sees it, or what became of it, and moves on. If he does,
 * he sees the place too, and takes nothing that is promised. Places only grow
 * without a registration, so a least one that is remembered errs on the safe
 * side.
 *
 * Orderings
 *  [R] As said. reading is released by the change of joined, which who reads
 *      the places has acquired; it is stored with release by read 2 and
 *      acquired by the writer, so that the copy of the record comes before
 *      its end. With many writers that would do no harm (a copy is validated),
 *      but who is registered must not see his record changed.
 *  [H] held_from and held_at are shared by threads: held_at is what joined was
 *      when held_from was true. Only who has swapped held_at for BUSY writes
 *      the other; who reads looks at held_at before and after it.
 *  [E] reading is a release store with a light barrier: event.h.
 *
 * Progress and death. Registering is lock-free: it starts again only when
 * records were given up.
 *  killed after   leaves                    repaired by
 *  register 1, 2  a place                   recovery clears it
 *  read 1         a record that is kept     recovery
 *  give up, announce: at the heads of log.c and log_one.c
 */
#include "data/log.h"

#include "shm/client.h"

#define BUSY UINT64_MAX

static uint64_t load_joined(const struct agora_log *l)
{
	/* [R] */
	return atomic_load_explicit(l->joined, memory_order_seq_cst);
}

/* The place + 1 in a slot, or 0. */
static uint64_t load_reading(const struct agora_log *l, uint32_t id)
{
	const struct segment *segment = &l->object.segment;

	if (!client_is_live(segment, id))
		return 0;
	/* [R] */
	return atomic_load_explicit(
		&client_slot(segment, id)->reading, memory_order_acquire);
}

static uint64_t find_least(const struct agora_log *l)
{
	uint32_t limit = client_limit(&l->object.segment);
	uint64_t least = UINT64_MAX;

	for (uint32_t id = 1; id < limit; id++) {
		uint64_t reading = load_reading(l, id);

		if (reading)
			least = num_min(least, reading - 1);
	}
	return least;
}

/* Remember what was found, unless another thread does just this. */
static void remember(struct agora_log *l, uint64_t joined, uint64_t least)
{
	uint64_t at = atomic_load_explicit(&l->held_at, memory_order_relaxed);

	/* [H] */
	if (at == BUSY ||
		!atomic_compare_exchange_strong_explicit(&l->held_at, &at, BUSY,
			memory_order_acquire, memory_order_relaxed))
		return;
	/* [H] */
	atomic_thread_fence(memory_order_release);
	atomic_store_explicit(&l->held_from, least, memory_order_relaxed);
	/* [H] */
	atomic_store_explicit(&l->held_at, joined, memory_order_release);
}

uint64_t log_held_from(struct agora_log *l)
{
	uint64_t joined = load_joined(l);
	uint64_t least = find_least(l);

	remember(l, joined, least);
	return least;
}

/* True when what is remembered says that nobody keeps the record. */
static bool is_known_free(struct agora_log *l, uint64_t number)
{
	uint64_t joined = load_joined(l);
	uint64_t least;

	/* [H] */
	if (atomic_load_explicit(&l->held_at, memory_order_acquire) != joined)
		return false;
	least = atomic_load_explicit(&l->held_from, memory_order_relaxed);
	/* [H] */
	atomic_thread_fence(memory_order_acquire);
	return atomic_load_explicit(&l->held_at, memory_order_relaxed) ==
		       joined &&
	       number < least;
}

bool log_is_held(struct agora_log *l, uint64_t number)
{
	if (likely(is_known_free(l, number)))
		return false;
	return log_held_from(l) <= number;
}

bool log_drop_dead(struct agora_log *l, uint64_t number)
{
	struct segment *segment = &l->object.segment;
	uint32_t limit = client_limit(segment);

	for (uint32_t id = 1; id < limit; id++) {
		uint64_t reading = load_reading(l, id);

		if (reading && reading - 1 <= number &&
			!client_alive(segment, id))
			return client_sweep(segment) > 0;
	}
	return false;
}

/* ---- our own place ---- */

static void store_place(struct agora_log *l, uint64_t reading)
{
	struct segment *segment = &l->object.segment;

	atomic_store_explicit(&l->reading, reading, memory_order_relaxed);
	/* [R] [E] */
	atomic_store_explicit(&client_slot(segment, segment->client)->reading,
		reading, memory_order_release);
}

void log_read_on(struct agora_log *l, uint64_t cursor)
{
	store_place(l, cursor + 1);
	crash_point(log_reader_moved);
	log_notify(l, EVENT_WRITABLE);
}

int log_register(struct agora_log *l, uint64_t *cursor)
{
	uint64_t place = *cursor;
	int error = object_writable(&l->object);

	if (!l->reliable)
		return -EOPNOTSUPP;
	if (error)
		return error;
	for (int tries = 0; tries < LOG_TRIES; tries++) {
		place = num_max(place, log_oldest(l));
		place = num_min(place, log_end(l));
		store_place(l, place + 1);
		crash_point(log_reader_placed);
		/* [R] */
		atomic_fetch_add_explicit(l->joined, 1, memory_order_seq_cst);
		crash_point(log_reader_joined);
		if (log_is_safe(l, place)) {
			*cursor = place;
			return 0;
		}
		place++;
	}
	log_unregister(l);
	return -EUCLEAN;
}

int log_unregister(struct agora_log *l)
{
	int error = object_writable(&l->object);

	if (error || !atomic_load_explicit(&l->reading, memory_order_relaxed))
		return error;
	store_place(l, 0);
	log_notify(l, EVENT_WRITABLE);
	return 0;
}

/* ---- others ---- */

void log_recover_readers(struct agora_log *l, const struct client_set *dead)
{
	struct segment *segment = &l->object.segment;
	uint32_t limit = client_limit(segment);

	for (uint32_t id = 1; id < limit; id++)
		if (client_set_has(dead, id))
			/* [R] */
			atomic_store_explicit(
				&client_slot(segment, id)->reading, 0,
				memory_order_release);
	crash_point(log_reader_dropped);
}

uint32_t log_count_readers(const struct agora_log *l)
{
	uint32_t limit = client_limit(&l->object.segment);
	uint32_t count = 0;

	for (uint32_t id = 1; id < limit; id++)
		count += load_reading(l, id) != 0;
	return count;
}
