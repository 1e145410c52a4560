/*
 * map.c - ordered map from byte strings to byte strings, and set of them.
 *
 * What. One sorted chain (chain.c, where its argument stands) of all entries,
 * and over it the levels of a skip list (Pugh 1990; Fraser 2004), which are
 * hints: the chain alone is the map.
 *
 * Layout
 *  array   the head: the link to the first entry, and its hints.
 *  entry   header, link, the first eight bytes of the key as a number, a hint
 *          for each level, then key and value. So a search mostly looks at one
 *          or two lines of each entry that it passes.
 *  hint    generation:36 | index + 1:28 of an entry further on, or 0. Any
 *          client changes it, by compare-and-swap. Of what it names the
 *          generation must be that one, or it is stale: taken for an end.
 *  height  on how many levels an entry is named follows from the index of its
 *          block and the segment's seed. So whoever buries an entry knows,
 *          and which levels keys get is nobody's choice. On the lower levels,
 *          which no cache holds, there are half as many entries on each next
 *          one: a search goes to one of two, and fetches both at once.
 *
 * Invariants, beside those of chains
 *  6 A hint to a life of a block is made only after that life was reachable.
 *    So an entry that a hint names, and that is PUBLISHED and not marked, is
 *    in the chain at that moment (1, 5).
 *  Nothing else of hints is relied on: they may be missing, stale, or lead
 *  anywhere, also back.
 *
 * Protocol
 *  descend 1 level by level from the top, from the head on: read what the
 *            hint names, then its state again: still that life: what was
 *            read belongs together. Its key comes before ours: go there.
 *            It died: go by its own hint of the level. It was passed before:
 *            hints lead back, leave the level.
 *            Writers mend what they meet, by compare-and-swap
 *          2 the last one is where the walk of the chain begins: read its
 *            link, then its state again: PUBLISHED, the same life, the link
 *            not marked: the link was in the chain when it was read, and
 *            what it leads to comes behind a key before ours. Else anew
 *  put     as in chain.c, then, when the new entry has a height:
 *          5 raise: on each level, hint of the new one to what the one before
 *            it named, then that one's hint to the new one. If that one died
 *            meanwhile: once more. If the new one did: descend and mend
 *  forget  between bury and discard, of one that has a height: descend to
 *          its key, mending. So hints go before the generation does, unless
 *          who made them or should have mended them was killed
 *
 * Orderings
 *  [U] hint: changed by acq_rel compare-and-swaps and read with acquire: who
 *      follows one finds the entry as it was published (chain.c, put 1),
 *      with its own hints.
 *  [A] as in chain.c: between reading an entry and looking at its state again.
 *
 * Progress and death. Lock-free: a descent starts anew only because the entry
 * it came to died meanwhile; a level is left when hints lead back.
 *  killed after  leaves                       repaired by
 *  put 3, or     an entry with fewer hints    nobody needs to; the next put of
 *  within raise  than its height              the key, or check with repair
 *  bury          RETIRED(X), hints to it      searches of writers go by it;
 *                                             recovery forgets, then frees
 *  raise, while  a stale hint                 the next writer that comes by
 *  it is buried                               takes it for an end and cuts
 *                                             it: fewer hints, as above
 *  All else is as in chain.c.
 */
#include "data/map.h"

#include "data/change.h"

/* ---- towers ---- */

static inline bool is_live(const struct agora_map *m, struct block_ref ref,
	struct entry_shm *entry, uint64_t life)
{
	uint64_t state = load_state(&m->chain, ref);

	return state_kind(state) == BLOCK_PUBLISHED &&
	       state_ticket(state) == life &&
	       !link_is_marked(load_link(&entry->link));
}

/* Mend all hints that a search for a key meets. */
static void mend(const struct agora_map *m, const struct key *key)
{
	struct walk w = {.left = WALK_STEPS};
	struct path path;
	struct spot at;

	descend(m, key, &w, &at, &path);
}

