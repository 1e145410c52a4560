/*
 * agora/object.h - what all kinds of objects have in common.
 *
 * An object is one segment file in its program's directory, named NAME.KIND
 * and addressed as "PROGRAM/NAME.KIND". Programs that know the kind use its
 * own header (agora/queue.h, agora/table.h), which is the fast path. This
 * one is for tools that handle any kind: create, open, remove, look, and the
 * verbs by the name they share; a verb that a kind lacks is -EOPNOTSUPP.
 *
 * Caveats
 * - Whoever may write to a segment is trusted with its contents: a hostile
 *   writer can lose messages. He cannot make a reader crash, hang, or read
 *   outside the segment; damage that is noticed is -EUCLEAN.
 * - A process stopped with SIGSTOP is alive: the blocks it holds stay its
 *   own until it ends. Nobody waits for it.
 */
#ifndef AGORA_OBJECT_H
#define AGORA_OBJECT_H

#include <agora/space.h>
#include <agora/type.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct agora_object;

/* ---- kinds ---------------------------------------------------------- */

/* How an object of a kind looks from outside. */
enum agora_shape {
	AGORA_SEQUENCE = 1, /* messages in an order: walk, one on each line */
	AGORA_KEYED = 2,    /* values under keys: next, a folder of files */
	AGORA_VALUE = 3     /* one value: load, all of the file */
};

/* What an object of a kind can do (agora_kind.verbs). */
enum {
	AGORA_CAN_PUSH = 1 << 0, /* push, wait for room */
	AGORA_CAN_POP = 1 << 1,  /* pop, peek, acquire, wait for messages */
	AGORA_CAN_WALK = 1 << 2, /* snapshot, tap */
	AGORA_CAN_GET = 1 << 3,  /* get, next */
	AGORA_CAN_PUT = 1 << 4,  /* put, delete */
	AGORA_CAN_LOAD = 1 << 5, /* load */
	AGORA_CAN_STORE = 1 << 6 /* store, append */
};

/* What else is to be known of a kind (agora_kind.traits). */
enum {
	AGORA_PRIORITIES = 1 << 0, /* each message has one: push_priority */
	AGORA_MEMBERS = 1 << 1,    /* keys without values */
	AGORA_SORTED = 1 << 2 /* next goes in the order of the keys' bytes */
};

/** A row of the table of kinds. */
struct agora_kind {
	const char *name; /* "queue": what follows the last dot */
	enum agora_shape shape;
	uint32_t verbs;  /* AGORA_CAN_... */
	uint32_t traits; /* AGORA_PRIORITIES, ... */
	const char *doc; /* one line for people */
};

/** Return the next row of the table of kinds: the first one after NULL. */
const struct agora_kind *agora_kind_next(const struct agora_kind *previous);

/** Return the kind that a name such as "alerts.queue" ends in, or NULL. */
const struct agora_kind *agora_kind_of(const char *name);

/**
 * Split "PROGRAM/NAME.KIND" and check both parts.
 *
 * Returns 0, -EINVAL (no slash, more than one, not a name, or no known
 * kind), -ENAMETOOLONG.
 */
int agora_path_parse(const char *path, char ret_program[256],
	char ret_object[256], const struct agora_kind **ret_kind);

/* ---- create, open, remove ------------------------------------------- */

/** Properties chosen at creation. 0 or NULL means the kind's default. */
struct agora_options {
	const char *type;      /* declared type; default "bytes" */
	uint64_t capacity;     /* messages, or keys */
	uint64_t message_size; /* largest message or value, in bytes */
	uint64_t key_size;     /* largest key, in bytes (keyed kinds) */
	uint64_t memory;       /* ceiling for long messages, in bytes */
	uint32_t writers;     /* AGORA_WRITERS_MANY or _ONE, where it matters */
	uint32_t flags;       /* AGORA_FIXED, ... */
	uint32_t inline_size; /* bytes kept beside the header; a hint */
	uint32_t clients;     /* most handles at one time, up to 4095 */
	mode_t mode;          /* permission bits; 0 means 0660 & ~umask */
	uint64_t reserved[4]; /* must be zero */
};

