/*
 * table_one_view.c - look at a table with one writer: get and next.
 *
 * Nothing here writes, and all of it works on a mapping that is read-only.
 * The argument is at the head of table_one.c. The order of next is that of
 * the home lines, then of hashes, then of keys.
 */
#include "data/table_one.h"

#include "base/crash.h"

/* ---- keys and values ---- */

/*
 * Does the head still belong to the record, so that what was read of it was
 * the record's? The life tells that of records whose writer went on: one who
 * was killed leaves a head that is freed and a record that lives on.
 */
static bool still_hangs(
	const struct table_one *o, struct block_ref head, uint32_t index)
{
	const struct block_shm *block = store_head(&o->table.chain.store, head);
	uint64_t state;

	/* [H] */
	atomic_thread_fence(memory_order_acquire);
	/* [H] */
	state = atomic_load_explicit(&block->state, memory_order_acquire);
	return state_kind(state) == BLOCK_PUBLISHED &&
	       atomic_load_explicit(&block->key_size, memory_order_relaxed) ==
		       index + 1;
}

/* Copy from what hangs on a record: 0, AGAIN (no more), -EUCLEAN. */
static int read_spill(const struct table_one *o, uint32_t index,
	uint64_t offset, void *data, size_t size)
{
	uint32_t spill = atomic_load_explicit(
		&record_at(o, index)->spill, memory_order_relaxed);
	struct block_ref head = {spill - 1};
	int error;

	if (!spill || !pool_has(&o->table.chain.store.pool[0], head))
		return -EUCLEAN;
	error = message_read(&o->table.chain.store, head, offset, data, size);
	return still_hangs(o, head, index) ? error : AGAIN;
}

int one_copy_key(const struct table_one *o, uint32_t index, void *ret_data,
	size_t *ret_size)
{
	const struct record_shm *record = record_at(o, index);
	size_t size =
		atomic_load_explicit(&record->key_size, memory_order_relaxed);

	if (size > o->table.chain.key_size)
		return -EUCLEAN;
	*ret_size = size;
	if (size > o->data_size)
		return read_spill(o, index, 0, ret_data, size);
	copy_out(ret_data, record_data(record), size);
	return 0;
}

int one_match_long(
	const struct table_one *o, uint32_t index, const struct key *key)
{
	unsigned char copy[TABLE_KEY_MAX];
	size_t size;
	int error = one_copy_key(o, index, copy, &size);

	if (error)
		return error;
	return size == key->size && !memcmp(copy, key->data, size) ? PRESENT
								   : ABSENT;
}

/* The bytes of the value, perhaps of several: 0, AGAIN, -EUCLEAN. */
static inline int copy_bytes_of(const struct table_one *o, const struct spot *s,
	void *data, size_t size)
{
	size_t key_size = atomic_load_explicit(
		&s->record->key_size, memory_order_relaxed);

	if (unlikely(key_size > o->table.chain.key_size))
		return -EUCLEAN;
	if (unlikely(key_size + size > o->data_size))
		return read_spill(o, s->index,
			key_size > o->data_size ? key_size : 0, data, size);
	copy_out(data, record_data(s->record) + key_size, size);
	return 0;
}

static inline int copy_value(const struct table_one *o, const struct spot *s,
	struct agora_buffer *value)
{
	size_t size =
		atomic_load_explicit(&s->record->size, memory_order_relaxed);
	uint64_t life;
	int error = 0;

	if (unlikely(size > o->table.chain.value_size))
		error = -EUCLEAN;
	else if (unlikely(size > value->capacity))
		error = -EMSGSIZE;
	else
		error = copy_bytes_of(o, s, value->data, size);
	crash_point(table_one_copied);
	if (!still_lives(s->record, s->word, &life))
		return moved_on(o, s);
	if (unlikely(error == AGAIN))
		return moved_on(o, s);
	if (error != -EUCLEAN)
		value->size = size;
	if (!error)
		value->version = one_version(life, s->index);
	return error;
}

int one_copy_value(const struct table_one *o, const struct spot *s,
	struct agora_buffer *value)
{
	return copy_value(o, s, value);
}

/* ---- get ---- */

/* Whether to start anew. Not for ever: somebody may mean harm. */
static inline bool again(struct spot *s, int *result)
{
	if (likely(*result != AGAIN))
		return false;
	if (s->left--)
		return true;
	*result = -EUCLEAN;
	return false;
}

int one_get(void *handle, const void *key, size_t key_size,
	struct agora_buffer *value)
{
	struct table_one *o = handle;
	struct spot s = {.left = one_budget(o)};
	struct key k;
	int result = key_make(&o->table, key, key_size, &k);

	if (result)
		return result;
	do {
		result = one_seek(o, &k, &s);
		if (result == ABSENT)
			return -ENOENT;
		crash_point(table_one_found);
		if (likely(result == PRESENT))
			result = copy_value(o, &s, value);
	} while (again(&s, &result));
	return result;
}

/* ---- next ---- */

