"""Faults of tables that must be found out: see break.py."""

FAULTS = {
    # A value is replaced in two steps: in between the key is not there.
    "table": {
        "subject": "table",
        "source": "table.c",
        "sound": """\
		if (!try_publish(c, &w->entry->link, w->next, LINK_MARK))
			return AGAIN;
		crash_point(table_put_replaced);
		table_settle(t, w, c->ref.index + 1);
		return 0;
""",
        "faulty": """\
		uint64_t dead = link_after(
			w->next, LINK_MARK, link_index(w->next));

		if (!swap_link(&w->entry->link, w->next, dead))
			return AGAIN;
		crash_point(table_put_replaced);
		table_settle(t, w, dead);
		return AGAIN;
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
