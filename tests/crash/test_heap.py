"""Kills clients of a heap at every named step, and at random."""

import pytest

import drivers

DRIVER = drivers.driver_path("crash-heap")

# Passed only by who recovers, grows or makes an object: tests of their own.
ELSEWHERE = [
    "heap_allocated",
    "heap_recover_block",
    "heap_recover_owned",
    "recover_locked",
]

# What a first victim leaves behind for the recoverer to be killed over.
LEFT = ["heap_push_ticket", "heap_claimed", "heap_returning", "heap_pop_parts"]

RECOVERY = [
    "heap_recover_block",
    "heap_recover_owned",
    "heap_installed",
    "heap_cell",
    "heap_risen",
    "heap_undone",
    "recover_repaired",
]


def points():
    """The steps that are a heap's own."""
    if not DRIVER.exists():
        return ["not built"]
    return sorted({p for p in drivers.ask(DRIVER, "points") if p.startswith("heap")})


def run(*arguments):
    status, output, errors = drivers.run_program(
        [DRIVER, *map(str, arguments)], 110
    )
    assert status == 0, output + errors
    assert not errors
    return output.strip()


@pytest.mark.parametrize("point", points())
def test_killed_at_a_step_nothing_is_lost_repeated_or_leaked(point):
    deaths = int(run("step", point).split()[0])
    assert deaths > 0 or point in ELSEWHERE


@pytest.mark.parametrize("second", RECOVERY)
@pytest.mark.parametrize("first", LEFT)
def test_the_recoverer_may_be_killed_too(first, second):
    assert int(run("step", first, second).split()[0]) > 0


@pytest.mark.parametrize("point", ["heap_installed", "heap_cell", "heap_done"])
def test_a_pusher_killed_before_it_wakes_delays_nobody_for_good(point):
    assert run("wake", point) == "woken"


@pytest.mark.parametrize("order", [[], ["relaxed"]])
def test_random_kills_lose_repeat_and_leak_nothing(order):
    kills = 200 if drivers.SLOW else 1500
    assert run("storm", kills, *order).startswith(f"{kills} kills")