enum { AGORA_WRITERS_MANY = 1, AGORA_WRITERS_ONE = 2 };

/* options.flags */
enum {
	AGORA_FIXED = 1 << 0, /* every message has exactly message_size bytes */
	AGORA_SPSC = 1 << 1,  /* queue: one producer, one consumer at a time */
	AGORA_RELAXED = 1 << 2, /* heap: order within a bound, more at a time */
	AGORA_RELIABLE = 1 << 3 /* log: registered readers hold writers back */
};

/**
 * Tell what is wrong with options for a kind.
 *
 * Returns NULL when they are fine, else a line such as "capacity: 1 to
 * 16777216"; it begins with the name of the option. Since: 0.1
 */
const char *agora_options_problem(
	const struct agora_kind *kind, const struct agora_options *options);

/* Flags for opening. */
enum {
	AGORA_READ = 0,           /* map read-only: look, get, walk */
	AGORA_WRITE = 1 << 0,     /* map read-write: everything */
	AGORA_CREATE = 1 << 1,    /* create it first if it is missing */
	AGORA_EXCLUSIVE = 1 << 2, /* with CREATE: -EEXIST if it is there */
	AGORA_CHECK = 1 << 3      /* refuse values that do not fit the type */
};

/**
 * Create an object without opening it.
 *
 * Returns 0, -EEXIST (also when a keyed object's folder name is taken),
 * -ENOENT (no such program), -EINVAL (name, kind, or an option: see
 * agora_options_problem()), -ENAMETOOLONG, -EACCES, -ENOSPC (memory or disk),
 * -EOPNOTSUPP (filesystem without fallocate or O_TMPFILE).
 * Crash: complete or not there at all. Two that race make one object.
 * Since: 0.1
 */
int agora_object_create(struct agora_space *space, const char *path,
	const struct agora_options *options);

/**
 * Open an object of any kind.
 *
 * flags: AGORA_READ, or AGORA_WRITE perhaps with AGORA_CREATE,
 * AGORA_EXCLUSIVE and AGORA_CHECK. options: used only when it is created.
 *
 * Returns 0, -ENOENT, -EINVAL (path or flags), -EACCES, -EPROTOTYPE (the
 * segment is of another kind than its name says), -EPROTO (format version
 * not ours), -EUCLEAN (damaged or truncated), -EUSERS (all client slots
 * taken by the living), -EMFILE, -ENOMEM, and those of creating.
 * Crash: a client slot that the next attach or recovery takes back.
 * Since: 0.1
 */
int agora_object_open(struct agora_space *space, const char *path,
	uint32_t flags, const struct agora_options *options,
	struct agora_object **ret_object);

/** Close a handle and give its client slot back. NULL is accepted. */
void agora_object_close(struct agora_object *object);

/**
 * Remove an object's name; who has it open keeps it until closing.
 * Returns 0, -ENOENT, -EINVAL, -EACCES.
 */
int agora_object_remove(struct agora_space *space, const char *path);

/**
 * Rename an object, within its program or into another of the space.
 *
 * Returns 0, -ENOENT, -EEXIST (nothing is ever replaced), -EINVAL (also
 * when the kind would change), -ENAMETOOLONG, -EACCES.
 */
int agora_object_rename(
	struct agora_space *space, const char *from, const char *to);

/* ---- look ----------------------------------------------------------- */

