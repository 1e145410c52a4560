/*
 * table_one.c - hash table that one writer changes and anybody reads.
 *
 * What. Open addressing over an index of words, in lines of the cache, each
 * of which names a record with key and value in it. A value is never written
 * in place: its successor is written into another record, and the word that
 * named the old one is replaced. Keys that find their line full go on to the
 * next one, and each line counts those that passed it, so that a deleted key
 * leaves no tombstone (as in F14, Bronson and Shi, 2019). A word carries the
 * life of the record that it names (as in version based reclamation, Sheffi,
 * Herlihy and Petrank, DISC 2021), so readers need not tell anybody that
 * they read; and a record rests before it is written anew, so that they
 * hardly ever have to read twice. New is that the index alone says which
 * records are in use: what the writer knows of free ones is his own, dies
 * with him, and is found again by looking.
 *
 * Layout. Only the writer changes any of it, with one exception [S].
 *  array    a bit for each page of lines: set, after its memory was committed;
 *           never cleared. Then the lines, then the records.
 *  line     seven words, and passed: how many keys stand behind this line
 *           that belong into it or into one before it.
 *  word     tag:8 (of the hash; 0: no key) | life:29 | record:27.
 *  record   life, hash, sizes, key and value. life grows by one, before
 *           anything else, whenever the record is written anew.
 *  pool 0   heads and parts of values that no record can hold (and of keys
 *           that alone are too long), pool 1: pages of these. A head names
 *           its record and the record its head.
 *  roots    records committed, records ever used, and a line to be mended.
 *
 * Invariants
 *  1 A key is in the table if and only if a word names a record with it, and
 *    then one word does, at the home line of its hash or behind it; each line
 *    from there to the one before it has been passed.
 *  2 passed is never too low.
 *  3 A record that a word names is not written. One that no word names is
 *    nobody's: it is the next writer's when the one who took it is dead.
 *  4 While a word names a record of some life, that is the record's life.
 *  5 A head is PUBLISHED by the writer before a word names its record, and
 *    again before that word is replaced. So it is the recoverer of whoever
 *    left it behind that looks for it in the index.
 *  6 A key changes its place only by being deleted first.
 *
 * Protocol
 *  get    1 words of the line: those with the tag of the key
 *         2 key, then value, of the record  3 the life is not that of the
 *           word, or a head is not PUBLISHED for this record any more: that
 *           word once more. Else the copy is the value, and the
 *           word was the key's when it was read          linearization: 1
 *         4 none in the line: passed by nobody: absent. Else the next line.
 *           Absent: by (6), a key that was in none of the places when each
 *           was looked at was in no place at all at some moment between
 *  put    1 find the key. Take a record; life + 1; write it
 *         2 absent: ROOT_MENDING = home; passed + 1 in each line that is
 *           full, from home on. None, mostly
 *         3 adopt the head of the old record, if it has one
 *         4 word = the new record                       linearization
 *         5 ROOT_MENDING = none
 *         6 old record: its head: life + 1, OWNED, free. Let it rest
 *  delete 1 find it. ROOT_MENDING = home, if it stands behind it
 *         2 adopt its head  3 word = none                linearization
 *         4 passed - 1, from the farthest line to home; ROOT_MENDING = none
 *         5 as put 6
 *  role   lock, recover the dead, mend: count anew who passed the lines from
 *         ROOT_MENDING on to the first that nobody passed, that one first
 *
 * Records that were given up rest in a ring of 64 before one is written
 * anew. So get 3 fails only when 64 writes took place in the time of a copy,
 * or at once where a longer value was replaced, whose blocks do not rest.
 *
 * Orderings
 *  [W] A word is stored with release or more, and read with acquire: who
 *      finds a record sees it written.
 *  [R] The life is stored before a release fence, and everything else in the
 *      record, or in the blocks that hung on it, after it. Readers read
 *      those, pass an acquire fence and read the life: had they seen
 *      anything newer, they would see a newer life. It is stored with
 *      release as well, after the word that named the old life was replaced,
 *      and read with acquire: who sees a newer life sees that word replaced,
 *      or else it never fitted, which is damage and no reason to try again.
 *  [P] passed grows with release before the word behind it appears, which
 *      releases it too, and shrinks with release after it is gone; readers
 *      acquire it between the words of one line and of the next. So what a
 *      reader sees of the index only ever moves forward.
 *  [M] Who recovers is ordered behind the dead writer by the lock of the
 *      role. For him it is enough that the roots are not stored later, or
 *      earlier, than the protocol says: by release, after what comes before;
 *      what comes after them is stored with release itself. ROOT_COMMITTED is
 *      read with acquire by those who count.
 *  [S] The state of a head: PUBLISHED is stored with release after its
 *      record is known to it; recoverers change it by acq_rel
 *      compare-and-swap, and so does adopting, as there may be one at work.
 *      OWNED is stored with release after the new life.
 *  [H] A head's state is read behind an acquire fence after its bytes, which
 *      pairs with [C] of pool.h: had any been newer, the state would be. It is
 *      read with acquire before the record that the head names [S]. Needed
 *      where a writer was killed between put 4 and 6: recovery frees the head
 *      of a record whose life goes on.
 *  [B] bit of a page: as in table.c.
 *  Words change by seq_cst exchange, on account of [E] of event.h; that is
 *  the only locked instruction of a put whose value fits a record.
 *  On aarch64 an exchange with these orderings is a single instruction too
 *  (or a loop of two, without LSE), and each [R] is a dmb; nothing depends
 *  on stores of different words being seen in order but through [W], [R]
 *  and [P].
 *
 * Progress and death. put and delete: wait-free but for memory that must be
 * committed; threads that share the writer's handle take turns. get and next:
 * lock-free, and a get of a value that fits a record repeats a look only
 * after 64 writes within it. Readers write nothing.
 *  killed after      leaves                       repaired by
 *  put 1, 3          a record that no word        the next writer, who finds
 *                    names, a head of X           it free; recovery frees or
 *                                                 keeps the head (5)
 *  put 2, delete 1-4 passed too high: searches    the next writer mends
 *                    look at a line in vain
 *  put 4-6           done; a record and a head    as put 1
 *                    that no word names
 *  role, mending     ROOT_MENDING as it was       the next writer
 *  growing           committed, but not announced the next writer commits
 *                                                 again: harmless
 */
