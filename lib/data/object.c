/*
 * object.c - objects of any kind: names, life, description, checking.
 *
 * The verbs stand in verbs.c, waiting in waiter.c.
 */
#include "data/kind.h"

#include "shm/client.h"
#include "shm/space.h"

#include <agora/program.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- names ---- */

/* Check "NAME.KIND": the name without its kind must be one. */
static int check_object_name(const char *name, const struct agora_kind **kind)
{
	char stem[256];
	size_t size;
	int error;

	*kind = agora_kind_of(name);
	if (!*kind)
		return -EINVAL;
	size = (size_t)(strrchr(name, '.') - name);
	if (size > AGORA_NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(stem, name, size);
	stem[size] = 0;
	error = agora_name_check(stem);
	return error;
}

int agora_path_parse(const char *path, char ret_program[256],
	char ret_object[256], const struct agora_kind **ret_kind)
{
	char program[AGORA_NAME_MAX + 1];
	const char *slash = path ? strchr(path, '/') : NULL;
	const struct agora_kind *kind;
	int error;

	if (!slash || strchr(slash + 1, '/'))
		return -EINVAL;
	if (slash - path > AGORA_NAME_MAX || strlen(slash + 1) > 255)
		return -ENAMETOOLONG;
	memcpy(program, path, (size_t)(slash - path));
	program[slash - path] = 0;
	error = agora_name_check(program);
	if (!error)
		error = check_object_name(slash + 1, &kind);
	if (error)
		return error;
	strcpy(ret_program, program);
	strcpy(ret_object, slash + 1);
	*ret_kind = kind;
	return 0;
}

/* A path, taken apart, and the directory of its program, opened. */
struct place {
	int directory;
	char program[256];
	char object[256];
	const struct kind *kind;
};

static int place_open(
	struct agora_space *space, const char *path, struct place *ret_place)
{
	const struct agora_kind *row;
	int error = agora_path_parse(
		path, ret_place->program, ret_place->object, &row);

	if (error)
		return error;
	ret_place->kind = kind_of_row(row);
	ret_place->directory =
		space_open_program(space, ret_place->program, O_PATH);
	return ret_place->directory < 0 ? ret_place->directory : 0;
}

static void place_close(struct place *place)
{
	close(place->directory);
}

/*
 * Two keyed objects must not share the part before their kind: it names
 * their folder. Returns 0 or -EEXIST.
 */
static int check_folder(const struct place *place)
{
	const struct agora_kind *row = NULL;
	size_t stem = (size_t)(strrchr(place->object, '.') - place->object);
	char name[256 + 16];

	if (place->kind->row.shape != AGORA_KEYED)
		return 0;
	while ((row = agora_kind_next(row))) {
		snprintf(name, sizeof(name), "%.*s.%s", (int)stem,
			place->object, row->name);
		if (row->shape == AGORA_KEYED && row != &place->kind->row &&
			!faccessat(place->directory, name, F_OK,
				AT_SYMLINK_NOFOLLOW))
			return -EEXIST;
	}
	return 0;
}

/* ---- create ---- */

static const char *check_options(const struct agora_options *options)
{
	for (size_t i = 0; i < sizeof(options->reserved) / 8; i++)
		if (options->reserved[i])
			return "reserved: must be zero";
	if (options->mode & ~(mode_t)07777)
		return "mode: permission bits only";
	if (options->clients > CLIENTS_MAX)
		return "clients: 1 to 4095";
	if (options->type && agora_type_parse(options->type))
		return "type: not a type";
	return NULL;
}

static const char *plan(const struct kind *kind,
	const struct agora_options *options, struct params_shm *params)
{
	static const struct agora_options defaults;
	const char *problem;

	if (!options)
		options = &defaults;
	problem = check_options(options);
	if (problem)
		return problem;
	*params = (struct params_shm){
		.clients = options->clients ? options->clients : CLIENTS_MAX};
	agora_type_canon(
		options->type ? options->type : "bytes", params->type, NULL);
	return kind->plan(options, params);
}

const char *agora_options_problem(
	const struct agora_kind *kind, const struct agora_options *options)
{
	struct params_shm params;

	return plan(kind_of_row(kind), options, &params);
}

static int create(
	const struct place *place, const struct agora_options *options)
{
	struct params_shm params;
	int error = plan(place->kind, options, &params) ? -EINVAL : 0;

	if (!error)
		error = check_folder(place);
	if (error)
		return error;
	return segment_create(place->directory, place->object,
		&place->kind->segment, &params, options ? options->mode : 0);
}

int agora_object_create(struct agora_space *space, const char *path,
	const struct agora_options *options)
{
	struct place place;
	int error = place_open(space, path, &place);

	if (error)
		return error;
	error = create(&place, options);
	place_close(&place);
	return error;
}

/* ---- open, close ---- */

static int open_segment(struct agora_object *object, const struct place *place)
{
	int error =
		segment_open(&object->segment, place->directory, place->object,
			&place->kind->segment, object->flags & AGORA_WRITE);

	if (error)
		return error;
	object->segment.owner = object;
	if (object->kind->variant)
		object->kind =
			object->kind->variant(&object->segment.header.params);
	object->segment.kind = &object->kind->segment;
	error = object->kind->open(object);
	if (!error && (object->flags & AGORA_CHECK))
		error = agora_type_open(object->segment.header.params.type,
			NULL, &object->type, NULL);
	if (!error && (object->flags & AGORA_WRITE))
		error = client_attach(&object->segment);
	if (error) {
		agora_type_close(object->type);
		segment_close(&object->segment);
	}
	return error;
}

static int open_handle(const struct place *place, uint32_t flags,
	struct agora_object **ret_object)
{
	size_t size = num_round_up(place->kind->handle_size, 128);
	/* Threads that share a handle may have lines of their own in it. */
	struct agora_object *object = aligned_alloc(128, size);
	int error;

	if (!object)
		return -ENOMEM;
	memset(object, 0, size);
	object->kind = place->kind;
	object->named = place->kind;
	object->flags = flags;
	if (asprintf(&object->path, "%s/%s", place->program, place->object) < 0)
		object->path = NULL;
	error = object->path ? open_segment(object, place) : -ENOMEM;
	if (!error) {
		*ret_object = object;
		return 0;
	}
	free(object->path);
	free(object);
	return error;
}

/* Another may remove what exists, or create what does not, in between. */
static int open_or_create(const struct place *place, uint32_t flags,
	const struct agora_options *options, struct agora_object **ret_object)
{
	int error;

	for (int tries = 0; tries < 100; tries++) {
		if (!(flags & AGORA_EXCLUSIVE)) {
			error = open_handle(place, flags, ret_object);
			if (error != -ENOENT || !(flags & AGORA_CREATE))
				return error;
		}
		error = create(place, options);
		if (error && (error != -EEXIST || (flags & AGORA_EXCLUSIVE)))
			return error;
		flags &= ~(uint32_t)AGORA_EXCLUSIVE;
	}
	return -EBUSY;
}

static int check_flags(uint32_t flags)
{
	const uint32_t known =
		AGORA_WRITE | AGORA_CREATE | AGORA_EXCLUSIVE | AGORA_CHECK;

	if (flags & ~known)
		return -EINVAL;
	if ((flags & (AGORA_CREATE | AGORA_CHECK)) && !(flags & AGORA_WRITE))
		return -EINVAL;
	return (flags & AGORA_EXCLUSIVE) && !(flags & AGORA_CREATE) ? -EINVAL
								    : 0;
}

static int open_place(struct agora_space *space, const char *path,
	uint32_t flags, const struct agora_options *options,
	const struct kind *kind, struct agora_object **ret_object)
{
	struct place place;
	int error = check_flags(flags);

	if (!error)
		error = place_open(space, path, &place);
	if (error)
		return error;
	if (kind && kind != place.kind)
		error = -EPROTOTYPE;
	else
		error = open_or_create(&place, flags, options, ret_object);
	place_close(&place);
	return error;
}

int agora_object_open(struct agora_space *space, const char *path,
	uint32_t flags, const struct agora_options *options,
	struct agora_object **ret_object)
{
	return open_place(space, path, flags, options, NULL, ret_object);
}

int object_open_kind(struct agora_space *space, const char *path,
	uint32_t flags, const struct agora_options *options,
	const struct kind *kind, void **ret_handle)
{
	struct agora_object *object;
	int error = open_place(space, path, flags, options, kind, &object);

	if (!error)
		*ret_handle = object;
	return error;
}

void agora_object_close(struct agora_object *object)
{
	if (!object)
		return;
	if (!segment_enter(&object->segment))
		object->kind->close(object);
	segment_close(&object->segment);
	agora_type_close(object->type);
	free(object->path);
	free(object);
}

int agora_object_yield(struct agora_object *object)
{
	int error = segment_enter(&object->segment);

	if (!error && object->kind->yield)
		object->kind->yield(object);
	return error;
}

/* ---- remove, rename ---- */

int agora_object_remove(struct agora_space *space, const char *path)
{
	struct place place;
	int error = place_open(space, path, &place);

	if (error)
		return error;
	if (unlinkat(place.directory, place.object, 0))
		error = -errno;
	place_close(&place);
	return error;
}

static int rename_object(const struct place *from, const struct place *to)
{
	int error;

	if (from->kind != to->kind)
		return -EINVAL;
	error = check_folder(to);
	if (error)
		return error;
	if (renameat2(from->directory, from->object, to->directory, to->object,
		    RENAME_NOREPLACE))
		return -errno;
	return 0;
}

int agora_object_rename(
	struct agora_space *space, const char *from, const char *to)
{
	struct place source, target;
	int error = place_open(space, from, &source);

	if (error)
		return error;
	error = place_open(space, to, &target);
	if (!error) {
		error = rename_object(&source, &target);
		place_close(&target);
	}
	place_close(&source);
	return error;
}

/* ---- look ---- */

const struct agora_kind *agora_object_kind(const struct agora_object *object)
{
	return &object->named->row;
}

const char *agora_object_path(const struct agora_object *object)
{
	return object->path;
}

const char *agora_object_type(const struct agora_object *object)
{
	return object->segment.header.params.type;
}

int agora_object_fd(const struct agora_object *object)
{
	return object->segment.fd;
}

static struct timespec to_timespec(uint64_t nanoseconds)
{
	return (struct timespec){.tv_sec = (time_t)(nanoseconds / 1000000000),
		.tv_nsec = (long)(nanoseconds % 1000000000)};
}

static void stat_clients(struct segment *segment, struct agora_stat *stat)
{
	uint32_t limit = client_limit(segment);

	for (uint32_t id = 1; id < limit; id++) {
		if (!client_is_live(segment, id))
			continue;
		stat->clients++;
		if (atomic_load_explicit(&client_slot(segment, id)->waiting,
			    memory_order_relaxed))
			stat->waiters++;
	}
}

static void stat_segment(struct segment *segment, struct agora_stat *stat)
{
	const struct params_shm *params = &segment->header.params;

	memcpy(stat->type, params->type, sizeof(stat->type));
	stat->capacity = params->capacity;
	stat->message_size = params->message_size;
	stat->key_size = params->key_size;
	stat->writers = params->writers;
	stat->flags = params->flags;
	stat->clients_max = params->clients;
	stat->format = segment->header.format;
	stat->created = to_timespec(segment->header.created);
	stat->memory = segment_memory(segment);
	stat->memory_max = segment->header.size;
	stat->recovered = atomic_load_explicit(
		&segment->roots->recovered, memory_order_relaxed);
	stat->redelivered = atomic_load_explicit(
		&segment->roots->redelivered, memory_order_relaxed);
	stat->reclaimed = atomic_load_explicit(
		&segment->roots->reclaimed, memory_order_relaxed);
	stat_clients(segment, stat);
}

int agora_object_stat(struct agora_object *object, struct agora_stat *ret_stat)
{
	struct agora_stat stat = {.kind = &object->named->row};
	int error = segment_enter(&object->segment);

	if (error)
		return error;
	stat_segment(&object->segment, &stat);
	error = segment_leave(
		&object->segment, object->kind->stat(object, &stat));
	if (!error)
		*ret_stat = stat;
	return error;
}

static void describe_client(struct segment *segment, uint32_t id,
	uint32_t claims, struct agora_client *client)
{
	struct client_shm *slot = client_slot(segment, id);

	*client = (struct agora_client){.id = id,
		.alive = client_alive(segment, id),
		.pid = (pid_t)atomic_load_explicit(
			&slot->pid, memory_order_relaxed),
		.claims = claims,
		.waiting = atomic_load_explicit(
				   &slot->waiting, memory_order_relaxed) != 0,
		.since = to_timespec(atomic_load_explicit(
			&slot->since, memory_order_relaxed))};
}

static int list_clients(struct agora_object *object, const uint32_t *claims,
	struct agora_client *clients)
{
	uint32_t limit = client_limit(&object->segment);
	int count = 0;

	for (uint32_t id = 1; id < limit; id++)
		if (client_is_live(&object->segment, id))
			describe_client(&object->segment, id, claims[id],
				&clients[count++]);
	return count;
}

int agora_object_clients(
	struct agora_object *object, struct agora_client **ret_clients)
{
	int result = segment_enter(&object->segment);
	struct agora_client *clients;
	uint32_t *claims;

	if (result)
		return result;
	clients = calloc(CLIENTS_MAX + 1, sizeof(*clients));
	claims = calloc(CLIENTS_MAX + 1, sizeof(*claims));
	if (clients && claims) {
		if (object->kind->claims)
			object->kind->claims(object, claims);
		result = list_clients(object, claims, clients);
		result = segment_leave(&object->segment, result);
	} else {
		result = -ENOMEM;
	}
	free(claims);
	if (result < 0)
		free(clients);
	else
		*ret_clients = clients;
	return result;
}

/* ---- check ---- */

static void count_dead(struct segment *segment, struct agora_check *check)
{
	uint32_t limit = client_limit(segment);

	for (uint32_t id = 1; id < limit; id++)
		/* One who leaves between the two looks did not die. */
		check->dead_clients += client_is_live(segment, id) &&
				       !client_alive(segment, id) &&
				       client_is_live(segment, id);
}

static uint64_t problems(const struct agora_check *check)
{
	return check->dead_clients + check->unreachable + check->orphans +
	       check->damaged;
}

static int look(struct agora_object *object, struct agora_check *check)
{
	*check = (struct agora_check){0};
	count_dead(&object->segment, check);
	return object->kind->check(object, 0, check);
}

/* Mend what was found, and report what was and what is. */
static int mend(struct agora_object *object, struct agora_check *check)
{
	struct agora_check ignored = {0}, after;
	int error;

	client_sweep(&object->segment);
	error = object->kind->check(object, 1, &ignored);
	if (!error)
		error = look(object, &after);
	if (error)
		return error;
	after.repaired =
		problems(check) - num_min(problems(check), problems(&after));
	after.dead_clients = check->dead_clients;
	after.unreachable = check->unreachable;
	after.orphans = check->orphans;
	after.damaged = check->damaged;
	*check = after;
	return 0;
}

int agora_object_check(
	struct agora_object *object, int repair, struct agora_check *ret_check)
{
	struct agora_check check;
	int error = segment_enter(&object->segment);

	if (!error && repair)
		error = object_writable(object);
	if (!error)
		error = look(object, &check);
	if (!error && repair)
		error = mend(object, &check);
	error = segment_leave(&object->segment, error);
	if (error)
		return error;
	*ret_check = check;
	return problems(&check) > check.repaired ? -EUCLEAN : 0;
}
