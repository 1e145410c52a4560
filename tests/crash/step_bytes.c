/* step_bytes.c - bytes that follow from an id: see step_bytes.h. */
#include "step_bytes.h"

#include "step.h"

size_t size_of(uint64_t id)
{
	static const size_t sizes[] = {8, 1200, LARGEST};

	return sizes[id / 1000];
}

uint64_t id_in(enum shape shape, unsigned number)
{
	return (uint64_t)shape * 1000 + number;
}

const unsigned char *bytes_of(uint64_t id)
{
	static unsigned char bytes[LARGEST];

	memcpy(bytes, &id, 8);
	for (size_t i = 8; i < size_of(id); i++)
		bytes[i] = (unsigned char)(id * 31 + i * 7 + (i >> 8));
	return bytes;
}

uint64_t id_of(const unsigned char *data, size_t size)
{
	uint64_t id = IDS;

	if (size >= 8)
		memcpy(&id, data, 8);
	if (id >= IDS || size != size_of(id) ||
		memcmp(data, bytes_of(id), size))
		fail("bytes that nobody wrote", (long)id, (long)size);
	return id;
}
