/* caller.h - acting with the identity of who asked. */
#ifndef FS_MOUNT_CALLER_H
#define FS_MOUNT_CALLER_H

#include "server.h"

/**
 * From here to caller_leave() this thread has the file system identity of
 * the caller: what it makes is the caller's, and what the caller may not do
 * fails. Nothing happens when the server is not root.
 */
void caller_enter(fuse_req_t req);
void caller_leave(void);

#endif