#include "data/table_one.h"

#include "base/crash.h"

/* A write under way. */
struct edit {
	struct key key;
	struct piece value;
	struct spot at; /* where the key is */
	uint32_t index; /* the new record */
	uint64_t version;
};

/* ---- put and its kin ---- */

static int edit_begin(struct table_one *o, struct edit *e,
	const struct key *key, const void *value, size_t size)
{
	int error = one_begin(o);

	if (error)
		return error;
	e->key = *key;
	e->value = (struct piece){value, size};
	e->at.left = one_budget(o);
	if (size > o->table.chain.value_size)
		error = -EMSGSIZE;
	else
		error = object_fits(&o->table.chain.object, value, size);
	if (error)
		one_end(o);
	return error;
}

/* To the end of an edit: tell, and give way to other threads. */
static int edit_end(struct table_one *o, int error)
{
	if (!error)
		event_notify(&o->table.chain.object.segment,
			EVENT_BIT(EVENT_ADVANCED));
	one_end(o);
	return error;
}

/* Key and value into a record that is ours: 0, -ENOSPC, -EUCLEAN. */
static int fill_record(
	struct table_one *o, struct edit *e, struct record_shm *record)
{
	size_t key_size = e->key.size, size = e->value.size;
	struct piece pieces[2] = {{e->key.data, key_size}, e->value};
	char *data = record_data(record);

	atomic_store_explicit(&record->hash, e->key.hash, memory_order_relaxed);
	atomic_store_explicit(
		&record->size, (uint32_t)size, memory_order_relaxed);
	atomic_store_explicit(
		&record->key_size, (uint32_t)key_size, memory_order_relaxed);
	atomic_store_explicit(&record->spill, 0, memory_order_relaxed);
	if (likely(key_size <= o->data_size)) {
		copy_in(data, e->key.data, key_size);
		pieces[0].size = 0;
	}
	if (unlikely(key_size + size > o->data_size))
		return one_write_spill(o, record, e->index, pieces);
	copy_in(data + key_size, e->value.data, size);
	return 0;
}

