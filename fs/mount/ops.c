/*
 * ops.c - the table of operations and what each may answer.
 *
 * Each operation finds what its node stands for, lets the file of that noun
 * do it, and answers once. A node that is gone is ESTALE: the kernel then
 * looks its path up again, and who asked gets ENOENT or the new thing.
 * Permissions have been checked by the kernel from the attributes that we
 * show (the mount always has default_permissions).
 */
#include "ops.h"

#include "attr.h"
#include "loop.h"
#include "names.h"
#include "park.h"
#include "ready.h"
#include "stage.h"
#include "tree.h"
#include "xattr.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

/* From this minor version of the protocol on: see events.c. */
#define EPOCH_MINOR 44

static void answer(fuse_req_t req, int r)
{
	fuse_reply_err(req, r < 0 ? -r : 0);
}

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
	(void)userdata;
	/* releases are background requests: let many be on their way */
	server.can_forget_names = conn->proto_minor >= EPOCH_MINOR;
	conn->max_background = 256;
	conn->congestion_threshold = 192;
}

/* ---- names ------------------------------------------------------------ */

/* Directories are on the way to everything; all else is looked up anew. */
static double name_timeout(const struct place *place)
{
	return attr_timeout(place);
}

/* Count a lookup of the place and fill in what is told about it. */
static int make_entry(fuse_req_t req, struct place *place,
	const struct stat *source, struct fuse_entry_param *ret_entry)
{
	struct fuse_entry_param e = {0};
	bool brief = attr_is_brief(place);
	int r;

	/* Else the size is asked for when somebody wants it. */
	r = attr_get(place, source, brief, &e.attr);
	if (r < 0)
		return r;
	e.attr_timeout = attr_timeout(place);
	if (server.can_forget_names)
		e.entry_timeout = name_timeout(place);
	e.ino = node_get(place, fuse_req_ctx(req)->pid);
	if (!e.ino)
		return -ENOMEM;
	if (brief && !e.attr_timeout && node_keep(e.ino))
		e.attr_timeout = WALK_TIMEOUT;
	*ret_entry = e;
	return 0;
}

static void answer_entry(
	fuse_req_t req, struct place *place, const struct stat *source)
{
	struct fuse_entry_param e;
	int r = make_entry(req, place, source, &e);

	if (r < 0)
		answer(req, r == -ESTALE ? -ENOENT : r);
	else if (fuse_reply_entry(req, &e) < 0)
		node_forget(e.ino, 1);
}

/* ENOENT, ENOTDIR, ENAMETOOLONG, ESTALE, EACCES, EUCLEAN, ENOMEM. */
static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct place dir, place;
	struct stat source;
	int r = tree_find(parent, &dir);

	if (!r)
		r = tree_lookup_stat(&dir, name, &place, &source);
	if (r)
		answer(req, r);
	else
		answer_entry(req, &place, &source);
}

static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t lookups)
{
	node_forget(ino, lookups);
	fuse_reply_none(req);
}

static void op_forget_multi(
	fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < count; i++)
		node_forget(forgets[i].ino, forgets[i].nlookup);
	fuse_reply_none(req);
}

/* EEXIST, EPERM, EINVAL, ENAMETOOLONG, EACCES, ENOSPC, ESTALE. */
static void op_mkdir(
	fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	struct place dir, place;
	int r = tree_find(parent, &dir);

	loop_hand_over();
	if (!r)
		r = names_mkdir(req, &dir, name, mode, &place);
	if (r)
		answer(req, r);
	else
		answer_entry(req, &place, NULL);
}

/* As mkdir. Only regular files: EPERM for all others. */
static void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name,
	mode_t mode, dev_t rdev)
{
	struct place dir, place;
	int r = tree_find(parent, &dir);

	(void)rdev;
	loop_hand_over();
	if (!r)
		r = S_ISREG(mode) ? names_create(req, &dir, name, mode, &place)
				  : -EPERM;
	if (!r && place.facet == FACET_KEY)
		r = stage_resize(&place, 0);
	if (r)
		answer(req, r);
	else
		answer_entry(req, &place, NULL);
}

