/*
 * entry.c - what a line says: an entry, a member, a message.
 *
 * What a line looks like follows from the traits of the object's kind.
 */
#include "text.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* ---- keyed kinds ------------------------------------------------------ */

int text_entry(struct text *out, uint32_t traits, const struct text_pair *pair)
{
	size_t mark = out->size;
	int r = text_escape(out, pair->key, pair->key_size);

	if (r == 0 && !(traits & AGORA_MEMBERS)) {
		r = text_append(out, "\t", 1);
		if (r == 0)
			r = text_escape(out, pair->value, pair->value_size);
	}
	if (r == 0)
		r = text_append(out, "\n", 1);
	if (r < 0)
		out->size = mark;
	return r;
}

int text_entry_parse(uint32_t traits, const char *line, size_t size,
	struct text *key, struct text *value, size_t *ret_offset)
{
	const char *tab = size ? memchr(line, '\t', size) : NULL;
	size_t before = size;
	int r;

	key->size = 0;
	value->size = 0;
	*ret_offset = size;
	if (!(traits & AGORA_MEMBERS)) {
		if (!tab)
			return -EBADMSG;
		before = (size_t)(tab - line);
	}
	r = text_unescape(key, line, before, ret_offset);
	if (r < 0 || before == size)
		return r;
	r = text_unescape(value, tab + 1, size - before - 1, ret_offset);
	if (r == -EBADMSG)
		*ret_offset += before + 1;
	return r;
}

/* ---- sequences -------------------------------------------------------- */

int text_priority(struct text *out, uint32_t traits, uint64_t priority)
{
	if (!(traits & AGORA_PRIORITIES))
		return 0;
	return text_print(out, "%" PRIu64 "\t", priority);
}

int text_message(struct text *out, uint32_t traits, const char *type,
	const struct text_said *said)
{
	size_t mark = out->size;
	int r = text_priority(out, traits, said->priority);

	if (r == 0)
		r = text_append(out, said->data, said->size);
	if (r == 0 && agora_type_is_lines(type))
		r = text_append(out, "\n", 1);
	if (r < 0)
		out->size = mark;
	return r;
}

/* Take the number at the beginning of a line apart, up to its tab. */
static int priority_of(
	const char *line, size_t size, uint64_t *ret_priority, size_t *ret_at)
{
	uint64_t priority = 0;
	size_t at = 0;

	for (; at < size && line[at] >= '0' && line[at] <= '9'; at++)
		if (__builtin_mul_overflow(priority, 10, &priority) ||
			__builtin_add_overflow(priority,
				(uint64_t)(line[at] - '0'), &priority))
			break;
	*ret_priority = priority;
	*ret_at = at;
	return at && at < size && line[at] == '\t' ? 0 : -EBADMSG;
}

int text_message_parse(uint32_t traits, const char *line, size_t size,
	struct text_said *ret_said, size_t *ret_offset)
{
	uint64_t priority = 0;
	size_t at = 0;
	int r;

	*ret_offset = 0;
	if (traits & AGORA_PRIORITIES) {
		r = priority_of(line, size, &priority, &at);
		if (r < 0) {
			*ret_offset = at;
			return r;
		}
		at++; /* the tab */
	}
	*ret_said = (struct text_said){
		.data = line + at, .size = size - at, .priority = priority};
	return 0;
}

/* ---- single values ---------------------------------------------------- */

int text_value(
	struct text *out, const char *type, const void *data, size_t size)
{
	const struct text_said said = {.data = data, .size = size};

	return size ? text_message(out, 0, type, &said) : 0;
}

size_t text_value_size(const char *type, const void *data, size_t size)
{
	if (!size || !agora_type_is_lines(type))
		return size;
	return size - (((const char *)data)[size - 1] == '\n');
}
