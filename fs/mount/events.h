/* events.h - what came and went: .events, .follow, coherence. */
#ifndef FS_MOUNT_EVENTS_H
#define FS_MOUNT_EVENTS_H

#include "file.h"

/** Append the last events as lines. */
int events_render(struct text *out);

/** .follow: the events from its opening on, a stream that waits. */
int follow_open(struct file *file, bool created);
void follow_read(fuse_req_t req, struct file *file, size_t size, off_t off);
bool follow_ready(uint64_t cursor);

/**
 * Make the kernel ask for every name anew. Takes no lock: may be called while
 * a request is answered, when that changes names beside its own.
 */
void events_forget_names(void);

int events_start(void);
void events_stop(void);

#endif
