/* node.h - node ids, and the table of the nodes that the kernel knows. */
#ifndef FS_MOUNT_NODE_H
#define FS_MOUNT_NODE_H

#include "server.h"

/* What a node shows of what it belongs to. Part of node ids: append only. */
enum facet {
	FACET_ROOT = 1,
	FACET_README,
	FACET_EVENTS,
	FACET_FOLLOW,
	FACET_PROGRAM, /* the directory of a program */
	FACET_MANIFEST,
	FACET_OBJECT, /* the object itself */
	FACET_FOLDER, /* of a keyed object: a file for each key */
	FACET_KEY,
	FACET_DOT, /* the folder with all the rest about an object */
	FACET_POP,
	FACET_PIPE,
	FACET_TAP,
	FACET_PUT,
	FACET_STAT,
	FACET_HOLDERS,
	FACET_ERRORS,
	FACET_KEYS, /* of a folder: the keys that begin alike, see text.h */
	FACET_COUNT
};

/*
 * What a node stands for. ino and facet (and the key) identify it; the names
 * are where it was when somebody looked last.
 */
struct place {
	enum facet facet;
	uint64_t ino; /* of the segment, or of the program's directory */
	uint64_t program_ino;
	char program[256];
	char object[256];
	size_t key_size; /* of FACET_KEYS: what the keys begin with */
	unsigned char key[AGORA_KEY_MAX];
};

/** Copy a place, and no more of it than there is. */
void place_copy(struct place *to, const struct place *from);

/** Whether a facet is a directory. */
bool facet_is_dir(enum facet facet);

/** Return the st_ino that a place shows. */
uint64_t node_ino(const struct place *place);

/** Tell the facet and the inode bits that are encoded in an id. */
enum facet node_facet(fuse_ino_t id);
bool node_is_of(fuse_ino_t id, uint64_t ino);

/**
 * Copy what the node stands for. Returns 0, -ESTALE (not in the table).
 */
int node_find(fuse_ino_t id, struct place *ret_place);

/**
 * Count one more lookup of a place, by a thread (0: unknown). Returns its id,
 * or 0 without memory.
 *
 * Objects that are sequences get an id that no other thread was given: a
 * writer that waits holds a lock of the kernel's inode, and so each path
 * walk has an inode, and a lock, for itself. A thread gets the one that it
 * had before, while it is not open: its earlier walk is over. (With another
 * one the kernel would ask twice.)
 */
fuse_ino_t node_get(const struct place *place, pid_t tid);

/**
 * Whether the kernel may keep the attributes of a node while it walks a path:
 * nobody has it open, who would be shown them too.
 */
bool node_keep(fuse_ino_t id);

/** Count one more who has a node open. Returns whether node_keep() said yes
 * meanwhile: the kernel has to be told to forget the attributes. */
bool node_opened(fuse_ino_t id);

/** One less. */
void node_closed(fuse_ino_t id);

/** Return the id that is in the table for a place, or 0. */
fuse_ino_t node_peek(const struct place *place);

/** Put a place under an id that an earlier server gave out. */
void node_adopt(fuse_ino_t id, const struct place *place);

/** Remember where the thing is now. */
void node_moved(fuse_ino_t id, const struct place *place);

/** The kernel forgets so many lookups. */
void node_forget(fuse_ino_t id, uint64_t lookups);

#endif
