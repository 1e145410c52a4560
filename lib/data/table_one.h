/*
 * table_one.h - what the files of a table with one writer share: the bytes,
 * the handle, finding a key.
 *
 * The argument for all of it stands at the head of table_one.c.
 */
#ifndef LIB_DATA_TABLE_ONE_H
#define LIB_DATA_TABLE_ONE_H

#include "data/table.h"

/* ---- the bytes ---- */

#define LINE_WORDS 7

/* A line of the index. All-zero: no keys. */
struct line_shm {
	_Alignas(CACHE_LINE) _Atomic uint64_t word[LINE_WORDS];
	_Atomic uint64_t passed; /* keys that found no room here or before */
};

static_assert(sizeof(struct line_shm) == CACHE_LINE, "format");

/* A record; its data follow. */
struct record_shm {
	_Atomic uint64_t life; /* grows whenever it is written anew */
	_Atomic uint64_t hash;
	_Atomic uint32_t size; /* of the value */
	_Atomic uint32_t key_size;
	_Atomic uint32_t spill; /* index + 1 of a head in pool 0; 0: none */
	uint32_t reserved;
};

static_assert(sizeof(struct record_shm) == 32, "format");

/* Words of the roots. */
enum {
	ROOT_COMMITTED, /* records whose memory is there */
	ROOT_FRESH,     /* records from here on were never used */
	ROOT_MENDING    /* + 1: the line from which on passed may be wrong */
};

/* A word of a line: tag:8 | life:29 | record:27; tag 0: no key is here. */
#define WORD_RECORD_BITS 27
#define WORD_LIFE_BITS   29
#define WORD_TAG_SHIFT   (WORD_RECORD_BITS + WORD_LIFE_BITS)
#define WORD_RECORD      ((UINT64_C(1) << WORD_RECORD_BITS) - 1)
#define WORD_LIFE        ((UINT64_C(1) << WORD_LIFE_BITS) - 1)

/* Records beyond the capacity, for those that rest. */
#define RECORDS_SLACK 512

/* ---- the handle ---- */

/* Writes that pass before a record is written anew, at least; but one in the
 * tests, so that readers are overtaken. */
#ifdef AGORA_CRASH_POINTS
#define REST 1
#else
#define REST 64
#endif

/* Of the writer alone, and forgotten with him. */
struct writer {
	bool role;            /* this handle has it */
	bool locked;          /* turn is held, by who is at work */
	pthread_mutex_t turn; /* of its threads */
	uint32_t fresh;       /* a copy of ROOT_FRESH */
	uint32_t committed;   /* a copy of ROOT_COMMITTED */
	uint32_t rest[REST];  /* a ring of records that were given up */
	uint32_t oldest, resting;
	uint64_t *used; /* a bit for each record; NULL: not known yet */
	uint32_t idle;  /* fresh ones apart, records without a bit */
	uint32_t cursor;
};

struct table_one {
	struct agora_table table; /* shift: of lines */
	struct line_shm *line;
	uint64_t mask; /* lines - 1 */
	char *record;
	uint32_t stride, data_size;
	uint32_t records;
	struct writer writer;
};

static inline uint64_t one_lines(const struct table_one *o)
{
	return o->mask + 1;
}

/* The lines for so many keys: four to seven for each four of words. */
static inline uint64_t one_count_lines(uint64_t capacity)
{
	return UINT64_C(1) << num_log2_up(num_max(capacity / 4, 64));
}

/* ---- words ---- */

static inline uint64_t tag_of(uint64_t hash)
{
	uint64_t tag = hash & 0xff;

	return tag ? tag : 1;
}

static inline uint64_t word_tag(uint64_t word)
{
	return word >> WORD_TAG_SHIFT;
}

static inline uint32_t word_record(uint64_t word)
{
	return (uint32_t)(word & WORD_RECORD);
}

static inline uint64_t word_make(uint64_t tag, uint64_t life, uint32_t record)
{
	return tag << WORD_TAG_SHIFT | (life & WORD_LIFE) << WORD_RECORD_BITS |
	       record;
}

static inline uint64_t load_word(const _Atomic uint64_t *word)
{
	/* [W] */
	return atomic_load_explicit(word, memory_order_acquire);
}

/* ---- lines and records ---- */

static inline struct line_shm *line_at(const struct table_one *o, uint64_t line)
{
	return &o->line[line & o->mask];
}

/* Whether the memory of a line is there; it is asked for with its page. */
static inline bool has_line(const struct table_one *o, uint64_t line)
{
	return has_page(&o->table, (line & o->mask) * (CACHE_LINE / 8));
}

