"""Runs the tests of space.c."""

from drivers import driver


@driver("lib-space")
def test_space(run):
    run()
