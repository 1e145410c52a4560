"""Faults of strings that must be found out: see break.py."""

FAULTS = {
    # A reader believes what it copied, though another value is there now.
    "string": {
        "subject": "string",
        "source": "string.c",
        "sound": "	return is_same(s, root) ? error : CHANGED;\n",
        "faulty": "	is_same(s, root);\n	return error;\n",
    },
    # What was appended to replaces a value that came in between.
    "string_append": {
        "subject": "string",
        "source": "string.c",
        "sound": """\
	if (unlikely(load_root(s) != root))
		return CHANGED;
""",
        "faulty": "	root = load_root(s);\n",
    },
    # A reader does not ask whether its side was written meanwhile.
    "string_one": {
        "subject": "string_one",
        "source": "string_one.c",
        "sound": "	return likely(writing - version <= 1);\n",
        "faulty": "	return writing | version | 1;\n",
    },
}
