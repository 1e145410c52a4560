/*
 * mutate.c - invent changes, for libFuzzer.
 *
 * What libFuzzer does to bytes by itself mostly breaks the list; so changes
 * are added, dropped and replaced as a whole.
 */
#include "fuzz.h"

#include <string.h>

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(
	uint8_t *data, size_t size, size_t max, unsigned seed);

static size_t mutate_list(
	uint8_t *data, size_t size, size_t max, unsigned *seed)
{
	size_t count = (size - INPUT_HEADER) / sizeof(struct change);
	uint8_t *list = data + INPUT_HEADER;
	size_t at = count ? change_number(seed) % count : 0;
	struct change c = change_invent(seed);

	if (count && change_number(seed) % 4 == 0) { /* drop one */
		memmove(list + at * sizeof(c), list + (at + 1) * sizeof(c),
			(count - at - 1) * sizeof(c));
		return size - sizeof(c);
	}
	if (size + sizeof(c) > max || (count && change_number(seed) % 3 == 0)) {
		if (count) /* replace one */
			memcpy(list + at * sizeof(c), &c, sizeof(c));
		return size;
	}
	memcpy(list + count * sizeof(c), &c, sizeof(c));
	return size + sizeof(c);
}

size_t LLVMFuzzerCustomMutator(
	uint8_t *data, size_t size, size_t max, unsigned seed)
{
	size_t rest;

	if (size < INPUT_HEADER) {
		for (size = 0; size < INPUT_HEADER; size++)
			data[size] = (uint8_t)change_number(&seed);
		return size;
	}
	rest = (size - INPUT_HEADER) % sizeof(struct change);
	size -= rest;
	switch (change_number(&seed) % 8) {
	case 0:
		data[change_number(&seed) % INPUT_HEADER] =
			(uint8_t)change_number(&seed);
		return size;
	case 1:
		return LLVMFuzzerMutate(data, size, max);
	default:
		for (unsigned n = 1 + change_number(&seed) % 3; n; n--)
			size = mutate_list(data, size, max, &seed);
		return size;
	}
}
