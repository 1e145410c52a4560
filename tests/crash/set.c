/* set.c - table.c, for sets. */
#define ORDERED 2
#include "table.c"
