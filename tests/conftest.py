"""What all tests share."""

import sys

import pytest

import drivers

sys.dont_write_bytecode = True


@pytest.fixture(scope="session")
def build():
    """The build directory: $AGORA_BUILD, or build/ beside the sources."""
    return drivers.BUILD
