/*
 * scan.c - values from JSON.
 *
 * The type says what must come next, so there is no tree of what was read:
 * the value is written as the text is passed. A string is decoded behind
 * what there is, and taken from there.
 */
#include "type/scan.h"

#include <agora/object.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistr.h>

/* ---- what is wrong, and where ---- */

/* "bid[2].x", from the innermost step outwards. */
static void write_path(struct type_text *out, const struct type_step *step)
{
	if (!step)
		return;
	write_path(out, step->up);
	if (step->name_size)
		type_write(out, "%s%.*s", out->size ? "." : "",
			(int)step->name_size, step->name);
	else
		type_write(out, "[%zu]", step->index);
}

int type_refuse(struct type_scan *s, const struct type_step *step,
	size_t offset, const char *words)
{
	char path[120];
	struct type_text out = {path, sizeof(path), 0};

	*path = '\0';
	write_path(&out, step);
	return type_error(
		s->error, offset, "%s%s%s", path, *path ? ": " : "", words);
}

static int refuse(
	struct type_scan *s, const struct type_step *step, const char *words)
{
	return type_refuse(s, step, s->at, words);
}

/* ---- tokens ---- */

char type_peek(struct type_scan *s)
{
	while (s->at < s->size && strchr(" \t\r\n", s->text[s->at]) &&
		s->text[s->at])
		s->at++;
	return s->at < s->size ? s->text[s->at] : '\0';
}

bool type_accept(struct type_scan *s, char c)
{
	if (type_peek(s) != c || s->at == s->size)
		return false;
	s->at++;
	return true;
}

int type_expect(struct type_scan *s, const struct type_step *step, char c)
{
	char words[] = "' ' is missing here";

	if (type_accept(s, c))
		return 0;
	words[1] = c;
	return refuse(s, step, words);
}

/* ---- what is written ---- */

int type_append(struct type_scan *s, const void *data, size_t size)
{
	size_t needed = s->out_size + size, room = s->room;
	uint8_t *more;

	if (needed > room) {
		room = needed + needed / 2 + 64;
		more = realloc(s->out, room);
		if (!more)
			return -ENOMEM;
		s->out = more;
		s->room = room;
	}
	if (data && size)
		memcpy(s->out + s->out_size, data, size);
	else if (size)
		memset(s->out + s->out_size, 0, size);
	s->out_size = needed;
	return 0;
}

/* ---- strings ---- */

/* Four digits behind "\u". Returns the code, or -1. */
static long scan_hex(struct type_scan *s)
{
	long code = 0;

	if (s->size - s->at < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = s->text[s->at + (size_t)i];

		code <<= 4;
		if (c >= '0' && c <= '9')
			code |= c - '0';
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			code |= (c | 32) - 'a' + 10;
		else
			return -1;
	}
	s->at += 4;
	return code;
}

/* The second half of a pair, or the bytes that \udc80 to \udcff stand for. */
static int scan_surrogate(
	struct type_scan *s, const struct type_step *step, long code)
{
	uint8_t bytes[4] = {(uint8_t)code};
	long low = -1;

	if (code >= 0xdc80 && code <= 0xdcff)
		return type_append(s, bytes, 1);
	if (code < 0xdc00 && s->size - s->at > 2 && s->text[s->at] == '\\' &&
		s->text[s->at + 1] == 'u') {
		s->at += 2;
		low = scan_hex(s);
	}
	if (low < 0xdc00 || low > 0xdfff)
		return refuse(s, step, "half of a surrogate pair");
	code = 0x10000 + ((code & 0x3ff) << 10) + (low & 0x3ff);
	return type_append(s, bytes,
		(size_t)u8_uctomb(bytes, (ucs4_t)code, sizeof(bytes)));
}

static int scan_escape(struct type_scan *s, const struct type_step *step)
{
	static const char letters[] = "\"\\/bfnrt", plain[] = "\"\\/\b\f\n\r\t";
	char c = s->at < s->size ? s->text[s->at] : '\0';
	const char *found = c ? strchr(letters, c) : NULL;
	uint8_t bytes[4];
	long code;

	if (found) {
		s->at++;
		return type_append(s, plain + (found - letters), 1);
	}
	if (c != 'u')
		return refuse(s, step, "not an escape of JSON");
	s->at++;
	code = scan_hex(s);
	if (code < 0)
		return refuse(s, step, "\\u needs four digits");
	if (code >= 0xd800 && code <= 0xdfff)
		return scan_surrogate(s, step, code);
	return type_append(s, bytes,
		(size_t)u8_uctomb(bytes, (ucs4_t)code, sizeof(bytes)));
}

int type_scan_string(struct type_scan *s, const struct type_step *step)
{
	int error = 0;

	if (!type_accept(s, '"'))
		return refuse(s, step, "not a string");
	while (!error) {
		size_t start = s->at;

		while (s->at < s->size && s->text[s->at] != '"' &&
			s->text[s->at] != '\\' &&
			(unsigned char)s->text[s->at] >= 0x20)
			s->at++;
		error = type_append(s, s->text + start, s->at - start);
		if (error)
			break;
		if (s->at == s->size)
			return refuse(s, step, "it ends within a string");
		if (s->text[s->at] == '"') {
			s->at++;
			break;
		}
		if (s->text[s->at] != '\\')
			return refuse(
				s, step, "a control character within a string");
		s->at++;
		error = scan_escape(s, step);
	}
	return error;
}

