"""Kills clients while somebody sleeps in poll, with nobody else to help."""

from drivers import driver


@driver("crash-descriptor")
def test_descriptor(run):
    run()
