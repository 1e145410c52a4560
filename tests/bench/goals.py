"""What agora wants to reach beside its peers, in one run.

A goal is a function of the results that is marked with its text. It returns
(what was reached, whether that is enough), or None where a row is missing.
"""

GOALS = []


def goal(text):
    def add(function):
        GOALS.append((text, function))
        return function
    return add


def judge(results):
    """For each goal: its text, what was reached, True, False or None."""
    for text, function in GOALS:
        found = function(results)
        yield (text, *(found or ("not measured", None)))


def is_single(row):
    return not row.endswith("at a time") and not row.startswith("agora")


def beside_best(results, workload, row, column):
    """The ratio to the best peer of the same kind, and its name."""
    peers = [(results.value(workload, peer, column), peer)
             for peer in results.rows.get(workload, ()) if is_single(peer)]
    peers = [(value, peer) for value, peer in peers if value]
    if not peers:
        return None
    best = max(peers)[1]
    ratio = results.ratio(workload, row, best, column)
    return ratio and (ratio, best)


def at_least(ratio, limit, of):
    return f"{ratio:.2f} x {of}", ratio >= limit


def at_most(ratio, limit, of):
    return f"{ratio:.2f} x {of}", ratio <= limit


def spsc(column, limit):
    @goal(f"W1 SPSC {column}: at least {limit} x the best peer")
    def _(results):
        found = beside_best(results, "W1", "agora SPSC fixed", column)
        return found and at_least(found[0], limit, found[1])


for _column, _limit in (("8 B", 1.3), ("64 B", 1.2), ("1 KiB", 1.0),
                        ("64 KiB", 1.0)):
    spsc(_column, _limit)


@goal("W1 without a copy: at least 15 M messages/s at any size")
def _(results):
    sizes = {"8 B": 8, "64 B": 64, "1 KiB": 1024, "64 KiB": 65536}
    rates = []
    for column, size in sizes.items():
        value = results.value("W1", "agora SPSC, no copy", column)
        if value is None:
            return None
        rates.append(value if size < 1024 else value * 1000 / size)
    return f"{min(rates):.1f} M/s", min(rates) >= 15


def trip(row, peer, limit):
    @goal(f"W2 spinning, {row}: at most {limit} x {peer}")
    def _(results):
        ratio = results.ratio("W2", row, peer, "spinning p50")
        return ratio and at_most(ratio, limit, peer)


trip("agora SPSC fixed", "ck_ring SPSC", 1.1)
trip("agora queue fixed", "ck_ring MPMC", 1.3)


@goal("W2 waiting, the other side active: under 200 ns at the median")
def _(results):
    value = results.value("W2", "agora queue fixed", "waiting p50")
    return value and (f"{value:.0f} ns", value < 200)


def many(row, peer, limit):
    @goal(f"W3 1+1, {row}: at least {limit} x {peer}")
    def _(results):
        ratio = results.ratio("W3", row, peer, "1+1")
        return ratio and at_least(ratio, limit, peer)


many("agora queue fixed", "ck_ring MPMC", 1.2)
many("agora queue fixed", "rte_ring MPMC", 1.2)
many("agora queue fixed, 32 at a time", "atomic_queue MPMC", 1.0)


@goal("W3 2+2: at least 12 M/s, with a spread under 20 %")
def _(results):
    cell = results.cell("W3", "agora queue fixed", "2+2")
    if not cell:
        return None
    median, low, high, _ = cell
    spread = (high - low) / 2 / median * 100
    return (f"{median:.1f} M/s ±{spread:.0f} %",
            median >= 12 and spread < 20)


@goal("W4 SPSC: a pair under 3 ns")
def _(results):
    value = results.value("W4", "agora SPSC fixed", "pair")
    return value and (f"{value:.2f} ns", value < 3)


def floor(row, limit):
    @goal(f"W4 {row}: under {limit} x two locked instructions")
    def _(results):
        ratio = results.ratio("W4", row, "floor: two locked instructions",
                              "pair")
        return ratio and at_most(ratio, limit, "the floor")


floor("agora queue fixed", 3)
floor("agora queue fixed, 32 at a time", 1.3)