/* Take a dead entry, that is still of its life, out of all levels. */
static void forget(struct chain *c, struct block_ref ref)
{
	unsigned char bytes[CHAIN_KEY_MAX];
	struct key key;

	if (map_height(map_of(c), ref) && !chain_key_of(c, ref, &key, bytes))
		mend(map_of(c), &key);
	crash_point(map_forgotten);
}

/* A write under way. */
struct map_change {
	struct change change;
	struct path path;
	uint64_t life; /* of the new entry */
	uint64_t old;  /* a hint to what it replaced; 0: nothing */
};

/* One attempt to name the new entry on a level. False: look where it belongs
 * now. */
static bool raise_once(const struct agora_map *m, struct map_change *mc,
	unsigned level, uint64_t mine)
{
	struct spot *spot = &mc->path.level[level];
	_Atomic uint64_t *word = &node_of(mc->change.new)->up[level];
	uint64_t next = spot->hint;

	if (next == mine)
		return true;
	/* Its successor on the level is ours. */
	if (next && next == mc->old)
		next = load_hint(
			&node_of(entry_at(&m->chain, mc->change.at.ref))
				 ->up[level]);
	swap_hint(word, load_hint(word), next);
	crash_point(map_raise_ready);
	if (!swap_hint(spot->word, spot->hint, mine))
		return false;
	crash_point(map_raised);
	return !spot->at ||
	       is_live(m, spot->ref, spot->at, state_ticket(spot->state));
}

/* put 5. Others make mends that are missed: tries are bounded. */
static void raise_tower(const struct agora_map *m, struct map_change *mc)
{
	struct change *ch = &mc->change;
	unsigned height = map_height(m, ch->ref);
	uint64_t mine = hint_make(ch->ref, mc->life);
	struct walk w = {.left = WALK_STEPS};
	struct spot at;
	unsigned tries = 4;

	for (unsigned level = 0; level < height; level++) {
		while (!raise_once(m, mc, level, mine)) {
			if (!tries--)
				break;
			descend(m, &ch->key, &w, &at, &mc->path);
		}
	}
	if (!is_live(m, ch->ref, ch->new, mc->life))
		mend(m, &ch->key);
}

/* ---- put and its kin ---- */

static inline int seek_place(struct chain *c, struct change *ch)
{
	struct path *path = &((struct map_change *)ch)->path;
	struct spot at;
	int result;

	do {
		result = descend(map_of(c), &ch->key, &ch->at, &at, path);
		if (!result)
			result = seek_once(c, &ch->key, SEEK_KEY, &ch->at);
	} while (walk_again(&ch->at, &result));
	return result;
}

static inline int publish(struct chain *c, struct change *ch, int present)
{
	const struct agora_map *m = map_of(c);
	struct map_change *mc = (struct map_change *)ch;
	bool ours = false;
	int error = publish_entry(c, ch, present);

	if (error)
		return error;
	mc->old = present ? hint_make(ch->at.ref, ch->at.state) : 0;
	if (present)
		ours = chain_bury(c, &ch->at, &ch->key, ch->ref.index + 1);
	if (map_height(m, ch->ref))
		raise_tower(m, mc);
	if (!ours)
		return 0;
	if (map_height(m, ch->at.ref))
		mend(m, &ch->key);
	crash_point(map_forgotten);
	chain_discard(c, ch->at.ref);
	return 0;
}

/* Others may still try to change what a former life had here. */
static inline void prepare(struct chain *c, struct change *ch)
{
	((struct map_change *)ch)->life = state_ticket(atomic_load_explicit(
		&ch->new->block.state, memory_order_relaxed));
	for (unsigned level = 0; level < map_of(c)->levels; level++)
		atomic_store_explicit(
			&node_of(ch->new)->up[level], 0, memory_order_relaxed);
}

static const struct way way = {
	.seek = seek_place,
	.publish = publish,
	.prepare = prepare,
};

