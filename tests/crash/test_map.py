"""Kills and stops clients of ordered maps and sets at every named step, and
at random."""

import pytest

import drivers

KINDS = ["map", "set"]

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
    "map_forgotten",
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
    "map_raise_ready",
    "map_raised",
    "map_forgotten",
]

# Passed only where an entry is found in its place whose owner died, or where
# another dies than those that do here.
NOT_STOPPED = {"chain_recover_published", "reclaim_owned"}

# What sets do not do, as members have no values to be replaced.
NOT_OF_SETS = {"chain_put_replaced"}

SHARED = ("attach", "detach", "pool", "message", "chain", "map_", "recover",
          "reclaim")


def driver(kind, part=""):
    return drivers.driver_path(f"crash-{kind}{part}")


def points():
    """Each kind with the steps that its clients pass."""
    for kind in KINDS:
        if not driver(kind).exists():
            yield kind, "not built"
            continue
        listed = drivers.ask(driver(kind), "points")
        for point in sorted({p for p in listed if p.startswith(SHARED)}):
            if kind != "set" or point not in NOT_OF_SETS:
                yield kind, point


# A set is the same code: what is the map's own is enough there.
PAIRS = [(kind, first, second)
         for kind in KINDS for first in LEFT for second in RECOVERY
         if kind == "map" or first.startswith("map_")]


def run(program, *arguments):
    status, output, errors = drivers.run_program(
        [program, *map(str, arguments)], timeout=110)
    assert status == 0, output + errors
    assert not errors
    return output.strip()


@pytest.mark.parametrize("kind, point", points())
def test_killed_at_a_step_nothing_is_lost_repeated_or_leaked(kind, point):
    deaths = int(run(driver(kind), "step", point).split()[0])
    # Steps of recovery are reached by other tests.
    assert deaths > 0 or point in RECOVERY


@pytest.mark.parametrize("kind, first, second", PAIRS)
def test_the_recoverer_may_be_killed_too(kind, first, second):
    assert int(run(driver(kind), "step", first, second).split()[0]) > 0


@pytest.mark.parametrize("kind, point", [
    (kind, point) for kind, point in points() if point not in NOT_STOPPED])
def test_nobody_waits_for_a_stopped_client_nor_robs_it(kind, point):
    assert int(run(driver(kind), "stop", point).split()[0]) > 0


@pytest.mark.parametrize("kind", KINDS)
def test_random_kills_lose_repeat_and_leak_nothing(kind):
    kills = 300 if drivers.SLOW else 2000
    assert run(driver(kind, "_storm"), kills).startswith(f"{kills} kills")
