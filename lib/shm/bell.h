/*
 * bell.h - a descriptor that becomes readable when an object changes.
 *
 * What: poll(2) cannot sleep on a futex. A waiter watches the file of the
 * segment with an inotify instance of its own process. Who changes the
 * object and finds a flag set for bells writes one byte of the file, which
 * nobody reads: the kernel tells all who watch (IN_MODIFY). When a client
 * dies the kernel closes its descriptors, and tells that too
 * (IN_CLOSE_WRITE). While no flag is set nobody pays for anything.
 *
 * Protocol
 *  arm     1 read away what inotify holds  2 somebody closed: recover the
 *          dead  3 set the flag and count a round, in one step
 *          4 look for what is waited for; not there: sleep
 *  ring    1 (after the change) read the word of flags; none set: done
 *          2 write the byte  3 clear the flag, if the round is that of 1
 *
 * Why nobody sleeps for good. Let a change come about that arm 4 does not
 * see. Then ring 1 finds the flag, since one of the two sees the other [E],
 * unless it was cleared between arm 3 and ring 1: see below. Ring 2 follows
 * arm 3, which follows arm 1: the event is not read away, the waiter wakes.
 *  - Several waiters: ring 2 wakes all who watch; each arms anew.
 *  - The flag is cleared under a waiter's feet: who does that wrote the byte
 *    after it read the round, and no waiter armed since then. So every flag
 *    it clears belongs to a waiter that armed before that write, wakes by
 *    it, and arms anew. Several who ring at one time write several bytes.
 *  - Somebody who rings is killed before 2: it was alive after arm 3, so
 *    that the kernel closes its descriptors after arm 1. After 2: all is
 *    told, and the flag that stays costs the next one a write for nothing.
 *  - Somebody who rings is stopped, and not dead: the flag stays until the
 *    byte is written, so the next change rings. The change of who is stopped
 *    is told when it goes on. Clearing first would leave everybody asleep.
 *
 * The dead. The kernel tells that a file is closed before it drops the locks
 * of that file: who looks at once may find the dead alive. Mostly a second
 * event follows the locks, that of the mapping's description, but not when
 * a forked child has inherited the mapping, or when threads die in an order
 * of their own. So arm 2 leaves a timer behind, as long as there is anybody
 * else, and looks again after 1, 10, 100 and 1000 ms. A client whose locks
 * outlive that (its exit would have to take a second) is found with the next
 * close, or by whoever sweeps.
 *
 * Doubt. Where changes are release stores and this process may not issue the
 * barrier for them (event.h), both sides of arm 4 and ring 1 may miss the
 * other. But not for longer than a store waits in its processor. So the timer
 * has the waiter look again after 1 ms, once: if it is woken by nothing else
 * the flag has been up since, or a byte would have been written.
 *
 * The descriptor is an epoll instance of the inotify instance and the timer.
 * All three are closed in a forked child: see guard.h.
 */
#ifndef LIB_SHM_BELL_H
#define LIB_SHM_BELL_H

#include "shm/segment.h"

/* Make the descriptor, or find it. Returns it, -EMFILE, -ENOSPC, ... */
int bell_open(struct segment *segment);

/* Close the descriptor, if there is one, before the segment. */
void bell_close(struct segment *segment, bool inherited);

/* Arm 1 and 2. Returns 0, -EINVAL (there is no descriptor). */
int bell_take(struct segment *segment);

/* After arm 4 found nothing: see to it that a change was not missed. */
void bell_doubt(struct segment *segment, uint32_t events);

/*
 * Ring 2 and 3, for bits of armed; word: what ring 1 read. Rings whether or
 * not they are set in it.
 */
void bell_ring(struct segment *segment, uint32_t word, uint32_t bits);

#endif
