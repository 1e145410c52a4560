/* segment.c - life of a segment: created, opened, damaged, cut, forked. */
#include "driver.h"

#include "shm/format.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>

#define PATH "p/q.queue"

static void create_program(void)
{
	CHECK_OK(agora_program_create(space, "p", NULL));
}

static struct agora_object *open_object(uint32_t flags)
{
	struct agora_object *object;

	CHECK_OK(agora_object_open(space, PATH, flags, NULL, &object));
	return object;
}

static int try_open(const char *path, uint32_t flags)
{
	struct agora_object *object = NULL;
	int error = agora_object_open(space, path, flags, NULL, &object);

	if (!error)
		agora_object_close(object);
	return error;
}

/* A descriptor of the segment itself. */
static int raw(const char *path)
{
	char full[600];
	int fd;

	snprintf(full, sizeof(full), "%s/%s", space_dir, path);
	fd = open(full, O_RDWR | O_CLOEXEC);
	CHECK_SYS(fd);
	return fd;
}

static void overwrite(off_t offset, const void *bytes, size_t size)
{
	int fd = raw(PATH);

	CHECK_EQ(size, pwrite(fd, bytes, size, offset));
	close(fd);
}

TEST(names_that_are_none_are_refused)
{
	static const char *const bad[] = {"q.queue", "p/q", "p/q.pile", "p/",
		"/q.queue", "p/.queue", "p/.q.queue", "p/a/b.queue", "",
		"p/a\nb.queue", "p\x01/q.queue", ".p/q.queue", "p/\xff.queue",
		"p/q.queue/", "../q.queue", "p/..queue"};
	char path[600];

	create_program();
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK_ERROR(-EINVAL, agora_object_create(space, bad[i], NULL));
	snprintf(path, sizeof(path), "p/%0201d.queue", 0);
	CHECK_ERROR(-ENAMETOOLONG, agora_object_create(space, path, NULL));
	snprintf(path, sizeof(path), "p/%0200d.queue", 0);
	CHECK_OK(agora_object_create(space, path, NULL));
	CHECK_ERROR(-ENOENT, agora_object_create(space, "x/q.queue", NULL));
}

TEST(exclusive_creation_tells_that_it_exists)
{
	create_program();
	CHECK_OK(agora_object_create(space, PATH, NULL));
	CHECK_ERROR(-EEXIST, agora_object_create(space, PATH, NULL));
	CHECK_ERROR(-EEXIST,
		try_open(PATH, AGORA_WRITE | AGORA_CREATE | AGORA_EXCLUSIVE));
	CHECK_OK(try_open(PATH, AGORA_WRITE | AGORA_CREATE));
	CHECK_ERROR(-EINVAL, try_open(PATH, AGORA_CREATE));
	CHECK_ERROR(-EINVAL, try_open(PATH, 1u << 30));
}

TEST(racing_creators_end_with_one_object)
{
	enum { RACERS = 4 };
	pid_t child[RACERS];
	struct agora_object *object;
	struct agora_stat stat;

	create_program();
	for (int round = 0; round < 50; round++) {
		struct driver_signal go = driver_signal();

		for (int i = 0; i < RACERS; i++) {
			child[i] = driver_fork();
			if (child[i])
				continue;
			driver_await(&go);
			object = open_object(AGORA_WRITE | AGORA_CREATE);
			CHECK_OK(agora_object_push(object, "x", 1));
			agora_object_close(object);
			exit(0);
		}
		for (int i = 0; i < RACERS; i++)
			driver_post(&go);
		for (int i = 0; i < RACERS; i++)
			driver_join(child[i]);
		object = open_object(AGORA_READ);
		CHECK_OK(agora_object_stat(object, &stat));
		CHECK_EQ(RACERS, stat.count);
		agora_object_close(object);
		CHECK_OK(agora_object_remove(space, PATH));
		close(go.fd[0]);
		close(go.fd[1]);
	}
}

TEST(a_name_of_another_kind_is_eprototype)
{
	char from[600], to[600];
	struct agora_table *table;

	create_program();
	CHECK_OK(agora_object_create(space, PATH, NULL));
	CHECK_ERROR(-EPROTOTYPE,
		agora_table_open(space, PATH, AGORA_READ, NULL, &table));
	snprintf(from, sizeof(from), "%s/%s", space_dir, PATH);
	snprintf(to, sizeof(to), "%s/p/q.table", space_dir);
	CHECK_SYS(rename(from, to));
	CHECK_ERROR(-EPROTOTYPE, try_open("p/q.table", AGORA_READ));
}

TEST(a_foreign_format_is_eproto)
{
	uint32_t version = FORMAT_VERSION + 1;

	create_program();
	CHECK_OK(agora_object_create(space, PATH, NULL));
	overwrite(offsetof(struct header_shm, format), &version, 4);
	CHECK_ERROR(-EPROTO, try_open(PATH, AGORA_READ));
}

