/*
 * feed.c - a producer: each line of standard input becomes a message.
 *
 *   feed NAME < lines
 *
 * Registers as the program NAME and fills NAME/files.queue. When the queue
 * is full it sleeps until there is room. The queue stays when it has ended.
 */
#include <agora/agora.h>
#include <stdio.h>
#include <stdlib.h>

static void must(int result, const char *what)
{
	if (result >= 0)
		return;
	fprintf(stderr, "feed: %s: %s\n", what, agora_strerror(result));
	exit(1);
}

static struct agora_program *enroll(struct agora_space *space, const char *name)
{
	static const char *const tags[] = {"role=producer", NULL};
	struct agora_program_options options = {
		.doc = "reads checksums and files, one on each line",
		.tags = tags};
	struct agora_program *program;

	must(agora_program_register(space, name, &options, &program), name);
	return program;
}

static struct agora_queue *open_queue(
	struct agora_space *space, const char *name)
{
	/* One message on each line, in any encoding: names of files. */
	struct agora_options options = {
		.type = "bytes/line", .capacity = 1024, .message_size = 8192};
	struct agora_queue *queue;
	char path[2 * AGORA_NAME_MAX];

	snprintf(path, sizeof(path), "%s/files.queue", name);
	must(agora_queue_open(
		     space, path, AGORA_WRITE | AGORA_CREATE, &options, &queue),
		path);
	return queue;
}

static void push_lines(struct agora_queue *queue)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t size;

	while ((size = getline(&line, &room, stdin)) > 0) {
		if (line[size - 1] == '\n')
			size--;
		must(agora_queue_push_wait(queue, line, (size_t)size, NULL),
			"push");
	}
	free(line);
}

int main(int argc, char **argv)
{
	struct agora_space *space;
	struct agora_program *program;
	struct agora_queue *queue;

	if (argc != 2) {
		fprintf(stderr, "usage: feed NAME < lines\n");
		return 2;
	}
	must(agora_space_open(NULL, &space), "space");
	program = enroll(space, argv[1]);
	queue = open_queue(space, argv[1]);
	push_lines(queue);
	agora_queue_close(queue);
	agora_program_unregister(program);
	agora_space_close(space);
	return 0;
}
