/*
 * error.c - what is wrong with a type, a value or a line, in words.
 */
#include "type/type.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int type_error(
	struct agora_type_error *error, size_t offset, const char *format, ...)
{
	va_list args;

	if (!error)
		return -EBADMSG;
	error->offset = offset;
	va_start(args, format);
	vsnprintf(error->reason, sizeof(error->reason), format, args);
	va_end(args);
	return -EBADMSG;
}

void type_error_place(
	struct agora_type_error *error, const void *data, size_t size)
{
	const char *start = data, *newline;
	size_t left = error->offset < size ? error->offset : size;
	uint32_t line = 1;

	while (left && (newline = memchr(start, '\n', left))) {
		left -= (size_t)(newline + 1 - start);
		start = newline + 1;
		line++;
	}
	error->line = line;
	error->column = (uint32_t)left + 1;
}
