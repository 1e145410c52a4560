/*
 * escape.c - bytes of any kind in a line of text, and back.
 */
#include "text.h"

#include <errno.h>
#include <string.h>
#include <unictype.h>
#include <unistr.h>

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

int text_escape_next(
	struct text *out, const void *data, size_t size, size_t *ret_used)
{
	const unsigned char *s = data;
	size_t length = printable(s, size);

	*ret_used = length ? length : 1;
	return length ? text_append(out, s, length) : escape_byte(out, *s);
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
