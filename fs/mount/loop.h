/* loop.h - threads that take requests from the kernel. */
#ifndef FS_MOUNT_LOOP_H
#define FS_MOUNT_LOOP_H

/** Start the threads. When the mount ends, the process gets a SIGTERM. */
int loop_start(void);

/** Make them end and wait for that. */
void loop_stop(void);

/**
 * What this thread is about to do may take a while: let another one take the
 * next request. Does nothing the second time, and in other threads.
 */
void loop_hand_over(void);

#endif
