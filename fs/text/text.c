/*
 * text.c - a growing buffer.
 */
#include "text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SMALLEST 128

void text_free(struct text *t)
{
	free(t->data);
	*t = (struct text){0};
}

int text_reserve(struct text *t, size_t size)
{
	size_t capacity = t->capacity > SMALLEST ? t->capacity : SMALLEST;
	size_t needed;
	char *data;

	if (__builtin_add_overflow(t->size, size, &needed))
		return -ENOMEM;
	if (needed <= t->capacity)
		return 0;
	while (capacity < needed)
		if (__builtin_mul_overflow(capacity, 2, &capacity))
			return -ENOMEM;
	data = realloc(t->data, capacity);
	if (!data)
		return -ENOMEM;
	t->data = data;
	t->capacity = capacity;
	return 0;
}

int text_append(struct text *t, const void *data, size_t size)
{
	int r = text_reserve(t, size);

	if (r < 0)
		return r;
	if (size)
		memcpy(t->data + t->size, data, size);
	t->size += size;
	return 0;
}

int text_print(struct text *t, const char *format, ...)
{
	va_list args;
	int length;
	int r;

	va_start(args, format);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (length < 0)
		return -ENOMEM;
	r = text_reserve(t, (size_t)length + 1); /* vsnprintf ends with a NUL */
	if (r < 0)
		return r;
	va_start(args, format);
	vsnprintf(t->data + t->size, (size_t)length + 1, format, args);
	va_end(args);
	t->size += (size_t)length;
	return 0;
}
