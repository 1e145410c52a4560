/*
 * attr.c - owner, mode, size and times of a node; changing them.
 *
 * Owner, group, times and permission bits are those of the segment or of the
 * program's directory. What belongs to an object has the bits that follow
 * from the object's: to pop, one must be allowed to read and to write it.
 */
#include "attr.h"

#include "caller.h"
#include "stage.h"
#include "tree.h"
#include "view.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define R 4
#define W 2
#define X 1

static bool is_folder(enum facet facet)
{
	return facet == FACET_FOLDER || facet == FACET_KEYS;
}

/* For each class of users: give bits where all that is needed is set. */
static mode_t grant(mode_t mode, mode_t need, mode_t give)
{
	mode_t bits = 0;

	for (int shift = 0; shift <= 6; shift += 3)
		if ((mode >> shift & need) == need)
			bits |= give << shift;
	return bits;
}

static mode_t mode_of(enum facet facet, mode_t mode)
{
	switch (facet) {
	case FACET_ROOT:
	case FACET_PROGRAM:
		return mode;
	case FACET_OBJECT:
	case FACET_KEY:
		return S_IFREG | grant(mode, R, R) | grant(mode, W, W);
	case FACET_FOLDER:
	case FACET_KEYS:
		return S_IFDIR | grant(mode, R, R | X) | grant(mode, W, W | X);
	case FACET_DOT:
		return S_IFDIR | grant(mode, R, R | X) | grant(mode, W, X);
	case FACET_POP:
	case FACET_PIPE:
		return S_IFREG | grant(mode, R | W, R);
	case FACET_PUT:
		return S_IFREG | grant(mode, W, W);
	case FACET_README:
	case FACET_EVENTS:
	case FACET_FOLLOW:
		return S_IFREG | 0444;
	default:
		return S_IFREG | grant(mode, R, R);
	}
}

static int stat_program(struct place *place, struct stat *st)
{
	int fd = tree_program_fd(place), r;

	if (fd < 0)
		return fd;
	r = fstat(fd, st) < 0 ? -errno : 0;
	close(fd);
	return r;
}

/* The status of what the node's attributes are taken from. */
static int stat_source(struct place *place, struct stat *st)
{
	switch (place->facet) {
	case FACET_ROOT:
	case FACET_README:
	case FACET_EVENTS:
	case FACET_FOLLOW:
		return fstat(server.space_fd, st) < 0 ? -errno : 0;
	case FACET_PROGRAM:
	case FACET_MANIFEST:
		return stat_program(place, st);
	default:
		if (!object_fstat(place->ino, st))
			return 0;
		return tree_segment_stat(place, st);
	}
}

static int key_size(struct place *place, uint64_t *ret_size)
{
	int r = object_key_size(place, ret_size);

	if (r != -ENOENT)
		return r;
	*ret_size = 0;
	return file_is_being_made(place) ? 0 : -ESTALE;
}

bool attr_is_brief(const struct place *place)
{
	return place->facet != FACET_OBJECT || object_is_brief(place->ino);
}

double attr_timeout(const struct place *place)
{
	switch (place->facet) {
	case FACET_ROOT:
	case FACET_PROGRAM:
	case FACET_FOLDER:
	case FACET_DOT:
		return DIR_TIMEOUT;
	default:
		return 0;
	}
}

int attr_get(struct place *place, const struct stat *source, bool sized,
	struct stat *ret_stat)
{
	struct stat st;
	uint64_t size = 0;
	bool dir;
	int r = 0;

	if (source && source->st_ino) {
		st = *source;
	} else {
		r = stat_source(place, &st);
		if (r < 0)
			return r;
	}
	st.st_mode = mode_of(place->facet, st.st_mode);
	dir = S_ISDIR(st.st_mode);
	st.st_ino = node_ino(place);
	if (sized && place->facet == FACET_KEY)
		r = key_size(place, &size);
	else if (sized && !dir)
		size = view_size(place);
	if (r < 0)
		return r;
	if (!dir)
		st.st_size = size;
	if (!dir && place->facet != FACET_OBJECT) {
		st.st_blocks = (size + 511) / 512;
		st.st_nlink = 1;
	}
	if (is_folder(place->facet) || place->facet == FACET_DOT) {
		st.st_nlink = 2;
		st.st_size = 0;
		st.st_blocks = 0;
	}
	st.st_blksize = 1 << 20; /* tools then write as much at once */
	*ret_stat = st;
	return 0;
}

/* ---- changing --------------------------------------------------------- */

