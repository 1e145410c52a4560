"""What is installed is found by Python and by itself."""

import os
import pathlib
import subprocess

import pytest

from drivers import BUILD

PYTHON = "/usr/bin/python3"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    root = tmp_path_factory.mktemp("installed")
    subprocess.run(
        ["meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", root],
        check=True, capture_output=True, timeout=100)
    return root


def test_package_is_where_python_looks(installed):
    (package,) = installed.rglob("agora/__init__.py")
    place = "/" / package.parent.parent.relative_to(installed)
    path = subprocess.run(
        [PYTHON, "-I", "-c", "import sys; print(*sys.path, sep='\\n')"],
        capture_output=True, text=True, timeout=60).stdout.splitlines()
    assert str(place) in path
    assert (package.parent / "py.typed").exists()


def test_installed_package_finds_the_library_by_its_name(installed, root):
    (package,) = installed.rglob("agora/__init__.py")
    (library,) = [p for p in installed.rglob("libagora.so.0")]
    environment = {name: value for name, value in os.environ.items()
                   if name != "AGORA_LIBRARY"}
    result = subprocess.run(
        [PYTHON, "-c", "import agora\n"
         "with agora.register('test') as program:\n"
         "    queue = program.queue('a.queue')\n"
         "    queue.push(b'x')\n"
         "    print(queue.pop(), agora.__file__)\n"],
        capture_output=True, text=True, timeout=60,
        env=environment | {"LD_LIBRARY_PATH": str(library.parent),
                           "PYTHONPATH": str(package.parent.parent),
                           "PYTHONDONTWRITEBYTECODE": "1",
                           "AGORA_SPACE": str(root)})
    assert result.stderr == ""
    assert result.stdout.split() == ["b'x'", str(package)]
    assert pathlib.Path(package).is_file()
