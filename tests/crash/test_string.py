"""Kills clients of a string at every named step, and at random; stops them."""

import pytest

import drivers

DRIVER = drivers.driver_path("crash-string")
STORM = drivers.driver_path("crash-string_storm")

RECOVERY = [
    "recover_locked",
    "recover_repaired",
    "recover_freed",
    "reclaim_owned",
    "pool_freed",
    "attach_locked",
    "attach_live",
    "string_claimed",
    "string_recover_settled",
    "string_recover_head",
    "string_recovered",
    "string_one_recover_head",
    "string_one_recovered",
]

# What a first victim leaves behind for the recoverer to be killed over.
LEFT = [
    "pool_claimed",
    "message_part",
    "message_unlinked",
    "string_taken",
    "string_written",
    "string_ready",
    "string_published",
    "string_claimed",
    "string_one_announced",
    "string_one_claimed",
    "string_one_written",
    "string_one_hung",
    "string_one_named",
    "string_one_filled",
    "string_one_published",
]

# Passed only by who recovers; of those who are stopped, nobody does.
NOT_STOPPED = {"reclaim_owned", "string_one_recover_head", "string_one_recovered"}


def belongs(step, one):
    """Whether a step is passed by strings with one writer, or with many."""
    return not step.startswith("string_") or step.startswith("string_one_") == one


# A first victim and the recoverer that is killed over what it left.
PAIRS = sorted({
    (first, second)
    for one in (False, True)
    for first in LEFT if belongs(first, one)
    for second in RECOVERY if belongs(second, one)
})


def points():
    """The steps that a client of a string passes."""
    if not DRIVER.exists():
        return ["not built"]
    listed = drivers.ask(DRIVER, "points")
    shared = ("attach", "detach", "pool", "message", "string", "recover",
              "reclaim")
    return sorted({p for p in listed if p.startswith(shared)})


def run(*arguments, driver=DRIVER):
    status, output, errors = drivers.run_program(
        [driver, *map(str, arguments)], timeout=110
    )
    assert status == 0, output + errors
    assert not errors
    return output.strip()


@pytest.mark.parametrize("point", points())
def test_killed_at_a_step_nothing_is_lost_repeated_or_leaked(point):
    deaths = int(run("step", point).split()[0])
    # Steps of recovery are reached by other tests.
    assert deaths > 0 or point in RECOVERY


@pytest.mark.parametrize("first, second", PAIRS)
def test_the_recoverer_may_be_killed_too(first, second):
    assert int(run("step", first, second).split()[0]) > 0


@pytest.mark.parametrize("point", [p for p in points() if p not in NOT_STOPPED])
def test_nobody_waits_for_a_stopped_client_of_a_string_nor_robs_it(point):
    assert int(run("stop", point).split()[0]) > 0


@pytest.mark.parametrize("writers", [[], ["one"]])
def test_random_kills_lose_repeat_and_leak_nothing(writers):
    kills = 300 if drivers.SLOW else 2000
    assert run(kills, *writers, driver=STORM).startswith(f"{kills} kills")
