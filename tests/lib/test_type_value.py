"""Runs the tests of type_value.c."""

from drivers import driver


@driver("lib-type_value")
def test_type_value(run):
    run()
