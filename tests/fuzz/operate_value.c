/* operate_value.c - what strings have, and references, for operate.c. */
#include "operate.h"

static struct agora_string *string_of(const struct run *r)
{
	return (struct agora_string *)r->object;
}

static int do_load(struct run *r)
{
	struct agora_buffer b = buffer(r);

	return copied(agora_object_load(r->object, &b), &b);
}

static int do_tap_string(struct run *r)
{
	struct agora_buffer b = buffer(r);
	uint64_t cursor = 0;

	return copied(agora_object_tap(r->object, &cursor, &b), &b);
}

static int do_await(struct run *r)
{
	struct agora_buffer b = buffer(r);
	uint64_t version;
	int result = agora_string_version(string_of(r), &version);

	if (!result)
		result = copied(
			agora_string_wait(string_of(r), version - 1, &past, &b),
			&b);
	return result;
}

static int do_store(struct run *r)
{
	static const char bytes[FUZZ_LONG];

	return agora_object_store(r->object, bytes, size_to_write(r));
}

static int do_append(struct run *r)
{
	static const char bytes[FUZZ_LONG];

	return agora_object_append(r->object, bytes, size_to_write(r) / 2);
}

static int do_swap_string(struct run *r)
{
	struct agora_buffer old = buffer(r);
	struct agora_buffer new = {.data = (void *)"swapped", .size = 7};

	return copied(agora_string_swap(string_of(r), &new, &old), &old);
}

static int do_compare_string(struct run *r)
{
	struct agora_buffer new = {.data = (void *)"compared", .size = 8};

	if (agora_string_version(string_of(r), &new.version))
		new.version = 0;
	return agora_string_compare(string_of(r), &new, NULL);
}

static int do_clear(struct run *r)
{
	return agora_string_clear(string_of(r));
}

/* A segment's bytes are a text, too, which may be taken for a reference. */
static int do_reference(struct run *r)
{
	struct agora_reference reference;
	struct agora_buffer b = buffer(r);
	struct agora_buffer text = buffer(r);
	int result = agora_object_load(r->object, &b);

	if (!result && !agora_reference_parse(r->data, b.size, &reference))
		return copied(agora_reference_format(&reference, &text), &text);
	return result;
}

static const struct operation rows[] = {
	{"load", &kind_string, false, do_load},
	{"tap", &kind_string, false, do_tap_string},
	{"await", &kind_string, false, do_await},
	{"reference", &kind_string, false, do_reference},
	{"store", &kind_string, true, do_store},
	{"swap", &kind_string, true, do_swap_string},
	{"compare", &kind_string, true, do_compare_string},
	{"append", &kind_string, true, do_append},
	{"store", &kind_string, true, do_store},
	{"await", &kind_string, true, do_await},
	{"clear", &kind_string, true, do_clear},
};

const struct operations operate_values = OPERATIONS(rows);
