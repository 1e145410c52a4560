/* reference.c - references as text: see agora/reference.h. */
#include "type/reference.h"

#include "base/num.h"
#include "type/name.h"

#include <agora/base.h>

#include <errno.h>
#include <string.h>
#include <unistr.h>

/* Bytes that begin a part, or an escape. */
static bool is_mark(unsigned char byte)
{
	return byte == '%' || byte == '#' || byte == '@';
}

/* ---- what may be named ---- */

/* The name of an object: one of a name and a kind, known or not. */
static bool is_object(const char *name)
{
	const char *dot = strrchr(name, '.');
	char stem[AGORA_NAME_MAX + 1];
	size_t size = dot ? (size_t)(dot - name) : 0;

	if (!size || size > AGORA_NAME_MAX || !dot[1])
		return false;
	memcpy(stem, name, size);
	stem[size] = 0;
	return !agora_name_check(stem) && !agora_name_check(dot + 1);
}

/* "program/object"; ret_slash: where it is divided. */
static bool is_path(const char *path, size_t *ret_slash)
{
	const char *slash = strchr(path, '/');
	char program[AGORA_NAME_MAX + 1];

	*ret_slash = slash ? (size_t)(slash - path) : 0;
	if (!slash || *ret_slash > AGORA_NAME_MAX)
		return false;
	memcpy(program, path, *ret_slash);
	program[*ret_slash] = 0;
	return !agora_name_check(program) && !strchr(slash + 1, '/') &&
	       is_object(slash + 1);
}

/* ---- write ---- */

/* Where text goes that may not fit: size grows all the same. */
struct sink {
	char *to;
	size_t capacity, size;
};

static void put(struct sink *sink, char byte)
{
	if (sink->size < sink->capacity)
		sink->to[sink->size] = byte;
	sink->size++;
}

static void put_escaped(struct sink *sink, const void *bytes, size_t size)
{
	static const char digits[] = "0123456789ABCDEF";
	const unsigned char *byte = bytes;
	bool plain = name_is_plain(bytes, size);

	for (size_t i = 0; i < size; i++) {
		bool as_it_is = byte[i] > ' ' && !is_mark(byte[i]) &&
				(byte[i] < 0x7f || (plain && byte[i] >= 0x80));

		if (as_it_is) {
			put(sink, (char)byte[i]);
			continue;
		}
		put(sink, '%');
		put(sink, digits[byte[i] >> 4]);
		put(sink, digits[byte[i] & 15]);
	}
}