/* EPERM. */
static void op_symlink(
	fuse_req_t req, const char *link, fuse_ino_t parent, const char *name)
{
	(void)link;
	(void)parent;
	(void)name;
	answer(req, -EPERM);
}

/* EPERM. */
static void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t new_parent,
	const char *new_name)
{
	(void)ino;
	(void)new_parent;
	(void)new_name;
	answer(req, -EPERM);
}

/* ENOENT, EPERM, EACCES, EBUSY (another writer), ESTALE. */
static void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct place dir;
	int r = tree_find(parent, &dir);

	loop_hand_over();
	answer(req, r < 0 ? r : names_unlink(req, &dir, name));
}

/* ENOENT, EPERM, ENOTEMPTY, EBUSY (alive), EACCES, ESTALE. */
static void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct place dir;
	int r = tree_find(parent, &dir);

	loop_hand_over();
	answer(req, r < 0 ? r : names_rmdir(req, &dir, name));
}

/* ENOENT, EEXIST, EPERM, EINVAL, EOPNOTSUPP, ENAMETOOLONG, EACCES, ESTALE. */
static void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name,
	fuse_ino_t new_parent, const char *new_name, unsigned int flags)
{
	struct place from, to;
	int r = tree_find(parent, &from);

	loop_hand_over();
	if (!r)
		r = tree_find(new_parent, &to);
	if (!r && flags & ~(unsigned int)RENAME_NOREPLACE)
		r = -EINVAL;
	if (!r)
		r = names_rename(req, &from, name, &to, new_name);
	answer(req, r);
}

/* ---- attributes ------------------------------------------------------- */

static void answer_attr(fuse_req_t req, fuse_ino_t ino, struct place *place)
{
	struct stat st;
	int r = attr_get(place, NULL, true, &st);

	if (r < 0) {
		answer(req, r);
		return;
	}
	node_moved(ino, place);
	fuse_reply_attr(req, &st, attr_timeout(place));
}

/* ESTALE, ENOMEM. */
static void op_getattr(
	fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct place place;
	int r = tree_find(ino, &place);

	(void)fi;
	if (r < 0)
		answer(req, r);
	else
		answer_attr(req, ino, &place);
}

/* EPERM, EACCES, EMSGSIZE (a value too large), EBADMSG, ESTALE. */
static void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr,
	int to_set, struct fuse_file_info *fi)
{
	struct file *file = NULL;
	struct place place;
	int r = tree_find(ino, &place);

	loop_hand_over();
	if (!r && fi)
		r = file_get(req, ino, fi, &file);
	if (!r)
		r = attr_set(req, &place, attr, to_set, file);
	file_put(file);
	if (r < 0)
		answer(req, r);
	else
		answer_attr(req, ino, &place);
}

/* ENODATA, ERANGE, ESTALE, EUCLEAN. */
static void answer_text(fuse_req_t req, int r, struct text *t, size_t size)
{
	if (r < 0)
		answer(req, r);
	else if (!size)
		fuse_reply_xattr(req, t->size);
	else if (size < t->size)
		answer(req, -ERANGE);
	else
		fuse_reply_buf(req, t->data, t->size);
	text_free(t);
}

static void op_getxattr(
	fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	struct text value = {0};
	struct place place;
	int r = tree_find(ino, &place);

	if (!r)
		r = xattr_get(&place, name, &value);
	answer_text(req, r, &value, size);
}

static void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	struct text names = {0};
	struct place place;
	int r = tree_find(ino, &place);

	if (!r)
		r = xattr_list(&place, &names);
	answer_text(req, r, &names, size);
}