/* ---- numbers ---- */

int type_scan_number(struct type_scan *s, const struct type_step *step,
	enum type_scalar scalar, void *ret_value)
{
	const char *words, *end;
	size_t span;

	if (type_accept(s, '"')) {
		end = memchr(s->text + s->at, '"', s->size - s->at);
		span = end ? (size_t)(end - s->text) - s->at : 0;
		words = type_number_word(
			scalar, s->text + s->at, span, ret_value);
		if (words)
			return type_refuse(s, step, s->at - 1, words);
		s->at += span + 1;
		return 0;
	}
	span = type_number_span(s->text + s->at, s->size - s->at);
	words = type_number_scan(scalar, s->text + s->at, span, ret_value);
	if (words)
		return refuse(s, step, words);
	s->at += span;
	return 0;
}

/* ---- paths ---- */

static int scan_leaf(struct type_scan *s, const struct type_step *step,
	const struct type_node *node)
{
	uint64_t number;
	int error;

	if (node->base != BASE_SCALAR)
		return type_scan_string(s, step);
	error = type_scan_number(s, step, node->scalar, &number);
	return error ? error : type_append(s, &number, node->bytes);
}

static int scan_path(struct type_scan *s, const struct type_step *step,
	const struct agora_type *type, unsigned n)
{
	const struct type_node *node = &type->node[n];
	const struct agora_type *shape = type_shape(node);
	struct agora_type_error why = {.offset = 0};
	size_t start = s->out_size, begin;
	int error;

	type_peek(s);
	begin = s->at;
	error = shape ? type_scan(s, step, shape, shape->root)
		      : scan_leaf(s, step, node);
	if (error)
		return error;
	if (node->base == BASE_SCALAR && !node->meaning)
		return 0;
	error = type_check(type, n,
		(struct type_value){
			s->out ? s->out + start : NULL, s->out_size - start, 0},
		&why);
	if (error)
		type_refuse(s, step, begin, why.reason);
	return error;
}

/* ---- combinations ---- */

/* The first alternative that takes it. What the last one says is told. */
static int scan_union(struct type_scan *s, const struct type_step *step,
	const struct agora_type *type, unsigned n)
{
	size_t at = s->at, out_size = s->out_size;
	int error = -EBADMSG;

	for (n = type->node[n].first; n && error == -EBADMSG;
		n = type->node[n].next) {
		s->at = at;
		s->out_size = out_size;
		error = type_scan(s, step, type, n);
	}
	return error;
}

int type_scan_element(struct type_scan *s, const struct type_step *step,
	const struct agora_type *type, unsigned n)
{
	size_t start = s->out_size, size;
	uint32_t header;
	int error;

	if (type->node[n].bytes)
		return type_scan(s, step, type, n);
	error = type_append(s, NULL, sizeof(header));
	if (!error)
		error = type_scan(s, step, type, n);
	if (error)
		return error;
	size = s->out_size - start - sizeof(header);
	header = (uint32_t)size;
	if (header != size)
		return refuse(s, step, "an element has 4 GiB or more");
	memcpy(s->out + start, &header, sizeof(header));
	return 0;
}

static int scan_list(struct type_scan *s, const struct type_step *up,
	const struct agora_type *type, unsigned n)
{
	struct type_step step = {.up = up};
	int error;

	n = type->node[n].first;
	if (!type_accept(s, '['))
		return refuse(s, up, "not a list: '[' is missing here");
	if (type_accept(s, ']'))
		return 0;
	do {
		error = type_scan_element(s, &step, type, n);
		step.index++;
	} while (!error && type_accept(s, ','));
	return error ? error : type_expect(s, up, ']');
}

int type_scan(struct type_scan *s, const struct type_step *step,
	const struct agora_type *type, unsigned n)
{
	switch (type->node[n].form) {
	case FORM_STRUCT:
		return type_scan_struct(s, step, type, n);
	case FORM_LIST:
		return scan_list(s, step, type, n);
	case FORM_MAP:
		return type_scan_map(s, step, type, n);
	case FORM_UNION:
		return scan_union(s, step, type, n);
	default:
		return scan_path(s, step, type, n);
	}
}

/* ---- the whole ---- */

static int scan_all(struct type_scan *s, const struct agora_type *type)
{
	const uint8_t *text = (const uint8_t *)s->text;
	const uint8_t *bad = s->size ? u8_check(text, s->size) : NULL;
	int error;

	if (bad)
		return type_refuse(s, NULL, (size_t)(bad - text), "not UTF-8");
	error = type_scan(s, NULL, type, type->root);
	if (error)
		return error;
	type_peek(s);
	if (s->at < s->size)
		return refuse(s, NULL, "nothing more can stand here");
	return 0;
}

int agora_type_scan(const struct agora_type *type, const char *text,
	size_t size, struct agora_buffer *ret_value,
	struct agora_type_error *ret_error)
{
	struct type_scan s = {.text = text, .size = size, .error = ret_error};
	int error = scan_all(&s, type);

	if (error && ret_error)
		type_error_place(ret_error, text, size);
	if (!error) {
		ret_value->size = s.out_size;
		if (s.out_size > ret_value->capacity)
			error = -EMSGSIZE;
		else if (s.out_size)
			memcpy(ret_value->data, s.out, s.out_size);
	}
	free(s.out);
	return error;
}
