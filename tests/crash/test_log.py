"""Kills clients of a log at every named step, and at random."""

import pytest

from drivers import BUILD, driver, driver_path, run_program


@driver("crash-log")
def test_log(run):
    run()


@pytest.mark.parametrize("sort", ["many", "one", "many reliable", "one reliable"])
def test_random_kills_lose_repeat_and_tear_nothing(sort):
    kills = 100 if "sanitize" in str(BUILD) else 1000
    status, output, errors = run_program(
        [driver_path("crash-log_storm"), str(kills), *sort.split()], 110
    )
    assert status == 0, output + errors
    assert output.startswith(f"{kills} kills")
