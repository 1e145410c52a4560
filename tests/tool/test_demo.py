"""scripts/demo shows what it promises, and leaves nothing behind."""

import os
import pathlib
import subprocess
import time

import pytest

from drivers import BUILD, ROOT

DEMO = ROOT / "scripts" / "demo"


def command_lines():
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.parent.name, path.read_bytes()
        except OSError:
            pass  # it has just ended


def traces():
    """Spaces, trees, mounts and processes of demos."""
    names = {path.name for folder in ("/dev/shm", "/tmp")
             for path in pathlib.Path(folder).glob("agora-demo*")}
    mounts = {line for line in pathlib.Path("/proc/mounts").open()
              if "/agora-demo" in line}
    processes = {pid for pid, line in command_lines()
                 if b"/agora-demo" in line or b"demo-programs" in line}
    return names, mounts, processes


@pytest.mark.skipif(BUILD != ROOT / "build", reason="the demo uses build/")
@pytest.mark.timeout(180)
def test_demo_proves_its_count_and_leaves_nothing_behind():
    before = traces()
    result = subprocess.run(
        [DEMO], stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=170, cwd="/", env=os.environ | {"TERM": "dumb"})
    assert (result.returncode, result.stderr) == (0, "")
    assert "The proof" in result.stdout
    assert result.stdout.rstrip().endswith("all tests")
    end = time.monotonic() + 5  # the server ends after its mount
    while traces() != before and time.monotonic() < end:
        time.sleep(0.05)
    assert traces() == before


def test_demo_refuses_what_it_does_not_know():
    result = subprocess.run([DEMO, "--nonsense"], capture_output=True,
                            text=True, timeout=60)
    assert result.returncode == 2
    assert result.stderr == "usage: scripts/demo [--keep | --end]\n"
