/*
 * agora/type.h - declared types of messages and values.
 *
 * A type is a path from general to special. Known so far: "bytes" (anything),
 * "bytes/line" (anything; text views cut it at newlines) and "utf8" (checked).
 */
#ifndef AGORA_TYPE_H
#define AGORA_TYPE_H

#include <agora/base.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

#define AGORA_TYPE_MAX 1024 /* bytes of a type's name, with its NUL */

/**
 * Check that a name is that of a known type.
 *
 * Returns 0, -EINVAL (unknown or malformed). Since: 0.1
 */
int agora_type_parse(const char *type);

/**
 * Check that data is a value of type.
 *
 * ret_offset: where the first byte that does not fit lies; set only when
 * -EBADMSG is returned; may be NULL.
 *
 * Returns 0, -EBADMSG, -EINVAL (unknown type). Since: 0.1
 */
int agora_type_check(
	const char *type, const void *data, size_t size, size_t *ret_offset);

/** Return 1 when text views of the type have a message on each line, or 0. */
int agora_type_is_lines(const char *type);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
