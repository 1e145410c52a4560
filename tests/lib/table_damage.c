/*
 * table_damage.c - a table whose memory somebody scribbles on.
 *
 * Whatever the words of a segment say: no crash, no hang, no access outside
 * of it (the sanitizers see that). What is noticed is -EUCLEAN.
 */
#include "driver.h"

/* Built a second time for tables with one writer: see table_damage_one.c. */
#ifndef WRITERS
#define WRITERS AGORA_WRITERS_MANY
#endif

#include <sys/mman.h>

#define PATH   "p/t.table"
#define KEYS   150
#define ROUNDS 60

static unsigned char value[20000];
static size_t file_size;
static unsigned char *file, *image;

static struct agora_table *open_table(uint32_t flags)
{
	struct agora_options options = {.capacity = 64,
		.key_size = 300,
		.message_size = sizeof(value),
		.memory = 1 << 20,
		.writers = WRITERS};
	struct agora_table *t;

	CHECK_OK(agora_table_open(space, PATH, flags, &options, &t));
	return t;
}

static size_t key_of(unsigned i, unsigned char key[300])
{
	memset(key, 'a' + (int)(i % 26), 300);
	memcpy(key, &i, sizeof(i));
	return i % 9 ? 4 + i % 30 : 300;
}

static size_t value_size_of(unsigned i)
{
	return i % 10 ? i % 200 : 500 * (i / 10);
}

/* Fill a table, and keep its bytes. */
static void prepare(void)
{
	struct agora_table *t;
	unsigned char key[300];
	struct stat st;
	int fd;

	CHECK_OK(agora_program_create(space, "p", NULL));
	t = open_table(AGORA_WRITE | AGORA_CREATE);
	for (unsigned i = 0; i < KEYS; i++)
		CHECK_OK(agora_table_put(
			t, key, key_of(i, key), value, value_size_of(i)));
	fd = agora_object_fd(agora_table_object(t));
	CHECK_SYS(fstat(fd, &st));
	file_size = (size_t)st.st_size;
	file = mmap(NULL, file_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	image = malloc(file_size);
	CHECK(file != MAP_FAILED && image);
	memcpy(image, file, file_size);
	agora_table_close(t);
}

static size_t random_word(void)
{
	/* Behind the header, which was copied; mostly where something is. */
	size_t place = 4096 + (size_t)random() * 8 % (file_size - 4096);

	for (int tries = 0; tries < 2000; tries++) {
		uint64_t word;

		memcpy(&word, file + place, 8);
		if (word)
			break;
		place = 4096 + (size_t)random() * 8 % (file_size - 4096);
	}
	return place & ~(size_t)7;
}

static void scribble(void)
{
	size_t place = random_word();
	uint64_t word, bits = (uint64_t)random() << 33 ^ (uint64_t)random();

	memcpy(&word, file + place, 8);
	switch (random() % 5) {
	case 0:
		word = bits;
		break;
	case 1:
		word ^= UINT64_C(1) << bits % 64;
		break;
	case 2:
		memcpy(&word, file + random_word(), 8);
		break;
	case 3:
		word = (word & ~UINT64_C(0xfffffff)) | bits % 400;
		break;
	default:
		word = bits % 3 ? UINT64_MAX : 0;
	}
	memcpy(file + place, &word, 8);
}

static void allow(int result)
{
	static const int allowed[] = {0, -ENOENT, -EUCLEAN, -ENOSPC, -EMSGSIZE,
		-EPROTOTYPE, -ESTALE, -EUSERS};

	for (size_t i = 0; i < sizeof(allowed) / sizeof(*allowed); i++)
		if (result == allowed[i])
			return;
	driver_fail("%d (%s)", result, agora_strerror(result));
}

static void look(struct agora_table *t)
{
	unsigned char key[300];
	struct agora_buffer b = {.data = value, .capacity = sizeof(value)};
	struct agora_buffer next = {
		.data = key, .capacity = sizeof(key), .size = SIZE_MAX};
	struct agora_stat stat;
	struct agora_check report;
	int error;

	for (unsigned i = 0; i < KEYS; i++)
		allow(agora_table_get(t, key, key_of(i, key), &b));
	for (unsigned i = 0; i < 100000; i++) {
		error = agora_table_next(t, &next, &b);
		if (error)
			break;
	}
	CHECK(error);
	allow(error);
	allow(agora_object_stat(agora_table_object(t), &stat));
	allow(agora_object_check(agora_table_object(t), 0, &report));
}

static void change(struct agora_table *t)
{
	unsigned char key[300];
	struct agora_buffer in = {.data = value, .size = 3000};
	struct agora_buffer out = {.data = image + file_size};
	struct agora_check report;

	for (unsigned i = 0; i < KEYS; i += 2) {
		size_t size = key_of(i, key);

		allow(agora_table_put(t, key, size, value, i * 20));
		allow(agora_table_delete(t, key, key_of(i + 1, key)));
		allow(agora_table_swap(t, key, size, &in, &out));
		allow(agora_table_compare(t, key, size, &in, NULL));
		allow(agora_table_add(t, &i, sizeof(i), 1, NULL));
	}
	allow(agora_object_check(agora_table_object(t), 1, &report));
}

/* Open before the damage or after it, look, and write. */
static void live_with_damage(bool before)
{
	prepare();
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct agora_table *t = NULL;

		alarm(60);
		srandom(round * 2 + before);
		memcpy(file + 4096, image + 4096, file_size - 4096);
		if (before)
			t = open_table(AGORA_WRITE);
		for (unsigned i = 0; i <= round % 20; i++)
			scribble();
		if (!before) {
			struct agora_table *r = open_table(AGORA_READ);
			int error;

			look(r);
			agora_table_close(r);
			error = agora_table_open(
				space, PATH, AGORA_WRITE, NULL, &t);
			allow(error);
			if (error)
				continue;
		}
		look(t);
		change(t);
		look(t);
		agora_table_close(t);
	}
}

TEST(damage_below_an_open_table_is_survived)
{
	live_with_damage(true);
}

TEST(a_damaged_table_can_be_opened_and_is_survived)
{
	live_with_damage(false);
}
