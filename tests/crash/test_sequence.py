"""Kills clients of a sequence of any kind at every named step, and at random:
see sequence.c. They are stopped in test_stop.py.

Every kind that has push and pop is found; what is said here of a kind are its
exceptions. Queues have files of their own, test_queue.py and test_spsc.py.
"""

import random

import pytest

import drivers

DRIVER = drivers.driver_path("crash-sequence")
STORM = drivers.driver_path("crash-sequence_storm")

# How the names of steps begin that all kinds share.
SHARED = ("attach", "bell", "create", "detach", "event", "message", "pool",
          "recover", "reclaim")

# Steps that are passed neither by one client alone nor by who recovers it, or
# by operations that only this kind has: they are reached by other tests.
ELSEWHERE = {
    "list": {"list_removed"},
}

# So end the names of steps that are passed only where the segment grows.
GROWTH = ("_allocated", "_grown")

WAKING = ("event_changed", "event_unwoken")

PAIRS = 5 if drivers.SLOW else 15


# Beside the kinds themselves: see sequence_kind.h.
VARIANTS = ["relaxed"]


def kinds():
    """The kinds that have push and pop, without the queue."""
    found = drivers.ask(DRIVER, "kinds")
    return [kind for kind in found + VARIANTS if kind != "queue"]


def steps():
    """The pairs of a kind and a step that a client of it passes."""
    return [(kind, point) for kind in kinds()
            for point in run(DRIVER, kind, "passed").split()]


def run(driver, *arguments):
    status, output, errors = drivers.run_program([driver, *map(str, arguments)], 110)
    assert status == 0, output + errors
    assert not errors
    return output.strip()


@pytest.mark.parametrize("kind, point", steps())
def test_killed_at_a_step_nothing_is_lost_repeated_or_leaked(kind, point):
    how = "grow" if point.endswith(GROWTH) else "step"
    assert int(run(DRIVER, kind, how, point).split()[0]) > 0


@pytest.mark.parametrize("kind", kinds())
def test_the_recoverer_may_be_killed_too(kind):
    first = run(DRIVER, kind, "passed").split()
    second = run(DRIVER, kind, "recovery").split()
    pairs = [(a, b) for a in first for b in second
             if not a.endswith(GROWTH)]
    for pair in random.sample(pairs, min(PAIRS, len(pairs))):
        assert int(run(DRIVER, kind, "step", *pair).split()[0]) > 0, pair


@pytest.mark.parametrize("kind", kinds())
def test_every_step_of_the_kind_is_reached(kind):
    reached = set(run(DRIVER, kind, "passed").split())
    reached |= set(run(DRIVER, kind, "recovery").split())
    files = tuple({p.split("_")[0] for p in reached if not p.startswith(SHARED)})
    named = {p for p in drivers.ask(DRIVER, "points") if p.startswith(files)}
    assert named - reached == ELSEWHERE.get(kind, set())


@pytest.mark.parametrize("kind", kinds())
@pytest.mark.parametrize("point", WAKING)
def test_a_pusher_killed_before_it_wakes_delays_nobody_for_good(kind, point):
    assert run(DRIVER, kind, "wake", point) == "woken"


@pytest.mark.parametrize("kind", kinds())
def test_a_killed_sleeper_harms_nobody(kind):
    assert run(DRIVER, kind, "sleeper", "event_asleep") == "fine"


@pytest.mark.parametrize("kind", kinds())
def test_random_kills_lose_repeat_and_leak_nothing(kind):
    kills = 200 if drivers.SLOW else 1000
    assert run(STORM, kind, kills).startswith(f"{kills} kills")
