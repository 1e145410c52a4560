"""Runs the tests of type_json.c."""

from drivers import driver


@driver("lib-type_json")
def test_type_json(run):
    run()
