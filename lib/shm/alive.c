/* alive.c - who stands behind a program: see alive.h. */
#include "shm/alive.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int once_error;
static struct alive *kept;

/* ---- fork ----------------------------------------------------------- */

static void before_fork(void)
{
	pthread_mutex_lock(&mutex);
}

static void after_fork_in_parent(void)
{
	pthread_mutex_unlock(&mutex);
}

static void after_fork_in_child(void)
{
	for (struct alive *a = kept; a; a = a->next) {
		close(a->lock);
		close(a->dir);
		a->lock = a->dir = -1;
	}
	kept = NULL;
	after_fork_in_parent();
}

static void start(void)
{
	once_error = -pthread_atfork(
		before_fork, after_fork_in_parent, after_fork_in_child);
}

int alive_enter(void)
{
	pthread_once(&once, start);
	if (once_error)
		return once_error;
	pthread_mutex_lock(&mutex);
	return 0;
}

void alive_leave(void)
{
	pthread_mutex_unlock(&mutex);
}

void alive_keep(struct alive *alive)
{
	alive->next = kept;
	kept = alive;
}

void alive_drop(struct alive *alive, bool inherited)
{
	pthread_mutex_lock(&mutex);
	for (struct alive **a = &kept; *a; a = &(*a)->next)
		if (*a == alive) {
			*a = alive->next;
			break;
		}
	/* The lock is the parent's as well: there, closing is all. */
	if (!inherited)
		alive_unlock(alive->lock);
	if (alive->lock >= 0)
		close(alive->lock);
	if (alive->dir >= 0)
		close(alive->dir);
	pthread_mutex_unlock(&mutex);
}

/* ---- lock ----------------------------------------------------------- */

static int open_file(int dir, int flags)
{
	struct stat st;
	int fd = openat(dir, ALIVE_FILE,
		flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);

	if (fd < 0)
		return errno == ELOOP || errno == EISDIR ? -EUCLEAN : -errno;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return -EUCLEAN;
	}
	return fd;
}

/*
 * Two steps, since O_CREAT on what another user made is refused in some
 * directories.
 */
static int open_or_create(int dir)
{
	int fd = open_file(dir, O_RDWR);

	if (fd == -ENOENT)
		fd = open_file(dir, O_RDWR | O_CREAT | O_EXCL);
	return fd == -EEXIST ? -EAGAIN : fd;
}

/* Fails on a file of another user, who has then done so. */
void alive_share(int dir, int fd)
{
	struct stat st, file;
	mode_t mode;

	if (fstat(dir, &st) || fstat(fd, &file))
		return;
	mode = 0644 | (st.st_mode & 0022);
	if ((file.st_mode & 0777) != mode)
		fchmod(fd, mode);
}

/* Ask for the lock that keeps one of type from byte 0. */
static int query(int fd, short type, struct flock *ret_lock)
{
	*ret_lock = (struct flock){
		.l_type = type, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
	return fcntl(fd, F_OFD_GETLK, ret_lock) ? -errno : 0;
}

static bool is_registration(const struct flock *lock)
{
	return lock->l_type == F_WRLCK && lock->l_len == ALIVE_PROGRAM;
}

static int lock_file(int fd, enum alive_role role)
{
	struct flock lock = {.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = 0,
		.l_len = role};
	int error;

	if (!fcntl(fd, F_OFD_SETLK, &lock))
		return 0;
	if (errno != EAGAIN && errno != EACCES)
		return -errno;
	error = query(fd, F_WRLCK, &lock);
	if (error)
		return error;
	return is_registration(&lock) ? -EEXIST : -EAGAIN;
}

int alive_lock(int dir, enum alive_role role, bool create, int *ret_lock)
{
	int fd = create ? open_or_create(dir) : open_file(dir, O_RDWR);
	int error;

	if (fd < 0)
		return fd;
	error = lock_file(fd, role);
	if (error) {
		close(fd);
		return error;
	}
	alive_share(dir, fd);
	*ret_lock = fd;
	return 0;
}

void alive_unlock(int lock)
{
	struct flock none = {.l_type = F_UNLCK, .l_whence = SEEK_SET};

	fcntl(lock, F_OFD_SETLK, &none);
}

bool alive_is_current(int dir, int lock)
{
	struct stat named, locked;

	return !fstatat(dir, ALIVE_FILE, &named, AT_SYMLINK_NOFOLLOW) &&
	       !fstat(lock, &locked) && named.st_ino == locked.st_ino &&
	       named.st_dev == locked.st_dev;
}

int alive_probe(int dir)
{
	int fd = open_file(dir, O_RDONLY), error;
	struct flock lock;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	error = query(fd, F_RDLCK, &lock);
	close(fd);
	return error ? error : is_registration(&lock);
}
