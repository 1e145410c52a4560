"""Kills clients behind single instructions of what they do: see step.c.

Here at a sample of them, which is another one in each run; all of them with
AGORA_KILL_EVERY=1 in the environment.
"""

import os
import random

import pytest

import drivers

DRIVER = drivers.driver_path("crash-step")
EVERY = bool(os.environ.get("AGORA_KILL_EVERY"))
SANITIZED = "sanitize" in str(drivers.BUILD)


def groups():
    # A step costs the same with sanitizers, but there are so many more.
    if SANITIZED:
        return ["pop-short", "pop-packet", "restore", "delete", "one-delete"]
    if not DRIVER.exists():
        return [""]
    return drivers.run_program([DRIVER, "--list"], 60)[1].split()


def stride(group):
    """Repairing takes some ten times the instructions of anything else, and
    packets are tried in more states."""
    if EVERY:
        return 1
    few = 7 if group.endswith(("short", "parts", "long")) else 31
    return (211 if group.startswith("repair") else few) * (29 if SANITIZED else 1)


@pytest.fixture(scope="module")
def deaths():
    """How many there were, which is told at the end of a whole run."""
    count = []
    yield count
    if EVERY:
        print(f"\n{sum(count)} deaths")


@pytest.mark.timeout(7200 if EVERY else 120)
@pytest.mark.parametrize("group", groups())
def test_killed_at_any_instruction_nothing_is_lost_repeated_or_leaked(group, deaths):
    step = stride(group)
    phase = random.randrange(step)
    arguments = [DRIVER, "--stride", str(step), "--phase", str(phase), group]
    # Symbols are bound before, or binding them would be stepped through.
    env = dict(os.environ, LD_BIND_NOW="1")
    status, output, errors = drivers.run_program(arguments, 7000 if EVERY else 110, env)
    assert status == 0, f"phase {phase} of {step}: {errors}"
    assert not errors
    deaths.append(int(output.split()[0]))
    assert deaths[-1] > 0
    if EVERY:
        print(output.strip())


def test_a_wrong_group_or_stride_is_refused():
    assert drivers.run_program([DRIVER, "no-such-group"], 60)[0] == 2
    assert drivers.run_program([DRIVER, "--stride", "0", "delete"], 60)[0] == 2
