/*
 * view.c - the words in which agora's things are described.
 */
#include "record.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* ---- an object -------------------------------------------------------- */

static void sizes(struct record *record, const struct agora_stat *stat)
{
	bool keyed = stat->kind->shape == AGORA_KEYED;

	record_number(record, keyed ? "keys" : "depth", stat->count);
	record_number(record, "capacity", stat->capacity);
	record_number(record, "bytes", stat->bytes);
	record_number(record, keyed ? "value-size" : "message-size",
		stat->message_size);
	if (keyed)
		record_number(record, "key-size", stat->key_size);
	record_number(record, "memory", stat->memory);
	record_number(record, "memory-max", stat->memory_max);
}

static void traffic(struct record *record, const struct agora_stat *stat)
{
	if (!(stat->kind->verbs & AGORA_CAN_POP))
		return;
	record_number(record, "pushed", stat->pushed);
	record_number(record, "popped", stat->popped);
	record_number(record, "redelivered", stat->redelivered);
	record_number(record, "reclaimed", stat->reclaimed);
}

static void peers(struct record *record, const struct agora_stat *stat)
{
	record_number(record, "recovered", stat->recovered);
	record_number(record, "clients", stat->clients);
	record_number(record, "clients-max", stat->clients_max);
	record_number(record, "waiters", stat->waiters);
}

void record_of_stat(struct record *record, const struct agora_stat *stat)
{
	record_string(record, "kind", stat->kind->name);
	record_string(record, "type", stat->type);
	sizes(record, stat);
	traffic(record, stat);
	peers(record, stat);
	if (stat->kind->verbs & AGORA_CAN_PUT)
		record_string(record, "writers",
			stat->writers == AGORA_WRITERS_ONE ? "one" : "many");
	if (stat->kind->verbs & AGORA_CAN_PUSH) {
		record_flag(record, "fixed", stat->flags & AGORA_FIXED);
		record_flag(record, "spsc", stat->flags & AGORA_SPSC);
	}
	record_number(record, "format", stat->format);
	record_time(record, "created", stat->created);
}

/* ---- a program -------------------------------------------------------- */

void record_of_program(
	struct record *record, const struct agora_program_info *info)
{
	char **tag;

	record_string(record, "name", info->name);
	if (info->pid)
		record_number(record, "pid", (uint64_t)info->pid);
	record_flag(record, "alive", info->alive);
	if (info->pid)
		record_time(record, "since", info->since);
	for (tag = info->tags; tag && *tag; tag++)
		record_item(record, "tag", *tag);
	if (info->doc && *info->doc)
		record_string(record, "doc", info->doc);
}

/* ---- a client --------------------------------------------------------- */

/* The name of a process's command, or NULL when there is no such process. */
static const char *command_of(pid_t pid, char s[64])
{
	char path[64];
	ssize_t size;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	size = read(fd, s, 63);
	close(fd);
	if (size <= 0)
		return NULL;
	size -= s[size - 1] == '\n';
	s[size] = 0;
	return s;
}

static uint64_t age_of(struct timespec since)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (now.tv_sec < since.tv_sec)
		return 0; /* the clock was set back */
	return (uint64_t)(now.tv_sec - since.tv_sec);
}

static const char *state_of(const struct agora_client *client)
{
	if (!client->alive)
		return "dead";
	return client->waiting ? "waiting" : "open";
}

void record_of_client(struct record *record, const struct agora_client *client)
{
	const char *command = NULL;
	char s[64];

	if (client->alive)
		command = command_of(client->pid, s);
	record_number(record, "id", client->id);
	record_number(record, "pid", (uint64_t)client->pid);
	if (command)
		record_string(record, "command", command);
	else
		record_none(record, "command");
	record_number(record, "claims", client->claims);
	record_number(record, "age", age_of(client->since));
	record_string(record, "state", state_of(client));
}

/* ---- an event --------------------------------------------------------- */

void record_of_event(struct record *record, const struct agora_event *event)
{
	char path[sizeof(event->program) + sizeof(event->object)];

	snprintf(path, sizeof(path), "%s%s%s", event->program,
		event->object[0] ? "/" : "", event->object);
	record_string(record, "event", agora_event_name(event->type));
	record_string(record, "path", path);
}

/* ---- the same as text ------------------------------------------------- */

static int print(struct text *out, struct record *record,
	int (*form)(struct text *, const struct record *))
{
	int r = form(out, record);

	record_free(record);
	return r;
}

int text_stat(struct text *out, const struct agora_stat *stat)
{
	struct record record = {0};

	record_of_stat(&record, stat);
	return print(out, &record, record_lines);
}

int text_program(struct text *out, const struct agora_program_info *info)
{
	struct record record = {0};

	record_of_program(&record, info);
	return print(out, &record, record_lines);
}

int text_clients(
	struct text *out, const struct agora_client *clients, size_t count)
{
	size_t mark = out->size;
	size_t i;
	int r = 0;

	for (i = 0; i < count && r == 0; i++) {
		struct record record = {0};

		record_of_client(&record, &clients[i]);
		r = print(out, &record, record_row);
	}
	if (r < 0)
		out->size = mark;
	return r;
}

int text_event(struct text *out, const struct agora_event *event)
{
	struct record record = {0};

	record_of_event(&record, event);
	return print(out, &record, record_row);
}
