/* map_storm.c - table_storm.c, for ordered maps. */
#define ORDERED 1
#include "table_storm.c"
