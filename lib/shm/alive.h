/*
 * alive.h - who stands behind a program: locks on its file ".alive".
 *
 * The file is empty and is never replaced. What counts are write locks of
 * open file descriptions (F_OFD_SETLK), which the kernel drops when the last
 * descriptor of the description is closed, so however a process ends:
 *
 * - byte 0 alone: a registration. The program is alive.
 * - bytes 0 and 1: somebody builds or removes the directory. Not alive, and
 *   over in an instant.
 *
 * A lock excludes all others, and who asks learns its length. Only write
 * locks count: everybody who may read the file could take a read lock.
 */
#ifndef LIB_SHM_ALIVE_H
#define LIB_SHM_ALIVE_H

#include <stdbool.h>

#define ALIVE_FILE ".alive"

/* What a lock says; the value is its length. */
enum alive_role { ALIVE_PROGRAM = 1, ALIVE_CHANGE = 2 };

/* A program's directory with the lock that this process has on it. */
struct alive {
	int dir;
	int lock;
	struct alive *next; /* in the list of alive_keep() */
};

/*
 * Descriptors with locks must not slip into a child that another thread
 * forks: fork waits while one thread is between these two. Afterwards a lock
 * is kept in the list or closed. Entering returns 0 or -ENOMEM.
 */
int alive_enter(void);
void alive_leave(void);

/*
 * Take the lock of the program in directory dir. create: make the file when
 * it is missing. Returns 0, -EEXIST (alive), -EAGAIN (being changed: try
 * again), -ENOENT (no file), -EUCLEAN (no regular file), -EACCES.
 */
int alive_lock(int dir, enum alive_role role, bool create, int *ret_lock);

/*
 * Set the mode of the file: who gets into the directory may look, and who
 * may write there may take over.
 */
void alive_share(int dir, int lock);

/* Drop a lock for all descriptors of it, before its file is closed. */
void alive_unlock(int lock);

/* Tell whether the file under a lock is still that of the directory. */
bool alive_is_current(int dir, int lock);

/* 1 while somebody is registered, 0, or -EACCES, -EUCLEAN. */
int alive_probe(int dir);

/*
 * Keep a registration: a forked child closes both descriptors and sets them
 * to -1, or it would keep the program alive. Only between enter and leave.
 */
void alive_keep(struct alive *alive);

/* Close it; in a child of its process, without touching the lock. */
void alive_drop(struct alive *alive, bool inherited);

#endif
