/* step_set.c - step_map.c, for sets. */
#define MEMBERS
#include "step_map.c"
