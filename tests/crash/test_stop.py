"""Stops clients at every named step (SIGSTOP): they are alive, and slow."""

import pytest

import drivers

STOP = drivers.driver_path("crash-sequence_stop")
SEQUENCE = drivers.driver_path("crash-sequence")
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


# How the names of steps begin that all kinds share: who is stopped at those is
# a client of a queue.
SHARED = ("attach", "bell", "detach", "message", "pool", "recover", "reclaim")


def kinds():
    """The kinds that have push and pop, without the queue."""
    return [kind for kind in drivers.ask(SEQUENCE, "kinds") if kind != "queue"]


def own_steps():
    """Pairs of a kind and a step of its own that a client passes."""
    return [(kind, point) for kind in kinds()
            for point in run(SEQUENCE, kind, "passed").split()
            if not point.startswith(SHARED)]


def run(driver, *arguments):
    status, output, errors = drivers.run_program([driver, *arguments], 110)
    assert status == 0, output + errors
    assert not errors
    return output.strip()


@pytest.mark.parametrize("point", points(STOP, "queue"))
def test_nobody_waits_for_a_stopped_client_of_a_queue_nor_robs_it(point):
    assert int(run(STOP, "queue", "step", point).split()[0]) > 0


@pytest.mark.parametrize("point", points(TABLE, "table"))
def test_nobody_waits_for_a_stopped_client_of_a_table_nor_robs_it(point):
    assert int(run(TABLE, "stop", point).split()[0]) > 0


@pytest.mark.parametrize(
    "point",
    ["queue_push_published", "queue_push_advanced", "event_changed",
     "event_unwoken"],
)
def test_a_pusher_stopped_before_it_wakes_delays_nobody_for_good(point):
    assert run(STOP, "queue", "waker", point) == "woken"


def test_a_stopped_sleeper_holds_nobody_up_and_takes_what_comes_later():
    assert run(STOP, "queue", "sleeper") == "woken"


@pytest.mark.parametrize("kind, point", own_steps())
def test_nobody_waits_for_a_stopped_client_of_a_sequence_nor_robs_it(kind, point):
    assert int(run(STOP, kind, "step", point).split()[0]) > 0


@pytest.mark.parametrize("kind", kinds())
@pytest.mark.parametrize("point", ["event_changed", "event_unwoken"])
def test_whoever_is_stopped_before_it_wakes_delays_nobody_for_good(kind, point):
    assert run(STOP, kind, "waker", point) == "woken"


@pytest.mark.parametrize("kind", kinds())
def test_who_is_stopped_about_to_sleep_takes_what_comes_later(kind):
    assert run(STOP, kind, "sleeper") == "woken"
