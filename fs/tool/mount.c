/*
 * mount.c - agora mount: start the server that shows the space as a tree.
 */
#include "tool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char doc[] =
	"Show the space as a tree of files at DIR, an existing directory."
	"\v"
	"The server goes to the background once the tree can be used. It holds "
	"no data: stopping it disturbs no program.\n\n"
	"Examples:\n"
	"  agora mount /agora\n"
	"  agora mount -o allow_other --space /run/agora /mnt\n";

struct arguments {
	const char *words[1];
	bool foreground;
	struct text options; /* with a comma before each */
};

static const struct argp_option options[] = {
	{"foreground", 'f', NULL, 0, "Do not go to the background", 0},
	{NULL, 'o', "OPTION", 0,
		"A mount option, such as allow_other (other users may look)",
		0},
	{0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	static const struct tool_words words = {{"DIR"}, 1, 1};
	struct arguments *a = state->input;

	switch (key) {
	case 'f':
		a->foreground = true;
		return 0;
	case 'o':
		return text_print(&a->options, ",%s", arg) < 0 ? ENOMEM : 0;
	default:
		return tool_words(key, arg, state, &words, a->words);
	}
}

static const struct argp argp = {.options = options,
	.parser = parse,
	.args_doc = "DIR",
	.doc = doc,
	.children = tool_children};

/* The server beside this program, as it was built or as it is installed. */
static bool beside(const char *where, char ret_path[PATH_MAX])
{
	char self[PATH_MAX];
	ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;
	int length;

	if (size <= 0)
		return false;
	self[size] = 0;
	slash = strrchr(self, '/');
	if (slash)
		*slash = 0;
	length = snprintf(ret_path, PATH_MAX, "%s/%s", self, where);
	return length < PATH_MAX && access(ret_path, X_OK) == 0;
}

static const char *server(char path[PATH_MAX])
{
	const char *chosen = getenv("AGORA_MOUNT");

	if (chosen && *chosen)
		return chosen;
	if (beside("agora-mount", path) ||
		beside("../mount/agora-mount", path) ||
		beside("../libexec/agora-mount", path))
		return path;
	return AGORA_LIBEXECDIR "/agora-mount";
}

/* Returns 0 or, after a line, an exit status. */
static int check_directory(const char *path)
{
	char real[PATH_MAX], type[64];
	struct stat stat_;
	int r = mounts_resolve(path, real);

	if (r == -ENOENT)
		return tool_say(path, "there is no such directory");
	if (r < 0)
		return tool_say(path, "%s", strerror(-r));
	r = mounts_find(real, type);
	if (r < 0)
		return tool_say("/proc/self/mountinfo", "%s", strerror(-r));
	if (r)
		return tool_say(
			path, "something is mounted here already (%s)", type);
	if (stat(real, &stat_) < 0)
		return tool_say(path, "%s", strerror(errno));
	if (!S_ISDIR(stat_.st_mode))
		return tool_say(path, "not a directory");
	return 0;
}

int mount_main(int argc, char **argv)
{
	struct arguments a = {0};
	const char *args[8];
	char buffer[PATH_MAX];
	size_t n = 0;
	int r;

	tool_parse(&argp, argc, argv, &a);
	args[n++] = server(buffer);
	args[n++] = "--space";
	args[n++] = agora_space_path(tool_space());
	if (a.foreground)
		args[n++] = "--foreground";
	if (a.options.size && text_append(&a.options, "", 1) == 0) {
		args[n++] = "-o";
		args[n++] = a.options.data + 1;
	}
	args[n++] = a.words[0];
	args[n] = NULL;
	r = check_directory(a.words[0]);
	if (r == 0) {
		tool_restore_pipe();
		execv(args[0], (char **)args);
		r = tool_say(args[0], "%s", strerror(errno));
	}
	text_free(&a.options);
	return r;
}