static inline uint64_t home_of(const struct table_one *o, uint64_t hash)
{
	return hash >> o->table.shift;
}

/* index < o->records must hold. */
static inline struct record_shm *record_at(
	const struct table_one *o, uint32_t index)
{
	return (struct record_shm *)(o->record + (size_t)index * o->stride);
}

static inline char *record_data(const struct record_shm *record)
{
	return (char *)(uintptr_t)(record + 1);
}

/*
 * True when the record still lives the life that the word names: all that
 * was read of it before belongs to that life. ret_life: in full.
 */
static inline bool still_lives(
	const struct record_shm *record, uint64_t word, uint64_t *ret_life)
{
	/* [R] */
	atomic_thread_fence(memory_order_acquire);
	/* [R] */
	*ret_life = atomic_load_explicit(&record->life, memory_order_acquire);
	return likely((*ret_life & WORD_LIFE) ==
		      (word >> WORD_RECORD_BITS & WORD_LIFE));
}

/* Begin another life, before anything else of the record is written. */
static inline uint64_t renew(struct record_shm *record)
{
	uint64_t life =
		atomic_load_explicit(&record->life, memory_order_relaxed) + 1;

	/* [R] */
	atomic_store_explicit(&record->life, life, memory_order_release);
	/* [R] */
	atomic_thread_fence(memory_order_release);
	return life;
}

/* The public version of a value: never 0, and of no other one. */
static inline uint64_t one_version(uint64_t life, uint32_t record)
{
	return life << WORD_RECORD_BITS | record;
}

/* ---- finding a key ---- */

/* A place in the index, and what is there. */
struct spot {
	uint64_t line;
	unsigned slot;
	uint64_t word;
	uint32_t index; /* of the record; bounded */
	struct record_shm *record;
	uint64_t left; /* steps: damage must not make us go on for ever */
};

static inline uint64_t one_budget(const struct table_one *o)
{
	return 2 * one_lines(o) + WALK_STEPS;
}

/*
 * The record does not live the life that the word named. Then the word was
 * replaced before, and we see that [R]: AGAIN; or it never fitted: -EUCLEAN.
 */
static inline int moved_on(const struct table_one *o, const struct spot *s)
{
	return load_word(&line_at(o, s->line)->word[s->slot]) == s->word
		       ? -EUCLEAN
		       : AGAIN;
}

/* A key that is longer than a record: PRESENT, ABSENT, AGAIN, -EUCLEAN. */
int one_match_long(
	const struct table_one *o, uint32_t index, const struct key *key);

/* What the bytes say, whether or not they still belong together. */
static inline int match(
	const struct table_one *o, uint32_t index, const struct key *key)
{
	const struct record_shm *record = record_at(o, index);

	if (unlikely(atomic_load_explicit(&record->hash,
			     memory_order_relaxed) != key->hash ||
		     atomic_load_explicit(&record->key_size,
			     memory_order_relaxed) != key->size))
		return ABSENT;
	if (unlikely(key->size > o->data_size))
		return one_match_long(o, index, key);
	return same_out(record_data(record), key->data, key->size) ? PRESENT
								   : ABSENT;
}

/*
 * Does the word at the spot stand for the key? PRESENT: so the bytes say, to
 * be validated once the value was read too. ABSENT, AGAIN (it has changed),
 * -EUCLEAN.
 */
static inline int look_at(
	const struct table_one *o, const struct key *key, struct spot *s)
{
	uint64_t life;
	int result;

	s->index = word_record(s->word);
	if (unlikely(s->index >= o->records))
		return -EUCLEAN;
	s->record = record_at(o, s->index);
	/* A value begins in the first line and mostly ends in the next. */
	__builtin_prefetch((const char *)s->record + CACHE_LINE);
	result = match(o, s->index, key);
	if (likely(result == PRESENT))
		return PRESENT;
	return still_lives(s->record, s->word, &life) && result != AGAIN
		       ? result
		       : moved_on(o, s);
}

/* A bit for each word with the tag: without branches, as none of them could
 * be predicted, and what comes next must not wait for this. */
static inline unsigned find_tag(const struct line_shm *line, uint64_t tag)
{
	const uint64_t tagged = tag << WORD_TAG_SHIFT;
	unsigned found = 0;

#pragma GCC unroll 7
	for (unsigned i = LINE_WORDS; i-- > 0;)
		found = found + found +
			((load_word(&line->word[i]) ^ tagged) <
				UINT64_C(1) << WORD_TAG_SHIFT);
	return found;
}

