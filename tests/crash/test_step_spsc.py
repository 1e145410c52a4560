"""Kills clients of an SPSC queue behind single instructions: see step_spsc.c.

Here at a sample of them, which is another one in each run; all of them with
AGORA_KILL_EVERY=1 in the environment.
"""

import os
import random

import pytest

import drivers

DRIVER = drivers.driver_path("crash-step_spsc")
EVERY = bool(os.environ.get("AGORA_KILL_EVERY"))
SANITIZED = "sanitize" in str(drivers.BUILD)


def groups():
    if SANITIZED:
        return ["push", "fixed-release-any-order"]
    if not DRIVER.exists():
        return [""]
    return drivers.run_program([DRIVER, "--list"], 60)[1].split()


def stride():
    if EVERY:
        return 1
    return 61 * (29 if SANITIZED else 1)


@pytest.mark.timeout(7200 if EVERY else 120)
@pytest.mark.parametrize("group", groups())
def test_killed_at_any_instruction_nothing_is_lost_repeated_or_leaked(group):
    phase = random.randrange(stride())
    arguments = [DRIVER, "--stride", str(stride()), "--phase", str(phase), group]
    # Symbols are bound before, or binding them would be stepped through.
    env = dict(os.environ, LD_BIND_NOW="1")
    status, output, errors = drivers.run_program(arguments, 7000 if EVERY else 110, env)
    assert status == 0, f"phase {phase} of {stride()}: {errors}"
    assert not errors
    assert int(output.split()[0]) > 0


def test_a_wrong_group_or_stride_is_refused():
    assert drivers.run_program([DRIVER, "no-such-group"], 60)[0] == 2
    assert drivers.run_program([DRIVER, "--stride", "0", "push"], 60)[0] == 2