/** The state of an object at one moment; sizes in bytes. */
struct agora_stat {
	const struct agora_kind *kind;
	char type[AGORA_TYPE_MAX];
	uint64_t capacity;     /* most messages or keys */
	uint64_t count;        /* messages or keys now */
	uint64_t bytes;        /* their payload (keys and values) */
	uint64_t message_size; /* limit of one message or value */
	uint64_t key_size;     /* limit of a key, 0 without keys */
	uint64_t memory;       /* committed to the segment now */
	uint64_t memory_max;   /* ceiling of that */
	uint64_t pushed;       /* messages ever published; 0 if not kept */
	uint64_t popped;       /* messages ever taken; 0 if not kept */
	uint64_t redelivered;  /* claims of the dead that were put back */
	uint64_t reclaimed;    /* blocks that the dead had reserved, freed */
	uint64_t recovered;    /* clients recovered after their death */
	uint32_t clients;      /* handles open for writing */
	uint32_t clients_max;
	uint32_t waiters;        /* of these, asleep in a _wait call */
	uint32_t writers;        /* as in agora_options */
	uint32_t flags;          /* as in agora_options */
	uint32_t format;         /* version of the segment's format */
	struct timespec created; /* CLOCK_REALTIME */
	uint64_t version;        /* of a string's value; 0: it has none */
	uint64_t rank_bound;     /* of a relaxed heap: see agora/heap.h */
	uint32_t readers;        /* registered with a reliable log */
	uint32_t reserved2;
	uint64_t reserved[4];
};

/**
 * Describe an open object. Counts are exact when nobody is at work on it;
 * it takes time proportional to what is in it.
 *
 * Returns 0, -EUCLEAN, -ECHILD. Progress: lock-free. Since: 0.1
 */
int agora_object_stat(struct agora_object *object, struct agora_stat *ret_stat);

/** Return the row of the object's kind. */
const struct agora_kind *agora_object_kind(const struct agora_object *object);

/** Return "PROGRAM/NAME.KIND" as it was opened, whatever was renamed since. */
const char *agora_object_path(const struct agora_object *object);

/** Return the declared type. */
const char *agora_object_type(const struct agora_object *object);

/** Return the segment's descriptor, owned by object; for fstat(2). */
int agora_object_fd(const struct agora_object *object);

/** Who has an object open for writing. */
struct agora_client {
	uint32_t id;
	int alive;
	pid_t pid;
	uint32_t claims;       /* messages acquired and not yet released */
	int waiting;           /* asleep in a _wait call */
	struct timespec since; /* CLOCK_REALTIME of its opening */
};

/**
 * List the clients, in the order of their ids.
 *
 * ret_clients: to be freed with free(3). Returns how many, -ENOMEM, ...
 */
int agora_object_clients(
	struct agora_object *object, struct agora_client **ret_clients);

/* ---- check and repair ----------------------------------------------- */

/** What agora_object_check() counted. Blocks are those ever committed. */
struct agora_check {
	uint64_t blocks; /* = free + owned + published + held + parts */
	uint64_t free;
	uint64_t owned;        /* being written or released by someone */
	uint64_t published;    /* in the structure */
	uint64_t held;         /* claimed, or waiting to be delivered again */
	uint64_t parts;        /* continuations of longer messages */
	uint64_t dead_clients; /* died and not recovered yet */
	uint64_t unreachable;  /* of nobody, and not in the structure */
	uint64_t orphans;      /* parts without a message */
	uint64_t damaged;      /* words that make no sense */
	uint64_t repaired;     /* of the four above, mended now */
	uint64_t reserved[4];
};

/**
 * Check the accounting and reachability of an object; optionally repair.
 *
 * repair: 0 only looks; 1 recovers dead clients and frees what is provably
 * nobody's (needs AGORA_WRITE). Exact when nobody is at work on the object;
 * else what is in motion at that moment may be counted on either side, but
 * is never reported as damage and never repaired.
 *
 * Returns 0 (sound, or all repaired), -EUCLEAN (something remains; the
 * report is filled in that case too), -EACCES, -ECHILD. Since: 0.1
 */
int agora_object_check(
	struct agora_object *object, int repair, struct agora_check *ret_check);

/* ---- the verbs, for any kind ---------------------------------------- */

