#!/usr/bin/python3
"""break.py - make a copy of a structure's source with a known fault in it.

    break.py SOURCE TARGET

The linearizability checker must reject what is built of the copy. After a
header comes the source that it belongs to, so that the copy of queue_ring.h
is a broken queue.c. The text that is replaced must be there exactly once: who
changes it is told here.
"""

import pathlib
import sys

# What is compiled with a broken header, so that all of the library is broken.
INLINED = {
    "queue_ring.h": ["queue.c"],
    "spsc.h": ["spsc.c", "queue_open.c"],
}

FAULTS = {
    # A message is claimed by a look and a store: two may get the same one.
    "queue_ring.h": (
        """\
	if (!atomic_compare_exchange_strong_explicit(&block->state, &state,
		    mine, memory_order_seq_cst, memory_order_relaxed))
		return AGAIN;
	crash_point(queue_pop_claimed);
""",
        """\
	if (load_state(q, claim->ref) != state)
		return AGAIN;
	crash_point(queue_pop_claimed);
	atomic_store_explicit(&block->state, mine, memory_order_seq_cst);
""",
    ),
    # A message is published before it is written.
    "spsc.h": (
        """\
		crash_point(spsc_push_written);
		return spsc_publish(q, p, tail + 1);
""",
        """\
		memset(p->data + (tail & q->mask) * q->stride, 0, size);
		int result = spsc_publish(q, p, tail + 1);

		crash_point(spsc_push_written);
		copy_in(p->data + (tail & q->mask) * q->stride, data, size);
		return result;
""",
    ),
    # A reader believes what it copied, though the record has a new life.
    "table_one_view.c": (
        """\
	if (!still_lives(s->record, s->word, &life))
		return moved_on(o, s);
	if (unlikely(error == AGAIN))
""",
        """\
	still_lives(s->record, s->word, &life);
	if (unlikely(error == AGAIN))
""",
    ),
    # Who finds that another took from a packet meanwhile takes all the same.
    "queue_packet.c": (
        """\
		    taken_state(q, c, first + taken), memory_order_seq_cst,
		    memory_order_relaxed))
		return 0;
""",
        """\
		    taken_state(q, c, first + taken), memory_order_seq_cst,
		    memory_order_relaxed))
		return is_packet(state, c->ticket) ? (int)taken : 0;
""",
    ),
    # A value is replaced in two steps: in between the key is not there.
    "table.c": (
        """\
		if (!try_publish(c, &w->entry->link, w->next, LINK_MARK))
			return AGAIN;
		crash_point(table_put_replaced);
		table_settle(t, w, c->ref.index + 1);
		return 0;
""",
        """\
		uint64_t dead = link_after(
			w->next, LINK_MARK, link_index(w->next));

		if (!swap_link(&w->entry->link, w->next, dead))
			return AGAIN;
		crash_point(table_put_replaced);
		table_settle(t, w, dead);
		return AGAIN;
""",
    ),
}


def main():
    source, target = map(pathlib.Path, sys.argv[1:])
    text = source.read_text()
    sound, faulty = FAULTS[source.name]
    if text.count(sound) != 1:
        sys.exit(f"break.py: {source} has changed: adapt the fault to it")
    text = text.replace(sound, faulty)
    for file in INLINED.get(source.name, []):
        text += f'#include "data/{file}"\n'
    target.write_text(text)


if __name__ == "__main__":
    main()
