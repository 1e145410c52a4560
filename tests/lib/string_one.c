/* string_one.c - string.c, for a string with one writer. */
#include <agora/object.h>

#define WRITERS AGORA_WRITERS_ONE
#include "string.c"