/* A walk to the key that follows another one. */
struct step {
	struct key behind; /* data NULL: any key comes behind it */
	struct key best;   /* of what was found so far */
	bool found;
	struct spot at; /* of best, and where we are */
	struct spot best_at;
	unsigned char bytes[2][TABLE_KEY_MAX]; /* of best, and of another */
	unsigned spare;
};

/* The order of keys of one home line. */
static int order_of(const struct key *a, const struct key *b)
{
	int order;

	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	order = memcmp(a->data, b->data, num_min(a->size, b->size));
	return order ? order : (a->size > b->size) - (a->size < b->size);
}

/* Is a key with this hash, whatever it is, none that we look for? */
static bool is_out(const struct table_one *o, const struct step *step,
	uint64_t home, uint64_t hash)
{
	return home_of(o, hash) != home ||
	       (step->behind.data && hash < step->behind.hash) ||
	       (step->found && hash > step->best.hash);
}

/* Copy the key of the record we are at, and keep it if it comes first. */
static int consider(struct table_one *o, struct step *step, uint64_t hash)
{
	struct key key = {.data = step->bytes[step->spare]};
	uint64_t life;
	int error = one_copy_key(
		o, step->at.index, step->bytes[step->spare], &key.size);

	if (!still_lives(step->at.record, step->at.word, &life) ||
		error == AGAIN)
		return moved_on(o, &step->at);
	if (error)
		return error;
	/* A walk might never end if keys were not what they say. */
	key.hash = hash_bytes(key.data, key.size, o->table.chain.seed);
	if (key.hash != hash)
		return -EUCLEAN;
	if ((step->behind.data && order_of(&key, &step->behind) <= 0) ||
		(step->found && order_of(&key, &step->best) >= 0))
		return 0;
	step->best = key;
	step->best_at = step->at;
	step->found = true;
	step->spare ^= 1;
	return 0;
}

/* What does the word that we are at stand for? 0, AGAIN, -EUCLEAN. */
static int meet(struct table_one *o, struct step *step, uint64_t home)
{
	struct spot *at = &step->at;
	uint64_t hash, life;

	if (!word_tag(at->word))
		return 0;
	at->index = word_record(at->word);
	if (at->index >= o->records)
		return -EUCLEAN;
	at->record = record_at(o, at->index);
	hash = atomic_load_explicit(&at->record->hash, memory_order_relaxed);
	if (!still_lives(at->record, at->word, &life))
		return moved_on(o, at);
	return is_out(o, step, home, hash) ? 0 : consider(o, step, hash);
}

static int meet_line(struct table_one *o, struct step *step, uint64_t home)
{
	const struct line_shm *line = line_at(o, step->at.line);
	struct spot *at = &step->at;
	int result = 0;

	for (at->slot = 0; !result && at->slot < LINE_WORDS; at->slot++)
		do {
			at->word = load_word(&line->word[at->slot]);
			result = meet(o, step, home);
		} while (again(at, &result));
	return result;
}

/* Find the first key behind step->behind that belongs to a line: 0, ... */
static int search_home(struct table_one *o, struct step *step, uint64_t home)
{
	struct spot *at = &step->at;
	uint64_t passed;
	int error;

	step->found = false;
	at->line = home;
	do {
		if (!has_line(o, at->line))
			break;
		error = at->left-- ? meet_line(o, step, home) : -EUCLEAN;
		if (error)
			return error;
		/* [P] */
		passed = atomic_load_explicit(
			&line_at(o, at->line)->passed, memory_order_acquire);
		at->line++;
	} while (unlikely(passed));
	return 0;
}

/* The same, with the value: 0, -ENOENT, -EMSGSIZE, -EUCLEAN. */
static int next_at_home(struct table_one *o, struct step *step, uint64_t home,
	struct agora_buffer *value)
{
	struct agora_buffer none = {.capacity = 0};
	int result;

	do {
		result = search_home(o, step, home);
		if (!result && !step->found)
			return -ENOENT;
		if (!result)
			result = one_copy_value(
				o, &step->best_at, value ? value : &none);
	} while (again(&step->at, &result));
	return result == -EMSGSIZE && !value ? 0 : result;
}

int one_next(void *handle, struct agora_buffer *key, struct agora_buffer *value)
{
	struct table_one *o = handle;
	struct step step;
	uint64_t home = 0;
	int result = key->capacity < o->table.chain.key_size ? -EINVAL : 0;

	step.behind = (struct key){NULL, 0, 0};
	step.at.left = one_budget(o);
	step.spare = 0;
	if (!result && key->size != SIZE_MAX) {
		result =
			key_make(&o->table, key->data, key->size, &step.behind);
		home = home_of(o, step.behind.hash);
	}
	if (result)
		return result;
	for (; (home = one_skip_holes(o, home)) < one_lines(o); home++) {
		result = next_at_home(o, &step, home, value);
		if (result != -ENOENT)
			break;
		step.behind.data = NULL;
	}
	if (home >= one_lines(o))
		return -ENOENT;
	if (result)
		return result;
	if (step.best.size)
		memcpy(key->data, step.best.data, step.best.size);
	key->size = step.best.size;
	return 0;
}