/* put 1: 0, -ENOSPC, -EUCLEAN. ret_word: what is to name the record. */
static int write_record(struct table_one *o, struct edit *e, uint64_t *ret_word)
{
	int error = one_take(o, &e->index);
	struct record_shm *record;
	uint64_t life;

	if (error)
		return error;
	crash_point(table_one_taken);
	record = record_at(o, e->index);
	life = renew(record);
	error = fill_record(o, e, record);
	crash_point(table_one_written);
	if (error)
		one_give(o, e->index);
	*ret_word = word_make(tag_of(e->key.hash), life, e->index);
	e->version = one_version(life, e->index);
	return error;
}

/* The linearization point of every write. */
static void set_word(struct table_one *o, const struct spot *at, uint64_t word)
{
	/* [W] [E] */
	atomic_exchange_explicit(&line_at(o, at->line)->word[at->slot], word,
		memory_order_seq_cst);
	crash_point(table_one_published);
}

static void note_mending(struct table_one *o, uint64_t line_and_one)
{
	/* [M] */
	atomic_store_explicit(
		one_root(o, ROOT_MENDING), line_and_one, memory_order_release);
}

static void add_passed(struct table_one *o, uint64_t line, uint64_t by)
{
	_Atomic uint64_t *passed = &line_at(o, line)->passed;
	uint64_t count = atomic_load_explicit(passed, memory_order_relaxed);

	/* [P] */
	atomic_store_explicit(passed, count + by, memory_order_release);
	crash_point(table_one_passed);
}

/* A word that names nothing, at home or behind it: 0, -ENOSPC, ... */
static int find_room(struct table_one *o, uint64_t home, struct spot *at)
{
	for (uint64_t n = 0; n < one_lines(o); n++) {
		struct line_shm *line = line_at(o, home + n);
		int error = one_ready_line(o, home + n);

		if (error)
			return error;
		at->line = home + n;
		for (at->slot = 0; at->slot < LINE_WORDS; at->slot++)
			if (!word_tag(load_word(&line->word[at->slot])))
				return 0;
	}
	return -ENOSPC;
}

/* Store under a key that is not there: put 2, 4, 5. */
static int insert(struct table_one *o, struct edit *e)
{
	uint64_t home = home_of(o, e->key.hash), word;
	int error = find_room(o, home, &e->at);

	if (!error)
		error = write_record(o, e, &word);
	if (error)
		return error;
	if (likely(e->at.line == home)) {
		set_word(o, &e->at, word);
		return 0;
	}
	note_mending(o, (home & o->mask) + 1);
	for (uint64_t line = home; line < e->at.line; line++)
		add_passed(o, line, 1);
	set_word(o, &e->at, word);
	note_mending(o, 0);
	return 0;
}

/* put 6: what stood at the spot is no more. */
static void give_up(struct table_one *o, const struct spot *at)
{
	one_free_spill(o, at->record);
	one_give(o, at->index);
}

/* Store under a key that is at the spot: put 3, 4, 6. */
static int replace(struct table_one *o, struct edit *e)
{
	uint64_t word;
	int error = write_record(o, e, &word);

	if (error)
		return error;
	one_adopt(o, e->at.record);
	set_word(o, &e->at, word);
	give_up(o, &e->at);
	return 0;
}

/* present: the result of one_seek(). */
static inline int store(struct table_one *o, struct edit *e, int present)
{
	if (present == PRESENT)
		return replace(o, e);
	return present == ABSENT ? insert(o, e) : present;
}

int one_put(void *handle, const void *key, size_t key_size, const void *value,
	size_t value_size)
{
	struct table_one *o = handle;
	struct edit e;
	struct key k;
	int error = key_make(&o->table, key, key_size, &k);

	if (!error)
		error = edit_begin(o, &e, &k, value, value_size);
	if (error)
		return error;
	return edit_end(o, store(o, &e, one_seek(o, &k, &e.at)));
}

