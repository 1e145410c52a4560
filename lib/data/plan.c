/* plan.c - options and parameters of the kinds that hold messages: plan.h. */
#include "data/plan.h"

#define MEMORY_DEFAULT (UINT64_C(1) << 30)
#define INLINE_MAX     65536

/* ---- what is asked for ---- */

/* What is wrong with fixed messages, or NULL. */
static const char *fixed_problem(
	const struct plan_limits *limits, const struct agora_options *options)
{
	if ((options->capacity + PLAN_SLACK) * options->message_size >
		limits->fixed_max)
		return "message-size: capacity times message-size is too large";
	if (options->memory)
		return "memory: follows from the capacity with fixed messages";
	return options->inline_size ? "inline-size: fixed messages have none"
				    : NULL;
}

/* What is wrong with the options by themselves, or NULL. */
static const char *problem(
	const struct plan_limits *limits, const struct agora_options *options)
{
	if (options->capacity > PLAN_CAPACITY_MAX)
		return "capacity: 1 to 16777216";
	if (options->message_size > PLAN_MESSAGE_MAX)
		return "message-size: 1 to 1073741824";
	if (options->key_size)
		return "key-size: there are no keys";
	if (options->writers && !limits->writers)
		return "writers: there may be any number";
	if (options->writers > AGORA_WRITERS_ONE)
		return "writers: one or many";
	if (options->flags & AGORA_FIXED && limits->fixed)
		return limits->fixed;
	if (options->flags & ~limits->flags)
		return "flags: not a known one";
	if (options->inline_size > INLINE_MAX)
		return "inline-size: 1 to 65536";
	return options->flags & AGORA_FIXED ? fixed_problem(limits, options)
					    : NULL;
}

const char *plan_messages(const struct plan_limits *limits,
	const struct agora_options *options, struct params_shm *params)
{
	const char *wrong = problem(limits, options);

	if (wrong)
		return wrong;
	params->capacity = options->capacity ? options->capacity : 1024;
	params->message_size =
		options->message_size ? options->message_size : 65536;
	params->flags = options->flags;
	if (limits->writers)
		params->writers = options->writers
					  ? options->writers
					  : (uint32_t)AGORA_WRITERS_MANY;
	return NULL;
}

const char *plan_blocks(const struct agora_options *options,
	struct params_shm *params, uint64_t inline_size)
{
	uint64_t pages = num_round_up(params->message_size, PAGE_PAYLOAD);
	uint64_t limit = num_max(MEMORY_DEFAULT, 4 * pages);

	params->inline_size = (uint32_t)inline_size;
	if (params->message_size > params->inline_size)
		params->memory =
			options->memory
				? options->memory
				: num_min(params->capacity * pages, limit);
	if (params->memory && params->memory < pages)
		return "memory: must hold the largest message";
	if (params->memory / PAGE_PAYLOAD >= POOL_BLOCKS_MAX)
		return "memory: less than 1 TiB";
	return NULL;
}

/* ---- what was found ---- */

bool plan_is_sound(
	const struct plan_limits *limits, const struct params_shm *params)
{
	bool writers = limits->writers
			       ? params->writers == AGORA_WRITERS_MANY ||
					 params->writers == AGORA_WRITERS_ONE
			       : !params->writers;

	return writers && params->capacity >= 1 &&
	       params->capacity <= PLAN_CAPACITY_MAX &&
	       params->message_size >= 1 &&
	       params->message_size <= PLAN_MESSAGE_MAX && !params->key_size &&
	       !(params->flags & ~limits->flags) &&
	       !(params->flags & AGORA_FIXED &&
		       params->capacity * params->message_size >
			       limits->fixed_max);
}

bool plan_blocks_are_sound(const struct params_shm *params)
{
	if (params->flags & AGORA_FIXED)
		return !params->memory && !params->inline_size;
	return params->memory / PAGE_PAYLOAD < POOL_BLOCKS_MAX &&
	       params->inline_size >= 1 && params->inline_size <= INLINE_MAX &&
	       (params->memory >= PAGE_PAYLOAD ||
		       params->message_size <= params->inline_size);
}

void plan_pools(struct layout *layout, const struct params_shm *params,
	uint32_t payload, uint32_t data_offset)
{
	pool_lay_out(layout, 0, plan_count(params), payload, data_offset);
	pool_lay_out(layout, 1, (uint32_t)(params->memory / PAGE_PAYLOAD),
		PAGE_PAYLOAD, 0);
}
