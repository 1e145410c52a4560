/*
 * check.c - whether bytes are a value of a type.
 *
 * Each part is looked at once for each alternative that it may be, so that
 * the time it takes grows with the value and the type, and with nothing else.
 */
#include "type/type.h"

#include "type/reference.h"

#include <errno.h>
#include <string.h>
#include <unistr.h>

static int check_size(const struct type_node *node, struct type_value value,
	struct agora_type_error *error)
{
	if (value.size == node->bytes)
		return 0;
	return type_error(error,
		value.offset +
			(value.size < node->bytes ? value.size : node->bytes),
		"it has %zu bytes, not %zu", value.size, (size_t)node->bytes);
}

static int check_utf8(struct type_value value, struct agora_type_error *error)
{
	const uint8_t *bad;

	if (!value.size)
		return 0;
	bad = u8_check(value.data, value.size);
	if (!bad)
		return 0;
	return type_error(
		error, value.offset + (size_t)(bad - value.data), "not UTF-8");
}

static int check_digits(enum type_scalar scalar, struct type_value value,
	struct agora_type_error *error)
{
	const char *text = (const char *)value.data, *wrong;
	uint64_t room;

	if (value.size && (*text == 'n' || *text == 'i' ||
				  (value.size > 1 && text[1] == 'i')))
		wrong = type_number_word(scalar, text, value.size, &room);
	else
		wrong = type_number_scan(scalar, text, value.size, &room);
	if (!wrong)
		return 0;
	return type_error(error,
		value.offset + type_number_span(text, value.size), "%s", wrong);
}

static int check_reference(
	struct type_value value, struct agora_type_error *error)
{
	struct agora_reference ignored;
	size_t fault = reference_read(value.data, value.size, &ignored);

	if (fault == REFERENCE_SOUND)
		return 0;
	return type_error(error, value.offset + fault, "not a reference");
}

static int check_base(const struct agora_type *type,
	const struct type_node *node, struct type_value value,
	struct agora_type_error *error)
{
	const char *path = type->source + node->text, *word;
	size_t size;

	switch (node->base) {
	case BASE_MIME:
		word = type_word(path, node->size, 1, &size);
		return type_check_mime(word, size, value, error);
	case BASE_SCALAR:
		return check_size(node, value, error);
	case BASE_URL:
		return type_check_url(NULL, 0, value, error);
	case BASE_SCHEME:
		word = type_word(path, node->size, 2, &size);
		return type_check_url(word, size, value, error);
	case BASE_JSON:
		return type_check_json(value, error);
	case BASE_CSV:
		return type_check_csv(value, error);
	case BASE_REFERENCE:
		return check_reference(value, error);
	case BASE_DIGITS:
		return check_digits(node->scalar, value, error);
	default:
		return 0;
	}
}

static int check_meaning(const struct type_meaning *meaning,
	struct type_value value, struct agora_type_error *error)
{
	int result = 0;

	if (meaning->parent)
		result = check_meaning(meaning->parent, value, error);
	if (!result && meaning->type)
		result = type_check(
			meaning->type, meaning->type->root, value, error);
	if (!result && meaning->regex)
		result = type_regex_check(meaning->regex, value, error);
	if (!result && meaning->where)
		result = type_where_check(meaning->where, value, error);
	return result;
}

/* What a program declared for bytes/x says what it is, not libmagic. */
static bool is_foreign(const struct type_node *node)
{
	const struct type_meaning *meaning = node->meaning;

	if (node->base != BASE_MIME || !meaning)
		return false;
	while (meaning->parent)
		meaning = meaning->parent;
	return strlen(meaning->path) == node->builtin;
}

static int check_path(const struct agora_type *type,
	const struct type_node *node, struct type_value value,
	struct agora_type_error *error)
{
	bool text = node->base >= BASE_UTF8;
	int result = text ? check_utf8(value, error) : 0;

	if (!result && !is_foreign(node))
		result = check_base(type, node, value, error);
	if (!result && node->meaning)
		result = check_meaning(node->meaning, value, error);
	return result;
}

static int check_union(const struct agora_type *type, unsigned n,
	struct type_value value, struct agora_type_error *error)
{
	struct agora_type_error last = {.offset = value.offset};
	int result = -EBADMSG;

	for (n = type->node[n].first; n; n = type->node[n].next) {
		int this = type_check(type, n, value, &last);

		if (!this)
			return 0;
		if (this != -EBADMSG)
			result = this;
	}
	type_error(error, last.offset,
		"none of what it may be; it is not the last because: %.150s",
		last.reason);
	return result;
}

int type_element(const struct agora_type *type, unsigned n,
	struct type_value *rest, struct type_value *ret_element,
	struct agora_type_error *error)
{
	uint64_t bytes = type->node[n].bytes;
	size_t header = bytes ? 0 : 4;
	uint32_t size;

	if (!bytes && rest->size >= 4) {
		memcpy(&size, rest->data, 4);
		bytes = size;
	}
	if (rest->size < header || rest->size - header < bytes)
		return type_error(error, rest->offset + rest->size,
			"the last element is cut short");
	*ret_element = (struct type_value){
		rest->data + header, bytes, rest->offset + header};
	rest->data += header + bytes;
	rest->size -= header + bytes;
	rest->offset += header + bytes;
	return 0;
}

static int check_list(const struct agora_type *type, unsigned n,
	struct type_value value, struct agora_type_error *error)
{
	struct type_value element = {.data = NULL};
	int result = 0;

	n = type->node[n].first;
	while (value.size && !result) {
		result = type_element(type, n, &value, &element, error);
		if (!result)
			result = type_check(type, n, element, error);
	}
	return result;
}

int type_compare(const void *a, size_t a_size, const void *b, size_t b_size)
{
	size_t least = a_size < b_size ? a_size : b_size;
	int order = least ? memcmp(a, b, least) : 0;

	return order ? order : (a_size > b_size) - (a_size < b_size);
}

static int check_map(const struct agora_type *type, unsigned n,
	struct type_value value, struct agora_type_error *error)
{
	struct type_value before = {.data = NULL}, key = before, item;
	unsigned first = type->node[n].first;
	unsigned second = type->node[first].next;
	int result;

	while (value.size) {
		result = type_element(type, first, &value, &key, error);
		if (!result)
			result = type_check(type, first, key, error);
		if (!result && before.data &&
			type_compare(before.data, before.size, key.data,
				key.size) >= 0)
			return type_error(error, key.offset,
				"a key that does not come after the one before "
				"it");
		before = key;
		if (!result)
			result = type_element(
				type, second, &value, &item, error);
		if (!result)
			result = type_check(type, second, item, error);
		if (result)
			return result;
	}
	return 0;
}

int type_check(const struct agora_type *type, unsigned n,
	struct type_value value, struct agora_type_error *error)
{
	const struct type_node *node = &type->node[n];

	switch (node->form) {
	case FORM_STRUCT:
		return check_size(node, value, error);
	case FORM_LIST:
		return check_list(type, n, value, error);
	case FORM_MAP:
		return check_map(type, n, value, error);
	case FORM_UNION:
		return check_union(type, n, value, error);
	default:
		return check_path(type, node, value, error);
	}
}
