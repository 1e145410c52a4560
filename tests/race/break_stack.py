"""Faults of stacks that must be found out: see break.py."""

FAULTS = {
    # The root is changed without its version: who was overtaken does not know.
    "stack_version": {
        "subject": "stack",
        "source": "stack.c",
        "sound": """\
	if (!wide_swap(bag->root, root, *ret_root))
		return AGAIN;
	crash_point(stack_popped);
""",
        "faulty": """\
	crash_point(stack_settled);
	{
		struct wide now;

		bag_look(bag, &now);
		if (now.word[0] != root.word[0] ||
			!wide_swap(bag->root, now, *ret_root))
			return AGAIN;
	}
	crash_point(stack_popped);
""",
    },
    # A pop leaves the root before the block says whose it is.
    "stack_settle": {
        "subject": "stack",
        "source": "stack.c",
        "sound": """\
	/* A late push 4 may come between, once. */
	for (int tries = 0; tries < 3; tries++) {
""",
        "faulty": """\
	wide_swap(bag->root, root, turn_after(&turn, 0, NO_OP, turn.first, 0));
	crash_point(stack_settled);
	for (int tries = 0; tries < 3; tries++) {
""",
    },
}
