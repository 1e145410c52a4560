/*
 * types.c - the fuzzer of types: see fuzzer.py.
 *
 *   input    PATH=MEANING newline TYPE NUL bytes
 *
 * The text is a type, perhaps with one that is declared before; the bytes are
 * taken for a value of it, and for JSON. What must hold of any type and any
 * value is asserted.
 */
#include <agora/agora.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define must(condition)                                                        \
	do {                                                                   \
		if (!(condition)) {                                            \
			fprintf(stderr, "not true: %s, line %d\n", #condition, \
				__LINE__);                                     \
			abort();                                               \
		}                                                              \
	} while (0)

#define ROOM ((size_t)4 << 20)

static char text_room[ROOM], value_room[ROOM], again_room[ROOM];

static void check_place(const struct agora_type_error *error, size_t size)
{
	must(error->offset <= size);
	must(error->line && error->column);
	must(*error->reason && strlen(error->reason) < sizeof(error->reason));
}

/* ---- names ---- */

static void check_names(const char *name)
{
	char parent[AGORA_TYPE_MAX], part[AGORA_TYPE_MAX];
	unsigned i = 0;

	must(agora_type_is_a(name, name) == 1);
	must(agora_type_is_a(name, "bytes") == 1);
	for (; !agora_type_part(name, i, part); i++) {
		must(!agora_type_parse(part));
		must(agora_type_is_a(part, name) == 1);
	}
	must(i);
	strcpy(part, name);
	for (i = 0; !agora_type_parent(part, parent); i++) {
		must(i < 5000 && strcmp(part, parent));
		must(agora_type_is_a(part, parent) == 1);
		strcpy(part, parent);
	}
	must(!strcmp(part, "bytes"));
}

static void check_description(const struct agora_type *type)
{
	struct agora_buffer text = {text_room, ROOM, 0, 0, 0};
	struct agora_type_field field;
	size_t size = agora_type_size(type);

	must(agora_type_view(type) >= AGORA_VIEW_BYTES);
	for (size_t i = 0; !agora_type_field(type, i, &field); i++)
		must(field.offset < size && field.size <= size);
	must(!agora_type_schema(type, &text));
}

/* ---- values ---- */

/* What was printed is read, and printed again it is the same. */
static void check_text(const struct agora_type *type, bool exact)
{
	struct agora_buffer text = {text_room, ROOM, 0, 0, 0};
	struct agora_buffer value = {value_room, ROOM, 0, 0, 0};
	struct agora_buffer again = {again_room, ROOM, 0, 0, 0};
	size_t size;
	int r;

	/* value_room holds a value; its size is in what was called last. */
	memcpy(&size, again_room, sizeof(size));
	r = agora_type_print(type, value_room, size, &text);
	if (r == -EMSGSIZE)
		return;
	must(!r);
	must(!memchr(text_room, '\n', text.size));
	r = agora_type_scan(type, text_room, text.size, &value, NULL);
	must(!r);
	r = agora_type_print(type, value_room, value.size, &again);
	must(!r);
	must(!exact || (again.size == text.size &&
			       !memcmp(again_room, text_room, text.size)));
}

static void check_value(const struct agora_type *type, const void *data,
	size_t size, bool exact)
{
	struct agora_type_error error = {.reason = ""};
	int r = agora_type_validate(type, data, size, &error);

	must(!r || r == -EBADMSG);
	if (r) {
		check_place(&error, size);
		return;
	}
	must(size <= ROOM);
	memcpy(value_room, data, size);
	memcpy(again_room, &size, sizeof(size));
	check_text(type, exact);
}

static void check_json(const struct agora_type *type, const char *text,
	size_t size, bool exact)
{
	struct agora_buffer value = {value_room, ROOM, 0, 0, 0};
	struct agora_type_error error = {.reason = ""};
	int r = agora_type_scan(type, text, size, &value, &error);

	must(!r || r == -EBADMSG || r == -EMSGSIZE);
	if (r == -EBADMSG)
		check_place(&error, size);
	if (r)
		return;
	must(!agora_type_validate(type, value_room, value.size, NULL));
	memcpy(again_room, &value.size, sizeof(value.size));
	check_text(type, exact);
}

/* ---- an input ---- */

/* Declare PATH=MEANING; returns what follows it. */
static char *declare(struct agora_type_set *set, char *text)
{
	char *newline = strchr(text, '\n'), *equals;
	struct agora_type_error error = {.line = 1, .column = 1, .reason = "x"};
	int r;

	if (!newline)
		return text;
	*newline = '\0';
	equals = strchr(text, '=');
	if (equals) {
		*equals = '\0';
		r = agora_type_set_add(set, text, equals + 1, &error);
		must(!r || r == -EINVAL || r == -EEXIST);
		if (r)
			check_place(&error, SIZE_MAX);
	}
	return newline + 1;
}

/* An array of a million and more, for each input, would take too long. */
static bool is_large(const char *text)
{
	while (*(text += strcspn(text, "0123456789"))) {
		size_t digits = strspn(text, "0123456789");

		if (digits > 6)
			return true;
		text += digits;
	}
	return false;
}

/* exact: of A|B, the text of one may be read as another. */
static void check_type(const char *text, const struct agora_type_set *set,
	const void *data, size_t size, bool exact)
{
	struct agora_type_error error = {.reason = ""};
	struct agora_type *type;
	int r = agora_type_open(text, set, &type, &error);

	must(!r || r == -EINVAL);
	if (r) {
		check_place(&error, strlen(text));
		return;
	}
	check_names(agora_type_text(type));
	if (agora_type_size(type) <= ROOM) {
		check_description(type);
		check_value(type, data, size, exact);
		check_json(type, data, size, exact);
	}
	agora_type_close(type);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, '\0', size);
	struct agora_type_set *set;
	size_t length = end ? (size_t)(end - data) : size;
	char *text = strndup((const char *)data, length), *type;
	const uint8_t *rest = end ? end + 1 : data + size;
	bool exact, large;

	must(text && !agora_type_set_open(&set));
	exact = !strchr(text, '|');
	large = is_large(text);
	type = declare(set, text);
	if (!large)
		check_type(
			type, set, rest, size - (size_t)(rest - data), exact);
	agora_type_set_close(set);
	free(text);
	return 0;
}
