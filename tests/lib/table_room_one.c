/* table_room_one.c - table_room.c, for a table with one writer. */
#include <agora/object.h>

#define WRITERS AGORA_WRITERS_ONE
#include "table_room.c"
