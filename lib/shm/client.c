/*
 * client.c - who is attached to a segment, and who is dead: see client.h.
 *
 * Protocol
 *  attach  1 lock the byte of a free id  2 fill the slot  3 word = LIVE
 *  detach  1 word = FREE  2 unlock
 *  recover 1 lock the bytes of all LIVE ids that can be locked  2 the kind
 *          repairs  3 wake all  4 words = FREE  5 unlock
 *
 * Orderings
 *  [W] word is stored with release in attach 3, detach 1 and recover 4, and
 *  read with acquire: who sees FREE sees everything repaired. Two holders of
 *  an id are ordered by the lock as well; the tag serves those who only look.
 *  So does who recovers see a prefix of what the dead one stored, in program
 *  order: the kernel drops the lock when his last thread has stopped, and no
 *  processor makes a store visible that comes after where it stopped.
 *
 * Progress and death. Attaching blocks in the kernel only; nobody waits for
 * anybody's lock.
 *  killed after attach 1, 2: nothing was visible; the kernel unlocks.
 *  killed after attach 3 (or at work): LIVE without a lock: any attach, any
 *  waiter whose slice ends and any allocation that fails recovers it.
 *  killed in recover: the kernel unlocks, the word still says LIVE, the next
 *  one starts again; the kind's repairs are idempotent.
 *  killed in detach: after 1 only the lock is left, which the kernel drops.
 */
#include "shm/client.h"

#include "base/crash.h"
#include "base/futex.h"
#include "shm/event.h"

#include <fcntl.h>
#include <unistd.h>

static uint32_t state_of(uint64_t word)
{
	return (uint32_t)word;
}

static uint64_t word_with(uint64_t word, uint32_t state, bool next)
{
	uint64_t incarnation = (word >> 32) + (next ? 1 : 0);

	return incarnation << 32 | state;
}

static uint64_t load_word(const struct segment *segment, uint32_t id)
{
	/* [W] */
	return atomic_load_explicit(
		&client_slot(segment, id)->word, memory_order_acquire);
}

int client_is_live(const struct segment *segment, uint32_t id)
{
	return id && id < client_limit(segment) &&
	       state_of(load_word(segment, id)) == CLIENT_LIVE;
}

int client_is_alone(const struct segment *segment)
{
	uint32_t limit = client_limit(segment);

	for (uint32_t id = 1; id < limit; id++)
		if (id != segment->client && client_is_live(segment, id))
			return 0;
	return 1;
}

static int lock_at(const struct segment *segment, off_t start, short type)
{
	struct flock byte = {.l_type = type,
		.l_whence = SEEK_SET,
		.l_start = start,
		.l_len = 1};

	if (fcntl(segment->fd, F_OFD_SETLK, &byte))
		return errno == EACCES ? -EAGAIN : -errno;
	return 0;
}

static int lock_byte(const struct segment *segment, uint32_t id, short type)
{
	return lock_at(segment, CLIENT_LOCKS + id, type);
}

int client_lock_role(const struct segment *segment, unsigned role)
{
	int error = lock_at(segment, CLIENT_ROLES + role, F_WRLCK);

	return error == -EAGAIN ? -EBUSY : error;
}

void client_unlock_role(const struct segment *segment, unsigned role)
{
	lock_at(segment, CLIENT_ROLES + role, F_UNLCK);
}

uint32_t client_limit(const struct segment *segment)
{
	uint32_t limit = atomic_load_explicit(
		&segment->roots->clients, memory_order_relaxed);

	return (uint32_t)num_min(limit, segment->header.params.clients + 1);
}

int client_alive(const struct segment *segment, uint32_t id)
{
	struct flock byte = {.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = CLIENT_LOCKS + id,
		.l_len = 1};

	if (id == segment->client)
		return 1;
	return !fcntl(segment->fd, F_OFD_GETLK, &byte) &&
	       byte.l_type != F_UNLCK;
}

static void set_word(struct segment *segment, uint32_t id, uint32_t state)
{
	struct client_shm *slot = client_slot(segment, id);
	uint64_t word = atomic_load_explicit(&slot->word, memory_order_relaxed);

	/* [W] */
	atomic_store_explicit(&slot->word,
		word_with(word, state, state == CLIENT_LIVE),
		memory_order_release);
}

/* Its remains are repaired, and its byte is ours. */
static void free_slot(struct segment *segment, uint32_t id)
{
	struct client_shm *slot = client_slot(segment, id);

	atomic_store_explicit(&slot->waiting, 0, memory_order_relaxed);
	atomic_fetch_add_explicit(
		&segment->roots->recovered, 1, memory_order_relaxed);
	set_word(segment, id, CLIENT_FREE);
	crash_point(recover_freed);
}

/* Their bytes are ours: they are dead. One visit to the blocks does for all. */
static void recover_locked(
	struct segment *segment, const struct client_set *dead)
{
	crash_point(recover_locked);
	segment->kind->recover(segment, dead);
	crash_point(recover_repaired);
	event_wake_all(segment);
	for (uint32_t id = 1; id <= segment->header.params.clients; id++)
		if (client_set_has(dead, id))
			free_slot(segment, id);
}

