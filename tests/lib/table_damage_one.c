/* table_damage_one.c - table_damage.c, for a table with one writer. */
#include <agora/object.h>

#define WRITERS AGORA_WRITERS_ONE
#include "table_damage.c"
