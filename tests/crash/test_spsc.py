"""Kills clients of an SPSC queue at every named step, and at random."""

from drivers import BUILD, driver, driver_path, run_program


@driver("crash-spsc")
def test_spsc(run):
    run()


def test_random_kills_lose_and_repeat_nothing():
    kills = 300 if "sanitize" in str(BUILD) else 1500
    status, output, errors = run_program(
        [driver_path("crash-sequence_storm"), "spsc", str(kills)], 110
    )
    assert status == 0, output + errors
    assert output.startswith(f"{kills} kills")
