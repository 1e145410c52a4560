/*
 * hostile.c - segments made to keep others busy, or to fill their memory.
 *
 * Each of these once took minutes or gigabytes. There is no clock here: what
 * does not end, the test's own time limit ends.
 */
#include "driver.h"

#include "base/hash.h"
#include "data/table.h"
#include "shm/client.h"

#include <pthread.h>
#include <sys/mman.h>

static struct agora_object *make(
	const char *path, const struct agora_options *options)
{
	struct agora_object *object;
	int error = agora_program_create(space, "p", NULL);

	if (error != -EEXIST)
		CHECK_OK(error);
	CHECK_OK(agora_object_open(
		space, path, AGORA_WRITE | AGORA_CREATE, options, &object));
	return object;
}

static struct agora_object *open_with(const char *path, uint32_t flags)
{
	struct agora_object *object;

	CHECK_OK(agora_object_open(space, path, flags, NULL, &object));
	return object;
}

static uint64_t memory_of(const struct agora_object *object)
{
	struct stat st;

	CHECK_SYS(fstat(agora_object_fd(object), &st));
	return (uint64_t)st.st_blocks * 512;
}

/* Claim that all memory an object may ever have is there. */
static void lie(struct agora_object *object)
{
	struct segment *s = &object->segment;

	for (int i = 0; i < 2; i++)
		atomic_store_explicit(&s->roots->committed[i],
			s->layout.pool[i].count, memory_order_relaxed);
}

static void look_at_all(struct agora_object *object)
{
	struct agora_stat stat;
	struct agora_check check;
	struct agora_client *clients;

	CHECK_OK(agora_object_stat(object, &stat));
	CHECK_OK(agora_object_check(object, 0, &check));
	CHECK_EQ(check.blocks, check.free + check.published);
	CHECK_OK(agora_object_clients(object, &clients));
	free(clients);
}

static void check_lie(const char *path, const struct agora_options *options)
{
	struct agora_object *object = make(path, options), *reader;
	struct agora_check check;
	uint64_t before;

	lie(object);
	before = memory_of(object);
	reader = open_with(path, AGORA_READ);
	look_at_all(reader);
	look_at_all(object);
	CHECK_OK(agora_object_check(object, 1, &check));
	agora_object_close(reader);
	CHECK(memory_of(object) < before + (16 << 20));
	agora_object_close(object);
}

TEST(a_queue_that_pretends_to_be_full_of_memory_is_not_filled_by_who_looks)
{
	check_lie("p/fixed.queue", &(struct agora_options){.capacity = 1 << 20,
					   .message_size = 1 << 20,
					   .flags = AGORA_FIXED});
	check_lie("p/any.queue", &(struct agora_options){.capacity = 1 << 20,
					 .memory = UINT64_C(1) << 37});
}

TEST(a_table_that_pretends_to_be_full_of_memory_is_not_filled_by_who_looks)
{
	check_lie("p/any.table", &(struct agora_options){.capacity = 1 << 22,
					 .memory = UINT64_C(1) << 37});
}

TEST(what_lies_behind_a_hole_is_found)
{
	struct agora_options options = {.capacity = 1 << 16};
	struct agora_object *object = make("p/any.queue", &options);
	struct agora_stat stat;

	for (unsigned i = 0; i < 20000; i++)
		CHECK_OK(agora_object_push(object, &i, sizeof(i)));
	for (unsigned i = 0; i < 19000; i++) {
		struct agora_buffer b = {.data = &i, .capacity = sizeof(i)};

		CHECK_OK(agora_object_pop(object, &b));
	}
	/* As a copy with holes would: all of the first blocks are free. */
	CHECK_SYS(fallocate(agora_object_fd(object),
		FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		(off_t)object->segment.layout.pool[0].headers, 4 << 20));
	lie(object);
	CHECK_OK(agora_object_stat(object, &stat));
	CHECK_EQ(1000, stat.count);
	look_at_all(object);
	agora_object_close(object);
}

TEST(a_large_object_that_was_cut_short_is_no_hole)
{
	struct agora_options options = {.capacity = 1 << 16};
	struct agora_object *object = make("p/any.queue", &options);
	struct agora_stat stat;

	for (unsigned i = 0; i < 20000; i++)
		CHECK_OK(agora_object_push(object, &i, sizeof(i)));
	CHECK_SYS(ftruncate(agora_object_fd(object),
		(off_t)object->segment.layout.pool[0].headers + (2 << 20)));
	CHECK_ERROR(-EUCLEAN, agora_object_stat(object, &stat));
	agora_object_close(object);
}

