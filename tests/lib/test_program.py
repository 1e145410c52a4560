"""Runs the tests of program.c."""

from drivers import driver


@driver("lib-program")
def test_program(run):
    run()