static void put_number(struct sink *sink, uint64_t number)
{
	char digit[20];
	size_t size = 0;

	do {
		digit[size++] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	while (size)
		put(sink, digit[--size]);
}

int agora_reference_format(
	const struct agora_reference *reference, struct agora_buffer *ret_text)
{
	struct sink sink = {ret_text->data, ret_text->capacity, 0};
	const char *path = reference->path;
	size_t slash;

	if (!memchr(path, 0, sizeof(reference->path)) ||
		!is_path(path, &slash) ||
		(reference->has_key && reference->key_size > AGORA_KEY_MAX))
		return -EINVAL;
	put_escaped(&sink, path, slash);
	put(&sink, '/');
	put_escaped(&sink, path + slash + 1, strlen(path + slash + 1));
	if (reference->has_key) {
		put(&sink, '#');
		put_escaped(&sink, reference->key, reference->key_size);
	}
	if (reference->version) {
		put(&sink, '@');
		put_number(&sink, reference->version);
	}
	ret_text->size = sink.size;
	return sink.size > sink.capacity ? -EMSGSIZE : 0;
}

/* ---- read ---- */

struct cursor {
	const unsigned char *at, *end;
};

static int digit_of(unsigned char byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	byte |= 0x20;
	return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* Controls of one byte, spaces, and those that are two bytes of UTF-8. */
static bool is_unfit(const struct cursor *c)
{
	return *c->at <= ' ' || *c->at == 0x7f ||
	       (*c->at == 0xc2 && c->at + 1 < c->end && c->at[1] < 0xa0);
}

/* One byte of a part. Returns false when it does not fit. */
static bool read_byte(struct cursor *c, unsigned char *ret_byte)
{
	int high, low;

	if (*c->at != '%') {
		if (is_unfit(c))
			return false;
		*ret_byte = *c->at++;
		return true;
	}
	if (c->end - c->at < 3)
		return false;
	high = digit_of(c->at[1]);
	low = digit_of(c->at[2]);
	if (high < 0 || low < 0)
		return false;
	*ret_byte = (unsigned char)(high << 4 | low);
	c->at += 3;
	return true;
}

/* The bytes up to a mark or, if it is not 0, to stop. */
static bool read_part(struct cursor *c, unsigned char stop, unsigned char *to,
	size_t most, size_t *ret_size)
{
	size_t size = 0;

	while (c->at < c->end && *c->at != '#' && *c->at != '@' &&
		(!stop || *c->at != stop)) {
		if (size == most || !read_byte(c, &to[size]))
			return false;
		size++;
	}
	*ret_size = size;
	return true;
}

/* The cursor stands behind the part when that is no name. */
static bool read_path(struct cursor *c, char path[AGORA_PATH_MAX])
{
	unsigned char *bytes = (unsigned char *)path;
	size_t program, object, slash;

	if (!read_part(c, '/', bytes, AGORA_NAME_MAX, &program) ||
		c->at == c->end || *c->at != '/')
		return false;
	c->at++;
	path[program] = '/';
	if (!read_part(c, 0, bytes + program + 1, 255, &object))
		return false;
	path[program + 1 + object] = 0;
	return strlen(path) == program + 1 + object && is_path(path, &slash) &&
	       slash == program;
}

static bool read_number(struct cursor *c, uint64_t *ret_number)
{
	uint64_t number = 0;

	if (c->at == c->end || *c->at == '0')
		return false;
	for (; c->at < c->end; c->at++) {
		unsigned digit = (unsigned)*c->at - '0';

		if (digit > 9 || __builtin_mul_overflow(number, 10, &number) ||
			__builtin_add_overflow(number, digit, &number))
			return false;
	}
	*ret_number = number;
	return true;
}

static bool read_all(struct cursor *c, struct agora_reference *r)
{
	r->has_key = 0;
	r->key_size = 0;
	r->version = 0;
	if (!read_path(c, r->path))
		return false;
	if (c->at < c->end && *c->at == '#') {
		r->has_key = 1;
		c->at++;
		/* A second '#' ends it, and is then one too many. */
		if (!read_part(c, 0, r->key, AGORA_KEY_MAX, &r->key_size))
			return false;
	}
	if (c->at == c->end)
		return true;
	return *c->at == '@' && (c->at++, read_number(c, &r->version));
}

size_t reference_read(
	const void *text, size_t size, struct agora_reference *ret_reference)
{
	const uint8_t *start = text;
	const uint8_t *bad = size ? u8_check(start, size) : NULL;
	struct cursor c = {start, start + size};

	if (bad)
		return (size_t)(bad - start);
	if (!size)
		return 0;
	return read_all(&c, ret_reference) ? REFERENCE_SOUND
					   : (size_t)(c.at - start);
}

int agora_reference_parse(
	const void *text, size_t size, struct agora_reference *ret_reference)
{
	struct agora_reference reference;

	if (reference_read(text, size, &reference) != REFERENCE_SOUND)
		return -EBADMSG;
	memcpy(ret_reference->path, reference.path, sizeof(reference.path));
	memcpy(ret_reference->key, reference.key, reference.key_size);
	ret_reference->has_key = reference.has_key;
	ret_reference->key_size = reference.key_size;
	ret_reference->version = reference.version;
	return 0;
}
