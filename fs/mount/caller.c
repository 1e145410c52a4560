/*
 * caller.c - acting with the identity of who asked.
 *
 * The kernel has checked the permissions that the mount shows. When the
 * server is root, the same call then runs with the caller's user, group and
 * supplementary groups, so that the space's file system checks once more:
 * somebody who swaps directories at the right moment gains nothing. The raw
 * system calls change this thread only, where glibc would change all.
 */
#include "caller.h"

#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#define GROUPS_MAX 1024

static void set_groups(size_t count, const gid_t *groups)
{
	syscall(SYS_setgroups, count, groups);
}

void caller_enter(fuse_req_t req)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	gid_t groups[GROUPS_MAX];
	int count;

	if (!server.act_as_caller)
		return;
	count = fuse_req_getgroups(req, GROUPS_MAX, groups);
	if (count < 0) /* of a process that we cannot see: none */
		count = 0;
	if (count > GROUPS_MAX)
		count = GROUPS_MAX;
	set_groups(count, groups);
	setfsgid(ctx->gid);
	setfsuid(ctx->uid);
}

void caller_leave(void)
{
	if (!server.act_as_caller)
		return;
	setfsuid(0);
	setfsgid(0);
	set_groups(0, NULL);
}
