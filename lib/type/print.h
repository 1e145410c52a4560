/*
 * print.h - text or bytes that grow in a caller's room: see print.c.
 */
#ifndef LIB_TYPE_PRINT_H
#define LIB_TYPE_PRINT_H

#include "type/type.h"

struct type_sink {
	char *at;
	size_t room;
	size_t size; /* also of what had no room */
};

void type_put(struct type_sink *sink, const void *data, size_t size);

/* Write a value that was checked as JSON. */
void type_print(struct type_sink *sink, const struct agora_type *type,
	unsigned n, struct type_value value);

#endif
