/* file.h - open files: from an fh to its state. */
#ifndef FS_MOUNT_FILE_H
#define FS_MOUNT_FILE_H

#include "node.h"
#include "object.h"

/* A batch of messages that are taken when their bytes have arrived. */
struct take {
	struct text bytes; /* what is being delivered */
	uint64_t start;    /* at this offset of the file */
	uint64_t sent;     /* so many of them have arrived */
	struct agora_message *claims;
	size_t claim_count, claim_max;
	bool done; /* pop: the message was taken */
};

/* What is written as one piece, and published on close. */
struct stage {
	struct text bytes;
	bool dirty;   /* to be published: written, emptied or new */
	bool written; /* since it was published last */
	bool appends; /* to a value, however it changes meanwhile */
	unsigned int flushes;
};

struct file {
	LIST_ENTRY(file) link; /* under the lock of the table, as is: */
	unsigned int refs;

	uint64_t fh; /* constant, as are: */
	struct place place;
	const struct face *face;
	struct object *object; /* NULL for what belongs to no object */
	pid_t opener;
	uid_t uid;

	pthread_mutex_t lock; /* guards all of these */
	int flags;            /* of open(2), as last seen */
	uint64_t charged;     /* bytes counted for uid */
	bool shown;           /* snapshot was made */
	struct text snapshot;
	struct take take;
	struct stage stage;
	struct text_lines lines;
	uint64_t cursor; /* tap, .follow */

	struct { /* park's, under its lock */
		LIST_ENTRY(file) link;
		bool listed; /* with the object */
		struct fuse_pollhandle *handle;
		bool armed; /* tell it when something is there */
		uint32_t events;
		uint64_t cursor;
	} poll;
};

/**
 * How files of a facet behave. Functions that take a request answer it.
 * Missing ones: not readable, not writable.
 */
struct face {
	bool takes;         /* needs a handle to change with, even to read */
	uint32_t wait_read; /* AGORA_READABLE, _ADVANCED: what poll tells */
	int (*open)(struct file *file, bool created);
	void (*read)(fuse_req_t req, struct file *file, size_t size, off_t off);
	void (*write)(fuse_req_t req, struct file *file, const char *data,
		size_t size, off_t off);
	void (*flush)(fuse_req_t req, struct file *file);
	void (*end)(struct file *file); /* last chance before it is freed */
};

/**
 * Open a place. The file lives until file_release() of its fh.
 * flags: as for open(2). created: it was made by this very open.
 * Returns 0, -EACCES (not that way), and what the object says.
 */
int file_open(fuse_req_t req, const struct place *place, int flags,
	bool created, struct file **ret_file);

/**
 * Get the file of an fh, made again if an earlier server gave it out. To be
 * given back with file_put(). Returns 0, -ESTALE, ...
 */
int file_get(fuse_req_t req, fuse_ino_t ino, const struct fuse_file_info *fi,
	struct file **ret_file);

void file_ref(struct file *file);
void file_put(struct file *file);

/** The last close: forget the fh. What waits still holds the file. */
void file_release(uint64_t fh);

/** Whether something may be left to do when a descriptor is closed. */
bool file_wants_flush(const struct file *file);

/** Whether the process that asks is the one that opened the file. */
bool file_is_opener(const struct file *file, pid_t pid);

/** How a process is about to leave. */
enum leaving {
	STAYS,
	EXITS, /* of itself: it cannot be interrupted any more */
	DIES   /* of a signal */
};
enum leaving file_leaving(pid_t pid);

/** Count bytes that the file holds now instead of before.
 * Called with file->lock. Returns 0, -EFBIG, -ENOBUFS. */
int file_charge(struct file *file, uint64_t bytes);

/** Answer a read with a part of a text. Returns what fuse_reply_buf does. */
int file_reply_part(
	fuse_req_t req, const struct text *t, size_t size, uint64_t off);

/** Whether a file of this key is being made and not there yet. */
bool file_is_being_made(const struct place *place);

/** Give back all claims, before the server ends. */
void file_end_all(void);

#endif
