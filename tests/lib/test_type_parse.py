"""Runs the tests of type_parse.c."""

from drivers import driver


@driver("lib-type_parse")
def test_type_parse(run):
    run()