/* Look through the words of the spot's line: as one_seek(). */
static inline int seek_in_line(
	const struct table_one *o, const struct key *key, struct spot *s)
{
	const struct line_shm *line = line_at(o, s->line);
	uint64_t tag = tag_of(key->hash);
	unsigned found = find_tag(line, tag);
	int result = ABSENT;

	while (found) {
		s->slot = (unsigned)__builtin_ctz(found);
		s->word = load_word(&line->word[s->slot]);
		result = word_tag(s->word) == tag ? look_at(o, key, s) : ABSENT;
		if (likely(result == PRESENT) || result < 0)
			break;
		if (result == ABSENT)
			found &= found - 1;
		else if (!s->left--)
			return -EUCLEAN;
		result = ABSENT;
	}
	return result;
}

/*
 * Find a key. PRESENT: it is at the spot, if what is read of the record then
 * proves valid. ABSENT: it is nowhere. -EUCLEAN.
 */
static inline int one_seek(
	const struct table_one *o, const struct key *key, struct spot *s)
{
	uint64_t passed;
	int result;

	s->line = home_of(o, key->hash);
	do {
		if (unlikely(!has_line(o, s->line)))
			return ABSENT;
		result = seek_in_line(o, key, s);
		if (result != ABSENT)
			return result;
		if (!s->left--)
			return -EUCLEAN;
		/* [P] */
		passed = atomic_load_explicit(
			&line_at(o, s->line)->passed, memory_order_acquire);
		s->line++;
	} while (unlikely(passed));
	return ABSENT;
}

/*
 * Copy the value at a spot. Returns 0, AGAIN (the record lives another life),
 * -EMSGSIZE (size tells), -EUCLEAN.
 */
int one_copy_value(const struct table_one *o, const struct spot *s,
	struct agora_buffer *value);

/* Copy the key of a record; bounded, and to be validated. 0, AGAIN, -EUCLEAN.
 */
int one_copy_key(const struct table_one *o, uint32_t index, void *ret_data,
	size_t *ret_size);

/* Whether a head of pool 0 belongs to a record that the index names. */
bool one_is_in_place(const struct table_one *o, struct block_ref head);

/* The first line from this one on whose memory is there, or one_lines(). */
uint64_t one_skip_holes(const struct table_one *o, uint64_t line);

/* ---- the writer's records: table_one_room.c ---- */

/* Take the turn of this handle's threads, and the role. 0, -EACCES, ... */
int one_begin(struct table_one *o);
void one_end(struct table_one *o);

/* A record to write, which rested long enough. 0, -ENOSPC, ... */
int one_take(struct table_one *o, uint32_t *ret_index);

/* The index does not name the record any more: let it rest. */
void one_give(struct table_one *o, uint32_t index);

/* Count anew who passed a line, and those behind it. */
void one_mend(struct table_one *o, uint64_t home);

/* Make the memory of a line safe to touch. */
int one_ready_line(struct table_one *o, uint64_t line);

/* The words of the roots. */
static inline _Atomic uint64_t *one_root(const struct table_one *o, int which)
{
	return segment_root(&o->table.chain.object.segment, (unsigned)which);
}

/* ---- values that are longer than a record: table_one_dead.c ---- */

/* What a record cannot hold: into blocks of the pools. */
int one_write_spill(struct table_one *o, struct record_shm *record,
	uint32_t index, const struct piece pieces[2]);

/* Become the owner of a head, before the index ceases to name it. */
void one_adopt(struct table_one *o, const struct record_shm *record);

/* Free what hangs on a record that the index does not name. */
void one_free_spill(struct table_one *o, struct record_shm *record);

void one_recover(struct segment *segment, const struct client_set *dead);

/* The verbs, as those of table.h: table_one.c and table_one_view.c. */
int one_put(void *handle, const void *key, size_t key_size, const void *value,
	size_t value_size);
int one_swap(struct agora_table *t, const struct key *key,
	const struct agora_buffer *value, struct agora_buffer *old);
int one_compare(struct agora_table *t, const struct key *key,
	const struct agora_buffer *value, uint64_t *ret_version);
int one_add(struct agora_table *t, const struct key *key, int64_t delta,
	int64_t *ret_sum);
int one_delete(void *handle, const void *key, size_t key_size);
int one_get(void *handle, const void *key, size_t key_size,
	struct agora_buffer *value);
int one_next(
	void *handle, struct agora_buffer *key, struct agora_buffer *value);
int one_stat(void *handle, struct agora_stat *stat);
int one_check(void *handle, int repair, struct agora_check *check);
void one_yield(void *handle);
void one_close(void *handle);

#endif
