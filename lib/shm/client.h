/*
 * client.h - who is attached to a segment, and who is dead.
 *
 * Client id i belongs to whoever holds an OFD write lock on byte
 * CLIENT_LOCKS + i of the segment's file (far beyond its end; no data is
 * there). The kernel drops the lock on any death. Taking a client's byte
 * therefore proves that it is dead and at the same time keeps every other
 * recoverer, and every newcomer who wants the id, away.
 */
#ifndef LIB_SHM_CLIENT_H
#define LIB_SHM_CLIENT_H

#include "shm/segment.h"

#define CLIENT_LOCKS ((off_t)1 << 40)

/*
 * A role that one handle at a time may have, such as that of the only
 * producer, is held in the same way, by a lock on a byte of its own.
 */
#define CLIENT_ROLES (CLIENT_LOCKS + 8192)

/* Returns 0, -EBUSY (another handle has it), ... */
int client_lock_role(const struct segment *segment, unsigned role);

void client_unlock_role(const struct segment *segment, unsigned role);

static inline struct client_shm *client_slot(
	const struct segment *segment, uint32_t id)
{
	return (struct client_shm *)(segment->base + OFFSET_CLIENTS) + id;
}

/* How many ids, from 0 on, were ever in use. */
uint32_t client_limit(const struct segment *segment);

/* Take a free id and recover the dead. Returns 0, -EUSERS, -ENOSPC, ... */
int client_attach(struct segment *segment);

/* Give the id back. The kind has given its blocks back before. */
void client_detach(struct segment *segment);

/*
 * Recover all clients that died. Returns how many, or a negative errno.
 * A thread that finds another of this handle at it returns 0.
 */
int client_sweep(struct segment *segment);

/* A set of client ids. */
struct client_set {
	uint64_t bits[(CLIENTS_MAX + 1) / 64];
};

static inline void client_set_add(struct client_set *set, uint32_t id)
{
	set->bits[id / 64 % ((CLIENTS_MAX + 1) / 64)] |= UINT64_C(1) << id % 64;
}

static inline bool client_set_has(const struct client_set *set, uint32_t id)
{
	return set->bits[id / 64 % ((CLIENTS_MAX + 1) / 64)] >> id % 64 & 1;
}

/* Repair what is left of clients whose slots say that nothing is. */
void client_recover_strays(
	struct segment *segment, const struct client_set *strays);

/* 1 when the slot says that its client is at work, or was when it died. */
int client_is_live(const struct segment *segment, uint32_t id);

/* 1 when the slots say that nobody else is at work, or was when it died. */
int client_is_alone(const struct segment *segment);

/* 1 when the client is alive, 0 when it died and was not recovered yet. */
int client_alive(const struct segment *segment, uint32_t id);

#endif