static int refuse_xattr(const char *name)
{
	return strncmp(name, "user.agora.", 11) ? -EOPNOTSUPP : -EPERM;
}

/* EPERM (agora's own are fixed), EOPNOTSUPP (all others). */
static void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name,
	const char *value, size_t size, int flags)
{
	(void)ino;
	(void)value;
	(void)size;
	(void)flags;
	answer(req, refuse_xattr(name));
}

/* As setxattr. */
static void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	(void)ino;
	answer(req, refuse_xattr(name));
}

/* EIO. */
static void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct statvfs st;

	(void)ino;
	if (fstatvfs(server.space_fd, &st) < 0) {
		answer(req, -errno);
		return;
	}
	st.f_namemax = 255;
	fuse_reply_statfs(req, &st);
}

/* ---- open files ------------------------------------------------------- */

static int open_file(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
	bool *ret_flush)
{
	struct place place;
	struct file *file;
	int r = tree_find(ino, &place);

	if (!r)
		r = file_open(req, &place, fi->flags, false, &file);
	if (r)
		return r == -ENOENT ? -ESTALE : r;
	fi->fh = file->fh;
	*ret_flush = file_wants_flush(file);
	if (node_opened(ino)) /* attributes of an open file are never kept */
		fuse_lowlevel_notify_inval_inode(server.session, ino, -1, 0);
	return 0;
}

static void close_file(fuse_ino_t ino, uint64_t fh)
{
	file_release(fh);
	node_closed(ino);
}

/* As fuse_reply_open(), which tells by a bit that is another one in the next
 * release of the library whether a close is asked about. */
static int answer_open(fuse_req_t req, uint64_t fh, bool flush)
{
	const struct fuse_open_out out = {
		.fh = fh,
		.open_flags = FOPEN_DIRECT_IO |
			      (flush ? 0u : (uint32_t)FOPEN_NOFLUSH),
	};

	return fuse_reply_buf(req, (const char *)&out, sizeof(out));
}

/* EACCES, EFBIG, EUCLEAN, EPROTO, EPROTOTYPE, EUSERS, ENOMEM, ESTALE. */
static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	bool flush = false;
	int r = open_file(req, ino, fi, &flush);

	if (r < 0)
		answer(req, r);
	else if (answer_open(req, fi->fh, flush) < 0)
		close_file(ino, fi->fh);
}

/* As open. */
static void op_opendir(
	fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	bool flush;
	int r;

	loop_hand_over();
	r = open_file(req, ino, fi, &flush);
	if (r < 0)
		answer(req, r);
	else if (fuse_reply_open(req, fi) < 0)
		close_file(ino, fi->fh);
}

static void answer_create(
	fuse_req_t req, struct place *place, struct fuse_file_info *fi)
{
	struct fuse_entry_param e;
	struct file *file;
	int r;

	r = file_open(req, place, fi->flags, true, &file);
	if (r) {
		answer(req, r);
		return;
	}
	fi->fh = file->fh;
	fi->direct_io = 1;
	r = make_entry(req, place, NULL, &e);
	if (r < 0) {
		answer(req, r);
		file_release(fi->fh);
		return;
	}
	node_opened(e.ino);
	e.attr_timeout = attr_timeout(place);
	if (fuse_reply_create(req, &e, fi) < 0) {
		close_file(e.ino, fi->fh);
		node_forget(e.ino, 1);
	}
}

/* As mkdir and open. What has come meanwhile is ESTALE without O_EXCL: the
 * kernel looks again, and checks whether the caller may open it. */
static void op_create(fuse_req_t req, fuse_ino_t parent, const char *name,
	mode_t mode, struct fuse_file_info *fi)
{
	struct place dir, place;
	int r = tree_find(parent, &dir);

	loop_hand_over();
	if (!r)
		r = names_create(req, &dir, name, mode, &place);
	if (r == -EEXIST && !(fi->flags & O_EXCL) &&
		!tree_lookup(&dir, name, &place))
		r = -ESTALE;
	if (r)
		answer(req, r);
	else
		answer_create(req, &place, fi);
}

