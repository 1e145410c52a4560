"""Faults of logs that must be found out: see break.py."""

FAULTS = {
    # A reader believes what it copied, though the block has another record.
    "log": {
        "subject": "log",
        "source": "log_view.c",
        "sound": """\
		return GONE;
	record->size = size;
""",
        "faulty": """\
		record->version = number;
	record->size = size;
""",
    },
    # A record more than need be is given up.
    "log_full": {
        "subject": "log",
        "source": "log.c",
        "sound": "	if ((int64_t)(t - seen) > (int64_t)l->capacity) {\n",
        "faulty": "	if (give_up_some(l, 0, 1) || t > seen + l->capacity) {\n",
    },
    # The end is where the tail says, though that lags.
    "log_order": {
        "subject": "log",
        "source": "log_view.c",
        "sound": "		cell_cycle(load_cell(l, number)) == cycle_of(l, number))\n		number++;\n",
        "faulty": "		cell_cycle(load_cell(l, number)) == cycle_of(l, number))\n		break;\n",
    },
    # A reader does not ask whether its record was overwritten meanwhile.
    "log_one": {
        "subject": "log_one",
        "source": "log_one.c",
        "sound": "		return GONE;\n	if (unlikely(!from))\n",
        "faulty": "		record->version = number;\n	if (unlikely(!from))\n",
    },
}
