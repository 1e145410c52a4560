"""Runs the tests of type.c."""

from drivers import driver


@driver("lib-type")
def test_type(run):
    run()
