#!/usr/bin/python3
"""weaken.py - make a copy of a source in which an ordering orders nothing.

    weaken.py TAGS SOURCE TARGET

Every statement that carries one of the tags (letters) becomes relaxed. ThreadSanitizer must find
what that breaks, on any machine: see threads.h.
"""

import pathlib
import re
import sys

STRONG = r"memory_order_(?:acquire|release|acq_rel|seq_cst)"


def weaken(text, tags):
    """The text with the orderings relaxed that stand behind the tags."""
    statement = re.compile(
        r"/\*(?:(?!\*/)[^;])*\[[" + tags + r"]\](?:(?!\*/).)*\*/[^;]*;", re.DOTALL)

    def relax(match):
        return re.sub(STRONG, "memory_order_relaxed", match.group())

    # Not the head comment, which says what the tag means.
    head = text.index("*/") + 2
    return text[:head] + statement.sub(relax, text[head:])


def main():
    tags, source, target = sys.argv[1], *map(pathlib.Path, sys.argv[2:])
    text = source.read_text()
    weak = weaken(text, tags)
    if weak == text:
        sys.exit(f"weaken.py: nothing in {source} carries [{tags}]")
    target.write_text(weak)


if __name__ == "__main__":
    main()
