/* threads_string.c - threads are the clients of a string. See threads.h. */
#include "threads.h"

#define PATH  "p/x.string"
#define STEPS 10000

static void open_all(struct worker *w, uint32_t writers, bool shared)
{
	struct agora_options options = {
		.message_size = 2 * LARGEST, .writers = writers};
	uint32_t create = AGORA_CREATE;
	int error = agora_program_create(space, "p", NULL);

	CHECK(!error || error == -EEXIST);
	for (int i = 0; i < THREADS; i++, create = 0) {
		struct agora_string *handle = w[0].handle;
		struct agora_string *reader = w[0].reader;

		if (!i || !shared) {
			CHECK_OK(agora_string_open(space, PATH,
				AGORA_WRITE | create, &options, &handle));
			CHECK_OK(agora_string_open(
				space, PATH, AGORA_READ, NULL, &reader));
		}
		w[i].handle = handle;
		w[i].reader = reader;
	}
}

static void close_all(struct worker *w, bool shared)
{
	for (int i = 0; i < (shared ? 1 : THREADS); i++) {
		agora_string_close(w[i].handle);
		agora_string_close(w[i].reader);
	}
}

static struct agora_buffer buffer_of(struct worker *w)
{
	static _Thread_local unsigned char data[2 * LARGEST];

	(void)w;
	return (struct agora_buffer){.data = data, .capacity = sizeof(data)};
}

/* What was stored, and a number for each time that was appended to it. */
static void read_value(const struct agora_buffer *b)
{
	const unsigned char *data = b->data;
	uint32_t id;
	size_t at;

	if (!b->size)
		return;
	memcpy(&id, data, sizeof(id));
	at = size_of(id);
	CHECK(at <= b->size && id_of(data, at) == id);
	for (; at < b->size; at += sizeof(id)) {
		CHECK(b->size - at >= sizeof(id));
		memcpy(&id, data + at, sizeof(id));
		read_note(id);
	}
}

/* Its next value; once it has used all its numbers, the last again. */
static struct agora_buffer next_value(struct worker *w)
{
	uint32_t id = w->next, end = (uint32_t)(w->number + 1) * IDS;

	if (id == end)
		id--;
	else
		write_note(w->next++);
	fill(w->data, id, size_of(id));
	return (struct agora_buffer){.data = w->data, .size = size_of(id)};
}

static void look(struct worker *w)
{
	struct agora_buffer b = buffer_of(w);
	int error = agora_string_load(w->reader, &b);

	CHECK(!error || error == -ENOENT);
	if (!error)
		read_value(&b);
}

static void await(struct worker *w)
{
	struct agora_buffer b = buffer_of(w);
	struct timespec deadline = agora_deadline(100000);
	uint64_t version;
	int error;

	CHECK_OK(agora_string_version(w->handle, &version));
	error = agora_string_wait(w->handle, version, &deadline, &b);
	CHECK(!error || error == -ENOENT || error == -ETIMEDOUT);
	if (!error)
		read_value(&b);
}

static void append(struct worker *w)
{
	uint32_t id = w->next, end = (uint32_t)(w->number + 1) * IDS;
	struct agora_buffer b = buffer_of(w);
	int error = agora_string_load(w->handle, &b);

	/* What has no beginning is not a value here. */
	if (id == end || error || b.size > LARGEST)
		return;
	write_note(w->next++);
	memcpy((char *)b.data + b.size, &id, sizeof(id));
	b.size += sizeof(id);
	error = agora_string_compare(w->handle, &b, NULL);
	CHECK(!error || error == -ESTALE);
}

static void swap(struct worker *w)
{
	struct agora_buffer b = buffer_of(w), value = next_value(w);
	int error = agora_string_swap(w->handle, &value, &b);

	CHECK(!error || error == -ENOENT);
	if (!error)
		read_value(&b);
}

static void check_sound(struct worker *w)
{
	struct agora_object *object = agora_string_object(w->handle);
	struct agora_check report;
	struct agora_stat stat;

	CHECK_OK(agora_object_stat(object, &stat));
	CHECK_OK(agora_object_check(object, 1, &report));
}

static void *use_string(void *worker)
{
	struct worker *w = worker;
	struct agora_buffer value;
	int error;

	for (int step = 0; step < STEPS; step++) {
		uint32_t choice = draw(w, 12);

		if (choice < 4) {
			value = next_value(w);
			CHECK_OK(agora_string_store(
				w->handle, value.data, value.size));
		} else if (choice < 5) {
			swap(w);
		} else if (choice < 7) {
			append(w);
		} else if (choice < 8) {
			error = agora_string_clear(w->handle);
			CHECK(!error || error == -ENOENT);
		} else if (choice < 11) {
			look(w);
		} else if (!draw(w, 8)) {
			await(w);
		} else if (!draw(w, 16)) {
			check_sound(w);
		}
	}
	return NULL;
}

static void string_in_threads(uint32_t writers, bool shared)
{
	static struct worker w[THREADS];

	open_all(w, writers, shared);
	run_threads(use_string, w);
	check_sound(&w[0]);
	close_all(w, shared);
}

TEST(each_with_a_handle_on_a_string)
{
	string_in_threads(AGORA_WRITERS_MANY, false);
}

TEST(all_with_one_handle_on_a_string)
{
	string_in_threads(AGORA_WRITERS_MANY, true);
}

TEST(all_with_the_handle_of_the_only_writer_of_a_string)
{
	string_in_threads(AGORA_WRITERS_ONE, true);
}

static void *append_numbers(void *worker)
{
	struct worker *w = worker;

	for (int i = 0; i < 500; i++) {
		uint32_t id = w->next++;

		write_note(id);
		CHECK_OK(agora_string_append(w->handle, &id, sizeof(id)));
	}
	return NULL;
}

static void append_in_threads(uint32_t writers, bool shared)
{
	static struct worker w[THREADS];
	static unsigned char seen[NOTES];
	struct agora_buffer b;
	uint32_t id;

	open_all(w, writers, shared);
	run_threads(append_numbers, w);
	b = buffer_of(w);
	CHECK_OK(agora_string_load(w[0].reader, &b));
	CHECK_EQ(THREADS * 500 * sizeof(id), b.size);
	for (size_t at = 0; at < b.size; at += sizeof(id)) {
		memcpy(&id, (char *)b.data + at, sizeof(id));
		read_note(id);
		CHECK_EQ(0, seen[id]++);
	}
	close_all(w, shared);
}

TEST(each_appends_with_a_handle)
{
	append_in_threads(AGORA_WRITERS_MANY, false);
}

TEST(all_append_with_the_handle_of_the_only_writer)
{
	append_in_threads(AGORA_WRITERS_ONE, true);
}
