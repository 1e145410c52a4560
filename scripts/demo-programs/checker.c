/*
 * checker.c - a worker: takes files from a queue, puts verdicts in a table.
 *
 *   checker NAME
 *
 * A message of feed/files.queue is "MD5  PATH". The verdict, "ok SIZE NAME",
 * "changed SIZE NAME" or "missing - NAME", goes into results/files.table
 * under the path.
 *
 * A message is claimed, worked on, and released only when its verdict is in
 * the table. Whoever is killed in between loses nothing: the message is
 * delivered again, and the same verdict put under the same key.
 *
 * Before each file it looks into results/control.table, whoever wrote there:
 *   pause  "yes": rest until it says something else
 *   pace   microseconds to take for each file
 *   stop   "yes": end
 */
#include <agora/agora.h>
#include <errno.h>
#include <md5.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIGEST    32    /* hexadecimal digits of an MD5 */
#define RESTING   20000 /* microseconds */
#define IDLE_NSEC 100000000

static const char *name;
static struct agora_queue *files;
static struct agora_table *results, *control;

static void must(int result, const char *what)
{
	if (result >= 0)
		return;
	fprintf(stderr, "%s: %s: %s\n", name, what, agora_strerror(result));
	exit(1);
}

/* ---- what others ask of us -------------------------------------------- */

static void ask(const char *key, char answer[16])
{
	struct agora_buffer value = {.data = answer, .capacity = 15};

	if (agora_table_get(control, key, strlen(key), &value) < 0)
		value.size = 0;
	answer[value.size] = 0;
}

static bool asked_to(const char *key)
{
	char answer[16];

	ask(key, answer);
	return !strcmp(answer, "yes");
}

static void keep_pace(void)
{
	char answer[16];

	ask("pace", answer);
	usleep((useconds_t)strtoul(answer, NULL, 10));
}

/* ---- the work --------------------------------------------------------- */

static void judge(const char *digest, const char *path)
{
	char found[DIGEST + 1], verdict[256];
	struct stat file;
	int size;

	if (stat(path, &file) || !MD5File(path, found))
		size = snprintf(verdict, sizeof(verdict), "missing - %s", name);
	else
		size = snprintf(verdict, sizeof(verdict), "%s %lld %s",
			strncmp(found, digest, DIGEST) ? "changed" : "ok",
			(long long)file.st_size, name);
	must(agora_table_put(
		     results, path, strlen(path), verdict, (size_t)size),
		path);
}

static void work(const struct agora_message *message)
{
	char record[8192 + 1];
	int size =
		agora_queue_read(files, message, 0, record, sizeof(record) - 1);

	must(size, "read");
	record[size] = 0;
	keep_pace();
	if (size > DIGEST + 2)
		judge(record, record + DIGEST + 2);
	must(agora_queue_release(files, message), "release");
}

static void serve(void)
{
	while (!asked_to("stop")) {
		struct timespec deadline = agora_deadline(IDLE_NSEC);
		struct agora_message message;
		int result;

		if (asked_to("pause")) {
			usleep(RESTING);
			continue;
		}
		result = agora_queue_acquire_wait(files, &deadline, &message);
		if (result == -ETIMEDOUT)
			continue;
		must(result, "acquire");
		work(&message);
	}
}

static struct agora_table *open_table(
	struct agora_space *space, const char *path, uint32_t flags)
{
	struct agora_table *table;

	must(agora_table_open(space, path, flags, NULL, &table), path);
	return table;
}

int main(int argc, char **argv)
{
	static const char *const tags[] = {"role=worker", NULL};
	struct agora_program_options options = {
		.doc = "compares files with their checksums", .tags = tags};
	struct agora_program *program;
	struct agora_space *space;

	if (argc != 2) {
		fprintf(stderr, "usage: checker NAME\n");
		return 2;
	}
	name = argv[1];
	must(agora_space_open(NULL, &space), "space");
	must(agora_program_register(space, name, &options, &program), name);
	must(agora_queue_open(
		     space, "feed/files.queue", AGORA_WRITE, NULL, &files),
		"feed/files.queue");
	results = open_table(space, "results/files.table", AGORA_WRITE);
	control = open_table(space, "results/control.table", AGORA_READ);
	serve();
	agora_table_close(control);
	agora_table_close(results);
	agora_queue_close(files);
	agora_program_unregister(program);
	agora_space_close(space);
	return 0;
}
