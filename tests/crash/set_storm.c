/* set_storm.c - table_storm.c, for sets. */
#define ORDERED 2
#include "table_storm.c"