/* Lock the byte of one who seems to live: 1, 0 (he does) or an error. */
static int lock_dead(struct segment *segment, uint32_t id)
{
	int error;

	if (id == segment->client ||
		state_of(load_word(segment, id)) != CLIENT_LIVE)
		return 0;
	error = lock_byte(segment, id, F_WRLCK);
	if (error)
		return error == -EAGAIN ? 0 : error;
	if (state_of(load_word(segment, id)) == CLIENT_LIVE)
		return 1;
	lock_byte(segment, id, F_UNLCK);
	return 0;
}

static void unlock_all(struct segment *segment, const struct client_set *set)
{
	for (uint32_t id = 1; id <= segment->header.params.clients; id++)
		if (client_set_has(set, id))
			lock_byte(segment, id, F_UNLCK);
}

static int sweep(struct segment *segment)
{
	uint32_t limit = client_limit(segment);
	struct client_set dead = {{0}};
	int count = 0, result = 0;

	for (uint32_t id = 1; id < limit && result >= 0; id++) {
		result = lock_dead(segment, id);
		if (result <= 0)
			continue;
		client_set_add(&dead, id);
		count++;
	}
	if (count)
		recover_locked(segment, &dead);
	unlock_all(segment, &dead);
	return result < 0 ? result : count;
}

static void recover_strays(
	struct segment *segment, const struct client_set *strays)
{
	uint32_t limit = client_limit(segment);
	struct client_set locked = {{0}};
	int count = 0;

	for (uint32_t id = 1; id < limit; id++) {
		if (!client_set_has(strays, id) || id == segment->client ||
			lock_byte(segment, id, F_WRLCK))
			continue;
		client_set_add(&locked, id);
		count++;
	}
	if (!count)
		return;
	segment->kind->recover(segment, &locked);
	event_wake_all(segment);
	unlock_all(segment, &locked);
}

void client_recover_strays(
	struct segment *segment, const struct client_set *strays)
{
	pthread_mutex_lock(&segment->control);
	recover_strays(segment, strays);
	pthread_mutex_unlock(&segment->control);
}

int client_sweep(struct segment *segment)
{
	int count;

	if (!segment->client || pthread_mutex_trylock(&segment->control))
		return 0;
	count = sweep(segment);
	pthread_mutex_unlock(&segment->control);
	return count;
}

/* Make the slot's memory safe to touch and known to those who look. */
static int announce(struct segment *segment, uint32_t id)
{
	uint32_t limit = client_limit(segment);
	uint64_t offset = OFFSET_CLIENTS + id * sizeof(struct client_shm);
	int error;

	if (id < limit)
		return 0;
	error = segment_commit(segment, offset & ~(uint64_t)(PAGE - 1), PAGE);
	while (!error && limit <= id &&
		!atomic_compare_exchange_weak_explicit(&segment->roots->clients,
			&limit, id + 1, memory_order_relaxed,
			memory_order_relaxed))
		;
	return error;
}

static void fill_slot(struct segment *segment, uint32_t id)
{
	struct client_shm *slot = client_slot(segment, id);

	atomic_store_explicit(
		&slot->pid, (uint32_t)getpid(), memory_order_relaxed);
	atomic_store_explicit(&slot->waiting, 0, memory_order_relaxed);
	atomic_store_explicit(&slot->since, time_real(), memory_order_relaxed);
	crash_point(attach_filled);
	set_word(segment, id, CLIENT_LIVE);
	crash_point(attach_live);
}

/*
 * Take an id, recovering its dead owner if it has one: that is done under
 * this very id, so that the blocks we own meanwhile are found if we die too.
 * Returns 0, -EAGAIN (taken) or an error.
 */
static int try_id(struct segment *segment, uint32_t id)
{
	struct client_set dead = {{0}};
	int error = announce(segment, id);

	if (!error)
		error = lock_byte(segment, id, F_WRLCK);
	if (error)
		return error;
	crash_point(attach_locked);
	segment->client = id;
	segment->kind->attached(segment);
	client_set_add(&dead, id);
	if (state_of(load_word(segment, id)) == CLIENT_LIVE)
		recover_locked(segment, &dead);
	fill_slot(segment, id);
	return 0;
}

/* Take the first id that is free, or else any whose owner is dead. */
static int take_id(struct segment *segment, bool from_dead)
{
	uint32_t limit = client_limit(segment);

	for (uint32_t id = 1; id <= segment->header.params.clients; id++) {
		int error;

		if (id < limit && !from_dead &&
			state_of(load_word(segment, id)) == CLIENT_LIVE)
			continue;
		error = try_id(segment, id);
		if (error != -EAGAIN)
			return error;
	}
	return -EUSERS;
}

int client_attach(struct segment *segment)
{
	int error;

	pthread_mutex_lock(&segment->control);
	error = take_id(segment, false);
	if (error == -EUSERS)
		error = take_id(segment, true);
	/* A recoverer has the lock of a free id for an instant. */
	if (error == -EUSERS)
		error = take_id(segment, true);
	if (!error)
		sweep(segment);
	pthread_mutex_unlock(&segment->control);
	return error;
}

void client_detach(struct segment *segment)
{
	if (!segment->client)
		return;
	crash_point(detach_start);
	set_word(segment, segment->client, CLIENT_FREE);
	crash_point(detach_freed);
	lock_byte(segment, segment->client, F_UNLCK);
	segment->client = 0;
}
