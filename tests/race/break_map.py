"""Faults of ordered maps that must be found out: see break.py."""

FAULTS = {
    # A value is replaced in two steps: in between the key is not there.
    "map": {
        "subject": "map",
        "source": "map.c",
        "sound": """\
	int error = publish_entry(c, ch, present);

	if (error)
		return error;
	mc->old""",
        "faulty": """\
	struct walk *w = &ch->at;
	uint64_t dead = link_after(w->next, LINK_MARK, link_index(w->next));
	int error;

	if (present) {
		if (!swap_link(&w->entry->link, w->next, dead))
			return AGAIN;
		if (chain_bury(c, w, &ch->key, dead)) {
			mend(m, &ch->key);
			chain_discard(c, w->ref);
		}
		return AGAIN;
	}
	error = publish_entry(c, ch, present);
	if (error)
		return error;
	mc->old""",
    },
    # Where the descent ends is taken for the last entry before a key.
    "map_view": {
        "subject": "map",
        "source": "map_view.c",
        "sound": """\
		if (order >= 0 && !link_is_marked(w->next))
			return any ? PRESENT : ABSENT;
""",
        "faulty": """\
		if (any || (order >= 0 && !link_is_marked(w->next)))
			return any ? PRESENT : ABSENT;
""",
    },
    # A set tells that a member is new when it was there.
    "map_member": {
        "subject": "set",
        "source": "map.c",
        "sound": """\
		if (result == PRESENT)
			result = -EEXIST;
		if (result == ABSENT)
			result = change_try(&m->chain, ch, ABSENT, &join_way);
""",
        "faulty": """\
		if (result >= 0)
			result = change_try(&m->chain, ch, result, &join_way);
""",
    },
}