/**
 * A buffer for what is read. The caller sets data and capacity. On success
 * size and version are set. On -EMSGSIZE nothing was taken and size is what
 * would be needed. After other failures none of the three is defined, and
 * nothing was taken either.
 */
struct agora_buffer {
	void *data;
	size_t capacity;
	size_t size;
	uint64_t version;  /* of a value; sequence number of a message */
	uint64_t priority; /* of a message of a heap */
};

/** A message that was claimed and not yet released: see agora/queue.h. */
struct agora_message {
	const void *data; /* the bytes, or NULL when not in one piece */
	size_t size;
	uint64_t sequence;
	uint64_t token;    /* private */
	uint64_t priority; /* of a message of a heap */
};

/** A message that is being written where it will lie: see agora/queue.h. */
struct agora_reservation {
	void *data;        /* size bytes, or NULL when not in one piece */
	size_t size;       /* may be made smaller before it is committed */
	uint64_t token[2]; /* private */
};

/** Append a message: as agora_queue_push(). */
int agora_object_push(
	struct agora_object *object, const void *data, size_t size);

/** Append a message, waiting for room: as agora_queue_push_wait(). */
int agora_object_push_wait(struct agora_object *object, const void *data,
	size_t size, const struct timespec *deadline);

/** Insert a message with a priority: as agora_heap_push(). */
int agora_object_push_priority(struct agora_object *object, uint64_t priority,
	const void *data, size_t size);

/** Insert it, waiting for room: as agora_heap_push_wait(). */
int agora_object_push_priority_wait(struct agora_object *object,
	uint64_t priority, const void *data, size_t size,
	const struct timespec *deadline);

/** Append several messages: as agora_queue_push_batch(). */
int agora_object_push_batch(struct agora_object *object,
	const struct iovec *messages, size_t count);

/** Append several, waiting for room: as agora_queue_push_batch_wait(). */
int agora_object_push_batch_wait(struct agora_object *object,
	const struct iovec *messages, size_t count,
	const struct timespec *deadline);

/** Get room for a message, to write it there: as agora_queue_reserve(). */
int agora_object_reserve(struct agora_object *object, size_t size,
	struct agora_reservation *ret_reservation);

/** Get room, waiting for it: as agora_queue_reserve_wait(). */
int agora_object_reserve_wait(struct agora_object *object, size_t size,
	const struct timespec *deadline,
	struct agora_reservation *ret_reservation);

/** Copy bytes into what was reserved: as agora_queue_write(). */
int agora_object_write(struct agora_object *object,
	const struct agora_reservation *reservation, size_t offset,
	const void *data, size_t size);

/** Append what was reserved: as agora_queue_commit(). */
int agora_object_commit(struct agora_object *object,
	const struct agora_reservation *reservation);

/** Append it, waiting for room: as agora_queue_commit_wait(). */
int agora_object_commit_wait(struct agora_object *object,
	const struct agora_reservation *reservation,
	const struct timespec *deadline);

/** Give reserved room back: as agora_queue_abort(). */
int agora_object_abort(struct agora_object *object,
	const struct agora_reservation *reservation);

/** Take the oldest message: as agora_queue_pop(). */
int agora_object_pop(
	struct agora_object *object, struct agora_buffer *ret_message);

/** Take the oldest message, waiting: as agora_queue_pop_wait(). */
int agora_object_pop_wait(struct agora_object *object,
	const struct timespec *deadline, struct agora_buffer *ret_message);

/** Take several messages: as agora_queue_pop_batch(). */
int agora_object_pop_batch(struct agora_object *object,
	struct agora_buffer *ret_messages, size_t count);

/** Take several, waiting for one: as agora_queue_pop_batch_wait(). */
int agora_object_pop_batch_wait(struct agora_object *object,
	const struct timespec *deadline, struct agora_buffer *ret_messages,
	size_t count);

/** Copy the oldest message: as agora_queue_peek(). */
int agora_object_peek(
	struct agora_object *object, struct agora_buffer *ret_message);

