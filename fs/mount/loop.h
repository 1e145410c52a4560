/* loop.h - threads that take requests from the kernel. */
#ifndef FS_MOUNT_LOOP_H
#define FS_MOUNT_LOOP_H

/** Start the threads. When the mount ends, the process gets a SIGTERM. */
int loop_start(void);

/** Make them end and wait for that. */
void loop_stop(void);

#endif
