/* hash.h - 64-bit hashing: XXH3, whose output is stable since 0.8.0. */
#ifndef LIB_BASE_HASH_H
#define LIB_BASE_HASH_H

#define XXH_INLINE_ALL
#include <xxhash.h>

static inline uint64_t hash_bytes(const void *data, size_t size, uint64_t seed)
{
	return XXH3_64bits_withSeed(data, size, seed);
}

#endif
