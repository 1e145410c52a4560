"""Runs the tests of manifest.c."""

from drivers import driver


@driver("lib-manifest")
def test_manifest(run):
    run()
