"""Runs the tests of alive.c."""

from drivers import driver


@driver("lib-alive")
def test_alive(run):
    run()
