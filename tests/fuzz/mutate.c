/*
 * mutate.c - invent changes, for libFuzzer.
 *
 * What libFuzzer does to bytes by itself mostly breaks the list; so changes
 * are added, dropped and replaced as a whole.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

static uint32_t some(unsigned *seed)
{
	return (uint32_t)rand_r(seed) << 16 ^ (uint32_t)rand_r(seed);
}

static struct change invent(unsigned *seed)
{
	uint32_t class = some(seed) % 64;
	struct change c = {.how = (uint8_t)(some(seed) % CHANGE_HOWS),
		.place = some(seed) % (some(seed) % 4 ? 400 : 1 << 20),
		.value = some(seed) % 4 ? some(seed) % 512 : some(seed)};

	c.class =
		(uint8_t)(class < 62 ? class % change_classes : CHANGE_RESIZE);
	if (c.class == change_classes - 1 && some(seed) % 3)
		c.class = 5;
	if (some(seed) % 3 == 0)
		c.when = (uint16_t)(1 +
				    some(seed) % (some(seed) % 2 ? 30 : 400));
	return c;
}

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(
	uint8_t *data, size_t size, size_t max, unsigned seed);

static size_t mutate_list(
	uint8_t *data, size_t size, size_t max, unsigned *seed)
{
	size_t count = (size - INPUT_HEADER) / sizeof(struct change);
	uint8_t *list = data + INPUT_HEADER;
	size_t at = count ? some(seed) % count : 0;
	struct change c = invent(seed);

	if (count && some(seed) % 4 == 0) { /* drop one */
		memmove(list + at * sizeof(c), list + (at + 1) * sizeof(c),
			(count - at - 1) * sizeof(c));
		return size - sizeof(c);
	}
	if (size + sizeof(c) > max || (count && some(seed) % 3 == 0)) {
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
			data[size] = (uint8_t)some(&seed);
		return size;
	}
	rest = (size - INPUT_HEADER) % sizeof(struct change);
	size -= rest;
	switch (some(&seed) % 8) {
	case 0:
		data[some(&seed) % INPUT_HEADER] = (uint8_t)some(&seed);
		return size;
	case 1:
		return LLVMFuzzerMutate(data, size, max);
	default:
		for (unsigned n = 1 + some(&seed) % 3; n; n--)
			size = mutate_list(data, size, max, &seed);
		return size;
	}
}
