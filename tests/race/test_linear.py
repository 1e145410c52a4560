"""Histories of processes at work on one object make sense: see linear.c."""

import random
import re
import runpy

import pytest

import drivers

HISTORIES = 3000 if drivers.SLOW else 60000

FAULTS = runpy.run_path(str(drivers.ROOT / "tests/race/break.py"))["all_faults"]()


def run(name, *arguments):
    return drivers.run_program([drivers.driver_path(name), *map(str, arguments)], 110)


def test_the_checker_knows_sense_from_nonsense():
    assert run("race-linear", "self") == (0, "", "")


@pytest.mark.parametrize("subject", drivers.names_of(drivers.driver_path("race-linear")))
def test_every_history_is_linearizable(subject):
    seed = random.randrange(1 << 32)
    # Roles that wander are system calls; of a string each step is one to stop at.
    slow = subject in ("spsc", "log", "log_one", "string", "string_one")
    least = HISTORIES // 4 if slow else HISTORIES
    status, output, errors = run("race-linear", subject, least, seed)
    assert status == 0, f"seed {seed}\n{errors}"
    assert not errors
    histories, overlapping, deaths = map(int, re.findall(r"\d+", output))
    assert histories >= least
    assert overlapping > histories / 50
    assert deaths > histories / 1000


@pytest.mark.parametrize("fault, subject", FAULTS)
def test_a_broken_structure_is_found_out(fault, subject):
    status, _, errors = run(f"race-linear-broken-{fault}", subject, HISTORIES)
    assert status == 1
    # Or one who claimed finds that another had the message too, and ended it;
    # or a value is not even whole.
    assert re.search(
        r"not linearizable|operation \(\d+, -(22|90|117)\)|(repair|restore) \(-117|a torn value|a value of", errors
    ), errors
