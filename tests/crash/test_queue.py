"""Kills clients of a queue at every named step, and at random."""

import pytest

import drivers

DRIVER = drivers.driver_path("crash-sequence")

CREATE = ["create_allocated", "create_formatted", "create_unnamed", "create_named"]

# Passed only where somebody sleeps, grows, or recovers: tests of their own.
ELSEWHERE = CREATE + ["event_asleep", "event_changed", "event_unwoken"]

RECOVERY = [
    "recover_locked",
    "recover_repaired",
    "recover_freed",
    "reclaim_owned",
    "pool_freed",
    "attach_locked",
    "attach_live",
    "queue_recover_block",
    "queue_recover_returned",
    "queue_announced",
]

# What a first victim leaves behind for the recoverer to be killed over.
LEFT = [
    "pool_claimed",
    "message_part",
    "message_unlinked",
    "queue_push_ticket",
    "queue_pop_claimed",
    "queue_pop_parts",
    "queue_returned",
]


def points():
    """The steps that a client of a queue passes."""
    if not DRIVER.exists():
        return ["not built"]
    listed = drivers.ask(DRIVER, "points")
    shared = ("attach", "detach", "pool", "message", "queue", "recover", "reclaim")
    return sorted({p for p in listed if p.startswith(shared)})


def run(*arguments, driver=DRIVER, timeout=110):
    status, output, errors = drivers.run_program(
        [driver, "queue", *map(str, arguments)], timeout
    )
    assert status == 0, output + errors
    assert not errors
    return output.strip()


@pytest.mark.parametrize("point", points())
def test_killed_at_a_step_nothing_is_lost_repeated_or_leaked(point):
    deaths = int(run("step", point).split()[0])
    # Steps of recovery and growth are reached by other tests.
    assert deaths > 0 or point in RECOVERY + ["pool_allocated", "pool_grown"]


@pytest.mark.parametrize("second", RECOVERY)
@pytest.mark.parametrize("first", LEFT)
def test_the_recoverer_may_be_killed_too(first, second):
    assert int(run("step", first, second).split()[0]) > 0


@pytest.mark.parametrize("point", ["pool_allocated", "pool_grown"])
def test_killed_while_the_segment_grows(point):
    assert int(run("grow", point).split()[0]) > 0


@pytest.mark.parametrize("point", CREATE)
def test_a_killed_creator_leaves_all_or_nothing(point):
    assert run("create", point) == ("there" if point == "create_named" else "not there")


@pytest.mark.parametrize(
    "point",
    ["queue_push_published", "queue_push_advanced", "event_changed", "event_unwoken"],
)
def test_a_pusher_killed_before_it_wakes_delays_nobody_for_good(point):
    assert run("wake", point) == "woken"


def test_a_killed_sleeper_harms_nobody():
    assert run("sleeper", "event_asleep") == "fine"


def test_random_kills_lose_repeat_and_leak_nothing():
    kills = 300 if drivers.SLOW else 2500
    storm = drivers.driver_path("crash-sequence_storm")
    assert run(kills, driver=storm).startswith(f"{kills} kills")
