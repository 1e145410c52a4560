"""Kills clients of a table at every named step, and at random."""

import pytest

import drivers

DRIVER = drivers.driver_path("crash-table")
STORM = drivers.driver_path("crash-table_storm")

RECOVERY = [
    "recover_locked",
    "recover_repaired",
    "recover_freed",
    "reclaim_owned",
    "pool_freed",
    "attach_locked",
    "attach_live",
    "chain_purge_claimed",
    "chain_purge_unlinked",
    "chain_discarded",
    "chain_recover_block",
    "chain_recover_published",
    "chain_recovered",
    "table_one_mended",
    "table_one_recover_head",
    "table_one_recovered",
]

# What a first victim leaves behind for the recoverer to be killed over.
LEFT = [
    "pool_claimed",
    "message_part",
    "message_unlinked",
    "chain_put_written",
    "chain_put_ready",
    "chain_put_inserted",
    "chain_put_replaced",
    "chain_delete_marked",
    "chain_claimed",
    "chain_unlinked",
    "chain_discarded",
    "table_one_taken",
    "table_one_spilled",
    "table_one_hung",
    "table_one_written",
    "table_one_passed",
    "table_one_adopted",
    "table_one_published",
    "table_one_unhung",
]


def belongs(step, one):
    """Whether a step is passed by tables with one writer, or with many."""
    if step.startswith("chain_"):
        return not one
    return not step.startswith("table_") or step.startswith("table_one_") == one


# A first victim and the recoverer that is killed over what it left.
PAIRS = sorted({
    (first, second)
    for one in (False, True)
    for first in LEFT if belongs(first, one)
    for second in RECOVERY if belongs(second, one)
})


def points():
    """The steps that a client of a table passes."""
    if not DRIVER.exists():
        return ["not built"]
    listed = drivers.ask(DRIVER, "points")
    shared = ("attach", "detach", "pool", "message", "chain", "table",
              "recover", "reclaim")
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


@pytest.mark.parametrize("writers", [[], ["one"]])
def test_random_kills_lose_repeat_and_leak_nothing(writers):
    kills = 300 if drivers.SLOW else 2000
    assert run(kills, *writers, driver=STORM).startswith(f"{kills} kills")
