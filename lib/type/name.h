/* name.h - text that may stand in names and manifests. */
#ifndef LIB_TYPE_NAME_H
#define LIB_TYPE_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* Tell whether text is UTF-8 without a control character. */
bool name_is_plain(const char *text, size_t size);

#endif
