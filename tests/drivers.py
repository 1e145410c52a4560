"""Runs the C drivers: each of their tests becomes one pytest test.

A test file beside a driver holds just

    from drivers import driver

    @driver("lib-space")
    def test_space(run):
        run()

and each TEST(some_sentence) of the driver shows as
test_space[some_sentence].
"""

import functools
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("AGORA_BUILD", ROOT / "build")).resolve()

# What runs the programs of another architecture: see scripts/check.
EMULATOR = os.environ.get("AGORA_EMULATOR", "").split()

# With sanitizers, or emulated, a sample of what is long has to do.
SLOW = bool(EMULATOR) or BUILD.name == "sanitize"

# What no program may say on standard error: words of complaint, and the
# "==PID==" of a sanitizer.
COMPLAINT = re.compile(r"error|warning|==", re.IGNORECASE)

SKIPPED = 77


def driver_path(name):
    """The program that was built for a driver."""
    return BUILD / "tests" / name


def ask(path, question):
    """The words that a program prints at once."""
    result = subprocess.run(
        [*EMULATOR, path, question], capture_output=True, text=True, timeout=60
    )
    return result.stdout.split()


def names_of(path):
    """The names of a driver's tests; one that fails when it is not built."""
    if not path.exists():
        return [""]
    return ask(path, "--list") or [""]


def end_group(pgid):
    """Kill what is left of a process group."""
    try:
        os.killpg(pgid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def run_program(arguments, timeout, env=None):
    """Run a program in a session of its own; returns (status, stdout, stderr).

    Nothing of its process group outlives the call.
    """
    if pathlib.Path(arguments[0]).is_relative_to(BUILD):
        arguments = [*EMULATOR, *arguments]
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            env=env,
            start_new_session=True,
        )
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            end_group(process.pid)
            process.wait()
        texts = [read_text(output), read_text(errors)]
    if status is None:
        pytest.fail(f"no end after {timeout} s: {arguments}\n" + "".join(texts))
    return status, *texts


def read_text(file):
    """All of a file, whatever bytes it holds."""
    file.seek(0)
    return file.read().decode(errors="replace")


def run_test(path, test, timeout):
    """Run one test of a driver, in a directory that is removed afterwards."""
    if not path.exists():
        pytest.fail(f"{path} is not built")
    root = tempfile.mkdtemp(prefix="agora-test-", dir="/dev/shm")
    # Tests that drop their privileges must still get at their space.
    os.chmod(root, 0o755)
    try:
        status, output, errors = run_program(
            [path, test], timeout, dict(os.environ, AGORA_TEST_ROOT=root)
        )
    finally:
        shutil.rmtree(root, ignore_errors=True)
    if status == SKIPPED:
        pytest.skip(errors.strip().removeprefix("skipped: "))
    assert status == 0, f"{path.name} {test}: exit {status}\n{output}{errors}"
    assert not COMPLAINT.search(errors), errors


def driver(name, timeout=100):
    """Parametrize a test function over the tests of a driver."""
    path = driver_path(name)
    tests = names_of(path)
    runs = [functools.partial(run_test, path, t, timeout) for t in tests]
    return pytest.mark.parametrize("run", runs, ids=[t or name for t in tests])