/* The file of a request, with the flags that it has now. */
static int use_file(fuse_req_t req, fuse_ino_t ino,
	const struct fuse_file_info *fi, struct file **ret_file)
{
	int r = file_get(req, ino, fi, ret_file);

	if (r < 0)
		return r;
	pthread_mutex_lock(&(*ret_file)->lock);
	(*ret_file)->flags = fi->flags;
	pthread_mutex_unlock(&(*ret_file)->lock);
	return 0;
}

/* EAGAIN, EINTR, EACCES, EFBIG, EUCLEAN, ENOBUFS, ENOMEM, ESTALE. */
static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
	struct fuse_file_info *fi)
{
	struct file *file = NULL;
	int r;

	if (size > BRIEF_BYTES)
		loop_hand_over();
	r = use_file(req, ino, fi, &file);
	if (r < 0)
		answer(req, r);
	else
		file->face->read(req, file, size, off);
	file_put(file);
}

/* EAGAIN, EINTR, EBADMSG, EMSGSIZE, ENOSPC, EBUSY, EFBIG, EUCLEAN, ENOBUFS,
 * ENOMEM, ESTALE. Returns short at the end of a line. */
static void op_write(fuse_req_t req, fuse_ino_t ino, const char *data,
	size_t size, off_t off, struct fuse_file_info *fi)
{
	struct file *file = NULL;
	int r;

	if (size > BRIEF_BYTES)
		loop_hand_over();
	r = use_file(req, ino, fi, &file);
	if (r < 0)
		answer(req, r);
	else
		file->face->write(req, file, data, size, off);
	file_put(file);
}

/* As write: what is published on close. */
static void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct file *file = NULL;
	int r = file_get(req, ino, fi, &file);

	if (r < 0 || !file->face->flush)
		answer(req, r);
	else
		file->face->flush(req, file);
	file_put(file);
}

/* Nothing: close(2) has returned already. */
static void op_release(
	fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	close_file(ino, fi->fh);
	answer(req, 0);
}

/* Nothing is left to be written: it is memory. */
static void op_fsync(
	fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	(void)ino;
	(void)datasync;
	(void)fi;
	answer(req, 0);
}

/* ---- poll ------------------------------------------------------------- */

/* ESTALE. */
static void op_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
	struct fuse_pollhandle *handle)
{
	struct file *file = NULL;
	uint32_t events, ready = 0;
	int r = file_get(req, ino, fi, &file); /* no flags come with it */

	if (r < 0) {
		answer(req, r);
		if (handle)
			fuse_pollhandle_destroy(handle);
		return;
	}
	events = ready_events(file);
	if (events)
		ready = ready_now(file, events, handle);
	else if (handle)
		fuse_pollhandle_destroy(handle);
	fuse_reply_poll(req, ready_bits(file, ready));
	file_put(file);
}

const struct fuse_lowlevel_ops ops_table = {
	.init = op_init,
	.lookup = op_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.getattr = op_getattr,
	.setattr = op_setattr,
	.mknod = op_mknod,
	.mkdir = op_mkdir,
	.symlink = op_symlink,
	.link = op_link,
	.unlink = op_unlink,
	.rmdir = op_rmdir,
	.rename = op_rename,
	.open = op_open,
	.create = op_create,
	.read = op_read,
	.write = op_write,
	.flush = op_flush,
	.release = op_release,
	.fsync = op_fsync,
	.opendir = op_opendir,
	.readdir = op_read,
	.releasedir = op_release,
	.fsyncdir = op_fsync,
	.statfs = op_statfs,
	.setxattr = op_setxattr,
	.getxattr = op_getxattr,
	.listxattr = op_listxattr,
	.removexattr = op_removexattr,
	.poll = op_poll,
};
