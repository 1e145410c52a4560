"""Medians, tables and ratios of the benchmark's records."""

import collections
import statistics

TITLES = {
    "W1": "W1 one way, 1 producer and 1 consumer process",
    "W2": "W2 round trip of 64 bytes, ns",
    "W3": "W3 many to many, 8 bytes; producers + consumers on 2 CPUs",
    "W4": "W4 push and pop by one process, uncontended, 8 bytes",
    "W5": "W5 priority queue: hold model, 8 bytes; a pair alone, then two CPUs",
    "W6": "W6 table: 100,000 keys of 16 bytes, values of 64 bytes",
    "W7": "W7 ordered map: 100,000 keys of 16 bytes, values of 64 bytes",
    "W8": "W8 attach to an object that is there",
    "W9": "W9 kill -9 in the middle of operations, again and again",
    "W10": "W10 the file door",
    "W11": "W11 log: 64 bytes, 1 writer, what each of 1 or 3 readers reads",
    "W13": "W13 string: a value of 64 bytes, alone and with 1 writer, 1 reader",
}


def is_rate(unit):
    """Whether more of it is better."""
    return unit.endswith("/s") or unit == "kills"


def number(value):
    """Three digits that matter."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


class Results:
    """Records by workload, row and column."""

    def __init__(self, records):
        self.cells = collections.defaultdict(list)
        self.units = {}
        self.rows = collections.defaultdict(dict)
        self.columns = collections.defaultdict(dict)
        regimes = collections.defaultdict(collections.Counter)
        for record in records:
            workload = record["workload"]
            row, column = record["row"], record["column"]
            self.cells[workload, row, column].append(record)
            self.units[workload, column] = record["unit"]
            self.rows[workload][row] = True
            self.columns[workload][column] = True
            regimes[workload][record["regime"]] += 1
        self.regime = {workload: count.most_common(1)[0][0]
                       for workload, count in regimes.items()}

    def workloads(self):
        return sorted(self.rows, key=lambda name: int(name[1:]))

    def cell(self, workload, row, column):
        """(median, low, high, regime) in the workload's main regime, or in
        the other when there is nothing else; None when not measured."""
        records = self.cells.get((workload, row, column), [])
        main = self.regime.get(workload)
        for regime in (main, "far" if main == "near" else "near"):
            values = [r["value"] for r in records if r["regime"] == regime]
            if values:
                return (statistics.median(values), min(values), max(values),
                        regime)
        return None

    def value(self, workload, row, column):
        cell = self.cell(workload, row, column)
        return cell and cell[0]

    def ratio(self, workload, row, other, column):
        """How much row is of other: the median over repetitions in which
        both were measured in one regime; None when there are none."""
        there = {(r["repetition"], r["regime"]): r["value"]
                 for r in self.cells.get((workload, other, column), [])}
        ratios = [r["value"] / there[r["repetition"], r["regime"]]
                  for r in self.cells.get((workload, row, column), [])
                  if there.get((r["repetition"], r["regime"]))]
        return statistics.median(ratios) if ratios else None

    def hops(self):
        """The hops of all repetitions: {regime: (count, median)}."""
        found = collections.defaultdict(dict)
        for records in self.cells.values():
            for r in records:
                found[r["regime"]][r["repetition"], r["workload"], r["row"],
                                   r["case"]] = r["hop"]
        return {regime: (len(hops), statistics.median(hops.values()))
                for regime, hops in sorted(found.items(), reverse=True)}


def shown(results, workload, row, column):
    """A cell for people: median, spread, and * in the other regime."""
    cell = results.cell(workload, row, column)
    if not cell:
        return "-"
    median, low, high, regime = cell
    text = number(median)
    if high > low and median:
        text += f" ±{(high - low) / 2 / median * 100:.0f}%"
    other = regime != results.regime[workload]
    return text + ("*" if other and workload != "W9" else "")


def table(results, workload):
    """The lines of one workload's table."""
    columns = list(results.columns[workload])
    head = []
    for column in columns:
        unit = results.units[workload, column]
        plain = not unit or unit in column.split() or workload == "W2"
        head.append(column if plain else f"{column}, {unit}")
    body = [[row] + [shown(results, workload, row, c) for c in columns]
            for row in results.rows[workload]]
    lines = [["", *head], *body]
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    yield f"{TITLES[workload]} ({results.regime[workload]})"
    for line in lines:
        yield "  " + line[0].ljust(widths[0]) + "".join(
            "  " + text.rjust(width)
            for text, width in zip(line[1:], widths[1:]))
    yield ""


def summary(results):
    """Median, spread and values of every cell, for JSON."""
    for (workload, row, column), records in results.cells.items():
        median, low, high, regime = results.cell(workload, row, column)
        yield {"workload": workload, "row": row, "column": column,
               "unit": results.units[workload, column], "regime": regime,
               "median": median, "low": low, "high": high,
               "values": [{key: record[key] for key in
                           ("repetition", "value", "hop", "regime")}
                          for record in records]}


def plot(results, path):
    """A chart for each column that says how fast something is."""
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
    panels = [(w, c) for w in results.workloads() for c in results.columns[w]
              if results.units[w, c] and not c.endswith(("p99", "p99.9"))]
    wide = min(3, len(panels))
    high = -(-len(panels) // wide)
    figure, axes = pyplot.subplots(high, wide, squeeze=False,
                                   figsize=(7 * wide, 4.6 * high))
    for axis in axes.flat[len(panels):]:
        axis.set_axis_off()
    for axis, (workload, column) in zip(axes.flat, panels):
        bars(axis, results, workload, column)
    figure.tight_layout()
    figure.savefig(path)


def bars(axis, results, workload, column):
    """One chart: agora dark, the others light, the best on top."""
    unit = results.units[workload, column]
    found = [(results.value(workload, row, column), row)
             for row in results.rows[workload]]
    found = sorted(((v, row) for v, row in found if v),
                   reverse=not is_rate(unit))
    axis.barh([row for _, row in found], [value for value, _ in found],
              color=["#1f5fa8" if row.startswith("agora") else "#b8c4d0"
                     for _, row in found])
    axis.set_xscale("log")
    axis.tick_params(axis="y", labelsize=7)
    axis.set_title(f"{workload} {column} ({unit}, "
                   f"{'more' if is_rate(unit) else 'less'} is better)",
                   fontsize=9)
