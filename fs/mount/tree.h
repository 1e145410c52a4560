/* tree.h - the path scheme: from a name to what it stands for. */
#ifndef FS_MOUNT_TREE_H
#define FS_MOUNT_TREE_H

#include "node.h"

#include <sys/stat.h>

/** A file with a fixed name. */
struct tree_file {
	const char *name;
	enum facet facet;
	bool listed;
	uint32_t verbs; /* of the kind: it is there if the kind has one */
};

/* Files in the root and in the dot folder; the end has name NULL. */
extern const struct tree_file tree_root_files[];
extern const struct tree_file tree_dot_files[];

/**
 * Find what a node id stands for, also one that an earlier server gave out.
 * Returns 0, -ESTALE.
 */
int tree_find(fuse_ino_t id, struct place *ret_place);

/**
 * Find a name in a directory. ret_place is what is there.
 * Returns 0, -ENOENT, -ENOTDIR, -ENAMETOOLONG, and what the system says.
 */
int tree_lookup(
	const struct place *parent, const char *name, struct place *ret_place);

/** The same; ret_source is the status of its segment, or all zeros. */
int tree_lookup_stat(const struct place *parent, const char *name,
	struct place *ret_place, struct stat *ret_source);

/** Whether the kind of the object has such a file in its dot folder. */
bool tree_dot_has(const struct tree_file *file, const struct place *place);

/**
 * Open the directory of the place's program, wherever it is now.
 * Corrects the names in place. Returns a descriptor (O_PATH), -ESTALE, ...
 */
int tree_program_fd(struct place *place);

/**
 * Get the status of the place's segment, wherever it is now in its program.
 * Corrects the names in place. Returns 0, -ESTALE, ...
 */
int tree_segment_stat(struct place *place, struct stat *ret_stat);

/** Open the segment (O_PATH), sure that it is this one. */
int tree_segment_fd(struct place *place);

/** Close the directories that are kept open in case of more lookups. */
void tree_close_idle(void);

/** Write "PROGRAM/OBJECT". */
void tree_path(const struct place *place, char ret_path[520]);

/**
 * Find which key, or folder of keys, a name in a folder stands for, whether
 * it is there or not. Returns 0, -EINVAL (no key has this name), -ENOMEM.
 */
int tree_key(
	const struct place *parent, const char *name, struct place *ret_place);

#endif
