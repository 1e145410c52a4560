/*
 * barrier.h - a full barrier in all processes, issued by one of them.
 *
 * For patterns in which one side must be as fast as can be, and the other is
 * slow anyhow: the slow one issues the barriers of both: membarrier(2).
 */
#ifndef LIB_BASE_BARRIER_H
#define LIB_BASE_BARRIER_H

/* Be among those who get barriers. Returns 0 or a negative errno. */
int barrier_register(void);

/* Make every registered process pass a full barrier; and so does the caller.
 * Returns 0 or a negative errno. */
int barrier_everywhere(void);

#endif
