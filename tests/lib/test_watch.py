"""Runs the tests of watch.c."""

from drivers import driver


@driver("lib-watch")
def test_watch(run):
    run()