TEST(a_damaged_header_is_euclean)
{
	create_program();
	for (size_t at = 0; at < sizeof(struct header_shm); at += 4) {
		if (at == offsetof(struct header_shm, format))
			continue;
		CHECK_OK(agora_object_create(space, PATH, NULL));
		overwrite((off_t)at, "\xa5\x5a\xa5\x5a", 4);
		CHECK_ERROR(-EUCLEAN, try_open(PATH, AGORA_READ));
		CHECK_ERROR(-EUCLEAN, try_open(PATH, AGORA_WRITE));
		CHECK_OK(agora_object_remove(space, PATH));
	}
}

TEST(a_truncated_or_foreign_file_is_euclean)
{
	static const off_t sizes[] = {0, 1, 1119, 1120, 4096, 100000};
	char full[600];

	create_program();
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		int fd;

		CHECK_OK(agora_object_create(space, PATH, NULL));
		fd = raw(PATH);
		CHECK_SYS(ftruncate(fd, sizes[i]));
		close(fd);
		CHECK_ERROR(-EUCLEAN, try_open(PATH, AGORA_READ));
		CHECK_OK(agora_object_remove(space, PATH));
	}
	snprintf(full, sizeof(full), "%s/%s", space_dir, PATH);
	CHECK_SYS(symlink("/etc/passwd", full));
	CHECK_ERROR(-EUCLEAN, try_open(PATH, AGORA_READ));
	CHECK_SYS(unlink(full));
	CHECK_SYS(mkfifo(full, 0600));
	CHECK_ERROR(-EUCLEAN, try_open(PATH, AGORA_READ));
	CHECK_SYS(unlink(full));
	CHECK_SYS(mkdir(full, 0700));
	CHECK_ERROR(-EUCLEAN, try_open(PATH, AGORA_READ));
}

TEST(a_file_cut_under_a_mapping_is_euclean_from_then_on)
{
	struct agora_object *object, *reader;
	char byte[100];
	struct agora_buffer b = {.data = byte, .capacity = sizeof(byte)};
	struct agora_stat stat;
	struct agora_check report;
	int fd;

	create_program();
	object = open_object(AGORA_WRITE | AGORA_CREATE);
	reader = open_object(AGORA_READ);
	for (int i = 0; i < 100; i++)
		CHECK_OK(agora_object_push(object, "x", 1));
	fd = raw(PATH);
	CHECK_SYS(ftruncate(fd, 0));
	close(fd);
	CHECK_ERROR(-EUCLEAN, agora_object_push(object, "x", 1));
	CHECK_ERROR(-EUCLEAN, agora_object_pop(object, &b));
	CHECK_ERROR(-EUCLEAN, agora_object_peek(reader, &b));
	CHECK_ERROR(-EUCLEAN, agora_object_stat(reader, &stat));
	CHECK_ERROR(-EUCLEAN, agora_object_check(object, 1, &report));
	agora_object_close(reader);
	agora_object_close(object);
}

static int handled;

static void on_sigbus(int signal)
{
	(void)signal;
	handled = 1;
	_exit(3);
}

TEST(sigbus_that_is_not_ours_goes_to_the_handler_before)
{
	pid_t child = driver_fork();

	if (!child) {
		char *page;
		int fd;

		signal(SIGBUS, on_sigbus);
		create_program();
		agora_object_close(open_object(AGORA_WRITE | AGORA_CREATE));
		fd = open(space_dir, O_TMPFILE | O_RDWR, 0600);
		CHECK_SYS(fd);
		page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
		exit(*(volatile char *)page);
	}
	CHECK_EQ(3, driver_wait(child));
}

TEST(an_inherited_handle_says_echild)
{
	struct agora_object *object;
	struct agora_buffer b = {.capacity = 0};
	struct agora_stat stat;
	pid_t child;

	create_program();
	object = open_object(AGORA_WRITE | AGORA_CREATE);
	child = driver_fork();
	if (!child) {
		struct agora_object *own;

		CHECK_ERROR(-ECHILD, agora_object_push(object, "x", 1));
		CHECK_ERROR(-ECHILD, agora_object_pop(object, &b));
		CHECK_ERROR(-ECHILD, agora_object_stat(object, &stat));
		own = open_object(AGORA_WRITE);
		CHECK_OK(agora_object_push(own, "x", 1));
		CHECK_ERROR(-ECHILD, agora_object_push(object, "x", 1));
		agora_object_close(object);
		CHECK_OK(agora_object_push(own, "x", 1));
		agora_object_close(own);
		exit(0);
	}
	driver_join(child);
	CHECK_OK(agora_object_stat(object, &stat));
	CHECK_EQ(2, stat.count);
	CHECK_EQ(1, stat.clients);
	agora_object_close(object);
}

TEST(a_forked_child_does_not_keep_its_dead_parent_attached)
{
	struct driver_signal ready = driver_signal(), end = driver_signal();
	struct agora_object *object;
	struct agora_check report;
	pid_t child;

	create_program();
	object = open_object(AGORA_WRITE | AGORA_CREATE);
	child = driver_fork();
	if (!child) {
		agora_object_close(object);
		open_object(AGORA_WRITE);
		if (!fork()) {
			driver_post(&ready);
			driver_await(&end);
			_exit(0);
		}
		pause();
	}
	driver_await(&ready);
	driver_kill(child);
	CHECK_OK(agora_object_check(object, 1, &report));
	CHECK_EQ(1, report.dead_clients);
	CHECK_EQ(1, report.repaired);
	driver_post(&end);
	agora_object_close(object);
}

