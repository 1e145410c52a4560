/*
 * format.h - the bytes of a segment: a specification.
 *
 * A segment is one file. All offsets follow from the parameters in the
 * header by pure functions (struct kind, layout), so that no offset is ever
 * read from memory that somebody else can write.
 *
 *   0        header     4 KiB   written once, before the name exists
 *   4 KiB    roots      4 KiB   events, watermarks, the kind's hot words
 *   8 KiB    clients    64 B each, 1 to 4095; id 0 means nobody
 *   ...      array      the kind's ring or buckets
 *   ...      pool 0     bitmap, blocks: header and payload together
 *   ...      pool 1     bitmap, block headers, payloads of 4 KiB
 *
 * Everything from clients on is sparse: memory is committed with fallocate
 * before it is touched, up to watermarks in the roots. All-zero memory is a
 * valid initial state of every structure.
 *
 * Integers have the byte order of the machine, which the magic number
 * betrays. Who may write each field, and when, stands beside it.
 */
#ifndef LIB_SHM_FORMAT_H
#define LIB_SHM_FORMAT_H

#include "base/num.h"

#include <agora/type.h>
#include <assert.h>
#include <stdatomic.h>
#include <stdint.h>

#define FORMAT_MAGIC   0x0a61726f67610affu
#define FORMAT_VERSION 1

static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "64-bit atomics must be lock-free");

/* What was chosen at creation. Read-only afterwards. */
struct params_shm {
	uint64_t capacity;
	uint64_t message_size;
	uint64_t key_size;
	uint64_t memory; /* bytes of payload in pool 1 */
	uint32_t writers;
	uint32_t flags;
	uint32_t inline_size; /* payload bytes of a block of pool 0 */
	uint32_t clients;
	char type[AGORA_TYPE_MAX];
};

/* At offset 0. Read-only once the file has a name. */
struct header_shm {
	uint64_t magic;
	uint32_t format;
	uint32_t kind;
	uint64_t size;    /* of the file */
	uint64_t created; /* CLOCK_REALTIME, nanoseconds */
	uint64_t seed;    /* of the hash, random */
	struct params_shm params;
	uint64_t checksum; /* XXH3 of everything before it */
};

static_assert(sizeof(struct params_shm) == 1072, "format");
static_assert(sizeof(struct header_shm) == 1120, "format");

/* How many words a kind may keep in the roots, 128 bytes apart. */
#define ROOTS_WORDS 30

struct root_shm {
	_Alignas(128) _Atomic uint64_t word;
};

/*
 * At offset 4096. events: armed is set by who goes to sleep and cleared by
 * who wakes, seq grows with each wake-up; races on either cost one spurious
 * wake-up. bell: written with pwrite(2) by who wakes, so that the kernel
 * tells; never read. committed, clients: only grow, by compare-and-swap, after
 * the memory they announce was allocated. recovered, redelivered, reclaimed:
 * counted by recoverers; a recoverer killed before counting is made up for by
 * the next.
 */
struct roots_shm {
	_Atomic uint32_t armed; /* who may sleep, and how: see event.h */
	_Atomic uint32_t seq[3];
	uint32_t bell;
	uint32_t reserved[11];
	_Atomic uint32_t committed[2]; /* blocks of each pool */
	_Atomic uint32_t clients;      /* ids below this were ever used */
	uint32_t reserved2;
	_Atomic uint64_t recovered;
	_Atomic uint64_t redelivered;
	_Atomic uint64_t reclaimed;
	uint64_t reserved3[11];
	struct root_shm root[ROOTS_WORDS];
};

static_assert(sizeof(struct roots_shm) == 4096, "format");

/* A client slot. Written by its owner, and by who recovers it. */
struct client_shm {
	_Alignas(
		CACHE_LINE) _Atomic uint64_t word; /* incarnation:32 state:32 */
	_Atomic uint32_t pid;
	_Atomic uint32_t waiting; /* threads asleep */
	_Atomic uint64_t since;   /* CLOCK_REALTIME, nanoseconds */
	_Atomic uint64_t reading; /* cursor + 1 of a log's registered reader */
	uint64_t reserved[4];
};

static_assert(sizeof(struct client_shm) == CACHE_LINE, "format");

enum { CLIENT_FREE = 0, CLIENT_LIVE = 1 };

#define CLIENTS_MAX 4095

/*
 * The header of a block: see pool.h for what its state means and who may
 * change it. The other fields belong to the block's owner while it has one
 * and do not change while the block is published.
 */
struct block_shm {
	_Atomic uint64_t state;
	_Atomic uint32_t size;     /* of the message; of the bytes in a part */
	_Atomic uint32_t next;     /* first or next part: see message.h */
	_Atomic uint32_t nonce;    /* of a head: binds its parts to it */
	_Atomic uint32_t key_size; /* of a table's entry */
};

static_assert(sizeof(struct block_shm) == 24, "format");

#define OFFSET_ROOTS   4096
#define OFFSET_CLIENTS 8192

#endif
