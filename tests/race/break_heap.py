"""Faults of heaps that must be found out: see break.py."""

FAULTS = {
    # A message that rises does not stop below its equals.
    "heap-equals": {
        "subject": "heap",
        "source": "heap_path.c",
        "sound": """\
		if (!i || !cell_is_before(h, new, above))
			return add_step(path, i, cell, new);
""",
        "faulty": """\
		(void)h;
		if (!i || above.word[0] >> 48 < new.word[0] >> 48)
			return add_step(path, i, cell, new);
""",
    },
    # Who does the turn of another does not look whether it is over.
    "heap-late": {
        "subject": "heap",
        "source": "heap_path.c",
        "sound": """\
	if (!is_current(job))
		return OVER;
	for (unsigned k = 0; k < path->count; k++) {
		const struct step *step = &path->step[k];

		crash_point(heap_cell);
		if (unlikely(!wide_swap(
			    cell_at(job->lane, step->i), step->old, step->new)))
			return -EAGAIN;
""",
        "faulty": """\
	for (unsigned k = 0; k < path->count; k++) {
		const struct step *step = &path->step[k];

		crash_point(heap_cell);
		wide_swap(cell_at(job->lane, step->i),
			cell_load(cell_at(job->lane, step->i)), step->new);
""",
    },
    # Who does one message of a batch does not see that others went on.
    "heap-batch": {
        "subject": "heap",
        "source": "heap_turn.h",
        "compiled": ["heap_turn.c", "heap_path.c"],
        "sound": """\
	       (likely(job->now->count == 1) || !is_past(job));
""",
        "faulty": """\
	       (likely(job->now->count <= PUSH_MOST) || !is_past(job));
""",
    },
    # A turn is taken while another is not done.
    "heap-turn": {
        "subject": "heap",
        "source": "heap_turn.c",
        "sound": """\
		if (unlikely(!is_done(lane, ret_now))) {
""",
        "faulty": """\
		if (!is_done(lane, ret_now) && ret_now->turn.version % 2) {
""",
    },
}