/** Copy the next message of a walk: as agora_queue_walk(). */
int agora_object_walk(struct agora_object *object, uint64_t *cursor,
	struct agora_buffer *ret_message);

/** Copy the next message of a tap: as agora_queue_tap(). */
int agora_object_tap(struct agora_object *object, uint64_t *cursor,
	struct agora_buffer *ret_message);

/** Get the cursor behind the newest: as agora_queue_end(). */
int agora_object_end(struct agora_object *object, uint64_t *ret_cursor);

/** Claim the oldest message: as agora_queue_acquire(). */
int agora_object_acquire(
	struct agora_object *object, struct agora_message *ret_message);

/** Claim it, waiting: as agora_queue_acquire_wait(). */
int agora_object_acquire_wait(struct agora_object *object,
	const struct timespec *deadline, struct agora_message *ret_message);

/** Copy a part of what was claimed: as agora_queue_read(). */
int agora_object_read(struct agora_object *object,
	const struct agora_message *message, size_t offset, void *ret_data,
	size_t size);

/** Be done with what was claimed: as agora_queue_release(). */
int agora_object_release(
	struct agora_object *object, const struct agora_message *message);

/** Give back what was claimed: as agora_queue_restore(). */
int agora_object_restore(
	struct agora_object *object, const struct agora_message *message);

/** Copy the value of a key: as agora_table_get(). */
int agora_object_get(struct agora_object *object, const void *key,
	size_t key_size, struct agora_buffer *ret_value);

/** Store a value: as agora_table_put(). */
int agora_object_put(struct agora_object *object, const void *key,
	size_t key_size, const void *value, size_t value_size);

/** Remove a key: as agora_table_delete(). */
int agora_object_delete(
	struct agora_object *object, const void *key, size_t key_size);

/** Copy the entry behind a key: as agora_table_next(). */
int agora_object_next(struct agora_object *object, struct agora_buffer *key,
	struct agora_buffer *ret_value);

/** Copy the value of a string: as agora_string_load(). */
int agora_object_load(
	struct agora_object *object, struct agora_buffer *ret_value);

/** Replace the value of a string: as agora_string_store(). */
int agora_object_store(
	struct agora_object *object, const void *data, size_t size);

/** Append to the value of a string: as agora_string_append(). */
int agora_object_append(
	struct agora_object *object, const void *data, size_t size);

/** Replace the value of one version: as agora_string_compare(). */
int agora_object_compare(struct agora_object *object,
	const struct agora_buffer *value, uint64_t *ret_version);

/**
 * Give back the roles that this handle took: the only writer of a table, the
 * producer or the consumer of a queue with AGORA_SPSC. They are taken again
 * with the next call that needs them. Does nothing where there are no roles,
 * or while a message is reserved or acquired.
 *
 * Returns 0, -ECHILD. Since: 0.1
 */
int agora_object_yield(struct agora_object *object);

/* ---- a snapshot of messages ------------------------------------------ */

struct agora_snapshot;

/**
 * Note which messages a sequence has now, in its order: a queue the oldest
 * first, a stack its top, a heap its least priority.
 *
 * Nothing is taken and nobody is held up. What the order was at one moment is
 * what the object's own header says; messages that are gone by the time they
 * are asked for are left out.
 *
 * Returns 0, -EOPNOTSUPP (not a sequence), -ENOMEM, -EUCLEAN, -ECHILD.
 * Progress: lock-free. Since: 0.1
 */
int agora_object_snapshot(
	struct agora_object *object, struct agora_snapshot **ret_snapshot);

/**
 * Copy the next message of a snapshot whose object is still open.
 *
 * Returns 0, -EAGAIN (no more), -EMSGSIZE (too large; ret_message->size says
 * what is needed, and the same message comes again), -EUCLEAN, -ECHILD.
 */
int agora_snapshot_next(
	struct agora_snapshot *snapshot, struct agora_buffer *ret_message);

/** Free a snapshot. NULL is accepted. */
void agora_snapshot_close(struct agora_snapshot *snapshot);

