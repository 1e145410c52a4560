"""What the tests of the Python package share: a private space, children."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import pytest

from drivers import BUILD, ROOT, end_group

PACKAGE = ROOT / "lib" / "python"

# Both for this process, before it imports agora, and for its children.
os.environ["AGORA_LIBRARY"] = str(BUILD / "lib" / "libagora.so.0")
sys.path.insert(0, str(PACKAGE))


@pytest.fixture
def root():
    """A directory for one space."""
    path = tempfile.mkdtemp(prefix="agora-python-", dir="/dev/shm")
    yield pathlib.Path(path)
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def space(root):
    import agora
    with agora.Space(root) as opened:
        yield opened


@pytest.fixture
def program(space):
    with space.register("test") as registered:
        yield registered


@pytest.fixture
def child(root):
    """Start Python code in a process; it says "ready" when it is.

    The code finds `space` and `say(word)`. All are killed in the end.
    """
    children = []
    before = ("import agora, os, signal, sys, threading, time\n"
              "space = agora.Space()\n"
              "def say(word): print(word, flush=True)\n")

    def start(code, *arguments):
        process = subprocess.Popen(
            [sys.executable, "-c", before + code, *arguments], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, start_new_session=True,
            env=os.environ | {"AGORA_SPACE": str(root),
                              "PYTHONPATH": str(PACKAGE),
                              "PYTHONDONTWRITEBYTECODE": "1"})
        children.append(process)
        line = process.stdout.readline()
        assert line == "ready\n", process.stderr.read()
        return process

    yield start
    for process in children:
        end_group(process.pid)
        process.communicate()