def ranked(row, size, limit):
    peer = "oneTBB priority queue (threads)"
    column = f"{size}, 2 CPUs"

    @goal(f"W5 {column}, {row}: at least {limit} x {peer}")
    def _(results):
        ratio = results.ratio("W5", row, peer, column)
        return ratio and at_least(ratio, limit, peer)


for _size in ("1 K", "64 K", "1 M"):
    ranked("agora heap", _size, 1.0)
    ranked("agora heap, relaxed", _size, 2.0)


def keyed(row, column, peer, limit, most=True, workload="W6"):
    few = "at most" if most else "faster by at least"

    @goal(f"{workload} {column}, {row}: {few} {limit} x {peer}")
    def _(results):
        ratio = results.ratio(workload, row, peer, column)
        if not ratio:
            return None
        return at_most(ratio, limit, peer) if most else \
            at_least(1 / ratio, limit, peer)


keyed("agora table, one writer", "get hit", "seqlock prototype", 1.3)
keyed("agora table, one writer", "put", "seqlock prototype", 1.3)
keyed("agora table", "get hit", "LMDB", 3, most=False)

for column in ("get hit", "scan of 100"):
    keyed("agora map", column, "LMDB", 1.5, workload="W7")
for column in ("insert", "put", "delete"):
    keyed("agora map", column, "LMDB", 2, most=False, workload="W7")


@goal("W6 a miss is no dearer than a hit")
def _(results):
    hit = results.value("W6", "agora table", "get hit")
    miss = results.value("W6", "agora table", "get miss")
    return hit and miss and (f"{miss / hit:.2f} x a hit", miss <= hit)


@goal("W6 1 writer + 1 reader: at least 15 M writes and 20 M reads/s")
def _(results):
    row = "agora table, one writer"
    reads = results.value("W6", row, "reads beside a writer")
    writes = results.value("W6", row, "writes beside a reader")
    return reads and writes and (f"{writes:.1f} + {reads:.1f} M/s",
                                 writes >= 15 and reads >= 20)


@goal("W8 under 30 us")
def _(results):
    values = [results.value("W8", row, "open")
              for row in results.rows.get("W8", ()) if row.startswith("agora")]
    return values and (f"{max(values):.1f} us", max(values) < 30)


@goal("W9 never blocked, and nothing lost, repeated or leaked")
def _(results):
    rows = [row for row in results.rows.get("W9", ())
            if row.startswith("agora")]
    if not rows:
        return None
    kills = sum(results.value("W9", row, "kills survived") for row in rows)
    harm = sum(results.value("W9", row, column) or 0 for row in rows
               for column in ("hung", "lost", "repeated", "torn", "leaked"))
    return f"{harm:.0f} in {kills:,.0f} kills", not harm


def door(column):
    @goal(f"W10 {column}: at most 1.3 x the null filesystem")
    def _(results):
        ratio = results.ratio("W10", "agora mount", "null filesystem", column)
        return ratio and at_most(ratio, 1.3, "the null filesystem")


for _column in ("write", "read", "open+write+close", "stat"):
    door(_column)


@goal("W10 seq 1000000 > x.queue in under 1 s")
def _(results):
    value = results.value("W10", "agora mount", "seq 1000000")
    return value and (f"{value:.2f} s", value < 1)


def load_of(row):
    @goal(f"W13 {row}, load of 64 bytes: under 30 ns")
    def _(results):
        value = results.value("W13", row, "load, ns")
        return value and (f"{value:.1f} ns", value < 30)


for _row in ("agora string", "agora string, one writer"):
    load_of(_row)


@goal("W11 log, one writer to one reader: at least 30 M records/s")
def _(results):
    value = results.value("W11", "agora log, one writer, fixed", "1+1")
    return value and (f"{value:.0f} M/s", value >= 30)


@goal("W11 log, one writer to one reader: at least 0.5 x SPSC")
def _(results):
    ratio = results.ratio("W11", "agora log, one writer, fixed",
                          "agora SPSC fixed", "1+1")
    return ratio and at_least(ratio, .5, "SPSC")
