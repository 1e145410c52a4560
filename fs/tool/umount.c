/*
 * umount.c - agora umount: take a mounted tree away.
 */
#include "tool.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

static const char doc[] =
	"Take the tree at DIR away. Programs and their objects stay."
	"\v"
	"Examples:\n"
	"  agora umount /agora\n"
	"  agora umount --lazy /agora    also when a shell stands in it\n";

struct arguments {
	const char *words[1];
	bool lazy;
};

static const struct argp_option options[] = {
	{"lazy", 'z', NULL, 0,
		"Detach it now, end it when nobody uses it any more", 0},
	{0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	static const struct tool_words words = {{"DIR"}, 1, 1};
	struct arguments *a = state->input;

	if (key != 'z')
		return tool_words(key, arg, state, &words, a->words);
	a->lazy = true;
	return 0;
}

static const struct argp argp = {.options = options,
	.parser = parse,
	.args_doc = "DIR",
	.doc = doc,
	.children = tool_children};

/* Returns 0 or, after a line, an exit status. */
static int check_mount(const char *path, char ret_real[PATH_MAX])
{
	char type[64];
	int r = mounts_resolve(path, ret_real);

	if (r == -ENOENT)
		return tool_say(path, "there is no such directory");
	if (r < 0)
		return tool_say(path, "%s", strerror(-r));
	r = mounts_find(ret_real, type);
	if (r < 0)
		return tool_say("/proc/self/mountinfo", "%s", strerror(-r));
	if (!r)
		return tool_say(path, "nothing is mounted here");
	if (strcmp(type, "fuse.agora") != 0)
		return tool_say(
			path, "not an agora tree: %s is mounted here", type);
	return 0;
}

int umount_main(int argc, char **argv)
{
	struct arguments a = {0};
	char real[PATH_MAX];
	int r;

	tool_parse(&argp, argc, argv, &a);
	r = check_mount(a.words[0], real);
	if (r)
		return r;
	if (umount2(real, UMOUNT_NOFOLLOW | (a.lazy ? MNT_DETACH : 0)) == 0)
		return TOOL_DONE;
	if (errno == EBUSY)
		return tool_say(a.words[0],
			"in use; leave it, or take it away with --lazy");
	if (errno != EPERM)
		return tool_say(a.words[0], "%s", strerror(errno));
	tool_restore_pipe(); /* not root: the helper may */
	execlp("fusermount3", "fusermount3", a.lazy ? "-uz" : "-u", "--", real,
		NULL);
	return tool_say("fusermount3", "%s", strerror(errno));
}
