/*
 * turn.h - a root in which one operation at a time stands until it is done.
 *
 * What. Kinds whose operations change several words (stack, heap, list) take
 * turns: an operation is put into the root by one swap, which names the block
 * it is about and the client it is for, and then carried out by whoever comes
 * by, as often as it likes (Barnes 1993; Turek, Shasha and Prakash 1992). The
 * next one is put there only when it is done. So a death in the middle is an
 * operation that somebody else completes.
 *
 * Layout. word 0: first:28 | second:28 | spare:8, which mean what the kind
 * says. word 1: version:48 | client:12 | op:4. Each change of the root adds
 * one to the version, so that it may be read as wide.h says, and is what the
 * ticket of a block about to be published says. op 0: nothing is to be done.
 */
#ifndef LIB_DATA_TURN_H
#define LIB_DATA_TURN_H

#include "base/wide.h"
#include "shm/pool.h"

/* Not yet bounded by anything. */
struct turn {
	uint64_t version;
	uint32_t client;
	uint32_t op;
	uint32_t first, second;
};

#define TURN_BITS 28
#define TURN_MASK ((UINT32_C(1) << TURN_BITS) - 1)

static inline struct wide turn_pack(const struct turn *turn)
{
	return (struct wide){{(uint64_t)turn->second << TURN_BITS | turn->first,
		turn->version << 16 | turn->client << 4 | turn->op}};
}

static inline struct turn turn_unpack(struct wide wide)
{
	return (struct turn){
		.version = wide.word[1] >> 16,
		.client = (uint32_t)(wide.word[1] >> 4) & 0xfff,
		.op = (uint32_t)wide.word[1] & 0xf,
		.first = (uint32_t)wide.word[0] & TURN_MASK,
		.second = (uint32_t)(wide.word[0] >> TURN_BITS) & TURN_MASK,
	};
}

#endif
