/*
 * map_check.c - is a map sound? And make its hints anew.
 */
#include "data/map.h"

#include "shm/client.h"

/* ---- hints ---- */

/* Where a level has been built up to. */
struct tower {
	_Atomic uint64_t *word[LEVELS_MAX];
};

/* Whoever changes the word meanwhile knows better. */
static void build(_Atomic uint64_t *word, uint64_t hint)
{
	uint64_t old = load_hint(word);

	if (old != hint)
		swap_hint(word, old, hint);
}

/* Name an entry, which a pass has come to, on the levels of its height. */
static void build_over(
	const struct agora_map *m, struct tower *tower, const struct walk *w)
{
	unsigned height = map_height(m, w->ref);

	for (unsigned level = 0; level < height; level++) {
		build(tower->word[level], hint_make(w->ref, w->state));
		tower->word[level] = &node_of(w->entry)->up[level];
	}
	for (unsigned level = height; level < m->levels; level++)
		build(&node_of(w->entry)->up[level], 0);
}

/* A hint may lead anywhere, but not to a block that there cannot be. */
static bool hints_are_sound(
	const struct agora_map *m, const _Atomic uint64_t *up)
{
	for (unsigned level = 0; level < m->levels; level++) {
		uint64_t index = link_index(load_hint(&up[level]));
		struct block_ref ref = {(uint32_t)index - 1};

		if (index && !pool_has(&m->chain.store.pool[0], ref))
			return false;
	}
	return true;
}

/* ---- check ---- */

/*
 * Pass all entries, in order. What is not in order, and what cannot be read,
 * ends the pass. To repair, the hints are built anew.
 */
static void visit_chain(
	const struct agora_map *m, struct chain_visit *v, bool repair)
{
	struct tower tower;
	struct pass pass;
	int result;

	v->check->damaged += !hints_are_sound(m, m->head->up);
	for (unsigned level = 0; level < m->levels; level++)
		tower.word[level] = &m->head->up[level];
	map_pass_start(&pass, NULL, 0, true);
	while ((result = map_pass_next(m, &pass)) == PRESENT) {
		v->check->damaged +=
			!hints_are_sound(m, node_of(pass.w.entry)->up) ||
			pass.from.hash != pass.w.hash;
		if (repair)
			build_over(m, &tower, &pass.w);
	}
	for (unsigned level = 0; repair && level < m->levels; level++)
		build(tower.word[level], 0);
	map_pass_end(&pass);
	v->check->damaged += result < 0;
}

static void visit(struct agora_map *m, struct chain_visit *v, bool repair)
{
	v->left = WALK_STEPS;
	chain_visit_blocks(&m->chain, v);
	visit_chain(m, v, repair);
}

int map_check(void *handle, int repair, struct agora_check *check)
{
	struct agora_map *m = handle;
	struct agora_check before = *check;
	struct client_set strays = {{0}};
	struct chain_visit v = {
		.strays = &strays, .steps = MAP_VISIT_STEPS, .check = check};

	visit(m, &v, repair);
	if (repair) {
		/* Repairs change what was counted: count again. */
		client_recover_strays(&m->chain.object.segment, &strays);
		chain_purge_all(&m->chain, MAP_VISIT_STEPS);
		*check = before;
		visit(m, &v, false);
	}
	check->orphans = message_sweep_parts(&m->chain.store, repair);
	return 0;
}
