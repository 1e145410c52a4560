"""Runs the tests of watch_limit.c."""

from drivers import driver


@driver("lib-watch_limit")
def test_watch_limit(run):
    run()
