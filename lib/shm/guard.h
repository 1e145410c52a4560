/*
 * guard.h - what a process must survive: fork, and peers that truncate.
 *
 * Fork. A child must not use its parent's client id. One page marked
 * MADV_WIPEONFORK reads as zero in every child, however it was made, until
 * the child opens handles of its own; then it holds a number that no handle
 * of the parent has. Looking at it is one load. A pthread_atfork handler closes
 * the descriptors of all segments in the child, so that the parent's locks die
 * with the parent, and those of bells.
 *
 * Truncation. Touching a page beyond the end of a file is SIGBUS. The
 * handler puts private zero pages there and marks the segment as broken; the
 * operation goes on with zeros, which its bounds take care of, and returns
 * -EUCLEAN, as does every later one on that handle.
 */
#ifndef LIB_SHM_GUARD_H
#define LIB_SHM_GUARD_H

#include "base/num.h"

#include <stdatomic.h>

struct guard; /* one mapping that is watched over */

/* Hidden, so that every public call reaches it by one load. */
extern const volatile uint32_t *guard_page
	__attribute__((visibility("hidden")));

/* True when a handle made in generation belongs to a parent process. */
static inline bool guard_inherited(uint32_t generation)
{
	return unlikely(*guard_page != generation);
}

/* Set up, once for each process. Returns 0, -ENOMEM. */
int guard_start(uint32_t *ret_generation);

/*
 * A segment's descriptor must not slip into a child that another thread
 * forks before the fork handler knows it: fork waits between these two.
 */
void guard_enter(void);
void guard_leave(void);

/*
 * Watch over a mapping; *broken is set to 1 when it turns out truncated.
 * Returns 0, -ENOMEM.
 */
int guard_add(char *base, size_t size, int fd, _Atomic int *broken,
	struct guard **ret_guard);

/*
 * Also close these descriptors in a forked child. Call between guard_enter()
 * and guard_leave(), where they were made.
 */
#define GUARD_KEPT 3
void guard_keep(struct guard *guard, const int fds[GUARD_KEPT]);

/* Stop watching; call before unmapping. NULL is accepted. */
void guard_remove(struct guard *guard);

#endif
