/*
 * operate.c - everything that can be done to an object, done to a bad one.
 *
 * What an operation returns must be an error that it may return at all, and
 * what it says it copied must fit where it was to go. Here is what any object
 * has; the other operations are in a file for each group of kinds.
 */
#include "operate.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

/* ---- any kind ---- */

static int do_stat(struct run *r)
{
	struct agora_stat stat;

	return agora_object_stat(r->object, &stat);
}

static int do_clients(struct run *r)
{
	struct agora_client *clients;
	int result = agora_object_clients(r->object, &clients);

	if (result >= 0)
		free(clients);
	return result < 0 ? result : 0;
}

static int do_check(struct run *r)
{
	struct agora_check check;

	return agora_object_check(r->object, 0, &check);
}

static int do_repair(struct run *r)
{
	struct agora_check check;

	return agora_object_check(r->object, 1, &check);
}

static int do_wait(struct run *r)
{
	bool queue = agora_object_kind(r->object)->verbs & AGORA_CAN_POP;
	struct agora_wait item = {.object = r->object,
		.events =
			queue ? AGORA_READABLE | AGORA_WRITABLE | AGORA_ADVANCED
			      : AGORA_WRITABLE};
	struct agora_waiter *waiter;
	int result = agora_waiter_open(&waiter);

	if (result)
		return result;
	result = agora_waiter_wait(waiter, &item, 1, &past);
	agora_waiter_close(waiter);
	return result < 0 ? result : 0;
}

static int do_yield(struct run *r)
{
	return agora_object_yield(r->object);
}

/* ---- all ---- */

static const struct operation looking_rows[] = {
	{"stat", NULL, false, do_stat},
	{"clients", NULL, false, do_clients},
	{"check", NULL, false, do_check},
};

static const struct operation changing_rows[] = {
	{"wait", NULL, true, do_wait},
	{"yield", NULL, true, do_yield},
	{"repair", NULL, true, do_repair},
};

static const struct operations looking = OPERATIONS(looking_rows),
			       changing = OPERATIONS(changing_rows);

static const struct operations *const groups[] = {&looking, &operate_lists,
	&operate_queues, &operate_keyed, &operate_values, &operate_logs,
	&changing};

#define GROUPS (sizeof(groups) / sizeof(*groups))

static void allow(const char *name, int result)
{
	static const int allowed[] = {0, -EAGAIN, -EUCLEAN, -ENOENT, -EMSGSIZE,
		-ENOSPC, -EPROTOTYPE, -ESTALE, -EUSERS, -EINVAL, -EBUSY,
		-ETIMEDOUT, -EPROTO, -ENOMEM};

	for (size_t i = 0; i < sizeof(allowed) / sizeof(*allowed); i++)
		if (result == allowed[i])
			return;
	fuzz_fail("%s: %d (%s)", name, result, agora_strerror(result));
}

/* Stacks and lists have most of what queues have. */
static bool is_for(const struct operation *o, const struct kind *kind)
{
	if (o->kind == &kind_queue &&
		(kind == &kind_stack || kind == &kind_list))
		return o->run != operate_walk && o->run != operate_reserve;
	return !o->kind || o->kind == kind;
}

/* Row i of all groups, one after the other. */
static const struct operation *row(size_t i)
{
	const struct operations *const *group = groups;

	for (; i >= (*group)->count; group++)
		i -= (*group)->count;
	return &(*group)->rows[i];
}

static void do_all(struct run *r, bool writes, unsigned first)
{
	size_t count = 0;

	for (size_t i = 0; i < GROUPS; i++)
		count += groups[i]->count;
	for (size_t i = 0; i < count; i++) {
		const struct operation *o = row((i + first) % count);

		if ((o->writes && !writes) || !is_for(o, r->object->named))
			continue;
		fuzz_tick();
		allow(o->name, o->run(r));
	}
}

static void open_and_do_all(const char *path, uint32_t flags, struct run *r,
	const struct input *input)
{
	unsigned turns = flags && input->flags & FLAG_TWICE ? 2 : 1;
	int result =
		agora_object_open(fuzz_space, path, flags, NULL, &r->object);

	allow("open", result == -ENOENT ? -EIO : result);
	if (result)
		return;
	r->held_count = 0;
	r->first = input->first;
	r->key_size = r->object->segment.header.params.key_size;
	r->key = malloc(r->key_size);
	for (r->turn = 0; r->turn < turns; r->turn++)
		do_all(r, flags, input->first);
	fuzz_tick();
	agora_object_close(r->object);
	free(r->key);
}

/* A buffer that ends where nothing may be touched, without a sanitizer too. */
static unsigned char *fenced(size_t size)
{
	size_t pages = num_round_up(size, PAGE);
	unsigned char *start = mmap(NULL, pages + PAGE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (start == MAP_FAILED || mprotect(start + pages, PAGE, PROT_NONE))
		fuzz_fail("no memory");
	return start + pages - size;
}

void operate(const struct family *family, const struct input *input)
{
	static unsigned char *large, *small;
	struct run r = {0};

	if (!large) {
		large = fenced(FUZZ_LONG);
		small = fenced(16);
	}
	r.room = input->flags & FLAG_SMALL ? 16 : FUZZ_LONG;
	r.data = input->flags & FLAG_SMALL ? small : large;
	open_and_do_all(family->path, AGORA_READ, &r, input);
	open_and_do_all(family->path, AGORA_WRITE, &r, input);
}
