"""Runs the tests of watch_storm.c."""

from drivers import driver


@driver("lib-watch_storm")
def test_watch_storm(run):
    run()
