/* reference.h - the text of a reference: see agora/reference.h. */
#ifndef LIB_TYPE_REFERENCE_H
#define LIB_TYPE_REFERENCE_H

#include <agora/reference.h>

/* What reference_read() returns of a text that is one. */
#define REFERENCE_SOUND SIZE_MAX

/*
 * Read a reference. Returns REFERENCE_SOUND, or where the first byte that
 * does not fit lies; then what was read is not all of it.
 */
size_t reference_read(
	const void *text, size_t size, struct agora_reference *ret_reference);

#endif
