/* string_wait_one.c - string_wait.c, for a string with one writer. */
#include <agora/object.h>

#define WRITERS AGORA_WRITERS_ONE
#include "string_wait.c"