int map_put(void *handle, const void *key, size_t key_size, const void *value,
	size_t value_size)
{
	struct agora_map *m = handle;
	struct map_change mc;
	struct key k;
	int error = map_key(m, key, key_size, &k);

	if (!error)
		error = change_start_ready(
			&m->chain, &mc.change, &k, value, value_size, &way);
	return error ? error : change_put(&m->chain, &mc.change, &way);
}

int map_swap(struct agora_map *m, const struct key *key,
	const struct agora_buffer *value, struct agora_buffer *old)
{
	struct map_change mc;
	int error = change_start(
		&m->chain, &mc.change, key, value->data, value->size, &way);

	return error ? error : change_swap(&m->chain, &mc.change, &way, old);
}

int map_compare(struct agora_map *m, const struct key *key,
	const struct agora_buffer *value, uint64_t *ret_version)
{
	struct map_change mc;
	int error = change_start_ready(
		&m->chain, &mc.change, key, value->data, value->size, &way);

	return error ? error
		     : change_compare(&m->chain, &mc.change, &way,
			       value->version, ret_version);
}

int map_add(struct agora_map *m, const struct key *key, int64_t delta,
	int64_t *ret_sum)
{
	struct map_change mc;
	int64_t sum = delta;
	int error = change_start_ready(
		&m->chain, &mc.change, key, &sum, sizeof(sum), &way);

	if (!error)
		error = change_add(&m->chain, &mc.change, &way, delta, &sum);
	if (!error && ret_sum)
		*ret_sum = sum;
	return error;
}

/* ---- members of a set ---- */

static const struct way join_way = {
	.seek = seek_place,
	.publish = publish,
	.prepare = prepare,
	.members = true,
};

int map_join(struct agora_map *m, const struct key *key)
{
	struct map_change mc;
	struct change *ch = &mc.change;
	int result = change_start_ready(&m->chain, ch, key, NULL, 0, &join_way);

	if (result)
		return result;
	do {
		result = seek_place(&m->chain, ch);
		if (result == PRESENT)
			result = -EEXIST;
		if (result == ABSENT)
			result = change_try(&m->chain, ch, ABSENT, &join_way);
	} while (walk_again(&ch->at, &result));
	result = change_end(&m->chain, ch, result);
	return result == -EEXIST ? 0 : result ? result : 1;
}

int map_join_put(void *handle, const void *key, size_t key_size,
	const void *value, size_t value_size)
{
	struct key k;
	int result =
		value_size ? -EMSGSIZE : map_key(handle, key, key_size, &k);

	(void)value;
	if (!result)
		result = map_join(handle, &k);
	return result < 0 ? result : 0;
}

/* ---- delete ---- */

int map_delete(void *handle, const void *key, size_t key_size)
{
	struct agora_map *m = handle;
	struct map_change mc;
	struct change *ch = &mc.change;
	uint64_t link;
	int error = map_key(m, key, key_size, &ch->key);

	ch->at = (struct walk){.left = WALK_STEPS};
	if (!error)
		error = object_writable(&m->chain.object);
	if (!error)
		error = change_mark(&m->chain, ch, &way, &link);
	if (error)
		return error;
	if (chain_bury(&m->chain, &ch->at, &ch->key, link)) {
		if (map_height(m, ch->at.ref))
			mend(m, &ch->key);
		crash_point(map_forgotten);
		chain_discard(&m->chain, ch->at.ref);
	}
	event_notify(&m->chain.object.segment, EVENT_BIT(EVENT_ADVANCED));
	return 0;
}

/* ---- recover ---- */

static int start_walk(
	const struct chain *c, const struct key *key, struct walk *w)
{
	struct path path;
	struct spot at;

	return descend(map_of(c), key, w, &at,
		c->object.segment.client ? &path : NULL);
}

const struct chain_kind map_chains = {
	.start = start_walk,
	.sorted = true,
	.forget = forget,
};

void map_recover(struct segment *segment, const struct client_set *dead)
{
	chain_recover(segment->owner, dead, MAP_VISIT_STEPS);
}
