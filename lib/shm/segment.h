/*
 * segment.h - one object's memory: create it, map it, leave it.
 *
 * struct segment is process-local; nothing of it lives in the file. What the
 * header says was copied and checked at opening and is never read again.
 */
#ifndef LIB_SHM_SEGMENT_H
#define LIB_SHM_SEGMENT_H

#include "shm/format.h"
#include "shm/guard.h"

#include <errno.h>
#include <pthread.h>
#include <sys/types.h>

/* Mappings begin at a multiple of it; see segment_collapse(). */
#define HUGE_PAGE ((uint64_t)2 << 20)

/* Where the parts of one pool lie: see pool.h. count 0: there is none. */
struct pool_layout {
	uint32_t count;       /* blocks at most, up to POOL_BLOCKS_MAX */
	uint32_t stride;      /* from one block header to the next */
	uint32_t data_stride; /* from one payload to the next */
	uint32_t data_size;   /* bytes of payload in a block */
	uint64_t bitmap;
	uint64_t headers;
	uint64_t data; /* of block 0's payload */
};

/* Where everything lies: a pure function of kind and parameters. */
struct layout {
	uint64_t size;
	uint64_t array;           /* the kind's own region */
	uint64_t array_size;      /* in bytes */
	uint64_t array_committed; /* of that, allocated at creation */
	struct pool_layout pool[2];
};

struct segment;
struct client_set;

/* What the segment's code must know about the kind of an object. */
struct segment_kind {
	uint32_t id; /* in the header */
	/*
	 * Check parameters and lay the segment out. Called for new segments
	 * and for those found: bounds everything. Returns 0, -EINVAL.
	 */
	int (*layout)(const struct params_shm *params, struct layout *layout);
	/* Give hot words their first values; may be NULL. */
	void (*format)(struct segment *segment);
	/* The segment has a client id from now on (or another one). */
	void (*attached)(struct segment *segment);
	/* Undo or finish what dead clients left. Idempotent. */
	void (*recover)(struct segment *segment, const struct client_set *dead);
};

struct segment {
	char *base;
	struct roots_shm *roots;
	uint32_t client;        /* our id; 0 when mapped read-only */
	uint32_t generation;    /* of the process that opened it */
	_Atomic int broken;     /* found truncated */
	_Atomic uint32_t doubt; /* how often event_wait() tried in vain */
	bool light_fence;       /* changes are release stores: event.h */
	_Atomic int blind;      /* and may be missed by who sleeps */
	int fd;
	const struct segment_kind *kind;
	struct header_shm header; /* a private copy */
	struct layout layout;
	pthread_mutex_t control; /* attach, recover: one thread at a time */
	struct guard *guard;
	struct bell *bell; /* its descriptor for poll(2), if it has one */
	void *owner;       /* of the kind: its handle */
};

/* 0, or -ECHILD in a forked child. Every public call starts with it. */
static inline int segment_enter(const struct segment *segment)
{
	return guard_inherited(segment->generation) ? -ECHILD : 0;
}

/* Every public call ends with it: what was done on a broken segment failed. */
static inline int segment_leave(const struct segment *segment, int result)
{
	if (unlikely(atomic_load_explicit(
		    &segment->broken, memory_order_relaxed)))
		return -EUCLEAN;
	return result;
}

static inline _Atomic uint64_t *segment_root(
	const struct segment *segment, unsigned index)
{
	return &segment->roots->root[index].word;
}

/*
 * Append a region of size bytes, aligned to a power of two, to a layout.
 * Returns its offset.
 */
uint64_t layout_add(struct layout *layout, uint64_t size, uint64_t align);

/* Begin a layout: header, roots and clients. */
void layout_start(struct layout *layout, const struct params_shm *params);

/*
 * Create a segment under a name in a directory, complete or not at all.
 *
 * mode: permission bits, or 0 for 0660 & ~umask. Returns 0, -EEXIST,
 * -EINVAL, -ENOSPC, -EACCES, -EOPNOTSUPP, ...
 */
int segment_create(int directory, const char *name,
	const struct segment_kind *kind, const struct params_shm *params,
	mode_t mode);

/*
 * Map a segment and, when writable, attach as a client.
 *
 * Returns 0, -ENOENT, -EACCES, -EPROTOTYPE, -EPROTO, -EUCLEAN, -EUSERS, ...
 */
int segment_open(struct segment *segment, int directory, const char *name,
	const struct segment_kind *kind, bool writable);

/* Unmap and detach. Accepts a segment that was never opened (all zero). */
void segment_close(struct segment *segment);

/*
 * Allocate memory for a range of the file, so that touching it is safe.
 * Returns 0, -ENOSPC, -EUCLEAN (the file was truncated), ...
 */
int segment_commit(struct segment *segment, uint64_t offset, uint64_t size);

/*
 * Ask for huge pages where memory that begins at offset was committed from
 * from to to: for those that are whole now and were not before. It takes no
 * memory beyond what was committed. Best effort: nobody notices but the TLB.
 */
void segment_collapse(
	struct segment *segment, uint64_t offset, uint64_t from, uint64_t to);

/* Bytes of memory the segment takes now. */
uint64_t segment_memory(const struct segment *segment);

#endif
