"""Faults of lists that must be found out: see break.py."""

FAULTS = {
    # Who links does not look whether the operation still stands.
    "list_late": {
        "subject": "list",
        "source": "list.c",
        "sound": """\
	if (link_name(link) == name)
		return 0;
	if (!is_still(bag, root))
		return AGAIN;
""",
        "faulty": """\
	crash_point(list_linked);
	link = load_link(bag, at, side);
	if (link_name(link) == name)
		return 0;
""",
    },
    # A step of a walk does not look whether the root is what it was.
    "list_step": {
        "subject": "list",
        "source": "list_view.c",
        "sound": """\
	name = neighbour(bag, &turn, at, side);
	if (!name)
		return is_still(bag, root) ? -EAGAIN : AGAIN;
""",
        "faulty": """\
	crash_point(list_linked);
	name = neighbour(bag, &turn, at, side);
	if (!name)
		return -EAGAIN;
""",
    },
}
