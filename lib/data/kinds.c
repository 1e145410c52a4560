/*
 * kinds.c - the table of kinds: the one place that lists them all.
 *
 * A new kind is a file of this directory, a public header and a row here.
 */
#include "data/kind.h"

#include <string.h>

static const struct kind *const kinds[] = {
	&kind_queue,
	&kind_stack,
	&kind_list,
	&kind_table,
	&kind_heap,
	&kind_log,
	&kind_map,
	&kind_set,
	&kind_string,
	&kind_log,
	&kind_map,
	&kind_set,
	&kind_heap,
};

#define COUNT (sizeof(kinds) / sizeof(*kinds))

const struct agora_kind *agora_kind_next(const struct agora_kind *previous)
{
	size_t i = 0;

	while (previous && i < COUNT && &kinds[i++]->row != previous)
		;
	return i < COUNT ? &kinds[i]->row : NULL;
}

const struct agora_kind *agora_kind_of(const char *name)
{
	const char *dot = name ? strrchr(name, '.') : NULL;

	if (!dot)
		return NULL;
	for (size_t i = 0; i < COUNT; i++)
		if (!strcmp(dot + 1, kinds[i]->row.name))
			return &kinds[i]->row;
	return NULL;
}
