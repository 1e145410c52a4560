"""Kills clients behind single instructions of what they do: see step.c.

Each kind that has a crash/step_KIND.c is found by its program. Here at a
sample of instructions, which is another one in each run; all of them with
AGORA_KILL_EVERY=1 in the environment, which has no limits of time and tells
of each group as it ends.
"""

import faulthandler
import os
import random
import time

import pytest

import drivers

EVERY = bool(os.environ.get("AGORA_KILL_EVERY"))
SANITIZED = "sanitize" in str(drivers.BUILD)
LIMIT = None if EVERY else 110

# A step costs the same with sanitizers, but there are so many more: of other
# kinds the first group.
SANITIZED_GROUPS = {
    "queue": ["pop-short", "pop-packet", "restore"],
    "table": ["delete", "one-delete"],
    "spsc": ["push", "fixed-release-any-order"],
}

PREFIX = "crash-step_"


def kinds():
    """The kinds whose programs are built."""
    found = (drivers.BUILD / "tests").glob(PREFIX + "*")
    return sorted(p.name.removeprefix(PREFIX) for p in found if p.is_file())


def groups():
    """All pairs of a kind and one of its groups."""
    for kind in kinds() or [""]:
        names = drivers.names_of(drivers.driver_path(PREFIX + kind))
        if SANITIZED:
            names = SANITIZED_GROUPS.get(kind, names[:1])
        yield from ((kind, name) for name in names)


def stride(kind, group):
    """Repairing takes some ten times the instructions of anything else,
    packets are tried in more states, and SPSC operations are done twice."""
    if EVERY:
        return 1
    few = 7 if group.endswith(("short", "parts", "long")) else 31
    few = 61 if kind == "spsc" else 211 if group.startswith("repair") else few
    return few * (29 if SANITIZED else 1)


def run(kind, *arguments):
    # Symbols are bound before, or binding them would be stepped through.
    env = dict(os.environ, LD_BIND_NOW="1")
    program = drivers.driver_path(PREFIX + kind)
    return drivers.run_program([program, *map(str, arguments)], LIMIT, env)


@pytest.fixture(scope="module")
def deaths():
    """How many there were, which is told at the end of a whole run."""
    count = []
    yield count
    if EVERY:
        print(f"\n{sum(count)} deaths in {len(count)} groups")


@pytest.mark.timeout(0 if EVERY else 120)
@pytest.mark.parametrize("kind, group", groups())
def test_killed_at_any_instruction_nothing_is_lost_repeated_or_leaked(
    kind, group, deaths
):
    if EVERY:
        faulthandler.cancel_dump_traceback_later()  # its time is not ours
    step = stride(kind, group)
    phase = random.randrange(step)
    start = time.monotonic()
    status, output, errors = run(kind, "--stride", step, "--phase", phase, group)
    assert status == 0, f"phase {phase} of {step}: {errors}"
    assert not errors
    deaths.append(int(output.split()[0]))
    assert deaths[-1] > 0
    if EVERY:
        print(f"{output.strip()} in {time.monotonic() - start:.0f} s", flush=True)


@pytest.mark.parametrize("kind", kinds())
def test_a_wrong_group_or_stride_is_refused(kind):
    assert run(kind, "no-such-group")[0] == 2
    assert run(kind, "--stride", "0", "delete")[0] == 2
