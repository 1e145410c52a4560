"""What all tests share."""

import sys

import pytest

import drivers

sys.dont_write_bytecode = True


@pytest.fixture
def driver(request):
    """The path of a driver that stands beside the test file, by its noun."""
    folder = request.path.parent.name

    def find(noun):
        path = drivers.driver_path(f"{folder}-{noun}")
        if not path.exists():
            pytest.fail(f"{path} is not built")
        return path

    return find


@pytest.fixture(scope="session")
def build():
    """The build directory: $AGORA_BUILD, or build/ beside the sources."""
    return drivers.BUILD
