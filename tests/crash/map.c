/* map.c - table.c, for ordered maps. */
#define ORDERED 1
#include "table.c"
