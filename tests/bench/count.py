"""Counts the instructions of hot paths, under callgrind.

The counts of one compiler, C library and valgrind are exact and repeat, up
to the luck of where keys hash. instructions.json keeps them, and what they
were counted with; a test fails when one grows.
"""

import json
import pathlib
import re
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
KEPT = HERE / "instructions.json"
ROUNDS = 1024
GROWTH = 1.10

LINE = re.compile(r"^\s*([\d,]+)\s.*:path_(\w+)", re.MULTILINE)


def first_line(*command):
    out = subprocess.run(command, capture_output=True, text=True).stdout
    return out.splitlines()[0].strip() if out else "?"


def tools():
    """What the counts depend on, beside the sources."""
    return {"compiler": first_line("cc", "--version"),
            "libc": first_line("ldd", "--version"),
            "valgrind": first_line("valgrind", "--version")}


def counted(driver):
    """Instructions of one round of each path."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "callgrind.out"
        subprocess.run(
            ["valgrind", "-q", "--tool=callgrind",
             f"--callgrind-out-file={out}", driver, str(ROUNDS)],
            check=True, capture_output=True, text=True)
        text = subprocess.run(
            ["callgrind_annotate", "--inclusive=yes", "--threshold=100", out],
            check=True, capture_output=True, text=True).stdout
    found = {}
    for cost, name in LINE.findall(text):
        found.setdefault(name, round(int(cost.replace(",", "")) / ROUNDS, 1))
    return dict(sorted(found.items()))


def kept():
    return json.loads(KEPT.read_text())


def keep(counts):
    KEPT.write_text(json.dumps({"tools": tools(), "counts": counts},
                               indent=1) + "\n")


def grown(counts):
    """Lines about those that grew by more than a tenth, or are not known."""
    known = kept()
    for name, count in counts.items():
        before = known["counts"].get(name)
        if before is None:
            yield f"{name}: {count}, never recorded"
        elif count > before * GROWTH:
            yield f"{name}: {count} instructions, {before} were recorded"
    for name in known["counts"].keys() - counts.keys():
        yield f"{name}: recorded, but not counted any more"


def differing_tools():
    """A line for each tool that is not that of the record."""
    now = tools()
    for tool, version in kept()["tools"].items():
        if version != now[tool]:
            yield f"recorded with {version}, counted with {now[tool]}"


def main(top, options):
    if not options.as_is:
        subprocess.run([top / "scripts" / "setup"], check=True)
        subprocess.run([top / "scripts" / "build"], check=True)
    counts = counted(top / "build" / "tests" / "bench-instructions")
    before = kept()["counts"] if KEPT.exists() else {}
    width = max(map(len, counts))
    for name, count in counts.items():
        print(f"{name.ljust(width)}  {count:8.1f}  "
              f"(recorded {before.get(name, '-')})")
    if options.record:
        keep(counts)
        print(f"kept in {KEPT.relative_to(top)}")
    return 0
