/* view.h - what reading shows: snapshots made when a file is opened. */
#ifndef FS_MOUNT_VIEW_H
#define FS_MOUNT_VIEW_H

#include "file.h"

/**
 * Render what a place shows into out. object may be NULL where the place
 * belongs to none.
 * Returns 0, -EFBIG (more than OPEN_BYTES_MAX), and what the object says.
 */
int view_render(
	const struct place *place, struct object *object, struct text *out);

/**
 * Tell the size that reading will show: real, or 0 where finding it out
 * would take long.
 */
uint64_t view_size(struct place *place);

/* The readable part of a face: snapshot at open, served from then on. */
int view_open(struct file *file, bool created);
void view_read(fuse_req_t req, struct file *file, size_t size, off_t off);

/** The page that is shown as README. */
extern const char readme_text[];

#endif