TEST(client_slots_run_out_only_with_the_living)
{
	struct agora_options options = {.clients = 3};
	struct agora_object *object[4];

	create_program();
	CHECK_OK(agora_object_create(space, PATH, &options));
	for (int i = 0; i < 3; i++)
		object[i] = open_object(AGORA_WRITE);
	CHECK_ERROR(-EUSERS, try_open(PATH, AGORA_WRITE));
	CHECK_OK(try_open(PATH, AGORA_READ));
	agora_object_close(object[1]);
	for (int i = 0; i < 20; i++) {
		pid_t child = driver_fork();

		if (!child) {
			open_object(AGORA_WRITE);
			kill(getpid(), SIGKILL);
		}
		CHECK_EQ(-SIGKILL, driver_wait(child));
	}
	object[1] = open_object(AGORA_WRITE);
	for (int i = 0; i < 3; i++)
		agora_object_close(object[i]);
}

TEST(clients_are_listed_with_their_claims)
{
	struct agora_object *object, *other;
	struct agora_client *clients;
	struct agora_message m;

	create_program();
	object = open_object(AGORA_WRITE | AGORA_CREATE);
	other = open_object(AGORA_WRITE);
	CHECK_OK(agora_object_push(object, "x", 1));
	CHECK_OK(agora_object_acquire(other, &m));
	CHECK_EQ(2, agora_object_clients(object, &clients));
	CHECK_EQ(0, clients[0].claims);
	CHECK_EQ(1, clients[1].claims);
	CHECK_EQ(getpid(), clients[1].pid);
	CHECK_EQ(1, clients[1].alive);
	free(clients);
	agora_object_close(other);
	agora_object_close(object);
}

/* Run in a mount namespace of our own, on a tmpfs of 1 MiB. */
static void small_tmpfs(const char *size)
{
	char options[40];

	if (unshare(CLONE_NEWNS))
		SKIP("mount namespaces");
	CHECK_SYS(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	snprintf(options, sizeof(options), "size=%s", size);
	CHECK_SYS(mount("small", space_dir, "tmpfs", 0, options));
	agora_space_close(space);
	CHECK_OK(agora_space_open(space_dir, &space));
	create_program();
}

TEST(a_full_filesystem_is_enospc_when_growing)
{
	static char message[60000];
	struct agora_object *object;
	int error = 0, count = 0;

	small_tmpfs("1m");
	object = open_object(AGORA_WRITE | AGORA_CREATE);
	while (!(error = agora_object_push(object, message, sizeof(message))))
		count++;
	CHECK_EQ(-ENOSPC, error);
	CHECK(count > 2);
	while (count--)
		CHECK_OK(agora_object_pop(
			object, &(struct agora_buffer){.data = message,
					.capacity = sizeof(message)}));
	CHECK_OK(agora_object_push(object, message, sizeof(message)));
	agora_object_close(object);
}

TEST(a_full_filesystem_is_enospc_at_creation_and_leaves_nothing)
{
	struct agora_options options = {.capacity = 1 << 20};
	char **names;

	small_tmpfs("256k");
	CHECK_ERROR(-ENOSPC, agora_object_create(space, PATH, &options));
	CHECK_EQ(0, agora_space_list(space, "p", &names));
	agora_list_free(names);
	CHECK_OK(agora_object_create(space, PATH, NULL));
}

TEST(objects_are_renamed_and_nothing_is_replaced)
{
	struct agora_object *object;

	create_program();
	CHECK_OK(agora_program_create(space, "r", NULL));
	object = open_object(AGORA_WRITE | AGORA_CREATE);
	CHECK_OK(agora_object_create(space, "r/q.queue", NULL));
	CHECK_ERROR(-EEXIST, agora_object_rename(space, PATH, "r/q.queue"));
	CHECK_ERROR(-EINVAL, agora_object_rename(space, PATH, "p/q.table"));
	CHECK_ERROR(-ENOENT, agora_object_rename(space, "p/n.queue", PATH));
	CHECK_OK(agora_object_rename(space, PATH, "r/s.queue"));
	CHECK_OK(agora_object_push(object, "x", 1));
	agora_object_close(object);
	CHECK_OK(try_open("r/s.queue", AGORA_READ));
	CHECK_OK(agora_object_remove(space, "r/s.queue"));
	CHECK_ERROR(-ENOENT, agora_object_remove(space, "r/s.queue"));
}

TEST(permission_bits_hold_for_the_native_door)
{
	struct agora_options options = {.mode = 0604};

	if (geteuid())
		SKIP("root");
	CHECK_SYS(chmod(space_dir, 0755));
	create_program();
	CHECK_OK(agora_object_create(space, PATH, &options));
	CHECK_SYS(setgid(12345));
	CHECK_SYS(setuid(12345));
	CHECK_OK(try_open(PATH, AGORA_READ));
	CHECK_ERROR(-EACCES, try_open(PATH, AGORA_WRITE));
}
