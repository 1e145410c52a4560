/*
 * library.c - other people's libraries, loaded when they are first needed.
 *
 * Most programs never check a URL, JSON or MIME type: they need not have the
 * libraries, nor wait for them when they start. A library is never unloaded.
 *
 * Orderings
 * [L] release of state behind the functions, with acquire in front of their
 *     use; without it another thread could call a pointer that it does not
 *     see yet. Threads that are first at the same time store the same.
 */
#include "type/library.h"

#include <dlfcn.h>
#include <errno.h>

enum { UNKNOWN, LOADED, MISSING };

static int load(const struct type_library *library)
{
	void *handle = dlopen(library->file, RTLD_NOW | RTLD_LOCAL);

	for (unsigned i = 0; library->names[i]; i++) {
		library->functions[i] =
			handle ? dlsym(handle, library->names[i]) : NULL;
		if (!library->functions[i])
			return MISSING;
	}
	return LOADED;
}

bool type_library(struct type_library *library)
{
	/* [L] */
	int state = atomic_load_explicit(&library->state, memory_order_acquire);

	if (state == UNKNOWN) {
		state = load(library);
		/* [L] */
		atomic_store_explicit(
			&library->state, state, memory_order_release);
	}
	return state == LOADED;
}

int type_missing(
	const struct type_library *library, struct agora_type_error *error)
{
	type_error(error, 0, "%s cannot be loaded to check it", library->file);
	return -EOPNOTSUPP;
}
