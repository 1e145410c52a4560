"""Faults of tables that must be found out: see break.py."""

FAULTS = {
    # A value is replaced in two steps: in between the key is not there.
    "table": {
        "subject": "table",
        "source": "table.c",
        "sound": """\
	int error = publish_entry(c, ch, present);

	if (!error && present &&
""",
        "faulty": """\
	struct walk *w = &ch->at;
	uint64_t dead = link_after(w->next, LINK_MARK, link_index(w->next));
	int error;

	if (present) {
		if (!swap_link(&w->entry->link, w->next, dead))
			return AGAIN;
		if (chain_bury(c, w, &ch->key, dead))
			chain_discard(c, w->ref);
		return AGAIN;
	}
	error = publish_entry(c, ch, present);
	if (!error && present &&
""",
    },
    # A reader believes what it copied, though the record has a new life.
    "table_one_view": {
        "subject": "one",
        "source": "table_one_view.c",
        "sound": """\
	if (!still_lives(s->record, s->word, &life))
		return moved_on(o, s);
	if (unlikely(error == AGAIN))
""",
        "faulty": """\
	still_lives(s->record, s->word, &life);
	if (unlikely(error == AGAIN))
""",
    },
}
