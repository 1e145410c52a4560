"""Kills and stops clients of a stack and of a list at every named step."""

import pytest

import drivers

DRIVER = drivers.driver_path("crash-bag")
KINDS = ["stack", "list"]

# Passed only by who recovers somebody, or while the segment grows at a time
# that another has chosen.
RECOVERY = [
    "recover_locked",
    "recover_repaired",
    "recover_freed",
    "reclaim_owned",
    "bag_recover_block",
    "bag_recover_returned",
    "bag_recovered",
]

# What a first victim leaves behind for the recoverer to be killed over.
LEFT = {
    "stack": ["pool_claimed", "message_part", "stack_push_ticket", "stack_pushed",
              "stack_popped", "stack_settled", "stack_acquired", "bag_parts",
              "bag_returned"],
    "list": ["pool_claimed", "message_part", "list_insert_ticket", "list_inserted",
             "list_linked", "list_taken", "list_settled", "list_acquired",
             "list_removed", "message_unlinked", "bag_returned"],
}


def points(kind):
    """The steps that a client of a kind passes."""
    if not DRIVER.exists():
        return ["not built"]
    listed = drivers.ask(DRIVER, "points")
    shared = ("attach", "detach", "pool", "message", "recover", "reclaim", "bag", kind)
    return sorted({p for p in listed if p.startswith(tuple(f"{s}_" for s in shared))})


def cases(listed):
    return [(kind, point) for kind in KINDS for point in listed(kind)]


def run(*arguments, driver=DRIVER):
    status, output, errors = drivers.run_program([driver, *map(str, arguments)], 110)
    assert status == 0, output + errors
    assert not errors
    return output.strip()


@pytest.mark.parametrize("kind, point", cases(points))
def test_killed_at_a_step_nothing_is_lost_repeated_or_leaked(kind, point):
    deaths = int(run(kind, "step", point).split()[0])
    # Steps of recovery are reached by the next test.
    assert deaths > 0 or point in RECOVERY


@pytest.mark.parametrize("second", RECOVERY + ["pool_freed", "attach_live"])
@pytest.mark.parametrize("kind, first", cases(LEFT.get))
def test_the_recoverer_may_be_killed_too(kind, first, second):
    assert int(run(kind, "step", first, second).split()[0]) > 0


@pytest.mark.parametrize("first", ["bag_copied", "list_acquired"])
@pytest.mark.parametrize("second", ["list_insert_ticket", "list_inserted",
                                    "list_linked", "list_settled"])
def test_who_puts_back_into_a_list_may_be_killed_too(first, second):
    assert int(run("list", "step", first, second).split()[0]) > 0


@pytest.mark.parametrize("first", ["bag_copied", "stack_acquired"])
@pytest.mark.parametrize("second", ["stack_confirmed", "stack_push_ticket",
                                    "stack_pushed"])
def test_who_puts_back_into_a_stack_may_be_killed_too(first, second):
    assert int(run("stack", "step", first, second).split()[0]) > 0


@pytest.mark.parametrize("kind, point", cases(points))
def test_nobody_waits_for_a_stopped_client_nor_robs_it(kind, point):
    assert int(run(kind, "stop", point).split()[0]) > 0 or point in RECOVERY


@pytest.mark.parametrize(
    "kind, point",
    [("stack", "stack_pushed"), ("list", "list_inserted"), ("list", "list_cleared"),
     ("stack", "event_changed"), ("list", "event_unwoken")],
)
def test_a_pusher_killed_before_it_wakes_delays_nobody_for_good(kind, point):
    assert run(kind, "wake", point) == "woken"


@pytest.mark.parametrize("kind", KINDS)
def test_random_kills_lose_repeat_and_leak_nothing(kind):
    kills = 300 if drivers.SLOW else 1200
    storm = drivers.driver_path("crash-bag_storm")
    assert run(kind, kills, driver=storm).startswith(f"{kills} kills")
