/*
 * view.c - the words in which agora's things are described.
 */
#include "record.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* ---- what a kind has -------------------------------------------------- */

static bool has_flag(const struct agora_kind *kind, uint32_t flag)
{
	const struct agora_options options = {.flags = flag};

	return !agora_options_problem(kind, &options);
}

static bool has_writers(const struct agora_kind *kind)
{
	const struct agora_options options = {.writers = AGORA_WRITERS_ONE};

	return !agora_options_problem(kind, &options);
}

const char *text_size_word(const struct agora_kind *kind)
{
	return kind->shape == AGORA_SEQUENCE ? "message-size" : "value-size";
}

const char *text_writers(const struct agora_stat *stat)
{
	if (!has_writers(stat->kind))
		return NULL;
	return stat->writers == AGORA_WRITERS_ONE ? "one" : "many";
}

const char *text_order(const struct agora_stat *stat)
{
	if (!has_flag(stat->kind, AGORA_RELAXED))
		return NULL;
	return stat->flags & AGORA_RELAXED ? "relaxed" : "strict";
}

const char *text_flag(const struct agora_stat *stat, uint32_t flag)
{
	if (!has_flag(stat->kind, flag))
		return NULL;
	return stat->flags & flag ? "yes" : "no";
}

/* ---- an object -------------------------------------------------------- */

static void sizes(struct record *record, const struct agora_stat *stat)
{
	enum agora_shape shape = stat->kind->shape;

	if (shape == AGORA_VALUE)
		record_number(record, "version", stat->version);
	if (shape != AGORA_VALUE) {
		record_number(record, shape == AGORA_KEYED ? "keys" : "depth",
			stat->count);
		record_number(record, "capacity", stat->capacity);
	}
	record_number(record, "bytes", stat->bytes);
	if (!(stat->kind->traits & AGORA_MEMBERS))
		record_number(
			record, text_size_word(stat->kind), stat->message_size);
	if (shape == AGORA_KEYED)
		record_number(record, "key-size", stat->key_size);
	record_number(record, "memory", stat->memory);
	record_number(record, "memory-max", stat->memory_max);
}

static void traffic(struct record *record, const struct agora_stat *stat)
{
	uint32_t verbs = stat->kind->verbs;

	if (verbs & AGORA_CAN_PUSH)
		record_number(record, "pushed", stat->pushed);
	if (verbs & AGORA_CAN_POP) {
		record_number(record, "popped", stat->popped);
		record_number(record, "redelivered", stat->redelivered);
	}
	if (verbs & AGORA_CAN_PUSH)
		record_number(record, "reclaimed", stat->reclaimed);
}

static void peers(struct record *record, const struct agora_stat *stat)
{
	record_number(record, "recovered", stat->recovered);
	record_number(record, "clients", stat->clients);
	record_number(record, "clients-max", stat->clients_max);
	record_number(record, "waiters", stat->waiters);
	if (has_flag(stat->kind, AGORA_RELIABLE))
		record_number(record, "readers", stat->readers);
}

static void word(struct record *record, const char *name, const char *s)
{
	if (s)
		record_string(record, name, s);
}

static void flag(struct record *record, const char *name,
	const struct agora_stat *stat, uint32_t bit)
{
	if (text_flag(stat, bit))
		record_flag(record, name, stat->flags & bit);
}

/* What was chosen when it was made. */
static void choices(struct record *record, const struct agora_stat *stat)
{
	word(record, "writers", text_writers(stat));
	word(record, "order", text_order(stat));
	if (stat->flags & AGORA_RELAXED)
		record_number(record, "rank-bound", stat->rank_bound);
	flag(record, "reliable", stat, AGORA_RELIABLE);
	flag(record, "fixed", stat, AGORA_FIXED);
	flag(record, "spsc", stat, AGORA_SPSC);
}

void record_of_stat(struct record *record, const struct agora_stat *stat)
{
	record_string(record, "kind", stat->kind->name);
	record_string(record, "type", stat->type);
	sizes(record, stat);
	traffic(record, stat);
	peers(record, stat);
	choices(record, stat);
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
