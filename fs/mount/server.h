/*
 * server.h - the FUSE server: what all its files share.
 *
 * The server shows a space as a tree and holds no data. Each file here is
 * about one noun:
 *
 *	main     the command line, becoming a daemon, the end
 *	point    the mount point: is it there, is it free
 *	loop     threads that take requests from the kernel
 *	ops      the table of operations and what each may answer
 *	node     node ids and the table of those that the kernel knows
 *	tree     the path scheme: from a name to what it stands for
 *	attr     owner, mode, size and times of a node; changing them
 *	names    mkdir, create, unlink, rmdir, rename
 *	dir      listing a directory
 *	keys     the keys of a keyed object, and the folders they are in
 *	xattr    options of an object as extended attributes
 *	object   segments that the server has open
 *	file     open files: from an fh to its state
 *	view     what reading shows: snapshots made at opening
 *	show     what an object and its keys show when they are read
 *	take     pop and pipe: reading that takes, or waits
 *	tap      a stream of what is new, which takes nothing
 *	frame    what is written to an object becomes messages or entries
 *	stage    what is written as one piece: put, a value, that of a key
 *	park     requests that wait for an object
 *	ready    poll handles: whom to tell when a file becomes ready
 *	events   what came and went: .events, .follow, coherence
 *	caller   acting with the identity of who asked
 *	quota    what one user may make the server hold
 *
 * Threads. Some take requests, one of them at a time (loop); one (park) waits
 * for objects and answers requests that wait; one (events) watches the space;
 * the first one waits for signals. No thread ever waits for another's request
 * to be answered, and none makes a system call on the mounted tree itself.
 *
 * Locks, in the order in which they may be taken:
 *	file->lock        one open file: what it buffers
 *	object->lock      opening the handles of one segment
 *	park lock         all waiting requests
 *	ready lock        all poll handles
 *	leaves            tables of nodes, files, objects; lead; events; quota
 * libfuse calls park's interrupt function with a lock of that request held
 * and it takes the park lock: so nothing is answered and no interrupt
 * function is set while the park lock is held. Answering under file->lock is
 * fine: the kernel takes an answer without waiting.
 */
#ifndef FS_MOUNT_SERVER_H
#define FS_MOUNT_SERVER_H

#define FUSE_USE_VERSION 314

#include <agora/agora.h>
#include <fuse3/fuse_lowlevel.h>
#include <stdbool.h>
#include <stdint.h>

#include "../text/text.h"

/* Set by main before any other thread exists, constant from then on. */
struct server {
	struct agora_space *space;
	int space_fd;
	dev_t space_dev;
	struct fuse_session *session;
	bool mounted;
	bool act_as_caller;    /* we are root: create and remove as who asks */
	bool can_forget_names; /* the kernel knows FUSE_NOTIFY_INC_EPOCH */
};

extern struct server server;

/* A write of more than this to an object of type bytes is EMSGSIZE: larger
 * ones may reach us in pieces, and a message must not. */
#define WRITE_MAX 1000000

/* More bytes than this take a while: see loop_hand_over(). */
#define BRIEF_BYTES 65536

/* What one open file may make the server hold. */
#define OPEN_BYTES_MAX (1ull << 30)

/* How long the kernel may keep the attributes of a directory. */
#define DIR_TIMEOUT 1.0

/* How long those of a file, which are asked for with its name: until the
 * system call that looks it up is over. Rounded up to a tick. */
#define WALK_TIMEOUT 1e-6

#endif
