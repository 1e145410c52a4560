/* map_table.c - table.c, for ordered maps. */
#include "driver.h"

#define KIND "map"
#define ONLY_MANY

#define agora_table         agora_map
#define agora_table_open    agora_map_open
#define agora_table_close   agora_map_close
#define agora_table_object  agora_map_object
#define agora_table_get     agora_map_get
#define agora_table_put     agora_map_put
#define agora_table_swap    agora_map_swap
#define agora_table_compare agora_map_compare
#define agora_table_add     agora_map_add
#define agora_table_delete  agora_map_delete
#define agora_table_next    agora_map_next

#include "table.c"
