/*
 * key.c - keys as the names of files, and back.
 *
 * A key is written as in a line, and "/" as "\x2F". What no file can be
 * called has a form of its own, which nothing else has because behind a
 * backslash there is only \ t n r x in a line:
 *
 *	the empty key            \e
 *	"." and ".."             \x2E and \x2E.
 *	more than 255 bytes      a path: PART\+/PART\+/REST
 *
 * A part is as much of the key as fits into 253 bytes, in whole characters
 * and escapes, so that each key has one path only. A name is what it stands
 * for only if that, written again, is the same name.
 */
#include "text.h"

#include <errno.h>
#include <string.h>

#define NAME_BYTES 255
#define PART_BYTES (NAME_BYTES - 2) /* what a "\+" follows */

/* Write the first character of a key, or of what is left of one. */
static int write_next(
	struct text *out, const char *s, size_t size, size_t *ret_used)
{
	if (*s != '/')
		return text_escape_next(out, s, size, ret_used);
	*ret_used = 1;
	return text_append(out, "\\x2F", 4);
}

/* Write all of a key that has a name of its own, which begins with an
 * escape. Returns 1, 0 when it is no such key, or -ENOMEM. */
static int write_special(struct text *out, const char *s, size_t size)
{
	const char *name = NULL;
	int r;

	if (!size)
		name = "\\e";
	else if (size == 1 && s[0] == '.')
		name = "\\x2E";
	else if (size == 2 && s[0] == '.' && s[1] == '.')
		name = "\\x2E.";
	if (!name)
		return 0;
	r = text_append(out, name, strlen(name));
	return r < 0 ? r : 1;
}

int text_key_part(struct text *out, const void *key, size_t size, size_t *at)
{
	const char *s = key ? key : "";
	size_t start = out->size, from = *at, cut = start, cut_at = from;
	size_t used;
	int r = write_special(out, s + from, size - from);

	if (r) {
		*at = r > 0 ? size : *at;
		return r < 0 ? r : 0;
	}
	while (from < size && out->size - start <= NAME_BYTES) {
		if (out->size - start <= PART_BYTES) {
			cut = out->size;
			cut_at = from;
		}
		r = write_next(out, s + from, size - from, &used);
		if (r < 0) {
			out->size = start;
			return r;
		}
		from += used;
	}
	if (out->size - start <= NAME_BYTES) {
		*at = size;
		return 0;
	}
	out->size = cut;
	*at = cut_at;
	r = text_append(out, "\\+", 2);
	return r < 0 ? r : 1;
}

/* ---- and back ---------------------------------------------------------- */

/* Append the bytes of a part. Returns 1 when more follow, 0, -EINVAL. */
static int read_part(struct text *key, const char *name)
{
	size_t size = strlen(name);
	int r;

	if (strcmp(name, "\\e") == 0)
		return 0;
	if (size > 2 && !memcmp(name + size - 2, "\\+", 2)) {
		/* not one that ends in an escaped backslash and a plus */
		r = text_unescape(key, name, size - 2, NULL);
		if (r != -EBADMSG)
			return r < 0 ? r : 1;
	}
	r = text_unescape(key, name, size, NULL);
	return r == -EBADMSG ? -EINVAL : r;
}

/*
 * Whether the part of the key that begins at start is this name, and the one
 * before it ends there. Returns 1, 0, -ENOMEM.
 */
static int is_written_so(const struct text *key, size_t start, const char *name)
{
	struct text part = {0};
	size_t at = 0;
	bool same;
	int r = 1;

	while (r > 0 && at < start) {
		part.size = 0;
		r = text_key_part(&part, key->data, key->size, &at);
	}
	if (r > 0 && at == start) {
		part.size = 0;
		r = text_key_part(&part, key->data, key->size, &at);
		same = r >= 0 && part.size == strlen(name) &&
		       !memcmp(part.data, name, part.size);
		r = r < 0 ? r : same;
	} else if (r > 0) {
		r = 0;
	}
	text_free(&part);
	return r;
}

int text_key_find(struct text *key, const char *name)
{
	/* what would make any part as short as it can be end where it does */
	static const char more[] = "\1\1\1";
	size_t start = key->size, end = start;
	int more_parts = read_part(key, name);
	int r = more_parts < 0 ? more_parts : 0;

	if (r == 0) {
		end = key->size;
		r = text_append(key, more, more_parts ? sizeof(more) - 1 : 0);
	}
	if (r == 0)
		r = is_written_so(key, start, name);
	key->size = r > 0 ? end : start;
	if (r < 0)
		return r;
	return r ? more_parts : -EINVAL;
}