static struct timespec time_to_set(
	const struct timespec *given, int set, int now)
{
	if (now)
		return (struct timespec){.tv_nsec = UTIME_NOW};
	if (!set)
		return (struct timespec){.tv_nsec = UTIME_OMIT};
	return *given;
}

static int change(int fd, const struct stat *st, int to_set)
{
	bool uid = to_set & FUSE_SET_ATTR_UID, gid = to_set & FUSE_SET_ATTR_GID;
	struct timespec times[2];
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if ((uid || gid) &&
		fchownat(fd, "", uid ? st->st_uid : (uid_t)-1,
			gid ? st->st_gid : (gid_t)-1, AT_EMPTY_PATH) < 0)
		return -errno;
	if (to_set & FUSE_SET_ATTR_MODE && chmod(path, st->st_mode & 07777) < 0)
		return -errno;
	if (!(to_set & (FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME)))
		return 0;
	times[0] = time_to_set(&st->st_atim, to_set & FUSE_SET_ATTR_ATIME,
		to_set & FUSE_SET_ATTR_ATIME_NOW);
	times[1] = time_to_set(&st->st_mtim, to_set & FUSE_SET_ATTR_MTIME,
		to_set & FUSE_SET_ATTR_MTIME_NOW);
	return utimensat(AT_FDCWD, path, times, 0) < 0 ? -errno : 0;
}

static int open_source(struct place *place)
{
	int fd;

	switch (place->facet) {
	case FACET_ROOT:
		fd = fcntl(server.space_fd, F_DUPFD_CLOEXEC, 0);
		return fd < 0 ? -errno : fd;
	case FACET_PROGRAM:
		return tree_program_fd(place);
	case FACET_OBJECT:
		return tree_segment_fd(place);
	default:
		return -EPERM;
	}
}

/* Whether owner, group and mode of keys are to be what they are: tools that
 * copy whole trees ask for that. */
static bool is_so(struct place *place, const struct stat *st, int to_set)
{
	struct stat now;

	if (place->facet != FACET_KEY && !is_folder(place->facet))
		return false;
	if (attr_get(place, NULL, false, &now) < 0)
		return false;
	if (to_set & ~(FUSE_SET_ATTR_MODE | FUSE_SET_ATTR_UID |
			     FUSE_SET_ATTR_GID | FUSE_SET_ATTR_CTIME))
		return false;
	return !(to_set & FUSE_SET_ATTR_MODE &&
		       (now.st_mode ^ st->st_mode) & 07777) &&
	       !(to_set & FUSE_SET_ATTR_UID && now.st_uid != st->st_uid) &&
	       !(to_set & FUSE_SET_ATTR_GID && now.st_gid != st->st_gid);
}

static int change_source(
	fuse_req_t req, struct place *place, const struct stat *st, int to_set)
{
	int fd = open_source(place), r;

	if (fd == -EPERM && is_so(place, st, to_set))
		return 0;
	if (fd < 0)
		return fd;
	caller_enter(req);
	r = change(fd, st, to_set);
	caller_leave();
	close(fd);
	return r;
}

static bool is_only_value(const struct place *place)
{
	const struct agora_kind *kind = agora_kind_of(place->object);

	return kind && kind->shape == AGORA_VALUE;
}

static int resize(struct place *place, uint64_t size, struct file *file)
{
	switch (place->facet) {
	case FACET_OBJECT:
		if (!is_only_value(place))
			return 0; /* what was said was said */
		break;
	case FACET_PUT:
		return 0;
	case FACET_KEY:
		break;
	default:
		return -EPERM;
	}
	return file ? stage_truncate(file, size) : stage_resize(place, size);
}

int attr_set(fuse_req_t req, struct place *place, const struct stat *st,
	int to_set, struct file *file)
{
	const int times = FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME |
			  FUSE_SET_ATTR_ATIME_NOW | FUSE_SET_ATTR_MTIME_NOW |
			  FUSE_SET_ATTR_CTIME;
	int r = 0;

	if (to_set & FUSE_SET_ATTR_SIZE)
		r = resize(place, st->st_size, file);
	to_set &= ~FUSE_SET_ATTR_SIZE;
	if (r < 0 || !to_set)
		return r;
	/* times of keys are the object's: nothing to do, so that tar and cp
	 * can fill a folder */
	if (place->facet == FACET_KEY && !(to_set & ~times))
		return file ? stage_touch(file) : 0;
	if (is_folder(place->facet) && !(to_set & ~times))
		return 0;
	if (place->facet == FACET_OBJECT && !(to_set & ~FUSE_SET_ATTR_CTIME))
		return 0;
	return change_source(req, place, st, to_set);
}
