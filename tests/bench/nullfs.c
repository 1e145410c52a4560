/*
 * nullfs.c - a filesystem that does nothing, as fast as libfuse does that:
 * what the kernel and the way to user space cost, for W10.
 *
 *	nullfs MOUNTPOINT
 *
 * A directory "d" with a file "f" that takes all writes and reads as 64
 * bytes. One thread; files are opened with direct_io and without flush, names
 * and attributes of directories are cached, those of the file are not: as
 * agora's mount has to. Ready when the mount point is a directory of ours.
 */
#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROOT = 1, FOLDER, FILE_ };

static struct stat attributes(fuse_ino_t ino)
{
	struct stat st = {.st_ino = ino, .st_nlink = 1};

	st.st_mode = ino == FILE_ ? S_IFREG | 0666 : S_IFDIR | 0755;
	st.st_size = ino == FILE_ ? 64 : 0;
	return st;
}

static void lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param e = {0};

	if (parent == ROOT && !strcmp(name, "d"))
		e.ino = FOLDER;
	else if (parent == FOLDER && !strncmp(name, "f", 1))
		e.ino = FILE_;
	if (!e.ino) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	e.attr = attributes(e.ino);
	e.entry_timeout = e.attr_timeout = e.ino == FOLDER ? 1 : 0;
	fuse_reply_entry(req, &e);
}

static void getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st = attributes(ino);

	(void)fi;
	fuse_reply_attr(req, &st, ino == FILE_ ? 0 : 1);
}

static void open_file(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	fi->direct_io = 1;
	fi->noflush = 1;
	fuse_reply_open(req, fi);
}

static void read_file(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
	struct fuse_file_info *fi)
{
	static const char bytes[64];

	(void)ino;
	(void)offset;
	(void)fi;
	fuse_reply_buf(req, bytes, size < sizeof(bytes) ? size : sizeof(bytes));
}

static void write_file(fuse_req_t req, fuse_ino_t ino, const char *data,
	size_t size, off_t offset, struct fuse_file_info *fi)
{
	(void)ino;
	(void)data;
	(void)offset;
	(void)fi;
	fuse_reply_write(req, size);
}

static void release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	(void)fi;
	fuse_reply_err(req, 0);
}

static const struct fuse_lowlevel_ops operations = {
	.lookup = lookup,
	.getattr = getattr,
	.open = open_file,
	.read = read_file,
	.write = write_file,
	.release = release,
};

int main(int argc, char **argv)
{
	char *words[] = {argv[0], NULL};
	struct fuse_args args = FUSE_ARGS_INIT(1, words);
	struct fuse_session *session;
	int result;

	if (argc != 2) {
		fprintf(stderr, "usage: %s MOUNTPOINT\n", argv[0]);
		return 2;
	}
	session =
		fuse_session_new(&args, &operations, sizeof(operations), NULL);
	if (!session || fuse_set_signal_handlers(session) ||
		fuse_session_mount(session, argv[1]))
		return 1;
	result = fuse_session_loop(session);
	fuse_session_unmount(session);
	fuse_session_destroy(session);
	return result != 0;
}
