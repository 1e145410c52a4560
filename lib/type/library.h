/*
 * library.h - other people's libraries, loaded when they are first needed.
 */
#ifndef LIB_TYPE_LIBRARY_H
#define LIB_TYPE_LIBRARY_H

#include "type/type.h"

#include <stdatomic.h>

struct type_library {
	const char *file;
	const char *const *names; /* of functions, up to NULL */
	void **functions;         /* as many, once it is loaded */
	_Atomic int state;
};

/* Load it, once for the process. Returns whether it is there. */
bool type_library(struct type_library *library);

/* Say that it is not. Returns -EOPNOTSUPP. */
int type_missing(
	const struct type_library *library, struct agora_type_error *error);

#endif
