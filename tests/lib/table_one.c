/* table_one.c - table.c, for a table with one writer. */
#include <agora/object.h>

#define WRITERS AGORA_WRITERS_ONE
#include "table.c"
