"""Runs the tests of hidden.c."""

from drivers import driver


@driver("lib-hidden")
def test_hidden(run):
    run()