/* ---- events --------------------------------------------------------- */

/* What to wait for. */
enum {
	AGORA_READABLE = 1 << 0, /* a pop would find something */
	AGORA_WRITABLE = 1 << 1, /* a push would find room */
	AGORA_ADVANCED = 1 << 2  /* a message at or after cursor was pushed */
};

/* ---- a descriptor, for poll(2) and epoll(7) -------------------------- */

/**
 * Get a descriptor that becomes readable when the object changes.
 *
 * It belongs to the handle, is made with the first call, and is closed with
 * the handle: only ask poll(2), select(2) or epoll(7) about it, and do not
 * close or read it. Before each sleep call agora_object_arm(), or it will
 * not become readable:
 *
 *     while (agora_object_arm(object, AGORA_READABLE, 0) == 0)
 *             epoll_wait(...);
 *     agora_queue_pop(...)
 *
 * It costs nobody anything until it is armed; then the next change costs
 * whoever makes it one system call. A peer that dies makes it readable too.
 * Each uses one of the user's inotify instances (/proc/sys/fs/inotify, of
 * which there are 128 as a rule) and three descriptors.
 *
 * Returns the descriptor, -EACCES (opened with AGORA_READ), -EMFILE (no
 * descriptors or inotify instances left), -ENOSPC (no inotify watches left),
 * -ENOMEM, -ECHILD. Since: 0.1
 */
int agora_object_descriptor(struct agora_object *object);

/**
 * Look for events, and prepare the descriptor when none holds.
 *
 * events, cursor: as in struct agora_wait. What the descriptor showed until
 * now is taken down, for all who sleep on it: threads that sleep each have a
 * handle of their own. What clients that died had claimed is put back. A
 * table is always writable, and never found advanced: arm for that event,
 * look at the values, then sleep; the next change wakes.
 *
 * The descriptor may become readable for nothing. When many wait, all wake.
 *
 * Returns those of events that hold now (more than 0: act on them, do not
 * sleep), 0 (sleep: the descriptor becomes readable with the next change),
 * -EINVAL (agora_object_descriptor() was not called), -EOPNOTSUPP (an event
 * that the kind does not have), -EACCES, -EUCLEAN, -ECHILD. Since: 0.1
 */
int agora_object_arm(
	struct agora_object *object, uint32_t events, uint64_t cursor);

/* ---- waiting on several objects ------------------------------------- */

/** One object to wait on. */
struct agora_wait {
	struct agora_object *object; /* opened with AGORA_WRITE */
	uint32_t events;             /* any of the above */
	uint32_t ready;              /* filled in: those that hold */
	uint64_t cursor;             /* for AGORA_ADVANCED */
};

struct agora_waiter;

/**
 * Make a waiter: a thread's place to wait on many objects.
 * Returns 0, -ENOMEM.
 */
int agora_waiter_open(struct agora_waiter **ret_waiter);

/** Free a waiter on which nobody waits. NULL is accepted. */
void agora_waiter_close(struct agora_waiter *waiter);

/**
 * Wait until something holds for at least one of count objects.
 *
 * One thread at a time. Up to 100 objects cost no processor time while
 * nothing happens; of more, the rest is looked at every 20 milliseconds.
 *
 * An object that is damaged is ready for everything: who acts on it learns.
 *
 * Returns how many are ready, -ETIMEDOUT, -EINTR, -ECANCELED (kicked),
 * -EOPNOTSUPP (an event that a kind does not have), -EACCES (a handle that
 * was opened with AGORA_READ), -ECHILD. Since: 0.1
 */
int agora_waiter_wait(struct agora_waiter *waiter, struct agora_wait *items,
	size_t count, const struct timespec *deadline);

/**
 * Make the waiter's present wait, or else its next, return -ECANCELED.
 * May be called from any thread of the process and from signal handlers.
 */
void agora_waiter_kick(struct agora_waiter *waiter);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
