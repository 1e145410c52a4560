/*
 * escape.c - bytes of any kind in a line of text, and back.
 */
#include "text.h"

#include <errno.h>
#include <string.h>
#include <unictype.h>
#include <unistr.h>

#define NAME_BYTES 255

static const char hex[] = "0123456789ABCDEF";

static int append_hex(struct text *out, unsigned char byte)
{
	char code[4] = {'\\', 'x', hex[byte >> 4], hex[byte & 15]};

	return text_append(out, code, sizeof(code));
}

/* The letter that stands for a byte behind a backslash, or 0. */
static char letter_of(unsigned char byte)
{
	switch (byte) {
	case '\\':
		return '\\';
	case '\t':
		return 't';
	case '\n':
		return 'n';
	case '\r':
		return 'r';
	default:
		return 0;
	}
}

static bool is_plain(unsigned char byte)
{
	return byte >= 0x20 && byte < 0x7f && byte != '\\';
}

/*
 * Format characters are not seen, or change the order in which a terminal
 * shows a line. The joiners alone are part of how words and emoji are spelt.
 */
static bool is_unseen(ucs4_t c)
{
	if (c == 0x200c || c == 0x200d)
		return false;
	return uc_is_general_category_withtable(c, UC_CATEGORY_MASK_Cf);
}

/* Length of the printable character at s, or 0. */
static size_t printable(const unsigned char *s, size_t size)
{
	ucs4_t c;
	int length;

	if (*s < 0x80)
		return is_plain(*s);
	length = u8_mbtoucr(&c, s, size);
	if (length <= 0 || !uc_is_print(c) || is_unseen(c))
		return 0;
	return (size_t)length;
}

static int escape_byte(struct text *out, unsigned char byte)
{
	char code[2] = {'\\', letter_of(byte)};

	if (code[1])
		return text_append(out, code, sizeof(code));
	return append_hex(out, byte);
}

int text_escape(struct text *out, const void *data, size_t size)
{
	const unsigned char *s = data;
	const unsigned char *end = s + size;
	const unsigned char *from = s; /* what is not yet copied */
	size_t mark = out->size;
	size_t length;
	int r = 0;

	while (s < end && r == 0) {
		length = printable(s, (size_t)(end - s));
		if (length) {
			s += length;
			continue;
		}
		r = text_append(out, from, (size_t)(s - from));
		if (r == 0)
			r = escape_byte(out, *s);
		from = ++s;
	}
	if (r == 0)
		r = text_append(out, from, (size_t)(end - from));
	if (r < 0)
		out->size = mark;
	return r;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* Read the code behind a backslash. Returns its length, 0 if it is none. */
static size_t code_at(const char *s, size_t size, char *ret_byte)
{
	static const char letters[] = "\\tnr";
	static const char bytes[] = "\\\t\n\r";
	const char *letter;
	int high, low;

	if (!size || !*s)
		return 0;
	letter = strchr(letters, *s);
	if (letter) {
		*ret_byte = bytes[letter - letters];
		return 1;
	}
	if (*s != 'x' || size < 3)
		return 0;
	high = digit(s[1]);
	low = digit(s[2]);
	if (high < 0 || low < 0)
		return 0;
	*ret_byte = (char)(high << 4 | low);
	return 3;
}

static int bad(struct text *out, size_t mark, size_t offset, size_t *ret_offset)
{
	out->size = mark;
	if (ret_offset)
		*ret_offset = offset;
	return -EBADMSG;
}

int text_unescape(
	struct text *out, const char *line, size_t size, size_t *ret_offset)
{
	size_t mark = out->size;
	size_t at = 0;
	int r = 0;

	while (at < size && r == 0) {
		const char *s = line + at;
		const char *stop = memchr(s, '\\', size - at);
		size_t plain = stop ? (size_t)(stop - s) : size - at;
		size_t code;
		char byte;

		r = text_append(out, s, plain);
		at += plain;
		if (r < 0 || at == size)
			break;
		code = code_at(line + at + 1, size - at - 1, &byte);
		if (!code)
			return bad(out, mark, at, ret_offset);
		r = text_append(out, &byte, 1);
		at += 1 + code;
	}
	if (r < 0)
		out->size = mark;
	return r;
}

/* As text_key_name(), leaving what it wrote on failure. */
static int key_name(struct text *out, const char *key, size_t size)
{
	const char *end = key + size;
	const char *slash;
	int r = 0;

	if ((size == 1 && key[0] == '.') ||
		(size == 2 && key[0] == '.' && key[1] == '.'))
		r = append_hex(out, (unsigned char)*key++);
	while (r == 0) {
		slash = memchr(key, '/', (size_t)(end - key));
		if (!slash)
			return text_escape(out, key, (size_t)(end - key));
		r = text_escape(out, key, (size_t)(slash - key));
		if (r == 0)
			r = append_hex(out, '/');
		key = slash + 1;
	}
	return r;
}

int text_key_name(struct text *out, const void *key, size_t size)
{
	size_t mark = out->size;
	int r;

	if (!size)
		return -EINVAL;
	if (size > NAME_BYTES)
		return -ENAMETOOLONG;
	r = key_name(out, key, size);
	if (r == 0 && out->size - mark > NAME_BYTES)
		r = -ENAMETOOLONG;
	if (r < 0)
		out->size = mark;
	return r;
}

int text_entry(struct text *out, const void *key, size_t key_size,
	const void *value, size_t value_size)
{
	size_t mark = out->size;
	int r = text_escape(out, key, key_size);

	if (r == 0)
		r = text_append(out, "\t", 1);
	if (r == 0)
		r = text_escape(out, value, value_size);
	if (r == 0)
		r = text_append(out, "\n", 1);
	if (r < 0)
		out->size = mark;
	return r;
}

int text_entry_parse(const char *line, size_t size, struct text *key,
	struct text *value, size_t *ret_offset)
{
	const char *tab = size ? memchr(line, '\t', size) : NULL;
	size_t before;
	int r;

	key->size = 0;
	value->size = 0;
	if (!tab)
		return bad(key, 0, size, ret_offset);
	before = (size_t)(tab - line);
	r = text_unescape(key, line, before, ret_offset);
	if (r < 0)
		return r;
	r = text_unescape(value, tab + 1, size - before - 1, ret_offset);
	if (r == -EBADMSG && ret_offset)
		*ret_offset += before + 1;
	return r;
}
