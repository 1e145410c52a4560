#!/usr/bin/python3
"""break.py - make a copy of a structure's source with a known fault in it.

    break.py --list FILE            the faults in FILE, and their sources
    break.py FILE NAME SOURCE TARGET

FILE is break_KIND.py, which a kind brings beside its linear_KIND.c. It defines
FAULTS, a dictionary from the name of a fault to a dictionary:

    subject   the subject of race/linear that must find it out
    source    a file of lib/data
    compiled  for a header: the files of lib/data to compile with it
    sound     text that stands in the source exactly once
    faulty    what is put in its place

The linearizability checker must reject what is built of the copy. After a
header comes the source that it belongs to, so that the copy of queue_ring.h
is a broken queue.c. Who changes the sound text is told here.
"""

import pathlib
import runpy
import sys


def faults_of(file):
    """The faults that a file defines, by their names."""
    return runpy.run_path(str(file))["FAULTS"]


def all_faults():
    """The faults of all kinds: (name, subject)."""
    files = sorted(pathlib.Path(__file__).parent.glob("break_*.py"))
    return [(name, fault["subject"])
            for file in files for name, fault in faults_of(file).items()]


def break_source(fault, source, target):
    """Write the faulty copy."""
    text = source.read_text()
    if text.count(fault["sound"]) != 1:
        sys.exit(f"break.py: {source} has changed: adapt the fault to it")
    text = text.replace(fault["sound"], fault["faulty"])
    for file in fault.get("compiled", []):
        text += f'#include "data/{file}"\n'
    target.write_text(text)


def main():
    if sys.argv[1] == "--list":
        for name, fault in faults_of(sys.argv[2]).items():
            print(name, fault["source"])
        return
    file, name, source, target = sys.argv[1:]
    break_source(faults_of(file)[name], pathlib.Path(source), pathlib.Path(target))


if __name__ == "__main__":
    main()
