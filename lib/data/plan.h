/*
 * plan.h - options, parameters and blocks of the kinds that hold messages.
 *
 * What is asked for becomes parameters, and the parameters of a segment that
 * was found are bounded by the same limits. What a kind wants beyond that is
 * its own.
 */
#ifndef LIB_DATA_PLAN_H
#define LIB_DATA_PLAN_H

#include "shm/message.h"

#include <agora/object.h>

#define PLAN_CAPACITY_MAX (UINT64_C(1) << 24)
#define PLAN_MESSAGE_MAX  (UINT64_C(1) << 30)

/* Blocks beyond the capacity, for those in motion. */
#define PLAN_SLACK 4096

struct plan_limits {
	uint32_t flags;     /* those that the kind knows */
	const char *fixed;  /* why AGORA_FIXED is none of them, or NULL */
	uint64_t fixed_max; /* bytes of address space of messages of one size */
	bool writers;       /* one writer may be asked for */
};

/*
 * Check what all these kinds have in common; set capacity, message_size,
 * flags and, with limits->writers, writers. Returns NULL, or what is wrong.
 */
const char *plan_messages(const struct plan_limits *limits,
	const struct agora_options *options, struct params_shm *params);

/*
 * Set inline_size, and the memory for what is longer. Not for AGORA_FIXED.
 * Returns NULL, or what is wrong.
 */
const char *plan_blocks(const struct agora_options *options,
	struct params_shm *params, uint64_t inline_size);

/* As asked for, or else the kind's own; no larger than a message. */
static inline uint64_t plan_inline(const struct agora_options *options,
	const struct params_shm *params, uint32_t otherwise)
{
	return num_min(params->message_size,
		options->inline_size ? options->inline_size : otherwise);
}

/* Whether parameters keep to what plan_messages() makes. */
bool plan_is_sound(
	const struct plan_limits *limits, const struct params_shm *params);

/* Whether they keep to what plan_blocks() makes, or with AGORA_FIXED to
 * having nothing of it. */
bool plan_blocks_are_sound(const struct params_shm *params);

/* Bytes of payload, at least so many, behind a header: whole lines. */
static inline uint32_t plan_payload(uint64_t least, uint32_t header)
{
	return (uint32_t)(num_round_up(least + header, CACHE_LINE) - header);
}

/* Append the two pools of messages; data_offset: as for pool_lay_out(). */
void plan_pools(struct layout *layout, const struct params_shm *params,
	uint32_t payload, uint32_t data_offset);

/* How many blocks pool 0 has then: for each message, those in motion, and for
 * the short parts of long ones. */
static inline uint32_t plan_count(const struct params_shm *params)
{
	uint64_t each = params->memory ? 9 : 1;

	return (uint32_t)(each * params->capacity + PLAN_SLACK);
}

#endif
