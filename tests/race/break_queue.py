"""Faults of queues that must be found out: see break.py."""

FAULTS = {
    # A message is claimed by a look and a store: two may get the same one.
    "queue": {
        "subject": "queue",
        "source": "queue_ring.h",
        "compiled": ["queue.c"],
        "sound": """\
	if (!atomic_compare_exchange_strong_explicit(&block->state, &state,
		    mine, memory_order_seq_cst, memory_order_relaxed))
		return AGAIN;
	crash_point(queue_pop_claimed);
""",
        "faulty": """\
	if (load_state(q, claim->ref) != state)
		return AGAIN;
	crash_point(queue_pop_claimed);
	atomic_store_explicit(&block->state, mine, memory_order_seq_cst);
""",
    },
    # Who finds that another took from a packet meanwhile takes all the same.
    "packet": {
        "subject": "queue",
        "source": "queue_packet.c",
        "sound": """\
		    taken_state(q, c, first + taken), memory_order_seq_cst,
		    memory_order_relaxed))
		return 0;
""",
        "faulty": """\
		    taken_state(q, c, first + taken), memory_order_seq_cst,
		    memory_order_relaxed))
		return is_packet(state, c->ticket) ? (int)taken : 0;
""",
    },
    # A message is published before it is written.
    "spsc": {
        "subject": "spsc",
        "source": "spsc.h",
        "compiled": ["spsc.c", "queue_open.c"],
        "sound": """\
		crash_point(spsc_push_written);
		return spsc_publish(q, p, tail + 1);
""",
        "faulty": """\
		memset(p->data + (tail & q->mask) * q->stride, 0, size);
		int result = spsc_publish(q, p, tail + 1);

		crash_point(spsc_push_written);
		copy_in(p->data + (tail & q->mask) * q->stride, data, size);
		return result;
""",
    },
}