/* We are the only writer: what was found stays until we replace it. */
static int copy_present(struct table_one *o, const struct edit *e, int present,
	struct agora_buffer *value)
{
	int error = present;

	if (present == PRESENT)
		error = one_copy_value(o, &e->at, value);
	return error == AGAIN ? -EUCLEAN : error;
}

int one_swap(struct agora_table *t, const struct key *key,
	const struct agora_buffer *value, struct agora_buffer *old)
{
	struct table_one *o = (struct table_one *)t;
	struct agora_buffer copy = *old;
	struct edit e;
	int present, error;

	error = edit_begin(o, &e, key, value->data, value->size);
	if (error)
		return error;
	present = one_seek(o, key, &e.at);
	error = present == ABSENT ? -ENOENT
				  : copy_present(o, &e, present, &copy);
	if (!error || error == -EMSGSIZE)
		*old = copy;
	if (!error)
		error = replace(o, &e);
	return edit_end(o, error);
}

int one_compare(struct agora_table *t, const struct key *key,
	const struct agora_buffer *value, uint64_t *ret_version)
{
	struct table_one *o = (struct table_one *)t;
	uint64_t version = 0;
	struct edit e;
	int present, error;

	error = edit_begin(o, &e, key, value->data, value->size);
	if (error)
		return error;
	present = one_seek(o, key, &e.at);
	if (present == PRESENT)
		version = one_version(atomic_load_explicit(&e.at.record->life,
					      memory_order_relaxed),
			e.at.index);
	error = present >= 0 && version != value->version
			? -ESTALE
			: store(o, &e, present);
	if (ret_version && (!error || error == -ESTALE))
		*ret_version = error ? version : e.version;
	return edit_end(o, error);
}

/* The number at the spot, 0 where there is none: 0, -EPROTOTYPE, ... */
static int read_number(struct table_one *o, const struct edit *e, int present,
	int64_t *ret_number)
{
	struct agora_buffer b = {.data = ret_number,
		.capacity = sizeof(*ret_number),
		.size = sizeof(*ret_number)};
	int error = copy_present(o, e, present, &b);

	if (error == -EMSGSIZE || (!error && b.size != sizeof(*ret_number)))
		return -EPROTOTYPE;
	return error;
}

int one_add(struct agora_table *t, const struct key *key, int64_t delta,
	int64_t *ret_sum)
{
	struct table_one *o = (struct table_one *)t;
	int64_t old = 0, sum = delta;
	struct edit e;
	int present, error;

	error = edit_begin(o, &e, key, &sum, sizeof(sum));
	if (error)
		return error;
	present = one_seek(o, key, &e.at);
	error = read_number(o, &e, present, &old);
	sum = (int64_t)((uint64_t)old + (uint64_t)delta);
	if (!error)
		error = object_fits(&o->table.chain.object, &sum, sizeof(sum));
	if (!error)
		error = store(o, &e, present);
	if (!error && ret_sum)
		*ret_sum = sum;
	return edit_end(o, error);
}

/* ---- delete ---- */

/* delete 1 to 5, of the key at the spot. */
static void erase(struct table_one *o, const struct key *key, struct spot *at)
{
	uint64_t home = home_of(o, key->hash);

	if (unlikely(at->line != home))
		note_mending(o, (home & o->mask) + 1);
	one_adopt(o, at->record);
	set_word(o, at, 0);
	if (unlikely(at->line != home)) {
		for (uint64_t line = at->line; line-- > home;)
			add_passed(o, line, UINT64_MAX);
		note_mending(o, 0);
	}
	give_up(o, at);
}

int one_delete(void *handle, const void *key, size_t key_size)
{
	struct table_one *o = handle;
	struct spot at = {.left = one_budget(o)};
	struct key k;
	int result = key_make(&o->table, key, key_size, &k);

	if (!result)
		result = one_begin(o);
	if (result)
		return result;
	result = one_seek(o, &k, &at);
	if (result == PRESENT)
		erase(o, &k, &at);
	return edit_end(o, result == ABSENT    ? -ENOENT
			   : result == PRESENT ? 0
					       : result);
}
