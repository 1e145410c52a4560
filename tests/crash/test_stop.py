"""Stops clients at every named step (SIGSTOP): they are alive, and slow."""

import pytest

import drivers

QUEUE = drivers.driver_path("crash-queue_stop")
TABLE = drivers.driver_path("crash-table")

# Passed only where an entry is found in its place whose owner died, or where
# another dies than those that do in the table's part.
NOT_REACHED = {"chain_recover_published", "reclaim_owned", "table_one_mended",
               "table_one_recover_head", "table_one_recovered"}


def points(driver, kind):
    """The steps that a client of a kind passes."""
    if not driver.exists():
        return ["not built"]
    listed = drivers.ask(driver, "points")
    shared = ("attach", "detach", "pool", "message", "recover", "reclaim", kind,
              *(["chain"] if kind == "table" else []))
    found = {p for p in listed if p.startswith(shared)}
    return sorted(found if kind == "queue" else found - NOT_REACHED)


def run(driver, *arguments):
    status, output, errors = drivers.run_program([driver, *arguments], 110)
    assert status == 0, output + errors
    assert not errors
    return output.strip()


@pytest.mark.parametrize("point", points(QUEUE, "queue"))
def test_nobody_waits_for_a_stopped_client_of_a_queue_nor_robs_it(point):
    assert int(run(QUEUE, "step", point).split()[0]) > 0


@pytest.mark.parametrize("point", points(TABLE, "table"))
def test_nobody_waits_for_a_stopped_client_of_a_table_nor_robs_it(point):
    assert int(run(TABLE, "stop", point).split()[0]) > 0


@pytest.mark.parametrize(
    "point",
    ["queue_push_published", "queue_push_advanced", "event_changed",
     "event_unwoken"],
)
def test_a_pusher_stopped_before_it_wakes_delays_nobody_for_good(point):
    assert run(QUEUE, "waker", point) == "woken"


def test_a_stopped_sleeper_holds_nobody_up_and_takes_what_comes_later():
    assert run(QUEUE, "sleeper") == "woken"