/* All ids look used by the dead, and all entries like theirs, in a circle. */
static void fill_with_dead(struct agora_object *object)
{
	struct segment *s = &object->segment;
	struct agora_table *t = (struct agora_table *)object;

	CHECK_OK(segment_commit(s, OFFSET_CLIENTS,
		(CLIENTS_MAX + 1) * sizeof(struct client_shm)));
	atomic_store_explicit(
		&s->roots->clients, CLIENTS_MAX + 1, memory_order_relaxed);
	for (uint32_t id = 1; id <= CLIENTS_MAX; id++)
		if (id != s->client)
			atomic_store_explicit(&client_slot(s, id)->word,
				CLIENT_LIVE, memory_order_relaxed);
	for (uint32_t i = 0; i < pool_committed(&t->chain.store.pool[0]); i++) {
		struct entry_shm *entry =
			entry_at(&t->chain, (struct block_ref){i});

		atomic_store_explicit(&entry->link, 1, memory_order_relaxed);
		atomic_store_explicit(&entry->hash, 0, memory_order_relaxed);
		atomic_store_explicit(&entry->block.state,
			state_make(BLOCK_PUBLISHED, 2 + i, 0),
			memory_order_relaxed);
	}
	atomic_store_explicit(t->map, UINT64_MAX, memory_order_relaxed);
	atomic_store_explicit(t->bucket, 1, memory_order_relaxed);
}

TEST(thousands_of_dead_clients_with_circles_are_recovered_in_one_visit)
{
	struct agora_options options = {.capacity = 64};
	struct agora_object *object = make("p/any.table", &options), *other;
	struct agora_check check;

	fill_with_dead(object);
	other = open_with("p/any.table", AGORA_WRITE);
	CHECK_EQ(2, client_alive(&other->segment, 1) +
			    client_alive(&other->segment, 2));
	CHECK_ERROR(-EUCLEAN, agora_object_check(other, 1, &check));
	agora_object_close(other);
	agora_object_close(object);
}

/* Write a header with odd parameters and a good checksum. */
static void write_params(int fd, struct header_shm header)
{
	header.checksum =
		hash_bytes(&header, offsetof(struct header_shm, checksum), 0);
	CHECK_EQ(sizeof(header), pwrite(fd, &header, sizeof(header), 0));
}

TEST(parameters_out_of_range_with_a_good_checksum_are_damage)
{
	static const uint64_t bad[] = {0, (UINT64_C(1) << 26) + 1,
		UINT64_C(1) << 63, (UINT64_C(1) << 63) + 1, UINT64_MAX};
	const char *const path[] = {"p/x.table", "p/x.queue"};

	for (size_t i = 0; i < 10; i++) {
		struct agora_object *object = make(path[i % 2], NULL), *other;
		struct header_shm header = object->segment.header;

		header.params.capacity = bad[i / 2];
		write_params(agora_object_fd(object), header);
		CHECK_ERROR(-EUCLEAN, agora_object_open(space, path[i % 2],
					      AGORA_READ, NULL, &other));
		agora_object_close(object);
		CHECK_OK(agora_object_remove(space, path[i % 2]));
	}
}

static _Atomic bool over;

/* Never is anything free, and never enough committed. */
static void *set_back(void *argument)
{
	struct agora_object *object = argument;
	struct pool *pool =
		&((struct agora_table *)argument)->chain.store.pool[0];

	while (!atomic_load_explicit(&over, memory_order_relaxed)) {
		atomic_store_explicit(&object->segment.roots->committed[0], 0,
			memory_order_relaxed);
		atomic_store_explicit(
			pool->bitmap, UINT64_MAX, memory_order_relaxed);
	}
	return NULL;
}

TEST(a_watermark_that_is_set_back_again_and_again_ends_a_put)
{
	struct agora_options options = {.capacity = 64};
	struct agora_object *object = make("p/any.table", &options);
	struct pool *pool =
		&((struct agora_table *)object)->chain.store.pool[0];
	pthread_t thread;

	CHECK_OK(agora_object_put(object, "k", 1, "v", 1));
	for (uint32_t i = 0; i < pool->count; i++)
		atomic_store_explicit(
			&pool_block(pool, (struct block_ref){i})->state,
			state_make(BLOCK_OWNED, object->segment.client, 0),
			memory_order_relaxed);
	CHECK_EQ(0, pthread_create(&thread, NULL, set_back, object));
	for (int i = 0; i < 100; i++)
		CHECK(agora_object_put(object, "new", 3, "v", 1) < 0);
	atomic_store_explicit(&over, true, memory_order_relaxed);
	pthread_join(thread, NULL);
	agora_object_close(object);
}
